// Step 1 of the translation: one bounds-checked look at a packet. Everything later trusts the
// offsets of a PacketView and reads nothing that it does not name.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "packet/byte_order.h"
#include "packet/packet.h"
#include "packet/verdict.h"

namespace platypus {

/// What follows the network headers.
enum class Transport : uint8_t {
  kNone,  // a fragment other than the first: no transport header here
  kTcp,
  kUdp,
  kIcmpEcho,   // echo request or reply of the packet's family
  kIcmpError,  // a message that quotes a packet
  kIcmpOther,
  kOther,
};

/// The result of parsing; offsets count from the first byte of the IP header.
struct PacketView {
  uint8_t version = 0;
  /// Upper-layer protocol as the header names it (58 in IPv6, 1 in IPv4 for ICMP).
  uint8_t protocol = 0;
  uint8_t hop_limit = 0;
  uint8_t traffic_class = 0;
  Transport transport = Transport::kNone;
  bool fragmented = false;       // offset is not zero or more fragments follow
  bool fragment_header = false;  // IPv6: a Fragment Header is there, maybe of an atomic fragment
  bool more_fragments = false;
  bool dont_fragment = false;
  uint8_t tcp_flags = 0;
  uint8_t icmp_type = 0;
  uint8_t icmp_code = 0;
  uint16_t fragment_offset = 0;   // bytes
  uint16_t transport_offset = 0;  // bytes: all network headers
  uint16_t transport_header = 0;  // bytes of the TCP, UDP or ICMP header
  uint32_t identification = 0;
  uint32_t payload_length = 0;  // bytes from transport_offset to the end
  Be16 source_port;             // identifier of an echo in both
  Be16 destination_port;
};

/// Parses a packet and trims bytes past its IP length. `packet.offload` is checked against the
/// headers; what does not fit is refused (kDropOffloadMalformed). RFC 791, RFC 8200, RFC 1812
/// §5.2.2.
Verdict parse(Packet& packet, PacketView& view);

/// A packet quoted in an ICMP error: cut short, so its lengths are only claims.
struct QuotedView {
  uint8_t protocol = 0;
  uint8_t hop_limit = 0;
  uint8_t traffic_class = 0;
  Transport transport = Transport::kNone;
  bool fragment_header = false;
  bool more_fragments = false;
  bool dont_fragment = false;
  uint8_t icmp_type = 0;
  uint16_t fragment_offset = 0;
  uint16_t transport_offset = 0;
  uint32_t identification = 0;
  uint32_t claimed_payload = 0;  // upper-layer bytes of the packet before it was cut
  uint32_t quoted_payload = 0;   // upper-layer bytes that are here
  Be16 source_port;
  Be16 destination_port;
};

/// Parses a quoted IPv4 packet. Its header checksum is checked (RFC 5508 REQ-3a), its transport
/// checksum is not (REQ-3c). Fails with a drop when headers or ports are missing (RFC 6146 §3.4).
Verdict parseQuotedV4(std::span<const std::byte> quoted, QuotedView& view);
/// The same for IPv6.
Verdict parseQuotedV6(std::span<const std::byte> quoted, QuotedView& view);

}  // namespace platypus
