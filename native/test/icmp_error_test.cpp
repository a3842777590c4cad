#include "siit/icmp_error.h"

#include "test/siit_packets.h"
#include "test/test.h"

namespace platypus::test {
namespace {

// A router at 203.0.113.9 tells 192.0.2.33 about a packet of its own.
const Fields kRouter4{.source4 = "203.0.113.9", .destination4 = "192.0.2.33"};
const Fields kRouter6{.source6 = "2001:db8:64::203.0.113.9",
                      .destination6 = "2001:db8:64::192.0.2.33"};

Bytes error4(uint8_t type, uint8_t code, uint32_t field, const Bytes& body) {
  return packet4(1, icmp(type, code, field, body), kRouter4);
}
Bytes error6(uint8_t type, uint8_t code, uint32_t field, const Bytes& body) {
  return packet6(58, icmp(type, code, field, body), kRouter6);
}
Bytes translated(const Bytes& bytes) {
  Siit siit;
  return siit.translate(bytes).packet;
}
Counter reasonOf(const Bytes& bytes) {
  Siit siit;
  return siit.translate(bytes).reason();
}

// Where the quoted packet starts in a result.
constexpr size_t kQuoted6 = 48;
constexpr size_t kQuoted4 = 28;

TEST_CASE("SIIT-IC46-10, SIIT-INNER-01, -02 time exceeded, byte by byte") {
  const Bytes in = fromHex(
      "450000510000000040017c81cb007109c00002210b00e1890000000045000035000000000111cd61c0000221c633"
      "64029c4000350021cd420102030405060708090a0b0c0d0e0f10111213141516171819");
  CHECK(toHex(translated(in)) ==
        "6000000000513a3f20010db80064000000000000cb00710920010db80064000000000000c000022103003"
        "11e00000000600000000021110120010db80064000000000000c000022120010db80064000000000000c6"
        "3364029c400035002171080102030405060708090a0b0c0d0e0f10111213141516171819");
}

TEST_CASE("SIIT-IC46-05, SIIT-IC46-13 protocol unreachable carries pointer 6, others nothing") {
  CHECK(toHex(translated(error4(3, 2, 0xffffffff, packet4(17, udp(5)))), 40, 2) == "0401");
  CHECK(longAt(translated(error4(3, 2, 0, packet4(17, udp(5)))), 44) == 6);
  CHECK(longAt(translated(error4(3, 1, 0, packet4(17, udp(5)))), 44) == 0);
  CHECK(longAt(translated(error4(11, 0, 0xff000000, packet4(17, udp(5)))), 44) == 0);
}

TEST_CASE("SIIT-IC46-12 the pointer of ICMPv6 has 32 bits") {
  CHECK(longAt(translated(error4(12, 0, 0x10000000, packet4(17, udp(5)))), 44) == 24);
  CHECK(reasonOf(error4(12, 0, 0x14000000, packet4(17, udp(5)))) == Counter::kDropIcmpPointer);
}

TEST_CASE("SIIT-IC64-12 the pointer of ICMPv4 is the first octet of its word") {
  CHECK(toHex(translated(error6(4, 0, 7, packet6(17, udp(5)))), 24, 4) == "08000000");
  CHECK(reasonOf(error6(4, 0, 40, packet6(17, udp(5)))) == Counter::kDropIcmpPointer);
}

TEST_CASE("SIIT-IC46-07, SIIT-MTU-01 the MTU of fragmentation needed becomes MTU+20") {
  CHECK(toHex(translated(error4(3, 4, 1400, packet4(17, udp(1472)))), 40, 8).substr(8) ==
        "0000058c");
}

TEST_CASE("SIIT-MTU-03 without an MTU the quoted packet's length chooses the plateau") {
  Siit siit;
  siit.policy.mtu4 = siit.policy.mtu6 = 9000;
  const Bytes result = siit.translate(error4(3, 4, 0, packet4(17, udp(1472)))).packet;
  CHECK(longAt(result, 44) == 1512);
}

TEST_CASE("SIIT-IC64-07, SIIT-MTU-09 the MTU of Packet Too Big becomes MTU−20 in the low half") {
  CHECK(toHex(translated(error6(2, 0, 1400, packet6(17, udp(1400)))), 20, 2) == "0304");
  CHECK(toHex(translated(error6(2, 0, 1400, packet6(17, udp(1400)))), 24, 4) == "00000564");
}

TEST_CASE("SIIT-MTU-07 a quoted Fragment Header makes it MTU−28") {
  const Bytes quoted = packet6(17, udp(1000), {.fragment_header = true});
  CHECK(toHex(translated(error6(2, 0, 1400, quoted)), 24, 4) == "0000055c");
}

TEST_CASE("SIIT-INNER-02 the quoted hop limit is copied, not decremented") {
  CHECK(byteAt(translated(error4(11, 0, 0, packet4(17, udp(5), {.hops = 1}))), kQuoted6 + 7) == 1);
  CHECK(byteAt(translated(error6(3, 0, 0, packet6(17, udp(5), {.hops = 0}))), kQuoted4 + 8) == 0);
}

TEST_CASE("SIIT-INNER-03 an error that quotes an error is dropped") {
  CHECK(reasonOf(error4(3, 1, 0, error4(11, 0, 0, packet4(17, udp(5))))) ==
        Counter::kDropIcmpErrorInner);
  CHECK(reasonOf(error6(1, 0, 0, error6(3, 0, 0, packet6(17, udp(5))))) ==
        Counter::kDropIcmpErrorInner);
}

TEST_CASE("SIIT-INNER-04 the outer lengths are those of the new message") {
  const Bytes six = translated(error4(3, 3, 0, packet4(17, udp(5))));
  CHECK(wordAt(six, 4) == six.size() - 40);
  CHECK(six.size() == 40 + 8 + 40 + 13);
  const Bytes four = translated(error6(1, 4, 0, packet6(17, udp(5))));
  CHECK(wordAt(four, 2) == four.size());
  CHECK(four.size() == 20 + 8 + 20 + 13);
}

TEST_CASE("SIIT-INNER-05 the quoted UDP checksum is updated even where nothing follows it") {
  Bytes quoted = packet4(17, udp(100));
  const Bytes whole = translated(quoted);
  quoted.resize(28);
  const Bytes result = translated(error4(3, 3, 0, quoted));
  CHECK(toHex(result, kQuoted6 + 40, 8) == toHex(whole, 40, 8));
}

TEST_CASE("SIIT-INNER-05 a TCP quote that ends before the checksum is left as it is") {
  Bytes quoted = packet4(6, tcp(100));
  quoted.resize(36);
  const Bytes result = translated(error4(3, 3, 0, quoted));
  CHECK(toHex(result, kQuoted6 + 40) == toHex(quoted, 20));
}

TEST_CASE("SIIT-INNER-05 a quoted UDP datagram without checksum still has none") {
  Bytes quoted = packet4(17, udp(5));
  putWord(quoted, 26, 0);
  CHECK(wordAt(translated(error4(3, 3, 0, quoted)), kQuoted6 + 46) == 0);
}

TEST_CASE("SIIT-INNER-05 the whole quoted packet is the packet that was translated") {
  for (const uint8_t protocol : Octets{6, 17}) {
    CAPTURE(protocol);
    const Bytes payload = protocol == 6 ? tcp(30) : udp(30);
    const Bytes result6 = translated(error4(3, 3, 0, packet4(protocol, payload)));
    CHECK(reference::transport(std::span(result6).subspan(kQuoted6)) == reference::Sum::kGood);
    const Bytes result4 = translated(error6(1, 4, 0, packet6(protocol, payload)));
    CHECK(reference::header(std::span(result4).subspan(kQuoted4)) == reference::Sum::kGood);
    CHECK(reference::transport(std::span(result4).subspan(kQuoted4)) == reference::Sum::kGood);
  }
}

TEST_CASE("SIIT-INNER-06 a quote of 28 octets of a 1500-octet packet says 1480") {
  Bytes quoted = packet4(17, udp(1472));
  quoted.resize(28);
  CHECK(wordAt(translated(error4(11, 0, 0, quoted)), kQuoted6 + 4) == 1480);
  Bytes six = packet6(17, udp(1432));
  six.resize(48);
  CHECK(wordAt(translated(error6(3, 0, 0, six)), kQuoted4 + 2) == 1460);
}

TEST_CASE("SIIT-INNER-07 a quoted IPv4 fragment gets a Fragment Header") {
  const Bytes quoted = packet4(17, udp(496), {.identification = 0xbeef, .more = true});
  const Bytes result = translated(error4(11, 1, 0, quoted));
  CHECK(byteAt(result, kQuoted6 + 6) == 44);
  CHECK(wordAt(result, kQuoted6 + 4) == 8 + 504);
  CHECK(toHex(result, kQuoted6 + 40, 8) == "110000010000beef");
}

TEST_CASE("SIIT-INNER-07 a later fragment is quoted without touching its payload") {
  const Bytes quoted = packet4(17, pattern(24), {.offset = 504});
  const Bytes result = translated(error4(11, 1, 0, quoted));
  CHECK(toHex(result, kQuoted6 + 48) == toHex(pattern(24)));
}

TEST_CASE("SIIT-INNER-07 a quoted Fragment Header becomes identification, MF and offset") {
  const Bytes quoted =
      packet6(17, pattern(24), {.identification = 0xdeadbeef, .offset = 504, .more = true});
  const Bytes result = translated(error6(3, 1, 0, quoted));
  CHECK(wordAt(result, kQuoted4 + 4) == 0xbeef);
  CHECK(wordAt(result, kQuoted4 + 6) == (0x2000 | 504 / 8));
  CHECK(wordAt(result, kQuoted4 + 2) == 44);
}

TEST_CASE("SIIT-INNER-08 a quoted echo gets the other family's type and a right checksum") {
  const Bytes six = translated(error4(11, 0, 0, packet4(1, icmp(8, 0, 0x12340007, pattern(9)))));
  CHECK(byteAt(six, kQuoted6 + 6) == 58);
  CHECK(byteAt(six, kQuoted6 + 40) == 128);
  CHECK(reference::transport(std::span(six).subspan(kQuoted6)) == reference::Sum::kGood);
  const Bytes four = translated(error6(3, 0, 0, packet6(58, icmp(129, 0, 0x12340007, pattern(9)))));
  CHECK(byteAt(four, kQuoted4 + 9) == 1);
  CHECK(byteAt(four, kQuoted4 + 20) == 0);
  CHECK(reference::transport(std::span(four).subspan(kQuoted4)) == reference::Sum::kGood);
}

TEST_CASE("SIIT-INNER-08 a quoted message of another type drops the error") {
  CHECK(reasonOf(error4(11, 0, 0, packet4(1, icmp(13, 0, 1, pattern(12))))) ==
        Counter::kDropIcmpErrorInner);
  CHECK(reasonOf(error6(3, 0, 0, packet6(58, icmp(135, 0, 0, pattern(16))))) ==
        Counter::kDropIcmpErrorInner);
}

TEST_CASE("SIIT-INNER-09 an ICMPv6 error is at most 1280 octets, an ICMPv4 error 576") {
  const Bytes six = translated(error4(11, 0, 0, packet4(17, udp(1224))));
  CHECK(six.size() == 1280);
  CHECK(reference::transport(six) == reference::Sum::kGood);
  const Bytes four = translated(error6(3, 0, 0, packet6(17, udp(1184))));
  CHECK(four.size() == 576);
  CHECK(reference::transport(four) == reference::Sum::kGood);
  CHECK(reference::header(four) == reference::Sum::kGood);
}

TEST_CASE("SIIT-INNER-11, -14 RFC 4884 4to6: 128 octets and an extension become 152, length 19") {
  Bytes quoted = packet4(17, udp(200));
  quoted.resize(128);
  const Bytes result = translated(error4(11, 0, 32 << 16, quoted + extension()));
  CHECK(toHex(result, 44, 4) == "13000000");
  CHECK(result.size() == kQuoted6 + 152 + 12);
  CHECK(toHex(result, kQuoted6 + 148, 4) == "00000000");
  CHECK(toHex(result, kQuoted6 + 152) == toHex(extension()));
}

TEST_CASE("SIIT-INNER-11 RFC 4884 6to4: 136 octets become 128 with padding, length 32") {
  Bytes quoted = packet6(17, udp(200));
  quoted.resize(136);
  const Bytes result = translated(error6(3, 0, 17u << 24, quoted + extension()));
  CHECK(toHex(result, 24, 4) == "00200000");
  CHECK(result.size() == kQuoted4 + 128 + 12);
  CHECK(toHex(result, kQuoted4 + 116, 12) == toHex(Bytes(12)));
  CHECK(toHex(result, kQuoted4 + 128) == toHex(extension()));
}

TEST_CASE("SIIT-INNER-11 a short quoted packet in front of an extension is padded with zeros") {
  const Bytes quoted = packet4(17, udp(4)) + Bytes(96);
  const Bytes result = translated(error4(3, 3, 32 << 16, quoted + extension()));
  CHECK(byteAt(result, 44) == 16);
  CHECK(toHex(result, kQuoted6 + 52, 76) == toHex(Bytes(76)));
  CHECK(toHex(result, kQuoted6 + 128) == toHex(extension()));
}

TEST_CASE("SIIT-INNER-11 a length below 128 octets or past the message is no extension") {
  const Bytes quoted = packet4(17, udp(200));
  for (const uint32_t words : {31u, 255u}) {
    CAPTURE(words);
    const Bytes result = translated(error4(11, 0, words << 16, quoted));
    CHECK(byteAt(result, 44) == 0);
    CHECK(result.size() == kQuoted6 + 40 + 208);
  }
}

TEST_CASE("SIIT-INNER-12 the quoted packet gives way to an extension") {
  Bytes quoted = packet4(17, udp(1000));
  quoted.resize(1020);
  const Bytes result = translated(error4(11, 0, 255 << 16, quoted + pattern(400)));
  CHECK(result.size() == 1280);
  CHECK(byteAt(result, 44) == 832 / 8);
  CHECK(toHex(result, kQuoted6 + 832) == toHex(pattern(400)));
}

TEST_CASE("SIIT-INNER-12 an extension that no longer fits beside 128 octets of it is cut") {
  Bytes quoted = packet4(17, udp(1000));
  quoted.resize(1020);
  const Bytes result = translated(error4(11, 0, 255 << 16, quoted + pattern(1300)));
  CHECK(result.size() == 1280);
  CHECK(byteAt(result, 44) == 128 / 8);
  CHECK(toHex(result, kQuoted6 + 128) == toHex(pattern(1280 - kQuoted6 - 128)));
}

TEST_CASE("SIIT-INNER-13 Packet Too Big and Parameter Problem leave the extension out") {
  Bytes quoted = packet4(17, udp(1472));
  quoted.resize(128);
  const Bytes big = translated(error4(3, 4, 32 << 16 | 1400, quoted + extension()));
  CHECK(longAt(big, 44) == 1420);
  CHECK(big.size() == kQuoted6 + 148);
  const Bytes problem = translated(error4(3, 2, 32 << 16, quoted + extension()));
  CHECK(longAt(problem, 44) == 6);
  CHECK(problem.size() == kQuoted6 + 148);
}

TEST_CASE("ICMP errors with a wrong checksum are dropped") {
  Bytes four = error4(3, 3, 0, packet4(17, udp(5)));
  four.back() ^= std::byte{1};
  CHECK(reasonOf(four) == Counter::kDropIcmpChecksum);
  Bytes six = error6(1, 4, 0, packet6(17, udp(5)));
  six.back() ^= std::byte{1};
  CHECK(reasonOf(six) == Counter::kDropIcmpChecksum);
}

TEST_CASE("ICMP errors that quote too little for the ports are dropped") {
  for (size_t length = 0; length < 28; ++length) {
    CAPTURE(length);
    Bytes quoted = packet4(17, udp(5));
    quoted.resize(length);
    CHECK(reasonOf(error4(3, 3, 0, quoted)) == Counter::kDropIcmpErrorTruncated);
  }
}

TEST_CASE("SIIT-INNER-01 an ICMPv6 error about somebody outside the prefix is dropped") {
  const Bytes quoted = packet6(17, udp(5), {.destination6 = "2001:db8:ffff::1"});
  CHECK(reasonOf(error6(1, 4, 0, quoted)) == Counter::kDropIcmpErrorInner);
}

TEST_CASE("SIIT-INNER-01 a quoted traffic class is copied") {
  const Fields fields{.traffic_class = 0xb9};
  CHECK(toHex(translated(error4(11, 0, 0, packet4(17, udp(5), fields))), kQuoted6, 2) == "6b90");
  CHECK(byteAt(translated(error6(3, 0, 0, packet6(17, udp(5), fields))), kQuoted4 + 1) == 0xb9);
}

TEST_CASE("SIIT-IC64-13 a fragmented ICMP error is dropped") {
  const Bytes message = icmp(3, 3, 0, packet4(17, udp(12)));
  Fields fields = kRouter4;
  fields.more = true;
  CHECK(reasonOf(packet4(1, message, fields)) == Counter::kDropIcmpFragment);
}

TEST_CASE("the longest quotes and extensions keep within their bounds") {
  // Every length around the limits, with an extension and without: no write past the draft.
  Siit siit;
  for (size_t data = 1100; data < 1300; ++data) {
    const Bytes quoted = packet4(17, udp(data));
    CHECK(siit.translate(error4(11, 0, 0, quoted)).packet.size() <= 1280);
    CHECK(siit.translate(error4(11, 0, 255 << 16, quoted + extension())).packet.size() <= 1280);
  }
  for (size_t data = 400; data < 700; ++data) {
    const Bytes quoted = packet6(17, udp(data));
    CHECK(siit.translate(error6(3, 0, 0, quoted)).packet.size() <= 576);
    const auto words = static_cast<uint32_t>(quoted.size() / 8);
    CHECK(siit.translate(error6(3, 0, words << 24, quoted + extension())).packet.size() <= 576);
  }
}

}  // namespace
}  // namespace platypus::test
