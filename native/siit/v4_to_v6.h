// IPv4 to IPv6 (RFC 7915 §4): admit, then rewrite in place. The mirror of v6_to_v4.h.
#pragma once

#include "packet/packet.h"
#include "packet/parse.h"
#include "packet/verdict.h"
#include "siit/endpoints.h"
#include "siit/policy.h"
#include "siit/sizing.h"

namespace platypus {

/// Everything that can refuse the packet for its own sake: addresses, TTL, UDP without checksum,
/// protocol, size. Changes nothing, so an ICMP error can still quote the packet. `decrement` is
/// false on the second pass of a hairpin; `reassembled` marks a datagram that arrived in fragments.
Verdict admitV4ToV6(const Packet& packet, const PacketView& view, const TranslationPolicy& policy,
                    bool decrement, bool reassembled, Sizing& sizing);

/// Largest IPv6 fragment for a packet that admitV4ToV6() wants cut, bytes (RFC 7915 §4.1).
inline uint16_t fragmentLimitV6(const TranslationPolicy& policy) {
  return policy.lowest_ipv6_mtu < policy.mtu6 ? policy.lowest_ipv6_mtu : policy.mtu6;
}

/// Turns an admitted packet into IPv6; an input fragment gets a Fragment Header, nothing else does.
void rewriteV4ToV6(Packet& packet, const PacketView& view, const Endpoints6& endpoints,
                   const TranslationPolicy& policy, bool decrement, const Sizing& sizing);

}  // namespace platypus
