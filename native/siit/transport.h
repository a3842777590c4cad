// The transport header under a change of addresses and ports: shared by both directions.
#pragma once

#include <algorithm>

#include "packet/checksum.h"
#include "packet/packet.h"
#include "packet/parse.h"
#include "packet/tcp.h"
#include "packet/udp.h"

namespace platypus {

/// Where the checksum of TCP or UDP stands, from the start of its header.
constexpr uint16_t checksumOffset(Transport transport) {
  return transport == Transport::kTcp ? TcpHeader::kChecksumOffset : UdpHeader::kChecksumOffset;
}

/// Writes new ports into a TCP or UDP header and updates its finished checksum by `change`, which
/// covers addresses and ports (RFC 7915 §4.5 and §5.5, RFC 1624); a damaged packet stays damaged.
[[gnu::always_inline]] inline void rewriteTcpUdpBy(std::byte* header, Transport transport,
                                                   const ChecksumDelta& change, Be16 source_port,
                                                   Be16 destination_port) {
  std::byte* field = header + checksumOffset(transport);
  Be16 updated = change.apply(load<Be16>(field));
  // RFC 768: zero means "no checksum" in UDP; the other zero of one's complement says the same sum.
  if (transport == Transport::kUdp && updated.wire() == 0) updated = Be16(0xffff);
  store(header, source_port);
  store(header + 2, destination_port);
  store(field, updated);
}

/// Writes new ports into a TCP or UDP header and updates its checksum by `addresses` (what changed
/// in the pseudo-header) and the ports. A partial checksum (to be finished by the kernel) covers
/// only the pseudo-header, so ports do not count. RFC 7915 §4.5 and §5.5, RFC 1624; the update
/// keeps a damaged packet damaged.
inline void rewriteTcpUdp(std::byte* header, Transport transport, bool partial,
                          ChecksumDelta addresses, Be16 source_port, Be16 destination_port) {
  if (!partial) {
    addresses.remove(load<Be32>(header));
    addresses.add(source_port);
    addresses.add(destination_port);
    return rewriteTcpUdpBy(header, transport, addresses, source_port, destination_port);
  }
  std::byte* field = header + checksumOffset(transport);
  store(field, addresses.applyPartial(load<Be16>(field)));
  store(header, source_port);
  store(header + 2, destination_port);
}

/// Lowers the maximum segment size that a TCP SYN announces to `limit` (RFC 9293 §3.2, §3.7.1). A
/// SYN without the option is left alone: that means 536.
inline void clampMss(std::byte* header, const PacketView& view, uint16_t limit, bool partial) {
  if (view.transport != Transport::kTcp || (view.tcp_flags & TcpHeader::kSyn) == 0) return;
  constexpr uint8_t kEnd = 0;
  constexpr uint8_t kNoOperation = 1;
  constexpr uint8_t kMss = 2;
  // A fragment may hold less than the whole header.
  const uint32_t end = std::min<uint32_t>(view.transport_header, view.payload_length);
  for (uint32_t at = TcpHeader::kSize; at + 4 <= end;) {
    const auto kind = std::to_integer<uint8_t>(header[at]);
    if (kind == kEnd) return;
    if (kind == kNoOperation) {
      ++at;
      continue;
    }
    const auto length = std::to_integer<uint8_t>(header[at + 1]);
    if (length < 2) return;
    if (kind != kMss || length != 4) {
      at += length;
      continue;
    }
    const auto old = load<Be16>(header + at + 2);
    if (old.host() <= limit) return;
    store(header + at + 2, Be16(limit));
    if (partial) return;  // covers the pseudo-header only
    // On an odd place its octets stand in the other halves of two words.
    const bool odd = at % 2 != 0;
    const auto word = [odd](Be16 value) {
      return odd ? Be16::fromWire(__builtin_bswap16(value.wire())) : value;
    };
    ChecksumDelta delta;
    delta.remove(word(old));
    delta.add(word(Be16(limit)));
    store(header + TcpHeader::kChecksumOffset,
          delta.apply(load<Be16>(header + TcpHeader::kChecksumOffset)));
    return;
  }
}

/// The checksum that was left to the kernel or the card.
inline Be16 finishedChecksum(const Packet& packet) {
  // The field holds the pseudo-header's sum, so summing over it completes the coverage.
  const Be16 checksum = finishSum(sumBytes(packet.bytes().subspan(packet.offload.checksum_start)));
  const bool udp = packet.offload.checksum_offset == UdpHeader::kChecksumOffset;
  return udp && checksum.wire() == 0 ? Be16(0xffff) : checksum;
}

/// Writes that checksum, for packets that cannot leave it.
inline void finishChecksum(Packet& packet) {
  Offload& offload = packet.offload;
  if (!offload.needsChecksum()) return;
  store(packet.data() + offload.checksum_start + offload.checksum_offset, finishedChecksum(packet));
  offload = {};
}

}  // namespace platypus
