// What the stateful core costs per packet: hits with 1 k, 1 M and 10 M sessions, creation, memory.
//
// The worker is the real one; what its port costs is measured by itself and printed. Flows come in
// a scattered order, so that with many sessions every look-up misses the caches.
//
//   bench_nat64 [rounds] [largest number of sessions]
#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>

#include "bench/bench_port.h"
#include "bench/measure.h"
#include "dataplane/worker.h"

namespace {

using namespace platypus;
using Clock = std::chrono::steady_clock;

double nsPerPacket(bench::BenchPort& port, Worker* worker, uint32_t packets) {
  std::array<Packet, Worker::kBurst> burst;
  const auto start = Clock::now();
  while (!port.done()) {
    if (worker != nullptr) {
      worker->poll(1000);
    } else {
      port.receive(burst);
    }
  }
  const std::chrono::duration<double, std::nano> took = Clock::now() - start;
  return took.count() / packets;
}

void print(const char* what, const Spread& spread, const char* target) {
  std::printf("  %-44s %8.1f   %8.1f .. %-8.1f %s\n", what, spread.median, spread.least,
              spread.most, target);
}

void run(uint32_t sessions, int rounds) {
  std::printf("\n%u sessions, %d rounds: ns per packet, median and range\n", sessions, rounds);
  bench::BenchPort port(sessions);
  Worker::Options options;
  options.limits.sessions = sessions;
  options.limits.bib = sessions;
  options.limits.hosts = sessions / bench::kFlowsPerHost + 1;
  options.limits.reassembly = 0;  // its buffers are no part of a session
  Worker worker(port, options);
  if (!worker.ok()) {
    std::printf("  not enough memory\n");
    return;
  }
  worker.use(bench::someConfig());
  while (!worker.continueUse()) {
  }
  port.plan(sessions, true, false, true);
  const double creation = nsPerPacket(port, &worker, sessions);
  const TableSizes sizes = worker.sizes();
  if (sizes.sessions != sessions || port.sent() != sessions) std::abort();

  const uint32_t packets = std::max<uint32_t>(sessions, 1'000'000);
  const Spread empty = measure(rounds, [&] {
    port.plan(packets, true, true, false);
    return nsPerPacket(port, nullptr, packets);
  });
  const Spread out = measure(rounds, [&] {
    port.plan(packets, true, true, false);
    return nsPerPacket(port, &worker, packets) - empty.median;
  });
  const Spread empty4 = measure(rounds, [&] {
    port.plan(packets, false, true, false);
    return nsPerPacket(port, nullptr, packets);
  });
  const Spread in = measure(rounds, [&] {
    port.plan(packets, false, true, false);
    return nsPerPacket(port, &worker, packets) - empty4.median;
  });
  if (worker.sizes().sessions != sessions) std::abort();
  print("making the packets, 6 (subtracted below)", empty, "");
  print("making the packets, 4 (subtracted below)", empty4, "");
  print("hit, 6 to 4", out, sessions == 1'000'000 ? "target < 60" : "");
  print("hit, 4 to 6", in, sessions == 1'000'000 ? "target < 60" : "");
  std::printf("  %-44s %8.1f   %.2f M sessions/s (target 1.00), one run\n",
              "creation, making included", creation, 1000 / creation);
  std::printf("  %-44s %8.1f   bytes, everything (target <= 160)\n", "memory per session",
              static_cast<double>(sizes.memory_bytes) / sessions);
}

}  // namespace

int main(int argc, char** argv) {
  const int rounds = argc > 1 ? std::atoi(argv[1]) : 5;
  const uint32_t largest =
      argc > 2 ? static_cast<uint32_t>(std::strtoul(argv[2], nullptr, 10)) : 10'000'000;
  for (const uint32_t sessions : {1'000u, 1'000'000u, 10'000'000u}) {
    if (sessions <= largest) run(sessions, rounds);
  }
  return 0;
}
