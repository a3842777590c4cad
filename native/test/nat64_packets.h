// Packets for tests and fuzzers of the stateful translator, put together octet by octet, and a slow
// check of what comes out. Nothing of the core's checksum or header code is used here.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "packet/address.h"

namespace platypus::test {

using Bytes = std::vector<std::byte>;

struct End6 {
  Ipv6Address address;
  uint16_t port = 0;
};
struct End4 {
  Ipv4Address address;
  uint16_t port = 0;
  friend bool operator==(const End4&, const End4&) = default;
};

constexpr Ipv4Address v4(uint8_t a, uint8_t b, uint8_t c, uint8_t d) {
  return Ipv4Address::fromHost((uint32_t{a} << 24) | (uint32_t{b} << 16) | (uint32_t{c} << 8) | d);
}
/// 2001:db8::n
constexpr Ipv6Address host6(uint8_t n) {
  return Ipv6Address{{0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, n}};
}
/// The address in 64:ff9b::/96.
inline Ipv6Address wellKnown(Ipv4Address address) {
  Ipv6Address result{{0, 0x64, 0xff, 0x9b}};
  std::memcpy(result.bytes.data() + 12, &address, 4);
  return result;
}

namespace tcp {
inline constexpr uint8_t kFin = 1, kSyn = 2, kRst = 4, kAck = 16;
}

// --- Octets --------------------------------------------------------------------------------------

inline uint32_t get8(std::span<const std::byte> bytes, size_t at) {
  return std::to_integer<uint32_t>(bytes[at]);
}
inline uint32_t get16(std::span<const std::byte> bytes, size_t at) {
  return get8(bytes, at) << 8 | get8(bytes, at + 1);
}
inline uint32_t get32(std::span<const std::byte> bytes, size_t at) {
  return get16(bytes, at) << 16 | get16(bytes, at + 2);
}
inline void set16(std::span<std::byte> bytes, size_t at, uint32_t value) {
  bytes[at] = static_cast<std::byte>(value >> 8);
  bytes[at + 1] = static_cast<std::byte>(value);
}
inline Ipv4Address address4(std::span<const std::byte> bytes, size_t at) {
  return Ipv4Address::fromHost(get32(bytes, at));
}
inline Ipv6Address address6(std::span<const std::byte> bytes, size_t at) {
  Ipv6Address result;
  std::memcpy(result.bytes.data(), bytes.data() + at, 16);
  return result;
}

/// RFC 1071 as its text says: 16-bit words, an odd last octet padded, carries folded.
inline uint16_t slowSum(std::span<const std::byte> bytes, uint32_t sum = 0) {
  for (size_t i = 0; i < bytes.size(); ++i) {
    sum += get8(bytes, i) << (i % 2 == 0 ? 8 : 0);
    sum = (sum & 0xffff) + (sum >> 16);
  }
  return static_cast<uint16_t>(sum);
}
/// The sum of a pseudo-header whose addresses are `addresses`.
inline uint16_t slowPseudo(std::span<const std::byte> addresses, size_t length, uint32_t protocol) {
  const uint32_t sum = uint32_t{slowSum(addresses)} + static_cast<uint32_t>(length) + protocol;
  return static_cast<uint16_t>((sum & 0xffff) + (sum >> 16));
}

// --- Transport: the checksum is left to ip4() and ip6() ------------------------------------------

inline Bytes tcpSegment(uint16_t source, uint16_t destination, uint8_t flags, size_t payload = 0) {
  Bytes bytes(20 + payload, std::byte{0x5a});
  for (size_t i = 0; i < 20; ++i) bytes[i] = std::byte{0};
  set16(bytes, 0, source);
  set16(bytes, 2, destination);
  bytes[12] = std::byte{0x50};
  bytes[13] = std::byte{flags};
  return bytes;
}
inline Bytes udpDatagram(uint16_t source, uint16_t destination, size_t payload = 0) {
  Bytes bytes(8 + payload, std::byte{0xa5});
  set16(bytes, 0, source);
  set16(bytes, 2, destination);
  set16(bytes, 4, static_cast<uint32_t>(bytes.size()));
  set16(bytes, 6, 0);
  return bytes;
}
/// ICMP of either family: type, code, the second word, and what follows.
inline Bytes icmpMessage(uint8_t type, uint8_t code, uint32_t field,
                         std::span<const std::byte> rest = {}) {
  Bytes bytes(8);
  bytes[0] = std::byte{type};
  bytes[1] = std::byte{code};
  set16(bytes, 4, field >> 16);
  set16(bytes, 6, field & 0xffff);
  bytes.insert(bytes.end(), rest.begin(), rest.end());
  return bytes;
}

// --- Packets -------------------------------------------------------------------------------------

inline size_t checksumAt(uint8_t protocol) {
  return protocol == 6 ? 16 : protocol == 17 ? 6 : 2;
}

inline Bytes ip6(const Ipv6Address& source, const Ipv6Address& destination, uint8_t protocol,
                 Bytes payload, uint8_t hopLimit = 64) {
  Bytes bytes(40);
  bytes[0] = std::byte{0x60};
  set16(bytes, 4, static_cast<uint32_t>(payload.size()));
  bytes[6] = std::byte{protocol};
  bytes[7] = std::byte{hopLimit};
  std::memcpy(bytes.data() + 8, source.bytes.data(), 16);
  std::memcpy(bytes.data() + 24, destination.bytes.data(), 16);
  const uint16_t pseudo = slowPseudo(std::span(bytes).subspan(8, 32), payload.size(), protocol);
  set16(payload, checksumAt(protocol), static_cast<uint16_t>(~slowSum(payload, pseudo)));
  bytes.insert(bytes.end(), payload.begin(), payload.end());
  return bytes;
}

inline Bytes ip4(Ipv4Address source, Ipv4Address destination, uint8_t protocol, Bytes payload,
                 uint8_t ttl = 64, bool dontFragment = false) {
  Bytes bytes(20);
  bytes[0] = std::byte{0x45};
  set16(bytes, 2, static_cast<uint32_t>(20 + payload.size()));
  set16(bytes, 4, 0x1234);
  if (dontFragment) set16(bytes, 6, 0x4000);
  bytes[8] = std::byte{ttl};
  bytes[9] = std::byte{protocol};
  std::memcpy(bytes.data() + 12, &source, 4);
  std::memcpy(bytes.data() + 16, &destination, 4);
  set16(bytes, 10, static_cast<uint16_t>(~slowSum(bytes)));
  const uint16_t pseudo =
      protocol == 1 ? uint16_t{0}
                    : slowPseudo(std::span(bytes).subspan(12, 8), payload.size(), protocol);
  set16(payload, checksumAt(protocol), static_cast<uint16_t>(~slowSum(payload, pseudo)));
  bytes.insert(bytes.end(), payload.begin(), payload.end());
  return bytes;
}

/// A piece [from, from + length) of the payload of `whole`, as a fragment of it.
inline Bytes fragmentOf(const Bytes& whole, size_t from, size_t length, uint16_t identification) {
  const bool v6 = get8(whole, 0) == 0x60;
  const size_t header = v6 ? 40 : 20;
  const size_t total = whole.size() - header;
  const size_t end = from + length < total ? from + length : total;
  const bool more = end < total;
  Bytes bytes(whole.begin(), whole.begin() + static_cast<ptrdiff_t>(header));
  if (v6) {
    bytes.resize(48);
    bytes[40] = bytes[6];
    bytes[6] = std::byte{44};
    set16(bytes, 42, static_cast<uint32_t>(from) | (more ? 1 : 0));
    set16(bytes, 46, identification);
    set16(bytes, 4, static_cast<uint32_t>(8 + end - from));
  } else {
    set16(bytes, 2, static_cast<uint32_t>(20 + end - from));
    set16(bytes, 4, identification);
    set16(bytes, 6, static_cast<uint32_t>(from / 8) | (more ? 0x2000 : 0));
    set16(bytes, 10, 0);
    set16(bytes, 10, static_cast<uint16_t>(~slowSum(bytes)));
  }
  const auto payload = whole.begin() + static_cast<ptrdiff_t>(header);
  bytes.insert(bytes.end(), payload + static_cast<ptrdiff_t>(from),
               payload + static_cast<ptrdiff_t>(end));
  return bytes;
}

// --- What came out -------------------------------------------------------------------------------

/// A translated packet as its receiver sees it.
struct Seen {
  bool sound = false;  // lengths fit and every checksum verifies
  uint32_t version = 0;
  uint32_t protocol = 0;  // of the transport
  bool fragment = false;
  Ipv4Address source4, destination4;
  Ipv6Address source6, destination6;
  uint32_t hop_limit = 0;
  std::span<const std::byte> payload;  // from the transport header on

