// The resolvers of resolv.conf(5), as the last to be asked.
#pragma once

#include <array>
#include <cstddef>
#include <string_view>

#include "clat/router_advertisement.h"

namespace platypus::clat {

struct ResolverList {
  std::array<Ipv6Address, kMostResolvers> addresses{};
  size_t count = 0;

  friend bool operator==(const ResolverList&, const ResolverList&) = default;
};

/// What a resolv.conf(5) names.
struct ResolvConf {
  /// The IPv6 addresses of `nameserver` lines. Loopback is left out, as RFC 8880 §7.1 wants the
  /// network's own resolvers asked, and IPv4, as there is none without the CLAT.
  ResolverList resolvers;
  /// All that it names is a resolver on this host, which knows the network's.
  bool local = false;
};

ResolvConf parseResolvConf(std::string_view text);

/// The resolvers of a file; those of the file `behind` where it names this host only. Empty where
/// it cannot be read.
ResolverList readResolvConf(const char* path, const char* behind);

}  // namespace platypus::clat
