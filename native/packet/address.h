// IPv4 and IPv6 addresses and prefixes as values. Bytes are kept in wire order.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>

#include "packet/byte_order.h"

namespace platypus {

/// An IPv4 address; compares and hashes by its wire bytes.
struct Ipv4Address {
  Be32 value;

  static constexpr Ipv4Address fromHost(uint32_t host) { return {Be32(host)}; }
  constexpr uint32_t host() const { return value.host(); }
  friend constexpr bool operator==(Ipv4Address, Ipv4Address) = default;
};

/// An IPv6 address: 16 bytes in wire order.
struct Ipv6Address {
  std::array<uint8_t, 16> bytes{};

  uint64_t high() const {
    uint64_t word;
    std::memcpy(&word, bytes.data(), 8);
    return word;
  }
  uint64_t low() const {
    uint64_t word;
    std::memcpy(&word, bytes.data() + 8, 8);
    return word;
  }
  friend bool operator==(const Ipv6Address& a, const Ipv6Address& b) {
    return a.high() == b.high() && a.low() == b.low();
  }
  constexpr bool isMulticast() const { return bytes[0] == 0xff; }
  constexpr bool isLinkLocal() const { return bytes[0] == 0xfe && (bytes[1] & 0xc0) == 0x80; }
  bool isUnspecified() const { return (high() | low()) == 0; }
  bool isLoopback() const {
    return high() == 0 && load<Be32>(at(8)).host() == 0 && load<Be32>(at(12)).host() == 1;
  }
  const std::byte* at(size_t index) const {
    return reinterpret_cast<const std::byte*>(bytes.data() + index);
  }
};

/// An IPv4 prefix; `length` in bits, 0..32. Bits past the length are ignored by contains().
struct Ipv4Prefix {
  Ipv4Address address;
  uint8_t length = 32;

  constexpr uint32_t mask() const { return length == 0 ? 0 : ~uint32_t{0} << (32 - length); }
  constexpr bool contains(Ipv4Address candidate) const {
    return ((candidate.host() ^ address.host()) & mask()) == 0;
  }
};

/// An IPv6 prefix; `length` in bits, 0..128. Bits past the length are ignored by contains().
struct Ipv6Prefix {
  Ipv6Address address;
  uint8_t length = 128;
  bool contains(const Ipv6Address& candidate) const {
    for (unsigned bit = 0; bit < length; bit += 8) {
      const unsigned bits = length - bit < 8 ? length - bit : 8;
      const auto differ = static_cast<uint8_t>(candidate.bytes[bit / 8] ^ address.bytes[bit / 8]);
      if ((differ >> (8 - bits)) != 0) return false;
    }
    return true;
  }
};

}  // namespace platypus
