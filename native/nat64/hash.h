// Keyed hashes of flow keys. The key is secret and drawn at start, so that nobody outside can
// choose addresses that collide (hash flooding).
#pragma once

#include <cstdint>

#include "packet/address.h"

namespace platypus {

struct HashKey {
  uint64_t a = 0x243f6a8885a308d3u;
  uint64_t b = 0x13198a2e03707344u;
  uint64_t c = 0xa4093822299f31d0u;
};

/// Multiplies to 128 bits and folds: every input bit reaches every output bit.
inline uint64_t mix(uint64_t a, uint64_t b) {
#ifdef __SIZEOF_INT128__
  __extension__ using Wide = unsigned __int128;
  const Wide product = static_cast<Wide>(a) * b;
  return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
#else
  // 32-bit machines multiply halves.
  const uint64_t low = (a & 0xffffffff) * (b & 0xffffffff);
  const uint64_t left = (a >> 32) * (b & 0xffffffff);
  const uint64_t right = (a & 0xffffffff) * (b >> 32);
  const uint64_t high = (a >> 32) * (b >> 32);
  const uint64_t middle = (low >> 32) + (left & 0xffffffff) + (right & 0xffffffff);
  return ((low & 0xffffffff) | middle << 32) ^
         (high + (left >> 32) + (right >> 32) + (middle >> 32));
#endif
}

inline uint64_t hashWords(const HashKey& key, uint64_t x, uint64_t y) {
  return mix(mix(x ^ key.a, y ^ key.b) ^ key.c, key.b | 1);
}

inline uint64_t hashWords(const HashKey& key, uint64_t x, uint64_t y, uint64_t z, uint64_t w) {
  return mix(mix(x ^ key.a, y ^ key.b) ^ z ^ key.c, w ^ key.a ^ 0x9e3779b97f4a7c15u);
}

}  // namespace platypus
