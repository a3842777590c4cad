// The translation prefixes of a configuration; the first that contains an address wins.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "packet/address.h"
#include "siit/prefix.h"

namespace platypus {

class Pool6 {
 public:
  static constexpr size_t kMost = 8;

  /// False, and nothing added, when the pool is full.
  bool add(const Pref64& prefix) {
    if (count_ == kMost) return false;
    prefixes_[count_++] = prefix;
    return true;
  }

  struct Match {
    uint8_t index = 0;
    Ipv4Address address;
  };
  /// The prefix that `address` lies in and the IPv4 address it embeds.
  std::optional<Match> match(const Ipv6Address& address) const {
    Match match;
    return find(address, match) ? std::optional(match) : std::nullopt;
  }
  /// The same for the packet path (see Pref64::extract()).
  [[gnu::always_inline]] bool find(const Ipv6Address& address, Match& match) const {
    for (uint8_t i = 0; i < count_; ++i) {
      if (!prefixes_[i].extract(address, match.address)) continue;
      match.index = i;
      return true;
    }
    return false;
  }
  bool contains(const Ipv6Address& address) const {
    for (uint8_t i = 0; i < count_; ++i) {
      if (prefixes_[i].contains(address)) return true;
    }
    return false;
  }
  const Pref64& operator[](size_t index) const { return prefixes_[index]; }
  uint8_t size() const { return count_; }

 private:
  std::array<Pref64, kMost> prefixes_{};
  uint8_t count_ = 0;
};

}  // namespace platypus
