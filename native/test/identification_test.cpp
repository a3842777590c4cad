#include "siit/identification.h"

#include <set>
#include <vector>

#include "test/test.h"

namespace platypus {
namespace {

constexpr Ipv4Address kSource = Ipv4Address::fromHost(0xc0000221);
constexpr Ipv4Address kDestination = Ipv4Address::fromHost(0xc6336402);

TEST_CASE("SIIT-6to4-06 65,536 packets of one tuple have 65,536 identifications") {
  for (const uint64_t secret : {0ull, 1ull, 0x0123456789abcdefull, ~0ull}) {
    IdentificationSource source(secret);
    std::vector<bool> seen(65'536);
    bool repeated = false;
    for (int i = 0; i < 65'536; ++i) {
      const uint16_t value = source.next(kSource, kDestination, 17);
      repeated = repeated || seen[value];
      seen[value] = true;
    }
    CHECK_FALSE(repeated);
  }
}

TEST_CASE("SIIT-6to4-06 another tuple in between does not make one repeat") {
  IdentificationSource source(7);
  std::vector<bool> seen(65'536);
  bool repeated = false;
  for (uint32_t i = 0; i < 20'000; ++i) {
    const uint16_t value = source.next(kSource, kDestination, 17);
    repeated = repeated || seen[value];
    seen[value] = true;
    (void)source.next(kSource, Ipv4Address::fromHost(i), 17);
  }
  CHECK_FALSE(repeated);
}

TEST_CASE("SIIT-6to4-04 the next identification is not the last one and a constant") {
  IdentificationSource source(0x5eed);
  std::set<uint16_t> steps;
  uint16_t last = source.next(kSource, kDestination, 6);
  for (int i = 0; i < 1000; ++i) {
    const uint16_t value = source.next(kSource, kDestination, 6);
    steps.insert(static_cast<uint16_t>(value - last));
    last = value;
  }
  CHECK(steps.size() > 100);
}

TEST_CASE("SIIT-6to4-04 another secret, tuple or protocol gives another sequence") {
  IdentificationSource source(1);
  IdentificationSource other(2);
  int same[3] = {};
  for (int i = 0; i < 256; ++i) {
    const uint16_t value = source.next(kSource, kDestination, 6);
    same[0] += value == other.next(kSource, kDestination, 6);
    same[1] += value == source.next(kDestination, kSource, 6);
    same[2] += value == source.next(kSource, kDestination, 17);
  }
  for (const int count : same) CHECK(count < 16);
}

}  // namespace
}  // namespace platypus
