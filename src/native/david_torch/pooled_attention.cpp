#include "pooled_attention.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace david {

void pooled_attention(const float* query, const float* keys, const float* values, const int64_t* slots,
                      const int64_t* offsets, float scale, int64_t heads, int64_t key_heads, int64_t width,
                      int64_t begin, int64_t end, float* out) {
  const int64_t group = heads / key_heads;
  std::vector<float> scores;
  for (int64_t pair = begin; pair < end; ++pair) {
    const int64_t row = pair / key_heads, key_head = pair % key_heads;
    const int64_t* visible = slots + offsets[row];
    const int64_t length = offsets[row + 1] - offsets[row];
    scores.resize(static_cast<size_t>(group * length));
    const float* queries = query + (row * heads + key_head * group) * width;

    for (int64_t t = 0; t < length; ++t) {
      const float* key = keys + (visible[t] * key_heads + key_head) * width;
      for (int64_t g = 0; g < group; ++g) {
        float dot = 0;
        for (int64_t d = 0; d < width; ++d) dot += queries[g * width + d] * key[d];
        scores[g * length + t] = dot * scale;
      }
    }

    for (int64_t g = 0; g < group; ++g) {
      float* line = scores.data() + g * length;
      const float top = *std::max_element(line, line + length);
      float total = 0;
      for (int64_t t = 0; t < length; ++t) total += line[t] = std::exp(line[t] - top);
      const float share = 1 / total;
      for (int64_t t = 0; t < length; ++t) line[t] *= share;
    }

    float* result = out + (row * heads + key_head * group) * width;
    std::fill(result, result + group * width, 0.0f);
    for (int64_t t = 0; t < length; ++t) {
      const float* value = values + (visible[t] * key_heads + key_head) * width;
      for (int64_t g = 0; g < group; ++g) {
        const float weight = scores[g * length + t];
        for (int64_t d = 0; d < width; ++d) result[g * width + d] += weight * value[d];
      }
    }
  }
}

}  // namespace david
