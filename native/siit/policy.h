// What an operator may set about the translation itself; part of a configuration snapshot.
#pragma once

#include <cstdint>

#include "siit/mtu.h"
#include "siit/prefix.h"

namespace platypus {

/// RFC 7915 §4.5: what happens to an IPv4 UDP datagram without checksum.
enum class UdpZeroChecksum : uint8_t {
  kDrop,
  kCompute,     // where the datagram is whole; fragments are dropped
  kReassemble,  // fragmented UDP is put together first
};

struct TranslationPolicy {
  /// MTU of the next hop on either side, bytes.
  uint16_t mtu6 = 1500;
  uint16_t mtu4 = 1500;
  /// RFC 7915 §4: what an IPv6 path is trusted to carry when the IPv4 sender allows fragmenting.
  uint16_t lowest_ipv6_mtu = 1280;
  /// -1 copies (RFC 7915 §4.1, §5.1), otherwise the value to send.
  int16_t traffic_class = -1;
  int16_t tos = -1;
  UdpZeroChecksum udp_zero_checksum = UdpZeroChecksum::kCompute;
  /// Carry non-global IPv4 addresses in the well-known prefix, against RFC 6052 §3.1.
  bool allow_non_global = false;
  /// Largest MSS a TCP SYN may announce, bytes; 0 leaves it alone.
  uint16_t mss_clamp = 0;
  Plateaus plateaus;
};

/// RFC 6052 §3.1: the well-known prefix does not stand for addresses that are not global.
inline bool isForbidden(const Pref64& prefix, Ipv4Address address,
                        const TranslationPolicy& policy) {
  return !policy.allow_non_global && prefix.isWellKnown() && isNonGlobal(address);
}

}  // namespace platypus
