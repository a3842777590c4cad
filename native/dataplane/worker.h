// A worker: one shard of the subscribers and ports, with its port, its tables and its counters.
//
// One burst goes: receive → parse, tuple, prefetch (all packets) → prefetch sessions (all) → look
// up, translate, send (one after the other) → expire what is due, within a budget. Plain packets of
// known sessions take the short way of nat64/express.h. Where there are several workers, packets of
// others are handed over after they were read, and what others hand over makes a second burst.
//
// Ownership: everything here belongs to one thread; only counters() may be read by others.
#pragma once

#include <array>
#include <cstdint>
#include <memory>

#include "dataplane/config.h"
#include "dataplane/events.h"
#include "dataplane/handover.h"
#include "dataplane/query.h"
#include "dataplane/trace.h"
#include "nat64/express.h"
#include "nat64/nat64.h"
#include "nat64/reassembly.h"
#include "packet/counter.h"
#include "port/coalesce.h"
#include "port/port.h"
#include "port/slots.h"
#include "siit/originate.h"
#include "siit/stateless.h"

namespace platypus {

class Worker {
 public:
  static constexpr size_t kBurst = 64;

  struct Options {
    Mode mode = Mode::kNat64;
    Nat64Limits limits;
    Pool4::Shard shard;
    RandomSource::Seed seed{};
    /// The same for all workers of a device (RFC 6864: values of one tuple must not collide).
    uint64_t identification_secret = 0;
    /// To the other workers; null where there are none.
    Handover* handover = nullptr;
  };
  /// Takes all memory; check ok(). `port` and the handover must outlive the worker.
  Worker(Port& port, const Options& options);
  bool ok() const;

  /// Starts to change to `config`; call continueUse() until it is true. Returns what was in use
  /// before, so that a large table is not freed between two bursts.
  std::shared_ptr<const Config> use(std::shared_ptr<const Config> config);
  /// One bounded step of removing what a smaller pool no longer carries. True when `config` is in
  /// use as a whole.
  bool continueUse();

  /// One burst at `nowMs` (any clock that does not go back). Returns how many packets came.
  size_t poll(uint64_t nowMs);
  /// True when the last poll() left something that is due: sessions, or packets of other workers.
  bool isBehind() const { return behind_ || more_handed_; }
  /// Ends everything that is due at `nowMs`, without a bound: for tests and tools.
  void expireAll(uint64_t nowMs);

  const Counters& counters() const { return counters_; }
  /// For tests: what the worker keeps, to hold it against a model.
  const Tables& tables() const { return nat64_.tables(); }

  // Listings and changes, each one bounded step.
  void list(const TableQuery& query, SessionPage& page) const;
  void list(const TableQuery& query, BibPage& page) const;
  Tables::AddResult addBib(Proto proto, const Ipv6Address& host, Be16 host_port, Ipv4Address pool,
                           Be16 pool_port);
  enum class RemoveResult : uint8_t { kRemoved, kNone, kGoOn };
  RemoveResult removeBib(Proto proto, Ipv4Address pool, Be16 pool_port);
  // Ports of this worker for permanent entries at other workers.
  Tables::LendResult lend(Proto proto, Ipv4Address pool, Be16 port, uint16_t borrower);
  bool takeBack(Proto proto, Ipv4Address pool, Be16 port);
  /// The worker that has a port's mappings: this one, or the one it was lent to.
  uint16_t holder(Proto proto, Ipv4Address pool, Be16 port) const;
  /// The usage of all pool4 addresses; `usage` has room for Pool4::kMost.
  void pool4(std::vector<Pool4::Usage>& usage) const;
  TableSizes sizes() const;
  /// Starts a trace, or ends it with null; the caller gets what was there before.
  void swapTrace(std::unique_ptr<Trace>& trace) { std::swap(trace_, trace); }
  /// Gives what was traced for an empty page, which stays empty where nobody traces.
  void swapTracePage(std::unique_ptr<TracePage>& page);
  /// The drops to be told since the last call.
  void takeEvents(DropEvents& events);

