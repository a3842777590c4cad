#include "bfd/engine.h"

#include <poll.h>

#include <algorithm>
#include <cerrno>
#include <set>

#include "test/hex.h"
#include "test/test.h"
#include "test/tun_link.h"

namespace platypus::bfd {
namespace {

using test::Bytes;
using test::fromHex;
using test::longAt;
using test::wordAt;

constexpr int kUdp = 17;

HostAddress host(const char* text) {
  return HostAddress::parse(text).value();
}

// The neighbour's end of a link, and the engine at the other.
struct Link : test::TunLink {
  Link() {
    auto opened = Engine::open();
    REQUIRE(opened.error == 0);
    engine = std::move(opened.engine);
  }

  uint32_t add(const char* remote, const char* device = "tun0") {
    const auto added =
        engine->add({.remote = host(remote), .device = device, .timing = {.interval_us = 300'000}});
    REQUIRE(added.error == 0);
    REQUIRE(added.id != 0);
    return added.id;
  }

  // A packet from 192.0.2.2, or another host of that net.
  void say(const Packet& packet, uint8_t ttl = 255, uint8_t source = 2) {
    Bytes bytes = fromHex("450000340000000000110000c0000200c0000201c0000ec800200000");
    bytes[8] = std::byte{ttl};
    bytes[15] = std::byte{source};
    uint32_t sum = 0;
    for (size_t at = 0; at < 20; at += 2) sum += wordAt(bytes, at);
    while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
    test::putWord(bytes, 10, ~sum & 0xffff);
    const auto payload = encodePacket(packet);
    bytes.insert(bytes.end(), payload.begin(), payload.end());
    arrive(bytes);
  }

  // Our next control packet.
  struct Heard {
    Bytes bytes;
    Packet packet;
    uint32_t source_port = 0;
  };
  Heard hear() {
    Heard heard{.bytes = leaving(kUdp), .packet = {}};
    const size_t ip = std::to_integer<int>(heard.bytes[0] >> 4) == 4 ? 20 : 40;
    heard.source_port = wordAt(heard.bytes, ip);
    CHECK(wordAt(heard.bytes, ip + 2) == 3784);
    const auto parsed = parsePacket(std::span(heard.bytes).subspan(ip + 8));
    REQUIRE(parsed.packet);
    heard.packet = *parsed.packet;
    return heard;
  }
  // Our next packet of a state.
  Packet hear(State state) {
    for (int i = 0; i < 20; ++i) {
      const Heard heard = hear();
      if (heard.packet.state == state) return heard.packet;
    }
    FAIL("it never comes");
    return {};
  }

  // Waits, five seconds at most, and takes what changed.
  std::vector<Change> changes() {
    pollfd readable{engine->changesFd(), POLLIN, 0};
    REQUIRE(poll(&readable, 1, 5000) == 1);
    return engine->takeChanges();
  }
  // Until a packet was counted, or refused for a reason; bounded.
  uint64_t counted(uint64_t Counters::*which) {
    for (int i = 0; i < 5000 && engine->counters().*which == 0; ++i) usleep(1000);
    return engine->counters().*which;
  }

  std::unique_ptr<Engine> engine;
};

Packet neighbor(State state, uint32_t yours) {
  return {.state = state,
          .multiplier = 3,
          .my_discriminator = 0x22,
          .your_discriminator = yours,
          .desired_min_tx_us = 60'000'000,
          .required_min_rx_us = 300'000};
}

TEST_CASE("BGP-BFD-01, BGP-BFD-02 to port 3784 from a port of one's own, with TTL 255") {
  Link link;
  if (!link.missing.empty()) SKIP(link.missing.c_str());
  link.add("192.0.2.2");
  const auto first = link.hear();
  CHECK(first.source_port >= 49'152);
  CHECK(first.bytes[8] == std::byte{255});
  link.say(neighbor(State::kDown, 0));
  while (link.hear().packet.state != State::kInit) continue;
  CHECK(link.hear().source_port == first.source_port);
  std::set<uint32_t> ports{first.source_port};
  for (const char* remote : {"192.0.2.3", "192.0.2.4", "192.0.2.5"}) {
    link.add(remote);
    auto heard = link.hear();
    while (heard.bytes[19] != host(remote).bytes[3]) heard = link.hear();
    CHECK(ports.insert(heard.source_port).second);
  }
}

TEST_CASE("BGP-BFD-02 a packet with TTL 254 is ignored and counted") {
  Link link;
  if (!link.missing.empty()) SKIP(link.missing.c_str());
  link.add("192.0.2.2");
  link.say(neighbor(State::kDown, 0), 254);
  CHECK(link.counted(&Counters::hop_limit) == 1);
  CHECK(link.engine->sessions()[0].state == State::kDown);
  CHECK(link.engine->sessions()[0].received == 0);
}

TEST_CASE("BGP-BFD-05 the first packet is matched by its source, later ones by discriminator") {
  Link link;
  if (!link.missing.empty()) SKIP(link.missing.c_str());
  const uint32_t id = link.add("192.0.2.2");
  link.add("192.0.2.3");
  const uint32_t discriminator = link.engine->sessions()[0].local_discriminator;
  // On a point-to-point link with one session any source would do; here there are two.
  link.say(neighbor(State::kDown, 0), 255, 9);
  CHECK(link.counted(&Counters::unknown_session) == 1);
  link.say(neighbor(State::kDown, 0));
  CHECK(link.changes() == std::vector<Change>{{id, State::kInit, Diagnostic::kNone, State::kDown}});
  link.say(neighbor(State::kUp, discriminator), 255, 9);
  CHECK(link.changes() == std::vector<Change>{{id, State::kUp, Diagnostic::kNone, State::kUp}});
  CHECK(link.engine->sessions()[0].remote_discriminator == 0x22);
  CHECK(link.engine->sessions()[1].received == 0);
  // Not where the packet came from.
  Link::Heard heard = link.hear();
  while (heard.packet.state != State::kUp) heard = link.hear();
  CHECK(heard.bytes[19] == std::byte{2});
}

TEST_CASE("BGP-BFD-05 on a point-to-point link the source address is not used at all") {
  Link link;
  if (!link.missing.empty()) SKIP(link.missing.c_str());
  link.add("192.0.2.2");
  link.say(neighbor(State::kDown, 0), 255, 9);
  CHECK(link.changes()[0].state == State::kInit);
}

TEST_CASE("BGP-BFD-04 an unknown discriminator is no session's, and hostile packets are counted") {
  Link link;
  if (!link.missing.empty()) SKIP(link.missing.c_str());
  link.add("192.0.2.2");
  const uint32_t discriminator = link.engine->sessions()[0].local_discriminator;
  link.say(neighbor(State::kDown, discriminator ^ 0x100));
  CHECK(link.counted(&Counters::unknown_session) == 1);
  Packet wrong = neighbor(State::kUp, 0);
  link.say(wrong);
  CHECK(link.counted(&Counters::discriminator) == 1);
  wrong.my_discriminator = 1;
  wrong.multiplier = 0;
  link.say(wrong);
  CHECK(link.counted(&Counters::multiplier) == 1);
  CHECK(link.engine->sessions()[0].state == State::kDown);
  CHECK(link.engine->counters().received == 0);
}

TEST_CASE("BGP-BFD-07 sessions of both families, each the one to begin") {
  Link link;
  if (!link.missing.empty()) SKIP(link.missing.c_str());
  link.add("192.0.2.2");
  link.add("fe80::2");
  bool v4 = false;
  bool v6 = false;
  while (!v4 || !v6) {
    const auto heard = link.hear();
    CHECK(heard.packet.state == State::kDown);
    const bool six = std::to_integer<int>(heard.bytes[0] >> 4) == 6;
    if (six) CHECK(heard.bytes[7] == std::byte{255});
    (six ? v6 : v4) = true;
  }
  CHECK(link.engine->sessions().size() == 2);
}

TEST_CASE("BGP-BFD-06 a session comes Up, polls, and falls when the neighbour says so") {
  Link link;
  if (!link.missing.empty()) SKIP(link.missing.c_str());
  const uint32_t id = link.add("192.0.2.2");
  link.say(neighbor(State::kDown, 0));
  const Packet init = link.hear(State::kInit);
  CHECK(init.your_discriminator == 0x22);
  link.say(neighbor(State::kInit, init.my_discriminator));
  const Packet up = link.hear(State::kUp);
  CHECK(up.poll);
  CHECK(up.desired_min_tx_us == 300'000);
  CHECK(link.engine->sessions()[0].up_since_ms);
  Packet poll = neighbor(State::kUp, init.my_discriminator);
  poll.poll = true;
  poll.final = false;
  link.say(poll);
  Packet answer = link.hear(State::kUp);
  while (!answer.final) answer = link.hear(State::kUp);
  CHECK_FALSE(answer.poll);
  (void)link.engine->takeChanges();
  link.say(neighbor(State::kDown, init.my_discriminator));
  CHECK(link.changes() ==
        std::vector<Change>{{id, State::kDown, Diagnostic::kNeighborSignaledDown, State::kDown}});
  CHECK_FALSE(link.engine->sessions()[0].up_since_ms);
}

TEST_CASE("BFD engine: a fall from Up is told also when the session has got over it") {
  Link link;
  if (!link.missing.empty()) SKIP(link.missing.c_str());
  const uint32_t id = link.add("192.0.2.2");
  const uint32_t mine = link.engine->sessions()[0].local_discriminator;
  link.say(neighbor(State::kDown, 0));
  link.say(neighbor(State::kInit, mine));
  (void)link.hear(State::kUp);
  (void)link.changes();
  link.say(neighbor(State::kDown, mine));
  link.say(neighbor(State::kInit, mine));
  while (link.engine->sessions()[0].received < 4) usleep(1000);
  CHECK(link.engine->takeChanges() ==
        std::vector<Change>{{id, State::kDown, Diagnostic::kNeighborSignaledDown, State::kDown},
                            {id, State::kUp, Diagnostic::kNone, State::kInit}});
  CHECK(link.engine->takeChanges().empty());
}

TEST_CASE("BGP-BFD-15 a session that is removed tells the neighbour AdminDown") {
  Link link;
  if (!link.missing.empty()) SKIP(link.missing.c_str());
  const uint32_t id = link.add("192.0.2.2");
  (void)link.hear();
  REQUIRE(link.engine->remove(id) == 0);
  CHECK(link.engine->sessions().empty());
  const Packet packet = link.hear(State::kAdminDown);
  CHECK(packet.diagnostic == Diagnostic::kAdministrativelyDown);
  // More than once: the Detection Time is three of its intervals.
  CHECK(link.hear().packet.state == State::kAdminDown);
  CHECK(link.engine->remove(id) == ENOENT);
  // A new session to the same neighbour takes its place.
  link.add("192.0.2.2");
  CHECK(link.hear().packet.state == State::kDown);
}

TEST_CASE("BGP-BFD-15 close() and adminDown() tell the neighbour AdminDown") {
  Link link;
  if (!link.missing.empty()) SKIP(link.missing.c_str());
  const uint32_t id = link.add("192.0.2.2");
  (void)link.hear();
  REQUIRE(link.engine->adminDown(id) == 0);
  CHECK(link.hear().packet.state == State::kAdminDown);
  CHECK(link.changes()[0] ==
        Change{id, State::kAdminDown, Diagnostic::kAdministrativelyDown, State::kDown});
  link.say(neighbor(State::kDown, link.engine->sessions()[0].local_discriminator));
  for (int i = 0; i < 5000 && link.engine->sessions()[0].dropped == 0; ++i) usleep(1000);
  CHECK(link.engine->sessions()[0].dropped == 1);
  link.add("192.0.2.3");
  while (link.hear().packet.state != State::kDown) continue;
  link.engine->close();
  auto heard = link.hear();
  while (heard.bytes[19] != std::byte{3}) heard = link.hear();
  CHECK(heard.packet.state == State::kAdminDown);
  CHECK(link.engine->add({.remote = host("192.0.2.4"), .timing = {.interval_us = 300'000}}).error ==
        EBADF);
}

TEST_CASE("BFD engine: what cannot be is refused by its errno") {
  Link link;
  if (!link.missing.empty()) SKIP(link.missing.c_str());
  Engine& engine = *link.engine;
  const Timing timing{.interval_us = 50'000};
  const HostAddress remote = host("192.0.2.2");
  CHECK(engine.add({.remote = remote, .timing = {.interval_us = 999}}).error == EINVAL);
  CHECK(engine.add({.remote = remote, .timing = {.interval_us = 50'000, .multiplier = 0}}).error ==
        EINVAL);
  CHECK(engine.add({.remote = remote, .local = host("::1"), .timing = timing}).error == EINVAL);
  CHECK(engine.add({.remote = host("fe80::2"), .timing = timing}).error == EINVAL);
  CHECK(engine.add({.remote = host("224.0.0.5"), .timing = timing}).error == EINVAL);
  CHECK(engine.add({.remote = remote, .device = "nosuch0", .timing = timing}).error == ENODEV);
  CHECK(engine.add({.remote = remote, .local = host("192.0.2.77"), .timing = timing}).error ==
        EADDRNOTAVAIL);
  const uint32_t id = link.add("192.0.2.2");
  CHECK(engine.add({.remote = remote, .device = "tun0", .timing = timing}).error == EEXIST);
  CHECK(engine.change(id, {.interval_us = 0}) == EINVAL);
  CHECK(engine.change(id + 1, timing) == ENOENT);
  CHECK(engine.change(id, timing) == 0);
  CHECK(engine.adminDown(id + 1) == ENOENT);
}

TEST_CASE("BFD engine: 256 sessions, and a removed one makes room") {
  Link link;
  if (!link.missing.empty()) SKIP(link.missing.c_str());
  const Timing timing{.interval_us = 1'000'000};
  uint32_t last = 0;
  for (uint8_t i = 0; i < 128; ++i) {
    for (const uint8_t high : {uint8_t{1}, uint8_t{2}}) {
      HostAddress remote = host("198.51.100.0");
      remote.bytes[2] = std::byte{high};
      remote.bytes[3] = std::byte{i};
      const auto added = link.engine->add({.remote = remote, .timing = timing});
      REQUIRE(added.error == 0);
      last = added.id;
    }
  }
  const SessionOptions more{.remote = host("192.0.2.2"), .timing = timing};
  CHECK(link.engine->add(more).error == ENOSPC);
  REQUIRE(link.engine->remove(last) == 0);
  CHECK(link.engine->add(more).error == 0);
  CHECK(link.engine->sessions().size() == Engine::kMostSessions);
}

}  // namespace
}  // namespace platypus::bfd
