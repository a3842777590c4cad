// The BIBs, the session tables, the hosts, and everything that keeps them together: creation,
// removal, time. No packets are read or written here; outbound.cpp and inbound.cpp decide, the
// tables keep.
//
// Ownership: one worker. All memory is taken by the constructor.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "nat64/bib.h"
#include "nat64/config.h"
#include "nat64/hash.h"
#include "nat64/index_table.h"
#include "nat64/lent_ports.h"
#include "nat64/peers.h"
#include "nat64/pool4.h"
#include "nat64/random.h"
#include "nat64/record_pool.h"
#include "nat64/session.h"
#include "nat64/stored_syns.h"
#include "nat64/timer_wheel.h"
#include "packet/counter.h"

namespace platypus {

/// A flow as the IPv6 side sees it.
struct FlowV6 {
  Ipv6Address host;
  Ipv4Address remote;
  Be16 host_port;
  Be16 remote_port;
  Proto proto = Proto::kNone;
  uint8_t pool6 = 0;
  uint64_t hash = 0;
};

/// A flow as the IPv4 side sees it.
struct FlowV4 {
  Ipv4Address remote;
  Ipv4Address pool;
  Be16 remote_port;
  Be16 pool_port;
  Proto proto = Proto::kNone;
  uint64_t hash = 0;
};

class Tables {
 public:
  static constexpr uint32_t kNone = 0xffffffff;

  Tables(const Nat64Limits& limits, Pool4::Shard shard, const RandomSource::Seed& seed,
         Counters& counters);
  /// False when the kernel had not enough memory.
  bool ok() const;
  size_t bytes() const;

  // Look-up. Hashes are computed once and carried in the flow.
  void hash(FlowV6& flow) const;
  void hash(FlowV4& flow) const;
  // Inlined by force: GCC takes a function that only prefetches for one without effect and drops
  // calls.
  [[gnu::always_inline]] void prefetch(const FlowV6& flow) const { by_v6_.prefetch(flow.hash); }
  [[gnu::always_inline]] void prefetch(const FlowV4& flow) const { by_v4_.prefetch(flow.hash); }
  [[gnu::always_inline]] void prefetchSession(const FlowV6& flow) const {
    prefetchSession(by_v6_.guess(flow.hash));
  }
  [[gnu::always_inline]] void prefetchSession(const FlowV4& flow) const {
    prefetchSession(by_v4_.guess(flow.hash));
  }
  uint32_t find(const FlowV6& flow) const;
  uint32_t find(const FlowV4& flow) const;
  uint32_t findBib(Proto proto, const Ipv6Address& host, Be16 port) const;
  uint32_t findBib(Proto proto, Ipv4Address pool, Be16 port) const;
  /// Address-dependent filtering: may `remote` send to this BIB entry?
  bool passesFilter(const Bib& bib, uint32_t number, Ipv4Address remote) const;
  bool filters(Proto proto) const { return limits_.filtering[protoIndex(proto)]; }

  // Creation. A failure names the reason and leaves everything as it was.
  struct Created {
    uint32_t number = kNone;
    Counter reason = Counter::kCount;
  };
  /// The BIB entry of (host, port), made if there is none (RFC 6146 §3.5.1.1).
  Created findOrCreateBib(const FlowV6& flow);
  /// A session of `bib`, in state `state`, over at tick `deadline`.
  Created createSession(uint32_t bib, Ipv4Address remote, Be16 remote_port, uint8_t pool6,
                        TcpState state, uint32_t deadline);
  /// A session without an IPv6 side, for a stored SYN (RFC 6146 §3.5.2.2).
  Created createHalfSession(const FlowV4& flow, uint8_t pool6, uint32_t syn, uint32_t deadline);
  /// Gives a half session its IPv6 side. False when there is no room; the session stays half.
  bool completeHalfSession(uint32_t number, uint32_t bib, uint8_t pool6);
  /// Removes a BIB entry that came into being for a session that could not be made.
  void removeIfIdle(uint32_t bib);

  void removeSession(uint32_t number);
  void discardSyn(Session& session);
  void hasten(uint32_t number) { wheel_.hasten(number); }

  // Static entries and removal by the administrator.
  enum class AddResult : uint8_t {
    kOk,
    kExists,
    kV6Taken,  // the IPv6 side has another mapping
    kV4Taken,
    kNotInPool4,
    kNoRoom,
  };
  AddResult addStaticBib(Proto proto, const Ipv6Address& host, Be16 host_port, Ipv4Address pool,
                         Be16 pool_port);
  /// Removes an entry and its sessions, at most `budget` of them. True when the entry is gone.
  bool removeBib(uint32_t number, uint32_t budget);

