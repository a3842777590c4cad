// The way of most packets: TCP or UDP without fragments, extension headers or options, whole in
// length and checksum, of a session that exists and whose state the segment does not change.
//
// It saves decisions, not rules: what it does is what the long way (parse.h, outbound.cpp,
// inbound.cpp, siit/) does with the same packet, and whatever is not plain it leaves to that way
// untouched. express_test.cpp sends packets both ways and compares.
//
// Ownership: one worker.
#pragma once

#include "nat64/nat64.h"

namespace platypus {

/// What express reads of a packet, once; host order.
struct ExpressView {
  uint8_t version = 0;
  uint16_t payload_length = 0;  // bytes after the IP header
  uint8_t protocol = 0;
  uint8_t hop_limit = 0;
  uint8_t traffic_class = 0;
};

/// Reads an IPv6 packet and its tuple, without the hash. False where it is not plain.
bool readExpress(const Packet& packet, const Nat64Config& config, ExpressView& view, FlowV6& flow);
/// The same for IPv4.
bool readExpress(const Packet& packet, const Nat64Config& config, ExpressView& view, FlowV4& flow);

/// Translates the packet in place by session `session`, whose lifetime the caller has refreshed.
void rewriteExpressV6ToV4(Packet& packet, const ExpressView& view, const Session& session,
                          uint16_t checksum_delta, const TranslationPolicy& policy,
                          IdentificationSource& identifications);
/// The same towards IPv6; `source` is the remote's address in the session's prefix.
void rewriteExpressV4ToV6(Packet& packet, const ExpressView& view, const Session& session,
                          const Ipv6Address& source, uint16_t checksum_delta,
                          const TranslationPolicy& policy);

}  // namespace platypus
