// What a worker does with packets that are not its own, and with those that others hand to it.
#include <cstddef>
#include <cstring>

#include "dataplane/worker.h"
#include "packet/icmp4.h"
#include "packet/icmp6.h"
#include "packet/ipv4.h"
#include "packet/ipv6.h"
#include "packet/protocol.h"

namespace platypus {
namespace {

/// Bytes of an ICMP message before the packet that it quotes.
constexpr uint32_t kQuoted = 8;

}  // namespace

/// Who keeps the state of a packet, by its side of the flow. What cannot be read is everybody's:
/// it will be refused here.
Worker::Owner Worker::ownerOf(const Packet& packet, const Flight& flight) const {
  if (mode_ == Mode::kSiit) return {index_};
  if (flight.express) {
    if (flight.plain.version == 6) return {handover_->owners().ofHost(flight.v6.host)};
    return ownerOfPort(flight.v4.proto, flight.v4.pool, flight.v4.pool_port);
  }
  return flight.verdict.pass ? ownerOf(packet, flight.view) : Owner{index_};
}

Worker::Owner Worker::ownerOf(const Packet& packet, const PacketView& view) const {
  const Owners& owners = handover_->owners();
  const std::byte* data = packet.data();
  const bool error = !view.fragmented && view.transport == Transport::kIcmpError;
  const uint32_t quoted = view.transport_offset + kQuoted;
  if (view.version == 6) {
    // An error is about a packet to one of our hosts, whoever noticed it.
    if (!error) return {owners.ofHost(load<Ipv6Address>(data + offsetof(Ipv6Header, source)))};
    if (packet.length() < quoted + Ipv6Header::kSize) return {index_};
    return {owners.ofHost(load<Ipv6Address>(data + quoted + offsetof(Ipv6Header, destination)))};
  }
  if (view.fragmented) {
    return {owners.ofAddresses(load<Ipv4Address>(data + offsetof(Ipv4Header, source)),
                               load<Ipv4Address>(data + offsetof(Ipv4Header, destination)))};
  }
  if (!error) {
    const Be16 port =
        view.transport == Transport::kIcmpEcho ? view.source_port : view.destination_port;
    return ownerOfPort(protoOf(view.transport),
                       load<Ipv4Address>(data + offsetof(Ipv4Header, destination)), port);
  }
  QuotedView inner;
  if (packet.length() < quoted || !parseQuotedV4(packet.bytes().subspan(quoted), inner).pass) {
    return {index_};
  }
  return ownerOfPort(protoOf(inner.transport),
                     load<Ipv4Address>(data + quoted + offsetof(Ipv4Header, source)),
                     inner.source_port);
}

Worker::Owner Worker::ownerOfPort(Proto proto, Ipv4Address pool, Be16 port) const {
  const uint16_t owner = handover_->owners().ofPort(port);
  if (owner != index_) return {owner};
  // Only the owner knows whom it lent a port to, and so has the last word.
  const uint16_t borrower = nat64_.tables().borrower(proto, pool, port, index_);
  return {borrower, borrower != index_};
}

/// False when the packet belongs here; otherwise it is on its way, or its loss is counted.
bool Worker::handOver(const Packet& packet, Owner owner, uint8_t flags) {
  if (owner.worker == index_) return false;
  if (owner.final) flags |= Handed::kFinal;
  const bool pushed = handover_->push(index_, owner.worker, packet, flags);
  counters_.add(pushed ? Counter::kHandedOver : Counter::kDropHandoverFull);
  return true;
}

/// Takes up to a burst of what others handed over, and returns how much that was. Packets that go
/// the common way are prepared.
size_t Worker::takeHanded(size_t& prepared) {
  size_t taken = 0;
  more_handed_ = true;
  for (; taken < kBurst; ++taken) {
    Packet& packet = packets_[prepared];
    packet = Packet(handed_slots_.at(prepared));
    const Handover::Taken what = handover_->take(index_, packet);
    if (what.kind == Handover::Kind::kNone) {
      more_handed_ = false;
      break;
    }
    if (what.kind == Handover::Kind::kPathMtu) {
      nat64_.pathMtus().learn(what.destination, what.mtu, now_);
      (void)nat64_.pathMtus().takeLearned();
      continue;
    }
    Flight& flight = flights_[prepared];
    if ((what.flags & (Handed::kHairpinned | Handed::kReassembled)) != 0) {
      if (trace_ != nullptr) trace_->begin(packet, config_->translation.pool6);
      handleHanded(packet, flight, what.flags);
      if (trace_ != nullptr) trace_->end();
      continue;
    }
    prepare(packet, flight);
    if (!handOn(packet, flight, what.flags)) ++prepared;
  }
  return taken;
}

/// A hairpinned or reassembled packet, by itself.
void Worker::handleHanded(Packet& packet, Flight& flight, uint8_t flags) {
  flight.express = false;
  flight.v6.hash = 0;
  flight.v4.hash = 0;
  read(packet, flight);
  if (handOn(packet, flight, flags)) return;
  if ((flags & Handed::kHairpinned) != 0) return handleHairpinned(packet, flight);
  handle(packet, flight, true);
}

/// Hands on what came here for a port that is lent to another worker.
bool Worker::handOn(const Packet& packet, const Flight& flight, uint8_t flags) {
  return (flags & Handed::kFinal) == 0 && handOver(packet, ownerOf(packet, flight), flags);
}

void Worker::spreadPathMtu() {
  const PathMtus::Learned learned = nat64_.pathMtus().takeLearned();
  if (learned.mtu != 0) handover_->pushPathMtu(index_, learned.destination, learned.mtu);
}

}  // namespace platypus
