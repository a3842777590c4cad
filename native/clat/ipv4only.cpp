#include "clat/ipv4only.h"

#include <algorithm>
#include <optional>

namespace platypus::clat {
namespace {

constexpr std::array<uint8_t, 6> kLengths = {96, 64, 56, 48, 40, 32};
constexpr std::array<Ipv4Address, 2> kWellKnown = {Ipv4Address::fromHost(0xc00000aa),
                                                   Ipv4Address::fromHost(0xc00000ab)};

// The prefix of `length` with which `record` would stand for `ipv4`; nothing when it does not.
std::optional<Pref64> prefixAt(const Ipv6Address& record, uint8_t length, Ipv4Address ipv4) {
  if (!isUsablePrefix(record, length)) return std::nullopt;
  const Pref64 prefix(record, length);
  return prefix.extract(record) == ipv4 ? std::optional(prefix) : std::nullopt;
}

// At how many places of a record either well-known address stands.
size_t placesIn(const Ipv6Address& record) {
  size_t places = 0;
  for (const uint8_t length : kLengths) {
    for (const Ipv4Address ipv4 : kWellKnown) places += prefixAt(record, length, ipv4) ? 1 : 0;
  }
  return places;
}

// True when the records hold both well-known addresses inside the prefix.
bool confirmed(const Pref64& prefix, std::span<const Ipv6Address> records) {
  return std::all_of(kWellKnown.begin(), kWellKnown.end(), [&](Ipv4Address ipv4) {
    return std::any_of(records.begin(), records.end(),
                       [&](const Ipv6Address& record) { return prefix.extract(record) == ipv4; });
  });
}

}  // namespace

bool same(const Pref64& a, const Pref64& b) {
  return a.length() == b.length() && a.address() == b.address();
}

bool PrefixList::contains(const Pref64& prefix) const {
  return std::any_of(prefixes.begin(), prefixes.begin() + static_cast<ptrdiff_t>(count),
                     [&](const Pref64& other) { return same(other, prefix); });
}

void PrefixList::add(const Pref64& prefix) {
  if (count < prefixes.size() && !contains(prefix)) prefixes[count++] = prefix;
}

PrefixList findPrefixes(std::span<const Ipv6Address> records) {
  PrefixList list;
  for (const Ipv6Address& record : records) {
    const bool certain = placesIn(record) == 1;
    for (const uint8_t length : kLengths) {
      for (const Ipv4Address ipv4 : kWellKnown) {
        const auto prefix = prefixAt(record, length, ipv4);
        if (prefix && (certain || confirmed(*prefix, records))) list.add(*prefix);
      }
    }
  }
  return list;
}

}  // namespace platypus::clat
