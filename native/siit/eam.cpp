// Building: take away → check → sort what is added → merge with what stays → index both columns.
#include "siit/eam.h"

#include <utility>

namespace platypus {
namespace {

constexpr uint32_t kKept = 0xffffffff;  // origin of an entry that was there before

uint64_t word(const Ipv6Address& address, size_t at) {
  return uint64_t{load<Be32>(address.at(at)).host()} << 32 | load<Be32>(address.at(at + 4)).host();
}

Ipv6Address addressOf(const Key6& key) {
  Ipv6Address address;
  const Be32 words[4] = {
      Be32(static_cast<uint32_t>(key.high >> 32)), Be32(static_cast<uint32_t>(key.high)),
      Be32(static_cast<uint32_t>(key.low >> 32)), Be32(static_cast<uint32_t>(key.low))};
  std::memcpy(address.bytes.data(), words, sizeof words);
  return address;
}

/// What entries are sorted by, with the number of the entry: sorting these instead of numbers alone
/// keeps the comparisons out of a large table.
uint64_t orderOf(const EamEntry& entry, uint32_t number) {
  static_assert(EamTable::kMost <= 1u << 22);
  return uint64_t{entry.v4.host()} << 28 | uint64_t{entry.v4_length} << 22 | number;
}
struct Order6 {
  Key6 key;
  uint64_t rest;  // length, then number
  friend auto operator<=>(const Order6&, const Order6&) = default;
};

/// Order of the table: by IPv4 prefix, shorter ones first.
bool isBefore(uint32_t a, uint8_t a_length, uint32_t b, uint8_t b_length) {
  return a != b ? a < b : a_length < b_length;
}
bool isBefore(const EamEntry& a, const EamEntry& b) {
  return isBefore(a.v4.host(), a.v4_length, b.v4.host(), b.v4_length);
}

EamTable::Refusal check(const EamEntry& entry) {
  if (entry.v4_length > 32 || entry.v6_length > 128) return EamTable::Refusal::kLength;
  const Key4 v4{entry.v4.host()};
  const Key6 v6 = EamTable::keyOf(entry.v6);
  if (v4.masked(entry.v4_length) != v4 || v6.masked(entry.v6_length) != v6) {
    return EamTable::Refusal::kLength;
  }
  if (32 - entry.v4_length > 128 - entry.v6_length) return EamTable::Refusal::kSuffix;
  return EamTable::Refusal::kNone;
}

/// `value` with its first bit at bit `offset` of 128; what falls off the end is lost.
Key6 shiftedTo(uint64_t value, unsigned offset) {
  if (offset >= 128) return {};
  if (offset >= 64) return {0, value >> (offset - 64)};
  if (offset == 0) return {value, 0};
  return {value >> offset, value << (64 - offset)};
}

/// 32 bits from bit `offset` on; past the end come zeros.
uint32_t bitsAt(const Key6& key, unsigned offset) {
  if (offset >= 128) return 0;
  uint64_t word = 0;
  if (offset >= 64) {
    word = key.low << (offset - 64);
  } else if (offset == 0) {
    word = key.high;
  } else {
    word = key.high << offset | key.low >> (64 - offset);
  }
  return static_cast<uint32_t>(word >> 32);
}

}  // namespace

Key6 EamTable::keyOf(const Ipv6Address& address) {
  return {word(address, 0), word(address, 8)};
}

Ipv6Address EamTable::join(const Target6& target, uint32_t address) {
  const uint32_t suffix = target.v4_length >= 32 ? 0 : address << target.v4_length;
  const Key6 shifted = shiftedTo(uint64_t{suffix} << 32, target.length);
  return addressOf({target.prefix.high | shifted.high, target.prefix.low | shifted.low});
}

Ipv4Address EamTable::join(const Target4& target, const Key6& address) {
  const uint32_t suffix = bitsAt(address, target.v6_length);
  return Ipv4Address::fromHost(target.prefix | (target.length >= 32 ? 0 : suffix >> target.length));
}

const EamEntry* EamTable::entryOf(uint32_t prefix, uint8_t length) const {
  const EamEntry* begin = entries_.get();
  const EamEntry* end = begin + count_;
  const EamEntry* at = std::lower_bound(begin, end, EamKey{Ipv4Address::fromHost(prefix), length},
                                        [](const EamEntry& entry, const EamKey& key) {
                                          return isBefore(entry.v4.host(), entry.v4_length,
                                                          key.v4.host(), key.v4_length);
                                        });
  const bool found = at != end && at->v4.host() == prefix && at->v4_length == length;
  return found ? at : nullptr;
}

const EamEntry* EamTable::entryOf(Ipv4Address address) const {
  const Key4 key{address.host()};
  const Target6* target = by_v4_.find(key);
  if (target == nullptr) return nullptr;
  return entryOf(key.masked(target->v4_length).bits, target->v4_length);
}

const EamEntry* EamTable::entryOf(const Ipv6Address& address) const {
  const Target4* target = by_v6_.find(keyOf(address));
  return target == nullptr ? nullptr : entryOf(target->prefix, target->length);
}

EamTable::Built EamTable::build(const EamTable* base, std::span<const EamKey> remove,
                                std::span<const EamEntry> add) {
  Built built;
  const auto refuse = [&](Refusal refusal, size_t index, bool in_remove) {
    built.refusal = refusal;
    built.index = index;
    built.in_remove = in_remove;
    return built;
  };
  const std::span<const EamEntry> kept =
      base == nullptr ? std::span<const EamEntry>{} : base->entries();
  Array<bool> gone = takeArray<bool>(kept.size());
  if (gone == nullptr) return refuse(Refusal::kNoRoom, 0, false);
  // Ends at the first that finds nothing, so there are never more of them than entries.
  for (size_t i = 0; i < remove.size(); ++i) {
    const EamEntry* entry =
        base == nullptr ? nullptr : base->entryOf(remove[i].v4.host(), remove[i].v4_length);
    const size_t at = entry == nullptr ? 0 : static_cast<size_t>(entry - kept.data());
    if (entry == nullptr || gone[at]) return refuse(Refusal::kMissing, i, true);
    gone[at] = true;
  }
  // Counted before memory is taken for it, so that hostile sizes cost nothing.
  const size_t total = kept.size() - remove.size() + add.size();
  if (total > kMost) return refuse(Refusal::kNoRoom, 0, false);
  for (size_t i = 0; i < add.size(); ++i) {
    if (const Refusal refusal = check(add[i]); refusal != Refusal::kNone) {
      return refuse(refusal, i, false);
    }
  }

  const auto table = std::make_shared<EamTable>();
  table->entries_ = takeArray<EamEntry>(total);
  Array<uint32_t> origins = takeArray<uint32_t>(total);
  Array<uint64_t> order = takeArray<uint64_t>(add.size());
  if (table->entries_ == nullptr || origins == nullptr || order == nullptr) {
    return refuse(Refusal::kNoRoom, 0, false);
  }
  for (uint32_t i = 0; i < add.size(); ++i) order[i] = orderOf(add[i], i);
  std::sort(order.get(), order.get() + add.size());
  const auto added = [&](size_t rank) { return static_cast<uint32_t>(order[rank] & (kMost - 1)); };

  size_t from_kept = 0;
  size_t from_add = 0;
  for (size_t i = 0; i < total; ++i) {
    while (from_kept < kept.size() && gone[from_kept]) ++from_kept;
    const bool take_kept =
        from_kept < kept.size() &&
        (from_add == add.size() || !isBefore(add[added(from_add)], kept[from_kept]));
    origins[i] = take_kept ? kKept : added(from_add);
    table->entries_[i] = take_kept ? kept[from_kept++] : add[added(from_add++)];
    if (i == 0 || isBefore(table->entries_[i - 1], table->entries_[i])) continue;
    built.other = table->entries_[i - 1];
    return refuse(Refusal::kV4Taken, origins[i], false);
  }
  table->count_ = total;
  if (table->index(built, origins.get())) built.table = table;
  return built;
}

/// Fills both columns; false with the reason in `built`.
bool EamTable::index(Built& built, const uint32_t* origins) {
  built.refusal = Refusal::kNoRoom;
  {
    auto items = takeArray<PrefixTable<Key4, Target6>::Item>(count_);
    if (items == nullptr) return false;
    for (size_t i = 0; i < count_; ++i) {
      const EamEntry& entry = entries_[i];
      items[i] = {
          {entry.v4.host()}, entry.v4_length, {keyOf(entry.v6), entry.v6_length, entry.v4_length}};
    }
    if (!by_v4_.build({items.get(), count_})) return false;
  }
  auto items = takeArray<PrefixTable<Key6, Target4>::Item>(count_);
  Array<Order6> order = takeArray<Order6>(count_);
  if (items == nullptr || order == nullptr) return false;
  for (uint32_t i = 0; i < count_; ++i) {
    order[i] = {keyOf(entries_[i].v6), uint64_t{entries_[i].v6_length} << 32 | i};
  }
  std::sort(order.get(), order.get() + count_);
  const auto number = [&](size_t rank) { return static_cast<uint32_t>(order[rank].rest); };
  for (size_t i = 0; i < count_; ++i) {
    const EamEntry& entry = entries_[number(i)];
    items[i] = {
        keyOf(entry.v6), entry.v6_length, {entry.v4.host(), entry.v4_length, entry.v6_length}};
    if (i == 0 || items[i].key != items[i - 1].key || items[i].length != items[i - 1].length) {
      continue;
    }
    // Told about the one that was added; of two added ones about the later.
    const uint32_t a = origins[number(i - 1)];
    const uint32_t b = origins[number(i)];
    const bool second = a == kKept || (b != kKept && b > a);
    built.refusal = Refusal::kV6Taken;
    built.index = second ? b : a;
    built.other = entries_[number(second ? i - 1 : i)];
    return false;
  }
  if (!by_v6_.build({items.get(), count_})) return false;
  built.refusal = Refusal::kNone;
  return true;
}

}  // namespace platypus
