// SipHash-2-4 (Aumasson and Bernstein, 2012): a keyed hash for short input.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <span>

namespace platypus::clat {

using HashKey = std::array<uint8_t, 16>;

/// 64 bits that nobody without the key can foretell.
inline uint64_t sipHash(const HashKey& key, std::span<const uint8_t> input) {
  const auto little = [](const uint8_t* at, size_t bytes) {
    uint64_t word = 0;
    for (size_t i = 0; i < bytes; ++i) word |= uint64_t{at[i]} << (8 * i);
    return word;
  };
  const uint64_t k0 = little(key.data(), 8);
  const uint64_t k1 = little(key.data() + 8, 8);
  uint64_t v0 = k0 ^ 0x736f6d6570736575u;
  uint64_t v1 = k1 ^ 0x646f72616e646f6du;
  uint64_t v2 = k0 ^ 0x6c7967656e657261u;
  uint64_t v3 = k1 ^ 0x7465646279746573u;
  const auto rounds = [&](int count) {
    for (int i = 0; i < count; ++i) {
      v0 += v1;
      v1 = std::rotl(v1, 13) ^ v0;
      v0 = std::rotl(v0, 32);
      v2 += v3;
      v3 = std::rotl(v3, 16) ^ v2;
      v0 += v3;
      v3 = std::rotl(v3, 21) ^ v0;
      v2 += v1;
      v1 = std::rotl(v1, 17) ^ v2;
      v2 = std::rotl(v2, 32);
    }
  };
  const auto take = [&](uint64_t word) {
    v3 ^= word;
    rounds(2);
    v0 ^= word;
  };
  size_t at = 0;
  for (; input.size() - at >= 8; at += 8) take(little(input.data() + at, 8));
  take(little(input.data() + at, input.size() - at) | uint64_t{input.size()} << 56);
  v2 ^= 0xff;
  rounds(4);
  return v0 ^ v1 ^ v2 ^ v3;
}

}  // namespace platypus::clat
