#include "dataplane/request.h"

#include <atomic>
#include <thread>
#include <vector>

#include "port/memory.h"
#include "test/nat64_packets.h"
#include "test/test.h"

namespace platypus {
namespace {

struct Numbered final : Request {
  Numbered(uint32_t who, uint32_t which) : from(who), number(which) {}
  bool step(Worker&) override { return true; }
  uint32_t from;
  uint32_t number;
};

const Numbered& asNumbered(const std::unique_ptr<Request>& request) {
  return static_cast<const Numbered&>(*request);
}

TEST_CASE("request queue: first in, first out, also when put and take alternate") {
  RequestQueue queue;
  CHECK(queue.take() == nullptr);
  CHECK(queue.maybeEmpty());
  uint32_t put = 0;
  uint32_t taken = 0;
  for (uint32_t round = 1; round < 20; ++round) {
    for (uint32_t i = 0; i < round; ++i) queue.put(std::make_unique<Numbered>(0, put++));
    for (uint32_t i = 0; i < round / 2 + 1; ++i) {
      const auto request = queue.take();
      REQUIRE(request != nullptr);
      CHECK(asNumbered(request).number == taken++);
    }
  }
  while (const auto request = queue.take()) CHECK(asNumbered(request).number == taken++);
  CHECK(taken == put);
  CHECK(queue.maybeEmpty());
}

TEST_CASE("request queue: four threads put, one takes: nothing lost, each thread's order kept") {
  constexpr uint32_t kThreads = 4;
  constexpr uint32_t kEach = 5000;
  RequestQueue queue;
  std::vector<std::thread> threads;
  for (uint32_t who = 0; who < kThreads; ++who) {
    threads.emplace_back([&queue, who] {
      for (uint32_t i = 0; i < kEach; ++i) queue.put(std::make_unique<Numbered>(who, i));
    });
  }
  uint32_t next[kThreads] = {};
  uint32_t total = 0;
  uint32_t out_of_order = 0;
  while (total < kThreads * kEach) {
    const auto request = queue.take();
    if (request == nullptr) {
      std::this_thread::yield();
      continue;
    }
    const Numbered& numbered = asNumbered(request);
    out_of_order += numbered.number == next[numbered.from]++ ? 0 : 1;
    ++total;
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(out_of_order == 0);
  CHECK(queue.take() == nullptr);
}

TEST_CASE("request queue: what nobody took is destroyed with it") {
  RequestQueue queue;
  for (uint32_t i = 0; i < 10; ++i) queue.put(std::make_unique<Numbered>(0, i));
  CHECK(queue.take() != nullptr);
}

TEST_CASE("worker counters: another thread reads them while the worker counts") {
  MemoryPort port;
  Worker worker(port, {.mode = Mode::kNat64,
                       .limits = {.sessions = 64,
                                  .bib = 64,
                                  .hosts = 8,
                                  .reassembly = 4,
                                  .stored_syns = 4,
                                  .filtering = {}},
                       .shard = {},
                       .seed = {}});
  auto config = std::make_shared<Config>();
  config->translation.pool6.add(Pref64(test::wellKnown({}), 96));
  config->translation.pool4 = {{test::v4(192, 0, 2, 1), 1024, 65'535}};
  worker.use(config);
  REQUIRE(worker.continueUse());
  std::atomic<bool> done{false};
  std::thread reader([&] {
    uint64_t last = 0;
    while (!done.load()) {
      const uint64_t now = worker.counters().read(Counter::kReceivedV6);
      if (now < last) std::abort();
      last = now;
    }
  });
  const test::Bytes packet =
      test::ip6(test::host6(1), test::wellKnown(test::v4(8, 8, 8, 8)), 17, test::udpDatagram(1, 2));
  for (int i = 0; i < 2000; ++i) {
    port.inject(packet);
    worker.poll(1000);
  }
  done.store(true);
  reader.join();
  CHECK(worker.counters().read(Counter::kSentV4) == 2000);
}

}  // namespace
}  // namespace platypus
