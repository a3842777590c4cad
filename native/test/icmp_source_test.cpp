// ICMP errors from addresses that have no counterpart (RFC 6791), and the object that says who
// really sent them (RFC 5837, RFC 4884).
#include <map>

#include "siit/icmp_error.h"
#include "test/siit_packets.h"
#include "test/test.h"

namespace platypus::test {
namespace {

constexpr size_t kQuoted4 = 28;
const char* const kRouter = "2001:db8:ffff::1";

/// "Time exceeded" by default, from a router that pool6 does not map, about a packet of ours.
Bytes error6(const Bytes& quoted, uint32_t field = 0, uint8_t type = 3, uint8_t hops = 64) {
  return packet6(58, icmp(type, 0, field, quoted),
                 {.source6 = kRouter, .destination6 = "2001:db8:64::192.0.2.33", .hops = hops});
}
Bytes quoted6(size_t data = 5) {
  return packet6(17, udp(data));
}

struct Pooled : Siit {
  explicit Pooled(std::vector<Ipv4Prefix> pool,
                  IcmpSources::Extension extension = IcmpSources::Extension::kNone) {
    config.icmp_sources.v4 = std::move(pool);
    config.icmp_sources.extension = extension;
  }
  Bytes send(const Bytes& packet) {
    const Outcome outcome = translate(packet);
    REQUIRE(outcome.passed());
    CHECK(reference::header(outcome.packet) == reference::Sum::kGood);
    CHECK(reference::transport(outcome.packet) == reference::Sum::kGood);
    return outcome.packet;
  }
  uint32_t sourceOf(const Bytes& packet) { return longAt(send(packet), 12); }
};

// --- Which address -------------------------------------------------------------------------------

TEST_CASE("SIIT-SRC-01 an error from an address without counterpart comes from the pool") {
  Pooled siit({{v4("203.0.113.77"), 32}});
  CHECK(siit.sourceOf(error6(quoted6())) == 0xcb00714d);
  CHECK(siit.counters.read(Counter::kIcmpSourceSubstituted) == 1);
}

TEST_CASE("SIIT-SRC-01 without a pool such an error is dropped") {
  Siit siit;
  CHECK(siit.translate(error6(quoted6())).reason() == Counter::kDropUnmappable);
  CHECK(siit.counters.read(Counter::kIcmpSourceSubstituted) == 0);
}

TEST_CASE("SIIT-SRC-01 who has a counterpart speaks for itself, without an object") {
  Pooled siit({{v4("203.0.113.77"), 32}}, IcmpSources::Extension::kInterface);
  const Bytes out = siit.send(
      packet6(58, icmp(3, 0, 0, quoted6()),
              {.source6 = "2001:db8:64::203.0.113.9", .destination6 = "2001:db8:64::192.0.2.33"}));
  CHECK(longAt(out, 12) == 0xcb007109);
  CHECK(out.size() == kQuoted4 + 20 + 13);
  CHECK(longAt(out, 24) == 0);
  CHECK(siit.counters.read(Counter::kIcmpSourceSubstituted) == 0);
}

TEST_CASE("SIIT-SRC-01 only errors may use the pool") {
  Pooled siit({{v4("203.0.113.77"), 32}});
  const Fields fields{.source6 = kRouter};
  CHECK(siit.translate(packet6(17, udp(5), fields)).reason() == Counter::kDropUnmappable);
  CHECK(siit.translate(packet6(58, icmp(128, 0, 1, {}), fields)).reason() ==
        Counter::kDropUnmappable);
}

TEST_CASE("SIIT-SRC-03 at random: all members of all prefixes are seen, about equally often") {
  Pooled siit({{v4("203.0.113.8"), 30}, {v4("198.51.100.0"), 31}, {v4("198.51.100.77"), 32}});
  std::map<uint32_t, uint32_t> seen;
  for (int i = 0; i < 7000; ++i) ++seen[siit.sourceOf(error6(quoted6()))];
  REQUIRE(seen.size() == 7);
  for (const uint32_t member : {0xcb007108u, 0xcb007109u, 0xcb00710au, 0xcb00710bu, 0xc6336400u,
                                0xc6336401u, 0xc633644du}) {
    CHECK(seen[member] > 800);
    CHECK(seen[member] < 1200);
  }
}

TEST_CASE("SIIT-SRC-03 by hop: the same hop has the same address, the next hop another one") {
  Pooled siit({{v4("203.0.113.8"), 30}, {v4("198.51.100.77"), 32}});
  siit.config.icmp_sources.pick = IcmpSources::Pick::kHop;
  const uint32_t expected[] = {0xcb007108, 0xcb007109, 0xcb00710a, 0xcb00710b, 0xc633644d};
  for (uint8_t hops = 2; hops != 0; ++hops) {
    CAPTURE(hops);
    CHECK(siit.sourceOf(error6(quoted6(), 0, 3, hops)) == expected[hops % 5]);
  }
}

TEST_CASE("SIIT-SRC-03 a pool of all addresses does not overflow") {
  Pooled siit({{v4("0.0.0.0"), 0}, {v4("198.51.100.77"), 32}});
  siit.config.icmp_sources.pick = IcmpSources::Pick::kHop;
  // 0.0.0.64 is no source that a router forwards.
  CHECK(siit.translate(error6(quoted6())).reason() == Counter::kDropUnmappable);
}

TEST_CASE(
    "SIIT-SRC-01 4to6: an error from an address without counterpart comes from the IPv6 pool") {
  Siit siit("64:ff9b::", 96);
  siit.config.icmp_sources.v6 = Ipv6Prefix{v6("2001:db8:aa::"), 124};
  const Bytes quoted = packet4(17, udp(5), {.source4 = "1.1.1.1", .destination4 = "8.8.8.8"});
  const auto from = [&](uint8_t ttl) {
    return packet4(1, icmp(11, 0, 0, quoted),
                   {.source4 = "10.0.0.1", .destination4 = "1.1.1.1", .hops = ttl});
  };
  std::map<std::string, uint32_t> seen;
  for (int i = 0; i < 1000; ++i) {
    const Outcome outcome = siit.translate(from(64));
    REQUIRE(outcome.passed());
    CHECK(reference::transport(outcome.packet) == reference::Sum::kGood);
    CHECK(toHex(outcome.packet, 8, 15) == "20010db800aa000000000000000000");
    ++seen[toHex(outcome.packet, 8, 16)];
  }
  CHECK(seen.size() == 16);
  CHECK(siit.counters.read(Counter::kIcmpSourceSubstituted) == 1000);

  siit.config.icmp_sources.pick = IcmpSources::Pick::kHop;
  CHECK(byteAt(siit.translate(from(0x35)).packet, 23) == 0x05);
  siit.config.icmp_sources.v6 = Ipv6Prefix{v6("2001:db8:aa::7"), 128};
  CHECK(byteAt(siit.translate(from(0x35)).packet, 23) == 0x07);
  siit.config.icmp_sources.v6.reset();
  CHECK(siit.translate(from(0x35)).reason() == Counter::kDropNonGlobal);
}

TEST_CASE("SIIT-ADDR-22 a forged source does not speak through the pool") {
  Pooled siit({{v4("203.0.113.77"), 32}});
  siit.config.sources4 = PrefixSet4(std::vector<Ipv4Prefix>{{v4("192.0.2.0"), 24}});
  const Bytes forged =
      packet6(58, icmp(3, 0, 0, quoted6()),
              {.source6 = "2001:db8:64::203.0.113.9", .destination6 = "2001:db8:64::192.0.2.33"});
  CHECK(siit.translate(forged).reason() == Counter::kDropSourceForged);
}

// --- The object ----------------------------------------------------------------------------------

/// What an ICMPv4 message says about an RFC 4884 extension: where it starts, 0 for none.
size_t extensionOf(const Bytes& out) {
  const size_t words = byteAt(out, 25);
  return words == 0 ? 0 : kQuoted4 + words * 4;
}
const char* const kObject =
    "0018 02 04 0002 0000 20010db8 ffff0000 00000000 00000001";  // without its header

TEST_CASE("SIIT-SRC-04 RFC 5837: class 2, C-Type bit 5, AFI 2 and the IPv6 source") {
  Pooled siit({{v4("203.0.113.77"), 32}}, IcmpSources::Extension::kInterface);
  const Bytes out = siit.send(error6(quoted6()));
  CHECK(toHex(out, 24, 4) == "00200000");
  REQUIRE(extensionOf(out) == kQuoted4 + 128);
  REQUIRE(out.size() == kQuoted4 + 128 + 28);
  CHECK(toHex(out, kQuoted4 + 128, 2) == "2000");
  CHECK(toHex(out, kQuoted4 + 132) == toHex(fromHex(kObject)));
}

TEST_CASE("SIIT-SRC-05 Node Identification: the same object in class 5") {
  Pooled siit({{v4("192.0.0.8"), 32}}, IcmpSources::Extension::kNode);
  const Bytes out = siit.send(error6(quoted6()));
  CHECK(longAt(out, 12) == 0xc0000008);
  REQUIRE(out.size() == kQuoted4 + 128 + 28);
  CHECK(toHex(out, kQuoted4 + 132, 4) == "00180504");
}

/// RFC 1071 over the extension as its text says.
uint32_t sumOf(const Bytes& bytes, size_t from) {
  uint32_t sum = 0;
  for (size_t at = from; at < bytes.size(); at += 2) {
    sum += wordAt(bytes, at);
    sum = (sum & 0xffff) + (sum >> 16);
  }
  return sum;
}

TEST_CASE("SIIT-SRC-06 the extension has a checksum of its own") {
  Pooled siit({{v4("203.0.113.77"), 32}}, IcmpSources::Extension::kInterface);
  const Bytes out = siit.send(error6(quoted6()));
  CHECK(wordAt(out, extensionOf(out) + 2) != 0);
  CHECK(sumOf(out, extensionOf(out)) == 0xffff);
}

TEST_CASE("SIIT-SRC-06 a short quoted packet is padded with zeros to 128 octets") {
  Pooled siit({{v4("203.0.113.77"), 32}}, IcmpSources::Extension::kInterface);
  const Bytes out = siit.send(error6(quoted6(5)));
  CHECK(toHex(out, kQuoted4 + 28, 5) == toHex(pattern(5)));
  CHECK(toHex(out, kQuoted4 + 33, 95) == toHex(Bytes(95)));
}

TEST_CASE("SIIT-SRC-06 a quoted packet that is no multiple of four is padded to one") {
  Pooled siit({{v4("203.0.113.77"), 32}}, IcmpSources::Extension::kInterface);
  const Bytes out = siit.send(error6(quoted6(122)));  // 20 + 8 + 122 = 150
  CHECK(extensionOf(out) == kQuoted4 + 152);
  CHECK(toHex(out, kQuoted4 + 28, 122) == toHex(pattern(122)));
  CHECK(wordAt(out, kQuoted4 + 150) == 0);
  CHECK(sumOf(out, extensionOf(out)) == 0xffff);
}

TEST_CASE("SIIT-SRC-06, SIIT-INNER-09 a long quoted packet gives way: 576 octets with the object") {
  Pooled siit({{v4("203.0.113.77"), 32}}, IcmpSources::Extension::kInterface);
  const Bytes out = siit.send(error6(quoted6(1100)));
  CHECK(out.size() == 576);
  CHECK(extensionOf(out) == 576 - 28);
  CHECK(toHex(out, kQuoted4 + 28, 492) == toHex(pattern(492)));
  CHECK(toHex(out, 552) == toHex(fromHex(kObject)));
  CHECK(sumOf(out, extensionOf(out)) == 0xffff);
}

TEST_CASE("SIIT-SRC-06 the MTU and the pointer stay beside the length") {
  Pooled siit({{v4("203.0.113.77"), 32}}, IcmpSources::Extension::kInterface);
  const Bytes big = siit.send(error6(quoted6(1400), 1400, 2));
  CHECK(toHex(big, 20, 2) == "0304");
  CHECK(wordAt(big, 26) == 1380);
  CHECK(byteAt(big, 25) == (576 - 28 - 28) / 4);
  const Bytes problem = siit.send(error6(quoted6(), 7, 4));
  CHECK(toHex(problem, 20, 2) == "0c00");
  CHECK(toHex(problem, 24, 4) == "08200000");
  CHECK(sumOf(problem, extensionOf(problem)) == 0xffff);
}

/// An error that carries `structure`, its length told in 64-bit words.
Bytes extended6(const Bytes& structure, size_t data = 200) {
  Bytes quoted = quoted6(data);
  quoted.resize(136);
  return error6(quoted + structure, 17u << 24);
}
/// extension() with its checksum.
Bytes summed() {
  Bytes structure = extension();
  putWord(structure, 2, 0xffff - sumOf(structure, 0));
  return structure;
}

TEST_CASE(
    "SIIT-SRC-06, SIIT-INNER-14 objects that are there stay, the checksum covers the new one") {
  Pooled siit({{v4("203.0.113.77"), 32}}, IcmpSources::Extension::kInterface);
  const Bytes structure = summed();
  REQUIRE(sumOf(structure, 0) == 0xffff);
  const Bytes out = siit.send(extended6(structure));
  const size_t at = extensionOf(out);
  REQUIRE(at == kQuoted4 + 128);
  REQUIRE(out.size() == at + 36);
  CHECK(toHex(out, at, 2) == "2000");
  CHECK(toHex(out, at + 4, 8) == toHex(extension(), 4));
  CHECK(toHex(out, at + 12) == toHex(fromHex(kObject)));
  CHECK(sumOf(out, at) == 0xffff);
}

TEST_CASE(
    "SIIT-SRC-06 a wrong checksum of the structure stays wrong, one that was not sent unsent") {
  Pooled siit({{v4("203.0.113.77"), 32}}, IcmpSources::Extension::kInterface);
  Bytes structure = summed();
  structure[11] ^= std::byte{1};
  const Bytes wrong = siit.send(extended6(structure));
  REQUIRE(wrong.size() == extensionOf(wrong) + 36);
  CHECK(sumOf(wrong, extensionOf(wrong)) != 0xffff);
  const Bytes none = siit.send(extended6(extension()));
  REQUIRE(none.size() == extensionOf(none) + 36);
  CHECK(wordAt(none, extensionOf(none) + 2) == 0);
}

TEST_CASE("SIIT-INNER-14 a structure of another version or of broken length is left alone") {
  Pooled siit({{v4("203.0.113.77"), 32}}, IcmpSources::Extension::kInterface);
  Bytes other = extension();
  other[0] = std::byte{0x10};
  for (const Bytes& structure : {other, extension() + Bytes(2), Bytes(2)}) {
    CAPTURE(structure.size());
    const Bytes out = siit.send(extended6(structure));
    CHECK(toHex(out, extensionOf(out)) == toHex(structure));
  }
}

TEST_CASE("SIIT-SRC-06 the longest structure that leaves room for the object and 128 octets") {
  Pooled siit({{v4("203.0.113.77"), 32}}, IcmpSources::Extension::kInterface);
  // 576 less 28 less 128 is 420: 396 and the object.
  Bytes fits = fromHex("20000000") + pattern(392);
  putWord(fits, 2, 0xffff - sumOf(fits, 0));
  const Bytes out = siit.send(extended6(fits));
  CHECK(out.size() == 576);
  CHECK(toHex(out, 552) == toHex(fromHex(kObject)));
  CHECK(sumOf(out, extensionOf(out)) == 0xffff);
  const Bytes more = fromHex("20000000") + pattern(396);
  const Bytes left = siit.send(extended6(more));
  CHECK(toHex(left, extensionOf(left)) == toHex(more));
}

TEST_CASE("SIIT-SRC-06 every length of quoted packet and structure keeps within 576 octets") {
  Pooled siit({{v4("203.0.113.77"), 32}}, IcmpSources::Extension::kNode);
  for (size_t data = 0; data < 700; data += 3) {
    CAPTURE(data);
    const Bytes plain = siit.send(error6(quoted6(data)));
    CHECK(plain.size() <= 576);
    CHECK(plain.size() == extensionOf(plain) + 28);
    const Bytes structure = fromHex("20000000") + pattern(data / 4 * 4);
    const Bytes extended = siit.send(extended6(structure));
    CHECK(extended.size() <= 576);
    CHECK(extensionOf(extended) >= kQuoted4 + 128);
  }
}

}  // namespace
}  // namespace platypus::test
