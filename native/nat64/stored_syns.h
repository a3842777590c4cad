// SYNs from the IPv4 side that wait six seconds for a SYN from the IPv6 side (RFC 6146 §3.5.2.2,
// RFC 5382 REQ-4): as much of each as an ICMP error has to quote.
//
// Ownership: one worker.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <span>

#include "nat64/record_pool.h"

namespace platypus {

struct StoredSyn {
  uint32_t link;
  uint32_t length;
  std::byte bytes[120];  // the longest IPv4 header and the longest TCP header
};

class StoredSyns {
 public:
  static constexpr uint32_t kNone = 0xffffffff;

  explicit StoredSyns(uint32_t capacity) : records_(std::min<uint32_t>(capacity, 65'535)) {}
  bool ok() const { return records_.ok(); }
  size_t bytes() const { return records_.bytes(); }
  uint32_t used() const { return records_.used(); }

  /// kNone when all are in use.
  uint32_t keep(std::span<const std::byte> packet) {
    const uint32_t number = records_.take();
    if (number == kNone) return kNone;
    StoredSyn& syn = records_[number];
    syn.length = static_cast<uint32_t>(std::min(packet.size(), sizeof syn.bytes));
    std::memcpy(syn.bytes, packet.data(), syn.length);
    return number;
  }
  std::span<const std::byte> at(uint32_t number) const {
    return {records_[number].bytes, records_[number].length};
  }
  void discard(uint32_t number) { records_.give(number); }

 private:
  RecordPool<StoredSyn, &StoredSyn::link> records_;
};

}  // namespace platypus