 private:
  struct Flight {
    PacketView view;
    Verdict verdict;
    FlowV6 v6;
    FlowV4 v4;
    bool express = false;  // `plain` and one flow are set instead of `view` and `verdict`
    bool gone = false;     // handed over to its owner
    PlainView plain;
  };

  void handleBurst(size_t count);
  void countReceived(const Packet& packet);
  void prepare(Packet& packet, Flight& flight);
  bool prepareExpress(const Packet& packet, Flight& flight);
  void prepareLong(Packet& packet, Flight& flight);
  void read(Packet& packet, Flight& flight);
  bool handleExpress(Packet& packet, const Flight& flight);
  void handle(Packet& packet, Flight& flight, bool reassembled);
  void handleStateless(Packet& packet, const PacketView& view,
                       const StatelessTranslator::Pass& pass);
  bool waitsForFragments(const PacketView& view) const;
  void handleV6(Packet& packet, const Flight& flight, bool reassembled);
  void handleV4(Packet& packet, const Flight& flight, const Nat64::Pass& pass);
  void handleFragment(const Packet& packet, const Flight& flight);
  void reassemble(const Packet& packet, const PacketView& view);
  void handleSplit(const Packet& packet, const PacketView& view);
  void hairpin(Packet& packet);
  void handleHairpinned(Packet& packet, const Flight& flight);
  // Between workers (worker_handover.cpp).
  struct Owner {
    uint16_t worker;
    bool final = false;  // nobody knows better
  };
  Owner ownerOf(const Packet& packet, const Flight& flight) const;
  Owner ownerOf(const Packet& packet, const PacketView& view) const;
  Owner ownerOfPort(Proto proto, Ipv4Address pool, Be16 port) const;
  bool handOver(const Packet& packet, Owner owner, uint8_t flags);
  size_t takeHanded(size_t& prepared);
  void handleHanded(Packet& packet, Flight& flight, uint8_t flags);
  bool handOn(const Packet& packet, const Flight& flight, uint8_t flags);
  void spreadPathMtu();
  void refuse(const Packet& packet, const PacketView& view, const Verdict& verdict);
  void answer(const Packet& packet, const PacketView& view, const Verdict& verdict);
  void countTranslated(const Packet& packet, const PacketView& view, const Sizing& sizing);
  void emitV4(Packet& packet, const Sizing& sizing);
  void emitV6(Packet& packet, const Sizing& sizing, uint32_t identification);
  void send(Packet& packet);
  void write(Packet& packet);
  void countJoined(const Packet& packet);
  bool isOfBurst(const Packet& packet) const {
    return &packet >= packets_.data() && &packet < packets_.data() + kBurst;
  }
  void setClock(uint64_t nowMs);
  bool expire(uint32_t budget);
  void countLosses();
  Ipv4Address errorSource4(const Packet& packet) const;
  Ipv6Address errorSource6() const;

  Port& port_;
  Coalescer coalescer_;
  bool coalescing_ = false;  // this burst
  bool more_handed_ = false;
  const Mode mode_;
  const uint16_t index_;
  Handover* const handover_;
  Counters counters_;
  Nat64 nat64_;
  Reassembly reassembly_;
  StatelessTranslator stateless_;
  std::unique_ptr<Trace> trace_;
  DropEvents events_;
  std::shared_ptr<const Config> config_;
  TokenBucket errors4_;
  TokenBucket errors6_;
  PortLosses losses_;
  uint64_t now_ms_ = 0;
  uint32_t now_ = 0;  // ticks of 100 ms
  bool started_ = false;
  bool purging_ = false;
  bool behind_ = false;
  std::unique_ptr<std::byte[]> slots_;
  Packet error_slot_;     // errors and probes being built
  Packet fragment_slot_;  // fragments being cut
  Packet split_slot_;     // datagrams of a split super-packet
  Slots handed_slots_;    // what other workers hand over
  std::array<Packet, kBurst> packets_;
  std::array<Flight, kBurst> flights_;
};

}  // namespace platypus
