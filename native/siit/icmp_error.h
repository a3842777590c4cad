// ICMP errors through the translator: open one to learn what it quotes, find out the endpoints, and
// rewrite it with its quoted packet (RFC 7915 §4.2, §4.3, §5.2, §5.3; RFC 4884 lengths).
#pragma once

#include <cstdint>

#include "packet/packet.h"
#include "packet/parse.h"
#include "packet/verdict.h"
#include "siit/endpoints.h"
#include "siit/icmp_map.h"
#include "siit/policy.h"

namespace platypus {

/// What an ICMP error says, and where its parts lie.
struct ErrorView {
  IcmpMapping mapping;
  QuotedView quoted;
  uint32_t original_offset = 0;   // bytes from the IP header to the quoted packet
  uint32_t original_length = 0;   // bytes of it that are here, RFC 4884 padding included
  uint32_t extension_length = 0;  // bytes of the RFC 4884 extension right after it
  uint32_t field = 0;             // the message's second word
};

/// Opens an ICMPv4 error: checksum (RFC 5508 REQ-3), type and code, RFC 4884 length, quoted packet.
Verdict openErrorV4(const Packet& packet, const PacketView& view, ErrorView& error);
/// The same for ICMPv6.
Verdict openErrorV6(const Packet& packet, const PacketView& view, ErrorView& error);

/// The path MTU that an opened "fragmentation needed" tells of, a plateau where it names none; 0
/// for other errors and for claims that the quoted packet belies (RFC 1191 §3, §5).
uint16_t pathMtuOf(const Packet& packet, const ErrorView& error, const Plateaus& plateaus);

/// Turns an opened ICMPv4 error into ICMPv6 of at most 1280 bytes (RFC 4443 §2.4). `outer` gives
/// the addresses of the message, `inner` those and the ports of the quoted packet.
void rewriteErrorV4ToV6(Packet& packet, const PacketView& view, const ErrorView& error,
                        const Endpoints6& outer, const Endpoints6& inner,
                        const TranslationPolicy& policy, bool decrement);
/// An object of an ICMP extension that names the IPv6 address an error really came from; the
/// message itself has to come from an IPv4 address (RFC 6791 §4).
struct OriginObject {
  /// 2: Interface Information (RFC 5837); 5: Node Identification (draft-ietf-intarea-extended-icmp-
  /// nodeid). 0 for none.
  uint8_t class_number = 0;
  Ipv6Address address;
};

/// Turns an opened ICMPv6 error into ICMPv4 of at most 576 bytes (RFC 1812 §4.3.2.3).
void rewriteErrorV6ToV4(Packet& packet, const PacketView& view, const ErrorView& error,
                        const Endpoints4& outer, const Endpoints4& inner,
                        const TranslationPolicy& policy, bool decrement, uint16_t identification,
                        const OriginObject& origin = {});

}  // namespace platypus
