// The way of most packets: plain ones (siit/plain.h) of a session that exists and whose state the
// segment does not change.
//
// It saves decisions, not rules: what it does is what the long way (parse.h, outbound.cpp,
// inbound.cpp, siit/) does with the same packet, and whatever is not plain it leaves to that way
// untouched. express_test.cpp sends packets both ways and compares.
//
// Ownership: one worker.
#pragma once

#include "nat64/nat64.h"
#include "siit/plain.h"

namespace platypus {

/// Reads an IPv6 packet and its tuple, without the hash. False where it is not plain.
bool readExpress(const Packet& packet, const Nat64Config& config, PlainView& view, FlowV6& flow);
/// The same for IPv4.
bool readExpress(const Packet& packet, const Nat64Config& config, PlainView& view, FlowV4& flow);

/// Translates the packet in place by session `session`, whose lifetime the caller has refreshed.
void rewriteExpressV6ToV4(Packet& packet, const PlainView& view, const Session& session,
                          uint16_t checksum_delta, const TranslationPolicy& policy,
                          IdentificationSource& identifications);
/// The same towards IPv6; `source` is the remote's address in the session's prefix.
void rewriteExpressV4ToV6(Packet& packet, const PlainView& view, const Session& session,
                          const Ipv6Address& source, uint16_t checksum_delta,
                          const TranslationPolicy& policy);

}  // namespace platypus
