// Router advertisements, RFC 4861 §4.2, as far as a CLAT reads them: PREF64 (RFC 8781), resolvers
// (RFC 8106) and the router's lifetime. Pure: the socket is icmp6_socket.h.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "siit/prefix.h"

namespace platypus::clat {

/// Most prefixes of one kind that anything in this folder remembers.
inline constexpr size_t kMostPrefixes = 8;
/// Of these one router's.
inline constexpr size_t kMostOfRouter = 4;
inline constexpr size_t kMostResolvers = 4;

/// One PREF64 option. A lifetime of 0 takes the prefix back.
struct AdvertisedPrefix {
  Pref64 prefix;
  uint32_t lifetime_seconds = 0;
};

struct AdvertisedResolver {
  Ipv6Address address;
  uint32_t lifetime_seconds = 0;
};

struct RouterAdvertisement {
  uint16_t router_lifetime_seconds = 0;
  /// In the order of the options; what does not fit is left out.
  std::array<AdvertisedPrefix, kMostPrefixes> prefixes;
  size_t prefix_count = 0;
  std::array<AdvertisedResolver, kMostResolvers> resolvers;
  size_t resolver_count = 0;
  /// PREF64 options that RFC 8781 §4 has receivers ignore.
  size_t refused_prefixes = 0;
};

/// What came with a message, for the checks of RFC 4861 §6.1.2.
struct Arrival {
  Ipv6Address source;
  /// Hop limit as it arrived.
  int hop_limit = 0;
};

/// Takes an ICMPv6 message apart; nothing where RFC 4861 §6.1.2 has hosts drop it silently. Its
/// checksum is the kernel's, which has looked at it before a raw socket gets the message.
std::optional<RouterAdvertisement> parseAdvertisement(std::span<const std::byte> message,
                                                      const Arrival& arrival);

/// One PREF64 option, its type and length included; nothing where receivers ignore it: another
/// length than 2, a reserved prefix length code, or a prefix that cannot stand for IPv4.
std::optional<AdvertisedPrefix> parsePref64(std::span<const std::byte> option);

/// True for a prefix that a translator may use: one of the six lengths, octet u zero, and neither
/// multicast, link-local, loopback nor one of the blocks that embed IPv4 for other purposes, nor
/// one that has the well-known prefix inside. The configuration takes all
/// of these (`pool6Prefix` in src/config/fields.ts), so that no network stops a translator.
bool isUsablePrefix(const Ipv6Address& address, uint8_t length);

}  // namespace platypus::clat
