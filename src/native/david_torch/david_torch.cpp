#include "david_torch.h"

#include <ATen/Parallel.h>
#include <torch/torch.h>
#include <torch/version.h>
#if __has_include(<c10/cuda/CUDACachingAllocator.h>) && __has_include(<cuda_runtime_api.h>)
#include <c10/cuda/CUDACachingAllocator.h>
#define DAVID_CUDA 1
#endif
#if defined(__GLIBC__)
#include <malloc.h>
#endif

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstring>
#include <sstream>
#include <string>
#include <vector>

#include "pooled_attention.h"

using at::Tensor;

struct david_tensor {
  Tensor value;
};

#if TORCH_VERSION_MAJOR >= 2
using MaybeTensor = std::optional<Tensor>;
#else
using MaybeTensor = c10::optional<Tensor>;
#endif

namespace {

thread_local std::string last_error;
std::atomic<int64_t> live{0};
std::atomic<int32_t> wanted_threads{0};

#if defined(__GLIBC__)
/* Large buffers come and go at every step: keep them instead of mapping them anew. From the moment of loading. */
[[maybe_unused]] const bool keeps_buffers = mallopt(M_MMAP_THRESHOLD, 1 << 30) && mallopt(M_TRIM_THRESHOLD, 1 << 30);
#endif

/* OpenMP counts threads by calling thread, and work may move to another one of the host's: each gets the wanted number. */
void use_wanted_threads() {
  thread_local int32_t used = 0;
  const int32_t wanted = wanted_threads.load(std::memory_order_relaxed);
  if (used != wanted) {
    at::set_num_threads(wanted);
    used = wanted;
  }
}

david_tensor* give(Tensor value) {
  live.fetch_add(1, std::memory_order_relaxed);
  return new david_tensor{std::move(value)};
}

std::string shape_of(const david_tensor* tensor) {
  if (tensor == nullptr) return "null";
  std::ostringstream text;
  text << tensor->value.sizes() << ' ' << tensor->value.scalar_type();
  return text.str();
}

/* Runs `body`; on an exception keeps its first line with the operation and the shapes it was given. */
template <typename Body>
int32_t guarded(const char* operation, const david_tensor* const* operands, size_t count, Body body) noexcept {
  try {
    use_wanted_threads();
    body();
    return 0;
  } catch (const c10::Error& error) {
    last_error = error.what_without_backtrace();
  } catch (const std::exception& error) {
    last_error = error.what();
  } catch (...) {
    last_error = "unknown failure";
  }
  try {
    last_error = last_error.substr(0, last_error.find('\n'));
    constexpr size_t shown = 8;
    std::string shapes;
    for (size_t i = 0; i < std::min(count, shown); ++i) shapes += (i == 0 ? "" : ", ") + shape_of(operands[i]);
    if (count > shown) shapes += ", ... " + std::to_string(count) + " tensors";
    last_error = std::string(operation) + "(" + shapes + "): " + last_error;
  } catch (...) {
  }
  return 1;
}

template <typename Body>
int32_t guarded(const char* operation, std::initializer_list<const david_tensor*> operands, Body body) noexcept {
  return guarded(operation, operands.begin(), operands.size(), body);
}

at::ScalarType scalar_type(int32_t type) {
  switch (type) {
    case 0: return at::kFloat;
    case 1: return at::kDouble;
    case 2: return at::kBFloat16;
    case 3: return at::kLong;
    case 4: return at::kBool;
    default: throw std::invalid_argument("element type " + std::to_string(type) + " is not one of 0 to 4");
  }
}

at::Device device_of(int32_t device) {
  return device < 0 ? at::Device(at::kCPU) : at::Device(at::kCUDA, static_cast<at::DeviceIndex>(device));
}

std::vector<Tensor> values_of(const david_tensor* const* tensors, int32_t count) {
  std::vector<Tensor> values;
  values.reserve(static_cast<size_t>(count));
  for (int32_t i = 0; i < count; ++i) values.push_back(tensors[i]->value);
  return values;
}

#define UNARY(name, expression) \
  return guarded(name, {tensor}, [&] { const Tensor& x = tensor->value; *out = give(expression); })
#define BINARY(name, expression)                                   \
  return guarded(name, {left, right}, [&] {                        \
    const Tensor& x = left->value;                                 \
    const Tensor& y = right->value;                                \
    *out = give(expression);                                       \
  })

}  // namespace

