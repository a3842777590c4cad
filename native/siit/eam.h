// Explicit address mappings (RFC 7757): pairs of an IPv4 and an IPv6 prefix.
//
// A table is never changed. Who edits it builds another from it, on any thread, and hands it to the
// workers with the next configuration.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>

#include "packet/address.h"
#include "siit/prefix_table.h"

namespace platypus {

struct EamEntry {
  Ipv4Address v4;
  Ipv6Address v6;
  uint8_t v4_length = 32;
  uint8_t v6_length = 128;
};

/// The IPv4 prefix names an entry: no two have the same.
struct EamKey {
  Ipv4Address v4;
  uint8_t v4_length = 32;
};

class EamTable {
 public:
  /// 4 M entries take about 0.4 GB.
  static constexpr size_t kMost = 4'194'304;

  enum class Refusal : uint8_t {
    kNone,
    kLength,   // a prefix length out of range, or bits set after it
    kSuffix,   // RFC 7757 §3.2: the IPv4 suffix is longer than the IPv6 suffix
    kV4Taken,  // another entry has the same IPv4 prefix
    kV6Taken,  // another entry has the same IPv6 prefix
    kMissing,  // nothing to remove
    kNoRoom,   // more than kMost entries, or no memory
  };
  struct Built {
    std::shared_ptr<const EamTable> table;
    Refusal refusal = Refusal::kNone;
    bool in_remove = false;  // `index` counts in `remove`, otherwise in `add`
    size_t index = 0;
    std::optional<EamEntry> other;
  };
  /// The entries of `base` (null: none) without `remove` and with `add`, or why not.
  static Built build(const EamTable* base, std::span<const EamKey> remove,
                     std::span<const EamEntry> add);

  /// RFC 7757 §3.3.1: prefix, IPv4 suffix, zeros. False where no entry has the address.
  bool toV6(Ipv4Address address, Ipv6Address& mapped) const {
    const Target6* target = by_v4_.find({address.host()});
    if (target == nullptr) return false;
    mapped = join(*target, address.host());
    return true;
  }
  /// RFC 7757 §3.3.2: prefix and the leading bits of the IPv6 suffix.
  bool toV4(const Ipv6Address& address, Ipv4Address& mapped) const {
    const Key6 key = keyOf(address);
    const Target4* target = by_v6_.find(key);
    if (target == nullptr) return false;
    mapped = join(*target, key);
    return true;
  }
  std::optional<Ipv6Address> toV6(Ipv4Address address) const {
    Ipv6Address mapped;
    return toV6(address, mapped) ? std::optional(mapped) : std::nullopt;
  }
  std::optional<Ipv4Address> toV4(const Ipv6Address& address) const {
    Ipv4Address mapped;
    return toV4(address, mapped) ? std::optional(mapped) : std::nullopt;
  }
  bool contains(Ipv4Address address) const { return by_v4_.find({address.host()}) != nullptr; }
  /// The entry that translates an address; null when there is none.
  const EamEntry* entryOf(Ipv4Address address) const;
  const EamEntry* entryOf(const Ipv6Address& address) const;

  [[gnu::always_inline]] void prefetch(Ipv4Address address) const {
    by_v4_.prefetch({address.host()});
  }
  [[gnu::always_inline]] void prefetch(const Ipv6Address& address) const {
    by_v6_.prefetch(keyOf(address));
  }

  /// In the order of IPv4 prefixes, shorter ones first.
  std::span<const EamEntry> entries() const { return {entries_.get(), count_}; }
  size_t bytes() const { return count_ * sizeof(EamEntry) + by_v4_.bytes() + by_v6_.bytes(); }

  static Key6 keyOf(const Ipv6Address& address);

 private:
  struct Target6 {
    Key6 prefix;
    uint8_t length;     // of the IPv6 prefix
    uint8_t v4_length;  // of the IPv4 prefix
  };
  struct Target4 {
    uint32_t prefix;
    uint8_t length;     // of the IPv4 prefix
    uint8_t v6_length;  // of the IPv6 prefix
  };
  static Ipv6Address join(const Target6& target, uint32_t address);
  static Ipv4Address join(const Target4& target, const Key6& address);
  const EamEntry* entryOf(uint32_t prefix, uint8_t length) const;
  bool index(Built& built, const uint32_t* origins);

  Array<EamEntry> entries_;
  size_t count_ = 0;
  PrefixTable<Key4, Target6> by_v4_;
  PrefixTable<Key6, Target4> by_v6_;
};

}  // namespace platypus
