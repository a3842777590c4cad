#include "bfd/session.h"

#include <algorithm>
#include <optional>
#include <vector>

#include "test/test.h"

namespace platypus::bfd {
namespace {

constexpr Timing kFast{.interval_us = 50'000, .multiplier = 3};
constexpr uint64_t kSecond = 1'000'000;

// A packet of a neighbour with the discriminator 0x22.
Packet from(State state, uint32_t intervalUs = 50'000) {
  return {.state = state,
          .multiplier = 3,
          .my_discriminator = 0x22,
          .your_discriminator = 0x11,
          .desired_min_tx_us = intervalUs,
          .required_min_rx_us = intervalUs};
}

Packet final(State state, uint32_t intervalUs = 50'000) {
  Packet packet = from(state, intervalUs);
  packet.final = true;
  return packet;
}

struct Rig {
  explicit Rig(const Timing& timing = kFast) : session(0x11, timing, 1, 0) {}

  Rig& up() {
    session.receive(from(State::kDown), now);
    session.receive(from(State::kInit), now);
    REQUIRE(session.state() == State::kUp);
    return *this;
  }
  // Without the Poll Sequence that begins with Up.
  Rig& settled() {
    up();
    session.receive(final(State::kUp), now);
    (void)session.advance(now);
    return *this;
  }
  // Brings a session to a state, from which one step is tested.
  Rig& in(State state) {
    if (state == State::kInit) session.receive(from(State::kDown), now);
    if (state == State::kUp) up();
    if (state == State::kAdminDown) session.adminDown();
    REQUIRE(session.state() == state);
    return *this;
  }
  // Goes to the session's next time and gives what it sends there.
  std::optional<Packet> next() {
    REQUIRE(session.nextUs() != Session::kNever);
    now = std::max(now, session.nextUs());
    return session.advance(now);
  }
  // Intervals between so many packets, while the neighbour sends as well.
  std::vector<uint64_t> intervals(size_t count, const Packet& heard) {
    std::vector<uint64_t> list;
    uint64_t last = now;
    while (list.size() < count) {
      session.receive(heard, now);
      const auto packet = next();
      if (!packet) continue;
      list.push_back(now - last);
      last = now;
    }
    return list;
  }

  uint64_t now = 0;
  Session session;
};

TEST_CASE("BGP-BFD-06 the state machine is that of the vectors") {
  using S = State;
  const std::optional<State> expiry;
  const struct {
    State local;
    std::optional<State> received;
    State next;
  } rows[] = {
      {S::kAdminDown, S::kAdminDown, S::kAdminDown},
      {S::kAdminDown, S::kDown, S::kAdminDown},
      {S::kAdminDown, S::kInit, S::kAdminDown},
      {S::kAdminDown, S::kUp, S::kAdminDown},
      {S::kDown, S::kAdminDown, S::kDown},
      {S::kDown, S::kDown, S::kInit},
      {S::kDown, S::kInit, S::kUp},
      {S::kDown, S::kUp, S::kDown},
      {S::kInit, S::kAdminDown, S::kDown},
      {S::kInit, S::kDown, S::kInit},
      {S::kInit, S::kInit, S::kUp},
      {S::kInit, S::kUp, S::kUp},
      {S::kUp, S::kAdminDown, S::kDown},
      {S::kUp, S::kDown, S::kDown},
      {S::kUp, S::kInit, S::kUp},
      {S::kUp, S::kUp, S::kUp},
      {S::kInit, expiry, S::kDown},
      {S::kUp, expiry, S::kDown},
  };
  for (const auto& row : rows) {
    Rig rig;
    rig.in(row.local);
    if (row.received) {
      rig.session.receive(from(*row.received), rig.now);
    } else {
      (void)rig.session.advance(rig.now + rig.session.detectionTimeUs());
    }
    CHECK(rig.session.state() == row.next);
  }
}

TEST_CASE("BGP-BFD-06 diagnostics say why a session went down, and none when it is Up again") {
  Rig rig;
  rig.up();
  CHECK(rig.session.diagnostic() == Diagnostic::kNone);
  rig.session.receive(from(State::kDown), rig.now);
  CHECK(rig.session.diagnostic() == Diagnostic::kNeighborSignaledDown);
  rig.up();
  CHECK(rig.session.diagnostic() == Diagnostic::kNone);
  rig.session.receive(from(State::kAdminDown), rig.now);
  CHECK(rig.session.diagnostic() == Diagnostic::kNeighborSignaledDown);
  CHECK(rig.session.remoteState() == State::kAdminDown);
  rig.up();
  (void)rig.session.advance(rig.now + 150'000);
  CHECK(rig.session.diagnostic() == Diagnostic::kDetectionTimeExpired);
  // The same in the packets.
  Rig silent;
  silent.settled();
  (void)silent.session.advance(149'999);
  CHECK(silent.session.state() == State::kUp);
  const auto packet = silent.session.advance(150'000);
  REQUIRE(packet);
  CHECK(packet->state == State::kDown);
  CHECK(packet->diagnostic == Diagnostic::kDetectionTimeExpired);
}

TEST_CASE("BGP-BFD-06 a neighbour that was not heard for a Detection Time is a stranger again") {
  Rig rig;
  Packet quiet = from(State::kDown);
  quiet.required_min_rx_us = 0;
  rig.session.receive(quiet, 0);
  CHECK(rig.session.nextUs() == 150'000);
  const auto packet = rig.session.advance(150'000);
  REQUIRE(packet);
  CHECK(packet->your_discriminator == 0);
  CHECK(rig.session.remoteDiscriminator() == 0);
  CHECK(rig.session.detectionTimeUs() == 0);
}

TEST_CASE("BGP-BFD-08 while not Up, packets say and keep at least a second") {
  Rig rig;
  const auto first = rig.next();
  REQUIRE(first);
  CHECK(rig.now == 0);
  CHECK(*first == Packet{.state = State::kDown,
                         .multiplier = 3,
                         .my_discriminator = 0x11,
                         .desired_min_tx_us = 1'000'000,
                         .required_min_rx_us = 50'000});
  for (int i = 0; i < 100; ++i) {
    const uint64_t before = rig.now;
    REQUIRE(rig.next());
    CHECK(rig.now - before >= kSecond * 3 / 4);
    CHECK(rig.now - before <= kSecond);
  }
  Rig slow({.interval_us = 2'000'000, .multiplier = 3});
  CHECK(slow.next()->desired_min_tx_us == 2'000'000);
}

TEST_CASE("BGP-BFD-09 intervals lose 0 to 25 percent, spread over all of that") {
  Rig rig;
  rig.settled();
  const auto list = rig.intervals(1000, from(State::kUp));
  CHECK(*std::min_element(list.begin(), list.end()) >= 37'500);
  CHECK(*std::min_element(list.begin(), list.end()) < 38'000);
  CHECK(*std::max_element(list.begin(), list.end()) <= 50'000);
  CHECK(*std::max_element(list.begin(), list.end()) > 49'500);
}

TEST_CASE("BGP-BFD-09 with a multiplier of 1, 75 to 90 percent are left") {
  Rig rig({.interval_us = 50'000, .multiplier = 1});
  rig.settled();
  const auto list = rig.intervals(1000, from(State::kUp));
  CHECK(*std::min_element(list.begin(), list.end()) >= 37'500);
  CHECK(*std::max_element(list.begin(), list.end()) <= 45'000);
  CHECK(*std::max_element(list.begin(), list.end()) > 44'500);
}

TEST_CASE("BGP-BFD-09 the neighbour's Required Min RX counts where it is longer") {
  Rig rig;
  rig.settled();
  CHECK(rig.session.sendIntervalUs() == 50'000);
  Packet slower = from(State::kUp);
  slower.required_min_rx_us = 400'000;
  slower.desired_min_tx_us = 400'000;
  rig.session.receive(slower, rig.now);
  CHECK(rig.session.sendIntervalUs() == 400'000);
  const auto list = rig.intervals(100, slower);
  CHECK(*std::min_element(list.begin(), list.end()) >= 300'000);
}

TEST_CASE("BGP-BFD-09 a Required Min RX of 0 stops all but answers to a Poll") {
  Rig rig;
  rig.settled();
  Packet none = from(State::kUp);
  none.required_min_rx_us = 0;
  none.poll = true;
  const auto answer = rig.session.receive(none, rig.now).answer;
  REQUIRE(answer);
  CHECK(answer->final);
  CHECK(rig.session.sendIntervalUs() == 0);
  CHECK_FALSE(rig.session.advance(rig.now + 149'999));
}

TEST_CASE("BGP-BFD-10 the detection time is that of the vectors") {
  const struct {
    uint8_t multiplier;
    uint32_t own_min_rx_us;
    uint32_t remote_min_tx_us;
    uint64_t expected_us;
  } rows[] = {{3, 300'000, 100'000, 900'000}, {5, 50'000, 200'000, 1'000'000}};
  for (const auto& row : rows) {
    Rig rig({.interval_us = row.own_min_rx_us, .multiplier = 3});
    Packet packet = from(State::kDown);
    packet.multiplier = row.multiplier;
    packet.desired_min_tx_us = row.remote_min_tx_us;
    rig.session.receive(packet, 0);
    packet.state = State::kInit;
    rig.session.receive(packet, 0);
    CHECK(rig.session.detectionTimeUs() == row.expected_us);
    (void)rig.session.advance(row.expected_us - 1);
    CHECK(rig.session.state() == State::kUp);
    (void)rig.session.advance(row.expected_us);
    CHECK(rig.session.state() == State::kDown);
  }
}

TEST_CASE("BGP-BFD-11 Up begins with a Poll Sequence, which Final ends") {
  Rig rig({.interval_us = 300'000, .multiplier = 3});
  rig.up();
  for (int i = 0; i < 3; ++i) {
    const auto packet = rig.next();
    REQUIRE(packet);
    CHECK(*packet == Packet{.state = State::kUp,
                            .poll = true,
                            .multiplier = 3,
                            .my_discriminator = 0x11,
                            .your_discriminator = 0x22,
                            .desired_min_tx_us = 300'000,
                            .required_min_rx_us = 300'000});
  }
  rig.session.receive(final(State::kUp), rig.now);
  CHECK_FALSE(rig.next()->poll);
}

TEST_CASE("BGP-BFD-11 a Poll is answered at once with Final, never with both") {
  Rig rig;
  rig.up();
  Packet poll = from(State::kUp);
  poll.poll = true;
  const auto answer = rig.session.receive(poll, rig.now).answer;
  REQUIRE(answer);
  CHECK(answer->final);
  CHECK_FALSE(answer->poll);
  CHECK(answer->state == State::kUp);
  // Our own Poll goes on.
  CHECK(rig.next()->poll);
  CHECK_FALSE(rig.session.receive(from(State::kUp), rig.now).answer);
}

TEST_CASE("BGP-BFD-11 slower sending waits for Final, slower expectation does not") {
  Rig rig;
  rig.settled();
  rig.session.change({.interval_us = 400'000, .multiplier = 3});
  const auto poll = rig.next();
  REQUIRE(poll);
  CHECK(poll->poll);
  CHECK(poll->desired_min_tx_us == 400'000);
  CHECK(poll->required_min_rx_us == 400'000);
  CHECK(rig.session.sendIntervalUs() == 50'000);
  CHECK(rig.session.detectionTimeUs() == 1'200'000);
  rig.session.receive(final(State::kUp), rig.now);
  CHECK(rig.session.sendIntervalUs() == 400'000);
}

TEST_CASE("BGP-BFD-11 faster expectation waits for Final, faster sending does not") {
  Rig rig({.interval_us = 400'000, .multiplier = 3});
  rig.settled();
  rig.session.change({.interval_us = 50'000, .multiplier = 3});
  CHECK(rig.session.sendIntervalUs() == 50'000);
  CHECK(rig.session.detectionTimeUs() == 1'200'000);
  rig.session.receive(final(State::kUp), rig.now);
  CHECK(rig.session.detectionTimeUs() == 150'000);
}

TEST_CASE("BGP-BFD-11 a change during a Poll Sequence begins one of its own after that") {
  Rig rig;
  rig.settled();
  rig.session.change({.interval_us = 100'000, .multiplier = 3});
  rig.session.change({.interval_us = 200'000, .multiplier = 5});
  CHECK(rig.next()->desired_min_tx_us == 100'000);
  rig.session.receive(final(State::kUp), rig.now);
  const auto second = rig.next();
  CHECK(second->poll);
  CHECK(second->desired_min_tx_us == 200'000);
  CHECK(second->multiplier == 5);
  rig.session.receive(final(State::kUp), rig.now);
  CHECK_FALSE(rig.next()->poll);
  CHECK(rig.session.sendIntervalUs() == 200'000);
}

TEST_CASE("BGP-BFD-11 what waits for a Poll Sequence outlives the session's fall") {
  Rig rig;
  rig.settled();
  rig.session.change({.interval_us = 100'000, .multiplier = 3});
  rig.session.change({.interval_us = 200'000, .multiplier = 3});
  rig.session.receive(from(State::kDown), rig.now);
  CHECK(rig.next()->required_min_rx_us == 200'000);
}

TEST_CASE("BGP-BFD-14 no packet asks for demand mode, echo or authentication") {
  Rig rig;
  rig.up();
  const auto bytes = encodePacket(*rig.next());
  CHECK((std::to_integer<int>(bytes[1]) & 0x0f) == 0);
  CHECK(std::to_integer<int>(bytes[3]) == 24);
  for (size_t at = 20; at < 24; ++at) CHECK(bytes[at] == std::byte{0});
}

TEST_CASE("BGP-BFD-14 a neighbour in demand mode hears nothing but polls and answers") {
  Rig rig;
  rig.settled();
  Packet demand = from(State::kUp);
  demand.demand = true;
  demand.poll = true;
  CHECK(rig.session.receive(demand, rig.now).answer->final);
  CHECK_FALSE(rig.session.advance(rig.now + 149'999));
  CHECK(rig.session.state() == State::kUp);
  rig.session.change({.interval_us = 100'000, .multiplier = 3});
  CHECK(rig.session.advance(rig.now + 149'999)->poll);
}

TEST_CASE("BGP-BFD-15 AdminDown is told with diagnostic 7, slowly, and answers nobody") {
  Rig rig;
  rig.settled();
  rig.session.adminDown();
  const auto packet = rig.next();
  REQUIRE(packet);
  CHECK(*packet == Packet{.diagnostic = Diagnostic::kAdministrativelyDown,
                          .state = State::kAdminDown,
                          .multiplier = 3,
                          .my_discriminator = 0x11,
                          .your_discriminator = 0x22,
                          .desired_min_tx_us = 1'000'000,
                          .required_min_rx_us = 50'000});
  CHECK(rig.session.remoteDetectionTimeUs() == 3'000'000);
  Packet poll = from(State::kUp);
  poll.poll = true;
  const auto reception = rig.session.receive(poll, rig.now);
  CHECK_FALSE(reception.accepted);
  CHECK_FALSE(reception.answer);
  const uint64_t before = rig.now;
  while (!rig.next()) continue;
  CHECK(rig.now - before >= kSecond * 3 / 4);
}

TEST_CASE("BFD session: a packet with another state does not wait for its time") {
  Rig rig;
  REQUIRE(rig.next());
  rig.session.receive(from(State::kDown), 1);
  CHECK(rig.session.advance(1)->state == State::kInit);
  rig.session.receive(from(State::kInit), 2);
  CHECK(rig.session.advance(2)->state == State::kUp);
  CHECK(rig.session.transitions() == 2);
}

}  // namespace
}  // namespace platypus::bfd
