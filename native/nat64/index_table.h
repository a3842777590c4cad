// A hash index: from a hash to the number of a record that lives elsewhere.
//
// One bucket is one cache line: twelve 8-bit tags and twelve record numbers. A look-up reads one
// line, compares twelve tags at once, and touches a record only where a tag fits (a wrong one fits
// in 1 of 255). A full bucket spills into the next ones and counts how many passed, so that a
// look-up knows when to stop and a deletion leaves no tombstone. Capacity is fixed; nothing is
// allocated after start. Numbers and cost: README.md beside this file.
//
// Ownership: one worker.
#pragma once

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#include <bit>
#include <cstdint>

#include "nat64/huge_array.h"

namespace platypus {

class IndexTable {
 public:
  static constexpr uint32_t kNone = 0xffffffff;

  IndexTable() = default;
  /// Room for `capacity` entries at two thirds of the slots.
  explicit IndexTable(uint32_t capacity)
      : bucket_count_(capacity / 8 + 1),
        buckets_(capacity / 8 + size_t{1}, HugeArray<Bucket>::Take::kNow) {}

  bool ok() const { return buckets_.ok(); }
  size_t bytes() const { return buckets_.bytes(); }

  [[gnu::always_inline]] void prefetch(uint64_t hash) const {
    __builtin_prefetch(&buckets_[home(hash)]);
  }

  /// The first record number stored under `hash` for which matches(number) is true; kNone if none.
  template <typename Matches>
  uint32_t find(uint64_t hash, Matches&& matches) const {
    const uint8_t tag = tagOf(hash);
    uint32_t at = home(hash);
    for (uint32_t probe = 0; probe < kMaxProbes; ++probe) {
      const Bucket& bucket = buckets_[at];
      for (uint32_t fits = bucket.fitting(tag); fits != 0; fits &= fits - 1) {
        const uint32_t number = bucket.numbers[std::countr_zero(fits)];
        if (matches(number)) return number;
      }
      if (bucket.passed == 0) return kNone;
      at = next(at);
    }
    return kNone;
  }

  /// A record number whose tag fits in the home bucket, to prefetch its record; kNone if none.
  uint32_t guess(uint64_t hash) const {
    const Bucket& bucket = buckets_[home(hash)];
    const uint32_t fits = bucket.fitting(tagOf(hash));
    return fits == 0 ? kNone : bucket.numbers[std::countr_zero(fits)];
  }

  /// False when no bucket near the hash's home has room (practically: the table is full).
  bool insert(uint64_t hash, uint32_t number) {
    const uint32_t start = home(hash);
    uint32_t at = start;
    for (uint32_t probe = 0; probe < kMaxProbes; ++probe) {
      Bucket& bucket = buckets_[at];
      const uint32_t free = bucket.fitting(0);
      if (free != 0) {
        const auto slot = static_cast<uint32_t>(std::countr_zero(free));
        bucket.tags[slot] = tagOf(hash);
        bucket.numbers[slot] = number;
        for (uint32_t passed = start; passed != at; passed = next(passed)) {
          ++buckets_[passed].passed;
        }
        return true;
      }
      at = next(at);
    }
    return false;
  }

  /// Removes what insert(hash, number) put in. The pair must be there.
  void erase(uint64_t hash, uint32_t number) {
    const uint8_t tag = tagOf(hash);
    const uint32_t start = home(hash);
    uint32_t at = start;
    for (uint32_t probe = 0; probe < kMaxProbes; ++probe) {
      Bucket& bucket = buckets_[at];
      for (uint32_t fits = bucket.fitting(tag); fits != 0; fits &= fits - 1) {
        const auto slot = static_cast<uint32_t>(std::countr_zero(fits));
        if (bucket.numbers[slot] != number) continue;
        bucket.tags[slot] = 0;
        for (uint32_t passed = start; passed != at; passed = next(passed)) {
          --buckets_[passed].passed;
        }
        return;
      }
      at = next(at);
    }
  }

 private:
  static constexpr uint32_t kSlots = 12;
  /// Bounds the walk; at two thirds full a chain of this length does not happen by chance.
  static constexpr uint32_t kMaxProbes = 64;

  struct alignas(64) Bucket {
    uint8_t tags[kSlots];
    uint16_t passed;  // entries whose home is here or before and that live further on
    uint16_t unused;
    uint32_t numbers[kSlots];

    /// A bit for every slot whose tag is `tag`; tag 0 marks a free slot.
    uint32_t fitting(uint8_t tag) const {
#if defined(__SSE2__)
      const __m128i line = _mm_load_si128(reinterpret_cast<const __m128i*>(tags));
      const __m128i same = _mm_cmpeq_epi8(line, _mm_set1_epi8(static_cast<char>(tag)));
      return static_cast<uint32_t>(_mm_movemask_epi8(same)) & ((1u << kSlots) - 1);
#else
      uint32_t bits = 0;
      for (uint32_t i = 0; i < kSlots; ++i) bits |= uint32_t{tags[i] == tag} << i;
      return bits;
#endif
    }
  };
  static_assert(sizeof(Bucket) == 64);

  static uint8_t tagOf(uint64_t hash) {
    const auto tag = static_cast<uint8_t>(hash);
    return tag == 0 ? uint8_t{1} : tag;
  }
  uint32_t home(uint64_t hash) const {
    return static_cast<uint32_t>(((hash >> 32) * bucket_count_) >> 32);
  }
  uint32_t next(uint32_t at) const {
    return at + 1 == bucket_count_ ? 0 : at + 1;
  }

  uint64_t bucket_count_ = 1;
  HugeArray<Bucket> buckets_;
};

}  // namespace platypus
