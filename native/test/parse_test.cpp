#include "packet/parse.h"

#include "packet/icmp4.h"
#include "packet/icmp6.h"
#include "test/siit_packets.h"
#include "test/test.h"

namespace platypus::test {
namespace {

Counter reasonOf(std::span<const std::byte> bytes) {
  return parsed(bytes).verdict.reason;
}

/// An extension header of 8 bytes: next header, length 0, a PadN of four.
Bytes pad(uint8_t next) {
  return Bytes{std::byte{next}} + fromHex("00 0104 00000000");
}
/// A Routing Header of type 0 with `left` segments left.
Bytes routing(uint8_t next, uint8_t left) {
  return Bytes{std::byte{next}} + fromHex("00 00") + Bytes{std::byte{left}} + fromHex("00000000");
}

TEST_CASE("parse: an IPv4 UDP packet, field by field") {
  const Fields fields{.hops = 7, .traffic_class = 0xb9, .identification = 0xbeef};
  const Parsed result = parsed(packet4(17, udp(5), fields));
  REQUIRE(result.verdict.pass);
  CHECK(result.view.version == 4);
  CHECK(result.view.protocol == 17);
  CHECK(result.view.hop_limit == 7);
  CHECK(result.view.traffic_class == 0xb9);
  CHECK(result.view.identification == 0xbeef);
  CHECK(result.view.transport == Transport::kUdp);
  CHECK(result.view.transport_offset == 20);
  CHECK(result.view.transport_header == 8);
  CHECK(result.view.payload_length == 13);
  CHECK(result.view.source_port.host() == 40'000);
  CHECK(result.view.destination_port.host() == 53);
  CHECK_FALSE(result.view.fragmented);
}

TEST_CASE("parse: an IPv6 TCP packet, field by field") {
  const Parsed result = parsed(packet6(6, tcp(5), {.hops = 9, .traffic_class = 0xb9}));
  REQUIRE(result.verdict.pass);
  CHECK(result.view.version == 6);
  CHECK(result.view.traffic_class == 0xb9);
  CHECK(result.view.hop_limit == 9);
  CHECK(result.view.transport == Transport::kTcp);
  CHECK(result.view.transport_offset == 40);
  CHECK(result.view.tcp_flags == 0x10);
  CHECK(result.view.payload_length == 25);
  CHECK_FALSE(result.view.fragment_header);
}

TEST_CASE("parse: an echo's identifier is both its ports") {
  for (const Bytes& bytes :
       {packet4(1, icmp(8, 0, 0x12340007, {})), packet6(58, icmp(129, 0, 0x12340007, {}))}) {
    const Parsed result = parsed(bytes);
    REQUIRE(result.verdict.pass);
    CHECK(result.view.transport == Transport::kIcmpEcho);
    CHECK(result.view.source_port.host() == 0x1234);
    CHECK(result.view.destination_port.host() == 0x1234);
  }
}

TEST_CASE("parse: ICMP of the other family is just another protocol") {
  CHECK(parsed(packet4(58, icmp(128, 0, 1, {}))).view.transport == Transport::kOther);
  CHECK(parsed(packet6(1, icmp(8, 0, 1, {}))).view.transport == Transport::kOther);
}

TEST_CASE("parse: bytes past the IP length are not the packet's") {
  CHECK(parsed(packet4(17, udp(5)) + pattern(9)).length == 33);
  CHECK(parsed(packet6(17, udp(5)) + pattern(9)).length == 53);
}

TEST_CASE("parse: neither 4 nor 6, or nothing at all, is not IP") {
  CHECK(reasonOf({}) == Counter::kDropNotIp);
  CHECK(reasonOf(fromHex("00")) == Counter::kDropNotIp);
  CHECK(reasonOf(Bytes(40, std::byte{0x50})) == Counter::kDropNotIp);
}

TEST_CASE("SIIT-4to6-21 IPv4: every cut short packet is dropped") {
  const Bytes whole = packet4(17, udp(5));
  for (size_t length = 1; length < whole.size(); ++length) {
    CAPTURE(length);
    CHECK(reasonOf(std::span(whole).first(length)) == Counter::kDropV4Truncated);
  }
}

TEST_CASE("SIIT-4to6-21 IPv4: a header length below 20 is dropped") {
  for (int words = 0; words < 5; ++words) {
    Bytes bytes = packet4(17, udp(5));
    bytes[0] = static_cast<std::byte>(0x40 | words);
    CAPTURE(words);
    const Verdict verdict = parsed(bytes).verdict;
    CHECK(verdict.reason == Counter::kDropV4HeaderLength);
    CHECK_FALSE(verdict.asksForError());
  }
}

TEST_CASE("SIIT-4to6-21 IPv4: a total length below the header's is dropped") {
  Bytes bytes = packet4(17, udp(5));
  putWord(bytes, 2, 19);
  reference::fill(bytes);
  CHECK(reasonOf(bytes) == Counter::kDropV4HeaderLength);
}

TEST_CASE("SIIT-4to6-21 IPv4: any bit of the header that flips is found") {
  for (size_t bit = 8; bit < 160; ++bit) {
    Bytes bytes = packet4(17, udp(5));
    bytes[bit / 8] ^= std::byte{static_cast<uint8_t>(1 << bit % 8)};
    CAPTURE(bit);
    const Verdict verdict = parsed(bytes).verdict;
    CHECK_FALSE(verdict.pass);
    CHECK_FALSE(verdict.asksForError());
  }
}

TEST_CASE("SIIT-4to6-10 IPv4 options are walked over") {
  const Parsed result = parsed(packet4(17, udp(5), {.options = fromHex("94040000 01010100")}));
  REQUIRE(result.verdict.pass);
  CHECK(result.view.transport_offset == 28);
  CHECK(result.view.payload_length == 13);
}

TEST_CASE("SIIT-4to6-10 nothing counts after an end-of-options octet") {
  // Behind the end stands what would be a source route.
  CHECK(parsed(packet4(17, udp(5), {.options = fromHex("00 830704 0a000001")})).verdict.pass);
}

TEST_CASE("IPv4 options that run past the header are dropped") {
  for (const char* options : {"07ff0000", "01010107", "07000000", "07010000", "83020000"}) {
    CAPTURE(options);
    CHECK(reasonOf(packet4(17, udp(5), {.options = fromHex(options)})) == Counter::kDropV4Options);
  }
}

TEST_CASE("SIIT-4to6-11, -12 a source route with hops left is refused with ICMPv4 3/5") {
  for (const char* options : {"830704 0a000001 00", "890704 0a000001 00", "01 830704 0a000001"}) {
    CAPTURE(options);
    const Verdict verdict = parsed(packet4(17, udp(5), {.options = fromHex(options)})).verdict;
    CHECK(verdict.reason == Counter::kDropV4SourceRoute);
    CHECK(verdict.type == icmp4::kUnreachable);
    CHECK(verdict.code == icmp4::kSourceRouteFailed);
  }
}

TEST_CASE("SIIT-4to6-11 a source route that is used up passes") {
  CHECK(parsed(packet4(17, udp(5), {.options = fromHex("830708 0a000001 00")})).verdict.pass);
  CHECK(parsed(packet4(17, udp(5), {.options = fromHex("890708 0a000001 00")})).verdict.pass);
}

TEST_CASE("SIIT-ERR-07 an ICMPv4 error with a source route is known as an error") {
  const Parsed result = parsed(
      packet4(1, icmp(3, 3, 0, packet4(17, udp(5))), {.options = fromHex("830704 0a000001 00")}));
  CHECK(result.verdict.reason == Counter::kDropV4SourceRoute);
  CHECK(result.view.transport == Transport::kIcmpError);
}

TEST_CASE("SIIT-6to4-23 IPv6: every cut short packet is dropped") {
  const Bytes whole = packet6(17, udp(5));
  for (size_t length = 1; length < whole.size(); ++length) {
    CAPTURE(length);
    CHECK(reasonOf(std::span(whole).first(length)) == Counter::kDropV6Truncated);
  }
}

TEST_CASE("SIIT-6to4-08 hop-by-hop, destination and used-up routing headers are walked over") {
  const Fields fields{.options = pad(60) + pad(43) + routing(17, 0), .first_header = 0};
  const Parsed result = parsed(packet6(17, udp(5), fields));
  REQUIRE(result.verdict.pass);
  CHECK(result.view.transport == Transport::kUdp);
  CHECK(result.view.transport_offset == 64);
  CHECK(result.view.payload_length == 13);
}

TEST_CASE("SIIT-6to4-08 the first other next header is the protocol, whatever it is") {
  for (const uint8_t next : Octets{50, 51, 59, 132, 33, 255}) {
    CAPTURE(next);
    const Parsed result = parsed(packet6(next, pattern(16)));
    REQUIRE(result.verdict.pass);
    CHECK(result.view.protocol == next);
    CHECK(result.view.transport == Transport::kOther);
  }
}

TEST_CASE("SIIT-6to4-12, -13 segments left: refused with ICMPv6 4/0, pointer 43") {
  const Verdict verdict =
      parsed(packet6(17, udp(5), {.options = routing(17, 1), .first_header = 43})).verdict;
  CHECK(verdict.reason == Counter::kDropV6RoutingHeader);
  CHECK(verdict.type == icmp6::kParameterProblem);
  CHECK(verdict.code == 0);
  CHECK(verdict.value == 43);
}

TEST_CASE("SIIT-6to4-13 the pointer counts the headers before the routing header: 51") {
  const Fields fields{.options = pad(43) + routing(17, 1), .first_header = 0};
  CHECK(parsed(packet6(17, udp(5), fields)).verdict.value == 51);
}

TEST_CASE("SIIT-ERR-06 an ICMPv6 error behind a routing header is known as an error") {
  const Parsed result = parsed(packet6(58, icmp(1, 4, 0, packet6(17, udp(5))),
                                       {.options = routing(58, 1), .first_header = 43}));
  CHECK(result.verdict.reason == Counter::kDropV6RoutingHeader);
  CHECK(result.view.transport == Transport::kIcmpError);
}

TEST_CASE("SIIT-6to4-23 an extension header that runs past the packet is dropped") {
  Bytes bytes = packet6(17, pattern(20), {.options = pad(17), .first_header = 0});
  bytes[41] = std::byte{255};
  CHECK(reasonOf(bytes) == Counter::kDropV6ExtensionHeaders);
  CHECK(reasonOf(packet6(0, pattern(7))) == Counter::kDropV6ExtensionHeaders);
  CHECK(reasonOf(packet6(0, {})) == Counter::kDropV6ExtensionHeaders);
  CHECK(reasonOf(packet6(44, pattern(7))) == Counter::kDropV6ExtensionHeaders);
}

TEST_CASE("SIIT-6to4-23 eight extension headers pass, nine do not") {
  Bytes options;
  for (int i = 0; i < 7; ++i) options = std::move(options) + pad(60);
  const Bytes nine = options + pad(60) + pad(17);
  CHECK(
      parsed(packet6(17, udp(5), {.options = options + pad(17), .first_header = 60})).verdict.pass);
  CHECK(reasonOf(packet6(17, udp(5), {.options = nine, .first_header = 60})) ==
        Counter::kDropV6ExtensionHeaders);
}

TEST_CASE("SIIT-6to4-14 a Fragment Header's fields") {
  const Fields fields{.identification = 0xdeadbeef, .offset = 504, .more = true};
  const Parsed result = parsed(packet6(17, pattern(24), fields));
  REQUIRE(result.verdict.pass);
  CHECK(result.view.fragmented);
  CHECK(result.view.fragment_header);
  CHECK(result.view.more_fragments);
  CHECK(result.view.fragment_offset == 504);
  CHECK(result.view.identification == 0xdeadbeef);
  CHECK(result.view.transport == Transport::kNone);
  CHECK(result.view.transport_offset == 48);
}

TEST_CASE("SIIT-6to4-19 an atomic fragment has a Fragment Header and is no fragment") {
  const Parsed result =
      parsed(packet6(17, udp(5), {.identification = 0x12345678, .fragment_header = true}));
  REQUIRE(result.verdict.pass);
  CHECK(result.view.fragment_header);
  CHECK_FALSE(result.view.fragmented);
  CHECK(result.view.transport == Transport::kUdp);
}

TEST_CASE("SIIT-6to4-15 a Fragment Header followed by an extension header is dropped, AH too") {
  for (const uint8_t next : Octets{0, 43, 44, 51, 60}) {
    CAPTURE(next);
    CHECK(reasonOf(packet6(next, pattern(24), {.more = true})) ==
          Counter::kDropFragmentExtensionHeader);
  }
}

TEST_CASE("SIIT-6to4-15 ESP behind a Fragment Header passes") {
  CHECK(parsed(packet6(50, pattern(24), {.more = true})).verdict.pass);
}

TEST_CASE("fragments: empty, not a multiple of 8 though more follow, past 65535") {
  for (const bool v6 : {false, true}) {
    CAPTURE(v6);
    const auto build = [v6](const Bytes& payload, const Fields& fields) {
      return v6 ? packet6(17, payload, fields) : packet4(17, payload, fields);
    };
    CHECK(reasonOf(build({}, {.offset = 8})) == Counter::kDropFragmentMalformed);
    CHECK(reasonOf(build(pattern(23), {.more = true})) == Counter::kDropFragmentMalformed);
    CHECK(reasonOf(build(pattern(16), {.offset = 65'528})) == Counter::kDropFragmentMalformed);
    CHECK(parsed(build(pattern(7), {.offset = 65'528})).verdict.pass);
  }
}

TEST_CASE("transport headers that are not whole are dropped, in both families") {
  for (size_t length = 0; length < 20; ++length) {
    CAPTURE(length);
    const Bytes header = tcp(0);
    const Bytes cut(header.begin(), header.begin() + static_cast<long>(length));
    CHECK(reasonOf(packet4(6, cut)) == Counter::kDropTransportTruncated);
    CHECK(reasonOf(packet6(6, cut)) == Counter::kDropTransportTruncated);
    if (length < 8) {
      CHECK(reasonOf(packet4(17, cut)) == Counter::kDropTransportTruncated);
      CHECK(reasonOf(packet6(17, cut)) == Counter::kDropTransportTruncated);
      CHECK(reasonOf(packet4(1, cut)) == Counter::kDropTransportTruncated);
      CHECK(reasonOf(packet6(58, cut)) == Counter::kDropTransportTruncated);
    }
  }
}

TEST_CASE("a TCP data offset below 20 or past the segment is dropped") {
  for (const uint8_t offset : Octets{0x00, 0x40, 0x70, 0xf0}) {
    CAPTURE(offset);
    Bytes segment = tcp(4);
    segment[12] = std::byte{offset};
    CHECK(reasonOf(packet4(6, segment)) == Counter::kDropTransportTruncated);
  }
}

TEST_CASE("a UDP length below 8 or past the packet is dropped; a shorter one passes") {
  const auto with = [](uint32_t length) {
    Bytes bytes = packet6(17, udp(5));
    putWord(bytes, 44, length);
    return parsed(bytes).verdict;
  };
  CHECK(with(0).reason == Counter::kDropTransportTruncated);
  CHECK(with(7).reason == Counter::kDropTransportTruncated);
  CHECK(with(14).reason == Counter::kDropTransportTruncated);
  CHECK(with(13).pass);
  CHECK(with(8).pass);
}

TEST_CASE("a first fragment may hold less than its UDP length says") {
  Bytes datagram = udp(1000);
  datagram.resize(504);
  CHECK(parsed(packet6(17, datagram, {.more = true})).verdict.pass);
}

// --- Offload -----------------------------------------------------------------------------------

Offload partial(uint16_t start, uint16_t offset) {
  return {.flags = Offload::kNeedsChecksum, .checksum_start = start, .checksum_offset = offset};
}
Offload super(uint8_t type, uint16_t size, uint16_t start, uint16_t offset) {
  Offload result = partial(start, offset);
  result.gso_type = type;
  result.gso_size = size;
  return result;
}

TEST_CASE("offload: what the kernel says about honest packets passes") {
  CHECK(parsed(packet4(17, udp(5)), partial(20, 6)).verdict.pass);
  CHECK(parsed(packet6(6, tcp(5)), partial(40, 16)).verdict.pass);
  const Parsed tso = parsed(packet6(6, tcp(4000)), super(Offload::kGsoTcp6, 1000, 40, 16));
  REQUIRE(tso.verdict.pass);
  CHECK(tso.offload.isGso());
  CHECK(parsed(packet4(6, tcp(4000)), super(Offload::kGsoTcp4 | Offload::kGsoEcn, 1000, 20, 16))
            .verdict.pass);
  CHECK(parsed(packet4(17, udp(4000)), super(Offload::kGsoUdp, 1000, 20, 6)).verdict.pass);
}

TEST_CASE("offload: a super-packet of one segment is an ordinary packet") {
  const Parsed result = parsed(packet6(6, tcp(1000)), super(Offload::kGsoTcp6, 1000, 40, 16));
  REQUIRE(result.verdict.pass);
  CHECK_FALSE(result.offload.isGso());
  CHECK(result.offload.needsChecksum());
}

TEST_CASE("offload: a checksum that does not start at the transport header is refused") {
  CHECK(parsed(packet4(17, udp(5)), partial(19, 6)).verdict.reason ==
        Counter::kDropOffloadMalformed);
  CHECK(parsed(packet4(17, udp(5)), partial(60'000, 6)).verdict.reason ==
        Counter::kDropOffloadMalformed);
}

TEST_CASE("offload: a checksum field that is not the protocol's is refused") {
  CHECK(parsed(packet4(17, udp(30)), partial(20, 16)).verdict.reason ==
        Counter::kDropOffloadMalformed);
  CHECK(parsed(packet4(6, tcp(5)), partial(20, 6)).verdict.reason ==
        Counter::kDropOffloadMalformed);
  CHECK(parsed(packet6(50, pattern(8)), partial(40, 7)).verdict.reason ==
        Counter::kDropOffloadMalformed);
  for (const uint8_t type : Octets{3, 8, 13}) {
    const Bytes message = icmp(type, 0, 0, packet4(17, udp(5)));
    CHECK(parsed(packet4(1, message), partial(20, 2)).verdict.pass);
    CHECK(parsed(packet4(1, message), partial(20, 0)).verdict.reason ==
          Counter::kDropOffloadMalformed);
  }
}

TEST_CASE("offload: GSO that does not fit the packet is refused") {
  const Counter malformed = Counter::kDropOffloadMalformed;
  const Bytes tcp4 = packet4(6, tcp(4000));
  CHECK(parsed(tcp4, super(Offload::kGsoTcp6, 1000, 20, 16)).verdict.reason == malformed);
  CHECK(parsed(tcp4, super(Offload::kGsoUdp, 1000, 20, 16)).verdict.reason == malformed);
  CHECK(parsed(tcp4, super(3, 1000, 20, 16)).verdict.reason == malformed);
  CHECK(parsed(tcp4, super(Offload::kGsoTcp4, 0, 20, 16)).verdict.reason == malformed);
  Offload without = super(Offload::kGsoTcp4, 1000, 20, 16);
  without.flags = 0;
  CHECK(parsed(tcp4, without).verdict.reason == malformed);
}

TEST_CASE("offload: a fragment has no checksum to finish") {
  CHECK(parsed(packet4(17, pattern(24), {.more = true}), partial(20, 6)).verdict.reason ==
        Counter::kDropOffloadMalformed);
}

// --- Quoted packets ----------------------------------------------------------------------------

TEST_CASE("SIIT-INNER-06 a quoted packet's length is what it claims, not what is quoted") {
  Bytes quoted = packet4(17, udp(1472));
  quoted.resize(28);
  QuotedView view;
  REQUIRE(parseQuotedV4(quoted, view).pass);
  CHECK(view.claimed_payload == 1480);
  CHECK(view.quoted_payload == 8);
  CHECK(view.source_port.host() == 40'000);
}

TEST_CASE("quoted IPv4: padding behind a short packet is not quoted payload") {
  QuotedView view;
  REQUIRE(parseQuotedV4(packet4(17, udp(4)) + Bytes(96), view).pass);
  CHECK(view.quoted_payload == 12);
}

TEST_CASE("quoted packets cut before the ports are truncated") {
  for (const bool ipv6 : {false, true}) {
    const Bytes whole = ipv6 ? packet6(17, udp(5)) : packet4(17, udp(5));
    const size_t least = ipv6 ? 48 : 28;
    for (size_t length = 0; length < least; ++length) {
      CAPTURE(length);
      QuotedView view;
      const auto cut = std::span(whole).first(length);
      const Verdict verdict = ipv6 ? parseQuotedV6(cut, view) : parseQuotedV4(cut, view);
      CHECK(verdict.reason == Counter::kDropIcmpErrorTruncated);
    }
  }
}

TEST_CASE("SIIT-INNER-10 a quoted IPv4 header with a wrong checksum is dropped all the same") {
  Bytes quoted = packet4(17, udp(5));
  quoted[8] ^= std::byte{1};
  QuotedView view;
  CHECK(parseQuotedV4(quoted, view).reason == Counter::kDropIcmpErrorInnerChecksum);
}

TEST_CASE("SIIT-INNER-03 a quoted ICMP error is dropped") {
  QuotedView view;
  CHECK(parseQuotedV4(packet4(1, icmp(11, 0, 0, packet4(17, udp(5)))), view).reason ==
        Counter::kDropIcmpErrorInner);
  CHECK(parseQuotedV6(packet6(58, icmp(3, 0, 0, packet6(17, udp(5)))), view).reason ==
        Counter::kDropIcmpErrorInner);
}

TEST_CASE("quoted IPv6: extension headers are walked, however long they claim to be") {
  QuotedView view;
  REQUIRE(
      parseQuotedV6(packet6(17, udp(5), {.options = pad(60) + pad(17), .first_header = 0}), view)
          .pass);
  CHECK(view.transport_offset == 56);
  CHECK(view.claimed_payload == 13);
  Bytes lying = packet6(17, udp(5), {.options = pad(17), .first_header = 0});
  lying[41] = std::byte{255};
  CHECK_FALSE(parseQuotedV6(lying, view).pass);
}

TEST_CASE("quoted packets of the wrong family are dropped") {
  QuotedView view;
  CHECK_FALSE(parseQuotedV4(packet6(17, udp(5)), view).pass);
  CHECK_FALSE(parseQuotedV6(packet4(17, udp(45)), view).pass);
}

}  // namespace
}  // namespace platypus::test
