#include "nat64/nat64.h"

#include "packet/checksum.h"

namespace platypus {

Nat64::Nat64(const Nat64Limits& limits, Pool4::Shard shard, const RandomSource::Seed& seed,
             uint64_t identification_secret, Counters& counters)
    : counters_(counters),
      tables_(limits, shard, seed, counters),
      identifications_(identification_secret, shard.index, shard.count),
      path_mtus_(limits.path_mtus, tables_.random().next64()) {}

uint16_t Nat64::computeChecksumDelta(const Session& session) const {
  ChecksumDelta delta;
  delta.remove(session.host);
  delta.remove(config_->pool6[session.pool6].embed(session.remote));
  delta.remove(session.host_port);
  delta.add(session.pool);
  delta.add(session.remote);
  delta.add(session.pool_port);
  return delta.folded();
}

bool Nat64::isForbidden(uint8_t pool6, Ipv4Address address) const {
  return platypus::isForbidden(config_->pool6[pool6], address, config_->policy);
}

void Nat64::step(uint32_t number, Side from, uint8_t flags, uint32_t now) {
  Session& session = tables_.session(number);
  const TcpStep step = tcpStep(session.state, from, tcpEvent(flags));
  const bool moved = step.next != session.state;
  session.state = step.next;
  switch (step.timer) {
    case TcpTimer::kUnchanged:
      break;
    case TcpTimer::kEstablished:
      session.deadline = now + config_->timeouts.tcp_established + 1;
      if (moved) tables_.discardSyn(session);
      break;
    case TcpTimer::kTransitory:
      session.deadline = now + config_->timeouts.tcp_transitory + 1;
      if (moved) tables_.hasten(number);
      break;
  }
}

}  // namespace platypus
