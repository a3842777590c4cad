#include "test/reference_nat64.h"

#include <algorithm>

namespace platypus::reference {
namespace {

enum class Timer { kKeep, kTrans, kEst };
struct Row {
  State state;
  Event event;
  State next;
  Timer timer;
};

// RFC 6146 §3.5.2.2, row by row; N64-TCP-08 … 23. What is not here changes nothing.
constexpr Row kRows[] = {
    {State::kV4Init, Event::kV6Syn, State::kEstablished, Timer::kEst},
    {State::kV6Init, Event::kV4Syn, State::kEstablished, Timer::kEst},
    {State::kV6Init, Event::kV6Syn, State::kV6Init, Timer::kTrans},
    {State::kEstablished, Event::kV4Fin, State::kV4Fin, Timer::kKeep},
    {State::kEstablished, Event::kV6Fin, State::kV6Fin, Timer::kKeep},
    {State::kEstablished, Event::kV4Rst, State::kTrans, Timer::kTrans},
    {State::kEstablished, Event::kV6Rst, State::kTrans, Timer::kTrans},
    {State::kEstablished, Event::kV4Syn, State::kEstablished, Timer::kEst},
    {State::kEstablished, Event::kV6Syn, State::kEstablished, Timer::kEst},
    {State::kEstablished, Event::kV4Other, State::kEstablished, Timer::kEst},
    {State::kEstablished, Event::kV6Other, State::kEstablished, Timer::kEst},
    {State::kV4Fin, Event::kV6Fin, State::kBothFin, Timer::kTrans},
    {State::kV4Fin, Event::kV4Fin, State::kV4Fin, Timer::kEst},
    {State::kV4Fin, Event::kV4Syn, State::kV4Fin, Timer::kEst},
    {State::kV4Fin, Event::kV6Syn, State::kV4Fin, Timer::kEst},
    {State::kV4Fin, Event::kV4Rst, State::kV4Fin, Timer::kEst},
    {State::kV4Fin, Event::kV6Rst, State::kV4Fin, Timer::kEst},
    {State::kV4Fin, Event::kV4Other, State::kV4Fin, Timer::kEst},
    {State::kV4Fin, Event::kV6Other, State::kV4Fin, Timer::kEst},
    {State::kV6Fin, Event::kV4Fin, State::kBothFin, Timer::kTrans},
    {State::kV6Fin, Event::kV6Fin, State::kV6Fin, Timer::kEst},
    {State::kV6Fin, Event::kV4Syn, State::kV6Fin, Timer::kEst},
    {State::kV6Fin, Event::kV6Syn, State::kV6Fin, Timer::kEst},
    {State::kV6Fin, Event::kV4Rst, State::kV6Fin, Timer::kEst},
    {State::kV6Fin, Event::kV6Rst, State::kV6Fin, Timer::kEst},
    {State::kV6Fin, Event::kV4Other, State::kV6Fin, Timer::kEst},
    {State::kV6Fin, Event::kV6Other, State::kV6Fin, Timer::kEst},
    {State::kTrans, Event::kV4Syn, State::kEstablished, Timer::kEst},
    {State::kTrans, Event::kV6Syn, State::kEstablished, Timer::kEst},
    {State::kTrans, Event::kV4Fin, State::kEstablished, Timer::kEst},
    {State::kTrans, Event::kV6Fin, State::kEstablished, Timer::kEst},
    {State::kTrans, Event::kV4Other, State::kEstablished, Timer::kEst},
    {State::kTrans, Event::kV6Other, State::kEstablished, Timer::kEst},
};

State stateOf(TcpState state) {
  switch (state) {
    case TcpState::kV4Init:
      return State::kV4Init;
    case TcpState::kV6Init:
      return State::kV6Init;
    case TcpState::kEstablished:
      return State::kEstablished;
    case TcpState::kV4FinRcv:
      return State::kV4Fin;
    case TcpState::kV6FinRcv:
      return State::kV6Fin;
    case TcpState::kV4FinV6FinRcv:
      return State::kBothFin;
    case TcpState::kTrans:
      return State::kTrans;
    case TcpState::kClosed:
      break;
  }
  return State::kNone;
}

End6 end6(const Ipv6Address& address, Be16 port) {
  return {address.bytes, port.host()};
}
End4 end4(Ipv4Address address, Be16 port) {
  return {address.host(), port.host()};
}
Nat64Model::SessionKey keyOf(const Session& session) {
  return {session.proto, end4(session.pool, session.pool_port),
          end4(session.remote, session.remote_port)};
}
SessionEntry entryOf(const Session& session) {
  SessionEntry entry;
  if (!session.isHalf()) entry.host = end6(session.host, session.host_port);
  entry.state = session.proto == Proto::kTcp ? stateOf(session.state) : State::kNone;
  entry.ends = session.deadline;
  entry.syn_waits = session.stored_syn != Session::kNoSyn;
  return entry;
}

}  // namespace

// --- Packets -------------------------------------------------------------------------------------

Event Nat64Model::event(bool v6, uint8_t flags) {
  if ((flags & 4) != 0) return v6 ? Event::kV6Rst : Event::kV4Rst;
  if ((flags & 2) != 0) return v6 ? Event::kV6Syn : Event::kV4Syn;
  if ((flags & 1) != 0) return v6 ? Event::kV6Fin : Event::kV4Fin;
  return v6 ? Event::kV6Other : Event::kV4Other;
}

void Nat64Model::segment(SessionEntry& session, bool v6, uint8_t flags, uint32_t now) const {
  const Event what = event(v6, flags);
  for (const Row& row : kRows) {
    if (row.state != session.state || row.event != what) continue;
    session.state = row.next;
    if (row.timer == Timer::kTrans) session.ends = now + config_->timeouts.tcp_transitory + 1;
    if (row.timer == Timer::kEst) session.ends = now + config_->timeouts.tcp_established + 1;
    // RFC 5382 REQ-4: with the outbound SYN the stored one is silently discarded.
    if (row.next == State::kEstablished) session.syn_waits = false;
    return;
  }
}

uint32_t Nat64Model::lifetime(Proto proto) const {
  return proto == Proto::kUdp ? config_->timeouts.udp : config_->timeouts.icmp;
}

const SessionEntry* Nat64Model::flow(Proto proto, End6 host, End4 remote) const {
  for (const auto& [key, session] : sessions_) {
    if (std::get<0>(key) == proto && std::get<2>(key) == remote && session.host == host) {
      return &session;
    }
  }
  return nullptr;
}

const SessionEntry* Nat64Model::flow(Proto proto, End4 pool, End4 remote) const {
  const auto found = sessions_.find({proto, pool, remote});
  return found == sessions_.end() || !found->second.host ? nullptr : &found->second;
}

Outcome Nat64Model::outbound(Proto proto, End6 host, End4 remote, uint8_t flags, uint32_t now,
                             std::optional<End4> drawn) {
  const auto forward = [&](End4 pool) { return Outcome{true, {}, host, pool, remote}; };
  const BibKey bib_key{proto, host};
  auto bib = bibs_.find(bib_key);
  const bool tcp = proto == Proto::kTcp;
  if (bib != bibs_.end()) {
    const auto session = sessions_.find({proto, bib->second.pool, remote});
    if (session != sessions_.end() && session->second.host) {
      if (tcp) {
        segment(session->second, true, flags, now);
      } else {
        session->second.ends = now + lifetime(proto) + 1;
      }
      return forward(bib->second.pool);
    }
  }
  if (tcp && !isSyn(flags)) {
    if (bib == bibs_.end()) return Outcome::drop({Counter::kDropTcpNoSession});
    return forward(bib->second.pool);
  }
  const bool full = sessions_.size() == limits_.sessions;
  const bool fresh = bib == bibs_.end();
  if (fresh) {
    std::set<Counter> reasons = noRoomForBib(proto, host, drawn.has_value());
    // A fresh mapping may meet a SYN that waits, which needs no other session.
    const bool meets = drawn && tcp && sessions_.contains({proto, *drawn, remote});
    if (full && !meets) reasons.insert(Counter::kDropSessionsFull);
    if (!reasons.empty()) return Outcome::drop(std::move(reasons));
    if (!drawn) {
      bad_draw_ = "no mapping although there was room";
      return Outcome::drop({});
    }
    checkDraw(proto, host, *drawn);
    paired_[host.first] = {drawn->first};
    bib = bibs_.emplace(bib_key, BibEntry{*drawn, false}).first;
  }
  const SessionKey key{proto, bib->second.pool, remote};
  const auto waiting = sessions_.find(key);
  if (waiting != sessions_.end()) {
    waiting->second.host = host;
    segment(waiting->second, true, flags, now);
    return forward(bib->second.pool);
  }
  if (full) return Outcome::drop({Counter::kDropSessionsFull});
  SessionEntry session;
  session.host = host;
  session.state = tcp ? State::kV6Init : State::kNone;
  session.ends = now + (tcp ? config_->timeouts.tcp_transitory : lifetime(proto)) + 1;
  sessions_[key] = session;
  return forward(bib->second.pool);
}

Outcome Nat64Model::inbound(Proto proto, End4 remote, End4 pool, uint8_t flags, uint32_t now) {
  const auto found = sessions_.find({proto, pool, remote});
  if (found != sessions_.end()) {
    SessionEntry& session = found->second;
    if (session.syn_waits) return Outcome::drop({Counter::kDropSynStored});
    if (proto == Proto::kTcp) {
      segment(session, false, flags, now);
    } else {
      session.ends = now + lifetime(proto) + 1;
    }
    return {true, {}, *session.host, pool, remote};
  }
  if (!inPool(pool.first)) return Outcome::drop({Counter::kDropNotPool4});
  const BibKey* bib = findBib(proto, pool);
  const bool full = sessions_.size() == limits_.sessions;
  SessionEntry session;
  if (bib != nullptr) session.host = bib->second;
  if (proto == Proto::kTcp) {
    if (config_->drop_inbound_tcp) return Outcome::drop({Counter::kDropTcpInbound});
    if (!isSyn(flags)) {
      if (bib == nullptr) return Outcome::drop({Counter::kDropTcpNoSession});
      if (!passesFilter(proto, pool, remote.first)) return Outcome::drop({Counter::kDropFiltered});
      return {true, {}, bib->second, pool, remote};
    }
    session.state = State::kV4Init;
    if (bib == nullptr || limits_.filtering[protoIndex(proto)]) {
      std::set<Counter> reasons;
      if (storedSyns() == limits_.stored_syns) reasons.insert(Counter::kDropStoredSynsFull);
      if (full) reasons.insert(Counter::kDropSessionsFull);
      if (!reasons.empty()) return Outcome::drop(std::move(reasons));
      session.ends = now + config_->timeouts.tcp_incoming_syn + 1;
      session.syn_waits = true;
      sessions_[{proto, pool, remote}] = session;
      return Outcome::drop({Counter::kDropSynStored});
    }
    session.ends = now + config_->timeouts.tcp_transitory + 1;
  } else {
    if (bib == nullptr) return Outcome::drop({Counter::kDropNoBib});
    if (!passesFilter(proto, pool, remote.first)) return Outcome::drop({Counter::kDropFiltered});
    session.ends = now + lifetime(proto) + 1;
  }
  if (full) return Outcome::drop({Counter::kDropSessionsFull});
  sessions_[{proto, pool, remote}] = session;
  return {true, {}, *session.host, pool, remote};
}

// --- Time and the administrator ------------------------------------------------------------------

Nat64Model::Ended Nat64Model::expire(uint32_t now) {
  Ended ended;
  for (auto at = sessions_.begin(); at != sessions_.end();) {
    SessionEntry& session = at->second;
    if (session.ends > now) {
      ++at;
      continue;
    }
    if (session.state == State::kEstablished) {
      session.state = State::kTrans;
      session.ends = now + config_->timeouts.tcp_transitory + 1;
      ++ended.probes;
      ++at;
      continue;
    }
    if (session.syn_waits) ++ended.syn_errors;
    ++ended.sessions;
    const std::optional<End6> host = session.host;
    const Proto proto = std::get<0>(at->first);
    at = sessions_.erase(at);
    if (host) dropIdle({proto, *host});
  }
  forgetHosts();
  return ended;
}

Tables::AddResult Nat64Model::addStatic(Proto proto, End6 host, End4 pool) {
  using Result = Tables::AddResult;
  if (!inPool(pool.first)) return Result::kNotInPool4;
  if (const auto bib = bibs_.find({proto, host}); bib != bibs_.end()) {
    if (bib->second.pool != pool) return Result::kV6Taken;
    if (bib->second.is_static) return Result::kExists;
    bib->second.is_static = true;
    return Result::kOk;
  }
  if (findBib(proto, pool) != nullptr) return Result::kV4Taken;
  const bool known = knowsHost(host.first);
  if (bibs_.size() == limits_.bib || (!known && hosts() == limits_.hosts)) return Result::kNoRoom;
  bibs_[{proto, host}] = {pool, true};
  if (!known) paired_[host.first] = {pool.first};
  return Result::kOk;
}

bool Nat64Model::removeBib(Proto proto, End4 pool) {
  const BibKey* bib = findBib(proto, pool);
  if (bib == nullptr) return false;
  std::erase_if(sessions_, [&](const auto& entry) {
    return std::get<0>(entry.first) == proto && entry.second.host == bib->second;
  });
  bibs_.erase(BibKey(*bib));
  forgetHosts();
  return true;
}

void Nat64Model::usePool(const Nat64Config& config) {
  config_ = &config;
  std::vector<std::pair<Proto, End4>> gone;
  for (const auto& [key, bib] : bibs_) {
    if (!inPool(bib.pool.first)) gone.emplace_back(key.first, bib.pool);
  }
  for (const auto& [proto, pool] : gone) removeBib(proto, pool);
  for (auto& [host, addresses] : paired_) {
    std::erase_if(addresses, [&](uint32_t address) { return !inPool(address); });
  }
  std::erase_if(paired_, [](const auto& pair) { return pair.second.empty(); });
  pairUnpaired();
}

// --- Tables --------------------------------------------------------------------------------------

const Nat64Model::BibKey* Nat64Model::findBib(Proto proto, End4 pool) const {
  for (const auto& [key, bib] : bibs_) {
    if (key.first == proto && bib.pool == pool) return &key;
  }
  return nullptr;
}

bool Nat64Model::passesFilter(Proto proto, End4 pool, uint32_t remote) const {
  if (!limits_.filtering[protoIndex(proto)]) return true;
  return std::any_of(sessions_.begin(), sessions_.end(), [&](const auto& entry) {
    const auto& [key, session] = entry;
    return std::get<0>(key) == proto && std::get<1>(key) == pool &&
           std::get<2>(key).first == remote && session.host;
  });
}

bool Nat64Model::inPool(uint32_t address) const {
  return std::any_of(config_->pool4.begin(), config_->pool4.end(),
                     [&](const Pool4Entry& entry) { return entry.address.host() == address; });
}

uint32_t Nat64Model::storedSyns() const {
  return static_cast<uint32_t>(std::count_if(sessions_.begin(), sessions_.end(),
                                             [](const auto& e) { return e.second.syn_waits; }));
}

size_t Nat64Model::hosts() const {
  std::set<HostKey> all;
  for (const auto& [key, bib] : bibs_) all.insert(key.second.first);
  return all.size();
}

bool Nat64Model::knowsHost(const HostKey& host) const {
  return std::any_of(bibs_.begin(), bibs_.end(),
                     [&](const auto& entry) { return entry.first.second.first == host; });
}

void Nat64Model::dropIdle(const BibKey& key) {
  const auto bib = bibs_.find(key);
  if (bib == bibs_.end() || bib->second.is_static) return;
  for (const auto& [session_key, session] : sessions_) {
    if (std::get<0>(session_key) == key.first && session.host == key.second) return;
  }
  bibs_.erase(bib);
}

void Nat64Model::forgetHosts() {
  std::erase_if(paired_, [&](const auto& pair) { return !knowsHost(pair.first); });
}

/// Hosts whose address is not known are on one of those they have entries on.
void Nat64Model::pairUnpaired() {
  std::map<HostKey, std::set<uint32_t>> found;
  for (const auto& [key, bib] : bibs_) found[key.second.first].insert(bib.pool.first);
  paired_.merge(found);
}

// --- Ports (RFC 6146 §3.5.1.1) -------------------------------------------------------------------

std::vector<uint16_t> Nat64Model::freePorts(uint32_t address, Proto proto) const {
  std::vector<uint16_t> ports;
  for (const Pool4Entry& entry : config_->pool4) {
    if (entry.address.host() != address) continue;
    for (uint32_t port = std::max<uint32_t>(entry.port_min, 1); port <= entry.port_max; ++port) {
      const End4 pool{address, static_cast<uint16_t>(port)};
      if (findBib(proto, pool) == nullptr) ports.push_back(pool.second);
    }
  }
  return ports;
}

/// Where a host may get a mapping: the address it is paired with; a new one anywhere.
std::set<uint32_t> Nat64Model::addressesFor(const HostKey& host, Proto proto) const {
  if (const auto pair = paired_.find(host); pair != paired_.end()) return pair->second;
  std::set<uint32_t> result;
  for (const Pool4Entry& entry : config_->pool4) {
    if (!freePorts(entry.address.host(), proto).empty()) result.insert(entry.address.host());
  }
  return result;
}

std::set<Counter> Nat64Model::noRoomForBib(Proto proto, const End6& host, bool drawn) const {
  std::set<Counter> reasons;
  if (bibs_.size() == limits_.bib) reasons.insert(Counter::kDropBibFull);
  if (!knowsHost(host.first) && hosts() == limits_.hosts) reasons.insert(Counter::kDropHostsFull);
  const auto addresses = addressesFor(host.first, proto);
  const auto full = [&](uint32_t address) { return freePorts(address, proto).empty(); };
  // Where it is not known which address is the host's, a refusal may mean any that is full.
  const auto count = std::count_if(addresses.begin(), addresses.end(), full);
  if (drawn ? count == std::ssize(addresses) : count != 0 || addresses.empty()) {
    reasons.insert(Counter::kDropPool4Exhausted);
  }
  return reasons;
}

void Nat64Model::checkDraw(Proto proto, const End6& host, End4 drawn) {
  if (!addressesFor(host.first, proto).contains(drawn.first)) {
    bad_draw_ = "N64-PORT-01: not the address the host is paired with";
    return;
  }
  const std::vector<uint16_t> free = freePorts(drawn.first, proto);
  if (std::find(free.begin(), free.end(), drawn.second) == free.end()) {
    bad_draw_ = "N64-PORT-08: a port that is taken or not offered";
    return;
  }
  if (proto == Proto::kIcmp) return;
  const auto low = [](uint16_t port) { return port < 1024; };
  const auto anyFree = [&](auto&& fits) { return std::any_of(free.begin(), free.end(), fits); };
  const auto sameClass = [&](uint16_t port) { return low(port) == low(host.second); };
  if (!sameClass(drawn.second) && anyFree(sameClass)) {
    bad_draw_ = "N64-PORT-04: the wrong range though the right one has room";
  }
  if (proto != Proto::kUdp || drawn.second % 2 == host.second % 2) return;
  if (anyFree([&](uint16_t port) {
        return low(port) == low(drawn.second) && port % 2 == host.second % 2;
      })) {
    bad_draw_ = "N64-PORT-05: the wrong parity though the right one has room";
  }
}

// --- Against the real tables ---------------------------------------------------------------------

void Nat64Model::adopt(const Tables& tables) {
  bibs_.clear();
  sessions_.clear();
  for (uint32_t n = 0; n < tables.bibsTouched(); ++n) {
    const Bib& bib = tables.bib(n);
    if (bib.proto == Proto::kNone) continue;
    bibs_[{bib.proto, end6(bib.host, bib.host_port)}] = {end4(bib.pool, bib.pool_port),
                                                         bib.is_static};
  }
  for (uint32_t n = 0; n < tables.sessionsTouched(); ++n) {
    const Session& session = tables.session(n);
    if (session.proto != Proto::kNone) sessions_[keyOf(session)] = entryOf(session);
  }
  forgetHosts();
  pairUnpaired();
}

std::optional<const char*> Nat64Model::differs(const Tables& tables) const {
  size_t bibs = 0;
  for (uint32_t n = 0; n < tables.bibsTouched(); ++n) {
    const Bib& bib = tables.bib(n);
    if (bib.proto == Proto::kNone) continue;
    ++bibs;
    const auto mine = bibs_.find({bib.proto, end6(bib.host, bib.host_port)});
    if (mine == bibs_.end()) return "a BIB entry too many";
    if (mine->second.pool != end4(bib.pool, bib.pool_port)) return "a BIB entry maps elsewhere";
    if (mine->second.is_static != bib.is_static) return "static and dynamic mixed up";
  }
  if (bibs != bibs_.size()) return "a BIB entry is missing";
  size_t sessions = 0;
  for (uint32_t n = 0; n < tables.sessionsTouched(); ++n) {
    const Session& session = tables.session(n);
    if (session.proto == Proto::kNone) continue;
    ++sessions;
    const auto mine = sessions_.find(keyOf(session));
    if (mine == sessions_.end()) return "a session too many";
    const SessionEntry theirs = entryOf(session);
    if (mine->second.host != theirs.host) return "a session of another host";
    if (mine->second.state != theirs.state) return "another TCP state";
    if (mine->second.ends != theirs.ends) return "another lifetime";
    if (mine->second.syn_waits != theirs.syn_waits) return "a stored SYN too many or too few";
  }
  if (sessions != sessions_.size()) return "a session is missing";
  if (tables.hostCount() != hosts()) return "another number of hosts";
  if (tables.syns().used() != storedSyns()) return "another number of stored SYNs";
  return std::nullopt;
}

}  // namespace platypus::reference
