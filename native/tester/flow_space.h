// Which addresses and ports a flow has. A flow is a number; its four parts are drawn from ranges by
// a permutation, so that neighbouring flows look unrelated (RFC 4814 §4) and no two flows are the
// same (RFC 9693: every combination at most once in phase 1).
#pragma once

#include <bit>
#include <cstdint>
#include <initializer_list>

namespace platypus::tester {

/// Ports from `first`, `count` of them; host order.
struct PortRange {
  uint16_t first = 1024;
  uint32_t count = 1;
};

/// A flow's parts, as places in the lists and ranges of its space.
struct FlowParts {
  uint32_t source = 0;
  uint32_t destination = 0;
  uint16_t source_port = 0;
  uint16_t destination_port = 0;
  friend constexpr bool operator==(const FlowParts&, const FlowParts&) = default;
};

class FlowSpace {
 public:
  /// All counts are 1 or more. Combinations past 2^48 are not drawn from.
  FlowSpace(uint32_t sources, uint32_t destinations, PortRange source_ports,
            PortRange destination_ports, uint64_t seed)
      : sources_(sources),
        destinations_(destinations),
        source_ports_(source_ports),
        destination_ports_(destination_ports) {
    size_ = 1;
    for (const uint64_t count : {uint64_t{source_ports.count}, uint64_t{destination_ports.count},
                                 uint64_t{sources}, uint64_t{destinations}}) {
      size_ = count > kMost / size_ ? kMost : size_ * count;
    }
    bits_ = size_ < 4 ? 2 : static_cast<unsigned>(std::bit_width(size_ - 1));
    mask_ = (uint64_t{1} << bits_) - 1;
    // Odd numbers multiply without losing a value modulo a power of two.
    for (uint64_t& factor : factors_) {
      seed = seed * 0x5851f42d4c957f2du + 0x14057b7ef767814fu;
      factor = ((seed >> 7) ^ 0x9e3779b97f4a7c15u) | 1;
    }
  }

  /// Combinations there are: flows 0 to size() - 1 are all different.
  uint64_t size() const { return size_; }

  /// The parts of a flow; flows past the end begin again.
  FlowParts parts(uint64_t flow) const {
    uint64_t at = flow < size_ ? flow : flow % size_;
    // The permutation is of a power of two; what falls outside is permuted on (cycle walking),
    // fewer than two steps on average.
    do {
      at = permute(at);
    } while (at >= size_);
    FlowParts parts;
    parts.source_port = static_cast<uint16_t>(source_ports_.first + at % source_ports_.count);
    at /= source_ports_.count;
    parts.destination_port =
        static_cast<uint16_t>(destination_ports_.first + at % destination_ports_.count);
    at /= destination_ports_.count;
    parts.source = static_cast<uint32_t>(at % sources_);
    at /= sources_;
    parts.destination = static_cast<uint32_t>(at % destinations_);
    return parts;
  }

 private:
  static constexpr uint64_t kMost = uint64_t{1} << 48;

  // Each step has an inverse on numbers of bits_ bits.
  uint64_t permute(uint64_t x) const {
    const unsigned half = (bits_ + 1) / 2;
    for (const uint64_t factor : factors_) {
      x = (x * factor + (factor >> 32)) & mask_;
      x ^= x >> half;
    }
    return x;
  }

  uint32_t sources_;
  uint32_t destinations_;
  PortRange source_ports_;
  PortRange destination_ports_;
  uint64_t size_;
  uint64_t mask_;
  unsigned bits_;
  uint64_t factors_[3];
};

}  // namespace platypus::tester
