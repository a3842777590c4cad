#include "nat64/stored_syns.h"

#include <vector>

#include "test/test.h"

namespace platypus {
namespace {

TEST_CASE("N64-GEN-19 stored SYNs: as many as there is room for, and room comes back") {
  StoredSyns syns(2);
  const std::vector<std::byte> packet(60, std::byte{7});
  const uint32_t one = syns.keep(packet);
  const uint32_t two = syns.keep(packet);
  CHECK(one != two);
  CHECK(syns.keep(packet) == StoredSyns::kNone);
  CHECK(syns.used() == 2);
  syns.discard(one);
  CHECK(syns.keep(packet) == one);
}

TEST_CASE("stored SYNs: headers are kept as they came, what follows 120 octets is cut") {
  StoredSyns syns(4);
  std::vector<std::byte> packet(1500);
  for (size_t i = 0; i < packet.size(); ++i) packet[i] = static_cast<std::byte>(i);
  const auto kept = syns.at(syns.keep(packet));
  REQUIRE(kept.size() == 120);
  CHECK(std::equal(kept.begin(), kept.end(), packet.begin()));
  packet.resize(40);
  CHECK(syns.at(syns.keep(packet)).size() == 40);
}

TEST_CASE("stored SYNs: no number is the mark for none, however many are asked for") {
  StoredSyns syns(70'000);
  const std::vector<std::byte> packet(40);
  uint32_t last = 0;
  for (uint32_t number = syns.keep(packet); number != StoredSyns::kNone;
       number = syns.keep(packet)) {
    last = number;
  }
  CHECK(last == 65'534);
}

}  // namespace
}  // namespace platypus
