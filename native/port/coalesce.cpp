// A candidate is read, its flow is looked for among the held ones, and it joins, or it is held
// itself. Checksums are looked at only when two segments meet: a burst of strangers costs little.
#include "port/coalesce.h"

#include <cstddef>
#include <cstring>

#include "packet/checksum.h"
#include "packet/ipv4.h"
#include "packet/ipv6.h"
#include "packet/protocol.h"
#include "packet/tcp.h"
#include "packet/udp.h"

namespace platypus {
namespace {

/// The kernel takes this many datagrams in one UDP super-packet (UDP_MAX_SEGMENTS).
constexpr uint16_t kMostDatagrams = 64;
/// Larger packets do not fit IPv4's total length.
constexpr uint32_t kLargest = 65'535;

/// The pseudo-header's sum for `length` bytes of transport.
uint64_t pseudoSum(const Packet& packet, uint32_t length, uint8_t protocol) {
  const std::byte* data = packet.data();
  if (packet.version() == 6) {
    return sumPseudoHeader(load<Ipv6Address>(data + offsetof(Ipv6Header, source)),
                           load<Ipv6Address>(data + offsetof(Ipv6Header, destination)), length,
                           protocol);
  }
  return sumPseudoHeader(load<Ipv4Address>(data + offsetof(Ipv4Header, source)),
                         load<Ipv4Address>(data + offsetof(Ipv4Header, destination)), length,
                         protocol);
}

}  // namespace

struct Coalescer::Segment {
  uint16_t transport = 0;  // offset of the transport header
  uint16_t header = 0;     // all headers, bytes
  uint16_t payload = 0;
  uint8_t protocol = 0;
  bool last = false;  // PSH
  uint32_t sequence = 0;
};

uint64_t Coalescer::hostsOf(const Packet& packet) {
  uint64_t words[4] = {};
  if (packet.version() == 6 && packet.length() >= Ipv6Header::kSize) {
    std::memcpy(words, packet.data() + offsetof(Ipv6Header, source), 32);
  } else if (packet.length() >= Ipv4Header::kSize) {
    std::memcpy(words, packet.data() + offsetof(Ipv4Header, source), 8);
  }
  uint64_t hash = 0;
  for (const uint64_t word : words) hash = (hash ^ word) * 0x9e3779b97f4a7c15u ^ (hash >> 29);
  return hash;
}

/// Reads a packet that could be joined with others of its flow.
bool Coalescer::read(const Packet& packet, Segment& segment) const {
  const std::byte* data = packet.data();
  const uint32_t length = packet.length();
  if (packet.offload.isGso()) return false;
  if (packet.version() == 4) {
    if (length < Ipv4Header::kSize) return false;
    const auto header = load<Ipv4Header>(data);
    if (header.headerLength() != Ipv4Header::kSize || header.moreFragments() ||
        header.fragmentOffset() != 0 || header.total_length.host() != length) {
      return false;
    }
    segment.protocol = header.protocol;
    segment.transport = Ipv4Header::kSize;
  } else {
    if (packet.version() != 6 || length < Ipv6Header::kSize) return false;
    const auto header = load<Ipv6Header>(data);
    if (Ipv6Header::kSize + uint32_t{header.payload_length.host()} != length) return false;
    segment.protocol = header.next_header;
    segment.transport = Ipv6Header::kSize;
  }
  const std::byte* transport = data + segment.transport;
  const uint32_t bytes = length - segment.transport;
  uint32_t header = 0;
  if (segment.protocol == protocol::kTcp && kinds_.tcp) {
    if (bytes < TcpHeader::kSize) return false;
    const auto tcp = load<TcpHeader>(transport);
    header = tcp.headerLength();
    constexpr uint8_t kPush = 0x08;
    if (header < TcpHeader::kSize || (tcp.flags & ~kPush) != TcpHeader::kAck) return false;
    segment.last = (tcp.flags & kPush) != 0;
    segment.sequence = tcp.sequence.host();
  } else if (segment.protocol == protocol::kUdp && kinds_.udp) {
    if (bytes < UdpHeader::kSize) return false;
    const auto udp = load<UdpHeader>(transport);
    if (udp.length.host() != bytes || udp.checksum.wire() == 0) return false;
    header = UdpHeader::kSize;
  } else {
    return false;
  }
  if (bytes <= header) return false;
  segment.header = static_cast<uint16_t>(segment.transport + header);
  segment.payload = static_cast<uint16_t>(bytes - header);
  return true;
}

namespace {

/// True when the transport checksum holds, or was never finished and so cannot be wrong.
bool holds(const Packet& packet, uint16_t transport, uint8_t protocol) {
  if (packet.offload.needsChecksum()) return true;
  const auto bytes = packet.bytes().subspan(transport);
  const auto length = static_cast<uint32_t>(bytes.size());
  return foldSum(pseudoSum(packet, length, protocol) + sumBytes(bytes)) == 0xffff;
}

/// True when two packets of one flow differ only in what each segment has of its own: lengths,
/// identification, sequence number, PSH, checksums, payload.
bool alike(const Packet& a, const Packet& b, uint16_t transport, uint16_t header,
           uint8_t protocol) {
  const std::byte* x = a.data();
  const std::byte* y = b.data();
  if (a.version() != b.version()) return false;
  if (a.version() == 4) {
    const auto p = load<Ipv4Header>(x);
    const auto q = load<Ipv4Header>(y);
    if (p.tos != q.tos || p.ttl != q.ttl || p.flags_offset != q.flags_offset ||
        p.source != q.source || p.destination != q.destination) {
      return false;
    }
  } else {
    const auto p = load<Ipv6Header>(x);
    const auto q = load<Ipv6Header>(y);
    // The first word: version, traffic class and flow label.
    if (std::memcmp(x, y, 4) != 0 || p.hop_limit != q.hop_limit || p.source != q.source ||
        p.destination != q.destination) {
      return false;
    }
  }
  if (protocol == protocol::kUdp) return true;
  const auto p = load<TcpHeader>(x + transport);
  const auto q = load<TcpHeader>(y + transport);
  return p.data_offset == q.data_offset && p.acknowledgment == q.acknowledgment &&
         p.window == q.window && p.urgent == q.urgent &&
         std::memcmp(x + transport + TcpHeader::kSize, y + transport + TcpHeader::kSize,
                     size_t{header} - transport - TcpHeader::kSize) == 0;
}

}  // namespace

bool Coalescer::join(Held& held, const Packet& packet, const Segment& segment) {
  Packet& whole = *held.packet;
  const bool tcp = segment.protocol == protocol::kTcp;
  if (held.closed || segment.payload > held.size || (tcp && segment.sequence != held.next) ||
      (!tcp && held.segments == kMostDatagrams) || whole.length() + segment.payload > kLargest ||
      whole.tailroom() < segment.payload ||
      !alike(whole, packet, segment.transport, segment.header, segment.protocol) ||
      !holds(packet, segment.transport, segment.protocol) ||
      (held.segments == 1 && !holds(whole, segment.transport, segment.protocol))) {
    return false;
  }
  std::memcpy(whole.data() + whole.length(), packet.data() + segment.header, segment.payload);
  whole.setLength(whole.length() + segment.payload);
  std::byte* data = whole.data();
  const uint32_t length = whole.length();
  const bool v4 = segment.transport == Ipv4Header::kSize;
  if (v4) {
    auto header = load<Ipv4Header>(data);
    header.total_length = Be16(static_cast<uint16_t>(length));
    header.computeChecksum();
    store(data, header);
  } else {
    store(data + 4, Be16(static_cast<uint16_t>(length - Ipv6Header::kSize)));
  }
  const uint32_t bytes = length - segment.transport;
  std::byte* transport = data + segment.transport;
  if (tcp) {
    // PSH of the last segment is that of the whole.
    transport[13] = packet.data()[segment.transport + 13];
  } else {
    store(transport + 4, Be16(static_cast<uint16_t>(bytes)));
  }
  Offload& offload = whole.offload;
  offload.flags = Offload::kNeedsChecksum;
  offload.gso_type = !tcp ? Offload::kGsoUdp : v4 ? Offload::kGsoTcp4 : Offload::kGsoTcp6;
  offload.gso_size = held.size;
  offload.header_length = segment.header;
  offload.checksum_start = segment.transport;
  offload.checksum_offset = tcp ? TcpHeader::kChecksumOffset : UdpHeader::kChecksumOffset;
  store(transport + offload.checksum_offset,
        Be16::fromWire(foldSum(pseudoSum(whole, bytes, segment.protocol))));
  held.next += segment.payload;
  ++held.segments;
  held.closed = segment.payload < held.size || segment.last;
  return true;
}

Coalescer::Result Coalescer::add(Packet& packet) {
  Segment segment;
  if (!read(packet, segment) || count_ == kMost) return Result::kPass;
  const uint64_t hosts = hostsOf(packet);
  const auto ports = load<uint32_t>(packet.data() + segment.transport);
  // The newest of the flow: nothing may be put in front of it.
  for (size_t i = count_; i-- > 0;) {
    Held& held = held_[i];
    if (held.packet == nullptr || held.hosts != hosts || held.ports != ports ||
        held.protocol != segment.protocol) {
      continue;
    }
    if (join(held, packet, segment)) return Result::kJoined;
    break;
  }
  held_[count_++] = {
      &packet,          hosts,       segment.sequence + segment.payload, ports, segment.payload, 1,
      segment.protocol, segment.last};
  return Result::kHeld;
}

}  // namespace platypus
