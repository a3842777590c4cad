#include "siit/stateless.h"

#include "packet/icmp4.h"
#include "packet/icmp6.h"
#include "test/siit_packets.h"
#include "test/test.h"

namespace platypus::test {
namespace {

TEST_CASE("SIIT-ADDR-13 6to4: the well-known prefix with a non-global address is not translated") {
  Siit siit("64:ff9b::", 96);
  const Fields destination{.source6 = "64:ff9b::8.8.8.8", .destination6 = "64:ff9b::10.0.0.1"};
  const Outcome outcome = siit.translate(packet6(17, udp(5), destination));
  CHECK(outcome.reason() == Counter::kDropNonGlobal);
  CHECK(outcome.verdict.type == icmp6::kUnreachable);
  CHECK(outcome.verdict.code == icmp6::kProhibited);
  const Fields source{.source6 = "64:ff9b::10.0.0.1", .destination6 = "64:ff9b::8.8.8.8"};
  CHECK(siit.translate(packet6(17, udp(5), source)).reason() == Counter::kDropNonGlobal);
}

TEST_CASE("SIIT-ADDR-13 4to6: the well-known prefix with a non-global address is not translated") {
  Siit siit("64:ff9b::", 96);
  const Fields source{.source4 = "10.0.0.1", .destination4 = "8.8.8.8"};
  CHECK(siit.translate(packet4(17, udp(5), source)).reason() == Counter::kDropNonGlobal);
  const Fields destination{.source4 = "8.8.8.8", .destination4 = "192.168.0.1"};
  CHECK(siit.translate(packet4(17, udp(5), destination)).reason() == Counter::kDropNonGlobal);
  const Fields global{.source4 = "8.8.8.8", .destination4 = "1.1.1.1"};
  CHECK(siit.translate(packet4(17, udp(5), global)).passed());
}

TEST_CASE("SIIT-ADDR-13 a quoted address counts as any address") {
  Siit siit("64:ff9b::", 96);
  const Bytes quoted = packet4(17, udp(5), {.source4 = "1.1.1.1", .destination4 = "10.0.0.1"});
  const Fields fields{.source4 = "8.8.8.8", .destination4 = "1.1.1.1"};
  CHECK(siit.translate(packet4(1, icmp(3, 3, 0, quoted), fields)).reason() ==
        Counter::kDropNonGlobal);
}

TEST_CASE("SIIT-4to6-06 a protocol number that IPv6 reads as an extension header is not carried") {
  Siit siit;
  for (const uint8_t protocol : Octets{0, 43, 44, 60, 58}) {
    CHECK(siit.translate(packet4(protocol, pattern(24))).reason() == Counter::kDropProtocol);
  }
  CHECK(siit.translate(packet4(50, pattern(24))).passed());
}

TEST_CASE("SIIT-6to4-08 a protocol number that IPv4 reads as ICMP or IGMP is not carried") {
  Siit siit;
  for (const uint8_t protocol : Octets{1, 2}) {
    CHECK(siit.translate(packet6(protocol, pattern(24))).reason() == Counter::kDropProtocol);
  }
  CHECK(siit.translate(packet6(50, pattern(24))).passed());
}

TEST_CASE("SIIT-ADDR-13 the operator may allow it") {
  Siit siit("64:ff9b::", 96);
  siit.policy.allow_non_global = true;
  CHECK(siit.translate(packet4(17, udp(5))).passed());
}

TEST_CASE("SIIT-ADDR-14 the restriction is not for other prefixes") {
  const Fields fields{.source4 = "10.0.0.1", .destination4 = "192.168.0.1"};
  CHECK(Siit().translate(packet4(17, udp(5), fields)).passed());
  CHECK(Siit("64:ff9b:1:fffe::", 96).translate(packet4(17, udp(5), fields)).passed());
}

TEST_CASE("SIIT-ADDR-21 a checksum-neutral prefix leaves the checksum as it is") {
  Siit siit("64:ff9b::", 96);
  siit.policy.allow_non_global = true;
  for (const uint8_t protocol : Octets{6, 17}) {
    const Bytes in = packet4(protocol, protocol == 6 ? tcp(9) : udp(9));
    const Bytes out = siit.translate(in).packet;
    CHECK(toHex(out, 40) == toHex(in, 20));
    CHECK(reference::transport(out) == reference::Sum::kGood);
  }
}

TEST_CASE("SIIT-ADDR-11 6to4: an address with octet u set is not in the prefix") {
  Siit siit("2001:db8::", 32);
  const Fields fields{.source6 = "2001:db8:c000:221::",
                      .destination6 = "2001:db8:c633:6402:ff00::"};
  const Outcome outcome = siit.translate(packet6(17, udp(5), fields));
  CHECK(outcome.reason() == Counter::kDropNotPool6);
}

TEST_CASE("SIIT-ADDR-23, SIIT-ADDR-16 6to4: only configured prefixes are translated") {
  const Outcome outcome =
      Siit().translate(packet6(17, udp(5), {.destination6 = "64:ff9b:1::198.51.100.2"}));
  CHECK(outcome.reason() == Counter::kDropNotPool6);
}

TEST_CASE("SIIT-ERR-02 6to4: an untranslatable address is answered with 1/1") {
  const Outcome destination =
      Siit().translate(packet6(17, udp(5), {.destination6 = "2001:db8::1"}));
  CHECK(destination.verdict.type == icmp6::kUnreachable);
  CHECK(destination.verdict.code == icmp6::kProhibited);
  const Outcome source = Siit().translate(packet6(17, udp(5), {.source6 = "2001:db8::1"}));
  CHECK(source.reason() == Counter::kDropUnmappable);
  CHECK(source.verdict.type == icmp6::kUnreachable);
}

TEST_CASE("6to4: embedded addresses that IPv4 does not forward are dropped silently") {
  for (const char* destination : {"2001:db8:64::224.0.0.1", "2001:db8:64::255.255.255.255",
                                  "2001:db8:64::127.0.0.1", "2001:db8:64::0.0.0.0"}) {
    CAPTURE(destination);
    const Outcome outcome = Siit().translate(packet6(17, udp(5), {.destination6 = destination}));
    CHECK(outcome.reason() == Counter::kDropUnmappable);
    CHECK_FALSE(outcome.verdict.asksForError());
  }
}

TEST_CASE("6to4: a multicast destination is dropped silently") {
  const Outcome outcome = Siit().translate(packet6(17, udp(5), {.destination6 = "ff02::2"}));
  CHECK(outcome.reason() == Counter::kDropV6Destination);
  CHECK_FALSE(outcome.verdict.asksForError());
}

TEST_CASE("SIIT-ADDR-23 every prefix length: there and back gives the same packet") {
  for (const uint8_t length : Octets{32, 40, 48, 56, 64, 96}) {
    CAPTURE(length);
    Siit siit("2001:db8:aabb:ccdd::", length);
    for (const uint8_t protocol : Octets{6, 17, 1}) {
      CAPTURE(protocol);
      const Bytes in = packet4(protocol, protocol == 6    ? tcp(30)
                                         : protocol == 17 ? udp(30)
                                                          : icmp(8, 0, 0x10002, pattern(30)));
      const Outcome there = siit.translate(in);
      REQUIRE(there.passed());
      CHECK(reference::transport(there.packet) == reference::Sum::kGood);
      const Outcome back = siit.translate(there.packet);
      REQUIRE(back.passed());
      CHECK(toHex(back.packet, 12) == toHex(in, 12));
      CHECK(byteAt(back.packet, 8) == 62);
    }
  }
}

TEST_CASE("6to4 with several prefixes: each is taken out by its own length") {
  Siit siit;
  siit.pool6.add(Pref64(v6("2001:db8:122::"), 48));
  const Fields fields{.destination6 = "2001:db8:122:c633:64:200::"};
  const Outcome outcome = siit.translate(packet6(17, udp(5), fields));
  REQUIRE(outcome.passed());
  CHECK(toHex(outcome.packet, 12, 8) == "c0000221c6336402");
  CHECK(reference::transport(outcome.packet) == reference::Sum::kGood);
}

// --- Whom pool6 maps -----------------------------------------------------------------------------

PrefixSet4 setOf(const char* prefix, uint8_t length) {
  return PrefixSet4(std::vector<Ipv4Prefix>{{v4(prefix), length}});
}
/// 203.0.113.0/24 to 2001:db8:e::/120.
std::shared_ptr<const EamTable> someEamt() {
  const EamEntry entry{v4("203.0.113.0"), v6("2001:db8:e::"), 24, 120};
  return EamTable::build(nullptr, {}, std::span(&entry, 1)).table;
}

TEST_CASE("SIIT-FRM-04 denylist4: pool6 maps none of it, either way, and says so") {
  Siit siit;
  siit.config.denylist4 = setOf("198.51.100.0", 24);
  const Outcome to4 = siit.translate(packet6(17, udp(5)));
  CHECK(to4.reason() == Counter::kDropDenylist4);
  CHECK(to4.verdict.type == icmp6::kUnreachable);
  CHECK(to4.verdict.code == icmp6::kProhibited);
  const Fields from{.source6 = "2001:db8:64::198.51.100.2",
                    .destination6 = "2001:db8:64::192.0.2.33"};
  CHECK(siit.translate(packet6(17, udp(5), from)).reason() == Counter::kDropDenylist4);
  const Outcome to6 = siit.translate(packet4(17, udp(5)));
  CHECK(to6.reason() == Counter::kDropDenylist4);
  CHECK(to6.verdict.type == icmp4::kUnreachable);
  CHECK(to6.verdict.code == icmp4::kProhibited);
  const Fields from4{.source4 = "198.51.100.2", .destination4 = "192.0.2.33"};
  CHECK(siit.translate(packet4(17, udp(5), from4)).reason() == Counter::kDropDenylist4);
  CHECK(siit.translate(packet4(17, udp(5), {.destination4 = "198.51.101.2"})).passed());
}

TEST_CASE("SIIT-FRM-04 denylist4: a quoted address counts as any address") {
  Siit siit;
  siit.config.denylist4 = setOf("198.51.100.0", 24);
  const Fields router4{.source4 = "203.0.113.9", .destination4 = "192.0.2.33"};
  CHECK(siit.translate(packet4(1, icmp(3, 3, 0, packet4(17, udp(5))), router4)).reason() ==
        Counter::kDropDenylist4);
  const Fields router6{.source6 = "2001:db8:64::203.0.113.9",
                       .destination6 = "2001:db8:64::192.0.2.33"};
  CHECK(siit.translate(packet6(58, icmp(1, 4, 0, packet6(17, udp(5))), router6)).reason() ==
        Counter::kDropDenylist4);
}

TEST_CASE("SIIT-EAM-05 denylist4 keeps pool6 off an address, not the EAM table") {
  Siit siit;
  siit.config.eamt = someEamt();
  siit.config.denylist4 = setOf("203.0.113.0", 24);
  CHECK(siit.translate(packet4(17, udp(5), {.source4 = "203.0.113.9"})).passed());
  CHECK(siit.translate(packet6(17, udp(5), {.source6 = "2001:db8:e::9"})).passed());
  CHECK(siit.translate(packet6(17, udp(5), {.source6 = "2001:db8:64::203.0.113.9"})).reason() ==
        Counter::kDropDenylist4);
}

TEST_CASE(
    "SIIT-ADDR-22 sources4: who is inside pool6 but not of ours is forged, dropped silently") {
  Siit siit;
  siit.config.sources4 = setOf("192.0.2.0", 24);
  CHECK(siit.translate(packet6(17, udp(5))).passed());
  const Outcome forged =
      siit.translate(packet6(17, udp(5), {.source6 = "2001:db8:64::203.0.113.1"}));
  CHECK(forged.reason() == Counter::kDropSourceForged);
  CHECK_FALSE(forged.verdict.asksForError());
}

TEST_CASE("4to6: with eam_sources who is not in the table is nobody's, and is told so") {
  Siit siit;
  siit.config.eam_sources = true;
  CHECK(siit.translate(packet4(17, udp(5))).reason() == Counter::kDropUnmappable);
  siit.config.eamt = someEamt();
  CHECK(siit.translate(packet4(17, udp(5), {.source4 = "203.0.113.9"})).passed());
  for (const uint8_t protocol : {uint8_t{6}, uint8_t{17}}) {
    const Outcome other =
        siit.translate(packet4(protocol, protocol == 6 ? tcp(5) : udp(5), {.source4 = "10.8.8.8"}));
    CHECK(other.reason() == Counter::kDropUnmappable);
    CHECK(other.verdict.type == icmp4::kUnreachable);
    CHECK(other.verdict.code == icmp4::kProhibited);
  }
}

TEST_CASE("SIIT-ADDR-22 sources4: empty lets nobody through, absent everybody") {
  Siit siit;
  siit.config.sources4 = PrefixSet4();
  CHECK(siit.translate(packet6(17, udp(5))).reason() == Counter::kDropSourceForged);
  siit.config.sources4.reset();
  CHECK(siit.translate(packet6(17, udp(5))).passed());
}

TEST_CASE("SIIT-ADDR-22 sources4 is about IPv6 sources through pool6 only") {
  Siit siit;
  siit.config.sources4 = setOf("192.0.2.0", 24);
  siit.config.eamt = someEamt();
  CHECK(siit.translate(packet6(17, udp(5), {.source6 = "2001:db8:e::9"})).passed());
  CHECK(siit.translate(packet4(17, udp(5), {.source4 = "8.8.8.8", .destination4 = "192.0.2.1"}))
            .passed());
}

TEST_CASE("SIIT-EAM-06, SIIT-EAM-14 one address by the table, the other by pool6") {
  Siit siit;
  siit.config.eamt = someEamt();
  for (const uint8_t protocol : Octets{6, 17}) {
    CAPTURE(protocol);
    const Bytes in = packet4(protocol, protocol == 6 ? tcp(9) : udp(9),
                             {.source4 = "203.0.113.9", .destination4 = "198.51.100.2"});
    const Outcome there = siit.translate(in);
    REQUIRE(there.passed());
    CHECK(toHex(there.packet, 8, 32) ==
          "20010db8000e0000000000000000000920010db80064000000000000c6336402");
    CHECK(reference::transport(there.packet) == reference::Sum::kGood);
    const Outcome back = siit.translate(there.packet);
    REQUIRE(back.passed());
    CHECK(toHex(back.packet, 12) == toHex(in, 12));
  }
}

TEST_CASE(
    "SIIT-EAM-06 each address of an ICMP error and of what it quotes is looked up by itself") {
  Siit siit;
  siit.config.eamt = someEamt();
  const Bytes quoted = packet4(17, udp(5), {.source4 = "203.0.113.9"});
  const Outcome outcome = siit.translate(packet4(
      1, icmp(3, 3, 0, quoted), {.source4 = "203.0.113.200", .destination4 = "203.0.113.9"}));
  REQUIRE(outcome.passed());
  CHECK(toHex(outcome.packet, 8, 32) ==
        "20010db8000e000000000000000000c820010db8000e00000000000000000009");
  CHECK(toHex(outcome.packet, 48 + 8, 32) ==
        "20010db8000e0000000000000000000920010db80064000000000000c6336402");
  CHECK(reference::transport(outcome.packet) == reference::Sum::kGood);
  CHECK(reference::transport(std::span(outcome.packet).subspan(48)) == reference::Sum::kGood);
}

}  // namespace
}  // namespace platypus::test
