// Longest-prefix match over an unchanging set of prefixes: a hash table of all prefixes, searched
// by bisecting the prefix lengths in use. Where a longer prefix hangs below a length that the
// search tries first, a marker stands there, and each marker knows the best answer at or above it,
// so the search never turns back (Waldvogel et al., SIGCOMM 1997).
//
// One length in use costs one look, three cost two, all 129 of IPv6 cost eight; the number of
// entries costs nothing but cache misses. README.md has sizes and figures.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <span>
#include <utility>

#include "packet/address.h"

namespace platypus {

/// Takes memory that may not be there: null instead of an exception.
template <typename T>
struct ArrayDeleter {
  void operator()(T* array) const { std::free(array); }
};
template <typename T>
using Array = std::unique_ptr<T[], ArrayDeleter<T>>;
/// `count` zeroed Ts without constructors; null where there is no memory.
template <typename T>
Array<T> takeArray(size_t count) {
  return Array<T>(static_cast<T*>(std::calloc(count == 0 ? 1 : count, sizeof(T))));
}

/// An IPv4 address as a number.
struct Key4 {
  uint32_t bits = 0;

  static constexpr unsigned kBits = 32;
  Key4 masked(unsigned length) const {
    return {length == 0 ? 0 : bits & (~uint32_t{0} << (kBits - length))};
  }
  uint64_t hash() const { return bits * 0x9e3779b97f4a7c15u; }
  friend auto operator<=>(Key4, Key4) = default;
};

/// An IPv6 address as two numbers.
struct Key6 {
  uint64_t high = 0;
  uint64_t low = 0;

  static constexpr unsigned kBits = 128;
  Key6 masked(unsigned length) const {
    if (length == 0) return {};
    if (length <= 64) return {high & (~uint64_t{0} << (64 - length)), 0};
    return {high, low & (~uint64_t{0} << (128 - length))};
  }
  uint64_t hash() const {
    const uint64_t mixed = (high ^ std::rotl(low, 29)) * 0x9e3779b97f4a7c15u;
    return (mixed ^ (mixed >> 29) ^ low) * 0xd6e8feb86659fd93u;
  }
  friend auto operator<=>(Key6, Key6) = default;
};

/// Maps prefixes of Key to Values (small, trivially copyable). Immutable once built.
template <typename Key, typename Value>
class PrefixTable {
 public:
  struct Item {
    Key key;  // without bits after the length
    uint8_t length;
    Value value;
  };

  /// Builds the table from items sorted by key, then by length, without equal prefixes. False where
  /// memory is short; then the table is empty.
  bool build(std::span<const Item> sorted);

  /// The value of the longest prefix that contains `key`; null when there is none.
  const Value* find(const Key& key) const {
    const Value* best = nullptr;
    unsigned low = 0;
    unsigned high = lengths_count_;
    while (low < high) {
      const unsigned middle = (low + high) / 2;
      const Slot* slot = slotOf(key.masked(lengths_[middle]), lengths_[middle]);
      if (slot == nullptr) {
        high = middle;
        continue;
      }
      if (slot->has_value) best = &slot->value;
      low = middle + 1;
    }
    return best;
  }
  /// Brings the first slot that find() would look at into the cache.
  [[gnu::always_inline]] void prefetch(const Key& key) const {
    if (lengths_count_ == 0) return;
    const uint8_t length = lengths_[lengths_count_ / 2];
    __builtin_prefetch(&slots_[placeOf(key.masked(length), length)]);
  }
  size_t bytes() const { return capacity_ * sizeof(Slot); }

 private:
  struct Slot {
    Key key;
    Value value;     // of the longest prefix at or above this one
    uint8_t length;  // of the prefix or marker
    bool used;
    bool has_value;
  };

