// What explicit address mappings cost: building a table, its memory, and looking addresses up.
//
// Hot looks go round 64 addresses that stay in the cache; cold ones take entries at random, each
// look waiting for the one before, as a lone packet would. In a worker's burst the prefetch hides
// most of that.
//
//   bench_eam [rounds] [looks a round]
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <random>
#include <vector>

#include "bench/measure.h"
#include "siit/eam.h"

namespace {

using namespace platypus;
using Clock = std::chrono::steady_clock;

constexpr uint32_t kHot = 64;

/// Entry `n` of a table: single addresses, or seven IPv4 lengths beside five of IPv6.
EamEntry entryOf(uint32_t n, bool mixed) {
  EamEntry entry;
  // An odd multiplier: distinct, and in no order.
  entry.v4 = Ipv4Address::fromHost(mixed ? n << 12 : n * 2'654'435'761u);
  entry.v6.bytes = {0x20, 0x01, 0x0d, 0xb8};
  const Be32 where(n);
  std::memcpy(entry.v6.bytes.data() + 4, &where, 4);
  if (!mixed) {
    entry.v6.bytes[15] = 1;
    return entry;
  }
  constexpr uint8_t kLengths[] = {32, 28, 24, 29, 20, 26, 32, 30};
  entry.v4_length = kLengths[n % 8];
  entry.v6_length = static_cast<uint8_t>(64 + n % 5 * 8);
  // Seven entries inside a /20.
  entry.v4 =
      Ipv4Address::fromHost((n / 8 << 12 | (n % 8) << 8) & Ipv4Prefix{{}, entry.v4_length}.mask());
  return entry;
}

std::vector<EamEntry> entriesOf(uint32_t count, bool mixed) {
  std::vector<EamEntry> entries;
  for (uint32_t n = 0; n < count; ++n) entries.push_back(entryOf(n, mixed));
  return entries;
}

/// Nanoseconds a look, each one depending on the one before.
template <typename Address, typename Look>
double looks(const std::vector<Address>& addresses, uint32_t count, Look&& look) {
  const size_t mask = addresses.size() - 1;
  const auto start = Clock::now();
  size_t at = 0;
  for (uint32_t i = 0; i < count; ++i) at = (at + 1 + (look(addresses[at]) ? 0 : 1)) & mask;
  const std::chrono::duration<double, std::nano> passed = Clock::now() - start;
  asm volatile("" : : "r"(at) : "memory");
  return passed.count() / count;
}

void bench(uint32_t count, bool mixed, int rounds, uint32_t looks_a_round) {
  const std::vector<EamEntry> entries = entriesOf(count, mixed);
  std::shared_ptr<const EamTable> table;
  const Spread build = measure(rounds, [&] {
    const auto start = Clock::now();
    table = EamTable::build(nullptr, {}, entries).table;
    const std::chrono::duration<double, std::milli> passed = Clock::now() - start;
    if (table == nullptr) std::abort();
    return passed.count();
  });
  std::printf("%-10s %9u %9.1f %9.1f .. %7.1f %9.0f", mixed ? "mixed" : "/32 /128", count,
              build.median, build.least, build.most,
              count == 0 ? 0.0 : static_cast<double>(table->bytes()) / count);

  std::mt19937 random(7757);
  for (const bool hot : {true, false}) {
    std::vector<Ipv4Address> fours;
    std::vector<Ipv6Address> sixes;
    for (uint32_t i = 0; i < (hot ? kHot : 1u << 20); ++i) {
      const uint32_t n = count == 0 ? 0 : static_cast<uint32_t>(random()) % count;
      const EamEntry entry = count == 0 ? entryOf(i, mixed) : entries[n];
      fours.push_back(entry.v4);
      sixes.push_back(entry.v6);
    }
    const Spread four = measure(rounds, [&] {
      return looks(fours, looks_a_round, [&](Ipv4Address a) { return table->toV6(a).has_value(); });
    });
    const Spread six = measure(rounds, [&] {
      return looks(sixes, looks_a_round,
                   [&](const Ipv6Address& a) { return table->toV4(a).has_value(); });
    });
    std::printf("  %6.1f %6.1f .. %6.1f  %6.1f %6.1f .. %6.1f", four.median, four.least, four.most,
                six.median, six.least, six.most);
  }
  std::printf("\n");
}

}  // namespace

int main(int argc, char** argv) {
  const int rounds = std::max(5, argc > 1 ? std::atoi(argv[1]) : 5);
  const auto looks_a_round =
      static_cast<uint32_t>(std::max(1000, argc > 2 ? std::atoi(argv[2]) : 1'000'000));
  std::printf("EAM tables, median of %d rounds and least .. most, %u looks a round\n", rounds,
              looks_a_round);
  std::printf("%-10s %9s %30s %9s  %24s  %24s  %24s  %24s\n", "entries", "", "build ms", "bytes",
              "4 to 6 hot, ns", "6 to 4 hot, ns", "4 to 6 cold, ns", "6 to 4 cold, ns");
  for (const bool mixed : {false, true}) {
    for (const uint32_t count : {0u, 1'000u, 100'000u, 1'000'000u}) {
      bench(count, mixed, rounds, looks_a_round);
    }
  }
  return 0;
}
