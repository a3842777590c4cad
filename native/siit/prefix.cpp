#include "siit/prefix.h"

#include <bit>

namespace platypus {
namespace {

uint64_t wireMask(unsigned bits) {
  if (bits == 0) return 0;
  uint64_t mask = ~uint64_t{0} << (64 - bits);
  if constexpr (std::endian::native == std::endian::little) mask = __builtin_bswap64(mask);
  return mask;
}

/// Where the four IPv4 octets stand, by prefix length (RFC 6052 §2.2); octet 8 is u.
constexpr uint8_t kPositions[5][4] = {
    {4, 5, 6, 7}, {5, 6, 7, 9}, {6, 7, 9, 10}, {7, 9, 10, 11}, {9, 10, 11, 12}};

constexpr const uint8_t* positions(uint8_t length) {
  return kPositions[(length - 32) / 8];
}

constexpr Ipv4Prefix prefix4(uint8_t a, uint8_t b, uint8_t c, uint8_t length) {
  return {Ipv4Address::fromHost((uint32_t{a} << 24) | (uint32_t{b} << 16) | (uint32_t{c} << 8)),
          length};
}

constexpr Ipv4Prefix kNonGlobal[] = {
    prefix4(0, 0, 0, 8),      prefix4(10, 0, 0, 8),     prefix4(100, 64, 0, 10),
    prefix4(127, 0, 0, 8),    prefix4(169, 254, 0, 16), prefix4(172, 16, 0, 12),
    prefix4(192, 0, 0, 24),   prefix4(192, 0, 2, 24),   prefix4(192, 88, 99, 24),
    prefix4(192, 168, 0, 16), prefix4(198, 18, 0, 15),  prefix4(198, 51, 100, 24),
    prefix4(203, 0, 113, 24), prefix4(224, 0, 0, 4),    prefix4(240, 0, 0, 4),
};

}  // namespace

Pref64::Pref64(const Ipv6Address& prefix, uint8_t length) : prefix_(prefix), length_(length) {
  high_mask_ = wireMask(length < 64 ? length : 64);
  low_mask_ = length > 64 ? wireMask(length - 64u) : 0;
  for (size_t i = length / 8; i < 16; ++i) prefix_.bytes[i] = 0;
  constexpr Ipv6Address kWellKnown{{0x00, 0x64, 0xff, 0x9b}};
  well_known_ = length == 96 && prefix_ == kWellKnown;
}

bool Pref64::isValid(const Ipv6Address& prefix, uint8_t length) {
  const bool known = length == 96 || (length >= 32 && length <= 64 && length % 8 == 0);
  return known && (length <= 64 || prefix.bytes[8] == 0);
}

Ipv6Address Pref64::embedShort(Ipv4Address ipv4) const {
  Ipv6Address result = prefix_;
  const uint8_t* at = positions(length_);
  uint8_t octets[4];
  std::memcpy(octets, &ipv4, 4);
  for (int i = 0; i < 4; ++i) result.bytes[at[i]] = octets[i];
  return result;
}

bool Pref64::extractShort(const Ipv6Address& ipv6, Ipv4Address& ipv4) const {
  if (ipv6.bytes[8] != 0) return false;
  const uint8_t* at = positions(length_);
  uint8_t octets[4];
  for (int i = 0; i < 4; ++i) octets[i] = ipv6.bytes[at[i]];
  std::memcpy(&ipv4, octets, 4);
  return true;
}

bool isNonGlobal(Ipv4Address address) {
  for (const Ipv4Prefix& prefix : kNonGlobal) {
    if (prefix.contains(address)) return true;
  }
  return false;
}

}  // namespace platypus
