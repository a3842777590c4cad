// The transport header under a change of addresses and ports: shared by both directions.
#pragma once

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
inline void rewriteTcpUdpBy(std::byte* header, Transport transport, const ChecksumDelta& change,
                            Be16 source_port, Be16 destination_port) {
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

/// Computes the checksum that was left to the kernel or the card, for packets that cannot leave it.
inline void finishChecksum(Packet& packet) {
  Offload& offload = packet.offload;
  if (!offload.needsChecksum()) return;
  std::byte* start = packet.data() + offload.checksum_start;
  std::byte* field = start + offload.checksum_offset;
  // The field holds the pseudo-header's sum, so summing over it completes the coverage.
  Be16 checksum = finishSum(sumBytes(packet.bytes().subspan(offload.checksum_start)));
  const bool udp = offload.checksum_offset == UdpHeader::kChecksumOffset;
  if (udp && checksum.wire() == 0) checksum = Be16(0xffff);
  store(field, checksum);
  offload = {};
}

}  // namespace platypus
