// Plain packets: TCP or UDP without fragments, extension headers or options, whole in length and
// checksum, that fit the other side as they are. Most packets are plain, and what has to be done
// with them takes a few loads and stores.
//
// Nothing is decided here: a packet that is not plain goes the long way (parse.h, v6_to_v4.h,
// v4_to_v6.h), which does the same with a plain one.
#pragma once

#include <cstddef>

#include "packet/checksum.h"
#include "packet/ipv4.h"
#include "packet/ipv6.h"
#include "packet/packet.h"
#include "packet/parse.h"
#include "packet/protocol.h"
#include "packet/tcp.h"
#include "packet/udp.h"
#include "siit/identification.h"
#include "siit/mtu.h"
#include "siit/policy.h"
#include "siit/transport.h"
#include "siit/v4_to_v6.h"

namespace platypus {

/// What is read of a plain packet, once; host order.
struct PlainView {
  uint8_t version = 0;
  uint16_t payload_length = 0;  // bytes after the IP header
  uint8_t protocol = 0;
  uint8_t hop_limit = 0;
  uint8_t traffic_class = 0;

  Transport transport() const {
    return protocol == protocol::kUdp ? Transport::kUdp : Transport::kTcp;
  }
};

/// A whole transport header with a finished checksum and none of the TCP flags in `events`.
[[gnu::always_inline]] inline bool isPlainTransport(const std::byte* header, uint8_t protocol,
                                                    uint32_t payload, uint8_t events) {
  if (protocol == protocol::kUdp) {
    return payload >= UdpHeader::kSize && load<Be16>(header + 4).host() == payload &&
           load<Be16>(header + UdpHeader::kChecksumOffset).wire() != 0;
  }
  if (protocol != protocol::kTcp || payload < TcpHeader::kSize) return false;
  const auto offset = std::to_integer<uint32_t>(header[12]) >> 4;
  return offset >= 5 && offset * 4 <= payload &&
         (std::to_integer<uint8_t>(header[13]) & events) == 0;
}

/// Reads an IPv6 packet; false where it is not plain.
[[gnu::always_inline]] inline bool readPlainV6(const Packet& packet, uint16_t mtu4, uint8_t events,
                                               PlainView& view) {
  const std::byte* data = packet.data();
  const uint32_t length = packet.length();
  if (length < Ipv6Header::kSize + UdpHeader::kSize) return false;
  const uint32_t first = load<Be32>(data).host();
  const uint32_t second = load<Be32>(data + 4).host();
  const uint32_t payload = second >> 16;
  const auto protocol = static_cast<uint8_t>(second >> 8);
  const auto hop_limit = static_cast<uint8_t>(second);
  if ((first >> 28) != 6 || Ipv6Header::kSize + payload != length || hop_limit <= 1 ||
      Ipv4Header::kSize + payload > mtu4 ||
      !isPlainTransport(data + Ipv6Header::kSize, protocol, payload, events)) {
    return false;
  }
  view.version = 6;
  view.payload_length = static_cast<uint16_t>(payload);
  view.protocol = protocol;
  view.hop_limit = hop_limit;
  view.traffic_class = static_cast<uint8_t>(first >> 20);
  return true;
}

/// Reads an IPv4 packet; false where it is not plain.
[[gnu::always_inline]] inline bool readPlainV4(const Packet& packet,
                                               const TranslationPolicy& policy, uint8_t events,
                                               PlainView& view) {
  const std::byte* data = packet.data();
  const uint32_t length = packet.length();
  if (length < Ipv4Header::kSize + UdpHeader::kSize) return false;
  const uint32_t first = load<Be32>(data).host();
  const uint32_t second = load<Be32>(data + 4).host();
  const uint32_t third = load<Be32>(data + 8).host();
  const uint32_t payload = (first & 0xffff) - Ipv4Header::kSize;
  const uint64_t sum = uint64_t{load<uint32_t>(data)} + load<uint32_t>(data + 4) +
                       load<uint32_t>(data + 8) + load<uint32_t>(data + 12) +
                       load<uint32_t>(data + 16);
  const bool dont_fragment = (second & Ipv4Header::kDontFragment) != 0;
  const uint32_t limit = dont_fragment ? policy.mtu6 : uint32_t{fragmentLimitV6(policy)};
  constexpr uint32_t kFragment = Ipv4Header::kMoreFragments | Ipv4Header::kOffsetMask;
  const auto protocol = static_cast<uint8_t>(third >> 16);
  const auto ttl = static_cast<uint8_t>(third >> 24);
  if ((first >> 24) != 0x45 || (first & 0xffff) != length || (second & kFragment) != 0 ||
      ttl <= 1 || Ipv6Header::kSize + payload > limit || foldSum(sum) != 0xffff ||
      !isPlainTransport(data + Ipv4Header::kSize, protocol, payload, events)) {
    return false;
  }
  view.version = 4;
  view.payload_length = static_cast<uint16_t>(payload);
  view.protocol = protocol;
  view.hop_limit = ttl;
  view.traffic_class = static_cast<uint8_t>(first >> 16);
  return true;
}

/// Puts an IPv4 header in the place of a plain packet's IPv6 header (RFC 7915 §5.1). The transport
/// header has been rewritten.
[[gnu::always_inline]] inline void putPlainV4(Packet& packet, const PlainView& view,
                                              Ipv4Address source, Ipv4Address destination,
                                              const TranslationPolicy& policy,
                                              IdentificationSource& identifications) {
  const uint32_t length = Ipv4Header::kSize + uint32_t{view.payload_length};
  const uint32_t tos = policy.tos < 0 ? view.traffic_class : static_cast<uint8_t>(policy.tos);
  const uint32_t identification = identifications.next(source, destination, view.protocol);
  const Be32 first(0x45000000u | tos << 16 | length);
  const Be32 second(identification << 16 |
                    (length > kLargestWithoutDf ? Ipv4Header::kDontFragment : 0u));
  const uint32_t third = uint32_t{view.hop_limit - 1u} << 24 | uint32_t{view.protocol} << 16;
  const Be16 checksum = finishSum(sumOf(first) + sumOf(second) + sumOf(Be32(third)) +
                                  sumOf(source) + sumOf(destination));
  packet.moveStart(Ipv6Header::kSize - Ipv4Header::kSize);
  std::byte* data = packet.data();
  store(data, first);
  store(data + 4, second);
  store(data + 8, Be32(third | checksum.host()));
  store(data + 12, source);
  store(data + 16, destination);
}

/// Puts an IPv6 header in the place of a plain packet's IPv4 header (RFC 7915 §4.1).
[[gnu::always_inline]] inline void putPlainV6(Packet& packet, const PlainView& view,
                                              const Ipv6Address& source,
                                              const Ipv6Address& destination,
                                              const TranslationPolicy& policy) {
  const uint32_t traffic_class =
      policy.traffic_class < 0 ? view.traffic_class : static_cast<uint8_t>(policy.traffic_class);
  packet.moveStart(int32_t{Ipv4Header::kSize} - Ipv6Header::kSize);
  std::byte* data = packet.data();
  store(data, Be32(0x60000000u | traffic_class << 20));
  store(data + 4, Be32(uint32_t{view.payload_length} << 16 | uint32_t{view.protocol} << 8 |
                       (view.hop_limit - 1u)));
  store(data + 8, source);
  store(data + 24, destination);
}

}  // namespace platypus
