// Splitting a UDP super-packet (USO) into its datagrams, for the rare case that they do not fit the
// other side as they are and each has to be judged, fragmented or refused by itself.
#pragma once

#include <cstring>

#include "packet/checksum.h"
#include "packet/ipv4.h"
#include "packet/ipv6.h"
#include "packet/packet.h"
#include "packet/parse.h"
#include "packet/protocol.h"
#include "packet/udp.h"

namespace platypus {

/// Calls `each(Packet&)` with every datagram, complete with lengths and checksums, built in
/// `scratch`. `packet` is an untranslated UDP super-packet as parse() accepted it.
template <typename Each>
void splitUdp(const Packet& packet, const PacketView& view, Packet& scratch, Each&& each) {
  const uint32_t headers = uint32_t{view.transport_offset} + UdpHeader::kSize;
  const uint32_t total = packet.length() - headers;
  const uint32_t size = packet.offload.gso_size;
  uint16_t identification = static_cast<uint16_t>(view.identification);
  for (uint32_t at = 0; at < total; at += size) {
    const uint32_t piece = total - at < size ? total - at : size;
    scratch.reset(headers + piece);
    std::byte* data = scratch.data();
    std::memcpy(data, packet.data(), headers);
    std::memcpy(data + headers, packet.data() + headers + at, piece);
    const uint16_t length = static_cast<uint16_t>(UdpHeader::kSize + piece);
    auto udp = load<UdpHeader>(data + view.transport_offset);
    udp.length = Be16(length);
    udp.checksum = Be16();
    uint64_t sum;
    if (view.version == 4) {
      store(data + 2, Be16(static_cast<uint16_t>(view.transport_offset + length)));
      store(data + 4, Be16(identification++));
      store(data + 10, Be16());
      store(data + 10, finishSum(sumBytes({data, view.transport_offset})));
      const auto header = load<Ipv4Header>(data);
      sum = sumPseudoHeader(header.source, header.destination, length, protocol::kUdp);
    } else {
      store(data + 4,
            Be16(static_cast<uint16_t>(view.transport_offset + length - Ipv6Header::kSize)));
      const auto header = load<Ipv6Header>(data);
      sum = sumPseudoHeader(header.source, header.destination, length, protocol::kUdp);
    }
    store(data + view.transport_offset, udp);
    Be16 checksum = finishSum(sum + sumBytes({data + view.transport_offset, length}));
    if (checksum.wire() == 0) checksum = Be16(0xffff);
    store(data + view.transport_offset + UdpHeader::kChecksumOffset, checksum);
    each(scratch);
  }
}

}  // namespace platypus
