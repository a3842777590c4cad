#include "siit/v4_to_v6.h"

#include <cstring>

#include "packet/icmp4.h"
#include "test/siit_packets.h"
#include "test/test.h"

namespace platypus::test {
namespace {

// Addresses P::192.0.2.33 and P::198.51.100.2 as they follow the first eight octets.
constexpr char kAddresses[] =
    "20010db80064000000000000c0000221"
    "20010db80064000000000000c6336402";

std::string firstEight(const Outcome& outcome) {
  return toHex(outcome.packet, 0, 8);
}

TEST_CASE("SIIT-4to6-01, -04 a UDP datagram of odd length, byte by byte") {
  const Outcome outcome = Siit().translate(
      fromHex("450000350000000040118e61c0000221c6336402"
              "9c4000350021cd420102030405060708090a0b0c0d0e0f10111213141516171819"));
  REQUIRE(outcome.passed());
  CHECK(toHex(outcome.packet) ==
        std::string("600000000021113f") + kAddresses +
            "9c400035002171080102030405060708090a0b0c0d0e0f10111213141516171819");
}

TEST_CASE("SIIT-4to6-02 all eight bits of TOS become the traffic class") {
  const Outcome outcome = Siit().translate(packet4(17, udp(5), {.traffic_class = 0xb9}));
  CHECK(firstEight(outcome) == "6b900000000d113f");
}

TEST_CASE("SIIT-4to6-03 a setting sends traffic class 0 whatever TOS says") {
  Siit siit;
  siit.policy.traffic_class = 0;
  CHECK(firstEight(siit.translate(packet4(17, udp(5), {.traffic_class = 0xb9}))) ==
        "60000000000d113f");
}

TEST_CASE("SIIT-4to6-05 options do not count in the payload length; a Fragment Header does") {
  Siit siit;
  CHECK(wordAt(siit.translate(packet4(17, udp(5), {.options = fromHex("94040000")})).packet, 4) ==
        13);
  CHECK(wordAt(siit.translate(packet4(17, pattern(16), {.offset = 8})).packet, 4) == 24);
}

TEST_CASE("SIIT-4to6-06 protocol 1 becomes 58, every other is copied with its payload") {
  Siit siit;
  CHECK(byteAt(siit.translate(packet4(1, icmp(8, 0, 1, {}))).packet, 6) == 58);
  for (const uint8_t protocol : Octets{33, 41, 47, 50, 51, 132, 136}) {
    CAPTURE(protocol);
    const Outcome outcome = siit.translate(packet4(protocol, pattern(24)));
    REQUIRE(outcome.passed());
    CHECK(byteAt(outcome.packet, 6) == protocol);
    CHECK(toHex(outcome.packet, 40) == toHex(pattern(24)));
  }
}

TEST_CASE("SIIT-CSUM-07, SIIT-CSUM-08 DCCP, SCTP, ESP and AH payloads pass unchanged") {
  Siit siit;
  for (const uint8_t protocol : Octets{33, 132, 50, 51}) {
    const Outcome outcome = siit.translate(packet4(protocol, pattern(40)));
    REQUIRE(outcome.passed());
    CHECK(toHex(outcome.packet, 40) == toHex(pattern(40)));
  }
}

TEST_CASE("SIIT-4to6-07 the hop limit is one less; at 1 the answer is ICMPv4 11/0") {
  Siit siit;
  CHECK(byteAt(siit.translate(packet4(17, udp(5), {.hops = 64})).packet, 7) == 63);
  CHECK(byteAt(siit.translate(packet4(17, udp(5), {.hops = 2})).packet, 7) == 1);
  for (const uint8_t ttl : Octets{0, 1}) {
    const Outcome outcome = siit.translate(packet4(17, udp(5), {.hops = ttl}));
    CHECK(outcome.reason() == Counter::kDropHopLimit);
    CHECK(outcome.verdict.type == icmp4::kTimeExceeded);
    CHECK(outcome.verdict.code == 0);
  }
}

TEST_CASE("SIIT-4to6-08 illegal sources are dropped without an answer") {
  Siit siit;
  for (const char* source : {"0.0.0.0", "0.1.2.3", "127.0.0.1", "224.0.0.1", "239.1.1.1",
                             "240.0.0.1", "255.255.255.255"}) {
    CAPTURE(source);
    const Outcome outcome = siit.translate(packet4(17, udp(5), {.source4 = source}));
    CHECK(outcome.reason() == Counter::kDropV4Source);
    CHECK_FALSE(outcome.verdict.asksForError());
  }
}

TEST_CASE("SIIT-4to6-09 an ICMPv4 error is translated whatever its source") {
  Siit siit;
  const Bytes quoted =
      packet4(17, udp(5), {.source4 = "198.51.100.2", .destination4 = "192.0.2.33"});
  for (const char* source : {"127.0.0.1", "10.255.0.1"}) {
    CAPTURE(source);
    const Outcome outcome = siit.translate(packet4(1, icmp(11, 0, 0, quoted), {.source4 = source}));
    REQUIRE(outcome.passed());
    const Ipv4Address address = v4(source);
    CHECK(std::memcmp(outcome.packet.data() + 20, &address, 4) == 0);
  }
}

TEST_CASE("SIIT-4to6-10 options vanish and the rest is the same packet") {
  Siit siit;
  CHECK(siit.translate(packet4(17, udp(5), {.options = fromHex("94040000 01010101")})).packet ==
        siit.translate(packet4(17, udp(5))).packet);
}

TEST_CASE("SIIT-ADDR-24 multicast and broadcast destinations are dropped without an answer") {
  Siit siit;
  for (const char* destination : {"224.0.0.1", "255.255.255.255", "240.0.0.1"}) {
    CAPTURE(destination);
    const Outcome outcome = siit.translate(packet4(17, udp(5), {.destination4 = destination}));
    CHECK(outcome.reason() == Counter::kDropV4Destination);
    CHECK_FALSE(outcome.verdict.asksForError());
  }
}

TEST_CASE("SIIT-IC46-03 IGMP is dropped without an answer") {
  const Outcome outcome = Siit().translate(packet4(2, pattern(8)));
  CHECK(outcome.reason() == Counter::kDropIgmp);
  CHECK_FALSE(outcome.verdict.asksForError());
}

TEST_CASE("SIIT-4to6-13 a packet that fits has no Fragment Header, with DF or without") {
  Siit siit;
  const std::vector<Bytes> sent = siit.send(packet4(17, udp(1232)));  // total length 1260
  REQUIRE(sent.size() == 1);
  CHECK(sent[0].size() == 1280);
  CHECK(byteAt(sent[0], 6) == 17);
}

TEST_CASE("SIIT-4to6-14 lowest-ipv6-mtu can be raised") {
  Siit siit;
  siit.policy.lowest_ipv6_mtu = 1500;
  const std::vector<Bytes> sent = siit.send(packet4(17, udp(1452)));  // total length 1480
  REQUIRE(sent.size() == 1);
  CHECK(sent[0].size() == 1500);
  CHECK(byteAt(sent[0], 6) == 17);
}

TEST_CASE("SIIT-4to6-15 DF clear and too long: fragments of at most 1280") {
  Siit siit;
  const std::vector<Bytes> sent = siit.send(packet4(17, udp(1472), {.identification = 0xbeef}));
  REQUIRE(sent.size() == 2);
  CHECK(sent[0].size() == 1280);
  CHECK(sent[1].size() == 296);
  CHECK(toHex(sent[0], 40, 8) == "110000010000beef");
  CHECK(toHex(sent[1], 40, 8) == "110004d00000beef");
}

TEST_CASE("SIIT-4to6-15 a next hop below lowest-ipv6-mtu bounds the fragments") {
  Siit siit;
  siit.policy.lowest_ipv6_mtu = 1500;
  siit.policy.mtu6 = 1400;
  for (const Bytes& piece : siit.send(packet4(17, udp(1472)))) CHECK(piece.size() <= 1400);
}

TEST_CASE("SIIT-4to6-16 DF set and too big → ICMPv4 3/4 with MTU−20") {
  Siit siit;
  const Bytes fits = packet4(6, tcp(1440), {.dont_fragment = true});
  CHECK(siit.translate(fits).packet.size() == 1500);
  const Outcome outcome = siit.translate(packet4(6, tcp(1441), {.dont_fragment = true}));
  CHECK(outcome.reason() == Counter::kDropTooBigV6);
  CHECK(outcome.verdict.type == icmp4::kUnreachable);
  CHECK(outcome.verdict.code == icmp4::kFragmentationNeeded);
  CHECK(outcome.verdict.value == 1480);
}

TEST_CASE("SIIT-4to6-17 a fragment's header: zero and the identification, offset and M copied") {
  Siit siit;
  const Outcome first =
      siit.translate(packet4(17, udp(496), {.identification = 0xbeef, .more = true}));
  CHECK(byteAt(first.packet, 6) == 44);
  CHECK(toHex(first.packet, 40, 8) == "110000010000beef");
  const Outcome last =
      siit.translate(packet4(17, pattern(20), {.identification = 0xbeef, .offset = 504}));
  CHECK(toHex(last.packet, 40, 8) == "110001f80000beef");
}

TEST_CASE("SIIT-4to6-18 a fragment that is cut further: offsets go on and every piece has M") {
  const std::vector<Bytes> sent =
      Siit().send(packet4(17, pattern(1480), {.identification = 7, .offset = 1480, .more = true}));
  REQUIRE(sent.size() == 2);
  CHECK(toHex(sent[0], 40, 8) == "110005c900000007");
  CHECK(toHex(sent[1], 40, 8) == "11000a9900000007");
}

TEST_CASE("SIIT-4to6-18 the last piece of a last fragment has no M") {
  const std::vector<Bytes> sent = Siit().send(packet4(17, pattern(1480), {.offset = 1480}));
  REQUIRE(sent.size() == 2);
  CHECK(toHex(sent[1], 42, 2) == "0a98");
}

TEST_CASE("SIIT-4to6-19 a fragment with DF keeps its Fragment Header; too big it is refused") {
  Siit siit;
  const Outcome small =
      siit.translate(packet4(17, udp(496), {.more = true, .dont_fragment = true}));
  CHECK(byteAt(small.packet, 6) == 44);
  const Outcome fits =
      siit.translate(packet4(17, pattern(1448), {.more = true, .dont_fragment = true}));
  CHECK(fits.packet.size() == 1496);
  const Outcome big =
      siit.translate(packet4(17, pattern(1456), {.more = true, .dont_fragment = true}));
  CHECK(big.reason() == Counter::kDropTooBigV6);
  CHECK(big.verdict.value == 1472);
}

TEST_CASE("SIIT-CSUM-01 TCP and UDP checksums hold after translation") {
  Siit siit;
  for (size_t data = 0; data < 40; ++data) {
    CAPTURE(data);
    CHECK(reference::transport(siit.translate(packet4(6, tcp(data))).packet) ==
          reference::Sum::kGood);
    CHECK(reference::transport(siit.translate(packet4(17, udp(data))).packet) ==
          reference::Sum::kGood);
  }
}

TEST_CASE("SIIT-CSUM-02 a damaged payload stays damaged by the same amount") {
  Siit siit;
  for (const uint8_t protocol : Octets{6, 17}) {
    Bytes bytes = packet4(protocol, protocol == 6 ? tcp(9) : udp(9));
    const Bytes good = siit.translate(bytes).packet;
    bytes.back() ^= std::byte{0x10};
    const Bytes bad = siit.translate(bytes).packet;
    CHECK(reference::transport(bad) == reference::Sum::kBad);
    const size_t field = protocol == 6 ? 56 : 46;
    CHECK(wordAt(bad, field) == wordAt(good, field));
  }
}

TEST_CASE("SIIT-CSUM-03 a UDP checksum that comes out as zero is sent as all ones") {
  const Outcome outcome = Siit().translate(
      fromHex("450000220000000040118e74c0000221c633640213881389000e5c3a7a65726fa35a"));
  CHECK(toHex(outcome.packet, 40) == "13881389000effff7a65726fa35a");
}

TEST_CASE("SIIT-CSUM-04, SIIT-IC46-01 an echo request, byte by byte") {
  const Outcome outcome = Siit().translate(
      fromHex("450000240000000040018e82c0000221c6336402 0800542f 12340007 6162636465666768"));
  CHECK(toHex(outcome.packet) ==
        std::string("6000000000103a3f") + kAddresses + "80009352123400076162636465666768");
}

TEST_CASE("SIIT-IC46-01 an echo with a code is no echo") {
  CHECK(Siit().translate(packet4(1, icmp(8, 1, 1, {}))).reason() == Counter::kDropIcmpType);
}

TEST_CASE("SIIT-IC46-02 other messages are dropped without an answer") {
  Siit siit;
  for (const uint8_t type : Octets{4, 5, 6, 9, 10, 13, 14, 15, 16, 17, 18, 30, 42, 255}) {
    CAPTURE(type);
    const Outcome outcome = siit.translate(packet4(1, icmp(type, 0, 0, packet4(17, udp(5)))));
    CHECK(outcome.reason() == Counter::kDropIcmpType);
    CHECK_FALSE(outcome.verdict.asksForError());
  }
}

TEST_CASE("SIIT-CSUM-05 UDP without checksum: computed, or dropped where configured so") {
  Siit siit;
  Bytes bytes = packet4(17, udp(25));
  const Bytes expected = siit.translate(bytes).packet;
  putWord(bytes, 26, 0);
  CHECK(siit.translate(bytes).packet == expected);
  siit.policy.udp_zero_checksum = UdpZeroChecksum::kDrop;
  const Outcome outcome = siit.translate(bytes);
  CHECK(outcome.reason() == Counter::kDropUdpChecksumZero);
  CHECK_FALSE(outcome.verdict.asksForError());
}

TEST_CASE("SIIT-CSUM-06 a first fragment of UDP without checksum is dropped, a later one is not") {
  Siit siit;
  Bytes first = udp(496);
  putWord(first, 6, 0);
  CHECK(siit.translate(packet4(17, first, {.more = true})).reason() ==
        Counter::kDropUdpChecksumZero);
  CHECK(siit.translate(packet4(17, Bytes(16), {.offset = 504})).passed());
}

TEST_CASE("SIIT-CSUM-10 a later fragment's payload is not touched") {
  const Outcome outcome = Siit().translate(packet4(6, pattern(64), {.offset = 504}));
  CHECK(toHex(outcome.packet, 48) == toHex(pattern(64)));
}

TEST_CASE("SIIT-IC64-13 no fragment of ICMPv4 is translated") {
  Siit siit;
  CHECK(siit.translate(packet4(1, icmp(8, 0, 1, pattern(16)), {.more = true})).reason() ==
        Counter::kDropIcmpFragment);
  CHECK(siit.translate(packet4(1, pattern(16), {.offset = 24})).reason() ==
        Counter::kDropIcmpFragment);
}

// --- Offload -----------------------------------------------------------------------------------

Offload super(uint8_t type, uint16_t size, uint16_t offset) {
  return {.flags = Offload::kNeedsChecksum,
          .gso_type = type,
          .gso_size = size,
          .checksum_start = 20,
          .checksum_offset = offset};
}

TEST_CASE("offload 4to6: a TCP super-packet keeps its size where segments fit") {
  const Outcome outcome = Siit().translate(packet4(6, tcp(9000), {.dont_fragment = true}),
                                           super(Offload::kGsoTcp4 | Offload::kGsoEcn, 1440, 16));
  REQUIRE(outcome.passed());
  CHECK(outcome.packet.size() == 9060);
  CHECK(outcome.offload.gso_type == (Offload::kGsoTcp6 | Offload::kGsoEcn));
  CHECK(outcome.offload.gso_size == 1440);
  CHECK(outcome.offload.checksum_start == 40);
  CHECK(outcome.offload.checksum_offset == 16);
  CHECK(outcome.offload.header_length == 60);
}

TEST_CASE("offload 4to6: segments that do not fit are made smaller") {
  const Outcome outcome = Siit().translate(packet4(6, tcp(9000), {.dont_fragment = true}),
                                           super(Offload::kGsoTcp4, 1460, 16));
  REQUIRE(outcome.passed());
  CHECK(outcome.offload.gso_size == 1440);
}

TEST_CASE("offload 4to6: a UDP super-packet that does not fit is to be split, untouched") {
  const Bytes bytes = packet4(17, udp(5000), {.dont_fragment = true});
  const Outcome outcome = Siit().translate(bytes, super(Offload::kGsoUdp, 1472, 6));
  REQUIRE(outcome.passed());
  CHECK(outcome.sizing.split);
  CHECK(outcome.packet == bytes);
}

TEST_CASE("offload 4to6: a partial checksum is the sum of the new pseudo-header") {
  Bytes bytes = packet4(6, tcp(100));
  // 192.0.2.33 + 198.51.100.2 + length 120 + protocol 6.
  putWord(bytes, 36, 0xecd5);
  const Outcome outcome = Siit().translate(bytes, super(0, 0, 16));
  REQUIRE(outcome.passed());
  Loaded loaded(outcome.packet, outcome.offload);
  finishChecksum(*loaded);
  CHECK(reference::transport(loaded->bytes()) == reference::Sum::kGood);
}

TEST_CASE("offload 4to6: an echo leaves with its checksum finished") {
  Bytes bytes = packet4(1, icmp(8, 0, 1, pattern(11)));
  putWord(bytes, 22, 0);
  Offload offload = super(0, 0, 2);
  const Outcome outcome = Siit().translate(bytes, offload);
  REQUIRE(outcome.passed());
  CHECK_FALSE(outcome.offload.needsChecksum());
  CHECK(reference::transport(outcome.packet) == reference::Sum::kGood);
}

}  // namespace
}  // namespace platypus::test
