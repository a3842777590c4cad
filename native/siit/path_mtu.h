// IPv4 paths narrower than any IPv6 path may be (1280 bytes): remembered per destination, so that
// the translator fragments what it sends there. An IPv6 host told of such an MTU goes on with 1280
// (RFC 8200 §5), which the translator cannot pass on to a router that does not fragment.
//
// Anybody can send "fragmentation needed", so the table is bounded, forgets after ten minutes
// (RFC 1191 §6.3) and believes no less than 552 bytes; smaller paths are left to IPv4 routers,
// which fragment what has no DF.
//
// Ownership: one worker.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <vector>

#include "packet/address.h"
#include "siit/mtu.h"

namespace platypus {

class PathMtus {
 public:
  static constexpr uint16_t kLeast = 552;
  static constexpr uint32_t kLifetimeTicks = 6000;

  /// `capacity` is rounded up to a power of two, at least one bucket; `secret` keeps strangers from
  /// choosing addresses that share a bucket.
  PathMtus(uint32_t capacity, uint64_t secret)
      : entries_(std::bit_ceil(std::max<uint32_t>(capacity, kWays))), secret_(secret) {}

  /// The MTU to keep to on the way to `destination`: `mtu`, or less where less is known.
  uint16_t limit(Ipv4Address destination, uint16_t mtu) const {
    if (used_ == 0) return mtu;
    return std::min(mtu, find(destination));
  }

  /// Remembers what a router said of the path to `destination`, at `now` (ticks of 100 ms). False
  /// for MTUs that IPv6 hosts can be told of, and for what was known.
  bool learn(Ipv4Address destination, uint32_t mtu, uint32_t now) {
    if (mtu >= kLargestWithoutDf) return false;
    const auto believed = static_cast<uint16_t>(std::max<uint32_t>(mtu, kLeast));
    Entry* const bucket = &entries_[bucketOf(destination)];
    Entry* oldest = bucket;
    for (Entry* entry = bucket; entry != bucket + kWays; ++entry) {
      if (entry->mtu != 0 && entry->destination == destination) {
        const uint16_t known = isOld(*entry) ? uint16_t{0xffff} : entry->mtu;
        const bool news = believed < known;
        entry->mtu = std::min(known, believed);
        entry->since = now;
        if (news) learned_ = *entry;
        return news;
      }
      if (oldest->mtu != 0 && (entry->mtu == 0 || now - entry->since > now - oldest->since)) {
        oldest = entry;
      }
    }
    if (oldest->mtu == 0) ++used_;
    *oldest = {destination, believed, now};
    learned_ = *oldest;
    return true;
  }

  struct Learned {
    Ipv4Address destination;
    uint16_t mtu = 0;  // 0: nothing
  };
  /// What learn() was told last and did not know, once: for the other workers.
  Learned takeLearned() {
    const Learned learned{learned_.destination, learned_.mtu};
    learned_.mtu = 0;
    return learned;
  }

  /// Lets time pass: what is old counts no longer, and a bounded part of the table is freed of it.
  void expire(uint32_t now) {
    now_ = now;
    if (used_ == 0) return;
    for (uint32_t i = 0; i < kSweep; ++i) {
      Entry& entry = entries_[sweep_];
      sweep_ = (sweep_ + 1) & (static_cast<uint32_t>(entries_.size()) - 1);
      if (entry.mtu == 0 || !isOld(entry)) continue;
      entry = {};
      --used_;
    }
  }

  uint32_t used() const { return used_; }
  size_t bytes() const { return entries_.size() * sizeof(Entry); }

 private:
  static constexpr uint32_t kWays = 4;
  static constexpr uint32_t kSweep = 16;
  struct Entry {
    Ipv4Address destination;
    uint16_t mtu = 0;  // 0: free
    uint32_t since = 0;
  };

  /// Entries may be younger than the last expire().
  bool isOld(const Entry& entry) const {
    return static_cast<int32_t>(now_ - entry.since) > static_cast<int32_t>(kLifetimeTicks);
  }
  size_t bucketOf(Ipv4Address destination) const {
    const uint64_t hash = (destination.value.wire() ^ secret_) * 0x9e3779b97f4a7c15u;
    return ((hash ^ (hash >> 32)) & (entries_.size() - 1)) & ~size_t{kWays - 1};
  }
  uint16_t find(Ipv4Address destination) const {
    const Entry* const bucket = &entries_[bucketOf(destination)];
    for (const Entry* entry = bucket; entry != bucket + kWays; ++entry) {
      if (entry->mtu != 0 && entry->destination == destination && !isOld(*entry)) {
        return entry->mtu;
      }
    }
    return 0xffff;
  }

  std::vector<Entry> entries_;
  Entry learned_;
  uint64_t secret_;
  uint32_t now_ = 0;
  uint32_t used_ = 0;
  uint32_t sweep_ = 0;
};

}  // namespace platypus
