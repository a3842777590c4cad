#include "dataplane/worker.h"

#include <cstddef>
#include <cstring>

#include "packet/icmp4.h"
#include "packet/ipv4.h"
#include "packet/ipv6.h"
#include "packet/protocol.h"
#include "siit/fragments.h"
#include "siit/segments.h"
#include "siit/transport.h"
#include "siit/v4_to_v6.h"
#include "siit/v6_to_v4.h"

namespace platypus {
namespace {

constexpr uint32_t kMsPerTick = 100;
/// Sessions looked at for expiry after each burst: about as many as a burst can create, several
/// times.
constexpr uint32_t kExpireBudget = 256;
/// BIB entries looked at, or sessions removed, in one step of a change.
constexpr uint32_t kChangeBudget = 1024;
/// RFC 7600's dummy address: says "a translator" where it has no address of its own.
constexpr Ipv4Address kDummy = Ipv4Address::fromHost(0xc0000008);

constexpr bool isMask(const std::optional<Ipv4Prefix>& prefix, Ipv4Address address) {
  return !prefix || prefix->contains(address);
}

}  // namespace

Worker::Worker(Port& port, const Options& options)
    : port_(port),
      coalescer_(port.segmentation()),
      mode_(options.mode),
      index_(options.shard.index),
      handover_(options.handover),
      nat64_(options.limits, options.shard, options.seed, options.identification_secret, counters_),
      reassembly_(options.limits.reassembly, nat64_.tables().hashKey()),
      stateless_(nat64_.identifications(), nat64_.pathMtus(), counters_,
                 nat64_.tables().random().next64()),
      slots_(new std::byte[3 * size_t{kSlotBytes}]),
      error_slot_(slots_.get()),
      fragment_slot_(slots_.get() + kSlotBytes),
      split_slot_(slots_.get() + 2 * size_t{kSlotBytes}) {
  if (handover_ != nullptr) (void)handed_slots_.map(kBurst);
}

bool Worker::ok() const {
  return nat64_.tables().ok() && reassembly_.ok() &&
         (handover_ == nullptr || handed_slots_.count() == kBurst);
}

std::shared_ptr<const Config> Worker::use(std::shared_ptr<const Config> config) {
  config_.swap(config);
  errors4_.configure(config_->icmp_rate_per_second, config_->icmp_burst);
  errors6_.configure(config_->icmp_rate_per_second, config_->icmp_burst);
  nat64_.use(config_->translation);
  stateless_.use(config_->translation.pool6, config_->translation.policy, config_->siit);
  nat64_.tables().retirePool4(config_->translation.pool4);
  purging_ = true;
  return config;
}

bool Worker::continueUse() {
  if (purging_) {
    purging_ = !nat64_.tables().purgePool4(config_->translation.pool4, kChangeBudget);
  }
  return !purging_;
}

// --- A burst, in the order in which a packet meets it --------------------------------------------

size_t Worker::poll(uint64_t nowMs) {
  setClock(nowMs);
  size_t count = port_.receive(packets_);
  for (size_t i = 0; i < count; ++i) {
    countReceived(packets_[i]);
    prepare(packets_[i], flights_[i]);
    if (handover_ == nullptr) continue;
    flights_[i].gone = handOver(packets_[i], ownerOf(packets_[i], flights_[i]), 0);
  }
  handleBurst(count);
  if (handover_ != nullptr) {
    size_t prepared = 0;
    count += takeHanded(prepared);
    handleBurst(prepared);
    handover_->release(index_);
    handover_->publish(index_);
  }
  behind_ = !expire(kExpireBudget);
  countLosses();
  return count;
}

void Worker::handleBurst(size_t count) {
  if (count > 1 && mode_ == Mode::kNat64) {
    for (size_t i = 0; i < count; ++i) {
      const Flight& flight = flights_[i];
      if (flight.v6.hash != 0) nat64_.tables().prefetchSession(flight.v6);
      if (flight.v4.hash != 0) nat64_.tables().prefetchSession(flight.v4);
    }
  }
  coalescing_ = count > 1 && coalescer_.isUseful();
  for (size_t i = 0; i < count; ++i) {
    if (flights_[i].gone) continue;
    if (trace_ != nullptr) trace_->begin(packets_[i], config_->translation.pool6);
    handle(packets_[i], flights_[i], false);
    if (trace_ != nullptr) trace_->end();
  }
  coalescer_.flush([this](Packet& packet) { write(packet); });
  coalescing_ = false;
}

void Worker::countReceived(const Packet& packet) {
  const uint32_t bytes = packet.length();
  const unsigned version = packet.version();
  if (version == 6) {
    counters_.add(Counter::kReceivedV6);
    counters_.add(Counter::kReceivedV6Bytes, bytes);
  } else if (version == 4) {
    counters_.add(Counter::kReceivedV4);
    counters_.add(Counter::kReceivedV4Bytes, bytes);
  }
}

void Worker::prepare(Packet& packet, Flight& flight) {
  flight.gone = false;
  flight.v6.hash = 0;
  flight.v4.hash = 0;
  flight.express = prepareExpress(packet, flight);
  if (!flight.express) prepareLong(packet, flight);
}

/// The short way, for packets that carry their own checksum. Where no state is kept it is tried
/// later, in one go.
bool Worker::prepareExpress(const Packet& packet, Flight& flight) {
  if (mode_ == Mode::kSiit) {
    stateless_.prefetch(packet);
    return true;
  }
  if ((packet.offload.flags | packet.offload.gso_type) != 0) return false;
  if (readExpress(packet, config_->translation, flight.plain, flight.v6)) {
    nat64_.tables().hash(flight.v6);
    nat64_.tables().prefetch(flight.v6);
    return true;
  }
  if (!readExpress(packet, config_->translation, flight.plain, flight.v4)) return false;
  nat64_.tables().hash(flight.v4);
  nat64_.tables().prefetch(flight.v4);
  return true;
}

void Worker::prepareLong(Packet& packet, Flight& flight) {
  flight.v6.hash = 0;
  flight.v4.hash = 0;
  read(packet, flight);
  if (packet.offload.needsChecksum()) counters_.add(Counter::kChecksumLeftToKernel);
  if (!flight.verdict.pass) return;
  if (flight.view.fragmented) counters_.add(Counter::kFragmentsReceived);
  if (flight.v6.hash != 0) nat64_.tables().prefetch(flight.v6);
  if (flight.v4.hash != 0) nat64_.tables().prefetch(flight.v4);
}

/// Parses a packet and, where state is kept and it is whole, finds its tuple.
void Worker::read(Packet& packet, Flight& flight) {
  flight.verdict = parse(packet, flight.view);
  if (!flight.verdict.pass || mode_ == Mode::kSiit || flight.view.fragmented) return;
  flight.verdict = flight.view.version == 6 ? nat64_.tuple(packet, flight.view, flight.v6)
                                            : nat64_.tuple(packet, flight.view, flight.v4);
}

bool Worker::handleExpress(Packet& packet, const Flight& flight) {
  bool translated = false;
  if (mode_ == Mode::kSiit) {
    translated = stateless_.express(packet);
  } else if (flight.plain.version == 6) {
    translated = nat64_.expressOutbound(packet, flight.plain, flight.v6, now_);
  } else {
    translated = nat64_.expressInbound(packet, flight.plain, flight.v4, now_);
  }
  if (translated) send(packet);
  return translated;
}

void Worker::handle(Packet& packet, Flight& flight, bool reassembled) {
  if (flight.express) {
    if (handleExpress(packet, flight)) return;
    prepareLong(packet, flight);
  }
  if (!flight.verdict.pass) {
    refuse(packet, flight.view, flight.verdict);
  } else if (mode_ == Mode::kSiit) {
    handleStateless(packet, flight.view,
                    {.now = now_, .hairpinned = false, .reassembled = reassembled});
  } else if (flight.view.fragmented) {
    handleFragment(packet, flight);
  } else if (flight.view.version == 6) {
    handleV6(packet, flight, reassembled);
  } else {
    handleV4(packet, flight, {.now = now_, .decrement = true, .reassembled = reassembled});
  }
}

void Worker::handleV6(Packet& packet, const Flight& flight, bool reassembled) {
  const PacketView& view = flight.view;
  const Nat64::Pass pass{.now = now_, .decrement = true, .reassembled = reassembled};
  Nat64::Translated translated;
  const bool error = view.transport == Transport::kIcmpError;
  const Verdict verdict = error ? nat64_.outboundError(packet, view, pass, translated)
                                : nat64_.outbound(packet, view, flight.v6, pass, translated);
  if (!verdict.pass) return refuse(packet, view, verdict);
  if (translated.sizing.split) return handleSplit(packet, view);
  countTranslated(packet, view, translated.sizing);
  if (nat64_.tables().pool4().contains(translated.destination)) return hairpin(packet);
  emitV4(packet, translated.sizing);
}

void Worker::handleV4(Packet& packet, const Flight& flight, const Nat64::Pass& pass) {
  const PacketView& view = flight.view;
  Nat64::Translated translated;
  const bool error = view.transport == Transport::kIcmpError;
  const Verdict verdict = error ? nat64_.inboundError(packet, view, pass, translated)
                                : nat64_.inbound(packet, view, flight.v4, pass, translated);
  if (!verdict.pass) return refuse(packet, view, verdict);
  if (translated.sizing.split) return handleSplit(packet, view);
  countTranslated(packet, view, translated.sizing);
  emitV6(packet, translated.sizing, view.identification);
}

/// RFC 6146 §3.8: the outgoing packet is taken as an incoming one; the hop limit has been paid.
void Worker::hairpin(Packet& packet) {
  counters_.add(Counter::kHairpinned);
  Flight flight;
  read(packet, flight);
  if (handover_ != nullptr && handOver(packet, ownerOf(packet, flight), Handed::kHairpinned)) {
    return;
  }
  handleHairpinned(packet, flight);
}

void Worker::handleHairpinned(Packet& packet, const Flight& flight) {
  if (!flight.verdict.pass) return refuse(packet, flight.view, flight.verdict);
  handleV4(packet, flight, {.now = now_, .decrement = false, .reassembled = false});
}

void Worker::handleFragment(const Packet& packet, const Flight& flight) {
  // Fragments that are not for us do not take a place from those that are.
  if (flight.view.version == 6) {
    const auto destination = load<Ipv6Address>(packet.data() + offsetof(Ipv6Header, destination));
    if (!config_->translation.pool6.contains(destination)) {
      return refuse(packet, flight.view, Verdict::drop(Counter::kDropNotPool6));
    }
  } else {
    const auto destination = load<Ipv4Address>(packet.data() + offsetof(Ipv4Header, destination));
    if (!nat64_.tables().pool4().contains(destination)) {
      return refuse(packet, flight.view, Verdict::drop(Counter::kDropNotPool4));
    }
  }
  reassemble(packet, flight.view);
}

/// Keeps a fragment; the last one of a datagram lets the whole go on.
void Worker::reassemble(const Packet& packet, const PacketView& view) {
  const uint32_t lifetime = config_->translation.timeouts.fragment;
  Reassembly::Result result = reassembly_.add(packet, view, now_, lifetime);
  if (!result.verdict.pass) return refuse(packet, view, result.verdict);
  if (!result.complete) return;
  counters_.add(Counter::kReassembled);
  Flight whole;
  read(result.whole, whole);
  if (handover_ != nullptr &&
      handOver(result.whole, ownerOf(result.whole, whole), Handed::kReassembled)) {
    return;
  }
  handle(result.whole, whole, true);
}

/// Datagrams that do not fit as they are: each is judged by itself.
void Worker::handleSplit(const Packet& packet, const PacketView& view) {
  counters_.add(Counter::kSuperUdpSplit);
  splitUdp(packet, view, split_slot_, [&](Packet& datagram) {
    Flight flight;
    read(datagram, flight);
    handle(datagram, flight, false);
  });
}

/// Any fragment of an IPv4 UDP datagram may belong to one without checksum (RFC 7915 §4.5).
bool Worker::waitsForFragments(const PacketView& view) const {
  return view.fragmented && view.version == 4 && view.protocol == protocol::kUdp &&
         config_->translation.policy.udp_zero_checksum == UdpZeroChecksum::kReassemble;
}

void Worker::handleStateless(Packet& packet, const PacketView& view,
                             const StatelessTranslator::Pass& pass) {
  if (waitsForFragments(view) && !pass.hairpinned) {
    // Without state any worker will do, but fragments have to meet.
    if (handover_ != nullptr && handOver(packet, ownerOf(packet, view), 0)) return;
    return reassemble(packet, view);
  }
  StatelessTranslator::Translated translated;
  const Verdict verdict = view.version == 6 ? stateless_.v6ToV4(packet, view, pass, translated)
                                            : stateless_.v4ToV6(packet, view, pass, translated);
  if (!verdict.pass) return refuse(packet, view, verdict);
  const auto handleAgain = [&](Packet& again, const StatelessTranslator::Pass& next) {
    PacketView parsed;
    if (Verdict v = parse(again, parsed); !v.pass) return refuse(again, parsed, v);
    handleStateless(again, parsed, next);
  };
  if (translated.sizing.split) {
    counters_.add(Counter::kSuperUdpSplit);
    splitUdp(packet, view, split_slot_, [&](Packet& datagram) { handleAgain(datagram, pass); });
    return;
  }
  countTranslated(packet, view, translated.sizing);
  if (translated.hairpin) {
    // RFC 7757 §4.2.2: from one IPv6 host with a mapping to another, without a way through IPv4.
    counters_.add(Counter::kHairpinned);
    handleAgain(packet, {.now = now_, .hairpinned = true, .reassembled = false});
  } else if (view.version == 6) {
    emitV4(packet, translated.sizing);
  } else {
    emitV6(packet, translated.sizing, view.identification);
  }
}

void Worker::countTranslated(const Packet& packet, const PacketView& view, const Sizing& sizing) {
  if (view.transport == Transport::kIcmpError) {
    counters_.add(Counter::kIcmpErrorTranslated);
    if (handover_ != nullptr) spreadPathMtu();
  }
  if (!packet.offload.isGso()) return;
  if (sizing.gso_size != 0) counters_.add(Counter::kGsoSizeLowered);
  if ((packet.offload.gso_type & Offload::kGsoEcn) != 0) counters_.add(Counter::kSuperEcn);
  if (view.version == 6 && view.transport_offset > Ipv6Header::kSize) {
    counters_.add(Counter::kSuperExtensionHeaders);
  }
  const bool udp = packet.offload.gsoKind() == Offload::kGsoUdp;
  if (view.version == 6) {
    counters_.add(udp ? Counter::kSuperUdpV6ToV4 : Counter::kSuperTcpV6ToV4);
  } else {
    counters_.add(udp ? Counter::kSuperUdpV4ToV6 : Counter::kSuperTcpV4ToV6);
  }
}

void Worker::emitV4(Packet& packet, const Sizing& sizing) {
  if (!sizing.fragment || packet.length() <= sizing.limit) return send(packet);
  finishChecksum(packet);
  counters_.add(Counter::kFragmented, fragmentV4(packet, sizing.limit, fragment_slot_,
                                                 [&](Packet& fragment) { send(fragment); }));
}

void Worker::emitV6(Packet& packet, const Sizing& sizing, uint32_t identification) {
  if (!sizing.fragment || packet.length() <= sizing.limit) return send(packet);
  finishChecksum(packet);
  counters_.add(Counter::kFragmented,
                fragmentV6(packet, sizing.limit, identification, fragment_slot_,
                           [&](Packet& fragment) { send(fragment); }));
}

void Worker::send(Packet& packet) {
  if (trace_ != nullptr) trace_->sent(packet, config_->translation.pool6);
  if (coalescing_) {
    // Only what lies in a slot of the burst can wait for its end.
    const auto result = isOfBurst(packet) ? coalescer_.add(packet) : Coalescer::Result::kPass;
    if (result == Coalescer::Result::kHeld) return;
    if (result == Coalescer::Result::kJoined) return countJoined(packet);
    coalescer_.flushBefore(packet, [this](Packet& held) { write(held); });
  }
  write(packet);
}

/// The counters of segments, not of super-packets: the first of these is no segment that joined.
void Worker::countJoined(const Packet& packet) {
  const bool v6 = packet.version() == 6;
  const auto protocol = std::to_integer<uint8_t>(packet.data()[v6 ? 6 : 9]);
  counters_.add(protocol == protocol::kTcp ? Counter::kTcpCoalesced : Counter::kUdpCoalesced);
}

void Worker::write(Packet& packet) {
  const bool v6 = packet.version() == 6;
  const uint32_t bytes = packet.length();
  if (!port_.send(packet)) return;  // counted by the port, see countLosses()
  counters_.add(v6 ? Counter::kSentV6 : Counter::kSentV4);
  counters_.add(v6 ? Counter::kSentV6Bytes : Counter::kSentV4Bytes, bytes);
}

// --- Refusing ------------------------------------------------------------------------------------

Ipv4Address Worker::errorSource4(const Packet& packet) const {
  if (config_->icmp_source4) return *config_->icmp_source4;
  const auto header = load<Ipv4Header>(packet.data());
  const Pool4& pool4 = nat64_.tables().pool4();
  if (pool4.contains(header.destination)) return header.destination;
  return pool4.size() != 0 ? pool4.usage(0).entry.address : kDummy;
}

Ipv6Address Worker::errorSource6() const {
  if (config_->icmp_source6) return *config_->icmp_source6;
  return config_->translation.pool6[0].embed(kDummy);
}

void Worker::refuse(const Packet& packet, const PacketView& view, const Verdict& verdict) {
  counters_.add(verdict.reason);
  if (trace_ != nullptr) trace_->dropped(verdict.reason);
  if (DropEvents::wants(verdict.reason)) events_.add(packet, view, verdict.reason);
  if (!verdict.asksForError()) return;
  // RFC 6146 §3.5: what claims to come from pool6 is dropped without a word.
  if (view.version == 6 && mode_ == Mode::kNat64 &&
      config_->translation.pool6.contains(load<Ipv6Header>(packet.data()).source)) {
    return counters_.add(Counter::kIcmpErrorSuppressed);
  }
  answer(packet, view, verdict);
}

/// Sends the ICMP error that a verdict asks for, where the RFCs and the rate allow it.
void Worker::answer(const Packet& packet, const PacketView& view, const Verdict& verdict) {
  const bool v4 = packet.version() == 4;
  bool built = false;
  if (v4) {
    const Ipv4Address source = errorSource4(packet);
    const auto header = load<Ipv4Header>(packet.data());
    built = errors4_.take(now_ms_) &&
            originateV4(packet, view, verdict, source,
                        nat64_.identifications().next(source, header.source, 1), error_slot_);
  } else {
    built =
        errors6_.take(now_ms_) && originateV6(packet, view, verdict, errorSource6(), error_slot_);
  }
  if (!built) return counters_.add(Counter::kIcmpErrorSuppressed);
  counters_.add(Counter::kIcmpErrorSent);
  send(error_slot_);
}

// --- Time ----------------------------------------------------------------------------------------

void Worker::setClock(uint64_t nowMs) {
  now_ms_ = nowMs;
  now_ = static_cast<uint32_t>(nowMs / kMsPerTick);
  if (!started_) {
    started_ = true;
    nat64_.tables().startAt(now_);
  }
  // Before any packet, so that no late fragment completes a datagram whose time is over.
  const uint32_t lost = reassembly_.expire(now_);
  if (lost != 0) counters_.add(Counter::kDropFragmentTimeout, lost);
}

bool Worker::expire(uint32_t budget) {
  nat64_.pathMtus().expire(now_);
  if (config_ == nullptr) return true;
  return nat64_.expire(now_, budget, split_slot_, [&](const Nat64::Ending& ending, Packet& probe) {
    if (ending.probe) return send(probe);
    Packet& syn = split_slot_;
    syn.reset(static_cast<uint32_t>(ending.syn.size()));
    std::memcpy(syn.data(), ending.syn.data(), ending.syn.size());
    PacketView view;
    view.version = 4;
    view.transport = Transport::kTcp;
    // RFC 6146 §3.5.2.2: port unreachable, quoting the SYN. It was counted when it was stored.
    answer(syn, view,
           Verdict::refuse(Counter::kDropSynStored, icmp4::kUnreachable, icmp4::kPortUnreachable));
  });
}

void Worker::expireAll(uint64_t nowMs) {
  setClock(nowMs);
  while (!expire(kExpireBudget)) {
  }
}

void Worker::countLosses() {
  const PortLosses losses = port_.losses();
  if (losses.read != losses_.read) {
    counters_.add(Counter::kDropDeviceRead, losses.read - losses_.read);
  }
  if (losses.queue_full != losses_.queue_full) {
    counters_.add(Counter::kDropDeviceQueueFull, losses.queue_full - losses_.queue_full);
  }
  if (losses.refused != losses_.refused) {
    counters_.add(Counter::kDropDeviceRefused, losses.refused - losses_.refused);
  }
  losses_ = losses;
}

// --- Listings and changes ------------------------------------------------------------------------

void Worker::list(const TableQuery& query, SessionPage& page) const {
  const Tables& tables = nat64_.tables();
  const uint32_t end = tables.sessionsTouched();
  uint32_t at = query.cursor;
  const uint32_t stop = at + kPageLooks < end ? at + kPageLooks : end;
  page.rows.clear();
  for (; at < stop && page.rows.size() < query.limit; ++at) {
    const Session& session = tables.session(at);
    if (session.proto == Proto::kNone ||
        (query.proto != Proto::kNone && session.proto != query.proto) ||
        (query.v6 && !query.v6->contains(session.host)) ||
        (query.port6 && *query.port6 != session.host_port.host()) ||
        !isMask(query.v4, session.pool) ||
        (query.port4 && *query.port4 != session.pool_port.host()) ||
        !isMask(query.remote4, session.remote)) {
      continue;
    }
    const auto left = static_cast<int32_t>(session.deadline - 1 - now_);
    page.rows.push_back({session, config_->translation.pool6[session.pool6].embed(session.remote),
                         left < 0 ? 0 : static_cast<uint32_t>(left)});
  }
  page.next = at < end ? at : 0;
}

void Worker::list(const TableQuery& query, BibPage& page) const {
  const Tables& tables = nat64_.tables();
  const uint32_t end = tables.bibsTouched();
  uint32_t at = query.cursor;
  const uint32_t stop = at + kPageLooks < end ? at + kPageLooks : end;
  page.rows.clear();
  for (; at < stop && page.rows.size() < query.limit; ++at) {
    const Bib& bib = tables.bib(at);
    if (bib.proto == Proto::kNone || (query.proto != Proto::kNone && bib.proto != query.proto) ||
        (query.v6 && !query.v6->contains(bib.host)) ||
        (query.port6 && *query.port6 != bib.host_port.host()) || !isMask(query.v4, bib.pool) ||
        (query.port4 && *query.port4 != bib.pool_port.host())) {
      continue;
    }
    page.rows.push_back(bib);
  }
  page.next = at < end ? at : 0;
}

Tables::AddResult Worker::addBib(Proto proto, const Ipv6Address& host, Be16 host_port,
                                 Ipv4Address pool, Be16 pool_port) {
  return nat64_.tables().addStaticBib(proto, host, host_port, pool, pool_port);
}

Worker::RemoveResult Worker::removeBib(Proto proto, Ipv4Address pool, Be16 pool_port) {
  const uint32_t number = nat64_.tables().findBib(proto, pool, pool_port);
  if (number == Tables::kNone) return RemoveResult::kNone;
  return nat64_.tables().removeBib(number, kChangeBudget) ? RemoveResult::kRemoved
                                                          : RemoveResult::kGoOn;
}

Tables::LendResult Worker::lend(Proto proto, Ipv4Address pool, Be16 port, uint16_t borrower) {
  return nat64_.tables().lend(proto, pool, port, borrower);
}

bool Worker::takeBack(Proto proto, Ipv4Address pool, Be16 port) {
  return nat64_.tables().takeBack(proto, pool, port);
}

uint16_t Worker::holder(Proto proto, Ipv4Address pool, Be16 port) const {
  return nat64_.tables().borrower(proto, pool, port, index_);
}

void Worker::pool4(std::vector<Pool4::Usage>& usage) const {
  const Pool4& pool = nat64_.tables().pool4();
  usage.clear();
  for (uint32_t n = 0; n < pool.size(); ++n) usage.push_back(pool.usage(n));
}

TableSizes Worker::sizes() const {
  const Tables& tables = nat64_.tables();
  return {
      tables.sessionCount(),    tables.bibCount(),
      tables.staticBibCount(),  tables.hostCount(),
      reassembly_.used(),       tables.syns().used(),
      nat64_.pathMtus().used(), tables.bytes() + reassembly_.bytes() + nat64_.pathMtus().bytes()};
}

void Worker::swapTracePage(std::unique_ptr<TracePage>& page) {
  if (trace_ != nullptr) trace_->swapPage(page);
}

void Worker::takeEvents(DropEvents& events) {
  events = events_;
  events_.count = 0;
  events_.lost = 0;
}

}  // namespace platypus
