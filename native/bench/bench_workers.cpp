// Do workers disturb each other? Each has a thread, a port and sessions of its own; what a packet
// costs its thread (CPU time, so that waiting for a processor does not count) is compared between
//
//   alone         one worker
//   strangers     several workers at once that know nothing of each other
//   a team        the same with hand-over rings between them, as a device has them
//   one of a team the others have nothing to do
//   one counter   strangers that all add to one shared counter: what a shared line would cost
//
// A team at work costs more than one of it alone only as much as strangers do: no line that one
// worker writes for a packet is read by another.
//
//   bench_workers [rounds] [workers]
#include <atomic>
#include <barrier>
#include <cstdio>
#include <cstdlib>
#include <thread>

#include "bench/bench_port.h"
#include "bench/measure.h"
#include "tester/clock.h"

namespace {

using namespace platypus;

constexpr uint32_t kSessions = 4096;
constexpr uint32_t kPackets = 2'000'000;
constexpr Owners::Keys kKeys{0x9e3779b97f4a7c15u, 0xbf58476d1ce4e5b9u, 0x94d049bb133111ebu,
                             0xd6e8feb86659fd93u, 0xc2b2ae3d27d4eb4fu, 0xff51afd7ed558ccdu,
                             0xc4ceb9fe1a85ec53u, 0x2545f4914f6cdd1du};

enum class Kind { kStrangers, kTeam, kOneCounter };

std::atomic<uint64_t> shared_counter{0};

class Member {
 public:
  Member(uint16_t index, uint16_t workers, const Owners& owners, Handover* handover)
      : port_(kSessions, [&owners, index, at = uint32_t{0}](uint32_t) mutable {
          // Hosts whose packets the kernel would bring here.
          Ipv6Address host{{0x20, 0x01, 0x0d, 0xb8}};
          do {
            store(reinterpret_cast<std::byte*>(host.bytes.data()) + 12, Be32(++at));
          } while (owners.ofHost(host) != index);
          return at;
        }) {
    Worker::Options options;
    options.limits.sessions = kSessions;
    options.limits.bib = kSessions;
    options.limits.hosts = kSessions / bench::kFlowsPerHost + 1;
    options.limits.reassembly = 0;
    options.shard = {.index = index, .count = workers};
    options.handover = handover;
    if (handover != nullptr) handover->setPort(index, port_);
    worker_ = std::make_unique<Worker>(port_, options);
    if (!worker_->ok()) std::abort();
    worker_->use(bench::someConfig());
    while (!worker_->continueUse()) {
    }
    port_.plan(kSessions, true, false, true);
    drive<false>();
    if (worker_->sizes().sessions != kSessions) std::abort();
  }

  /// CPU nanoseconds a packet; both directions take turns.
  template <bool kShared>
  double round() {
    const uint64_t start = tester::threadCpu();
    for (const bool from_v6 : {true, false}) {
      port_.plan(kPackets / 2, from_v6, true, false);
      drive<kShared>();
    }
    return static_cast<double>(tester::threadCpu() - start) / kPackets;
  }

 private:
  template <bool kShared>
  void drive() {
    while (!port_.done()) {
      const size_t packets = worker_->poll(1000);
      if constexpr (kShared) {
        for (size_t i = 0; i < packets; ++i) shared_counter.fetch_add(1, std::memory_order_relaxed);
      }
    }
  }

  bench::BenchPort port_;
  std::unique_ptr<Worker> worker_;
};

/// The mean over the workers, all at work at the same time.
double together(Kind kind, uint16_t workers, uint16_t busy) {
  // Strangers have ports and hosts as in a team, so that only the rings differ.
  const Owners owners(workers, 128, kKeys);
  Handover handover(owners);
  std::vector<double> costs(busy);
  std::barrier ready(busy);
  std::vector<std::thread> threads;
  for (uint16_t i = 0; i < busy; ++i) {
    threads.emplace_back([&, i] {
      Member member(i, workers, owners, kind == Kind::kTeam ? &handover : nullptr);
      ready.arrive_and_wait();
      costs[i] = kind == Kind::kOneCounter ? member.round<true>() : member.round<false>();
    });
  }
  double sum = 0;
  for (uint16_t i = 0; i < busy; ++i) {
    threads[i].join();
    sum += costs[i];
  }
  return sum / busy;
}

struct Row {
  const char* what;
  Kind kind;
  uint16_t workers;
  uint16_t busy;
  std::vector<double> costs;
};

}  // namespace

int main(int argc, char** argv) {
  const int rounds = argc > 1 ? std::atoi(argv[1]) : 7;
  const int wanted = argc > 2 ? std::atoi(argv[2]) : 2;
  const auto workers = static_cast<uint16_t>(wanted < 2 ? 2 : wanted > 16 ? 16 : wanted);
  std::printf("%u workers on %u hardware threads, %u sessions each, %d rounds in turns\n", workers,
              std::thread::hardware_concurrency(), kSessions, rounds);
  Row rows[] = {{"alone", Kind::kStrangers, workers, 1, {}},
                {"strangers", Kind::kStrangers, workers, workers, {}},
                {"one of a team", Kind::kTeam, workers, 1, {}},
                {"a team", Kind::kTeam, workers, workers, {}},
                {"strangers and one shared counter", Kind::kOneCounter, workers, workers, {}}};
  for (int i = 0; i < rounds; ++i) {
    for (Row& row : rows) row.costs.push_back(together(row.kind, row.workers, row.busy));
  }
  std::printf("  %-34s %10s\n", "", "CPU ns a packet: median, range");
  for (const Row& row : rows) {
    const Spread spread = spreadOf(row.costs);
    std::printf("  %-34s %8.1f   %8.1f .. %.1f\n", row.what, spread.median, spread.least,
                spread.most);
  }
  const auto ratio = [&](const Row& a, const Row& b) {
    return spreadOf(a.costs).median / spreadOf(b.costs).median;
  };
  std::printf("  all at work against one: strangers %.2f, a team %.2f, one shared counter %.2f\n",
              ratio(rows[1], rows[0]), ratio(rows[3], rows[2]), ratio(rows[4], rows[0]));
  return 0;
}
