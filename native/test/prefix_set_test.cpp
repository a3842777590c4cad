#include "siit/prefix_set.h"

#include <random>

#include "test/siit_packets.h"
#include "test/test.h"

namespace platypus::test {
namespace {

PrefixSet4 setOf(const std::vector<Ipv4Prefix>& prefixes) {
  return PrefixSet4(prefixes);
}

TEST_CASE("prefix set: both ends are inside, their neighbours are not") {
  const PrefixSet4 set = setOf({{v4("10.0.0.0"), 8}, {v4("192.0.2.64"), 26}, {v4("8.8.8.8"), 32}});
  for (const char* inside :
       {"10.0.0.0", "10.255.255.255", "192.0.2.64", "192.0.2.127", "8.8.8.8"}) {
    CAPTURE(inside);
    CHECK(set.contains(v4(inside)));
  }
  for (const char* outside : {"9.255.255.255", "11.0.0.0", "192.0.2.63", "192.0.2.128", "8.8.8.7",
                              "8.8.8.9", "0.0.0.0"}) {
    CAPTURE(outside);
    CHECK_FALSE(set.contains(v4(outside)));
  }
}

TEST_CASE("prefix set: a prefix inside another one takes nothing away behind it") {
  const PrefixSet4 set =
      setOf({{v4("10.0.0.0"), 8}, {v4("10.1.0.0"), 16}, {v4("10.0.0.0"), 32}, {v4("10.0.0.0"), 8}});
  CHECK(set.contains(v4("10.0.0.0")));
  CHECK(set.contains(v4("10.2.0.0")));
  CHECK(set.contains(v4("10.255.255.255")));
  CHECK_FALSE(set.contains(v4("11.0.0.0")));
}

TEST_CASE("prefix set: bits behind the length are ignored") {
  const PrefixSet4 set = setOf({{v4("192.0.2.77"), 24}});
  CHECK(set.contains(v4("192.0.2.0")));
  CHECK(set.contains(v4("192.0.2.255")));
}

TEST_CASE("prefix set: empty holds nothing, /0 everything") {
  CHECK_FALSE(PrefixSet4().contains(v4("0.0.0.0")));
  const PrefixSet4 all = setOf({{v4("0.0.0.0"), 0}, {v4("255.255.255.255"), 32}});
  CHECK(all.contains(v4("0.0.0.0")));
  CHECK(all.contains(v4("255.255.255.255")));
}

TEST_CASE("prefix set: random sets answer like a look at every prefix") {
  std::mt19937 random(1024);
  uint32_t wrong = 0;
  for (int round = 0; round < 200; ++round) {
    std::vector<Ipv4Prefix> prefixes;
    for (int i = 0; i < 20; ++i) {
      prefixes.push_back({Ipv4Address::fromHost(static_cast<uint32_t>(random()) & 0x0f0f0f0fu),
                          static_cast<uint8_t>(4 + random() % 29)});
    }
    const PrefixSet4 set(prefixes);
    for (int look = 0; look < 200; ++look) {
      const auto address = Ipv4Address::fromHost(static_cast<uint32_t>(random()) &
                                                 (look % 2 == 0 ? 0x0f0f0f0fu : ~0u));
      const bool inside = std::any_of(prefixes.begin(), prefixes.end(),
                                      [&](const Ipv4Prefix& p) { return p.contains(address); });
      wrong += set.contains(address) == inside ? 0 : 1;
    }
  }
  CHECK(wrong == 0);
}

}  // namespace
}  // namespace platypus::test
