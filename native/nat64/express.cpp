#include "nat64/express.h"

#include <cstddef>

#include "packet/checksum.h"
#include "packet/ipv4.h"
#include "packet/ipv6.h"
#include "packet/protocol.h"
#include "packet/tcp.h"
#include "packet/udp.h"
#include "siit/mtu.h"
#include "siit/transport.h"
#include "siit/v4_to_v6.h"

namespace platypus {
namespace {

uint32_t word(const std::byte* at) {
  return load<Be32>(at).host();
}

/// A whole transport header that opens and closes nothing, with a finished checksum.
[[gnu::always_inline]] inline bool isPlainTransport(const std::byte* header, uint8_t protocol,
                                                    uint32_t payload) {
  if (protocol == protocol::kUdp) {
    return payload >= UdpHeader::kSize && load<Be16>(header + 4).host() == payload &&
           load<Be16>(header + UdpHeader::kChecksumOffset).wire() != 0;
  }
  if (protocol != protocol::kTcp || payload < TcpHeader::kSize) return false;
  constexpr uint8_t kEvents = TcpHeader::kSyn | TcpHeader::kFin | TcpHeader::kRst;
  const auto offset = std::to_integer<uint32_t>(header[12]) >> 4;
  return offset >= 5 && offset * 4 <= payload &&
         (std::to_integer<uint8_t>(header[13]) & kEvents) == 0;
}

Transport transportOf(const ExpressView& view) {
  return view.protocol == protocol::kUdp ? Transport::kUdp : Transport::kTcp;
}

}  // namespace

bool readExpress(const Packet& packet, const Nat64Config& config, ExpressView& view, FlowV6& flow) {
  const std::byte* data = packet.data();
  const uint32_t length = packet.length();
  if (length < Ipv6Header::kSize + UdpHeader::kSize) return false;
  const uint32_t first = word(data);
  const uint32_t second = word(data + 4);
  const uint32_t payload = second >> 16;
  const auto protocol = static_cast<uint8_t>(second >> 8);
  const auto hop_limit = static_cast<uint8_t>(second);
  const std::byte* transport = data + Ipv6Header::kSize;
  if ((first >> 28) != 6 || Ipv6Header::kSize + payload != length || hop_limit <= 1 ||
      Ipv4Header::kSize + payload > config.policy.mtu4 ||
      !isPlainTransport(transport, protocol, payload)) {
    return false;
  }
  const auto match =
      config.pool6.match(load<Ipv6Address>(data + offsetof(Ipv6Header, destination)));
  if (!match) return false;
  view.version = 6;
  view.payload_length = static_cast<uint16_t>(payload);
  view.protocol = protocol;
  view.hop_limit = hop_limit;
  view.traffic_class = static_cast<uint8_t>(first >> 20);
  flow.host = load<Ipv6Address>(data + offsetof(Ipv6Header, source));
  flow.remote = match->address;
  flow.pool6 = match->index;
  flow.host_port = load<Be16>(transport);
  flow.remote_port = load<Be16>(transport + 2);
  flow.proto = protocol == protocol::kUdp ? Proto::kUdp : Proto::kTcp;
  return true;
}

bool readExpress(const Packet& packet, const Nat64Config& config, ExpressView& view, FlowV4& flow) {
  const std::byte* data = packet.data();
  const uint32_t length = packet.length();
  if (length < Ipv4Header::kSize + UdpHeader::kSize) return false;
  const uint32_t first = word(data);
  const uint32_t second = word(data + 4);
  const uint32_t third = word(data + 8);
  const uint32_t total = first & 0xffff;
  const auto protocol = static_cast<uint8_t>(third >> 16);
  const auto ttl = static_cast<uint8_t>(third >> 24);
  const uint32_t payload = total - Ipv4Header::kSize;
  const std::byte* transport = data + Ipv4Header::kSize;
  const uint64_t sum = uint64_t{load<uint32_t>(data)} + load<uint32_t>(data + 4) +
                       load<uint32_t>(data + 8) + load<uint32_t>(data + 12) +
                       load<uint32_t>(data + 16);
  const bool dont_fragment = (second & Ipv4Header::kDontFragment) != 0;
  const uint32_t limit =
      dont_fragment ? config.policy.mtu6 : uint32_t{fragmentLimitV6(config.policy)};
  constexpr uint32_t kFragment = Ipv4Header::kMoreFragments | Ipv4Header::kOffsetMask;
  if ((first >> 24) != 0x45 || total != length || (second & kFragment) != 0 || ttl <= 1 ||
      Ipv6Header::kSize + payload > limit || foldSum(sum) != 0xffff ||
      !isPlainTransport(transport, protocol, payload)) {
    return false;
  }
  view.version = 4;
  view.payload_length = static_cast<uint16_t>(payload);
  view.protocol = protocol;
  view.hop_limit = ttl;
  view.traffic_class = static_cast<uint8_t>(first >> 16);
  flow.remote = load<Ipv4Address>(data + offsetof(Ipv4Header, source));
  flow.pool = load<Ipv4Address>(data + offsetof(Ipv4Header, destination));
  flow.remote_port = load<Be16>(transport);
  flow.pool_port = load<Be16>(transport + 2);
  flow.proto = protocol == protocol::kUdp ? Proto::kUdp : Proto::kTcp;
  return true;
}

void rewriteExpressV6ToV4(Packet& packet, const ExpressView& view, const Session& session,
                          uint16_t checksum_delta, const TranslationPolicy& policy,
                          IdentificationSource& identifications) {
  ChecksumDelta change;
  change.addSum(checksum_delta);
  rewriteTcpUdpBy(packet.data() + Ipv6Header::kSize, transportOf(view), change, session.pool_port,
                  session.remote_port);
  const uint32_t length = Ipv4Header::kSize + uint32_t{view.payload_length};
  const uint32_t tos = policy.tos < 0 ? view.traffic_class : static_cast<uint8_t>(policy.tos);
  const uint32_t identification = identifications.next(session.pool, session.remote, view.protocol);
  const Be32 first(0x45000000u | tos << 16 | length);
  const Be32 second(identification << 16 |
                    (length > kLargestWithoutDf ? Ipv4Header::kDontFragment : 0u));
  const uint32_t third = uint32_t{view.hop_limit - 1u} << 24 | uint32_t{view.protocol} << 16;
  const Be16 checksum = finishSum(sumOf(first) + sumOf(second) + sumOf(Be32(third)) +
                                  sumOf(session.pool) + sumOf(session.remote));
  packet.moveStart(Ipv6Header::kSize - Ipv4Header::kSize);
  std::byte* data = packet.data();
  store(data, first);
  store(data + 4, second);
  store(data + 8, Be32(third | checksum.host()));
  store(data + 12, session.pool);
  store(data + 16, session.remote);
}

void rewriteExpressV4ToV6(Packet& packet, const ExpressView& view, const Session& session,
                          const Ipv6Address& source, uint16_t checksum_delta,
                          const TranslationPolicy& policy) {
  ChecksumDelta change;
  change.removeSum(checksum_delta);
  rewriteTcpUdpBy(packet.data() + Ipv4Header::kSize, transportOf(view), change, session.remote_port,
                  session.host_port);
  const uint32_t traffic_class =
      policy.traffic_class < 0 ? view.traffic_class : static_cast<uint8_t>(policy.traffic_class);
  packet.moveStart(int32_t{Ipv4Header::kSize} - Ipv6Header::kSize);
  std::byte* data = packet.data();
  store(data, Be32(0x60000000u | traffic_class << 20));
  store(data + 4, Be32(uint32_t{view.payload_length} << 16 | uint32_t{view.protocol} << 8 |
                       (view.hop_limit - 1u)));
  store(data + 8, source);
  store(data + 24, session.host);
}

bool Nat64::refresh(Session& session, Proto proto, uint32_t now) const {
  if (proto == Proto::kUdp) {
    session.deadline = now + config_->timeouts.udp + 1;
    return true;
  }
  if (session.state != TcpState::kEstablished) return false;
  session.deadline = now + config_->timeouts.tcp_established + 1;
  return true;
}

bool Nat64::expressOutbound(Packet& packet, const ExpressView& view, const FlowV6& flow,
                            uint32_t now) {
  const uint32_t number = tables_.find(flow);
  if (number == Tables::kNone || tables_.pool4().contains(flow.remote)) return false;
  const uint32_t length = Ipv4Header::kSize + uint32_t{view.payload_length};
  if (length > path_mtus_.limit(flow.remote, config_->policy.mtu4)) return false;
  Session& session = tables_.session(number);
  if (!refresh(session, flow.proto, now)) return false;
  rewriteExpressV6ToV4(packet, view, session, checksumDelta(session), config_->policy,
                       identifications_);
  return true;
}

bool Nat64::expressInbound(Packet& packet, const ExpressView& view, const FlowV4& flow,
                           uint32_t now) {
  const uint32_t number = tables_.find(flow);
  if (number == Tables::kNone) return false;
  Session& session = tables_.session(number);
  // A stored SYN's session is in V4 INIT, so refresh() leaves it to the long
  // way.
  if (!refresh(session, flow.proto, now)) return false;
  rewriteExpressV4ToV6(packet, view, session, config_->pool6[session.pool6].embed(session.remote),
                       checksumDelta(session), config_->policy);
  return true;
}

}  // namespace platypus
