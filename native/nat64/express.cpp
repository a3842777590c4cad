#include "nat64/express.h"

#include <cstddef>

#include "packet/tcp.h"

namespace platypus {
namespace {

/// Flags of segments that open or close a connection, and so change its state.
constexpr uint8_t kEvents = TcpHeader::kSyn | TcpHeader::kFin | TcpHeader::kRst;

}  // namespace

bool readExpress(const Packet& packet, const Nat64Config& config, PlainView& view, FlowV6& flow) {
  if (!readPlainV6(packet, config.policy.mtu4, kEvents, view)) return false;
  const std::byte* data = packet.data();
  const std::byte* transport = data + Ipv6Header::kSize;
  Pool6::Match match;
  if (!config.pool6.find(load<Ipv6Address>(data + offsetof(Ipv6Header, destination)), match)) {
    return false;
  }
  flow.host = load<Ipv6Address>(data + offsetof(Ipv6Header, source));
  flow.remote = match.address;
  flow.pool6 = match.index;
  flow.host_port = load<Be16>(transport);
  flow.remote_port = load<Be16>(transport + 2);
  flow.proto = view.protocol == protocol::kUdp ? Proto::kUdp : Proto::kTcp;
  return true;
}

bool readExpress(const Packet& packet, const Nat64Config& config, PlainView& view, FlowV4& flow) {
  if (!readPlainV4(packet, config.policy, kEvents, view)) return false;
  const std::byte* data = packet.data();
  const std::byte* transport = data + Ipv4Header::kSize;
  flow.remote = load<Ipv4Address>(data + offsetof(Ipv4Header, source));
  flow.pool = load<Ipv4Address>(data + offsetof(Ipv4Header, destination));
  flow.remote_port = load<Be16>(transport);
  flow.pool_port = load<Be16>(transport + 2);
  flow.proto = view.protocol == protocol::kUdp ? Proto::kUdp : Proto::kTcp;
  return true;
}

void rewriteExpressV6ToV4(Packet& packet, const PlainView& view, const Session& session,
                          uint16_t checksum_delta, const TranslationPolicy& policy,
                          IdentificationSource& identifications) {
  ChecksumDelta change;
  change.addSum(checksum_delta);
  rewriteTcpUdpBy(packet.data() + Ipv6Header::kSize, view.transport(), change, session.pool_port,
                  session.remote_port);
  putPlainV4(packet, view, session.pool, session.remote, policy, identifications);
}

void rewriteExpressV4ToV6(Packet& packet, const PlainView& view, const Session& session,
                          const Ipv6Address& source, uint16_t checksum_delta,
                          const TranslationPolicy& policy) {
  ChecksumDelta change;
  change.removeSum(checksum_delta);
  rewriteTcpUdpBy(packet.data() + Ipv4Header::kSize, view.transport(), change, session.remote_port,
                  session.host_port);
  putPlainV6(packet, view, source, session.host, policy);
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

bool Nat64::expressOutbound(Packet& packet, const PlainView& view, const FlowV6& flow,
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

bool Nat64::expressInbound(Packet& packet, const PlainView& view, const FlowV4& flow,
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
