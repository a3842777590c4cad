// IPv4 header (RFC 791 §3.1).
#pragma once

#include "packet/address.h"
#include "packet/byte_order.h"
#include "packet/checksum.h"

namespace platypus {

struct Ipv4Header {
  uint8_t version_ihl = 0x45;
  uint8_t tos = 0;
  Be16 total_length;
  Be16 identification;
  Be16 flags_offset;
  uint8_t ttl = 0;
  uint8_t protocol = 0;
  Be16 checksum;
  Ipv4Address source;
  Ipv4Address destination;

  static constexpr uint16_t kSize = 20;
  static constexpr uint16_t kDontFragment = 0x4000;
  static constexpr uint16_t kMoreFragments = 0x2000;
  static constexpr uint16_t kOffsetMask = 0x1fff;

  uint8_t version() const { return version_ihl >> 4; }
  uint16_t headerLength() const { return static_cast<uint16_t>((version_ihl & 0x0f) * 4); }
  bool dontFragment() const { return (flags_offset.host() & kDontFragment) != 0; }
  bool moreFragments() const { return (flags_offset.host() & kMoreFragments) != 0; }
  /// In bytes.
  uint16_t fragmentOffset() const {
    return static_cast<uint16_t>((flags_offset.host() & kOffsetMask) * 8);
  }
  /// Fills in the header checksum; only for headers without options.
  void computeChecksum() {
    checksum = Be16();
    checksum = finishSum(sumOf(firstWord()) + sumOf(secondWord()) + sumOf(thirdWord()) +
                         sumOf(source) + sumOf(destination));
  }

  /// Writes the header as five words. Reading it back as a whole from fields just written would
  /// wait for the store buffer.
  void writeTo(std::byte* to) const {
    store(to, firstWord());
    store(to + 4, secondWord());
    store(to + 8, thirdWord());
    store(to + 12, source);
    store(to + 16, destination);
  }

 private:
  Be32 firstWord() const {
    return Be32(uint32_t{version_ihl} << 24 | uint32_t{tos} << 16 | total_length.host());
  }
  Be32 secondWord() const {
    return Be32(uint32_t{identification.host()} << 16 | flags_offset.host());
  }
  Be32 thirdWord() const {
    return Be32(uint32_t{ttl} << 24 | uint32_t{protocol} << 16 | checksum.host());
  }
};
static_assert(sizeof(Ipv4Header) == Ipv4Header::kSize);

}  // namespace platypus
