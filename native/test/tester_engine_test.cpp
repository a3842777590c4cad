// The engine over a cable to itself: real sockets, rings and threads, in a namespace of its own.
#include <initializer_list>
#include <semaphore>

#include "test/namespace.h"
#include "test/test.h"
#include "tester/tester.h"

namespace platypus::tester {
namespace {

using platypus::test::NetworkNamespace;

Stream towards(uint8_t from, Family family, uint32_t rate, uint32_t frames) {
  Stream stream;
  stream.from = from;
  stream.family = family;
  stream.sources6 = {Ipv6Address{{0x20, 1, 0x0d, 0xb8, 15, 1}}};
  stream.destinations6 = {Ipv6Address{{0x20, 1, 0x0d, 0xb8, 15, 2}}};
  stream.sources4 = {Ipv4Address::fromHost(0xc6336402)};
  stream.destinations4 = {Ipv4Address::fromHost(0xc0000201)};
  stream.source_ports = {1024, 60000};
  stream.destination_ports = {1, 40000};
  stream.flows = 100;
  stream.sizes = {uint16_t{100}, uint16_t{1500}};
  stream.rate = rate;
  stream.frames = frames;
  stream.duration_ns = uint64_t{30} * kSecond;
  return stream;
}

struct Loop {
  explicit Loop(uint32_t state_flows = 0) {
    Tester::Options options;
    options.loop = true;
    options.state_flows = state_flows;
    options.ring_bytes = size_t{4} << 20;
    opened = Tester::open(options);
  }
  TrialResult run(Trial trial) {
    std::binary_semaphore ended{0};
    const int error = opened.tester->start(
        std::move(trial),
        [](void* context) { static_cast<std::binary_semaphore*>(context)->release(); }, &ended);
    REQUIRE(error == 0);
    ended.acquire();
    return opened.tester->finish();
  }
  Tester::Opened opened;
};

/// Frames that should arrive: the kernel may refuse some when the machine's queues are full of
/// others.
uint64_t taken(const TrialResult& result, size_t stream) {
  const Sender::Result& sender = result.streams[stream].sender;
  return sender.sent - sender.refused;
}

#define OPEN_LOOP(name, flows)                                 \
  const NetworkNamespace space;                                \
  if (!space.missing().empty()) SKIP(space.missing().c_str()); \
  Loop name(flows);                                            \
  REQUIRE_FALSE(name.opened.failure)

TEST_CASE(
    "engine: every frame over a cable arrives once, in order, both ways and families at a time") {
  OPEN_LOOP(loop, 0);
  const TrialResult result = loop.run(
      {.streams = {towards(0, Family::kV6, 20'000, 4'000), towards(1, Family::kV4, 20'000, 4'000)},
       .settle_ms = 10'000});
  REQUIRE(result.error == 0);
  REQUIRE(result.streams.size() == 2);
  for (const size_t stream : {size_t{0}, size_t{1}}) {
    const auto& of = result.streams[stream];
    CHECK(of.sender.sent == 4'000);
    CHECK(of.received == taken(result, stream));
    CHECK(of.duplicates == 0);
    CHECK(of.reordered == 0);
    const Receiver::Result& receiver = result.receivers[1 - stream];
    CHECK(receiver.frames == of.received);
    CHECK(receiver.foreign == 0);
    CHECK(receiver.dropped == 0);
    CHECK(receiver.cpu_ns > 0);
  }
}

TEST_CASE("engine: delays are of every frame, and echoes are test frames too") {
  OPEN_LOOP(loop, 0);
  Stream stream = towards(0, Family::kV6, 10'000, 1'000);
  stream.kind = Kind::kEchoRequest;
  stream.samples = 1'000;
  stream.burst = 1;
  const TrialResult result = loop.run({.streams = {stream}, .settle_ms = 10'000});
  REQUIRE(result.streams.size() == 1);
  const DelaySummary& delays = result.streams[0].delays;
  CHECK(delays.count == taken(result, 0));
  CHECK(delays.pairs < delays.count);
  CHECK(delays.least >= 1);
  CHECK(delays.median >= delays.least);
  CHECK(delays.most >= delays.p999);
}

TEST_CASE("engine: RFC 9693: flows are recorded once, and answered where they came from") {
  OPEN_LOOP(loop, 100);
  Stream open = towards(0, Family::kV4, 10'000, 100);
  open.state = Stream::State::kRecord;
  const TrialResult phase1 = loop.run({.streams = {open}, .settle_ms = 10'000});
  const uint64_t flows = taken(phase1, 0);
  CHECK(phase1.state_size == flows);
  CHECK(phase1.receivers[1].state_new == flows);

  Stream again = towards(0, Family::kV4, 10'000, 300);
  again.state = Stream::State::kCompare;
  Stream answer = towards(1, Family::kV4, 10'000, 300);
  answer.state = Stream::State::kAnswer;
  answer.order = Order::kRandom;
  const TrialResult phase2 = loop.run({.streams = {again, answer}, .settle_ms = 10'000});
  CHECK(phase2.receivers[1].state_same + phase2.receivers[1].state_new == taken(phase2, 0));
  CHECK(phase2.receivers[1].state_changed == 0);
  CHECK(phase2.streams[1].sender.sent + phase2.streams[1].sender.skipped == 300);
  CHECK(phase2.streams[1].received == taken(phase2, 1));

  loop.opened.tester->clearState();
  const TrialResult nobody = loop.run({.streams = {answer}, .settle_ms = 100});
  CHECK(nobody.streams[0].sender.skipped == 300);
  CHECK(nobody.streams[0].sender.sent == 0);
}

TEST_CASE("engine: an aborted trial ends at once and says so") {
  OPEN_LOOP(loop, 0);
  std::binary_semaphore ended{0};
  REQUIRE(loop.opened.tester->start(
              {.streams = {towards(0, Family::kV6, 1, 30)}},
              [](void* context) { static_cast<std::binary_semaphore*>(context)->release(); },
              &ended) == 0);
  loop.opened.tester->abort();
  ended.acquire();
  const TrialResult result = loop.opened.tester->finish();
  CHECK(result.aborted);
  CHECK(result.streams[0].sender.sent < 30);
}

TEST_CASE("engine: a trial that cannot be is refused") {
  OPEN_LOOP(loop, 0);
  const auto start = [&](Trial trial) {
    return loop.opened.tester->start(
        std::move(trial), [](void*) {}, nullptr);
  };
  CHECK(start({}) == EINVAL);
  Stream stream = towards(0, Family::kV6, 1, 1);
  stream.sizes = {uint16_t{83}};
  CHECK(start({.streams = {stream}}) == EINVAL);
  stream = towards(0, Family::kV6, 1, 1);
  stream.state = Stream::State::kRecord;
  CHECK(start({.streams = {stream}}) == EINVAL);
  stream = towards(0, Family::kV6, 1, 1);
  stream.sources6.clear();
  CHECK(start({.streams = {stream}}) == EINVAL);
}

TEST_CASE("engine: frames up to 9216 bytes pass, and sizes take turns") {
  OPEN_LOOP(loop, 0);
  Stream stream = towards(0, Family::kV6, 1'000, 10);
  stream.sizes = {uint16_t{84}, uint16_t{9216}};
  const TrialResult result = loop.run({.streams = {stream}, .settle_ms = 5'000});
  CHECK(result.error == 0);
  CHECK(result.streams[0].received == taken(result, 0));
}

TEST_CASE("engine: sides that are not there are told apart") {
  const NetworkNamespace space;
  if (!space.missing().empty()) SKIP(space.missing().c_str());
  Tester::Options options;
  options.sides[0].device = "nothing0";
  auto opened = Tester::open(options);
  CHECK(opened.tester == nullptr);
  CHECK(std::string(opened.failure.step) == "device");
  CHECK(opened.side == 0);
  options.sides[0].network_namespace = "/nowhere/at/all";
  opened = Tester::open(options);
  CHECK(std::string(opened.failure.step) == "namespace");
  CHECK(opened.failure.error == ENOENT);
}

}  // namespace
}  // namespace platypus::tester
