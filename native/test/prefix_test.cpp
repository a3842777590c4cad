#include "siit/prefix.h"

#include "siit/pool6.h"
#include "test/siit_packets.h"
#include "test/test.h"

namespace platypus::test {
namespace {

std::string text(const Ipv6Address& address) {
  char buffer[INET6_ADDRSTRLEN];
  return inet_ntop(AF_INET6, address.bytes.data(), buffer, sizeof buffer);
}
std::string embedded(const char* prefix, uint8_t length) {
  return text(Pref64(v6(prefix), length).embed(v4("192.0.2.33")));
}
bool extracts(const char* prefix, uint8_t length, const char* address) {
  return Pref64(v6(prefix), length).extract(v6(address)) == v4("192.0.2.33");
}

// RFC 6052 §2.4, table 1.
TEST_CASE("SIIT-ADDR-03 /32: the IPv4 address stands in bits 32..63") {
  CHECK(embedded("2001:db8::", 32) == "2001:db8:c000:221::");
  CHECK(extracts("2001:db8::", 32, "2001:db8:c000:221::"));
}
TEST_CASE("SIIT-ADDR-04 /40: 24 bits, octet u, 8 bits") {
  CHECK(embedded("2001:db8:100::", 40) == "2001:db8:1c0:2:21::");
  CHECK(extracts("2001:db8:100::", 40, "2001:db8:1c0:2:21::"));
}
TEST_CASE("SIIT-ADDR-05 /48: 16 bits, octet u, 16 bits") {
  CHECK(embedded("2001:db8:122::", 48) == "2001:db8:122:c000:2:2100::");
  CHECK(extracts("2001:db8:122::", 48, "2001:db8:122:c000:2:2100::"));
}
TEST_CASE("SIIT-ADDR-06 /56: 8 bits, octet u, 24 bits") {
  CHECK(embedded("2001:db8:122:300::", 56) == "2001:db8:122:3c0:0:221::");
  CHECK(extracts("2001:db8:122:300::", 56, "2001:db8:122:3c0:0:221::"));
}
TEST_CASE("SIIT-ADDR-07 /64: octet u, then 32 bits") {
  CHECK(embedded("2001:db8:122:344::", 64) == "2001:db8:122:344:c0:2:2100:0");
  CHECK(extracts("2001:db8:122:344::", 64, "2001:db8:122:344:c0:2:2100:0"));
}
TEST_CASE("SIIT-ADDR-08 /96: the last 32 bits") {
  CHECK(embedded("2001:db8:122:344::", 96) == "2001:db8:122:344::c000:221");
  CHECK(extracts("2001:db8:122:344::", 96, "2001:db8:122:344::c000:221"));
}

TEST_CASE("SIIT-ADDR-01 only the six lengths are prefixes") {
  for (int length = 0; length <= 128; ++length) {
    const bool valid = length == 32 || length == 40 || length == 48 || length == 56 ||
                       length == 64 || length == 96;
    CAPTURE(length);
    CHECK(Pref64::isValid(v6("2001:db8::"), static_cast<uint8_t>(length)) == valid);
  }
}

TEST_CASE("SIIT-ADDR-02 a /96 whose octet u is not zero is refused") {
  CHECK_FALSE(Pref64::isValid(v6("2001:db8:122:344:100::"), 96));
  CHECK(Pref64::isValid(v6("2001:db8:122:344:1::"), 96));
}

TEST_CASE("SIIT-ADDR-02 octet u is zero in every embedded address") {
  for (const uint8_t length : Octets{32, 40, 48, 56, 64, 96}) {
    CAPTURE(length);
    CHECK(Pref64(v6("2001:db8::"), length).embed(v4("255.255.255.255")).bytes[8] == 0);
  }
}

TEST_CASE("SIIT-ADDR-09 the suffix is written as zero") {
  // Bits past the length are not the prefix's.
  CHECK(text(Pref64(v6("2001:db8:ffff:ffff:ffff:ffff:ffff:ffff"), 32).embed(v4("192.0.2.33"))) ==
        "2001:db8:c000:221::");
}

TEST_CASE("SIIT-ADDR-10 the suffix is ignored when an address is taken out") {
  CHECK(extracts("2001:db8::", 32, "2001:db8:c000:221::ab"));
  CHECK(extracts("2001:db8:100::", 40, "2001:db8:1c0:2:21::ab"));
  CHECK(extracts("2001:db8:122::", 48, "2001:db8:122:c000:2:2100:0:ab"));
  CHECK(extracts("2001:db8:122:300::", 56, "2001:db8:122:3c0:0:221:0:ab"));
  CHECK(extracts("2001:db8:122:344::", 64, "2001:db8:122:344:c0:2:2100:ab"));
}

TEST_CASE("SIIT-ADDR-11 an address whose octet u is not zero is in no prefix") {
  Pool6 pool6;
  pool6.add(Pref64(v6("2001:db8::"), 32));
  CHECK_FALSE(pool6.match(v6("2001:db8:c000:221:ff00::")));
  CHECK(pool6.match(v6("2001:db8:c000:221::"))->address == v4("192.0.2.33"));
}

TEST_CASE("SIIT-ADDR-12 the well-known prefix is 64:ff9b::/96 and nothing else") {
  CHECK(Pref64(v6("64:ff9b::"), 96).isWellKnown());
  CHECK_FALSE(Pref64(v6("64:ff9b::"), 64).isWellKnown());
  CHECK_FALSE(Pref64(v6("64:ff9b:1::"), 96).isWellKnown());
  CHECK_FALSE(Pref64(v6("64:ff9b:0:0:1::"), 96).isWellKnown());
}

TEST_CASE("SIIT-ADDR-13 the first and last address of every block that is not global") {
  constexpr const char* kBlocks[][2] = {
      {"0.0.0.0", "0.255.255.255"},       {"10.0.0.0", "10.255.255.255"},
      {"100.64.0.0", "100.127.255.255"},  {"127.0.0.0", "127.255.255.255"},
      {"169.254.0.0", "169.254.255.255"}, {"172.16.0.0", "172.31.255.255"},
      {"192.0.0.0", "192.0.0.255"},       {"192.0.2.0", "192.0.2.255"},
      {"192.88.99.0", "192.88.99.255"},   {"192.168.0.0", "192.168.255.255"},
      {"198.18.0.0", "198.19.255.255"},   {"198.51.100.0", "198.51.100.255"},
      {"203.0.113.0", "203.0.113.255"},   {"224.0.0.0", "255.255.255.255"},
  };
  for (const auto& block : kBlocks) {
    const char* first = block[0];
    CAPTURE(first);
    CHECK(isNonGlobal(v4(first)));
    CHECK(isNonGlobal(v4(block[1])));
  }
}

TEST_CASE("SIIT-ADDR-13 the neighbours of these blocks are global") {
  for (const char* address :
       {"1.0.0.0",         "9.255.255.255", "11.0.0.0",        "100.63.255.255",  "100.128.0.0",
        "126.255.255.255", "128.0.0.0",     "169.253.255.255", "169.255.0.0",     "172.15.255.255",
        "172.32.0.0",      "192.0.1.0",     "192.0.3.0",       "192.88.98.255",   "192.88.100.0",
        "192.167.255.255", "192.169.0.0",   "198.17.255.255",  "198.20.0.0",      "198.51.99.255",
        "198.51.101.0",    "203.0.112.255", "203.0.114.0",     "223.255.255.255", "8.8.8.8"}) {
    CAPTURE(address);
    CHECK_FALSE(isNonGlobal(v4(address)));
  }
}

TEST_CASE("SIIT-ADDR-16 64:ff9b:1::1 is an ordinary address where nobody configured it") {
  Pool6 pool6;
  pool6.add(Pref64(v6("64:ff9b::"), 96));
  CHECK_FALSE(pool6.match(v6("64:ff9b:1::1")));
}

TEST_CASE("SIIT-ADDR-24 only unicast destinations are mapped") {
  for (const char* address :
       {"224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255", "0.0.0.0", "127.0.0.1"}) {
    CAPTURE(address);
    CHECK_FALSE(isUnicastDestination(v4(address)));
  }
  CHECK(isUnicastDestination(v4("223.255.255.255")));
}

TEST_CASE("pool6: the first prefix that has an address wins, and eight are the most") {
  Pool6 pool6;
  CHECK(pool6.add(Pref64(v6("2001:db8::"), 32)));
  CHECK(pool6.add(Pref64(v6("2001:db8:64::"), 96)));
  const auto match = pool6.match(v6("2001:db8:64::c000:221"));
  REQUIRE(match);
  CHECK(match->index == 0);
  CHECK(match->address == v4("0.100.0.0"));
  for (int i = 2; i < 8; ++i) CHECK(pool6.add(Pref64(v6("2001:db9::"), 32)));
  CHECK_FALSE(pool6.add(Pref64(v6("2001:db9::"), 32)));
  CHECK(pool6.size() == 8);
}

}  // namespace
}  // namespace platypus::test
