// IPv6 to IPv4 (RFC 6146 §3.4, §3.5): tuple → session, or a new one → rewritten with what it says.
#include "nat64/nat64.h"
#include "packet/icmp6.h"
#include "packet/ipv6.h"
#include "packet/protocol.h"
#include "siit/icmp_error.h"
#include "siit/v6_to_v4.h"

namespace platypus {
namespace {

Verdict noRoom(Counter reason) {
  // RFC 6146 §3.5.1.1 and RFC 6888 REQ-11: address unreachable, a soft error.
  return Verdict::refuse(reason, icmp6::kUnreachable, icmp6::kAddressUnreachable);
}

}  // namespace

Verdict Nat64::tuple(const Packet& packet, const PacketView& view, FlowV6& flow) const {
  constexpr size_t kSource = offsetof(Ipv6Header, source);
  constexpr size_t kDestination = offsetof(Ipv6Header, destination);
  flow.host = load<Ipv6Address>(packet.data() + kSource);
  const auto destination = load<Ipv6Address>(packet.data() + kDestination);
  Pool6::Match match;
  if (!config_->pool6.find(destination, match)) {
    // Neighbour discovery, MLD and the like, which the kernel sends on any device.
    const bool chatter = destination.isMulticast() || flow.host.isLinkLocal();
    return Verdict::drop(chatter ? Counter::kIgnoredLinkLocal : Counter::kDropNotPool6);
  }
  if (Verdict v = checkForTuple(view); !v.pass) return v;
  if (isOtherProtocol(view)) {
    return Verdict::refuse(Counter::kDropProtocol, icmp6::kUnreachable, icmp6::kPortUnreachable);
  }
  flow.remote = match.address;
  flow.proto = protoOf(view.transport);
  flow.pool6 = match.index;
  flow.host_port = view.source_port;
  flow.remote_port = flow.proto == Proto::kIcmp ? Be16() : view.destination_port;
  if (flow.proto != Proto::kNone) tables_.hash(flow);
  return Verdict::accept();
}

Verdict Nat64::outbound(Packet& packet, const PacketView& view, const FlowV6& flow,
                        const Pass& pass, Translated& translated) {
  uint32_t number = tables_.find(flow);
  const uint16_t mtu4 = path_mtus_.limit(flow.remote, config_->policy.mtu4);
  if (Verdict v =
          admitV6ToV4(packet, view, mtu4, pass.decrement, pass.reassembled, translated.sizing);
      !v.pass) {
    return v;
  }
  if (translated.sizing.split) return Verdict::accept();
  Endpoints4 endpoints;
  if (number != Tables::kNone) {
    if (flow.proto == Proto::kTcp) {
      step(number, Side::kV6, view.tcp_flags, pass.now);
    } else {
      tables_.session(number).deadline = pass.now + lifetime(flow.proto) + 1;
    }
  } else {
    uint32_t bib_number = Tables::kNone;
    if (Verdict v = createOutbound(view, flow, pass.now, bib_number, number); !v.pass) return v;
    if (number == Tables::kNone) {
      // RFC 6146 §3.5.2.2: a segment without session passes by its BIB entry alone.
      const Bib& bib = tables_.bib(bib_number);
      endpoints = {bib.pool, flow.remote, bib.pool_port, flow.remote_port, 0};
    }
  }
  if (number != Tables::kNone) {
    Session& session = tables_.session(number);
    endpoints = {session.pool, session.remote, session.pool_port, session.remote_port,
                 checksumDelta(session)};
  }
  translated.destination = flow.remote;
  rewriteV6ToV4(packet, view, endpoints, config_->policy, pass.decrement, translated.sizing,
                identifications_);
  return Verdict::accept();
}

/// The first packet of a flow. Address rules are checked here, once for all packets of the session.
Verdict Nat64::createOutbound(const PacketView& view, const FlowV6& flow, uint32_t now,
                              uint32_t& bib_number, uint32_t& number) {
  if (isIllegalSource(flow.host)) return Verdict::drop(Counter::kDropV6Source);
  // RFC 6146 §3.5: the translator's own output must not come in again.
  if (config_->pool6.contains(flow.host)) return Verdict::drop(Counter::kDropSourceInPool6);
  if (!isUnicastDestination(flow.remote)) return Verdict::drop(Counter::kDropUnmappable);
  if (isForbidden(flow.pool6, flow.remote)) {
    return Verdict::refuse(Counter::kDropNonGlobal, icmp6::kUnreachable, icmp6::kProhibited);
  }
  const bool tcp = flow.proto == Proto::kTcp;
  if (tcp && tcpEvent(view.tcp_flags) != TcpEvent::kSyn) {
    bib_number = tables_.findBib(flow.proto, flow.host, flow.host_port);
    return bib_number == Tables::kNone ? Verdict::drop(Counter::kDropTcpNoSession)
                                       : Verdict::accept();
  }
  const Tables::Created bib = tables_.findOrCreateBib(flow);
  if (bib.number == Tables::kNone) return noRoom(bib.reason);
  bib_number = bib.number;
  if (tcp) {
    // A SYN from the other side may be waiting for this one (RFC 6146 §3.5.2.2, V4 INIT).
    const Bib& entry = tables_.bib(bib_number);
    FlowV4 mirror{flow.remote, entry.pool, flow.remote_port, entry.pool_port, flow.proto, 0};
    tables_.hash(mirror);
    const uint32_t waiting = tables_.find(mirror);
    if (waiting != Tables::kNone && tables_.session(waiting).isHalf()) {
      if (!tables_.completeHalfSession(waiting, bib_number, flow.pool6)) {
        tables_.removeIfIdle(bib_number);
        return noRoom(Counter::kDropSessionsFull);
      }
      step(waiting, Side::kV6, view.tcp_flags, now);
      number = waiting;
      return Verdict::accept();
    }
  }
  const uint32_t ticks = tcp ? config_->timeouts.tcp_transitory : lifetime(flow.proto);
  const Tables::Created session =
      tables_.createSession(bib_number, flow.remote, flow.remote_port, flow.pool6,
                            tcp ? TcpState::kV6Init : TcpState::kClosed, now + ticks + 1);
  if (session.number == Tables::kNone) {
    tables_.removeIfIdle(bib_number);
    return noRoom(session.reason);
  }
  number = session.number;
  return Verdict::accept();
}

Verdict Nat64::outboundError(Packet& packet, const PacketView& view, const Pass& pass,
                             Translated& translated) {
  // RFC 6146 §3.5: the translator's own output must not come in again, errors included.
  if (config_->pool6.contains(load<Ipv6Header>(packet.data()).source)) {
    return Verdict::drop(Counter::kDropSourceInPool6);
  }
  ErrorView error;
  if (Verdict v = openErrorV6(packet, view, error); !v.pass) return v;
  // RFC 6146 §3.4: the tuple is that of the quoted packet, the other way round.
  const auto quoted = load<Ipv6Header>(packet.data() + error.original_offset);
  const auto match = config_->pool6.match(quoted.source);
  FlowV6 flow;
  flow.proto = protoOf(error.quoted.transport);
  if (!match || flow.proto == Proto::kNone) return Verdict::drop(Counter::kDropIcmpErrorNoSession);
  flow.host = quoted.destination;
  flow.remote = match->address;
  flow.pool6 = match->index;
  flow.host_port = error.quoted.destination_port;
  flow.remote_port = flow.proto == Proto::kIcmp ? Be16() : error.quoted.source_port;
  tables_.hash(flow);
  const uint32_t number = tables_.find(flow);
  if (number == Tables::kNone) return Verdict::drop(Counter::kDropIcmpErrorNoSession);
  if (Verdict v =
          admitV6ToV4(packet, view, config_->policy.mtu4, pass.decrement, false, translated.sizing);
      !v.pass) {
    return v;
  }
  const Session& session = tables_.session(number);
  // RFC 5508 REQ-5: from the mapping's address, whichever IPv6 node noticed.
  const Endpoints4 outer{session.pool, session.remote, Be16(), Be16(), 0};
  const Endpoints4 inner =
      flow.proto == Proto::kIcmp
          ? Endpoints4{session.remote, session.pool, session.pool_port, session.pool_port}
          : Endpoints4{session.remote, session.pool, session.remote_port, session.pool_port};
  translated.destination = session.remote;
  rewriteErrorV6ToV4(packet, view, error, outer, inner, config_->policy, pass.decrement,
                     identifications_.next(outer.source, outer.destination, protocol::kIcmp4));
  return Verdict::accept();
}

}  // namespace platypus
