/* david_torch: a thin C ABI over libtorch. This header is the contract: it compiles as C, and a test compares it with
 * the P/Invokes of the host (src/David.Grpo.Host/Native/NativeMethods.cs).
 *
 * Every function returns int32_t: 0, or 1 when it failed; the text of the failure on this thread is then given by
 * david_last_error(). Results come through out pointers. A david_tensor* that comes out belongs to the caller, who
 * frees it with david_free(). Shapes are in brackets. Arithmetic, broadcasting and autograd are libtorch's. */
#ifndef DAVID_TORCH_H
#define DAVID_TORCH_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct david_tensor david_tensor;

/* Element types (`type` below): 0 float32, 1 float64, 2 bfloat16, 3 int64, 4 bool.
 * Devices (`device` below): -1 the CPU, 0.. the CUDA device of that number. */

/* Process ------------------------------------------------------------------------------------------------------- */

/* Text of the last failure on this thread; valid until the next failing call on it. */
const char* david_last_error(void);
/* libtorch's version, as "1.13.1". */
const char* david_torch_version(void);
/* Computation threads of one operation. */
int32_t david_set_threads(int32_t threads);
int32_t david_get_threads(int32_t* out);
/* Handles given out and not yet freed. */
int32_t david_live_tensors(int64_t* out);
/* Number of usable CUDA devices. */
int32_t david_cuda_devices(int32_t* out);
/* Largest number of bytes that tensors held on a CUDA device since the start. */
int32_t david_cuda_peak_bytes(int32_t device, int64_t* out);
/* Whether operations record what autograd needs; returns the former state. */
int32_t david_set_gradient_recording(uint8_t enabled, uint8_t* former);

/* Making and reading --------------------------------------------------------------------------------------------- */

/* Copies `bytes` bytes from host memory. */
int32_t david_from_host(const void* data, int64_t bytes, const int64_t* shape, int32_t rank, int32_t type,
                        int32_t device, david_tensor** out);
/* Copies a tensor of any device, in row-major order, to host memory of exactly its size. */
int32_t david_to_host(const david_tensor* tensor, void* data, int64_t bytes);
int32_t david_full(const int64_t* shape, int32_t rank, double value, int32_t type, int32_t device, david_tensor** out);
int32_t david_arange(int64_t end, int32_t device, david_tensor** out);
int32_t david_free(david_tensor* tensor);
int32_t david_rank(const david_tensor* tensor, int32_t* out);
/* Writes `rank` sizes. */
int32_t david_shape(const david_tensor* tensor, int64_t* out);
int32_t david_type(const david_tensor* tensor, int32_t* out);
int32_t david_device(const david_tensor* tensor, int32_t* out);
int32_t david_to_type(const david_tensor* tensor, int32_t type, david_tensor** out);
int32_t david_to_device(const david_tensor* tensor, int32_t device, david_tensor** out);
/* target[...] = source[...], in place, outside autograd. */
int32_t david_copy_(david_tensor* target, const david_tensor* source);
/* target[:] = 0, in place, outside autograd. */
int32_t david_zero_(david_tensor* target);

/* Shape ---------------------------------------------------------------------------------------------------------- */

int32_t david_reshape(const david_tensor* tensor, const int64_t* shape, int32_t rank, david_tensor** out);
int32_t david_transpose(const david_tensor* tensor, int64_t first, int64_t second, david_tensor** out);
int32_t david_contiguous(const david_tensor* tensor, david_tensor** out);
int32_t david_narrow(const david_tensor* tensor, int64_t dimension, int64_t start, int64_t length, david_tensor** out);
/* Pieces of the given lengths along dimension 0, which they make up; writes `count` tensors. One backward step for all
 * pieces together, where `count` narrows would each fill a tensor of the whole size. */
int32_t david_split(const david_tensor* tensor, const int64_t* lengths, int32_t count, david_tensor** out);
int32_t david_cat(const david_tensor* const* tensors, int32_t count, int64_t dimension, david_tensor** out);
int32_t david_index_select(const david_tensor* tensor, int64_t dimension, const david_tensor* index, david_tensor** out);
/* target[index[i]] = source[i] along dimension 0, in place, outside autograd. */
int32_t david_index_copy_(david_tensor* target, const david_tensor* index, const david_tensor* source);
int32_t david_gather(const david_tensor* tensor, int64_t dimension, const david_tensor* index, david_tensor** out);

/* Arithmetic ----------------------------------------------------------------------------------------------------- */

