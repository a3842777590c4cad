// Records by number, from memory taken at start: a high-water mark and a free list through one
// field.
//
// Ownership: one worker.
#pragma once

#include <cstdint>

#include "nat64/huge_array.h"

namespace platypus {

template <typename Record, uint32_t Record::*Link>
class RecordPool {
 public:
  static constexpr uint32_t kNone = 0xffffffff;

  RecordPool() = default;
  explicit RecordPool(uint32_t capacity)
      : records_(capacity, HugeArray<Record>::Take::kNow), capacity_(capacity) {}

  bool ok() const { return records_.ok(); }
  size_t bytes() const { return records_.bytes(); }

  /// A zero-filled or formerly used record; kNone when all are in use.
  uint32_t take() {
    uint32_t number = free_;
    if (number != kNone) {
      free_ = records_[number].*Link;
    } else if (touched_ < capacity_) {
      number = touched_++;
    } else {
      return kNone;
    }
    ++used_;
    return number;
  }
  void give(uint32_t number) {
    records_[number].*Link = free_;
    free_ = number;
    --used_;
  }
  bool full() const { return used_ == capacity_; }
  uint32_t used() const { return used_; }
  /// Numbers below this one were taken at least once.
  uint32_t touched() const { return touched_; }
  Record& operator[](uint32_t number) { return records_[number]; }
  const Record& operator[](uint32_t number) const { return records_[number]; }
  HugeArray<Record>& array() { return records_; }
  [[gnu::always_inline]] void prefetch(uint32_t number) const {
    __builtin_prefetch(records_.data() + number);
  }

 private:
  HugeArray<Record> records_;
  uint32_t capacity_ = 0;
  uint32_t used_ = 0;
  uint32_t touched_ = 0;
  uint32_t free_ = kNone;
};

}  // namespace platypus
