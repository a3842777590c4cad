#include "dataplane/worker.h"

#include <set>
#include <vector>

#include "port/memory.h"
#include "test/nat64_packets.h"
#include "test/test.h"

namespace platypus {
namespace {

using namespace test;

constexpr Ipv4Address kServer = v4(8, 8, 8, 8);
constexpr Ipv4Address kPool = v4(192, 0, 2, 1);

std::shared_ptr<Config> someConfig() {
  auto config = std::make_shared<Config>();
  config->translation.pool6.add(Pref64(wellKnown({}), 96));
  config->translation.policy.allow_non_global = true;
  config->translation.pool4 = {{kPool, 1024, 65'535}};
  return config;
}

struct Rig {
  explicit Rig(std::shared_ptr<Config> config = someConfig(), Nat64Limits limits = someLimits())
      : worker(port, {.mode = Mode::kNat64, .limits = limits, .shard = {}, .seed = {11}}) {
    REQUIRE(worker.ok());
    use(std::move(config));
  }
  static Nat64Limits someLimits() {
    Nat64Limits limits;
    limits.sessions = 1 << 16;
    limits.bib = 1 << 16;
    return limits;
  }
  void use(std::shared_ptr<Config> config) {
    worker.use(std::move(config));
    while (!worker.continueUse()) {
    }
  }
  std::vector<MemoryPacket> poll(uint64_t nowMs = 1000) {
    worker.poll(nowMs);
    return port.takeSent();
  }
  std::vector<MemoryPacket> send(const Bytes& packet, uint64_t nowMs = 1000) {
    REQUIRE(port.inject(packet));
    return poll(nowMs);
  }
  uint64_t count(Counter counter) const { return worker.counters().read(counter); }

  MemoryPort port;
  Worker worker;
};

Bytes udp6(uint8_t host, uint16_t port, uint16_t remote_port = 53, uint8_t hop = 64) {
  return ip6(host6(host), wellKnown(kServer), 17, udpDatagram(port, remote_port, 20), hop);
}

TEST_CASE("worker: a burst of 64 mixed packets, each judged as if it were alone") {
  Rig rig;
  // 60 flows and, among them, four packets that are dropped for four reasons.
  for (uint8_t i = 0; i < 60; ++i) {
    rig.port.inject(udp6(static_cast<uint8_t>(1 + i % 4), static_cast<uint16_t>(5000 + i)));
    if (i == 10) rig.port.inject(Bytes(1, std::byte{0x20}));
    if (i == 20) rig.port.inject(udp6(1, 5000, 53, 1));
    if (i == 30) rig.port.inject(ip4(kServer, kPool, 17, udpDatagram(53, 999)));
    if (i == 40) rig.port.inject(ip6(host6(1), wellKnown(kServer), 6, tcpSegment(1, 2, tcp::kAck)));
  }
  CHECK(rig.worker.poll(1000) == 64);
  const auto sent = rig.port.takeSent();
  CHECK(sent.size() == 61);  // with one time exceeded
  uint32_t v4_out = 0;
  for (const MemoryPacket& packet : sent) {
    const Seen seen = look(packet.bytes);
    CHECK(seen.sound);
    v4_out += seen.version == 4 ? 1 : 0;
  }
  CHECK(v4_out == 60);
  CHECK(rig.worker.sizes().sessions == 60);
  CHECK(rig.count(Counter::kDropNotIp) == 1);
  CHECK(rig.count(Counter::kDropHopLimit) == 1);
  CHECK(rig.count(Counter::kDropNoBib) == 1);
  CHECK(rig.count(Counter::kDropTcpNoSession) == 1);
}

TEST_CASE("worker: packets of one new flow in one burst make one session") {
  Rig rig;
  for (int i = 0; i < 64; ++i) rig.port.inject(udp6(1, 5000));
  CHECK(rig.poll().size() == 64);
  CHECK(rig.worker.sizes().sessions == 1);
  CHECK(rig.worker.sizes().bib == 1);
}

TEST_CASE("N64-ORIG-06 our own errors are limited: a burst, then so many per second") {
  auto config = someConfig();
  config->icmp_rate_per_second = 10;
  config->icmp_burst = 5;
  Rig rig(config);
  const Bytes sctp = ip6(host6(1), wellKnown(kServer), 132, Bytes(20));
  for (int i = 0; i < 20; ++i) rig.port.inject(sctp);
  CHECK(rig.poll(1000).size() == 5);
  CHECK(rig.count(Counter::kIcmpErrorSent) == 5);
  CHECK(rig.count(Counter::kIcmpErrorSuppressed) == 15);
  CHECK(rig.count(Counter::kDropProtocol) == 20);
  for (int i = 0; i < 20; ++i) rig.port.inject(sctp);
  CHECK(rig.poll(1300).size() == 3);
  for (int i = 0; i < 20; ++i) rig.port.inject(sctp);
  CHECK(rig.poll(60'000).size() == 5);  // the burst, however long it was quiet
}

TEST_CASE("N64-FRAG-08 an atomic fragment is translated alone and at once") {
  Rig rig;
  Bytes packet = fragmentOf(udp6(1, 5000), 0, 1000, 77);
  const auto sent = rig.send(packet);
  REQUIRE(sent.size() == 1);
  CHECK(look(sent[0].bytes).sound);
  CHECK(rig.worker.sizes().reassembly == 0);
}

TEST_CASE("N64-FRAG-06 an IPv4 UDP datagram without checksum in fragments gets one") {
  Rig rig;
  const auto out = rig.send(udp6(1, 5000));
  REQUIRE(out.size() == 1);
  const uint16_t port = look(out[0].bytes).sourcePort();
  Bytes whole = ip4(kServer, kPool, 17, udpDatagram(53, port, 64));
  set16(whole, 26, 0);
  CHECK(rig.send(fragmentOf(whole, 40, 100, 9)).empty());
  const auto sent = rig.send(fragmentOf(whole, 0, 40, 9));
  REQUIRE(sent.size() == 1);
  CHECK(look(sent[0].bytes).sound);
}

TEST_CASE("N64-GEN-18 an ICMP error does not extend the session it is about") {
  Rig rig;
  const auto out = rig.send(udp6(1, 5000), 1000);
  const Bytes quoted(out[0].bytes);
  const Bytes error = ip4(v4(7, 7, 7, 7), kPool, 1, icmpMessage(3, 3, 0, quoted));
  CHECK(rig.send(error, 200'000).size() == 1);
  rig.poll(301'200);
  CHECK(rig.worker.sizes().sessions == 0);
}

TEST_CASE("N64-HAIR-02 one host reaches another through its pool address and port") {
  Rig rig;
  const uint16_t second = look(rig.send(udp6(2, 6000))[0].bytes).sourcePort();
  const auto sent = rig.send(ip6(host6(1), wellKnown(kPool), 17, udpDatagram(5000, second)));
  REQUIRE(sent.size() == 1);
  const Seen seen = look(sent[0].bytes);
  CHECK(seen.sound);
  CHECK(seen.source6 == wellKnown(kPool));
  CHECK(seen.destination6 == host6(2));
  CHECK(seen.destinationPort() == 6000);
  CHECK(seen.hop_limit == 63);
  CHECK(rig.worker.sizes().sessions == 3);
}

TEST_CASE("N64-TCP-04 an unsolicited SYN is kept for six seconds, N64-TCP-09 then answered") {
  Rig rig;
  CHECK(rig.send(ip4(kServer, kPool, 6, tcpSegment(80, 2000, tcp::kSyn)), 1000).empty());
  CHECK(rig.worker.sizes().stored_syns == 1);
  CHECK(rig.poll(7000).empty());
  const auto sent = rig.poll(7100);
  REQUIRE(sent.size() == 1);
  const Seen seen = look(sent[0].bytes);
  CHECK(seen.sound);
  CHECK(seen.destination4 == kServer);
  CHECK(seen.type() == 3);
  CHECK(seen.code() == 3);
  CHECK(get16(seen.payload, 28) == 80);  // the quoted SYN's ports
  CHECK(rig.worker.sizes().sessions == 0);
  CHECK(rig.worker.sizes().stored_syns == 0);
}

TEST_CASE("N64-TCP-18 an idle connection gets a probe, and the answer brings it back") {
  Rig rig;
  const auto out =
      rig.send(ip6(host6(1), wellKnown(kServer), 6, tcpSegment(5000, 80, tcp::kSyn)), 1000);
  const uint16_t port = look(out[0].bytes).sourcePort();
  rig.send(ip4(kServer, kPool, 6, tcpSegment(80, port, tcp::kSyn | tcp::kAck)), 2000);
  CHECK(rig.poll(7'202'000).empty());
  const auto sent = rig.poll(7'202'100);
  REQUIRE(sent.size() == 1);
  const Seen seen = look(sent[0].bytes);
  CHECK(seen.sound);
  CHECK(seen.destination6 == host6(1));
  CHECK(get8(seen.payload, 13) == tcp::kAck);
  rig.send(ip6(host6(1), wellKnown(kServer), 6, tcpSegment(5000, 80, tcp::kAck)), 7'300'000);
  rig.poll(7'300'000 + 7'000'000);
  CHECK(rig.worker.sizes().sessions == 1);
}

TEST_CASE("N64-PORT-18 at capacity new flows are refused with 1/3 and the old ones go on") {
  Nat64Limits limits = Rig::someLimits();
  limits.sessions = 8;
  Rig rig(someConfig(), limits);
  for (uint16_t i = 0; i < 8; ++i) rig.send(udp6(1, static_cast<uint16_t>(5000 + i)));
  for (uint16_t i = 8; i < 40; ++i) {
    const auto sent = rig.send(udp6(1, static_cast<uint16_t>(5000 + i)));
    REQUIRE(sent.size() == 1);
    CHECK(look(sent[0].bytes).type() == 1);
    CHECK(look(sent[0].bytes).code() == 3);
  }
  for (uint16_t i = 0; i < 8; ++i) {
    const auto sent = rig.send(udp6(1, static_cast<uint16_t>(5000 + i)));
    REQUIRE(sent.size() == 1);
    CHECK(look(sent[0].bytes).version == 4);
  }
  CHECK(rig.worker.sizes().bib == 8);
  CHECK(rig.count(Counter::kDropSessionsFull) == 32);
}

// --- Listings ------------------------------------------------------------------------------------

/// 20,000 sessions with holes, so that a page's looks end before its rows do.
void fill(Rig& rig) {
  for (uint32_t i = 0; i < 20'000; ++i) {
    const auto host = static_cast<uint8_t>(1 + i % 50);
    const auto port = static_cast<uint16_t>(1024 + i / 50);
    const bool echo = i % 3 == 0;
    rig.port.inject(
        echo ? ip6(host6(host), wellKnown(kServer), 58, icmpMessage(128, 0, uint32_t{port} << 16))
             : udp6(host, port));
    if (i % 64 == 63) rig.worker.poll(1000);
  }
  rig.worker.poll(1000);
  rig.worker.poll(1000);
  rig.port.takeSent();
  REQUIRE(rig.worker.sizes().sessions == 20'000);
}

template <typename PageType>
size_t listAll(const Worker& worker, TableQuery query, std::set<uint32_t>& seen, auto&& keyOf) {
  PageType page;
  page.rows.reserve(query.limit);
  size_t rows = 0;
  int pages = 0;
  do {
    worker.list(query, page);
    REQUIRE(page.rows.size() <= query.limit);
    for (const auto& row : page.rows) {
      seen.insert(keyOf(row));
      ++rows;
    }
    query.cursor = page.next;
    REQUIRE(++pages < 10'000);
  } while (page.next != 0);
  return rows;
}

TEST_CASE("listing: pages of any size hold every session once, under every filter") {
  Rig rig;
  fill(rig);
  const auto sessionKey = [](const SessionRow& row) {
    return static_cast<uint32_t>(row.session.proto) << 16 | row.session.pool_port.host();
  };
  for (const uint32_t limit : {7u, 1000u, 100'000u}) {
    std::set<uint32_t> seen;
    TableQuery query;
    query.limit = limit;
    CHECK(listAll<SessionPage>(rig.worker, query, seen, sessionKey) == 20'000);
    CHECK(seen.size() == 20'000);
    seen.clear();
    query.proto = Proto::kIcmp;
    CHECK(listAll<SessionPage>(rig.worker, query, seen, sessionKey) == 6667);
    CHECK(seen.size() == 6667);
    seen.clear();
    query.proto = Proto::kNone;
    query.v6 = Ipv6Prefix{host6(7), 128};
    CHECK(listAll<SessionPage>(rig.worker, query, seen, sessionKey) == 400);
    query.port6 = 1030;
    CHECK(listAll<SessionPage>(rig.worker, query, seen, sessionKey) == 1);
    query.remote4 = Ipv4Prefix{v4(9, 9, 9, 9), 32};
    CHECK(listAll<SessionPage>(rig.worker, query, seen, sessionKey) == 0);
  }
  std::set<uint32_t> seen;
  TableQuery query;
  query.v4 = Ipv4Prefix{kPool, 24};
  query.limit = 333;
  CHECK(listAll<BibPage>(rig.worker, query, seen, [](const Bib& bib) {
          return static_cast<uint32_t>(bib.proto) << 16 | bib.pool_port.host();
        }) == 20'000);
  CHECK(seen.size() == 20'000);
}

TEST_CASE("listing: records that were given back are not shown, reused ones are shown once") {
  Rig rig;
  fill(rig);
  rig.worker.expireAll(62'000);  // the echoes
  CHECK(rig.worker.sizes().sessions == 13'333);
  const auto key = [](const SessionRow& row) {
    return static_cast<uint32_t>(row.session.proto) << 16 | row.session.pool_port.host();
  };
  std::set<uint32_t> seen;
  CHECK(listAll<SessionPage>(rig.worker, {}, seen, key) == 13'333);
  for (uint16_t i = 0; i < 64; ++i) rig.port.inject(udp6(60, static_cast<uint16_t>(2000 + i)));
  rig.worker.poll(62'000);
  seen.clear();
  CHECK(listAll<SessionPage>(rig.worker, {}, seen, key) == 13'397);
  CHECK(seen.size() == 13'397);
}

TEST_CASE("worker: a removed pool4 address goes in bounded steps, while packets pass") {
  auto config = someConfig();
  config->translation.pool4.push_back({v4(192, 0, 2, 2), 1024, 65'535});
  Rig rig(config);
  fill(rig);
  rig.worker.use(someConfig());
  int steps = 0;
  while (!rig.worker.continueUse()) {
    rig.send(udp6(200, 5000));
    REQUIRE(++steps < 200);
  }
  CHECK(steps >= 10);
  std::set<uint32_t> seen;
  TableQuery query;
  query.v4 = Ipv4Prefix{v4(192, 0, 2, 2), 32};
  CHECK(listAll<BibPage>(rig.worker, query, seen,
                         [](const Bib& bib) { return uint32_t{bib.pool_port.host()}; }) == 0);
  std::vector<Pool4::Usage> usage;
  rig.worker.pool4(usage);
  REQUIRE(usage.size() == 1);
  CHECK(usage[0].hosts == rig.worker.sizes().hosts);
}

}  // namespace
}  // namespace platypus
