// A second NAT64, slow and obvious, to hold against the real one: BIB and session tables of RFC
// 6146 as std::map, the TCP state machine as the rows of the RFC, time as a comparison. It does not
// draw ports: it is told which one was drawn and says whether that was allowed.
//
// One translation prefix, whole packets only. Times are ticks; a lifetime of n ticks ends at
// now + n + 1, because `now` may be almost a tick old.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <tuple>
#include <utility>
#include <vector>

#include "nat64/config.h"
#include "nat64/tables.h"
#include "packet/counter.h"

namespace platypus::reference {

using HostKey = std::array<uint8_t, 16>;
/// An address with a port or an ICMP identifier.
using End6 = std::pair<HostKey, uint16_t>;
using End4 = std::pair<uint32_t, uint16_t>;

enum class State { kNone, kV4Init, kV6Init, kEstablished, kV4Fin, kV6Fin, kBothFin, kTrans };
enum class Event { kV6Syn, kV4Syn, kV6Fin, kV4Fin, kV6Rst, kV4Rst, kV6Other, kV4Other };

struct BibEntry {
  End4 pool;
  bool is_static = false;
};

struct SessionEntry {
  std::optional<End6> host;  // nothing while only a stored SYN is there
  State state = State::kNone;
  uint32_t ends = 0;
  bool syn_waits = false;
  bool operator==(const SessionEntry&) const = default;
};

/// What has to happen to a packet.
struct Outcome {
  bool forward = false;
  /// Dropped: for one of these reasons. Several where several limits are reached at once.
  std::set<Counter> reasons;
  /// Forwarded: the three ends it travels between.
  End6 host;
  End4 pool;
  End4 remote;

  static Outcome drop(std::set<Counter> why) { return {false, std::move(why), {}, {}, {}}; }
};

class Nat64Model {
 public:
  using BibKey = std::pair<Proto, End6>;
  using SessionKey = std::tuple<Proto, End4, End4>;  // pool, remote

  Nat64Model(const Nat64Limits& limits, const Nat64Config& config)
      : limits_(limits), config_(&config) {}

  /// A packet from the IPv6 side. `drawn` is the mapping that (host) has after the real translator
  /// saw the packet, if any.
  Outcome outbound(Proto proto, End6 host, End4 remote, uint8_t flags, uint32_t now,
                   std::optional<End4> drawn);
  /// A packet from the IPv4 side, or one that comes back by hairpinning.
  Outcome inbound(Proto proto, End4 remote, End4 pool, uint8_t flags, uint32_t now);
  /// Is an ICMP error about a packet of this flow delivered? Errors never change anything.
  const SessionEntry* flow(Proto proto, End6 host, End4 remote) const;
  const SessionEntry* flow(Proto proto, End4 pool, End4 remote) const;

  struct Ended {
    uint32_t probes = 0;
    uint32_t syn_errors = 0;
    uint32_t sessions = 0;
  };
  Ended expire(uint32_t now);

  Tables::AddResult addStatic(Proto proto, End6 host, End4 pool);
  /// True when there was one.
  bool removeBib(Proto proto, End4 pool);
  void usePool(const Nat64Config& config);

  /// Takes over what the real tables hold, after a packet that the model does not understand.
  void adopt(const Tables& tables);
  /// Empty when the real tables hold exactly the same, else what differs.
  std::optional<const char*> differs(const Tables& tables) const;
  /// Set when a port was drawn that must not have been.
  const char* badDraw() const { return bad_draw_; }

 private:
  static bool isSyn(uint8_t flags) { return (flags & 2) != 0 && (flags & 4) == 0; }
  static Event event(bool v6, uint8_t flags);
  void segment(SessionEntry& session, bool v6, uint8_t flags, uint32_t now) const;
  uint32_t lifetime(Proto proto) const;
  const BibKey* findBib(Proto proto, End4 pool) const;
  bool passesFilter(Proto proto, End4 pool, uint32_t remote) const;
  bool inPool(uint32_t address) const;
  uint32_t storedSyns() const;
  size_t hosts() const;
  bool knowsHost(const HostKey& host) const;
  /// Free ports of an address that the dynamic range offers.
  std::vector<uint16_t> freePorts(uint32_t address, Proto proto) const;
  std::set<uint32_t> addressesFor(const HostKey& host, Proto proto) const;
  void checkDraw(Proto proto, const End6& host, End4 drawn);
  std::set<Counter> noRoomForBib(Proto proto, const End6& host, bool drawn) const;
  void dropIdle(const BibKey& key);
  void forgetHosts();
  void pairUnpaired();

  Nat64Limits limits_;
  const Nat64Config* config_;
  std::map<BibKey, BibEntry> bibs_;
  std::map<SessionKey, SessionEntry> sessions_;
  /// The address a host is paired with; several where the model cannot know which.
  std::map<HostKey, std::set<uint32_t>> paired_;
  const char* bad_draw_ = nullptr;
};

}  // namespace platypus::reference
