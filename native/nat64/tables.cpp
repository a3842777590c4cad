#include "nat64/tables.h"

#include <algorithm>

namespace platypus {
namespace {

HashKey drawKey(RandomSource& random) {
  return {random.next64(), random.next64(), random.next64()};
}

bool filtersAny(const Nat64Limits& limits) {
  for (const bool filters : limits.filtering) {
    if (filters) return true;
  }
  return false;
}

}  // namespace

Tables::Tables(const Nat64Limits& limits, Pool4::Shard shard, const RandomSource::Seed& seed,
               Counters& counters)
    : limits_(limits),
      counters_(counters),
      random_(seed),
      key_(drawKey(random_)),
      sessions_(limits.sessions),
      bibs_(limits.bib),
      hosts_(limits.hosts),
      by_v6_(limits.sessions),
      by_v4_(limits.sessions),
      bib_by_v6_(limits.bib),
      bib_by_v4_(limits.bib),
      host_index_(limits.hosts),
      wheel_(&sessions_.array()),
      pool4_(shard),
      lent_(shard.count > 1 ? std::min(limits.bib, LentPorts::kMost) : 0, key_),
      syns_(limits.stored_syns),
      peers_(filtersAny(limits) ? limits.sessions : 0, key_) {}

bool Tables::ok() const {
  return sessions_.ok() && bibs_.ok() && hosts_.ok() && by_v6_.ok() && by_v4_.ok() &&
         bib_by_v6_.ok() && bib_by_v4_.ok() && host_index_.ok() && wheel_.ok() && pool4_.ok() &&
         lent_.ok() && syns_.ok() && peers_.ok();
}

size_t Tables::bytes() const {
  return sessions_.bytes() + bibs_.bytes() + hosts_.bytes() + by_v6_.bytes() + by_v4_.bytes() +
         bib_by_v6_.bytes() + bib_by_v4_.bytes() + host_index_.bytes() + wheel_.bytes() +
         pool4_.bytes() + lent_.bytes() + syns_.bytes() + peers_.bytes();
}

// --- Look-up -------------------------------------------------------------------------------------

void Tables::hash(FlowV6& flow) const {
  flow.hash = hashWords(key_, flow.host.high(), flow.host.low(),
                        (uint64_t{flow.remote.value.wire()} << 32) |
                            (uint64_t{flow.host_port.wire()} << 16) | flow.remote_port.wire(),
                        (uint64_t{flow.pool6} << 8) | static_cast<uint8_t>(flow.proto));
}

void Tables::hash(FlowV4& flow) const {
  flow.hash =
      hashWords(key_, (uint64_t{flow.remote.value.wire()} << 32) | flow.pool.value.wire(),
                (uint64_t{flow.remote_port.wire()} << 32) |
                    (uint64_t{flow.pool_port.wire()} << 16) | static_cast<uint8_t>(flow.proto));
}

uint64_t Tables::hashBib(Proto proto, const Ipv6Address& host, Be16 port) const {
  return hashWords(key_, host.high(), host.low(), port.wire(), static_cast<uint8_t>(proto));
}

uint64_t Tables::hashBib(Proto proto, Ipv4Address pool, Be16 port) const {
  return hashWords(key_, (uint64_t{pool.value.wire()} << 16) | port.wire(),
                   static_cast<uint8_t>(proto));
}

uint64_t Tables::hashOf(const Session& session, Side side) const {
  if (side == Side::kV6) {
    FlowV6 flow{session.host,
                session.remote,
                session.host_port,
                session.remote_port,
                session.proto,
                session.pool6,
                0};
    hash(flow);
    return flow.hash;
  }
  FlowV4 flow{session.remote,    session.pool,  session.remote_port,
              session.pool_port, session.proto, 0};
  hash(flow);
  return flow.hash;
}

uint32_t Tables::find(const FlowV6& flow) const {
  return by_v6_.find(flow.hash, [&](uint32_t number) {
    const Session& session = sessions_[number];
    return session.host == flow.host && session.remote == flow.remote &&
           session.host_port == flow.host_port && session.remote_port == flow.remote_port &&
           session.proto == flow.proto && session.pool6 == flow.pool6;
  });
}

uint32_t Tables::find(const FlowV4& flow) const {
  return by_v4_.find(flow.hash, [&](uint32_t number) {
    const Session& session = sessions_[number];
    return session.pool_port == flow.pool_port && session.remote == flow.remote &&
           session.remote_port == flow.remote_port && session.pool == flow.pool &&
           session.proto == flow.proto;
  });
}

uint32_t Tables::findBib(Proto proto, const Ipv6Address& host, Be16 port) const {
  return bib_by_v6_.find(hashBib(proto, host, port), [&](uint32_t number) {
    const Bib& bib = bibs_[number];
    return bib.host == host && bib.host_port == port && bib.proto == proto;
  });
}

uint32_t Tables::findBib(Proto proto, Ipv4Address pool, Be16 port) const {
  return bib_by_v4_.find(hashBib(proto, pool, port), [&](uint32_t number) {
    const Bib& bib = bibs_[number];
    return bib.pool == pool && bib.pool_port == port && bib.proto == proto;
  });
}

bool Tables::passesFilter(const Bib& bib, uint32_t number, Ipv4Address remote) const {
  return !filters(bib.proto) || peers_.knows(number, remote);
}

// --- Hosts ---------------------------------------------------------------------------------------

uint32_t Tables::findHost(const Ipv6Address& address, uint64_t hash) const {
  return host_index_.find(hash, [&](uint32_t number) { return hosts_[number].address == address; });
}

Tables::Created Tables::findOrCreateHost(const Ipv6Address& address, Proto proto) {
  const uint64_t hash = hashWords(key_, address.high(), address.low());
  const uint32_t known = findHost(address, hash);
  if (known != kNone) return {known, Counter::kCount};
  const uint32_t slot = pool4_.choose(hash, proto);
  if (slot == Pool4::kNone) return {kNone, Counter::kDropPool4Exhausted};
  const uint32_t number = createHost(address, hash, slot);
  return {number, number == kNone ? Counter::kDropHostsFull : Counter::kCount};
}

uint32_t Tables::createHost(const Ipv6Address& address, uint64_t hash, uint32_t slot) {
  const uint32_t number = hosts_.take();
  if (number == kNone) return kNone;
  if (!host_index_.insert(hash, number)) {
    hosts_.give(number);
    return kNone;
  }
  hosts_[number] = {address, 0, slot};
  pool4_.addHost(slot);
  return number;
}

/// A host that keeps an entry elsewhere when its address leaves the pool is paired with that one.
void Tables::pairAnew(uint32_t number, uint32_t slot) {
  Host& host = hosts_[number];
  if (pool4_.isActive(host.pool_slot)) return;
  pool4_.removeHost(host.pool_slot);
  host.pool_slot = slot;
  pool4_.addHost(slot);
}

void Tables::dropHostReference(uint32_t number) {
  Host& host = hosts_[number];
  if (host.bib_count != 0) return;
  host_index_.erase(hashWords(key_, host.address.high(), host.address.low()), number);
  pool4_.removeHost(host.pool_slot);
  hosts_.give(number);
}

// --- BIB -----------------------------------------------------------------------------------------

Tables::Created Tables::findOrCreateBib(const FlowV6& flow) {
  const uint32_t known = findBib(flow.proto, flow.host, flow.host_port);
  if (known != kNone) return {known, Counter::kCount};
  if (bibs_.full()) return {kNone, Counter::kDropBibFull};
  const Created host = findOrCreateHost(flow.host, flow.proto);
  if (host.number == kNone) return host;
  // RFC 7857 §4: the host stays with its address; when that one has no port left, the flow is
  // refused rather than given another address.
  const uint32_t slot = hosts_[host.number].pool_slot;
  const uint16_t port =
      pool4_.isActive(slot) ? pool4_.allocate(slot, flow.proto, flow.host_port.host(), random_) : 0;
  if (port == 0) {
    dropHostReference(host.number);
    return {kNone, Counter::kDropPool4Exhausted};
  }
  const Created bib = createBib(host.number, flow, slot, port, false);
  if (bib.number == kNone) {
    pool4_.release(slot, flow.proto, port);
    dropHostReference(host.number);
  }
  return bib;
}

Tables::Created Tables::createBib(uint32_t host, const FlowV6& flow, uint32_t slot,
                                  uint16_t pool_port, bool is_static) {
  const uint32_t number = bibs_.take();
  if (number == kNone) return {kNone, Counter::kDropBibFull};
  const Ipv4Address address = pool4_.address(slot);
  const uint64_t v6_hash = hashBib(flow.proto, flow.host, flow.host_port);
  const uint64_t v4_hash = hashBib(flow.proto, address, Be16(pool_port));
  if (!bib_by_v6_.insert(v6_hash, number)) {
    bibs_.give(number);
    return {kNone, Counter::kDropBibFull};
  }
  if (!bib_by_v4_.insert(v4_hash, number)) {
    bib_by_v6_.erase(v6_hash, number);
    bibs_.give(number);
    return {kNone, Counter::kDropBibFull};
  }
  bibs_[number] = {.host = flow.host,
                   .pool = address,
                   .host_port = flow.host_port,
                   .pool_port = Be16(pool_port),
                   .proto = flow.proto,
                   .is_static = is_static,
                   .pool6 = flow.pool6,
                   .unused = 0,
                   .first_session = kNone,
                   .session_count = 0,
                   .host_number = host,
                   .pool_slot = slot};
  ++hosts_[host].bib_count;
  if (is_static) ++static_bibs_;
  counters_.add(Counter::kBibCreated);
  return {number, Counter::kCount};
}

void Tables::removeIfIdle(uint32_t number) {
  const Bib& bib = bibs_[number];
  if (bib.session_count == 0 && !bib.is_static) removeIdleBib(number);
}

void Tables::removeIdleBib(uint32_t number) {
  Bib& bib = bibs_[number];
  bib_by_v6_.erase(hashBib(bib.proto, bib.host, bib.host_port), number);
  bib_by_v4_.erase(hashBib(bib.proto, bib.pool, bib.pool_port), number);
  Host& host = hosts_[bib.host_number];
  pool4_.release(bib.pool_slot, bib.proto, bib.pool_port.host());
  if (bib.is_static) --static_bibs_;
  --host.bib_count;
  dropHostReference(bib.host_number);
  bib.proto = Proto::kNone;
  bibs_.give(number);
  counters_.add(Counter::kBibRemoved);
}

Tables::AddResult Tables::addStaticBib(Proto proto, const Ipv6Address& address, Be16 host_port,
                                       Ipv4Address pool, Be16 pool_port) {
  const uint32_t slot = pool4_.find(pool);
  if (slot == Pool4::kNone) return AddResult::kNotInPool4;
  const uint32_t of_v6 = findBib(proto, address, host_port);
  if (of_v6 != kNone) {
    Bib& bib = bibs_[of_v6];
    if (bib.pool != pool || bib.pool_port != pool_port) return AddResult::kV6Taken;
    if (bib.is_static) return AddResult::kExists;
    bib.is_static = true;  // the mapping that is there becomes permanent
    ++static_bibs_;
    return AddResult::kOk;
  }
  if (findBib(proto, pool, pool_port) != kNone) return AddResult::kV4Taken;
  const uint64_t hash = hashWords(key_, address.high(), address.low());
  // The administrator's word goes before paired pooling (RFC 4787 REQ-2): a known host may get an
  // entry on another address than its own.
  uint32_t host = findHost(address, hash);
  if (host == kNone) {
    host = createHost(address, hash, slot);
  } else {
    pairAnew(host, slot);  // purgePool4() may be past this entry's record
  }
  if (host == kNone) return AddResult::kNoRoom;
  if (!pool4_.reserve(slot, proto, pool_port.host())) {
    dropHostReference(host);
    return AddResult::kV4Taken;
  }
  const FlowV6 flow{address, Ipv4Address(), host_port, Be16(), proto, 0, 0};
  if (createBib(host, flow, slot, pool_port.host(), true).number == kNone) {
    pool4_.release(slot, proto, pool_port.host());
    dropHostReference(host);
    return AddResult::kNoRoom;
  }
  return AddResult::kOk;
}

bool Tables::removeBib(uint32_t number, uint32_t budget) {
  Bib& bib = bibs_[number];
  // The entry must not go with its last session before the loop is done with it.
  const bool was_static = bib.is_static;
  if (!was_static) {
    bib.is_static = true;
    ++static_bibs_;
  }
  while (bib.first_session != kNone && budget > 0) {
    --budget;
    counters_.add(Counter::kSessionRemoved);
    removeSession(bib.first_session);
  }
  if (bib.first_session == kNone) {
    removeIdleBib(number);
    return true;
  }
  if (!was_static) {
    bib.is_static = false;
    --static_bibs_;
  }
  return false;
}

// --- Ports for other workers ---------------------------------------------------------------------

Tables::LendResult Tables::lend(Proto proto, Ipv4Address pool, Be16 port, uint16_t borrower) {
  const uint32_t slot = pool4_.find(pool);
  if (slot == Pool4::kNone) return LendResult::kNotInPool4;
  const uint32_t number = lent_.find(proto, pool, port);
  if (number != LentPorts::kNone) {
    return lent_[number].borrower == borrower ? LendResult::kAlready : LendResult::kV4Taken;
  }
  if (!pool4_.reserve(slot, proto, port.host())) return LendResult::kV4Taken;
  if (lent_.add(proto, pool, port, slot, borrower)) return LendResult::kLent;
  pool4_.release(slot, proto, port.host());
  return LendResult::kNoRoom;
}

bool Tables::takeBack(Proto proto, Ipv4Address pool, Be16 port) {
  const uint32_t number = lent_.find(proto, pool, port);
  if (number == LentPorts::kNone) return false;
  endLoan(number);
  return true;
}

void Tables::endLoan(uint32_t number) {
  const LentPorts::Lent lent = lent_[number];
  pool4_.release(lent.pool_slot, lent.proto, lent.port.host());
  lent_.remove(number);
}

// --- Sessions ------------------------------------------------------------------------------------

Tables::Created Tables::createSession(uint32_t bib_number, Ipv4Address remote, Be16 remote_port,
                                      uint8_t pool6, TcpState state, uint32_t deadline) {
  const uint32_t number = sessions_.take();
  if (number == kNone) return {kNone, Counter::kDropSessionsFull};
  const Bib& bib = bibs_[bib_number];
  Session& session = sessions_[number];
  session.host = bib.host;
  session.pool = bib.pool;
  session.remote = remote;
  session.host_port = bib.host_port;
  session.pool_port = bib.pool_port;
  session.remote_port = remote_port;
  session.proto = bib.proto;
  session.state = state;
  session.deadline = deadline;
  session.pool6 = pool6 & 0xf;
  session.stored_syn = Session::kNoSyn;
  session.checksum_delta = 0;
  const uint64_t v4_hash = hashOf(session, Side::kV4);
  const bool indexed = by_v4_.insert(v4_hash, number);
  if (!indexed || !link(number, bib_number)) {
    if (indexed) by_v4_.erase(v4_hash, number);
    session.proto = Proto::kNone;
    sessions_.give(number);
    return {kNone, Counter::kDropSessionsFull};
  }
  wheel_.add(number);
  counters_.add(Counter::kSessionCreated);
  return {number, Counter::kCount};
}

Tables::Created Tables::createHalfSession(const FlowV4& flow, uint8_t pool6, uint32_t syn,
                                          uint32_t deadline) {
  const uint32_t number = sessions_.take();
  if (number == kNone) return {kNone, Counter::kDropSessionsFull};
  Session& session = sessions_[number];
  session = Session{};
  session.pool = flow.pool;
  session.remote = flow.remote;
  session.pool_port = flow.pool_port;
  session.remote_port = flow.remote_port;
  session.proto = flow.proto;
  session.state = TcpState::kV4Init;
  session.deadline = deadline;
  session.bib = kNone;
  session.pool6 = pool6 & 0xf;
  session.stored_syn = static_cast<uint16_t>(syn);
  if (!by_v4_.insert(flow.hash, number)) {
    session.proto = Proto::kNone;
    sessions_.give(number);
    return {kNone, Counter::kDropSessionsFull};
  }
  wheel_.add(number);
  counters_.add(Counter::kSessionCreated);
  return {number, Counter::kCount};
}

bool Tables::completeHalfSession(uint32_t number, uint32_t bib_number, uint8_t pool6) {
  Session& session = sessions_[number];
  const Bib& bib = bibs_[bib_number];
  session.host = bib.host;
  session.host_port = bib.host_port;
  session.pool6 = pool6 & 0xf;
  session.checksum_delta = 0;
  if (!link(number, bib_number)) {
    session.host = Ipv6Address();
    session.host_port = Be16();
    return false;
  }
  return true;
}

/// Puts a session among its BIB entry's sessions, under its IPv6 key and into the filter.
bool Tables::link(uint32_t number, uint32_t bib_number) {
  Session& session = sessions_[number];
  const uint64_t v6_hash = hashOf(session, Side::kV6);
  if (!by_v6_.insert(v6_hash, number)) return false;
  if (filters(session.proto) && !peers_.add(bib_number, session.remote)) {
    by_v6_.erase(v6_hash, number);
    return false;
  }
  Bib& bib = bibs_[bib_number];
  session.bib = bib_number;
  session.bib_previous = kNone;
  session.bib_next = bib.first_session;
  if (bib.first_session != kNone) sessions_[bib.first_session].bib_previous = number;
  bib.first_session = number;
  ++bib.session_count;
  return true;
}

void Tables::unlink(uint32_t number) {
  Session& session = sessions_[number];
  Bib& bib = bibs_[session.bib];
  by_v6_.erase(hashOf(session, Side::kV6), number);
  if (filters(session.proto)) peers_.remove(session.bib, session.remote);
  if (session.bib_previous == kNone) {
    bib.first_session = session.bib_next;
  } else {
    sessions_[session.bib_previous].bib_next = session.bib_next;
  }
  if (session.bib_next != kNone) sessions_[session.bib_next].bib_previous = session.bib_previous;
  --bib.session_count;
}

void Tables::discardSyn(Session& session) {
  if (session.stored_syn == Session::kNoSyn) return;
  syns_.discard(session.stored_syn);
  session.stored_syn = Session::kNoSyn;
}

void Tables::removeSession(uint32_t number) {
  Session& session = sessions_[number];
  wheel_.remove(number);
  by_v4_.erase(hashOf(session, Side::kV4), number);
  discardSyn(session);
  if (!session.isHalf()) {
    unlink(number);
    // RFC 6146 §3.1: a dynamic entry goes with its last session.
    removeIfIdle(session.bib);
  }
  session.proto = Proto::kNone;
  sessions_.give(number);
}

// --- Changes of the pool -------------------------------------------------------------------------

void Tables::retirePool4(std::span<const Pool4Entry> entries) {
  pool4_.retire(entries);
  purge_at_ = 0;
  purge_lent_at_ = 0;
}

/// The borrower removes the mappings of retired addresses by itself.
bool Tables::purgeLent(uint32_t& budget) {
  for (; purge_lent_at_ < lent_.touched(); ++purge_lent_at_) {
    if (budget == 0) return false;
    --budget;
    const LentPorts::Lent& lent = lent_[purge_lent_at_];
    if (lent.proto != Proto::kNone && !pool4_.isActive(lent.pool_slot)) endLoan(purge_lent_at_);
  }
  return true;
}

bool Tables::purgePool4(std::span<const Pool4Entry> entries, uint32_t budget) {
  while (purge_at_ < bibs_.touched()) {
    if (budget == 0) return false;
    --budget;
    const Bib& bib = bibs_[purge_at_];
    if (bib.proto != Proto::kNone && !pool4_.isActive(bib.pool_slot)) {
      const uint32_t sessions = std::min(bib.session_count, budget);
      if (!removeBib(purge_at_, budget)) return false;
      budget -= sessions;
    } else if (bib.proto != Proto::kNone) {
      pairAnew(bib.host_number, bib.pool_slot);
    }
    ++purge_at_;
  }
  return purgeLent(budget) && pool4_.replace(entries);
}

}  // namespace platypus
