// What the AAAA records of ipv4only.arpa say about the prefix of the network's NAT64 (RFC 7050 §3).
#pragma once

#include <array>
#include <cstddef>
#include <span>

#include "clat/router_advertisement.h"

namespace platypus::clat {

struct PrefixList {
  std::array<Pref64, kMostPrefixes> prefixes;
  size_t count = 0;

  std::span<const Pref64> all() const { return {prefixes.data(), count}; }
  bool contains(const Pref64& prefix) const;
  /// Adds it at the end, unless it is there or there is no room.
  void add(const Pref64& prefix);
};

/// True for the same prefix.
bool same(const Pref64& a, const Pref64& b);

/// The prefixes in the order of the records. Looks for 192.0.0.170 and 192.0.0.171 at the six
/// places of RFC 6052 §2.2. A record where they stand at several of these settles nothing by itself
/// (RFC 7050 §3): its prefixes count where the records have both addresses inside them.
PrefixList findPrefixes(std::span<const Ipv6Address> records);

}  // namespace platypus::clat
