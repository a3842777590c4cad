// A set of IPv4 addresses given as prefixes; part of a configuration snapshot.
#pragma once

#include <algorithm>
#include <span>
#include <vector>

#include "packet/address.h"

namespace platypus {

class PrefixSet4 {
 public:
  PrefixSet4() = default;
  explicit PrefixSet4(std::span<const Ipv4Prefix> prefixes) {
    std::vector<Range> sorted;
    for (const Ipv4Prefix& prefix : prefixes) {
      const uint32_t first = prefix.address.host() & prefix.mask();
      sorted.push_back({first, first | ~prefix.mask()});
    }
    std::sort(sorted.begin(), sorted.end(),
              [](const Range& a, const Range& b) { return a.first < b.first; });
    for (const Range& range : sorted) {
      if (ranges_.empty() || range.first > ranges_.back().last) {
        ranges_.push_back(range);
      } else {
        ranges_.back().last = std::max(ranges_.back().last, range.last);
      }
    }
  }

  [[gnu::always_inline]] bool contains(Ipv4Address address) const {
    return !ranges_.empty() && search(address);
  }

 private:
  struct Range {
    uint32_t first;
    uint32_t last;
  };
  bool search(Ipv4Address address) const {
    const uint32_t host = address.host();
    const auto after =
        std::upper_bound(ranges_.begin(), ranges_.end(), host,
                         [](uint32_t value, const Range& range) { return value < range.first; });
    return after != ranges_.begin() && host <= (after - 1)->last;
  }
  std::vector<Range> ranges_;  // disjoint, ascending
};

}  // namespace platypus
