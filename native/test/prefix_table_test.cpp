#include "siit/prefix_table.h"

#include <algorithm>
#include <random>
#include <vector>

#include "test/test.h"

namespace platypus {
namespace {

/// Bit `at`, counted from the left; written out here, so that masked() is tested too.
bool bitOf(Key4 key, unsigned at) {
  return (key.bits >> (31 - at) & 1) != 0;
}
bool bitOf(const Key6& key, unsigned at) {
  return ((at < 64 ? key.high >> (63 - at) : key.low >> (127 - at)) & 1) != 0;
}
void flip(Key4& key, unsigned at) {
  key.bits ^= uint32_t{1} << (31 - at);
}
void flip(Key6& key, unsigned at) {
  (at < 64 ? key.high : key.low) ^= uint64_t{1} << (63 - at % 64);
}

template <typename Key>
struct Model {
  using Table = PrefixTable<Key, uint32_t>;
  std::vector<typename Table::Item> items;

  void add(Key key, unsigned length) {
    for (unsigned bit = length; bit < Key::kBits; ++bit) {
      if (bitOf(key, bit)) flip(key, bit);
    }
    for (const auto& item : items) {
      if (item.key == key && item.length == length) return;
    }
    items.push_back({key, static_cast<uint8_t>(length), static_cast<uint32_t>(items.size() + 1)});
  }
  /// The value of the longest prefix around `key`, 0 for none: every item, every bit.
  uint32_t find(const Key& key) const {
    uint32_t value = 0;
    int longest = -1;
    for (const auto& item : items) {
      bool inside = true;
      for (unsigned bit = 0; bit < item.length && inside; ++bit) {
        inside = bitOf(item.key, bit) == bitOf(key, bit);
      }
      if (inside && item.length > longest) {
        longest = item.length;
        value = item.value;
      }
    }
    return value;
  }
  Table build() const {
    auto sorted = items;
    std::sort(sorted.begin(), sorted.end(), [](const auto& a, const auto& b) {
      return a.key != b.key ? a.key < b.key : a.length < b.length;
    });
    Table table;
    REQUIRE(table.build(sorted));
    return table;
  }
};

template <typename Table, typename Key>
uint32_t found(const Table& table, const Key& key) {
  const uint32_t* value = table.find(key);
  return value == nullptr ? 0 : *value;
}

Key4 someKey(std::mt19937& random, Key4) {
  return {static_cast<uint32_t>(random())};
}
Key6 someKey(std::mt19937& random, Key6) {
  const auto word = [&random] { return uint64_t{random()} << 32 | random(); };
  return {word(), word()};
}

/// Prefixes and look-ups that share long beginnings with each other.
template <typename Key>
void holdAgainstModel(unsigned rounds, unsigned entries) {
  std::mt19937 random(7757);
  for (unsigned round = 0; round < rounds; ++round) {
    CAPTURE(round);
    // Some rounds have few lengths, some all.
    const unsigned step = 1u + static_cast<unsigned>(random() % (Key::kBits / 2));
    Model<Key> model;
    std::vector<Key> keys{someKey(random, Key{})};
    for (unsigned i = 0; i < entries; ++i) {
      Key key = keys[random() % keys.size()];
      flip(key, random() % Key::kBits);
      keys.push_back(key);
      const auto length = static_cast<unsigned>(random() % (Key::kBits + 1));
      model.add(key, length / step * step);
    }
    const auto table = model.build();
    uint32_t wrong = 0;
    for (unsigned look = 0; look < 4 * entries; ++look) {
      Key key = look % 16 == 0 ? someKey(random, Key{}) : keys[random() % keys.size()];
      if (look % 2 == 0) flip(key, random() % Key::kBits);
      wrong += found(table, key) == model.find(key) ? 0 : 1;
    }
    CHECK(wrong == 0);
  }
}

TEST_CASE("SIIT-EAM-03 longest prefix, IPv4 column: random sets answer like a linear search") {
  holdAgainstModel<Key4>(100, 60);
}

TEST_CASE("SIIT-EAM-04 longest prefix, IPv6 column: random sets answer like a linear search") {
  holdAgainstModel<Key6>(100, 60);
}

/// One prefix of every length around one key: who differs from it first in bit n is inside those of
/// length 0..n.
template <typename Key>
void nestAll(unsigned step) {
  std::mt19937 random(129);
  const Key center = someKey(random, Key{});
  Model<Key> model;
  for (unsigned length = 0; length <= Key::kBits; length += step) model.add(center, length);
  const auto table = model.build();
  for (unsigned bit = 0; bit < Key::kBits; ++bit) {
    CAPTURE(bit);
    Key key = center;
    flip(key, bit);
    CHECK(found(table, key) == bit / step + 1);
    for (unsigned rest = bit + 1; rest < Key::kBits; ++rest) {
      if (random() % 2 != 0) flip(key, rest);
    }
    CHECK(found(table, key) == bit / step + 1);
  }
  CHECK(found(table, center) == Key::kBits / step + 1);
}

TEST_CASE("SIIT-EAM-03, SIIT-EAM-04 all 33 and all 129 lengths in each other") {
  nestAll<Key4>(1);
  nestAll<Key6>(1);
  nestAll<Key4>(5);
  nestAll<Key6>(7);
}

TEST_CASE("SIIT-EAM-03 a long prefix far from the short ones leads nobody astray") {
  // The marker of 192.0.2.1/32 at /16 stands where no entry is: it has no answer, and what follows
  // it but is not 192.0.2.1 has that of /8 only if it is inside.
  Model<Key4> model;
  model.add({0xc0000201}, 32);
  model.add({0x0a000000}, 8);
  model.add({0x0a010000}, 16);
  const auto table = model.build();
  CHECK(found(table, Key4{0xc0000201}) == 1);
  CHECK(found(table, Key4{0xc0000202}) == 0);
  CHECK(found(table, Key4{0x0a000001}) == 2);
  CHECK(found(table, Key4{0x0a010001}) == 3);
  CHECK(found(table, Key4{0x0b000000}) == 0);
}

TEST_CASE("prefix table: grows for markers, and each of many entries is found") {
  Model<Key6> model;
  PrefixTable<Key6, uint32_t> table;
  for (uint64_t i = 0; i < 20'000; ++i) {
    const auto length = static_cast<uint8_t>(i % 4 == 0   ? 64
                                             : i % 4 == 1 ? 96
                                             : i % 4 == 2 ? 128
                                                          : 48);
    const Key6 key{(0x20010db8'00000000u + i) << 16 | 0, i << 40 | i};
    model.items.push_back({key.masked(length), length, static_cast<uint32_t>(i + 1)});
  }
  table = model.build();
  uint32_t wrong = 0;
  for (uint64_t i = 0; i < 20'000; ++i) {
    const Key6 key{(0x20010db8'00000000u + i) << 16 | 0, i << 40 | i};
    wrong += found(table, key) == i + 1 ? 0 : 1;
  }
  CHECK(wrong == 0);
  CHECK(table.bytes() < 20'000 * 4 * 64);
}

TEST_CASE("prefix table: empty it finds nothing, built anew it has forgotten") {
  PrefixTable<Key4, uint32_t> table;
  CHECK(table.find({0}) == nullptr);
  table.prefetch({0});
  Model<Key4> model;
  model.add({}, 0);
  table = model.build();
  CHECK(found(table, Key4{0xffffffff}) == 1);
  REQUIRE(table.build({}));
  CHECK(table.find({0xffffffff}) == nullptr);
}

}  // namespace
}  // namespace platypus
