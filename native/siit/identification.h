// IPv4 Identification values (RFC 7915 §5.1, RFC 6864): one counter for each of many groups of
// (source, destination, protocol), passed through a keyed permutation, so that values do not repeat
// within 65,536 packets of a group and cannot be guessed from others.
//
// Ownership: one worker.
#pragma once

#include <array>
#include <cstdint>

#include "packet/address.h"

namespace platypus {

class IdentificationSource {
 public:
  explicit IdentificationSource(uint64_t secret) : secret_(secret) {}

  uint16_t next(Ipv4Address source, Ipv4Address destination, uint8_t protocol) {
    uint64_t hash = (uint64_t{source.value.wire()} << 32 | destination.value.wire()) ^ secret_;
    hash = (hash ^ protocol) * 0x9e3779b97f4a7c15u;
    hash ^= hash >> 32;
    return permute(counters_[hash % counters_.size()]++, hash * 0xd6e8feb86659fd93u);
  }

 private:
  /// A Feistel network of four rounds over 16 bits: a permutation for every key.
  static uint16_t permute(uint16_t value, uint64_t key) {
    uint32_t left = value >> 8;
    uint32_t right = value & 0xff;
    for (int round = 0; round < 4; ++round) {
      const uint32_t mixed = (right + static_cast<uint32_t>(key >> (16 * round))) * 0x9e3779b1u;
      const uint32_t next = left ^ ((mixed >> 16) & 0xff);
      left = right;
      right = next;
    }
    return static_cast<uint16_t>((left << 8) | right);
  }

  uint64_t secret_;
  std::array<uint16_t, 4096> counters_{};
};

}  // namespace platypus
