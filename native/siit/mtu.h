// Path MTU arithmetic (RFC 7915 §4.2, §5.2; plateaus of RFC 1191 §7).
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>

#include "packet/ipv6.h"

namespace platypus {

/// The IPv6 header is this much longer than an IPv4 header without options, bytes.
inline constexpr uint32_t kHeaderDifference = 20;

/// RFC 7915 §5.1: up to this IPv4 length DF is 0, because the IPv6 sender may have been told 1280.
inline constexpr uint32_t kLargestWithoutDf = Ipv6Header::kMinimumMtu - kHeaderDifference;

/// Path MTUs to guess for routers older than RFC 1191, descending (its §7, table 7-1).
struct Plateaus {
  static constexpr uint8_t kMost = 32;
  std::array<uint16_t, kMost> values{65'535, 32'000, 17'914, 8'166, 4'352, 2'002,
                                     1'492,  1'006,  508,    296,   68};
  uint8_t count = 11;

  /// The greatest plateau below `totalLength`; 0 if there is none.
  constexpr uint16_t below(uint32_t totalLength) const {
    for (uint8_t i = 0; i < count; ++i) {
      if (values[i] < totalLength) return values[i];
    }
    return 0;
  }
};

/// MTU of a Packet Too Big made from "fragmentation needed" (RFC 7915 §4.2): `mtu` as received (0
/// from routers older than RFC 1191), `totalLength` of the quoted packet. Never below 1280.
constexpr uint32_t packetTooBigMtu(uint16_t mtu, uint16_t totalLength, uint16_t mtu6, uint16_t mtu4,
                                   const Plateaus& plateaus) {
  const uint32_t path = mtu != 0 ? mtu : plateaus.below(totalLength);
  const uint32_t result =
      std::min({path + kHeaderDifference, uint32_t{mtu6}, mtu4 + kHeaderDifference});
  return std::max<uint32_t>(result, Ipv6Header::kMinimumMtu);
}

/// MTU of "fragmentation needed" made from a Packet Too Big (RFC 7915 §5.2). A quoted Fragment
/// Header is 8 bytes that IPv4 does not have. Between 68 (RFC 791) and 65,535.
constexpr uint16_t fragmentationNeededMtu(uint32_t mtu, bool innerFragmentHeader, uint16_t mtu6,
                                          uint16_t mtu4) {
  const uint32_t difference = kHeaderDifference + (innerFragmentHeader ? 8 : 0);
  const uint32_t path = mtu > difference ? mtu - difference : 0;
  const uint32_t result = std::min({path, uint32_t{mtu4}, mtu6 - kHeaderDifference});
  return static_cast<uint16_t>(std::clamp<uint32_t>(result, 68, 65'535));
}

}  // namespace platypus
