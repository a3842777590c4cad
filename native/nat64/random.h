// Unpredictable numbers for ports (RFC 6056 §3): the ChaCha stream cipher (D. J. Bernstein, 2008)
// with 12 rounds, from a seed that the caller draws from the kernel.
//
// Ownership: one worker.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace platypus {

class RandomSource {
 public:
  using Seed = std::array<uint32_t, 8>;

  explicit RandomSource(const Seed& seed) {
    constexpr uint32_t kConstants[4] = {0x61707865, 0x3320646e, 0x79622d32, 0x6b206574};
    for (size_t i = 0; i < 4; ++i) state_[i] = kConstants[i];
    for (size_t i = 0; i < 8; ++i) state_[4 + i] = seed[i];
  }

  uint32_t next() {
    if (used_ == block_.size()) refill();
    return block_[used_++];
  }
  /// Uniform in [0, bound), bound > 0; the bias is below bound / 2^32.
  uint32_t below(uint32_t bound) { return static_cast<uint32_t>((uint64_t{next()} * bound) >> 32); }
  uint64_t next64() { return (uint64_t{next()} << 32) | next(); }

 private:
  static constexpr int kRounds = 12;

  static void quarter(std::array<uint32_t, 16>& x, size_t a, size_t b, size_t c, size_t d) {
    x[a] += x[b];
    x[d] = std::rotl(x[d] ^ x[a], 16);
    x[c] += x[d];
    x[b] = std::rotl(x[b] ^ x[c], 12);
    x[a] += x[b];
    x[d] = std::rotl(x[d] ^ x[a], 8);
    x[c] += x[d];
    x[b] = std::rotl(x[b] ^ x[c], 7);
  }
  void refill() {
    block_ = state_;
    for (int round = 0; round < kRounds; round += 2) {
      quarter(block_, 0, 4, 8, 12);
      quarter(block_, 1, 5, 9, 13);
      quarter(block_, 2, 6, 10, 14);
      quarter(block_, 3, 7, 11, 15);
      quarter(block_, 0, 5, 10, 15);
      quarter(block_, 1, 6, 11, 12);
      quarter(block_, 2, 7, 8, 13);
      quarter(block_, 3, 4, 9, 14);
    }
    for (size_t i = 0; i < block_.size(); ++i) block_[i] += state_[i];
    if (++state_[12] == 0) ++state_[13];
    used_ = 0;
  }

  std::array<uint32_t, 16> state_{};
  std::array<uint32_t, 16> block_{};
  size_t used_ = 16;
};

}  // namespace platypus
