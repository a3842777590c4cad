#include "nat64/tables.h"

#include <vector>

#include "test/nat64_packets.h"
#include "test/test.h"

namespace platypus {
namespace {

using namespace test;
using AddResult = Tables::AddResult;

constexpr Ipv4Address kOne = v4(192, 0, 2, 1);
constexpr Ipv4Address kTwo = v4(192, 0, 2, 2);
const std::vector<Pool4Entry> kBoth{{kOne, 1024, 65'535}, {kTwo, 1024, 65'535}};
const std::vector<Pool4Entry> kOnlyTwo{{kTwo, 1024, 65'535}};

struct Fixture {
  explicit Fixture(const std::vector<Pool4Entry>& pool = kBoth, Nat64Limits limits = {})
      : tables(limits, {}, {9}, counters) {
    use(pool);
  }
  void use(const std::vector<Pool4Entry>& pool) {
    tables.retirePool4(pool);
    while (!tables.purgePool4(pool, 1000)) {
    }
  }
  uint32_t bib(uint8_t host, uint16_t port, Proto proto = Proto::kUdp) {
    FlowV6 flow{host6(host), v4(8, 8, 8, 8), Be16(port), Be16(53), proto, 0, 0};
    tables.hash(flow);
    return tables.findOrCreateBib(flow).number;
  }
  uint32_t session(uint32_t bib, uint16_t remote_port, uint32_t deadline = 100) {
    return tables
        .createSession(bib, v4(8, 8, 8, 8), Be16(remote_port), 0, TcpState::kClosed, deadline)
        .number;
  }
  uint64_t count(Counter counter) const { return counters.read(counter); }

  Counters counters;
  Tables tables;
};

Nat64Limits small() {
  Nat64Limits limits;
  limits.sessions = 2;
  limits.bib = 2;
  limits.hosts = 2;
  return limits;
}

TEST_CASE("N64-GEN-08 a dynamic BIB entry goes with its last session, a static one stays") {
  Fixture f;
  const uint32_t bib = f.bib(1, 4000);
  const uint32_t one = f.session(bib, 1);
  const uint32_t two = f.session(bib, 2);
  f.tables.removeSession(one);
  CHECK(f.tables.bibCount() == 1);
  f.tables.removeSession(two);
  CHECK(f.tables.bibCount() == 0);
  CHECK(f.tables.hostCount() == 0);
  CHECK(f.tables.pool4().usage(0).used[protoIndex(Proto::kUdp)] +
            f.tables.pool4().usage(1).used[protoIndex(Proto::kUdp)] ==
        0);
  REQUIRE(f.tables.addStaticBib(Proto::kUdp, host6(1), Be16(1), kOne, Be16(80)) == AddResult::kOk);
  f.tables.removeSession(f.session(f.tables.findBib(Proto::kUdp, kOne, Be16(80)), 1));
  CHECK(f.tables.bibCount() == 1);
}

TEST_CASE("N64-GEN-07 a static BIB entry: every answer") {
  Fixture f(kBoth, small());
  const auto add = [&](uint8_t host, uint16_t port, Ipv4Address pool, uint16_t pool_port) {
    return f.tables.addStaticBib(Proto::kTcp, host6(host), Be16(port), pool, Be16(pool_port));
  };
  CHECK(add(1, 80, v4(192, 0, 2, 9), 80) == AddResult::kNotInPool4);
  CHECK(add(1, 80, kOne, 80) == AddResult::kOk);
  CHECK(add(1, 80, kOne, 80) == AddResult::kExists);
  CHECK(add(1, 80, kOne, 81) == AddResult::kV6Taken);
  CHECK(add(2, 80, kOne, 80) == AddResult::kV4Taken);
  const uint32_t dynamic = f.bib(2, 4000, Proto::kTcp);
  const Bib& bib = f.tables.bib(dynamic);
  CHECK(add(2, 4000, bib.pool, bib.pool_port.host()) == AddResult::kOk);  // becomes permanent
  CHECK(f.tables.staticBibCount() == 2);
  CHECK(add(2, 4001, kTwo, 81) == AddResult::kNoRoom);
  CHECK(f.tables.bibCount() == 2);
  CHECK(f.tables.hostCount() == 2);
}

TEST_CASE("removing a BIB entry takes its sessions within the budget and keeps what it is") {
  for (const bool is_static : {false, true}) {
    Fixture f;
    uint32_t bib = f.bib(1, 4000);
    for (uint16_t i = 0; i < 10; ++i) f.session(bib, static_cast<uint16_t>(100 + i));
    if (is_static) {
      const Bib& entry = f.tables.bib(bib);
      f.tables.addStaticBib(Proto::kUdp, entry.host, entry.host_port, entry.pool, entry.pool_port);
    }
    CHECK_FALSE(f.tables.removeBib(bib, 4));
    CHECK(f.tables.sessionCount() == 6);
    CHECK(f.tables.bib(bib).is_static == is_static);
    CHECK(f.tables.staticBibCount() == (is_static ? 1 : 0));
    CHECK_FALSE(f.tables.removeBib(bib, 0));
    CHECK(f.tables.removeBib(bib, 6));
    CHECK(f.tables.sessionCount() == 0);
    CHECK(f.tables.bibCount() == 0);
    CHECK(f.tables.staticBibCount() == 0);
    CHECK(f.tables.hostCount() == 0);
    CHECK(f.count(Counter::kSessionRemoved) == 10);
  }
}

TEST_CASE("N64-TCP-10 a half session gets its IPv6 side, is found from both, and its SYN goes") {
  Fixture f;
  const uint32_t bib = f.bib(1, 4000, Proto::kTcp);
  FlowV4 from4{v4(8, 8, 8, 8), f.tables.bib(bib).pool,
               Be16(443),      f.tables.bib(bib).pool_port,
               Proto::kTcp,    0};
  f.tables.hash(from4);
  const Bytes syn(40);
  const uint32_t kept = f.tables.syns().keep(syn);
  const uint32_t half = f.tables.createHalfSession(from4, 0, kept, 60).number;
  FlowV6 from6{host6(1), v4(8, 8, 8, 8), Be16(4000), Be16(443), Proto::kTcp, 0, 0};
  f.tables.hash(from6);
  CHECK(f.tables.find(from4) == half);
  CHECK(f.tables.find(from6) == Tables::kNone);
  CHECK(f.tables.bib(bib).session_count == 0);
  REQUIRE(f.tables.completeHalfSession(half, bib, 0));
  CHECK(f.tables.find(from6) == half);
  CHECK_FALSE(f.tables.session(half).isHalf());
  CHECK(f.tables.bib(bib).session_count == 1);
  f.tables.removeSession(half);
  CHECK(f.tables.syns().used() == 0);
  CHECK(f.tables.bibCount() == 0);
}

TEST_CASE("N64-PORT-18 at capacity a creation fails with its reason and leaves no trace") {
  Fixture f(kBoth, small());
  const uint32_t bib = f.bib(1, 4000);
  f.session(bib, 1);
  f.session(bib, 2);
  const auto session =
      f.tables.createSession(bib, v4(8, 8, 8, 8), Be16(3), 0, TcpState::kClosed, 100);
  CHECK(session.number == Tables::kNone);
  CHECK(session.reason == Counter::kDropSessionsFull);
  CHECK(f.tables.bib(bib).session_count == 2);
  f.bib(2, 4000);
  FlowV6 third{host6(3), v4(8, 8, 8, 8), Be16(4000), Be16(53), Proto::kUdp, 0, 0};
  CHECK(f.tables.findOrCreateBib(third).reason == Counter::kDropBibFull);
  CHECK(f.tables.hostCount() == 2);
}

TEST_CASE("a smaller pool takes what is mapped to it in steps no larger than the budget") {
  Fixture f;
  constexpr uint16_t kHosts = 60;
  for (uint8_t host = 1; host <= kHosts; ++host) {
    const uint32_t bib = f.bib(host, 4000);
    for (uint16_t port = 1; port <= 40; ++port) f.session(bib, port);
  }
  const uint32_t before = f.tables.sessionCount();
  REQUIRE(before == kHosts * 40);
  uint32_t on_two = 0;
  for (uint32_t n = 0; n < f.tables.bibsTouched(); ++n) on_two += f.tables.bib(n).pool == kTwo;
  REQUIRE(on_two > 5);
  REQUIRE(on_two < kHosts - 5);
  f.tables.retirePool4(kOnlyTwo);
  CHECK_FALSE(f.tables.pool4().contains(kOne));
  bool done = false;
  uint32_t steps = 0;
  while (!done) {
    const uint32_t sessions = f.tables.sessionCount();
    done = f.tables.purgePool4(kOnlyTwo, 16);
    CHECK(sessions - f.tables.sessionCount() <= 16);
    REQUIRE(++steps < 1000);
  }
  CHECK(f.tables.bibCount() == on_two);
  CHECK(f.tables.sessionCount() == on_two * 40);
  CHECK(f.tables.hostCount() == on_two);
  CHECK(f.tables.pool4().usage(0).hosts == on_two);
}

TEST_CASE("a host whose address leaves the pool is paired with the one it keeps an entry on") {
  Fixture f;
  // Find a host that is paired with the address that goes.
  uint8_t host = 1;
  uint32_t bib = f.bib(host, 4000);
  while (f.tables.bib(bib).pool != kOne) bib = f.bib(++host, 4000);
  f.session(bib, 1);
  f.tables.addStaticBib(Proto::kUdp, host6(host), Be16(80), kTwo, Be16(80));
  f.use(kOnlyTwo);
  const uint32_t next = f.bib(host, 4001);
  REQUIRE(next != Tables::kNone);
  CHECK(f.tables.bib(next).pool == kTwo);
}

TEST_CASE("a static entry added while the pool shrinks keeps its host on an address of the pool") {
  Fixture f;
  std::vector<uint8_t> hosts;
  for (uint8_t host = 1; host < 40; ++host) f.session(f.bib(host, 4000), 1);
  // A free record before the others, for the static entry.
  f.tables.removeSession(f.tables.bib(0).first_session);
  f.tables.retirePool4(kOnlyTwo);
  // One step past the free record, then the administrator.
  REQUIRE_FALSE(f.tables.purgePool4(kOnlyTwo, 1));
  uint32_t late = 0;
  for (uint32_t n = 5; n < f.tables.bibsTouched(); ++n) {
    if (f.tables.bib(n).pool == kOne) late = n;
  }
  REQUIRE(late != 0);
  const Ipv6Address host = f.tables.bib(late).host;
  CHECK(f.tables.addStaticBib(Proto::kUdp, host, Be16(80), kTwo, Be16(80)) == AddResult::kOk);
  while (!f.tables.purgePool4(kOnlyTwo, 1000)) {
  }
  uint32_t paired = 0;
  for (uint32_t n = 0; n < f.tables.pool4().size(); ++n) paired += f.tables.pool4().usage(n).hosts;
  CHECK(paired == f.tables.hostCount());
  const uint32_t next = f.bib(host.bytes[15], 4001);
  REQUIRE(next != Tables::kNone);
  CHECK(f.tables.bib(next).pool == kTwo);
}

TEST_CASE("N64-PORT-01 a host's mappings of all protocols share one pool address") {
  Fixture f;
  for (uint8_t host = 1; host < 30; ++host) {
    const Ipv4Address tcp = f.tables.bib(f.bib(host, 1, Proto::kTcp)).pool;
    CHECK(f.tables.bib(f.bib(host, 2, Proto::kUdp)).pool == tcp);
    CHECK(f.tables.bib(f.bib(host, 3, Proto::kIcmp)).pool == tcp);
  }
}

TEST_CASE("N64-PORT-03 a paired address without a port: refused, not given another address") {
  Fixture f({{kOne, 2000, 2001}, {kTwo, 2000, 2001}});
  f.bib(1, 4000);
  f.bib(1, 4001);
  FlowV6 third{host6(1), v4(8, 8, 8, 8), Be16(4002), Be16(53), Proto::kUdp, 0, 0};
  CHECK(f.tables.findOrCreateBib(third).reason == Counter::kDropPool4Exhausted);
  CHECK(f.bib(2, 4000) != Tables::kNone);
}

}  // namespace
}  // namespace platypus
