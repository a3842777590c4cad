#include "siit/fragments.h"

#include "test/siit_packets.h"
#include "test/test.h"

namespace platypus::test {
namespace {

std::vector<Bytes> cut6(const Bytes& bytes, uint16_t limit, uint32_t identification) {
  Loaded whole(bytes);
  Loaded scratch{Bytes()};
  std::vector<Bytes> pieces;
  const unsigned count = fragmentV6(*whole, limit, identification, *scratch,
                                    [&](Packet& piece) { pieces.push_back(copyOf(piece)); });
  CHECK(count == pieces.size());
  return pieces;
}

std::vector<Bytes> cut4(const Bytes& bytes, uint16_t limit) {
  Loaded whole(bytes);
  Loaded scratch{Bytes()};
  std::vector<Bytes> pieces;
  fragmentV4(*whole, limit, *scratch, [&](Packet& piece) { pieces.push_back(copyOf(piece)); });
  return pieces;
}

/// Puts the payloads back together; empty where offsets or more bits do not fit.
Bytes joined(const std::vector<Bytes>& pieces, bool v6) {
  Bytes payload;
  for (size_t i = 0; i < pieces.size(); ++i) {
    const uint32_t word = wordAt(pieces[i], v6 ? 42 : 6);
    const uint32_t offset = v6 ? word & 0xfff8 : (word & 0x1fff) * 8;
    const bool more = (word & (v6 ? 1 : 0x2000)) != 0;
    if (offset != payload.size() || more != (i + 1 < pieces.size())) return {};
    payload.insert(payload.end(), pieces[i].begin() + (v6 ? 48 : 20), pieces[i].end());
  }
  return payload;
}

TEST_CASE("SIIT-4to6-15 1500 octets of IPv4 become 1280 and 296 octets of IPv6") {
  const auto pieces = cut6(packet6(17, udp(1472)), 1280, 0xbeef);
  REQUIRE(pieces.size() == 2);
  CHECK(pieces[0].size() == 1280);
  CHECK(pieces[1].size() == 296);
  CHECK(toHex(pieces[0], 40, 8) == "110000010000beef");
  CHECK(toHex(pieces[1], 40, 8) == "110004d00000beef");
  CHECK(byteAt(pieces[1], 6) == 44);
  CHECK(wordAt(pieces[1], 4) == 256);
}

TEST_CASE("SIIT-4to6-15 every length: no piece over the limit, all payload, in order") {
  for (size_t data = 0; data < 400; ++data) {
    const Bytes payload = pattern(data + 1);
    for (const uint16_t limit : Words{56, 64, 100, 101, 107}) {
      CAPTURE(data);
      CAPTURE(limit);
      const auto pieces = cut6(packet6(50, payload), limit, 1);
      for (const Bytes& piece : pieces) CHECK(piece.size() <= limit);
      CHECK(joined(pieces, true) == payload);
    }
  }
}

TEST_CASE("SIIT-6to4-17 every length: no piece over the limit, all payload, right header sums") {
  for (size_t data = 0; data < 400; ++data) {
    const Bytes payload = pattern(data + 1);
    for (const uint16_t limit : Words{28, 36, 68, 69, 75}) {
      CAPTURE(data);
      CAPTURE(limit);
      const auto pieces = cut4(packet4(50, payload), limit);
      for (const Bytes& piece : pieces) {
        CHECK(piece.size() <= limit);
        CHECK(reference::header(piece) == reference::Sum::kGood);
      }
      CHECK(joined(pieces, false) == payload);
    }
  }
}

TEST_CASE("SIIT-4to6-18 IPv6: a piece of a fragment counts its offset on and keeps M") {
  const auto pieces =
      cut6(packet6(17, pattern(64), {.identification = 9, .offset = 800, .more = true}), 80, 1234);
  REQUIRE(pieces.size() == 2);
  CHECK(toHex(pieces[0], 40, 8) == "1100032100000009");
  CHECK(toHex(pieces[1], 40, 8) == "1100034100000009");
}

TEST_CASE("SIIT-6to4-17 IPv4: a piece of a fragment counts its offset on and keeps MF") {
  const auto pieces =
      cut4(packet4(17, pattern(64), {.identification = 9, .offset = 800, .more = true}), 52);
  REQUIRE(pieces.size() == 2);
  CHECK(wordAt(pieces[0], 6) == (0x2000 | 100));
  CHECK(wordAt(pieces[1], 6) == (0x2000 | 104));
  CHECK(wordAt(pieces[1], 4) == 9);
}

TEST_CASE("the longest packets of both families are cut whole") {
  const Bytes payload = pattern(65'515);
  CHECK(joined(cut6(packet6(50, payload), 1280, 1), true) == payload);
  CHECK(joined(cut4(packet4(50, payload), 576), false) == payload);
}

}  // namespace
}  // namespace platypus::test
