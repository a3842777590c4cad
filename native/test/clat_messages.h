// Messages for the tests of native/clat, made of literal octets.
#pragma once

#include <arpa/inet.h>

#include <string>
#include <string_view>

#include "clat/instance.h"
#include "test/hex.h"

namespace platypus::test {

inline Ipv6Address ip6(const char* text) {
  Ipv6Address address;
  inet_pton(AF_INET6, text, address.bytes.data());
  return address;
}

inline std::string text(const Ipv6Address& address) {
  char buffer[INET6_ADDRSTRLEN];
  return inet_ntop(AF_INET6, address.bytes.data(), buffer, sizeof buffer);
}

inline std::string text(const Pref64& prefix) {
  return text(prefix.address()) + "/" + std::to_string(prefix.length());
}

inline std::string text(const clat::PrefixList& list) {
  std::string all;
  for (const Pref64& prefix : list.all()) all += (all.empty() ? "" : " ") + text(prefix);
  return all;
}

/// fe80::1 with hop limit 255.
inline clat::Arrival fromRouter(const char* router = "fe80::1", int hop_limit = 255) {
  return {.source = ip6(router), .hop_limit = hop_limit};
}

/// A router advertisement with router lifetime 1800 and these options, in hex.
inline Bytes advertisement(std::string_view options) {
  return fromHex("86000000 40000708 00000000 00000000" + std::string(options));
}

/// PREF64 64:ff9b::/96 and 2001:db8:64::/96 for 600 s (75 units of 8 s: 0x0258).
constexpr std::string_view kWellKnown600 = "26020258 0064ff9b 00000000 00000000";
constexpr std::string_view kOwn600 = "26020258 20010db8 00640000 00000000";
constexpr std::string_view kWellKnown0 = "26020000 0064ff9b 00000000 00000000";
constexpr std::string_view kOwn0 = "26020000 20010db8 00640000 00000000";
/// RDNSS fe80::53 for 600 s.
constexpr std::string_view kResolver600 = "19030000 00000258 fe800000 00000000 00000000 00000053";

/// The question's octets after the header.
constexpr std::string_view kQuestionTail = "08697076346f6e6c79 0461727061 00 001c 0001";

/// An answer with `flags` (QR set), AAAA records (32 digits each) of `ttl` seconds.
inline Bytes dnsAnswer(uint16_t id, std::initializer_list<std::string_view> records, uint32_t ttl,
                       std::string_view flags = "8180") {
  char head[32];
  std::snprintf(head, sizeof head, "%04x", id);
  char count[8];
  std::snprintf(count, sizeof count, "%04zx", records.size());
  std::string hex = std::string(head) + std::string(flags) + "0001" + count + "00000000" +
                    std::string(kQuestionTail);
  for (const std::string_view record : records) {
    char middle[40];
    std::snprintf(middle, sizeof middle, "c00c001c0001%08x0010", ttl);
    hex += std::string(middle) + std::string(record);
  }
  return fromHex(hex);
}

/// NODATA with an SOA of `ttl` and minimum `minimum`.
inline Bytes dnsNoData(uint16_t id, uint32_t ttl, uint32_t minimum) {
  char hex[200];
  std::snprintf(hex, sizeof hex, "%04x8180 0001 0000 0001 0000", id);
  std::string all = std::string(hex) + std::string(kQuestionTail);
  std::snprintf(hex, sizeof hex,
                "c015 0006 0001 %08x 0016 00 00 00000001 00000002 00000003 00000004 %08x", ttl,
                minimum);
  return fromHex(all + hex);
}

}  // namespace platypus::test
