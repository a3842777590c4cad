// IPv4 to IPv6 (RFC 6146 §3.4, §3.5): tuple → session, or BIB entry and filter → rewritten.
#include "nat64/nat64.h"
#include "packet/icmp4.h"
#include "packet/ipv4.h"
#include "packet/protocol.h"
#include "siit/icmp_error.h"
#include "siit/v4_to_v6.h"

namespace platypus {
Verdict Nat64::tuple(const Packet& packet, const PacketView& view, FlowV4& flow) const {
  const auto header = load<Ipv4Header>(packet.data());
  if (Verdict v = checkForTuple(view); !v.pass) return v;
  if (isOtherProtocol(view)) {
    if (!tables_.pool4().contains(header.destination)) {
      return Verdict::drop(Counter::kDropNotPool4);
    }
    return Verdict::refuse(Counter::kDropProtocol, icmp4::kUnreachable,
                           icmp4::kProtocolUnreachable);
  }
  flow.remote = header.source;
  flow.pool = header.destination;
  flow.proto = protoOf(view.transport);
  flow.remote_port = flow.proto == Proto::kIcmp ? Be16() : view.source_port;
  flow.pool_port = view.destination_port;
  if (flow.proto != Proto::kNone) tables_.hash(flow);
  return Verdict::accept();
}

Verdict Nat64::inbound(Packet& packet, const PacketView& view, const FlowV4& flow, const Pass& pass,
                       Translated& translated) {
  uint32_t number = tables_.find(flow);
  if (number == Tables::kNone && !tables_.pool4().contains(flow.pool)) {
    return Verdict::drop(Counter::kDropNotPool4);
  }
  if (Verdict v = admitV4ToV6(packet, view, config_->policy, pass.decrement, pass.reassembled,
                              translated.sizing);
      !v.pass) {
    return v;
  }
  if (translated.sizing.split) return Verdict::accept();
  uint32_t bib_number = Tables::kNone;
  if (number != Tables::kNone) {
    // RFC 5382 REQ-4: a SYN is waiting; its sender hears nothing before the IPv6 side has spoken.
    if (tables_.session(number).stored_syn != Session::kNoSyn) {
      return Verdict::drop(Counter::kDropSynStored);
    }
    if (flow.proto == Proto::kTcp) {
      step(number, Side::kV4, view.tcp_flags, pass.now);
    } else {
      tables_.session(number).deadline = pass.now + lifetime(flow.proto) + 1;
    }
  } else if (Verdict v = createInbound(packet, view, flow, pass.now, bib_number, number); !v.pass) {
    return v;
  }

  Endpoints6 endpoints;
  if (number != Tables::kNone) {
    Session& session = tables_.session(number);
    endpoints.checksum_delta = checksumDelta(session);
    endpoints.source = config_->pool6[session.pool6].embed(session.remote);
    endpoints.destination = session.host;
    endpoints.destination_port = session.host_port;
  } else {
    const Bib& bib = tables_.bib(bib_number);
    endpoints.source = config_->pool6[bib.pool6].embed(flow.remote);
    endpoints.destination = bib.host;
    endpoints.destination_port = bib.host_port;
  }
  endpoints.source_port =
      flow.proto == Proto::kIcmp ? endpoints.destination_port : flow.remote_port;
  rewriteV4ToV6(packet, view, endpoints, config_->policy, pass.decrement, translated.sizing);
  return Verdict::accept();
}

/// A packet that no session knows: what its BIB entry and the filter say.
Verdict Nat64::createInbound(const Packet& packet, const PacketView& view, const FlowV4& flow,
                             uint32_t now, uint32_t& bib_number, uint32_t& number) {
  bib_number = tables_.findBib(flow.proto, flow.pool, flow.pool_port);
  const bool known = bib_number != Tables::kNone;
  if (isForbidden(known ? tables_.bib(bib_number).pool6 : uint8_t{0}, flow.remote)) {
    return Verdict::drop(Counter::kDropNonGlobal);
  }
  if (flow.proto == Proto::kTcp) {
    if (config_->drop_inbound_tcp) return Verdict::drop(Counter::kDropTcpInbound);
    if (tcpEvent(view.tcp_flags) == TcpEvent::kSyn) {
      return inboundSyn(packet, flow, now, bib_number, number);
    }
    if (!known) return Verdict::drop(Counter::kDropTcpNoSession);
    if (!tables_.passesFilter(tables_.bib(bib_number), bib_number, flow.remote)) {
      return Verdict::drop(Counter::kDropFiltered);
    }
    return Verdict::accept();
  }
  if (!known) return Verdict::drop(Counter::kDropNoBib);
  const Bib& bib = tables_.bib(bib_number);
  if (!tables_.passesFilter(bib, bib_number, flow.remote)) {
    return Verdict::drop(Counter::kDropFiltered);
  }
  const Tables::Created session =
      tables_.createSession(bib_number, flow.remote, flow.remote_port, bib.pool6, TcpState::kClosed,
                            now + lifetime(flow.proto) + 1);
  if (session.number == Tables::kNone) return Verdict::drop(session.reason);
  number = session.number;
  return Verdict::accept();
}

/// RFC 6146 §3.5.2.2, CLOSED: a SYN from the IPv4 side.
Verdict Nat64::inboundSyn(const Packet& packet, const FlowV4& flow, uint32_t now,
                          uint32_t bib_number, uint32_t& number) {
  if (bib_number == Tables::kNone || tables_.filters(Proto::kTcp)) {
    return storeSyn(packet, flow, now, bib_number);
  }
  const Tables::Created session = tables_.createSession(
      bib_number, flow.remote, flow.remote_port, tables_.bib(bib_number).pool6, TcpState::kV4Init,
      now + config_->timeouts.tcp_transitory + 1);
  if (session.number == Tables::kNone) return Verdict::drop(session.reason);
  number = session.number;
  return Verdict::accept();
}

Verdict Nat64::storeSyn(const Packet& packet, const FlowV4& flow, uint32_t now,
                        uint32_t bib_number) {
  const uint32_t syn = tables_.syns().keep(packet.bytes());
  if (syn == StoredSyns::kNone) return Verdict::drop(Counter::kDropStoredSynsFull);
  const uint32_t deadline = now + config_->timeouts.tcp_incoming_syn + 1;
  Tables::Created session;
  if (bib_number == Tables::kNone) {
    session = tables_.createHalfSession(flow, 0, syn, deadline);
  } else {
    session = tables_.createSession(bib_number, flow.remote, flow.remote_port,
                                    tables_.bib(bib_number).pool6, TcpState::kV4Init, deadline);
    if (session.number != Tables::kNone) {
      tables_.session(session.number).stored_syn = static_cast<uint16_t>(syn);
    }
  }
  if (session.number == Tables::kNone) {
    tables_.syns().discard(syn);
    return Verdict::drop(session.reason);
  }
  counters_.add(Counter::kSynStored);
  return Verdict::drop(Counter::kDropSynStored);
}

Verdict Nat64::inboundError(Packet& packet, const PacketView& view, const Pass& pass,
                            Translated& translated) {
  const auto outer_header = load<Ipv4Header>(packet.data());
  // RFC 6146 §3.5: only what is addressed to pool4, whatever the error quotes.
  if (!tables_.pool4().contains(outer_header.destination)) {
    return Verdict::drop(Counter::kDropNotPool4);
  }
  ErrorView error;
  if (Verdict v = openErrorV4(packet, view, error); !v.pass) return v;
  const auto quoted = load<Ipv4Header>(packet.data() + error.original_offset);
  FlowV4 flow;
  flow.proto = protoOf(error.quoted.transport);
  if (flow.proto == Proto::kNone) return Verdict::drop(Counter::kDropIcmpErrorNoSession);
  flow.remote = quoted.destination;
  flow.pool = quoted.source;
  flow.remote_port = flow.proto == Proto::kIcmp ? Be16() : error.quoted.destination_port;
  flow.pool_port = error.quoted.source_port;
  tables_.hash(flow);
  const uint32_t number = tables_.find(flow);
  if (number == Tables::kNone || tables_.session(number).isHalf()) {
    return Verdict::drop(Counter::kDropIcmpErrorNoSession);
  }
  if (Verdict v =
          admitV4ToV6(packet, view, config_->policy, pass.decrement, false, translated.sizing);
      !v.pass) {
    return v;
  }
  const Session& session = tables_.session(number);
  if (isForbidden(session.pool6, outer_header.source)) {
    return Verdict::drop(Counter::kDropNonGlobal);
  }
  const Pref64& prefix = config_->pool6[session.pool6];
  // RFC 5508 REQ-4: only the destination changes, so that traceroute shows the router that spoke.
  const Endpoints6 outer{prefix.embed(outer_header.source), session.host, Be16(), Be16(), 0};
  const Endpoints6 inner{session.host, prefix.embed(session.remote), session.host_port,
                         flow.proto == Proto::kIcmp ? session.host_port : session.remote_port, 0};
  const uint16_t mtu = pathMtuOf(packet, error, config_->policy.plateaus);
  if (mtu != 0 && path_mtus_.learn(quoted.destination, mtu, pass.now)) {
    counters_.add(Counter::kPathMtuLearned);
  }
  rewriteErrorV4ToV6(packet, view, error, outer, inner, config_->policy, pass.decrement);
  return Verdict::accept();
}

}  // namespace platypus
