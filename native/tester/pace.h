// When frames are due. Pure arithmetic, so that a trial sends exactly what it promised.
#pragma once

#include <cstdint>

namespace platypus::tester {

inline constexpr uint64_t kSecond = 1'000'000'000;

class Pace {
 public:
  /// Frames a second, 1 to 2^32 - 1; 0: all are due at once.
  explicit Pace(uint32_t rate) : rate_(rate) {}

  /// Frames due `elapsed` ns after the start: frame 0 at the start itself.
  uint64_t due(uint64_t elapsed) const {
    if (rate_ == 0) return UINT64_MAX;
    // In whole seconds and the rest: the product of both would not fit.
    return elapsed / kSecond * rate_ + elapsed % kSecond * rate_ / kSecond + 1;
  }

  /// ns after the start at which frame `index` is due, rounded up.
  uint64_t dueAt(uint64_t index) const {
    if (rate_ == 0) return 0;
    return index / rate_ * kSecond + (index % rate_ * kSecond + rate_ - 1) / rate_;
  }

 private:
  uint32_t rate_;
};

}  // namespace platypus::tester
