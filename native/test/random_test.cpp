#include "nat64/random.h"

#include <vector>

#include "test/test.h"

namespace platypus {
namespace {

TEST_CASE("random: the key stream is ChaCha12's (draft-strombergson-chacha-test-vectors, TC1)") {
  RandomSource random({});
  CHECK(random.next() == 0x6a9af49b);
  CHECK(random.next() == 0x53f95507);
  CHECK(random.next() == 0x12ce1f81);
  CHECK(random.next() == 0xd583265f);
  for (int i = 4; i < 16; ++i) random.next();
  CHECK(random.next() == 0x4188d50b);  // the second block
}

TEST_CASE("random: another seed gives another stream") {
  RandomSource one({1});
  RandomSource two({2});
  CHECK(one.next64() != two.next64());
}

TEST_CASE("random: below() stays below and reaches every value evenly") {
  RandomSource random({7});
  std::vector<uint32_t> counts(100);
  for (int i = 0; i < 100'000; ++i) {
    const uint32_t value = random.below(100);
    REQUIRE(value < 100);
    ++counts[value];
  }
  double chi = 0;
  for (const uint32_t count : counts) chi += (count - 1000.0) * (count - 1000.0) / 1000.0;
  CHECK(chi < 150);  // 99 degrees of freedom: p below 0.001
  CHECK(random.below(1) == 0);
}

}  // namespace
}  // namespace platypus
