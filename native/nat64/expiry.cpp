// The end of a session (RFC 6146 §3.5.2.2).
#include "nat64/nat64.h"
#include "packet/checksum.h"
#include "packet/ipv6.h"
#include "packet/protocol.h"
#include "packet/tcp.h"

namespace platypus {
namespace {

constexpr uint8_t kProbeHopLimit = 64;

/// A segment that a live end answers and that changes nothing: only ACK set, numbers zero.
void buildProbe(const Session& session, const Pref64& prefix, Packet& packet) {
  packet.reset(Ipv6Header::kSize + TcpHeader::kSize);
  Ipv6Header header;
  header.payload_length = Be16(TcpHeader::kSize);
  header.next_header = protocol::kTcp;
  header.hop_limit = kProbeHopLimit;
  header.source = prefix.embed(session.remote);
  header.destination = session.host;
  TcpHeader tcp;
  tcp.source_port = session.remote_port;
  tcp.destination_port = session.host_port;
  tcp.flags = TcpHeader::kAck;
  store(packet.data(), header);
  store(packet.data() + Ipv6Header::kSize, tcp);
  tcp.checksum = finishSum(
      sumPseudoHeader(header.source, header.destination, TcpHeader::kSize, protocol::kTcp) +
      sumBytes({packet.data() + Ipv6Header::kSize, TcpHeader::kSize}));
  store(packet.data() + Ipv6Header::kSize, tcp);
}

}  // namespace

/// True when the session is over; false when it goes on in TRANS.
bool Nat64::beginEnd(uint32_t number, uint32_t now, Packet& scratch, Ending& ending) {
  Session& session = tables_.session(number);
  if (session.proto == Proto::kTcp && session.state == TcpState::kEstablished) {
    buildProbe(session, config_->pool6[session.pool6], scratch);
    ending.probe = true;
    session.state = TcpState::kTrans;
    tables_.renew(number, now + config_->timeouts.tcp_transitory + 1);
    counters_.add(Counter::kTcpProbeSent);
    return false;
  }
  if (session.stored_syn != Session::kNoSyn) {
    ending.error = true;
    ending.syn = tables_.syns().at(session.stored_syn);
  }
  return true;
}

void Nat64::finishEnd(uint32_t number) {
  tables_.removeSession(number);
  counters_.add(Counter::kSessionExpired);
}

}  // namespace platypus