  size_t placeOf(const Key& key, unsigned length) const {
    const uint64_t hash = (key.hash() ^ length) * 0xff51afd7ed558ccdu;
    return static_cast<size_t>(((hash >> 32) * capacity_) >> 32);
  }
  const Slot* slotOf(const Key& key, unsigned length) const {
    size_t at = placeOf(key, length);
    while (slots_[at].used) {
      if (slots_[at].key == key && slots_[at].length == length) return &slots_[at];
      if (++at == capacity_) at = 0;
    }
    return nullptr;
  }
  /// The slot of a prefix, made where there is none; null where memory is short.
  Slot* slotFor(const Key& key, unsigned length) {
    if (used_ * 3 >= capacity_ * 2 && !grow(capacity_ * 2)) return nullptr;
    size_t at = placeOf(key, length);
    while (slots_[at].used) {
      if (slots_[at].key == key && slots_[at].length == length) return &slots_[at];
      if (++at == capacity_) at = 0;
    }
    ++used_;
    slots_[at].key = key;
    slots_[at].length = static_cast<uint8_t>(length);
    slots_[at].used = true;
    return &slots_[at];
  }
  bool grow(size_t capacity) {
    Array<Slot> bigger = takeArray<Slot>(capacity);
    if (bigger == nullptr) return false;
    const Array<Slot> old = std::exchange(slots_, std::move(bigger));
    const size_t count = std::exchange(capacity_, capacity);
    for (size_t i = 0; i < count; ++i) {
      if (!old[i].used) continue;
      size_t at = placeOf(old[i].key, old[i].length);
      while (slots_[at].used) {
        if (++at == capacity_) at = 0;
      }
      slots_[at] = old[i];
    }
    return true;
  }
  void clear() {
    slots_ = takeArray<Slot>(1);
    capacity_ = slots_ == nullptr ? 0 : 1;
    used_ = 0;
    lengths_count_ = 0;
  }

  Array<Slot> slots_;
  size_t capacity_ = 0;
  size_t used_ = 0;
  unsigned lengths_count_ = 0;
  uint8_t lengths_[Key::kBits + 1] = {};  // in use, ascending
};

template <typename Key, typename Value>
bool PrefixTable<Key, Value>::build(std::span<const Item> sorted) {
  clear();
  bool seen[Key::kBits + 1] = {};
  for (const Item& item : sorted) seen[item.length] = true;
  for (unsigned length = 0; length <= Key::kBits; ++length) {
    if (seen[length]) lengths_[lengths_count_++] = static_cast<uint8_t>(length);
  }
  if (!grow(sorted.size() + sorted.size() / 2 + 4)) {
    clear();
    return false;
  }
  // Slots lie anywhere: each is fetched some items before it is filled.
  constexpr size_t kAhead = 16;
  // Sorted this way, a prefix comes after those that contain it; these are on the stack.
  const Item* enclosing[Key::kBits + 1];
  unsigned depth = 0;
  for (size_t i = 0; i < sorted.size(); ++i) {
    const Item& item = sorted[i];
    if (i + kAhead < sorted.size()) {
      const Item& later = sorted[i + kAhead];
      __builtin_prefetch(&slots_[placeOf(later.key, later.length)], 1);
    }
    while (depth != 0 &&
           (enclosing[depth - 1]->length >= item.length ||
            item.key.masked(enclosing[depth - 1]->length) != enclosing[depth - 1]->key)) {
      --depth;
    }
    enclosing[depth++] = &item;
    unsigned low = 0;
    unsigned high = lengths_count_;
    while (low < high) {
      const unsigned middle = (low + high) / 2;
      const unsigned length = lengths_[middle];
      if (length > item.length) {
        high = middle;
        continue;
      }
      Slot* slot = slotFor(item.key.masked(length), length);
      if (slot == nullptr) {
        clear();
        return false;
      }
      unsigned best = depth;
      while (best != 0 && enclosing[best - 1]->length > length) --best;
      slot->has_value = best != 0;
      if (best != 0) slot->value = enclosing[best - 1]->value;
      if (length == item.length) break;
      low = middle + 1;
    }
  }
  return true;
}

}  // namespace platypus
