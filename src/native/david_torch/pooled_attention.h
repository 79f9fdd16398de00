#pragma once

#include <cstdint>

namespace david {

/* The CPU kernel of david_pooled_attention: float32, contiguous [B, H, D] and [S, J, D]. Rows begin .. end of the
 * B * J (query, key-value head) pairs. */
void pooled_attention(const float* query, const float* keys, const float* values, const int64_t* slots,
                      const int64_t* offsets, float scale, int64_t heads, int64_t key_heads, int64_t width,
                      int64_t begin, int64_t end, float* out);

}  // namespace david
