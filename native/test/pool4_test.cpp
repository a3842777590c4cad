#include "nat64/pool4.h"

#include <set>
#include <vector>

#include "test/nat64_packets.h"
#include "test/test.h"

namespace platypus {
namespace {

using test::v4;

constexpr Ipv4Address kAddress = v4(192, 0, 2, 1);

struct Fixture {
  explicit Fixture(std::vector<Pool4Entry> entries, Pool4::Shard shard = {})
      : pool(shard), random({42}) {
    while (!pool.replace(entries)) {
    }
    slot = pool.find(kAddress);
  }
  uint16_t draw(Proto proto, uint16_t wanted) { return pool.allocate(slot, proto, wanted, random); }
  Pool4 pool;
  RandomSource random;
  uint32_t slot = 0;
};

double chiSquare(const std::vector<uint32_t>& counts, double expected) {
  double chi = 0;
  for (const uint32_t count : counts) chi += (count - expected) * (count - expected) / expected;
  return chi;
}

TEST_CASE("N64-PORT-04 a port stays on its side of 1024 while there is one, then goes over") {
  for (const Proto proto : {Proto::kTcp, Proto::kUdp}) {
    Fixture f({{kAddress, 1020, 1029}});
    std::set<uint16_t> low;
    for (int i = 0; i < 4; ++i) low.insert(f.draw(proto, 500));
    CHECK(low == std::set<uint16_t>{1020, 1021, 1022, 1023});
    CHECK(f.draw(proto, 501) >= 1024);
    for (int i = 0; i < 5; ++i) CHECK(f.draw(proto, 40'000) >= 1024);
    CHECK(f.draw(proto, 40'000) == 0);
  }
}

TEST_CASE("N64-PORT-05 UDP keeps the parity while there is one, then takes the other") {
  Fixture f({{kAddress, 2000, 2009}});
  for (int i = 0; i < 5; ++i) CHECK(f.draw(Proto::kUdp, 40'001) % 2 == 1);
  for (int i = 0; i < 5; ++i) CHECK(f.draw(Proto::kUdp, 40'001) % 2 == 0);
  CHECK(f.draw(Proto::kUdp, 40'001) == 0);
}

TEST_CASE("N64-PORT-08 each protocol has its own ports on an address") {
  Fixture f({{kAddress, 5000, 5000}});
  for (const Proto proto : {Proto::kTcp, Proto::kUdp, Proto::kIcmp}) {
    CHECK(f.draw(proto, 40'000) == 5000);
    CHECK(f.draw(proto, 40'000) == 0);
  }
}

TEST_CASE("N64-PORT-09 all 65,535 ports are handed out once, port 0 never") {
  for (const Proto proto : {Proto::kTcp, Proto::kUdp, Proto::kIcmp}) {
    Fixture f({{kAddress, 0, 65'535}});
    std::set<uint16_t> seen;
    for (uint32_t i = 0; i < 65'535; ++i) seen.insert(f.draw(proto, static_cast<uint16_t>(i)));
    CHECK(seen.size() == 65'535);
    CHECK(seen.count(0) == 0);
    CHECK(f.draw(proto, 1) == 0);
    CHECK(f.pool.choose(0, proto) == Pool4::kNone);
    f.pool.release(f.slot, proto, 777);
    CHECK(f.pool.choose(0, proto) == f.slot);
    CHECK(f.draw(proto, 40'000) == 777);
  }
}

TEST_CASE("N64-PORT-11 10,000 ports drawn are spread evenly over the range") {
  Fixture f({{kAddress, 1024, 65'535}});
  std::vector<uint32_t> blocks(63);   // of 1024 ports
  std::vector<uint32_t> offsets(64);  // within a word of 64
  for (int i = 0; i < 10'000; ++i) {
    const uint16_t port = f.draw(Proto::kTcp, 40'000);
    ++blocks[port / 1024 - 1];
    ++offsets[port % 64];
    f.pool.release(f.slot, Proto::kTcp, port);
  }
  CHECK(chiSquare(blocks, 10'000.0 / 63) < 103);  // 62 degrees of freedom: p below 0.001
  CHECK(chiSquare(offsets, 10'000.0 / 64) < 104);
}

TEST_CASE("N64-PORT-11 also for one shard of four: no port of a block is likelier") {
  Fixture f({{kAddress, 1024, 65'535}}, {.index = 2, .count = 4});
  std::vector<uint32_t> blocks(252);  // the shard's blocks
  std::vector<uint32_t> offsets(64);
  for (int i = 0; i < 10'000; ++i) {
    const uint16_t port = f.draw(Proto::kTcp, 40'000);
    REQUIRE(port / 64 % 4 == 2);
    ++blocks[port / 64 / 4 - 4];
    ++offsets[port % 64];
    f.pool.release(f.slot, Proto::kTcp, port);
  }
  CHECK(chiSquare(blocks, 10'000.0 / 252) < 325);
  CHECK(chiSquare(offsets, 10'000.0 / 64) < 104);
}

TEST_CASE("N64-PORT-11 no sequence: neighbours in time are not neighbours in number") {
  Fixture f({{kAddress, 1024, 65'535}});
  uint16_t before = f.draw(Proto::kUdp, 40'000);
  int close = 0;
  for (int i = 0; i < 1000; ++i) {
    const uint16_t port = f.draw(Proto::kUdp, 40'000);
    close += port > before && port - before <= 4 ? 1 : 0;
    before = port;
  }
  CHECK(close < 5);
}

TEST_CASE("pool4 shards: together they hand out every port of a range, each its own blocks") {
  for (const uint16_t count : {uint16_t{1}, uint16_t{2}, uint16_t{3}, uint16_t{7}}) {
    // Not a whole number of blocks, and the wrap of the search inside of the first and last one.
    std::set<uint16_t> all;
    uint32_t drawn = 0;
    for (uint16_t index = 0; index < count; ++index) {
      Fixture f({{kAddress, 1030, 1400}}, {.index = index, .count = count});
      while (f.pool.choose(0, Proto::kTcp) != Pool4::kNone) {
        const uint16_t port = f.draw(Proto::kTcp, 40'000);
        REQUIRE(port >= 1030);
        REQUIRE(port <= 1400);
        CHECK(port / 64 % count == index);
        all.insert(port);
        ++drawn;
      }
      CHECK(f.draw(Proto::kTcp, 40'000) == 0);
    }
    CHECK(drawn == 371);
    CHECK(all.size() == 371);
  }
}

TEST_CASE("pool4 shards: one without a block of the range offers nothing and is passed over") {
  Fixture f({{kAddress, 1024, 1087}, {v4(192, 0, 2, 2), 1024, 65'535}}, {.index = 1, .count = 2});
  for (uint64_t hint = 0; hint < 4; ++hint) {
    CHECK(f.pool.choose(hint << 62, Proto::kUdp) == f.pool.find(v4(192, 0, 2, 2)));
  }
}

TEST_CASE("pool4: reserved ports are not drawn; those of another shard or range do not count") {
  Fixture f({{kAddress, 1024, 1151}}, {.index = 0, .count = 2});  // owns 1024..1087
  CHECK(f.pool.reserve(f.slot, Proto::kTcp, 1100));
  CHECK(f.pool.reserve(f.slot, Proto::kTcp, 80));
  CHECK(f.pool.reserve(f.slot, Proto::kTcp, 1024));
  CHECK_FALSE(f.pool.reserve(f.slot, Proto::kTcp, 1024));
  std::set<uint16_t> seen;
  while (const uint16_t port = f.draw(Proto::kTcp, 40'000)) seen.insert(port);
  CHECK(seen.size() == 63);
  CHECK(seen.count(1024) == 0);
  CHECK(f.pool.usage(0).used[protoIndex(Proto::kTcp)] == 66);
}

TEST_CASE("pool4: another range counts anew what is in use in it") {
  Fixture f({{kAddress, 1024, 1033}});
  while (f.draw(Proto::kUdp, 40'000) != 0) {
  }
  const std::vector<Pool4Entry> wider{{kAddress, 1030, 1039}};
  while (!f.pool.replace(wider)) {
  }
  CHECK(f.slot == f.pool.find(kAddress));
  std::set<uint16_t> seen;
  while (const uint16_t port = f.draw(Proto::kUdp, 40'000)) seen.insert(port);
  CHECK(seen == std::set<uint16_t>{1034, 1035, 1036, 1037, 1038, 1039});
}

TEST_CASE("N64-PORT-19 scattered addresses are found, others and retired ones are not") {
  std::vector<Pool4Entry> entries;
  for (uint32_t i = 0; i < Pool4::kMost; ++i) {
    entries.push_back({Ipv4Address::fromHost(0xc0000000 + i * 0x10107), 1024, 65'535});
  }
  Pool4 pool({});
  while (!pool.replace(entries)) {
  }
  CHECK(pool.size() == Pool4::kMost);
  uint32_t wrong = 0;
  for (const Pool4Entry& entry : entries) {
    const uint32_t slot = pool.find(entry.address);
    wrong += slot != Pool4::kNone && pool.address(slot) == entry.address ? 0 : 1;
    wrong += pool.contains(Ipv4Address::fromHost(entry.address.host() + 1)) ? 1 : 0;
  }
  CHECK(wrong == 0);
  const std::vector<Pool4Entry> left{entries[5], entries[4000]};
  pool.retire(left);
  CHECK(pool.size() == 2);
  CHECK(pool.contains(entries[4000].address));
  CHECK_FALSE(pool.contains(entries[0].address));
  while (!pool.replace({})) {
  }
  CHECK(pool.choose(1, Proto::kTcp) == Pool4::kNone);
}

}  // namespace
}  // namespace platypus