extern "C" {
#pragma GCC visibility push(default)

const char* david_last_error(void) { return last_error.c_str(); }
const char* david_torch_version(void) { return TORCH_VERSION; }

int32_t david_set_threads(int32_t threads) {
  return guarded("set_threads", {}, [&] {
    wanted_threads = threads;
    use_wanted_threads();
  });
}

int32_t david_get_threads(int32_t* out) {
  return guarded("get_threads", {}, [&] { *out = at::get_num_threads(); });
}

int32_t david_live_tensors(int64_t* out) {
  *out = live.load();
  return 0;
}

int32_t david_cuda_devices(int32_t* out) {
  return guarded("cuda_devices", {}, [&] { *out = static_cast<int32_t>(torch::cuda::device_count()); });
}

int32_t david_cuda_peak_bytes(int32_t device, int64_t* out) {
  return guarded("cuda_peak_bytes", {}, [&] {
#ifdef DAVID_CUDA
    *out = c10::cuda::CUDACachingAllocator::getDeviceStats(static_cast<c10::DeviceIndex>(device))
               .allocated_bytes[0]
               .peak;
#else
    (void)device;
    throw std::runtime_error("this build of libtorch has no CUDA");
#endif
  });
}

int32_t david_set_gradient_recording(uint8_t enabled, uint8_t* former) {
  return guarded("set_gradient_recording", {}, [&] {
    *former = at::GradMode::is_enabled() ? 1 : 0;
    at::GradMode::set_enabled(enabled != 0);
  });
}

int32_t david_from_host(const void* data, int64_t bytes, const int64_t* shape, int32_t rank, int32_t type,
                        int32_t device, david_tensor** out) {
  return guarded("from_host", {}, [&] {
    Tensor host = at::empty(at::IntArrayRef(shape, static_cast<size_t>(rank)), at::dtype(scalar_type(type)));
    if (static_cast<int64_t>(host.nbytes()) != bytes)
      throw std::invalid_argument("got " + std::to_string(bytes) + " bytes for a tensor " + c10::str(host.sizes()) +
                                  " of " + std::to_string(host.nbytes()));
    if (bytes > 0) std::memcpy(host.data_ptr(), data, static_cast<size_t>(bytes));
    *out = give(device < 0 ? host : host.to(device_of(device)));
  });
}

int32_t david_to_host(const david_tensor* tensor, void* data, int64_t bytes) {
  return guarded("to_host", {tensor}, [&] {
    Tensor host = tensor->value.detach().to(at::kCPU).contiguous();
    if (static_cast<int64_t>(host.nbytes()) != bytes)
      throw std::invalid_argument("room for " + std::to_string(bytes) + " bytes, the tensor has " +
                                  std::to_string(host.nbytes()));
    if (bytes > 0) std::memcpy(data, host.data_ptr(), static_cast<size_t>(bytes));
  });
}

int32_t david_full(const int64_t* shape, int32_t rank, double value, int32_t type, int32_t device, david_tensor** out) {
  return guarded("full", {}, [&] {
    *out = give(at::full(at::IntArrayRef(shape, static_cast<size_t>(rank)), value,
                         at::dtype(scalar_type(type)).device(device_of(device))));
  });
}

int32_t david_arange(int64_t end, int32_t device, david_tensor** out) {
  return guarded("arange", {}, [&] { *out = give(at::arange(end, at::dtype(at::kLong).device(device_of(device)))); });
}

int32_t david_free(david_tensor* tensor) {
  if (tensor != nullptr) {
    delete tensor;
    live.fetch_sub(1, std::memory_order_relaxed);
  }
  return 0;
}

int32_t david_rank(const david_tensor* tensor, int32_t* out) {
  *out = static_cast<int32_t>(tensor->value.dim());
  return 0;
}

int32_t david_shape(const david_tensor* tensor, int64_t* out) {
  return guarded("shape", {tensor}, [&] {
    auto sizes = tensor->value.sizes();
    std::copy(sizes.begin(), sizes.end(), out);
  });
}

int32_t david_type(const david_tensor* tensor, int32_t* out) {
  return guarded("type", {tensor}, [&] {
    for (int32_t type = 0; type <= 4; ++type)
      if (tensor->value.scalar_type() == scalar_type(type)) {
        *out = type;
        return;
      }
    throw std::runtime_error("element type outside this interface");
  });
}

int32_t david_device(const david_tensor* tensor, int32_t* out) {
  *out = tensor->value.is_cpu() ? -1 : static_cast<int32_t>(tensor->value.device().index());
  return 0;
}

int32_t david_to_type(const david_tensor* tensor, int32_t type, david_tensor** out) {
  UNARY("to_type", x.to(scalar_type(type)));
}
int32_t david_to_device(const david_tensor* tensor, int32_t device, david_tensor** out) {
  UNARY("to_device", x.to(device_of(device)));
}

int32_t david_copy_(david_tensor* target, const david_tensor* source) {
  return guarded("copy_", {target, source}, [&] {
    at::NoGradGuard guard;
    target->value.copy_(source->value);
  });
}

int32_t david_zero_(david_tensor* target) {
  return guarded("zero_", {target}, [&] {
    at::NoGradGuard guard;
    target->value.zero_();
  });
}

int32_t david_reshape(const david_tensor* tensor, const int64_t* shape, int32_t rank, david_tensor** out) {
  UNARY("reshape", x.reshape(at::IntArrayRef(shape, static_cast<size_t>(rank))));
}
int32_t david_transpose(const david_tensor* tensor, int64_t first, int64_t second, david_tensor** out) {
  UNARY("transpose", x.transpose(first, second));
}
int32_t david_contiguous(const david_tensor* tensor, david_tensor** out) { UNARY("contiguous", x.contiguous()); }
int32_t david_narrow(const david_tensor* tensor, int64_t dimension, int64_t start, int64_t length, david_tensor** out) {
  UNARY("narrow", x.narrow(dimension, start, length));
}
int32_t david_split(const david_tensor* tensor, const int64_t* lengths, int32_t count, david_tensor** out) {
  return guarded("split", {tensor}, [&] {
    std::vector<Tensor> pieces =
        at::split_with_sizes(tensor->value, at::IntArrayRef(lengths, static_cast<size_t>(count)), 0);
    for (size_t i = 0; i < pieces.size(); ++i) out[i] = give(std::move(pieces[i]));
  });
}
int32_t david_cat(const david_tensor* const* tensors, int32_t count, int64_t dimension, david_tensor** out) {
  return guarded("cat", tensors, static_cast<size_t>(count), [&] { *out = give(at::cat(values_of(tensors, count), dimension)); });
}
int32_t david_index_select(const david_tensor* left, int64_t dimension, const david_tensor* right, david_tensor** out) {
  BINARY("index_select", at::index_select(x, dimension, y));
}
int32_t david_index_copy_(david_tensor* target, const david_tensor* index, const david_tensor* source) {
  return guarded("index_copy_", {target, index, source}, [&] {
    at::NoGradGuard guard;
    target->value.index_copy_(0, index->value, source->value);
  });
}
int32_t david_gather(const david_tensor* left, int64_t dimension, const david_tensor* right, david_tensor** out) {
  BINARY("gather", at::gather(x, dimension, y));
}

int32_t david_add(const david_tensor* left, const david_tensor* right, david_tensor** out) { BINARY("add", x + y); }
int32_t david_sub(const david_tensor* left, const david_tensor* right, david_tensor** out) { BINARY("sub", x - y); }
int32_t david_mul(const david_tensor* left, const david_tensor* right, david_tensor** out) { BINARY("mul", x * y); }
int32_t david_mul_scalar(const david_tensor* tensor, double factor, david_tensor** out) {
  UNARY("mul_scalar", x * factor);
}
int32_t david_add_scalar(const david_tensor* tensor, double term, david_tensor** out) { UNARY("add_scalar", x + term); }
int32_t david_add_(david_tensor* target, const david_tensor* source, double factor) {
  return guarded("add_", {target, source}, [&] {
    at::NoGradGuard guard;
    target->value.add_(source->value, factor);
  });
}
int32_t david_matmul(const david_tensor* left, const david_tensor* right, david_tensor** out) {
  BINARY("matmul", at::matmul(x, y));
}
int32_t david_exp(const david_tensor* tensor, david_tensor** out) { UNARY("exp", at::exp(x)); }
int32_t david_log_softmax(const david_tensor* tensor, int64_t dimension, david_tensor** out) {
  UNARY("log_softmax", at::log_softmax(x, dimension));
}
int32_t david_softmax(const david_tensor* tensor, int64_t dimension, david_tensor** out) {
  UNARY("softmax", at::softmax(x, dimension));
}
int32_t david_sum(const david_tensor* tensor, int64_t dimension, david_tensor** out) {
  UNARY("sum", at::sum(x, {dimension}));
}
int32_t david_sum_all(const david_tensor* tensor, david_tensor** out) { UNARY("sum_all", at::sum(x)); }
int32_t david_cumsum(const david_tensor* tensor, int64_t dimension, david_tensor** out) {
  UNARY("cumsum", at::cumsum(x, dimension));
}
int32_t david_argmax(const david_tensor* tensor, int64_t dimension, david_tensor** out) {
  UNARY("argmax", at::argmax(x, dimension));
}
int32_t david_search_sorted(const david_tensor* left, const david_tensor* right, david_tensor** out) {
  BINARY("search_sorted", at::searchsorted(x, y));
}

int32_t david_embedding(const david_tensor* left, const david_tensor* right, david_tensor** out) {
  BINARY("embedding", at::embedding(x, y));
}

int32_t david_linear(const david_tensor* input, const david_tensor* weight, const david_tensor* bias,
                     david_tensor** out) {
  return guarded("linear", {input, weight, bias}, [&] {
    *out = give(at::linear(input->value, weight->value,
                           bias == nullptr ? MaybeTensor() : MaybeTensor(bias->value)));
  });
}

int32_t david_rms_norm(const david_tensor* left, const david_tensor* right, double epsilon, david_tensor** out) {
  return guarded("rms_norm", {left, right}, [&] {
    Tensor x = left->value.to(at::kFloat);
    if (left->value.scalar_type() == at::kDouble) x = left->value;
    Tensor scale = at::rsqrt(at::mean(at::square(x), {-1}, true) + epsilon);
    *out = give((x * scale).to(left->value.scalar_type()) * right->value);
  });
}

int32_t david_silu_mul(const david_tensor* left, const david_tensor* right, david_tensor** out) {
  BINARY("silu_mul", at::silu(x) * y);
}

int32_t david_rotate(const david_tensor* input, const david_tensor* cosine, const david_tensor* sine,
                     david_tensor** out) {
  return guarded("rotate", {input, cosine, sine}, [&] {
    const Tensor& x = input->value;
    const int64_t half = x.size(-1) / 2;
    Tensor turned = at::cat({x.narrow(-1, half, half).neg(), x.narrow(-1, 0, half)}, -1);
    *out = give(x * cosine->value.unsqueeze(-2) + turned * sine->value.unsqueeze(-2));
  });
}

int32_t david_causal_attention(const david_tensor* query, const david_tensor* key, const david_tensor* value,
                               double scale, david_tensor** out) {
  return guarded("causal_attention", {query, key, value}, [&] {
    const int64_t queries = query->value.size(0), heads = query->value.size(1), width = query->value.size(2);
    const int64_t keys = key->value.size(0), key_heads = key->value.size(1), group = heads / key_heads;
    if (key_heads * group != heads || queries > keys || keys != value->value.size(0))
      throw std::invalid_argument("wants [Q, H, D], [K, J, D], [K, J, D] with J dividing H and Q <= K");
    /* [J, G * Q, D] and [J, K, D] */
    Tensor q = query->value.reshape({queries, key_heads, group, width}).permute({1, 2, 0, 3});
    Tensor k = key->value.transpose(0, 1), v = value->value.transpose(0, 1);
    const bool hidden = queries > 1;
    Tensor mask;
    if (hidden)
      mask = at::full({queries, keys}, -std::numeric_limits<float>::infinity(), query->value.options().requires_grad(false))
                 .triu(keys - queries + 1);
#if TORCH_VERSION_MAJOR >= 2
    Tensor result = at::scaled_dot_product_attention(
        q.transpose(0, 1), k.unsqueeze(0), v.unsqueeze(0), hidden ? MaybeTensor(mask) : MaybeTensor(), 0.0,
        false, scale); /* [G, J, Q, D] */
    *out = give(result.permute({2, 1, 0, 3}).reshape({queries, heads, width}));
#else
    Tensor scores = at::matmul(q.reshape({key_heads, group * queries, width}) * scale, k.transpose(1, 2));
    if (hidden) scores = scores.view({key_heads, group, queries, keys}) + mask;
    Tensor weights = at::softmax(scores, -1).view({key_heads, group * queries, keys});
    Tensor result = at::matmul(weights, v).view({key_heads, group, queries, width}); /* [J, G, Q, D] */
    *out = give(result.permute({2, 0, 1, 3}).reshape({queries, heads, width}));
#endif
  });
}

int32_t david_pooled_attention(const david_tensor* query, const david_tensor* keys, const david_tensor* values,
                               const int64_t* slots, const int64_t* offsets, double scale, david_tensor** out) {
  return guarded("pooled_attention", {query, keys, values}, [&] {
    at::NoGradGuard guard;
    const Tensor q = query->value.contiguous();
    const int64_t rows = q.size(0), heads = q.size(1), width = q.size(2), key_heads = keys->value.size(1);
    if (q.is_cpu() && q.scalar_type() == at::kFloat && keys->value.is_contiguous() && values->value.is_contiguous()) {
      Tensor result = at::empty_like(q);
      at::parallel_for(0, rows * key_heads, 1, [&](int64_t begin, int64_t end) {
        david::pooled_attention(q.data_ptr<float>(), keys->value.data_ptr<float>(), values->value.data_ptr<float>(),
                                slots, offsets, static_cast<float>(scale), heads, key_heads, width, begin, end,
                                result.data_ptr<float>());
      });
      *out = give(result);
      return;
    }
    /* Elsewhere: gather a padded [B, K] window of the pool and mask what lies beyond a row's end. */
    int64_t longest = 0;
    for (int64_t b = 0; b < rows; ++b) longest = std::max(longest, offsets[b + 1] - offsets[b]);
    Tensor window = at::zeros({rows, longest}, at::kLong);
    Tensor hidden = at::ones({rows, longest}, at::kBool);
    for (int64_t b = 0; b < rows; ++b) {
      const int64_t length = offsets[b + 1] - offsets[b];
      std::memcpy(window.data_ptr<int64_t>() + b * longest, slots + offsets[b], sizeof(int64_t) * length);
      std::memset(hidden.data_ptr<bool>() + b * longest, 0, static_cast<size_t>(length));
    }
    window = window.to(q.device());
    hidden = hidden.to(q.device()).view({rows, 1, 1, longest});
    const int64_t group = heads / key_heads;
    auto gather = [&](const Tensor& pool) { /* [B, J, K, D] */
      return pool.index_select(0, window.view({-1})).view({rows, longest, key_heads, width}).transpose(1, 2);
    };
    Tensor scores = at::matmul(q.view({rows, key_heads, group, width}) * scale, gather(keys->value).transpose(2, 3));
    Tensor weights = at::softmax(scores.masked_fill(hidden, -std::numeric_limits<float>::infinity()), -1);
    *out = give(at::matmul(weights, gather(values->value)).reshape({rows, heads, width}));
  });
}

int32_t david_require_gradient(david_tensor* tensor, uint8_t required) {
  return guarded("require_gradient", {tensor}, [&] { tensor->value.requires_grad_(required != 0); });
}
int32_t david_detach(const david_tensor* tensor, david_tensor** out) { UNARY("detach", x.detach()); }

int32_t david_backward(const david_tensor* const* outputs, const david_tensor* const* gradients, int32_t count) {
  return guarded("backward", outputs, static_cast<size_t>(count), [&] {
    torch::autograd::backward(values_of(outputs, count), values_of(gradients, count));
  });
}

int32_t david_gradient(const david_tensor* tensor, david_tensor** out) {
  return guarded("gradient", {tensor}, [&] {
    const Tensor& gradient = tensor->value.grad();
    *out = gradient.defined() ? give(gradient) : nullptr;
  });
}

int32_t david_clear_gradient(david_tensor* tensor) {
  return guarded("clear_gradient", {tensor}, [&] { tensor->value.mutable_grad() = Tensor(); });
}

int32_t david_gradient_norm(const david_tensor* const* parameters, int32_t count, double* out) {
  return guarded("gradient_norm", parameters, static_cast<size_t>(count), [&] {
    at::NoGradGuard guard;
    double squares = 0;
    for (int32_t i = 0; i < count; ++i) {
      const Tensor& gradient = parameters[i]->value.grad();
      if (gradient.defined()) {
        const double norm = gradient.norm().item<double>();
        squares += norm * norm;
      }
    }
    *out = std::sqrt(squares);
  });
}

int32_t david_scale_gradients(const david_tensor* const* parameters, int32_t count, double factor) {
  return guarded("scale_gradients", parameters, static_cast<size_t>(count), [&] {
    at::NoGradGuard guard;
    for (int32_t i = 0; i < count; ++i) {
      Tensor gradient = parameters[i]->value.grad();
      if (gradient.defined()) gradient.mul_(factor);
    }
  });
}

int32_t david_adamw_(david_tensor* parameter, david_tensor* first, david_tensor* second, int64_t step,
                     double learning_rate, double beta1, double beta2, double epsilon, double weight_decay) {
  return guarded("adamw_", {parameter, first, second}, [&] {
    at::NoGradGuard guard;
    Tensor& weight = parameter->value;
    const Tensor& gradient = weight.grad();
    if (!gradient.defined()) return;
    weight.mul_(1 - learning_rate * weight_decay);
    first->value.mul_(beta1).add_(gradient, 1 - beta1);
    second->value.mul_(beta2).addcmul_(gradient, gradient, 1 - beta2);
    const double correction1 = 1 - std::pow(beta1, static_cast<double>(step));
    const double correction2 = 1 - std::pow(beta2, static_cast<double>(step));
    Tensor root = (second->value.sqrt() / std::sqrt(correction2)).add_(epsilon);
    weight.addcdiv_(first->value, root, -learning_rate / correction1);
  });
}

#pragma GCC visibility pop
}
