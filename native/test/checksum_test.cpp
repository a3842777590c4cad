#include "packet/checksum.h"

#include "packet/ipv4.h"
#include "test/siit_packets.h"
#include "test/test.h"

namespace platypus::test {
namespace {

Be16 replaced(uint16_t checksum, uint16_t old, uint16_t now) {
  ChecksumDelta delta;
  delta.remove(Be16(old));
  delta.add(Be16(now));
  return delta.apply(Be16(checksum));
}

TEST_CASE("SIIT-CSUM-02 RFC 1624 §4: the update gives 0x0000 where eqn 2 gave 0xffff") {
  CHECK(replaced(0xdd2f, 0x5555, 0x3285).host() == 0x0000);
}

TEST_CASE("SIIT-CSUM-02 the update carries into and out of the top bit") {
  CHECK(replaced(0x0000, 0x0000, 0x0001).host() == 0xfffe);
  CHECK(replaced(0xfffe, 0x0001, 0x0000).host() == 0x0000);
  CHECK(replaced(0xb1e6, 0x4000, 0x0000).host() == 0xf1e6);
  CHECK(replaced(0x9c2d, 0x4006, 0x3f06).host() == 0x9d2d);
}

TEST_CASE("SIIT-CSUM-02 the two zeros of one's complement are the same change") {
  CHECK(replaced(0x1234, 0xffff, 0x0000).host() == 0x1234);
  CHECK(replaced(0x1234, 0x0000, 0xffff).host() == 0x1234);
  CHECK(replaced(0xabcd, 0xabcd, 0xabcd).host() == 0xabcd);
}

TEST_CASE("SIIT-CSUM-02 a change taken back gives the checksum that was") {
  for (uint32_t checksum = 0; checksum < 0xffff; checksum += 251) {
    const Be16 there = replaced(static_cast<uint16_t>(checksum), 0x1234, 0xfedc);
    CHECK(replaced(there.host(), 0xfedc, 0x1234).host() == checksum);
  }
}

TEST_CASE("SIIT-CSUM-02 a folded change gives the same update as the change itself") {
  ChecksumDelta delta;
  delta.remove(v4("192.0.2.33"));
  delta.remove(Be16(40'000));
  delta.add(v6("2001:db8:64::192.0.2.33"));
  delta.add(Be16(1));
  ChecksumDelta kept;
  kept.addSum(delta.folded());
  ChecksumDelta back;
  back.removeSum(delta.folded());
  CHECK(delta.folded() != 0);
  for (const uint16_t checksum : Words{0x0001, 0x1234, 0x7fff, 0xfffe}) {
    const Be16 updated = delta.apply(Be16(checksum));
    CHECK(kept.apply(Be16(checksum)) == updated);
    CHECK(back.apply(updated) == Be16(checksum));
  }
}

TEST_CASE("SIIT-CSUM-01 the sum of RFC 1071 §3's example") {
  CHECK(Be16::fromWire(foldSum(sumBytes(fromHex("0001 f203 f4f5 f6f7")))).host() == 0xddf2);
}

TEST_CASE("SIIT-CSUM-01 an odd last byte counts as the high half of a word") {
  CHECK(Be16::fromWire(foldSum(sumBytes(fromHex("0001 f2")))).host() == 0xf201);
}

TEST_CASE("SIIT-CSUM-01 every length up to 70 bytes sums as byte by byte") {
  for (size_t length = 0; length <= 70; ++length) {
    const Bytes bytes = pattern(length);
    uint32_t expected = 0;
    for (size_t i = 0; i < length; i += 2) expected += wordAt(bytes, i);
    expected = (expected & 0xffff) + (expected >> 16);
    expected = (expected & 0xffff) + (expected >> 16);
    CHECK(Be16::fromWire(foldSum(sumBytes(bytes))).host() == expected);
  }
}

TEST_CASE("SIIT-CSUM-01 64 KiB of ones fold without losing a carry") {
  CHECK(foldSum(sumBytes(Bytes(65'535, std::byte{0xff}))) == Be16(0xff00).wire());
  CHECK(foldSum(sumBytes(Bytes(65'534, std::byte{0xff}))) == 0xffff);
  CHECK(foldSum(~uint64_t{0}) == 0xffff);
}

TEST_CASE("SIIT-CSUM-01 an IPv6 address of all ones sums like its words") {
  const Ipv6Address address = v6("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff");
  CHECK(foldSum(sumOf(address)) == 0xffff);
  const Ipv6Address mixed = v6("ffff:ffff:ffff:ffff:0:0:0:1");
  CHECK(foldSum(sumOf(mixed)) == Be16(1).wire());
}

TEST_CASE("SIIT-6to4-09 the IPv4 header checksum is that of the vectors") {
  auto header = load<Ipv4Header>(fromHex("45000035 00000000 3f11 0000 c0000221 c6336402").data());
  header.computeChecksum();
  CHECK(header.checksum.host() == 0x8f61);
}

TEST_CASE("SIIT-CSUM-01 a partial checksum holds the pseudo-header's sum, not its complement") {
  ChecksumDelta delta;
  delta.remove(v4("192.0.2.33"));
  delta.add(v4("192.0.2.34"));
  CHECK(delta.applyPartial(Be16(0x1000)).host() == 0x1001);
}

}  // namespace
}  // namespace platypus::test
