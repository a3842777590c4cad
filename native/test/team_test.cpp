// Several workers: whoever a packet comes to, its owner treats it.
#include "test/team.h"
#include "test/test.h"

#include <array>
#include <random>
#include <set>

namespace platypus::test {
namespace {

Bytes udp6(const Ipv6Address& host, uint16_t port, size_t payload = 20) {
  return ip6(host, wellKnown(kTeamServer), 17, udpDatagram(port, 53, payload));
}
Bytes udp4(uint16_t pool_port, size_t payload = 20) {
  return ip4(kTeamServer, kTeamPool, 17, udpDatagram(53, pool_port, payload));
}
Seen only(const std::vector<MemoryPacket>& sent) {
  REQUIRE(sent.size() == 1);
  const Seen seen = look(sent[0].bytes);
  CHECK(seen.sound);
  return seen;
}
/// The pool4 port of a new flow.
uint16_t openFlow(Team& team, const Ipv6Address& host, uint16_t port) {
  const auto sent = team.send(team.owners.ofHost(host), udp6(host, port));
  return only(sent).sourcePort();
}

TEST_CASE("workers: a flow is its owner's wherever its packets arrive, both ways") {
  Team team(3);
  for (uint16_t owner = 0; owner < 3; ++owner) {
    const Ipv6Address host = team.hostOf(owner);
    const uint16_t port = openFlow(team, host, 4000);
    CHECK(team.owners.ofPort(Be16(port)) == owner);
    for (size_t at = 0; at < 3; ++at) {
      const auto out = team.send(at, udp6(host, 4000));
      CHECK(only(out).sourcePort() == port);
      const auto back = team.send(at, udp4(port));
      CHECK(only(back).destination6 == host);
      CHECK(only(back).destinationPort() == 4000);
    }
    CHECK(team.members[owner]->sizes().sessions == 1);
  }
  CHECK(team.count(Counter::kHandedOver) == 3 * 4);
  CHECK(team.count(Counter::kReceivedV6) == 3 * 4);
  CHECK(team.count(Counter::kSentV6) == 3 * 3);
}

TEST_CASE("workers: packets of a subscriber's prefix share an owner, and so its ports' slice") {
  Team team(4, Mode::kNat64, 64);
  Ipv6Address host = host6(1);
  const uint16_t owner = team.owners.ofHost(host);
  for (uint8_t n = 1; n < 200; ++n) {
    host.bytes[8] = n;
    CHECK(team.owners.ofHost(host) == owner);
    CHECK(team.owners.ofPort(Be16(openFlow(team, host, 4000))) == owner);
  }
  std::set<uint16_t> seen;
  for (uint8_t n = 0; n < 64; ++n) {
    host.bytes[7] = n;
    seen.insert(team.owners.ofHost(host));
  }
  CHECK(seen.size() == 4);
}

TEST_CASE("workers: for packets that came to their owner nothing shared is written") {
  Team team(3);
  const auto positions = [&] {
    std::vector<std::array<uint32_t, 4>> all;
    for (uint16_t from = 0; from < 3; ++from) {
      for (uint16_t to = 0; to < 3; ++to) {
        if (from != to) all.push_back(team.handover.shared(from, to)->positions());
      }
    }
    return all;
  };
  const auto before = positions();
  for (uint16_t owner = 0; owner < 3; ++owner) {
    const Ipv6Address host = team.hostOf(owner);
    const uint16_t port = openFlow(team, host, 4000);
    for (size_t i = 0; i < 300; ++i) {
      REQUIRE(team.ports[owner]->inject(udp6(host, 4000)));
      REQUIRE(team.ports[owner]->inject(udp4(port)));
    }
    CHECK(team.settle()[owner].size() == 600);
  }
  CHECK(positions() == before);
  team.send(0, udp6(team.hostOf(1), 4001));
  CHECK(positions() != before);
}

TEST_CASE("workers: the order of a flow that is handed over is kept") {
  Team team(2);
  const Ipv6Address host = team.hostOf(0);
  const uint16_t port = openFlow(team, host, 4000);
  for (size_t i = 0; i < 200; ++i) REQUIRE(team.ports[1]->inject(udp4(port, i)));
  const auto sent = team.settle();
  REQUIRE(sent[0].size() == 200);
  for (size_t i = 0; i < 200; ++i) CHECK(sent[0][i].bytes.size() == 48 + i);
}

TEST_CASE("workers: ICMP errors of both sides go to the owner of what they quote") {
  Team team(3);
  const Ipv6Address host = team.hostOf(2);
  const uint16_t port = openFlow(team, host, 4000);
  const Bytes quoted4 = ip4(kTeamPool, kTeamServer, 17, udpDatagram(port, 53, 20));
  const Bytes error4 = ip4(v4(9, 9, 9, 9), kTeamPool, 1, icmpMessage(3, 3, 0, quoted4));
  const Bytes quoted6 = ip6(wellKnown(kTeamServer), host, 17, udpDatagram(53, 4000, 20));
  // From a router, whose own address would be another worker's.
  const Bytes error6 =
      ip6(team.hostOf(1), wellKnown(kTeamServer), 58, icmpMessage(1, 4, 0, quoted6));
  for (size_t at = 0; at < 3; ++at) {
    CHECK(only(team.send(at, error4)).destination6 == host);
    CHECK(only(team.send(at, error6)).source4 == kTeamPool);
  }
  CHECK(team.count(2, Counter::kIcmpErrorTranslated) == 6);
}

TEST_CASE("workers: fragments meet, and the whole goes to the owner of its port") {
  Team team(3);
  for (uint16_t owner = 0; owner < 3; ++owner) {
    const Ipv6Address host = team.hostOf(owner);
    const uint16_t port = openFlow(team, host, 4000);
    const Bytes whole = udp4(port, 1000);
    const auto id = static_cast<uint16_t>(100 + owner);
    CHECK(team.send(0, fragmentOf(whole, 0, 512, id)).empty());
    const auto back = team.send(owner, fragmentOf(whole, 512, 512, id));
    CHECK(only(back).destination6 == host);
    CHECK(back[0].bytes.size() == 1048);
    const Bytes whole6 = udp6(host, 4000, 1000);
    CHECK(team.send(1, fragmentOf(whole6, 0, 512, id)).empty());
    CHECK(only(team.send(2, fragmentOf(whole6, 512, 512, id))).sourcePort() == port);
  }
  CHECK(team.count(Counter::kReassembled) == 6);
}

TEST_CASE("N64-HAIR-01 workers: hairpin between hosts of different workers") {
  Team team(2);
  const Ipv6Address near = team.hostOf(0);
  const Ipv6Address far = team.hostOf(1);
  const uint16_t far_port = openFlow(team, far, 5000);
  const Bytes packet = ip6(near, wellKnown(kTeamPool), 17, udpDatagram(4000, far_port, 20));
  for (size_t at = 0; at < 2; ++at) {
    const auto sent = team.send(at, packet);
    const Seen seen = only(sent);
    CHECK(seen.destination6 == far);
    CHECK(seen.destinationPort() == 5000);
    CHECK(seen.source6 == wellKnown(kTeamPool));
    CHECK(seen.hop_limit == 63);
  }
  CHECK(team.count(Counter::kHairpinned) == 2);
}

/// As the control thread does it.
Tables::AddResult addStatic(Team& team, const Ipv6Address& host, uint16_t port,
                            uint16_t pool_port) {
  const uint16_t borrower = team.owners.ofHost(host);
  const uint16_t lender = team.owners.ofPort(Be16(pool_port));
  if (lender != borrower) {
    const auto lent = team.members[lender]->lend(Proto::kUdp, kTeamPool, Be16(pool_port), borrower);
    if (lent == Tables::LendResult::kV4Taken) return Tables::AddResult::kV4Taken;
    REQUIRE(lent != Tables::LendResult::kNoRoom);
  }
  return team.members[borrower]->addBib(Proto::kUdp, host, Be16(port), kTeamPool, Be16(pool_port));
}

TEST_CASE("N64-GEN-07 workers: a permanent entry on another worker's port") {
  Team team(3);
  const Ipv6Address host = team.hostOf(0);
  const uint16_t pool_port = 64 * 31 + 7;  // 31 % 3 = 1
  REQUIRE(team.owners.ofPort(Be16(pool_port)) == 1);
  REQUIRE(addStatic(team, host, 80, pool_port) == Tables::AddResult::kOk);
  CHECK(team.members[1]->holder(Proto::kUdp, kTeamPool, Be16(pool_port)) == 0);
  CHECK(team.members[1]->holder(Proto::kTcp, kTeamPool, Be16(pool_port)) == 1);
  const Bytes whole = udp4(pool_port, 1000);
  for (size_t at = 0; at < 3; ++at) {
    CHECK(only(team.send(at, udp4(pool_port))).destination6 == host);
    CHECK(only(team.send(at, udp6(host, 80))).sourcePort() == pool_port);
    // In fragments, and by hairpin.
    const auto id = static_cast<uint16_t>(at);
    CHECK(team.send(0, fragmentOf(whole, 0, 512, id)).empty());
    CHECK(only(team.send(at, fragmentOf(whole, 512, 512, id))).destination6 == host);
    const Ipv6Address other = team.hostOf(static_cast<uint16_t>(at), 9);
    const Bytes hairpin = ip6(other, wellKnown(kTeamPool), 17, udpDatagram(9, pool_port, 4));
    CHECK(only(team.send(0, hairpin)).destination6 == host);
  }
  // Nobody else gets the port while it is lent, and it comes back.
  CHECK(addStatic(team, team.hostOf(2), 80, pool_port) == Tables::AddResult::kV4Taken);
  CHECK(team.members[0]->removeBib(Proto::kUdp, kTeamPool, Be16(pool_port)) ==
        Worker::RemoveResult::kRemoved);
  CHECK(team.members[1]->takeBack(Proto::kUdp, kTeamPool, Be16(pool_port)));
  CHECK_FALSE(team.members[1]->takeBack(Proto::kUdp, kTeamPool, Be16(pool_port)));
  CHECK(addStatic(team, team.hostOf(2), 80, pool_port) == Tables::AddResult::kOk);
}

TEST_CASE("workers: a lent port is free again when its address left the pool") {
  Team team(2);
  const Ipv6Address host = team.hostOf(0);
  const uint16_t pool_port = 64 * 17 + 3;
  REQUIRE(team.owners.ofPort(Be16(pool_port)) == 1);
  REQUIRE(addStatic(team, host, 80, pool_port) == Tables::AddResult::kOk);
  const auto pool4 = team.config.translation.pool4;
  team.config.translation.pool4 = {{v4(192, 0, 2, 9), 1024, 65'535}};
  team.apply();
  CHECK(team.members[1]->holder(Proto::kUdp, kTeamPool, Be16(pool_port)) == 1);
  team.config.translation.pool4 = pool4;
  team.apply();
  CHECK(addStatic(team, team.hostOf(1), 80, pool_port) == Tables::AddResult::kOk);
  CHECK(only(team.send(0, udp4(pool_port))).destination6 == team.hostOf(1));
}

TEST_CASE("SIIT-6to4-17 workers: what one learns of a path, all keep to") {
  Team team(3, Mode::kSiit);
  const Ipv4Address source = v4(198, 51, 100, 7);
  const Bytes quoted = ip4(source, kTeamServer, 17, udpDatagram(1, 2, 1232));
  const Bytes needed = ip4(v4(9, 9, 9, 9), source, 1, icmpMessage(3, 4, 1000, quoted));
  CHECK(only(team.send(1, needed)).destination6 == wellKnown(source));
  for (const auto& member : team.members) CHECK(member->sizes().path_mtus == 1);
  const Bytes packet = ip6(wellKnown(source), wellKnown(kTeamServer), 17, udpDatagram(1, 2, 1232));
  for (size_t at = 0; at < 3; ++at) CHECK(team.send(at, packet).size() == 2);
}

TEST_CASE("workers: without state nothing is handed over, but fragments that have to meet") {
  Team team(3, Mode::kSiit);
  team.config.translation.policy.udp_zero_checksum = UdpZeroChecksum::kReassemble;
  team.apply();
  const Ipv4Address to = v4(198, 51, 100, 7);
  const Bytes whole = ip4(kTeamServer, to, 17, udpDatagram(1, 2, 1000));
  for (size_t at = 0; at < 3; ++at) CHECK(team.send(at, whole).size() == 1);
  CHECK(team.count(Counter::kHandedOver) == 0);
  CHECK(team.send(0, fragmentOf(whole, 0, 512, 1)).empty());
  CHECK(only(team.send(1, fragmentOf(whole, 512, 512, 1))).destination6 == wellKnown(to));
}

TEST_CASE("workers: identifications of one tuple never collide") {
  std::set<uint16_t> seen;
  constexpr int kEach = 65'536 / 4;
  for (uint16_t index = 0; index < 3; ++index) {
    IdentificationSource source(99, index, 3);
    for (int i = 0; i < kEach; ++i) seen.insert(source.next(kTeamPool, kTeamServer, 17));
  }
  CHECK(seen.size() == 3 * kEach);
}

TEST_CASE("workers: a ring that is full loses packets with a counter, and others go on") {
  Team team(2);
  const Ipv6Address host = team.hostOf(0);
  const uint16_t port = openFlow(team, host, 4000);
  constexpr size_t kPackets = 1000;
  for (size_t i = 0; i < kPackets; ++i) REQUIRE(team.ports[1]->inject(udp4(port, 1000)));
  // Worker 0 does not look for a while.
  while (team.members[1]->poll(team.now_ms) != 0) {
  }
  const uint64_t lost = team.count(Counter::kDropHandoverFull);
  CHECK(lost > 0);
  CHECK(lost < kPackets);
  const auto sent = team.settle();
  CHECK(sent[0].size() == kPackets - lost);
  CHECK(only(team.send(1, udp4(port))).destination6 == host);
}

TEST_CASE("workers: random flows at random workers: mappings are unique, replies find their host") {
  for (const uint16_t workers : std::to_array<uint16_t>({2, 3, 5})) {
    Team team(workers);
    std::mt19937 random(workers);
    struct Flow {
      Ipv6Address host;
      uint16_t port;
      uint16_t pool_port;
    };
    std::vector<Flow> flows;
    std::set<uint16_t> taken;
    for (int i = 0; i < 600; ++i) {
      const size_t at = random() % workers;
      if (flows.empty() || random() % 3 == 0) {
        const Ipv6Address host = host6(static_cast<uint8_t>(random() % 200));
        const auto port = static_cast<uint16_t>(10'000 + i);
        const uint16_t pool_port = only(team.send(at, udp6(host, port))).sourcePort();
        CHECK(taken.insert(pool_port).second);
        flows.push_back({host, port, pool_port});
        continue;
      }
      const Flow& flow = flows[random() % flows.size()];
      if (random() % 2 == 0) {
        CHECK(only(team.send(at, udp6(flow.host, flow.port))).sourcePort() == flow.pool_port);
      } else {
        const auto sent = team.send(at, udp4(flow.pool_port));
        CHECK(only(sent).destination6 == flow.host);
        CHECK(only(sent).destinationPort() == flow.port);
      }
    }
    uint64_t sessions = 0;
    for (const auto& member : team.members) sessions += member->sizes().sessions;
    CHECK(sessions == flows.size());
  }
}

}  // namespace
}  // namespace platypus::test
