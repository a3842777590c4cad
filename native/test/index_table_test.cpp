#include "nat64/index_table.h"

#include <random>
#include <unordered_map>
#include <vector>

#include "test/test.h"

namespace platypus {
namespace {

/// The table beside a multimap; both get the same operations.
struct Pair {
  explicit Pair(uint32_t capacity) : table(capacity) {}

  void insert(uint64_t hash, uint32_t number) {
    REQUIRE(table.insert(hash, number));
    model.emplace(hash, number);
    live.emplace_back(hash, number);
  }
  void eraseAt(size_t at) {
    const auto [hash, number] = live[at];
    table.erase(hash, number);
    const auto range = model.equal_range(hash);
    for (auto it = range.first; it != range.second; ++it) {
      if (it->second != number) continue;
      model.erase(it);
      break;
    }
    live[at] = live.back();
    live.pop_back();
  }
  bool has(uint64_t hash, uint32_t number) const {
    return table.find(hash, [&](uint32_t candidate) { return candidate == number; }) == number;
  }
  size_t missing() const {
    size_t count = 0;
    for (const auto& [hash, number] : model) count += has(hash, number) ? 0 : 1;
    return count;
  }

  IndexTable table;
  std::unordered_multimap<uint64_t, uint32_t> model;
  std::vector<std::pair<uint64_t, uint32_t>> live;
};

TEST_CASE("index table: 200,000 random operations at up to 100 % of capacity, like a multimap") {
  constexpr uint32_t kCapacity = 5000;
  Pair pair(kCapacity);
  std::mt19937_64 random(1);
  uint32_t next = 0;
  for (int step = 0; step < 200'000; ++step) {
    const bool full = pair.live.size() == kCapacity;
    // Grows to the brim and stays there.
    if (!pair.live.empty() && (full || random() % 3 == 0)) {
      pair.eraseAt(static_cast<size_t>(random() % pair.live.size()));
    } else {
      // Some hashes come more than once.
      const uint64_t hash = random() % 16 == 0 && !pair.live.empty()
                                ? pair.live[static_cast<size_t>(random() % pair.live.size())].first
                                : random();
      pair.insert(hash, next++);
    }
    if (step % 20'000 == 0) CHECK(pair.missing() == 0);
  }
  CHECK(pair.missing() == 0);
  size_t wrong = 0;
  for (int i = 0; i < 10'000; ++i) {
    const uint64_t hash = random();
    wrong += pair.table.find(hash, [](uint32_t) { return false; }) != IndexTable::kNone ? 1 : 0;
  }
  CHECK(wrong == 0);
  while (!pair.live.empty()) pair.eraseAt(pair.live.size() - 1);
  CHECK(pair.missing() == 0);
}

TEST_CASE("index table: one home for 500 entries: spills, wraps and leaves no tombstones") {
  Pair pair(800);
  std::mt19937_64 random(2);
  for (int round = 0; round < 50; ++round) {
    // The last bucket is home, so that the walk goes over the end. Only tags differ.
    for (uint32_t i = 0; i < 500; ++i) pair.insert(0xffffffff00000000u | random() % 256, i);
    CHECK(pair.missing() == 0);
    while (!pair.live.empty()) {
      pair.eraseAt(static_cast<size_t>(random() % pair.live.size()));
      if (pair.live.size() % 100 == 50) CHECK(pair.missing() == 0);
    }
    // A tombstone would make a look-up in the empty table visit entries of the past.
    uint32_t visited = 0;
    for (uint64_t tag = 0; tag < 256; ++tag) {
      pair.table.find(0xffffffff00000000u | tag, [&](uint32_t) {
        ++visited;
        return false;
      });
    }
    CHECK(visited == 0);
  }
}

TEST_CASE("index table: the smallest tables hold what they promise and refuse without harm") {
  for (uint32_t capacity = 0; capacity < 40; ++capacity) {
    IndexTable table(capacity);
    const uint32_t slots = (capacity / 8 + 1) * 12;
    uint32_t number = 0;
    while (table.insert(number * 0x9e3779b97f4a7c15u, number)) ++number;
    CHECK(number >= capacity);
    CHECK(number == slots);
    for (uint32_t i = 0; i < number; ++i) {
      const uint64_t hash = i * 0x9e3779b97f4a7c15u;
      REQUIRE(table.find(hash, [&](uint32_t found) { return found == i; }) == i);
      table.erase(hash, i);
      REQUIRE(table.find(hash, [&](uint32_t found) { return found == i; }) == IndexTable::kNone);
    }
    CHECK(table.insert(7, 7));
  }
}

TEST_CASE("index table: a hash whose tag would be zero, the free mark, is found") {
  IndexTable table(8);
  REQUIRE(table.insert(0, 3));
  CHECK(table.find(0, [](uint32_t) { return true; }) == 3);
  CHECK(table.guess(0) == 3);
  table.erase(0, 3);
  CHECK(table.guess(0) == IndexTable::kNone);
}

}  // namespace
}  // namespace platypus
