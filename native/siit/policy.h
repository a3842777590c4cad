// What an operator may set about the translation itself; part of a configuration snapshot.
#pragma once

#include <cstdint>

namespace platypus {

struct TranslationPolicy {
  /// MTU of the next hop on either side, bytes.
  uint16_t mtu6 = 1500;
  uint16_t mtu4 = 1500;
  /// RFC 7915 §4: what an IPv6 path is trusted to carry when the IPv4 sender allows fragmenting.
  uint16_t lowest_ipv6_mtu = 1280;
  /// -1 copies (RFC 7915 §4.1, §5.1), otherwise the value to send.
  int16_t traffic_class = -1;
  int16_t tos = -1;
  /// RFC 7915 §4.5: compute the missing UDP checksum of an unfragmented datagram, or drop it.
  bool compute_udp_checksum = true;
  /// Carry non-global IPv4 addresses in the well-known prefix, against RFC 6052 §3.1.
  bool allow_non_global = false;
};

}  // namespace platypus
