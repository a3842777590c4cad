#include "siit/mtu.h"

#include "test/hex.h"
#include "test/test.h"

namespace platypus::test {
namespace {

TEST_CASE("SIIT-MTU-01 an MTU from IPv4 grows by 20") {
  CHECK(packetTooBigMtu(1400, 1500, 1500, 1500, Plateaus()) == 1420);
}
TEST_CASE("SIIT-MTU-01 the IPv6 next hop bounds the MTU") {
  CHECK(packetTooBigMtu(9000, 9100, 1500, 9000, Plateaus()) == 1500);
}
TEST_CASE("SIIT-MTU-01 the IPv4 next hop and 20 bounds the MTU") {
  CHECK(packetTooBigMtu(9000, 9100, 9000, 1500, Plateaus()) == 1520);
}
TEST_CASE("SIIT-MTU-02 no Packet Too Big says less than 1280") {
  for (const uint16_t mtu : Words{1, 68, 576, 1259, 1260}) {
    CAPTURE(mtu);
    CHECK(packetTooBigMtu(mtu, 1500, 1500, 1500, Plateaus()) == 1280);
  }
  CHECK(packetTooBigMtu(1261, 1500, 1500, 1500, Plateaus()) == 1281);
}
TEST_CASE("SIIT-MTU-03 without an MTU the plateau below the quoted packet counts") {
  CHECK(packetTooBigMtu(0, 1500, 9000, 9000, Plateaus()) == 1512);
  CHECK(packetTooBigMtu(0, 1492, 9000, 9000, Plateaus()) == 1280);
}
TEST_CASE("SIIT-MTU-04 plateaus of RFC 1191 from 1492 on") {
  CHECK(Plateaus().below(0) == 0);
  CHECK(Plateaus().below(68) == 0);
  CHECK(Plateaus().below(1492) == 1006);
  CHECK(Plateaus().below(1493) == 1492);
  CHECK(Plateaus().below(2002) == 1492);
  CHECK(Plateaus().below(2003) == 2002);
  CHECK(Plateaus().below(4353) == 4352);
  CHECK(Plateaus().below(8167) == 8166);
  CHECK(Plateaus().below(17'915) == 17'914);
  CHECK(Plateaus().below(32'001) == 32'000);
  CHECK(Plateaus().below(65'535) == 32'000);
}
TEST_CASE("SIIT-MTU-05 a plateau is an IPv4 size and grows by 20 too") {
  CHECK(packetTooBigMtu(0, 4353, 9000, 9000, Plateaus()) == 4372);
}
TEST_CASE("SIIT-MTU-06 an MTU from IPv6 shrinks by 20") {
  CHECK(fragmentationNeededMtu(1400, false, 1500, 1500) == 1380);
}
TEST_CASE("SIIT-MTU-06 the IPv4 next hop bounds the MTU") {
  CHECK(fragmentationNeededMtu(1500, false, 1500, 1400) == 1400);
}
TEST_CASE("SIIT-MTU-06 the IPv6 next hop less 20 bounds the MTU") {
  CHECK(fragmentationNeededMtu(9000, false, 1500, 9000) == 1480);
}
TEST_CASE("SIIT-MTU-07 a quoted Fragment Header takes eight more") {
  CHECK(fragmentationNeededMtu(1400, true, 1500, 1500) == 1372);
}
TEST_CASE("SIIT-MTU-08 the MTU of ICMPv4 stays between 68 and 65535") {
  CHECK(fragmentationNeededMtu(100'000, false, 65'535, 65'535) == 65'515);
  CHECK(fragmentationNeededMtu(0xffffffff, true, 1500, 1500) == 1480);
  CHECK(fragmentationNeededMtu(0, false, 1500, 1500) == 68);
  CHECK(fragmentationNeededMtu(20, false, 1500, 1500) == 68);
  CHECK(fragmentationNeededMtu(27, true, 1500, 1500) == 68);
  CHECK(fragmentationNeededMtu(88, false, 1500, 1500) == 68);
  CHECK(fragmentationNeededMtu(89, false, 1500, 1500) == 69);
}

}  // namespace
}  // namespace platypus::test
