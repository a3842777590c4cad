// Path MTU arithmetic (RFC 7915 §4.2, §5.2; plateaus of RFC 1191 §7).
#pragma once

#include <algorithm>
#include <cstdint>

#include "packet/ipv6.h"

namespace platypus {

/// The IPv6 header is this much longer than an IPv4 header without options, bytes.
inline constexpr uint32_t kHeaderDifference = 20;

/// RFC 7915 §5.1: up to this IPv4 length DF is 0, because the IPv6 sender may have been told 1280.
inline constexpr uint32_t kLargestWithoutDf = Ipv6Header::kMinimumMtu - kHeaderDifference;

/// The greatest plateau of RFC 1191 §7 that is below `totalLength` and at least 1280; 0 if none.
constexpr uint32_t plateauBelow(uint32_t totalLength) {
  constexpr uint32_t kPlateaus[] = {65'535, 32'000, 17'914, 8'166, 4'352, 2'002, 1'492};
  for (const uint32_t plateau : kPlateaus) {
    if (plateau < totalLength) return plateau;
  }
  return 0;
}

/// MTU of a Packet Too Big made from "fragmentation needed" (RFC 7915 §4.2): `mtu` as received (0
/// from routers older than RFC 1191), `totalLength` of the quoted packet. Never below 1280.
constexpr uint32_t packetTooBigMtu(uint16_t mtu, uint16_t totalLength, uint16_t mtu6,
                                   uint16_t mtu4) {
  const uint32_t path = mtu != 0 ? mtu : plateauBelow(totalLength);
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
