#include "siit/v6_to_v4.h"

#include "packet/icmp6.h"
#include "test/siit_packets.h"
#include "test/test.h"

namespace platypus::test {
namespace {

constexpr uint32_t kDontFragment = 0x4000;
constexpr uint32_t kMoreFragments = 0x2000;

uint32_t flagsOf(const Bytes& packet) {
  return wordAt(packet, 6);
}

TEST_CASE("SIIT-6to4-01, -03, -09 a UDP datagram, byte by byte but for its identification") {
  Bytes packet = Siit()
                     .translate(fromHex(
                         "600000000021114020010db80064000000000000c000022120010db80064000000000000"
                         "c63364029c400035002171080102030405060708090a0b0c0d0e0f101112131415161718"
                         "19"))
                     .packet;
  REQUIRE(packet.size() == 53);
  CHECK(reference::header(packet) == reference::Sum::kGood);
  putWord(packet, 4, 0);
  reference::fill(packet);
  CHECK(toHex(packet) ==
        "45000035000000003f118f61c0000221c63364029c400035"
        "0021cd420102030405060708090a0b0c0d0e0f10111213141516171819");
}

TEST_CASE("SIIT-6to4-02 all eight bits of the traffic class become TOS, or a fixed value does") {
  Siit siit;
  const Bytes bytes = packet6(17, udp(5), {.traffic_class = 0xb9});
  CHECK(byteAt(siit.translate(bytes).packet, 1) == 0xb9);
  siit.policy.tos = 0;
  CHECK(byteAt(siit.translate(bytes).packet, 1) == 0x00);
  siit.policy.tos = 0x28;
  CHECK(byteAt(siit.translate(bytes).packet, 1) == 0x28);
}

TEST_CASE("SIIT-6to4-04 without a Fragment Header: own identifications, MF 0, offset 0") {
  Siit siit;
  const Bytes bytes = packet6(17, udp(5));
  const Bytes first = siit.translate(bytes).packet;
  const Bytes second = siit.translate(bytes).packet;
  CHECK(wordAt(first, 4) != wordAt(second, 4));
  CHECK(flagsOf(first) == 0);
}

TEST_CASE("SIIT-6to4-05 DF is 0 up to 1260 octets of IPv4 and 1 from 1261 on") {
  Siit siit;
  CHECK(flagsOf(siit.translate(packet6(17, udp(1232))).packet) == 0);
  CHECK(flagsOf(siit.translate(packet6(17, udp(1233))).packet) == kDontFragment);
}

TEST_CASE("SIIT-6to4-07 the TTL is one less; at 1 the answer is ICMPv6 3/0") {
  Siit siit;
  CHECK(byteAt(siit.translate(packet6(17, udp(5), {.hops = 2})).packet, 8) == 1);
  for (const uint8_t hops : Octets{0, 1}) {
    const Outcome outcome = siit.translate(packet6(17, udp(5), {.hops = hops}));
    CHECK(outcome.reason() == Counter::kDropHopLimit);
    CHECK(outcome.verdict.type == icmp6::kTimeExceeded);
    CHECK(outcome.verdict.code == 0);
  }
}

TEST_CASE("SIIT-6to4-08 58 becomes 1, every other protocol is copied with its payload") {
  Siit siit;
  CHECK(byteAt(siit.translate(packet6(58, icmp(128, 0, 1, {}))).packet, 9) == 1);
  for (const uint8_t next : Octets{33, 41, 47, 50, 51, 59, 132}) {
    CAPTURE(next);
    const Outcome outcome = siit.translate(packet6(next, pattern(24)));
    REQUIRE(outcome.passed());
    CHECK(byteAt(outcome.packet, 9) == next);
    CHECK(toHex(outcome.packet, 20) == toHex(pattern(24)));
  }
}

TEST_CASE("SIIT-6to4-03, -08 extension headers vanish and do not count in the total length") {
  const Bytes options = fromHex("3c00010400000000 1100010400000000");
  const Outcome outcome =
      Siit().translate(packet6(17, udp(5), {.options = options, .first_header = 0}));
  REQUIRE(outcome.passed());
  CHECK(wordAt(outcome.packet, 2) == 33);
  CHECK(byteAt(outcome.packet, 9) == 17);
  CHECK(reference::transport(outcome.packet) == reference::Sum::kGood);
}

TEST_CASE("SIIT-6to4-11 a routing header of type 0 with no segments left is left out") {
  const Outcome outcome = Siit().translate(
      packet6(17, udp(5), {.options = fromHex("1100000000000000"), .first_header = 43}));
  REQUIRE(outcome.passed());
  CHECK(wordAt(outcome.packet, 2) == 33);
}

TEST_CASE("SIIT-6to4-12 with segments left there is no IPv4 packet") {
  CHECK_FALSE(Siit()
                  .translate(packet6(17, udp(5),
                                     {.options = fromHex("1100000100000000"), .first_header = 43}))
                  .passed());
}

TEST_CASE("SIIT-6to4-10 unspecified, loopback and multicast sources are dropped silently") {
  Siit siit;
  for (const char* source : {"::", "::1", "ff02::1"}) {
    CAPTURE(source);
    const Outcome outcome = siit.translate(packet6(17, udp(5), {.source6 = source}));
    CHECK(outcome.reason() == Counter::kDropV6Source);
    CHECK_FALSE(outcome.verdict.asksForError());
  }
}

TEST_CASE("SIIT-6to4-14 a fragment keeps the low half of its identification, M and offset; DF 0") {
  Siit siit;
  const Bytes first =
      siit.translate(packet6(17, udp(496), {.identification = 0xdeadbeef, .more = true})).packet;
  CHECK(wordAt(first, 4) == 0xbeef);
  CHECK(flagsOf(first) == kMoreFragments);
  const Bytes last =
      siit.translate(packet6(17, pattern(20), {.identification = 0xdeadbeef, .offset = 504}))
          .packet;
  CHECK(wordAt(last, 4) == 0xbeef);
  CHECK(flagsOf(last) == 504 / 8);
}

TEST_CASE("SIIT-6to4-14 DF is 0 in a long fragment too") {
  CHECK(flagsOf(Siit().translate(packet6(17, pattern(1440), {.more = true})).packet) ==
        kMoreFragments);
}

TEST_CASE("SIIT-6to4-16 the Fragment Header and what stands before it do not count") {
  const Fields fields{.offset = 504, .options = fromHex("2c00010400000000"), .first_header = 60};
  const Outcome outcome = Siit().translate(packet6(17, pattern(16), fields));
  REQUIRE(outcome.passed());
  CHECK(wordAt(outcome.packet, 2) == 36);
  CHECK(toHex(outcome.packet, 20) == toHex(pattern(16)));
}

TEST_CASE("SIIT-6to4-17 up to 1280 octets are fragmented where IPv4 carries less, DF 0") {
  Siit siit;
  siit.policy.mtu4 = 1000;
  const std::vector<Bytes> sent = siit.send(packet6(17, udp(1232)));
  REQUIRE(sent.size() == 2);
  CHECK(sent[0].size() == 996);
  CHECK(sent[1].size() == 284);
  CHECK(flagsOf(sent[0]) == kMoreFragments);
  CHECK(flagsOf(sent[1]) == 976 / 8);
  CHECK(wordAt(sent[0], 4) == wordAt(sent[1], 4));
  for (const Bytes& piece : sent) CHECK(reference::header(piece) == reference::Sum::kGood);
}

TEST_CASE("SIIT-6to4-18 more than 1280 octets that do not fit: Packet Too Big with MTU+20") {
  Siit siit;
  const Outcome fits = siit.translate(packet6(17, udp(1472)));
  CHECK(fits.packet.size() == 1500);
  const Outcome outcome = siit.translate(packet6(17, udp(1473)));
  CHECK(outcome.reason() == Counter::kDropTooBigV4);
  CHECK(outcome.verdict.type == icmp6::kPacketTooBig);
  CHECK(outcome.verdict.value == 1520);
}

TEST_CASE("SIIT-6to4-18 a Fragment Header counts in that MTU: MTU+28") {
  const Outcome outcome = Siit().translate(packet6(17, pattern(1488), {.more = true}));
  CHECK(outcome.reason() == Counter::kDropTooBigV4);
  CHECK(outcome.verdict.value == 1528);
}

TEST_CASE("SIIT-6to4-18 that MTU is never below 1280") {
  Siit siit;
  siit.policy.mtu4 = 1000;
  CHECK(siit.translate(packet6(17, udp(1292))).verdict.value == 1280);
}

TEST_CASE("SIIT-6to4-19 an atomic fragment: its low identification bits, DF 0, MF 0") {
  Siit siit;
  const Fields fields{.identification = 0x12345678, .fragment_header = true};
  for (const size_t data : {5u, 1400u}) {
    const Bytes packet = siit.translate(packet6(17, udp(data), fields)).packet;
    CHECK(wordAt(packet, 4) == 0x5678);
    CHECK(flagsOf(packet) == 0);
  }
}

TEST_CASE("SIIT-6to4-20 the flow label makes no difference") {
  CHECK(Siit().translate(packet6(17, udp(5), {.flow_label = 0xfffff})).packet ==
        Siit().translate(packet6(17, udp(5))).packet);
}

TEST_CASE("SIIT-CSUM-01 TCP and UDP checksums hold after translation") {
  Siit siit;
  for (size_t data = 0; data < 40; ++data) {
    CAPTURE(data);
    CHECK(reference::transport(siit.translate(packet6(6, tcp(data))).packet) ==
          reference::Sum::kGood);
    CHECK(reference::transport(siit.translate(packet6(17, udp(data))).packet) ==
          reference::Sum::kGood);
  }
}

TEST_CASE("SIIT-CSUM-02 a damaged payload stays damaged") {
  Siit siit;
  for (const uint8_t protocol : Octets{6, 17, 58}) {
    CAPTURE(protocol);
    Bytes bytes = packet6(protocol, protocol == 6    ? tcp(9)
                                    : protocol == 17 ? udp(9)
                                                     : icmp(128, 0, 1, pattern(9)));
    bytes.back() ^= std::byte{0x10};
    CHECK(reference::transport(siit.translate(bytes).packet) == reference::Sum::kBad);
  }
}

TEST_CASE("SIIT-CSUM-03 a UDP checksum that comes out as zero is sent as all ones") {
  // Two octets of payload are chosen so that the IPv4 sum is zero.
  Bytes bytes = packet6(17, udp(2));
  const Bytes before = Siit().translate(bytes).packet;
  uint32_t word = wordAt(before, 28) + wordAt(before, 26);
  word = (word & 0xffff) + (word >> 16);
  putWord(bytes, 48, word);
  reference::fill(bytes);
  const Bytes after = Siit().translate(bytes).packet;
  CHECK(wordAt(after, 26) == 0xffff);
  CHECK(reference::transport(after) == reference::Sum::kGood);
}

TEST_CASE("SIIT-CSUM-04, SIIT-IC64-01 an echo reply, byte by byte but for its identification") {
  const Bytes packet =
      Siit()
          .translate(fromHex(
              "6000000000103a4020010db80064000000000000c000022120010db80064000000000000c6336402"
              "81009252123400076162636465666768"))
          .packet;
  CHECK(toHex(packet, 0, 4) == "45000024");
  CHECK(toHex(packet, 20) == "00005c2f123400076162636465666768");
}

TEST_CASE("SIIT-CSUM-04 an echo reply of zeros gets the checksum ffff, which a receiver takes") {
  const Bytes packet = Siit().translate(packet6(58, icmp(129, 0, 0, Bytes(8)))).packet;
  CHECK(toHex(packet, 20) == "0000ffff000000000000000000000000");
  CHECK(reference::transport(packet) == reference::Sum::kGood);
}

TEST_CASE("SIIT-CSUM-09 UDP without checksum is dropped") {
  Bytes bytes = packet6(17, udp(5));
  putWord(bytes, 46, 0);
  const Outcome outcome = Siit().translate(bytes);
  CHECK(outcome.reason() == Counter::kDropUdpChecksumZero);
  CHECK_FALSE(outcome.verdict.asksForError());
}

TEST_CASE("SIIT-CSUM-10 a later fragment's payload is not touched") {
  const Outcome outcome = Siit().translate(packet6(6, pattern(64), {.offset = 504}));
  CHECK(toHex(outcome.packet, 20) == toHex(pattern(64)));
}

TEST_CASE("SIIT-IC64-02 other messages are dropped without an answer") {
  Siit siit;
  for (const uint8_t type : Octets{130, 131, 132, 133, 134, 135, 136, 137, 138, 143, 160, 255}) {
    CAPTURE(type);
    const Outcome outcome = siit.translate(packet6(58, icmp(type, 0, 0, pattern(16))));
    CHECK(outcome.reason() == Counter::kDropIcmpType);
    CHECK_FALSE(outcome.verdict.asksForError());
  }
}

TEST_CASE("SIIT-IC64-13 no fragment of ICMPv6 is translated") {
  Siit siit;
  CHECK(siit.translate(packet6(58, icmp(128, 0, 1, pattern(16)), {.more = true})).reason() ==
        Counter::kDropIcmpFragment);
  CHECK(siit.translate(packet6(58, pattern(16), {.offset = 24})).reason() ==
        Counter::kDropIcmpFragment);
}

TEST_CASE("an IPv6 packet longer than IPv4 can say is dropped") {
  Siit siit;
  siit.policy.mtu4 = 65'535;
  CHECK(siit.translate(packet6(50, pattern(65'516))).reason() == Counter::kDropTooLongForV4);
  CHECK(siit.translate(packet6(50, pattern(65'515))).packet.size() == 65'535);
}

// --- Offload -----------------------------------------------------------------------------------

Offload super(uint8_t type, uint16_t size, uint16_t start, uint16_t offset) {
  return {.flags = Offload::kNeedsChecksum,
          .gso_type = type,
          .gso_size = size,
          .checksum_start = start,
          .checksum_offset = offset};
}

TEST_CASE("offload 6to4: a TCP super-packet is translated whole") {
  const Outcome outcome =
      Siit().translate(packet6(6, tcp(9000)), super(Offload::kGsoTcp6, 1440, 40, 16));
  REQUIRE(outcome.passed());
  CHECK(outcome.packet.size() == 9040);
  CHECK(outcome.offload.gso_type == Offload::kGsoTcp4);
  CHECK(outcome.offload.gso_size == 1440);
  CHECK(outcome.offload.checksum_start == 20);
  CHECK(outcome.offload.header_length == 40);
  CHECK(flagsOf(outcome.packet) == kDontFragment);
}

TEST_CASE("SIIT-6to4-05 a super-packet's DF follows the size of its segments") {
  Siit siit;
  const Bytes bytes = packet6(6, tcp(9000));
  CHECK(flagsOf(siit.translate(bytes, super(Offload::kGsoTcp6, 1220, 40, 16)).packet) == 0);
  CHECK(flagsOf(siit.translate(bytes, super(Offload::kGsoTcp6, 1221, 40, 16)).packet) ==
        kDontFragment);
}

TEST_CASE("offload 6to4: segments that do not fit are made smaller") {
  Siit siit;
  siit.policy.mtu4 = 1400;
  const Outcome outcome =
      siit.translate(packet6(6, tcp(9000)), super(Offload::kGsoTcp6, 1440, 40, 16));
  REQUIRE(outcome.passed());
  CHECK(outcome.offload.gso_size == 1360);
}

TEST_CASE("offload 6to4: so are those of an atomic fragment") {
  Siit siit;
  siit.policy.mtu4 = 1400;
  const Outcome outcome = siit.translate(packet6(6, tcp(9000), {.fragment_header = true}),
                                         super(Offload::kGsoTcp6, 1440, 48, 16));
  REQUIRE(outcome.passed());
  CHECK(outcome.offload.gso_size == 1360);
}

TEST_CASE("offload 6to4: a UDP super-packet that does not fit is to be split, untouched") {
  Siit siit;
  siit.policy.mtu4 = 1400;
  const Bytes bytes = packet6(17, udp(5000));
  const Outcome outcome = siit.translate(bytes, super(Offload::kGsoUdp, 1440, 40, 6));
  REQUIRE(outcome.passed());
  CHECK(outcome.sizing.split);
  CHECK(outcome.packet == bytes);
}

}  // namespace
}  // namespace platypus::test
