// IPv4 Identification values (RFC 7915 §5.1, RFC 6864): one counter for each of many groups of
// (source, destination, protocol), passed through a keyed permutation, so that values do not repeat
// within 65,536 packets of a group and cannot be guessed from others. Workers that share a secret
// share out the values: those of one group never collide.
//
// Ownership: one worker.
#pragma once

#include <array>
#include <bit>
#include <cstdint>

#include "packet/address.h"

namespace platypus {

class IdentificationSource {
 public:
  /// Worker `index` of `workers`.
  explicit IdentificationSource(uint64_t secret, uint16_t index = 0, uint16_t workers = 1)
      : secret_(secret), step_(std::bit_ceil(workers)) {
    counters_.fill(index);
  }

  uint16_t next(Ipv4Address source, Ipv4Address destination, uint8_t protocol) {
    uint64_t hash = (uint64_t{source.value.wire()} << 32 | destination.value.wire()) ^ secret_;
    hash = (hash ^ protocol) * 0x9e3779b97f4a7c15u;
    hash ^= hash >> 32;
    uint16_t& counter = counters_[static_cast<size_t>(hash % counters_.size())];
    const uint16_t value = counter;
    counter = static_cast<uint16_t>(counter + step_);
    return permute(value, hash * 0xd6e8feb86659fd93u);
  }

 private:
  /// Odd multiplications and shifts that fold down: each step can be undone, so this is a
  /// permutation of 16 bits for every key.
  static uint16_t permute(uint16_t value, uint64_t key) {
    auto x = static_cast<uint32_t>(value ^ (key & 0xffff));
    x = (x * (static_cast<uint32_t>(key >> 16) | 1)) & 0xffff;
    x ^= x >> 7;
    x = (x * (static_cast<uint32_t>(key >> 32) | 1)) & 0xffff;
    x ^= x >> 9;
    return static_cast<uint16_t>(x);
  }

  uint64_t secret_;
  uint16_t step_;
  std::array<uint16_t, 4096> counters_;
};

}  // namespace platypus
