#include "clat/router_advertisement.h"

#include <algorithm>

namespace platypus::clat {
namespace {

constexpr uint8_t kTypeAdvertisement = 134;
constexpr size_t kHeaderBytes = 16;
constexpr uint8_t kOptionResolvers = 25;
constexpr uint8_t kOptionPref64 = 38;
// RFC 8781 §4: the low 3 bits of the field.
constexpr std::array<uint8_t, 6> kLengths = {96, 64, 56, 48, 40, 32};
// 64:ff9b::/96.
constexpr Ipv6Address kWellKnownPrefix{{0x00, 0x64, 0xff, 0x9b}};

uint8_t octet(std::span<const std::byte> bytes, size_t at) {
  return std::to_integer<uint8_t>(bytes[at]);
}

Ipv6Address addressAt(std::span<const std::byte> bytes, size_t at) {
  Ipv6Address address;
  std::memcpy(address.bytes.data(), bytes.data() + at, 16);
  return address;
}

// RFC 8106 §5.1: 8 octets, then an address each 16.
void addResolvers(std::span<const std::byte> option, RouterAdvertisement& result) {
  if (option.size() < 24 || option.size() % 16 != 8) return;
  const uint32_t lifetime = load<Be32>(option.data() + 4).host();
  for (size_t at = 8; at < option.size(); at += 16) {
    const Ipv6Address address = addressAt(option, at);
    if (address.isMulticast() || address.isUnspecified() || address.isLoopback()) continue;
    if (result.resolver_count == result.resolvers.size()) return;
    result.resolvers[result.resolver_count++] = {address, lifetime};
  }
}

}  // namespace

bool isUsablePrefix(const Ipv6Address& address, uint8_t length) {
  if (!Pref64::isValid(address, length)) return false;
  if (address.isMulticast() || address.isLinkLocal()) return false;
  // ::/32 has the unspecified address, loopback, IPv4-compatible and IPv4-mapped addresses.
  if (load<Be32>(address.at(0)).host() == 0) return false;
  // RFC 6052 §2.1: the well-known prefix has 96 bits, and none of the shorter ones around it.
  return length == 96 || !Pref64(address, length).contains(kWellKnownPrefix);
}

std::optional<AdvertisedPrefix> parsePref64(std::span<const std::byte> option) {
  if (option.size() != 16 || octet(option, 0) != kOptionPref64 || octet(option, 1) != 2) {
    return std::nullopt;
  }
  const uint16_t field = load<Be16>(option.data() + 2).host();
  const unsigned code = field & 7;
  if (code >= kLengths.size()) return std::nullopt;
  const uint8_t length = kLengths[code];
  Ipv6Address address;
  // RFC 8781 says nothing of bits past the length: they are no part of the prefix.
  std::memcpy(address.bytes.data(), option.data() + 4, length / 8u);
  if (!isUsablePrefix(address, length)) return std::nullopt;
  return AdvertisedPrefix{Pref64(address, length), uint32_t{field} & 0xfff8u};
}

std::optional<RouterAdvertisement> parseAdvertisement(std::span<const std::byte> message,
                                                      const Arrival& arrival) {
  if (arrival.hop_limit != 255 || !arrival.source.isLinkLocal()) return std::nullopt;
  if (message.size() < kHeaderBytes || octet(message, 0) != kTypeAdvertisement ||
      octet(message, 1) != 0) {
    return std::nullopt;
  }
  RouterAdvertisement result;
  result.router_lifetime_seconds = load<Be16>(message.data() + 6).host();
  std::span<const std::byte> rest = message.subspan(kHeaderBytes);
  while (!rest.empty()) {
    // RFC 4861 §6.1.2: an option of length 0, or one that does not fit, spoils the whole message.
    if (rest.size() < 2) return std::nullopt;
    const size_t bytes = size_t{octet(rest, 1)} * 8;
    if (bytes == 0 || bytes > rest.size()) return std::nullopt;
    const auto option = rest.first(bytes);
    rest = rest.subspan(bytes);
    switch (octet(option, 0)) {
      case kOptionPref64:
        if (const auto prefix = parsePref64(option);
            prefix && result.prefix_count < result.prefixes.size()) {
          result.prefixes[result.prefix_count++] = *prefix;
        } else {
          ++result.refused_prefixes;
        }
        break;
      case kOptionResolvers:
        addResolvers(option, result);
        break;
      default:
        break;
    }
  }
  return result;
}

}  // namespace platypus::clat
