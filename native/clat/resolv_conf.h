// The resolvers of resolv.conf(5), as the last to be asked.
#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <string_view>

#include "clat/router_advertisement.h"

namespace platypus::clat {

struct ResolverList {
  std::array<Ipv6Address, kMostResolvers> addresses{};
  size_t count = 0;

  std::span<const Ipv6Address> all() const { return {addresses.data(), count}; }
};

/// The IPv6 addresses of `nameserver` lines. Loopback is left out, as RFC 8880 §7.1 wants the
/// network's own resolvers asked, and IPv4, as there is none without the CLAT.
ResolverList parseResolvConf(std::string_view text);

/// The same of a file; empty where it cannot be read.
ResolverList readResolvConf(const char* path);

}  // namespace platypus::clat
