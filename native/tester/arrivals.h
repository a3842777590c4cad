// What arrived of one stream: each frame is told apart by its sequence number, so that what is
// lost, doubled or out of order is counted, not guessed.
//
// Ownership: one receiver's thread during a trial.
#pragma once

#include <algorithm>
#include <cstdint>

#include "nat64/huge_array.h"
#include "tester/frame.h"

namespace platypus::tester {

class Arrivals {
 public:
  Arrivals() = default;
  /// Takes memory for sequences 0 to `frames` - 1, a bit each, and for at most `samples` delays, 4
  /// bytes each (0: none are kept); ok() afterwards.
  Arrivals(uint32_t frames, uint32_t samples)
      : frames_(frames),
        seen_(static_cast<size_t>((uint64_t{frames} + 63) / 64), HugeArray<uint64_t>::Take::kNow) {
    if (samples == 0 || frames == 0) return;
    every_ = (frames + samples - 1) / samples;
    delays_ = HugeArray<uint32_t>(static_cast<size_t>((uint64_t{frames} + every_ - 1) / every_),
                                  HugeArray<uint32_t>::Take::kNow);
  }
  bool ok() const { return seen_.ok() && delays_.ok(); }

  enum class Kind { kFirst, kDuplicate, kOutside };
  /// Counts a frame that arrived at `now` (CLOCK_REALTIME, ns).
  Kind count(const Tag& tag, uint64_t now) {
    if (tag.sequence >= frames_) return Kind::kOutside;
    uint64_t& word = seen_[tag.sequence / 64];
    const uint64_t bit = uint64_t{1} << (tag.sequence % 64);
    if ((word & bit) != 0) {
      ++duplicates;
      return Kind::kDuplicate;
    }
    word |= bit;
    ++received;
    // RFC 4737 §3: reordered is what comes after a later one.
    if (tag.sequence < next_) {
      ++reordered;
    } else {
      next_ = tag.sequence + 1;
    }
    if (every_ != 0 && tag.sequence % every_ == 0) {
      delays_[tag.sequence / every_] = delayOf(tag.stamp, now);
    }
    return Kind::kFirst;
  }

  bool has(uint32_t sequence) const {
    return sequence < frames_ && (seen_[sequence / 64] >> (sequence % 64) & 1) != 0;
  }
  uint32_t frames() const { return frames_; }
  /// Delays of every so many frames in the order of sending, ns; 0 for those that did not arrive.
  HugeArray<uint32_t>& delays() { return delays_; }
  /// 0 when no delays are kept.
  uint32_t every() const { return every_; }

  uint64_t received = 0;
  uint64_t duplicates = 0;
  uint64_t reordered = 0;

 private:
  // At least 1, which is not "missing"; at most 4.29 s. A clock that was set back gives 1.
  static uint32_t delayOf(uint64_t stamp, uint64_t now) {
    const uint64_t delay = (now - stamp) & kStampMask;
    if (delay > kStampMask / 2) return 1;
    return static_cast<uint32_t>(std::clamp<uint64_t>(delay, 1, UINT32_MAX));
  }

  uint32_t frames_ = 0;
  uint32_t next_ = 0;
  uint32_t every_ = 0;
  HugeArray<uint64_t> seen_;
  HugeArray<uint32_t> delays_;
};

}  // namespace platypus::tester