int32_t david_add(const david_tensor* left, const david_tensor* right, david_tensor** out);
int32_t david_sub(const david_tensor* left, const david_tensor* right, david_tensor** out);
int32_t david_mul(const david_tensor* left, const david_tensor* right, david_tensor** out);
int32_t david_mul_scalar(const david_tensor* tensor, double factor, david_tensor** out);
int32_t david_add_scalar(const david_tensor* tensor, double term, david_tensor** out);
/* target += factor * source, in place, outside autograd. */
int32_t david_add_(david_tensor* target, const david_tensor* source, double factor);
int32_t david_matmul(const david_tensor* left, const david_tensor* right, david_tensor** out);
int32_t david_exp(const david_tensor* tensor, david_tensor** out);
int32_t david_log_softmax(const david_tensor* tensor, int64_t dimension, david_tensor** out);
int32_t david_softmax(const david_tensor* tensor, int64_t dimension, david_tensor** out);
int32_t david_sum(const david_tensor* tensor, int64_t dimension, david_tensor** out);
int32_t david_sum_all(const david_tensor* tensor, david_tensor** out);
int32_t david_cumsum(const david_tensor* tensor, int64_t dimension, david_tensor** out);
int32_t david_argmax(const david_tensor* tensor, int64_t dimension, david_tensor** out);
/* For each row of sorted [B, V], the first index whose value is >= value [B, 1]: [B, 1]. */
int32_t david_search_sorted(const david_tensor* sorted, const david_tensor* value, david_tensor** out);

/* Layers --------------------------------------------------------------------------------------------------------- */

/* weight [V, D], ids [N] -> [N, D]. */
int32_t david_embedding(const david_tensor* weight, const david_tensor* ids, david_tensor** out);
/* input [N, I], weight [O, I], bias [O] or null -> [N, O]. */
int32_t david_linear(const david_tensor* input, const david_tensor* weight, const david_tensor* bias,
                     david_tensor** out);
/* x / sqrt(mean(x^2, last) + epsilon) * weight, computed in float32. */
int32_t david_rms_norm(const david_tensor* input, const david_tensor* weight, double epsilon, david_tensor** out);
/* silu(gate) * up. */
int32_t david_silu_mul(const david_tensor* gate, const david_tensor* up, david_tensor** out);
/* Rotary embedding of the halves: input [N, H, D], cosine and sine [N, D] -> [N, H, D]. */
int32_t david_rotate(const david_tensor* input, const david_tensor* cosine, const david_tensor* sine,
                     david_tensor** out);
/* Causal attention of the last Q of K positions: query [Q, H, D], key and value [K, J, D], J a divisor of H, Q <= K
 * -> [Q, H, D]. Query i sees keys 0 .. K - Q + i. */
int32_t david_causal_attention(const david_tensor* query, const david_tensor* key, const david_tensor* value,
                               double scale, david_tensor** out);
/* Attention of B single queries, each over its own rows of a shared pool, without autograd: query [B, H, D], keys and
 * values [S, J, D]; row b sees the pool's rows slots[offsets[b] .. offsets[b + 1]), which lie in host memory. */
int32_t david_pooled_attention(const david_tensor* query, const david_tensor* keys, const david_tensor* values,
                               const int64_t* slots, const int64_t* offsets, double scale, david_tensor** out);

/* Autograd and optimisation -------------------------------------------------------------------------------------- */

int32_t david_require_gradient(david_tensor* tensor, uint8_t required);
/* A tensor of the same memory that autograd does not follow. */
int32_t david_detach(const david_tensor* tensor, david_tensor** out);
/* Adds d(sum of outputs * gradients)/d(leaf) to each leaf's gradient. */
int32_t david_backward(const david_tensor* const* outputs, const david_tensor* const* gradients, int32_t count);
/* The accumulated gradient, or null in *out where there is none. */
int32_t david_gradient(const david_tensor* tensor, david_tensor** out);
int32_t david_clear_gradient(david_tensor* tensor);
/* Euclidean norm over all gradients; tensors without a gradient count as zero. */
int32_t david_gradient_norm(const david_tensor* const* parameters, int32_t count, double* out);
/* gradient *= factor, for every tensor that has one. */
int32_t david_scale_gradients(const david_tensor* const* parameters, int32_t count, double factor);
/* One AdamW update (Loshchilov and Hutter, arXiv 1711.05101, as torch.optim.AdamW) of `parameter` from its gradient;
 * `first` and `second` are the running moments, `step` counts from 1. Nothing happens where there is no gradient. */
int32_t david_adamw_(david_tensor* parameter, david_tensor* first, david_tensor* second, int64_t step,
                     double learning_rate, double beta1, double beta2, double epsilon, double weight_decay);

#ifdef __cplusplus
}
#endif
#endif
