#include "nat64/timer_wheel.h"

#include <random>
#include <vector>

#include "test/test.h"

namespace platypus {
namespace {

struct Wheel {
  explicit Wheel(uint32_t count, uint32_t start = 0)
      : sessions(count, HugeArray<Session>::Take::kNow), wheel(&sessions) {
    wheel.startAt(start);
  }
  void add(uint32_t number, uint32_t deadline) {
    sessions[number].deadline = deadline;
    wheel.add(number);
  }
  /// What expires at `now`, in order.
  std::vector<uint32_t> at(uint32_t now, uint32_t budget = 0xffffffff) {
    std::vector<uint32_t> expired;
    done = wheel.advance(now, budget, [&](uint32_t number) {
      wheel.remove(number);
      expired.push_back(number);
    });
    return expired;
  }

  HugeArray<Session> sessions;
  TimerWheel wheel;
  bool done = false;
};

TEST_CASE("timer wheel: every session ends at its tick, never early, never late") {
  constexpr uint32_t kCount = 20'000;
  for (const uint32_t start : {0u, 1000u, 0xffff'f000u}) {
    Wheel wheel(kCount, start);
    std::mt19937_64 random(3);
    for (uint32_t i = 0; i < kCount; ++i)
      wheel.add(i, start + 1 + static_cast<uint32_t>(random() % 8000));
    uint32_t seen = 0;
    uint32_t wrong = 0;
    for (uint32_t tick = 0; tick <= 8000; ++tick) {
      for (const uint32_t number : wheel.at(start + tick)) {
        wrong += wheel.sessions[number].deadline == start + tick ? 0 : 1;
        ++seen;
      }
    }
    CHECK(wrong == 0);
    CHECK(seen == kCount);
  }
}

TEST_CASE("timer wheel: a million sessions at one tick end within the budget of each call") {
  constexpr uint32_t kCount = 1'000'000;
  Wheel wheel(kCount);
  for (uint32_t i = 0; i < kCount; ++i) wheel.add(i, 100);
  CHECK(wheel.at(99).empty());
  CHECK(wheel.done);
  size_t seen = 0;
  int calls = 0;
  do {
    const size_t now = wheel.at(100, 1000).size();
    REQUIRE(now <= 1000);
    seen += now;
    ++calls;
  } while (!wheel.done);
  CHECK(seen == kCount);
  CHECK(calls <= 1001);
}

TEST_CASE("timer wheel: a jump of hours ends everything that is due and nothing else") {
  Wheel wheel(4);
  wheel.add(0, 10);
  wheel.add(1, 71'000);
  wheel.add(2, 200'000);
  wheel.add(3, 500'001);
  CHECK(wheel.at(500'000).size() == 3);
  CHECK(wheel.at(500'001) == std::vector<uint32_t>{3});
}

TEST_CASE("timer wheel: beyond the horizon of 3 h 38 min a session waits for its own tick") {
  Wheel wheel(3);
  wheel.add(0, 131'071);
  wheel.add(1, 131'072);
  wheel.add(2, 400'000);
  CHECK(wheel.at(131'070).empty());
  CHECK(wheel.at(131'071) == std::vector<uint32_t>{0});
  CHECK(wheel.at(131'072) == std::vector<uint32_t>{1});
  CHECK(wheel.at(399'999).empty());
  CHECK(wheel.at(400'000) == std::vector<uint32_t>{2});
}

TEST_CASE("timer wheel: a packet only writes the deadline; hasten() brings one nearer") {
  Wheel wheel(2);
  wheel.add(0, 50);
  wheel.add(1, 5000);
  wheel.sessions[0].deadline = 90;  // refreshed by a packet
  CHECK(wheel.at(89).empty());
  CHECK(wheel.at(90) == std::vector<uint32_t>{0});
  wheel.sessions[1].deadline = 120;
  wheel.wheel.hasten(1);
  CHECK(wheel.at(119).empty());
  CHECK(wheel.at(120) == std::vector<uint32_t>{1});
}

TEST_CASE("timer wheel: a deadline in the past ends at the next look") {
  Wheel wheel(1, 1000);
  wheel.add(0, 10);
  CHECK(wheel.at(1000) == std::vector<uint32_t>{0});
}

}  // namespace
}  // namespace platypus
