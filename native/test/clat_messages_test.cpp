#include "test/clat_messages.h"

#include <unistd.h>

#include <cstdlib>

#include "clat/resolv_conf.h"
#include "clat/sockets.h"
#include "packet/checksum.h"
#include "socket/descriptor.h"
#include "test/test.h"

namespace platypus::clat {
namespace {

using namespace test;

TEST_CASE("XLAT-RA-01, XLAT-RA-05 an option is read: prefix, and lifetime in units of 8 s") {
  const auto option = parsePref64(fromHex("260207080064ff9b0000000000000000"));
  REQUIRE(option);
  CHECK(text(option->prefix) == "64:ff9b::/96");
  CHECK(option->lifetime_seconds == 1800);
  CHECK(parsePref64(fromHex("2602fff80064ff9b0000000000000000"))->lifetime_seconds == 65528);
}

TEST_CASE("XLAT-RA-03 another length than 2 is ignored") {
  CHECK_FALSE(parsePref64(fromHex("260307080064ff9b00000000000000000000000000000000")));
  CHECK_FALSE(parsePref64(fromHex("260107080064ff9b")));
}

TEST_CASE("XLAT-RA-04 prefix length codes 6 and 7 are ignored") {
  CHECK_FALSE(parsePref64(fromHex("2602070e0064ff9b0000000000000000")));
  CHECK_FALSE(parsePref64(fromHex("2602070f0064ff9b0000000000000000")));
}

TEST_CASE("XLAT-RA-15 bits past the length are no part of the prefix") {
  const auto option = parsePref64(fromHex("2602070920010db801220344ffffffff"));
  REQUIRE(option);
  CHECK(text(option->prefix) == "2001:db8:122:344::/64");
}

TEST_CASE("a prefix that cannot stand for IPv4 is ignored: multicast, link-local, ::ffff:0:0/96") {
  CHECK_FALSE(parsePref64(fromHex("26020708ff0e00000000000000000000")));
  CHECK_FALSE(parsePref64(fromHex("26020708fe8000000000000000000000")));
  CHECK_FALSE(parsePref64(fromHex("2602070800000000000000000000ffff")));
}

TEST_CASE(
    "a prefix with the well-known one inside is ignored, that itself and its neighbours are not") {
  for (const char* code : {"1", "2", "3", "4", "5"}) {
    CHECK_FALSE(parsePref64(fromHex("2602070" + std::string(code) + "0064ff9b0000000000000000")));
  }
  CHECK(parsePref64(fromHex("260207080064ff9b0000000000000000")));
  // RFC 8215: 64:ff9b:1::/48.
  CHECK(parsePref64(fromHex("2602070b0064ff9b0001000000000000")));
}

TEST_CASE(
    "XLAT-RA-16 hop limit, source, code, length and options of an advertisement are checked") {
  const Bytes good = advertisement(kWellKnown600);
  CHECK(parseAdvertisement(good, fromRouter()));
  CHECK_FALSE(parseAdvertisement(good, fromRouter("fe80::1", 64)));
  CHECK_FALSE(parseAdvertisement(good, fromRouter("2001:db8::1")));
  Bytes code = good;
  code[1] = std::byte{1};
  CHECK_FALSE(parseAdvertisement(code, fromRouter()));
  CHECK_FALSE(parseAdvertisement(std::span(good).first(15), fromRouter()));
  CHECK_FALSE(parseAdvertisement(advertisement("0100"), fromRouter()));
  CHECK_FALSE(parseAdvertisement(advertisement("26020258 0064ff9b"), fromRouter()));
}

TEST_CASE("resolvers of an advertisement are read, multicast ones are not") {
  const auto read =
      parseAdvertisement(advertisement("19050000 00000258 fe800000000000000000000000000053"
                                       "ff020000000000000000000000000001"),
                         fromRouter());
  REQUIRE(read);
  REQUIRE(read->resolver_count == 1);
  CHECK(text(read->resolvers[0].address) == "fe80::53");
}

TEST_CASE("XLAT-DNS-01, XLAT-DNS-02 the question is AAAA ipv4only.arpa., CD zero") {
  CHECK(toHex(makeQuestion(0xabcd)) ==
        "abcd01000001000000000000"
        "08697076346f6e6c790461727061"
        "00001c0001");
}

TEST_CASE(
    "XLAT-DNS-18, XLAT-DNS-19 an answer is read whether validated or not, with the least TTL") {
  Bytes bytes =
      dnsAnswer(7, {"0064ff9b0000000000000000c00000aa", "0064ff9b0000000000000000c00000ab"}, 60);
  const auto answer = parseAnswer(bytes, 7);
  REQUIRE(answer);
  CHECK(answer->kind == AnswerKind::kRecords);
  CHECK(answer->record_count == 2);
  CHECK(answer->ttl_seconds == 60);
}

TEST_CASE("an answer to another question is none: id, name, QR") {
  const Bytes good = dnsAnswer(7, {"0064ff9b0000000000000000c00000aa"}, 60);
  CHECK_FALSE(parseAnswer(good, 8));
  Bytes other = good;
  other[14] = std::byte{'x'};
  CHECK_FALSE(parseAnswer(other, 7));
  CHECK_FALSE(parseAnswer(dnsAnswer(7, {}, 60, "0100"), 7));
}

TEST_CASE("a negative answer has the lesser of the SOA's TTL and minimum") {
  const auto answer = parseAnswer(dnsNoData(7, 900, 300), 7);
  REQUIRE(answer);
  CHECK(answer->kind == AnswerKind::kNone);
  CHECK(answer->ttl_seconds == 300);
}

TEST_CASE("every truncation of an answer and of an advertisement ends without harm") {
  const Bytes answer = dnsAnswer(7, {"0064ff9b0000000000000000c00000aa"}, 60);
  for (size_t i = 0; i < answer.size(); ++i) (void)parseAnswer(std::span(answer).first(i), 7);
  const Bytes ra = advertisement(std::string(kWellKnown600) + std::string(kResolver600));
  for (size_t i = 0; i < ra.size(); ++i)
    (void)parseAdvertisement(std::span(ra).first(i), fromRouter());
  CHECK(parseAdvertisement(ra, fromRouter()));
}

TEST_CASE("XLAT-ARCH-05 a neighbour solicitation from :: to the solicited-node group, with nonce") {
  const Solicitation packet = makeSolicitation(ip6("2001:db8::1:2:3"), {1, 2, 3, 4, 5, 6});
  CHECK(toHex(packet, 0, 40) ==
        "60000000"
        "00203aff"
        "00000000000000000000000000000000"
        "ff0200000000000000000001ff020003");
  CHECK(toHex(packet, 40, 1) == "87");
  CHECK(toHex(packet, 48) ==
        "20010db8000000000000000100020003"
        "0e01010203040506");
  const uint64_t sum = sumPseudoHeader(Ipv6Address{}, ip6("ff02::1:ff02:3"), 32, 58) +
                       sumBytes(std::span(packet).subspan(40));
  CHECK(foldSum(sum) == 0xffff);
}

TEST_CASE("who has the address, or wants it, is a duplicate; our own question is not") {
  const Ipv6Address mine = ip6("2001:db8::1");
  const Nonce nonce = {1, 2, 3, 4, 5, 6};
  const Bytes advertised = fromHex("88000000 20000000 20010db8000000000000000000000001");
  const Arrival anybody = {.source = ip6("fe80::9"), .hop_limit = 255};
  const Arrival nobody = {.source = {}, .hop_limit = 255};
  CHECK(isDuplicate(advertised, anybody, mine, nonce));
  CHECK_FALSE(isDuplicate(advertised, {.source = ip6("fe80::9"), .hop_limit = 64}, mine, nonce));
  CHECK_FALSE(isDuplicate(advertised, anybody, ip6("2001:db8::2"), nonce));
  const Bytes wanted = fromHex("87000000 00000000 20010db8000000000000000000000001");
  CHECK(isDuplicate(wanted, nobody, mine, nonce));
  CHECK_FALSE(isDuplicate(wanted, anybody, mine, nonce));
  const auto own = makeSolicitation(mine, nonce);
  CHECK_FALSE(isDuplicate(std::span(own).subspan(40), nobody, mine, nonce));
}

TEST_CASE("a router solicitation is valid without an address of our own") {
  const auto packet = makeRouterSolicitation();
  CHECK(toHex(packet, 0, 44) ==
        "60000000"
        "00083aff"
        "00000000000000000000000000000000"
        "ff020000000000000000000000000002"
        "85007bb8");
}

TEST_CASE("XLAT-CLAT-06 an own address is stable, in the /64, another one for each prefix") {
  AddressInput input{.key = {1, 2, 3},
                     .network = ip6("2001:db8:1:2:a:b:c:d"),
                     .pref64 = Pref64(ip6("2001:db8:64::"), 96),
                     .ipv4 = Ipv4Address::fromHost(0xc0000001)};
  const Ipv6Address first = makeOwnAddress(input);
  CHECK(first.high() == input.network.high());
  CHECK(makeOwnAddress(input) == first);
  AddressInput other = input;
  other.attempt = 1;
  CHECK_FALSE(makeOwnAddress(other) == first);
  other = input;
  other.network = ip6("2001:db8:1:3::");
  CHECK_FALSE(makeOwnAddress(other).low() == first.low());
  other = input;
  other.key[15] = 9;
  CHECK_FALSE(makeOwnAddress(other) == first);
}

TEST_CASE("XLAT-CLAT-06 the translation of an own address leaves checksums alone") {
  for (uint32_t attempt = 0; attempt < 1000; ++attempt) {
    const AddressInput input{.key = {4, 5, 6},
                             .network = ip6("2001:db8:1:2::"),
                             .pref64 = Pref64(ip6("2001:db8:64:1:2::"), 96),
                             .ipv4 = Ipv4Address::fromHost(0xc0000001),
                             .attempt = attempt};
    const Ipv6Address own = makeOwnAddress(input);
    REQUIRE(isChecksumNeutral(own, input.pref64, input.ipv4));
    const Ipv4Address server = Ipv4Address::fromHost(0xc6336402);
    REQUIRE(foldSum(sumOf(own) + sumOf(input.pref64.embed(server))) ==
            foldSum(sumOf(input.ipv4) + sumOf(server)));
  }
}

TEST_CASE("SipHash-2-4 of the authors' example") {
  HashKey key;
  std::array<uint8_t, 15> input;
  for (size_t i = 0; i < 16; ++i) key[i] = static_cast<uint8_t>(i);
  for (size_t i = 0; i < 15; ++i) input[i] = static_cast<uint8_t>(i);
  CHECK(sipHash(key, input) == 0xa129ca6149be45e5u);
}

TEST_CASE("XLAT-DNS-16 of resolv.conf the IPv6 resolvers that are not this host") {
  const ResolvConf file = parseResolvConf(
      "# comment\nnameserver 127.0.0.1\nnameserver ::1\nnameserver 192.0.2.1\n"
      "nameserver\t2001:db8::53 # x\nnameserverx 2001:db8::1\nnameserver fe80::53%eth0");
  REQUIRE(file.resolvers.count == 2);
  CHECK(text(file.resolvers.addresses[0]) == "2001:db8::53");
  CHECK(text(file.resolvers.addresses[1]) == "fe80::53");
  CHECK_FALSE(file.local);
}

TEST_CASE("a resolv.conf that names this host only has the file behind it read") {
  CHECK(parseResolvConf("nameserver 127.0.0.53\noptions edns0\n").local);
  CHECK(parseResolvConf("nameserver ::1\nnameserver 127.0.0.1").local);
  CHECK_FALSE(parseResolvConf("nameserver 127.0.0.1\nnameserver 192.0.2.1").local);
  CHECK_FALSE(parseResolvConf("").local);
  char stub[] = "/tmp/platypus-resolv-XXXXXX";
  char behind[] = "/tmp/platypus-resolv-XXXXXX";
  const Descriptor first(mkstemp(stub));
  const Descriptor second(mkstemp(behind));
  const std::string_view local = "nameserver 127.0.0.53\n";
  const std::string_view links = "nameserver 2001:db8::53\n";
  REQUIRE(::write(first.fd(), local.data(), local.size()) > 0);
  REQUIRE(::write(second.fd(), links.data(), links.size()) > 0);
  CHECK(readResolvConf(stub, behind).count == 1);
  CHECK(readResolvConf(stub, "/nowhere").count == 0);
  CHECK(readResolvConf("/nowhere", behind).count == 0);
  ::unlink(stub);
  ::unlink(behind);
}

}  // namespace
}  // namespace platypus::clat
