#include "tester/frame.h"

#include <cstring>

#include "packet/checksum.h"
#include "packet/icmp4.h"
#include "packet/icmp6.h"
#include "packet/ipv4.h"
#include "packet/ipv6.h"
#include "packet/protocol.h"
#include "packet/udp.h"

namespace platypus::tester {
namespace {

constexpr uint16_t kEtherType4 = 0x0800;
constexpr uint16_t kEtherType6 = 0x86dd;
constexpr uint8_t kHopLimit = 64;

uint8_t protocolOf(Family family, Kind kind) {
  if (kind == Kind::kUdp) return protocol::kUdp;
  return family == Family::kV6 ? protocol::kIcmp6 : protocol::kIcmp4;
}

uint8_t echoType(Family family, Kind kind) {
  if (family == Family::kV6) {
    return kind == Kind::kEchoRequest ? icmp6::kEchoRequest : icmp6::kEchoReply;
  }
  return kind == Kind::kEchoRequest ? icmp4::kEchoRequest : icmp4::kEchoReply;
}

void writeTag(std::byte* to, const Tag& tag) {
  store(to, Be16(kMagic));
  store(to + 2, Be16(tag.trial));
  store(to + 4, Be32(tag.flow | uint32_t{tag.stream} << 31));
  store(to + 8, Be32(tag.sequence));
  store(to + 12, Be16(static_cast<uint16_t>(tag.stamp >> 32)));
  store(to + 14, Be32(static_cast<uint32_t>(tag.stamp)));
}

}  // namespace

FrameWriter::FrameWriter(Family family, Kind kind, const Mac& source, const Mac& destination)
    : family_(family), kind_(kind), source_(source), destination_(destination) {}

void FrameWriter::prepare(std::span<std::byte> buffer) const {
  std::memset(buffer.data(), 0, buffer.size());
  std::memcpy(buffer.data(), destination_.data(), destination_.size());
  std::memcpy(buffer.data() + 6, source_.data(), source_.size());
  store(buffer.data() + 12, Be16(family_ == Family::kV6 ? kEtherType6 : kEtherType4));
}

size_t FrameWriter::write(std::byte* buffer, size_t frame_bytes, const Ends& ends,
                          const Tag& tag) const {
  const size_t bytes = frame_bytes - kFcsBytes;
  std::byte* const ip = buffer + kEthernetBytes;
  const size_t header = family_ == Family::kV6 ? Ipv6Header::kSize : Ipv4Header::kSize;
  const auto payload = static_cast<uint16_t>(bytes - kEthernetBytes - header);
  const uint8_t protocol = protocolOf(family_, kind_);
  std::byte* const transport = ip + header;
  std::byte* const at = transport + UdpHeader::kSize;
  writeTag(at, tag);
  // All behind the tag is zero and adds nothing.
  uint64_t sum = sumBytes({at, kTagBytes});

  if (family_ == Family::kV6) {
    Ipv6Header ipv6;
    ipv6.payload_length = Be16(payload);
    ipv6.next_header = protocol;
    ipv6.hop_limit = kHopLimit;
    ipv6.source = ends.source6;
    ipv6.destination = ends.destination6;
    ipv6.writeTo(ip);
    sum += sumPseudoHeader(ends.source6, ends.destination6, payload, protocol);
  } else {
    Ipv4Header ipv4;
    ipv4.total_length = Be16(static_cast<uint16_t>(payload + header));
    // RFC 6864 §4.1: an atomic datagram needs no identification.
    ipv4.flags_offset = Be16(Ipv4Header::kDontFragment);
    ipv4.ttl = kHopLimit;
    ipv4.protocol = protocol;
    ipv4.source = ends.source4;
    ipv4.destination = ends.destination4;
    ipv4.computeChecksum();
    store(ip, ipv4);
    if (kind_ == Kind::kUdp) {
      sum += sumPseudoHeader(ends.source4, ends.destination4, payload, protocol);
    }
  }

  if (kind_ == Kind::kUdp) {
    UdpHeader udp{.source_port = Be16(ends.source_port),
                  .destination_port = Be16(ends.destination_port),
                  .length = Be16(payload),
                  .checksum = {}};
    sum += sumOf(udp.source_port) + sumOf(udp.destination_port) + sumOf(udp.length);
    udp.checksum = finishSum(sum);
    // RFC 768: zero means that there is none.
    if (udp.checksum == Be16(0)) udp.checksum = Be16(0xffff);
    store(transport, udp);
  } else {
    // Both families have the same layout; only the type differs.
    Icmp6Header icmp;
    icmp.type = echoType(family_, kind_);
    icmp.identifier = Be16(kind_ == Kind::kEchoRequest ? ends.source_port : ends.destination_port);
    icmp.sequence = Be16(static_cast<uint16_t>(tag.sequence));
    store(transport, icmp);
    icmp.checksum = finishSum(sum + sumBytes({transport, Icmp6Header::kSize}));
    store(transport, icmp);
  }
  return bytes;
}

bool readTag(std::span<const std::byte, kTagBytes> bytes, Tag& tag) {
  const std::byte* const from = bytes.data();
  if (load<Be16>(from).host() != kMagic) return false;
  const uint32_t flow = load<Be32>(from + 4).host();
  tag.trial = load<Be16>(from + 2).host();
  tag.stream = static_cast<uint8_t>(flow >> 31);
  tag.flow = flow & (kMostFlows - 1);
  tag.sequence = load<Be32>(from + 8).host();
  tag.stamp = uint64_t{load<Be16>(from + 12).host()} << 32 | load<Be32>(from + 14).host();
  return true;
}

bool parseFrame(std::span<const std::byte> bytes, Arrival& arrival) {
  if (bytes.size() < kLeastFrame4 - kFcsBytes) return false;
  const uint16_t ether_type = load<Be16>(bytes.data() + 12).host();
  const std::byte* const ip = bytes.data() + kEthernetBytes;
  const std::byte* transport;
  uint8_t protocol;
  uint32_t length;
  if (ether_type == kEtherType4) {
    const auto ipv4 = load<Ipv4Header>(ip);
    // Without options, whole or a first fragment with all of the tag.
    if (ipv4.version_ihl != 0x45 || (ipv4.flags_offset.host() & Ipv4Header::kOffsetMask) != 0)
      return false;
    arrival.family = Family::kV4;
    arrival.source4 = ipv4.source;
    arrival.destination4 = ipv4.destination;
    transport = ip + Ipv4Header::kSize;
    protocol = ipv4.protocol;
    length = ipv4.total_length.host();
    length -= length < Ipv4Header::kSize ? length : Ipv4Header::kSize;
  } else if (ether_type == kEtherType6 && bytes.size() >= kLeastFrame6 - kFcsBytes) {
    if (std::to_integer<uint8_t>(ip[0]) >> 4 != 6) return false;
    arrival.family = Family::kV6;
    transport = ip + Ipv6Header::kSize;
    length = load<Be16>(ip + 4).host();
    protocol = std::to_integer<uint8_t>(ip[6]);
  } else {
    return false;
  }
  if (length < UdpHeader::kSize + kTagBytes) return false;
  if (protocol == protocol::kUdp) {
    const auto udp = load<UdpHeader>(transport);
    arrival.kind = Kind::kUdp;
    arrival.source_port = udp.source_port.host();
    arrival.destination_port = udp.destination_port.host();
  } else if (protocol == protocolOf(arrival.family, Kind::kEchoRequest)) {
    const auto icmp = load<Icmp6Header>(transport);
    if (icmp.type == echoType(arrival.family, Kind::kEchoRequest)) {
      arrival.kind = Kind::kEchoRequest;
      arrival.source_port = icmp.identifier.host();
      arrival.destination_port = 0;
    } else if (icmp.type == echoType(arrival.family, Kind::kEchoReply)) {
      arrival.kind = Kind::kEchoReply;
      arrival.source_port = 0;
      arrival.destination_port = icmp.identifier.host();
    } else {
      return false;
    }
  } else {
    return false;
  }
  arrival.tag_offset = static_cast<size_t>(transport - bytes.data()) + UdpHeader::kSize;
  return readTag(bytes.subspan(arrival.tag_offset).first<kTagBytes>(), arrival.tag);
}

}  // namespace platypus::tester
