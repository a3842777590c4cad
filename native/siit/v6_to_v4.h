// IPv6 to IPv4 (RFC 7915 §5): admit, then rewrite in place. Where addresses and ports come from is
// the caller's business (RFC 6052 in stateless.h, the session table in nat64/).
#pragma once

#include "packet/packet.h"
#include "packet/parse.h"
#include "packet/verdict.h"
#include "siit/endpoints.h"
#include "siit/identification.h"
#include "siit/policy.h"
#include "siit/sizing.h"

namespace platypus {

/// Everything that can refuse the packet for its own sake: hop limit, missing UDP checksum, size.
/// Changes nothing, so an ICMP error can still quote the packet. `decrement` is false on the second
/// pass of a hairpin; `reassembled` marks a datagram that arrived in fragments and may leave so.
/// `mtu4` is what the IPv4 destination takes (path_mtu.h).
Verdict admitV6ToV4(const Packet& packet, const PacketView& view, uint16_t mtu4, bool decrement,
                    bool reassembled, Sizing& sizing);

/// Turns an admitted packet into IPv4. TCP, UDP and echo get the endpoints' ports; other protocols
/// are carried unchanged. ICMP errors go to icmp_error.h instead.
void rewriteV6ToV4(Packet& packet, const PacketView& view, const Endpoints4& endpoints,
                   const TranslationPolicy& policy, bool decrement, const Sizing& sizing,
                   IdentificationSource& identifications);

}  // namespace platypus
