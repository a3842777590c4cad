// The Internet checksum (RFC 1071) and its incremental update (RFC 1624 eqn 3). All sums run over
// words as they lie in memory, so they are right on either byte order.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>

#include "packet/address.h"
#include "packet/byte_order.h"

namespace platypus {

/// Folds a running sum to 16 bits. A non-zero sum never folds to zero (it becomes 0xffff).
constexpr uint16_t foldSum(uint64_t sum) {
  uint32_t half = 0;
  const bool carry =
      __builtin_add_overflow(static_cast<uint32_t>(sum), static_cast<uint32_t>(sum >> 32), &half);
  half += carry ? 1 : 0;
  // Adding the halves to each other leaves their sum, carry included, in the upper one.
  half += std::rotl(half, 16);
  return static_cast<uint16_t>(half >> 16);
}

/// One's complement sum of `bytes`, not folded; an odd last byte is padded with zero.
inline uint64_t sumBytes(std::span<const std::byte> bytes) {
  uint64_t sum = 0;
  const std::byte* at = bytes.data();
  size_t left = bytes.size();
  while (left >= 16) {
    sum += uint64_t{load<uint32_t>(at)} + load<uint32_t>(at + 4) + load<uint32_t>(at + 8) +
           load<uint32_t>(at + 12);
    at += 16;
    left -= 16;
  }
  while (left >= 2) {
    sum += load<uint16_t>(at);
    at += 2;
    left -= 2;
  }
  if (left == 1) {
    const std::byte last[2] = {*at, std::byte{0}};
    sum += load<uint16_t>(last);
  }
  return sum;
}

inline uint64_t sumOf(Be16 value) {
  return value.wire();
}
inline uint64_t sumOf(Be32 value) {
  return value.wire();
}
inline uint64_t sumOf(Ipv4Address address) {
  return address.value.wire();
}
/// Adds 64-bit words with the carry going around: the same sum modulo 0xffff.
inline uint64_t addAround(uint64_t a, uint64_t b) {
  uint64_t sum;
  return __builtin_add_overflow(a, b, &sum) ? sum + 1 : sum;
}
inline uint64_t sumOf(const Ipv6Address& address) {
  const uint64_t sum = addAround(address.high(), address.low());
  return (sum >> 32) + (sum & 0xffffffffu);
}

/// Sum of an IPv6 pseudo-header (RFC 8200 §8.1); the same for IPv4's (RFC 793) with IPv4 addresses.
template <typename Address>
inline uint64_t sumPseudoHeader(const Address& source, const Address& destination, uint32_t length,
                                uint8_t protocol) {
  return sumOf(source) + sumOf(destination) + sumOf(Be32(length)) + sumOf(Be16(protocol));
}

/// What changes under a checksum: collects words that go and words that come, then updates the
/// field once. RFC 1624 eqn 3: HC' = ~(~HC + ~m + m').
class ChecksumDelta {
 public:
  template <typename T>
  void add(const T& value) {
    come_ += sumOf(value);
  }
  template <typename T>
  void remove(const T& value) {
    go_ += sumOf(value);
  }
  /// The whole change folded, never 0: to be kept and given to addSum() later.
  uint16_t folded() const { return foldSum(change()); }

  void addSum(uint64_t sum) { come_ += sum; }
  void removeSum(uint64_t sum) { go_ += sum; }

  /// Update of a finished checksum.
  Be16 apply(Be16 checksum) const {
    return Be16::fromWire(static_cast<uint16_t>(
        ~foldSum(uint64_t{static_cast<uint16_t>(~checksum.wire())} + change())));
  }
  /// Update of a field that holds only the pseudo-header's sum, to be finished by the kernel or the
  /// card (VIRTIO_NET_HDR_F_NEEDS_CSUM): the sum itself, not its complement.
  Be16 applyPartial(Be16 sum) const { return Be16::fromWire(foldSum(sum.wire() + change())); }

 private:
  // One's complement is arithmetic modulo 0xffff: taking away is adding a multiple of it less what
  // goes. The multiple is larger than any sum of a packet's words.
  static constexpr uint64_t kMultiple = uint64_t{0xffff} << 40;
  uint64_t change() const { return come_ + (kMultiple - go_); }

  uint64_t come_ = 0;
  uint64_t go_ = 0;
};

/// The checksum field for a sum that covers all of pseudo-header and payload.
inline Be16 finishSum(uint64_t sum) {
  return Be16::fromWire(static_cast<uint16_t>(~foldSum(sum)));
}

}  // namespace platypus