  uint32_t type() const { return get8(payload, 0); }
  uint32_t code() const { return get8(payload, 1); }
  uint16_t sourcePort() const { return static_cast<uint16_t>(get16(payload, 0)); }
  uint16_t destinationPort() const { return static_cast<uint16_t>(get16(payload, 2)); }
  uint16_t identifier() const { return static_cast<uint16_t>(get16(payload, 4)); }
};

inline Seen look(std::span<const std::byte> packet) {
  Seen seen;
  if (packet.size() < 20) return seen;
  seen.version = get8(packet, 0) >> 4;
  size_t header = 20;
  uint16_t pseudo = 0;
  if (seen.version == 4) {
    if (get8(packet, 0) != 0x45 || get16(packet, 2) != packet.size()) return seen;
    if (slowSum(packet.first(20)) != 0xffff) return seen;
    seen.protocol = get8(packet, 9);
    seen.hop_limit = get8(packet, 8);
    seen.fragment = (get16(packet, 6) & 0x3fff) != 0;
    seen.source4 = address4(packet, 12);
    seen.destination4 = address4(packet, 16);
    if (seen.protocol != 1) {
      pseudo = slowPseudo(packet.subspan(12, 8), packet.size() - 20, seen.protocol);
    }
  } else {
    header = 40;
    if (seen.version != 6 || packet.size() < 40 || get16(packet, 4) + 40 != packet.size()) {
      return seen;
    }
    seen.protocol = get8(packet, 6);
    seen.hop_limit = get8(packet, 7);
    seen.source6 = address6(packet, 8);
    seen.destination6 = address6(packet, 24);
    if (seen.protocol == 44) {
      if (packet.size() < 48) return seen;
      seen.protocol = get8(packet, 40);
      seen.fragment = true;
      header = 48;
    }
    pseudo = slowPseudo(packet.subspan(8, 32), packet.size() - 40, seen.protocol);
  }
  seen.payload = packet.subspan(header);
  if (seen.fragment) {
    seen.sound = true;
    return seen;
  }
  const uint32_t least = seen.protocol == 6 ? 20 : 8;
  if (seen.payload.size() < least) return seen;
  if (seen.protocol == 17 && get16(seen.payload, 6) == 0) return seen;
  seen.sound = slowSum(seen.payload, pseudo) == 0xffff;
  return seen;
}

}  // namespace platypus::test
