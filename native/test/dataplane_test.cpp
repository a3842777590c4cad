// Real worker threads on ports in memory: what ThreadSanitizer is to look at (`make test-threads`).
#include "dataplane/dataplane.h"

#include <array>
#include <chrono>
#include <map>
#include <thread>
#include <vector>

#include "port/memory.h"
#include "test/team.h"
#include "test/test.h"

namespace platypus::test {
namespace {

using namespace std::chrono_literals;

struct Threads {
  explicit Threads(uint16_t workers) {
    auto config = std::make_shared<Config>();
    config->translation.pool6.add(Pref64(wellKnown({}), 96));
    config->translation.policy.allow_non_global = true;
    config->translation.pool4 = {{kTeamPool, 1024, 65'535}};
    options.workers = workers;
    options.subscriber_bits = 128;
    options.limits.sessions = 1 << 14;
    options.limits.bib = 1 << 14;
    options.limits.hosts = 1 << 10;
    options.config = config;
    std::vector<std::unique_ptr<Port>> owned;
    for (uint16_t i = 0; i < workers; ++i) {
      owned.push_back(std::make_unique<MemoryPort>());
      ports.push_back(static_cast<MemoryPort*>(owned.back().get()));
    }
    dataplane = Dataplane::open(options, std::move(owned)).dataplane;
    REQUIRE(dataplane != nullptr);
  }
  /// Everything sent so far, by all workers.
  size_t drain(std::vector<MemoryPacket>& all) {
    for (MemoryPort* port : ports) {
      for (MemoryPacket& packet : port->takeSent()) all.push_back(std::move(packet));
    }
    return all.size();
  }
  std::vector<MemoryPacket> await(size_t wanted) {
    std::vector<MemoryPacket> all;
    const auto end = std::chrono::steady_clock::now() + 20s;
    while (drain(all) < wanted && std::chrono::steady_clock::now() < end) {
      std::this_thread::sleep_for(1ms);
    }
    REQUIRE(all.size() == wanted);
    return all;
  }

  Dataplane::Options options;
  std::vector<MemoryPort*> ports;
  std::unique_ptr<Dataplane> dataplane;
};

TEST_CASE("dataplane: threads hand over what came to the wrong one, and every reply comes home") {
  constexpr uint16_t kWorkers = 3;
  constexpr uint32_t kFlows = 600;
  Threads threads(kWorkers);
  REQUIRE(threads.dataplane->start() == 0);
  for (uint32_t i = 0; i < kFlows; ++i) {
    const Bytes packet = ip6(host6(static_cast<uint8_t>(i % 50)), wellKnown(kTeamServer), 17,
                             udpDatagram(static_cast<uint16_t>(1024 + i), 53, 20));
    REQUIRE(threads.ports[i % kWorkers]->inject(packet));
  }
  std::map<uint16_t, uint32_t> flow_of;
  for (const MemoryPacket& sent : threads.await(kFlows)) {
    const Seen seen = look(sent.bytes);
    CHECK(seen.sound);
    CHECK(flow_of.emplace(seen.sourcePort(), 0).second);
  }
  uint32_t at = 0;
  for (const auto& [pool_port, flow] : flow_of) {
    const Bytes reply = ip4(kTeamServer, kTeamPool, 17, udpDatagram(53, pool_port, 20));
    REQUIRE(threads.ports[at++ % kWorkers]->inject(reply));
  }
  std::map<uint16_t, Ipv6Address> home;
  for (const MemoryPacket& sent : threads.await(kFlows)) {
    const Seen seen = look(sent.bytes);
    CHECK(seen.sound);
    CHECK(seen.destination6 == host6(static_cast<uint8_t>((seen.destinationPort() - 1024) % 50)));
    CHECK(home.emplace(seen.destinationPort(), seen.destination6).second);
  }
  std::array<uint64_t, kCounters> sums;
  threads.dataplane->readCounters(sums);
  CHECK(sums[static_cast<size_t>(Counter::kHandedOver)] > kFlows);
  CHECK(sums[static_cast<size_t>(Counter::kDropHandoverFull)] == 0);
  CHECK(threads.dataplane->alive());
}

struct Reload final : Request {
  explicit Reload(std::shared_ptr<const Config> it) : config(std::move(it)) {}
  bool step(Worker& worker) override {
    if (!begun) config = worker.use(std::move(config));
    begun = true;
    return worker.continueUse();
  }
  std::shared_ptr<const Config> config;
  bool begun = false;
};

TEST_CASE("dataplane: reloads, listings and counters while packets are handed over lose nothing") {
  constexpr uint16_t kWorkers = 2;
  constexpr uint32_t kPackets = 4000;
  Threads threads(kWorkers);
  REQUIRE(threads.dataplane->start() == 0);
  size_t answers = 0;
  std::vector<MemoryPacket> all;
  std::array<uint64_t, kCounters> sums;
  for (uint32_t i = 0; i < kPackets; ++i) {
    const Bytes packet = ip6(host6(static_cast<uint8_t>(i % 16)), wellKnown(kTeamServer), 17,
                             udpDatagram(static_cast<uint16_t>(1024 + i % 100), 53, 20));
    REQUIRE(threads.ports[i % kWorkers]->inject(packet));
    if (i % 100 == 0) {
      for (size_t worker = 0; worker < kWorkers; ++worker) {
        auto config = std::make_shared<Config>(*threads.options.config);
        config->translation.policy.mtu4 = static_cast<uint16_t>(1400 + i % 100);
        threads.dataplane->ask(worker, std::make_unique<Reload>(std::move(config)));
      }
      threads.dataplane->readCounters(sums);
      while (threads.dataplane->answer() != nullptr) ++answers;
    }
  }
  const auto end = std::chrono::steady_clock::now() + 20s;
  while (threads.drain(all) < kPackets && std::chrono::steady_clock::now() < end) {
    std::this_thread::sleep_for(1ms);
  }
  CHECK(all.size() == kPackets);
  while (answers < kPackets / 100 * kWorkers && std::chrono::steady_clock::now() < end) {
    while (threads.dataplane->answer() != nullptr) ++answers;
  }
  CHECK(answers == kPackets / 100 * kWorkers);
  threads.dataplane->stop();
  CHECK_FALSE(threads.dataplane->alive());
}

TEST_CASE("dataplane: workers run on the processors that they were given") {
  Threads threads(1);
  threads.dataplane = nullptr;
  threads.options.cpus = {0};
  std::vector<std::unique_ptr<Port>> ports;
  ports.push_back(std::make_unique<MemoryPort>());
  auto opened = Dataplane::open(threads.options, std::move(ports));
  REQUIRE(opened.dataplane != nullptr);
  REQUIRE(opened.dataplane->start() == 0);
  struct Where final : Request {
    bool step(Worker&) override {
      cpu_set_t cpus;
      CPU_ZERO(&cpus);
      REQUIRE(sched_getaffinity(0, sizeof cpus, &cpus) == 0);
      only_first = CPU_COUNT(&cpus) == 1 && CPU_ISSET(0, &cpus);
      return true;
    }
    bool only_first = false;
  };
  opened.dataplane->ask(0, std::make_unique<Where>());
  std::unique_ptr<Request> answer;
  const auto end = std::chrono::steady_clock::now() + 20s;
  while (answer == nullptr && std::chrono::steady_clock::now() < end) {
    answer = opened.dataplane->answer();
  }
  REQUIRE(answer != nullptr);
  CHECK(static_cast<Where&>(*answer).only_first);

  // A processor that no machine has.
  threads.options.cpus = {1023};
  ports.clear();
  ports.push_back(std::make_unique<MemoryPort>());
  opened = Dataplane::open(threads.options, std::move(ports));
  REQUIRE(opened.dataplane != nullptr);
  CHECK(opened.dataplane->start() == EINVAL);
  CHECK_FALSE(opened.dataplane->alive());
}

}  // namespace
}  // namespace platypus::test
