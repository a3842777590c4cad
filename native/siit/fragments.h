// Cutting a translated packet into fragments, just before it is sent (RFC 791 §2.3, RFC 8200 §4.5).
//
// `scratch` is a spare slot; `send(Packet&)` is called once per fragment, in order. The packet's
// checksum must be finished and it must be long enough to need cutting. An input that is itself a
// fragment is cut further: offsets count on and the last piece keeps its More Fragments bit.
#pragma once

#include <cstring>

#include "packet/fragment.h"
#include "packet/ipv4.h"
#include "packet/ipv6.h"
#include "packet/packet.h"
#include "packet/protocol.h"

namespace platypus {

/// Cuts an IPv6 packet whose only possible extension header is a Fragment Header. No fragment is
/// longer than `limitBytes` (at least 56). `identification` names the datagram where it has no
/// Fragment Header yet (RFC 7915 §4.1: the IPv4 identification). Returns how many were sent.
template <typename Send>
unsigned fragmentV6(const Packet& packet, uint16_t limitBytes, uint32_t identification,
                    Packet& scratch, Send&& send) {
  auto header = load<Ipv6Header>(packet.data());
  FragmentHeader fragment;
  uint32_t from = Ipv6Header::kSize;
  if (header.next_header == protocol::kFragment) {
    fragment = load<FragmentHeader>(packet.data() + from);
    from += FragmentHeader::kSize;
  } else {
    fragment.next_header = header.next_header;
    fragment.identification = Be32(identification);
    header.next_header = protocol::kFragment;
  }
  const uint16_t base = fragment.offset();
  const bool more = fragment.moreFragments();
  constexpr uint32_t kHeaders = Ipv6Header::kSize + FragmentHeader::kSize;
  const uint32_t room = (limitBytes - kHeaders) & ~7u;
  const uint32_t total = packet.length() - from;
  unsigned sent = 0;
  for (uint32_t at = 0; at < total; at += room, ++sent) {
    const uint32_t piece = total - at < room ? total - at : room;
    scratch.reset(kHeaders + piece);
    header.payload_length = Be16(static_cast<uint16_t>(FragmentHeader::kSize + piece));
    fragment.setOffset(static_cast<uint16_t>(base + at), more || at + piece < total);
    store(scratch.data(), header);
    store(scratch.data() + Ipv6Header::kSize, fragment);
    std::memcpy(scratch.data() + kHeaders, packet.data() + from + at, piece);
    send(scratch);
  }
  return sent;
}

/// Cuts an IPv4 packet without options; no fragment is longer than `limitBytes` (at least 28).
/// Returns how many were sent.
template <typename Send>
unsigned fragmentV4(const Packet& packet, uint16_t limitBytes, Packet& scratch, Send&& send) {
  auto header = load<Ipv4Header>(packet.data());
  const bool more = header.moreFragments();
  const uint16_t base = header.fragmentOffset();
  const uint32_t room = (uint32_t{limitBytes} - Ipv4Header::kSize) & ~7u;
  const uint32_t total = packet.length() - Ipv4Header::kSize;
  unsigned sent = 0;
  for (uint32_t at = 0; at < total; at += room, ++sent) {
    const uint32_t piece = total - at < room ? total - at : room;
    scratch.reset(Ipv4Header::kSize + piece);
    header.total_length = Be16(static_cast<uint16_t>(Ipv4Header::kSize + piece));
    const bool follows = more || at + piece < total;
    header.flags_offset =
        Be16(static_cast<uint16_t>(((base + at) / 8) | (follows ? Ipv4Header::kMoreFragments : 0)));
    header.computeChecksum();
    store(scratch.data(), header);
    std::memcpy(scratch.data() + Ipv4Header::kSize, packet.data() + Ipv4Header::kSize + at, piece);
    send(scratch);
  }
  return sent;
}

}  // namespace platypus