  // Ports of this worker's share for hosts of other workers.
  enum class LendResult : uint8_t { kLent, kAlready, kV4Taken, kNotInPool4, kNoRoom };
  LendResult lend(Proto proto, Ipv4Address pool, Be16 port, uint16_t borrower);
  /// Takes a lent port back. False when it was not lent.
  bool takeBack(Proto proto, Ipv4Address pool, Be16 port);
  /// The worker that a port is lent to; `own` where it is not.
  uint16_t borrower(Proto proto, Ipv4Address pool, Be16 port, uint16_t own) const {
    if (lent_.isEmpty()) return own;
    const uint32_t number = lent_.find(proto, pool, port);
    return number == LentPorts::kNone ? own : lent_[number].borrower;
  }

  // Changes of the pool: retire(), then purge() until it is true, which brings the new pool in.
  void retirePool4(std::span<const Pool4Entry> entries);
  bool purgePool4(std::span<const Pool4Entry> entries, uint32_t budget);

  /// Calls expired(number) for each session whose time is over, within a budget of looks; the
  /// callback removes the session or calls renew(). True when nothing is left to do.
  template <typename Expired>
  bool expire(uint32_t now, uint32_t budget, Expired&& expired) {
    return wheel_.advance(now, budget, expired);
  }
  void renew(uint32_t number, uint32_t deadline) {
    wheel_.remove(number);
    sessions_[number].deadline = deadline;
    wheel_.add(number);
  }
  void startAt(uint32_t now) { wheel_.startAt(now); }

  Session& session(uint32_t number) { return sessions_[number]; }
  const Session& session(uint32_t number) const { return sessions_[number]; }
  Bib& bib(uint32_t number) { return bibs_[number]; }
  const Bib& bib(uint32_t number) const { return bibs_[number]; }
  /// Records below these numbers may be in use; for listings.
  uint32_t sessionsTouched() const { return sessions_.touched(); }
  uint32_t bibsTouched() const { return bibs_.touched(); }
  uint32_t sessionCount() const { return sessions_.used(); }
  uint32_t bibCount() const { return bibs_.used(); }
  uint32_t staticBibCount() const { return static_bibs_; }
  uint32_t hostCount() const { return hosts_.used(); }
  const Pool4& pool4() const { return pool4_; }
  StoredSyns& syns() { return syns_; }
  const StoredSyns& syns() const { return syns_; }
  RandomSource& random() { return random_; }
  const HashKey& hashKey() const { return key_; }

 private:
  [[gnu::always_inline]] void prefetchSession(uint32_t number) const {
    if (number != kNone) sessions_.prefetch(number);
  }
  uint64_t hashBib(Proto proto, const Ipv6Address& host, Be16 port) const;
  uint64_t hashBib(Proto proto, Ipv4Address pool, Be16 port) const;
  uint64_t hashOf(const Session& session, Side side) const;
  uint32_t findHost(const Ipv6Address& address, uint64_t hash) const;
  Created findOrCreateHost(const Ipv6Address& address, Proto proto);
  uint32_t createHost(const Ipv6Address& address, uint64_t hash, uint32_t slot);
  void pairAnew(uint32_t host, uint32_t slot);
  void dropHostReference(uint32_t host);
  Created createBib(uint32_t host, const FlowV6& flow, uint32_t slot, uint16_t pool_port,
                    bool is_static);
  void removeIdleBib(uint32_t number);
  bool link(uint32_t number, uint32_t bib);
  void unlink(uint32_t number);
  void endLoan(uint32_t number);
  bool purgeLent(uint32_t& budget);

  Nat64Limits limits_;
  Counters& counters_;
  RandomSource random_;
  HashKey key_;
  RecordPool<Session, &Session::timer_next> sessions_;
  RecordPool<Bib, &Bib::first_session> bibs_;
  RecordPool<Host, &Host::pool_slot> hosts_;
  IndexTable by_v6_;
  IndexTable by_v4_;
  IndexTable bib_by_v6_;
  IndexTable bib_by_v4_;
  IndexTable host_index_;
  TimerWheel wheel_;
  Pool4 pool4_;
  LentPorts lent_;
  StoredSyns syns_;
  Peers peers_;
  uint32_t static_bibs_ = 0;
  uint32_t purge_at_ = 0;
  uint32_t purge_lent_at_ = 0;
};

}  // namespace platypus
