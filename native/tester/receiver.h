// A side's receiving: blocks of the ring are taken apart and each frame is counted for its stream.
//
// Ownership: one thread from run() on, except progress(); the results are read after it has ended.
#pragma once

#include <array>
#include <atomic>

#include "tester/arrivals.h"
#include "tester/sender.h"
#include "tester/side.h"
#include "tester/state_table.h"

namespace platypus::tester {

inline constexpr size_t kMostStreams = 2;

class Receiver {
 public:
  struct Result {
    /// Frames of the ring, all kinds.
    uint64_t frames = 0;
    /// Test frames of another trial, and others that only look like test frames.
    uint64_t foreign = 0;
    /// Arrived, but the ring was full: lost by the tester.
    uint64_t dropped = 0;
    uint64_t cpu_ns = 0;
    /// Flows recorded for the first time, arrived as recorded, and from elsewhere than recorded.
    uint64_t state_new = 0;
    uint64_t state_same = 0;
    uint64_t state_changed = 0;
  };
  struct Expected {
    /// Null: this stream is not received here.
    Arrivals* arrivals = nullptr;
    Stream::State state = Stream::State::kNone;
  };

  Receiver(Side& side, uint16_t trial, std::array<Expected, kMostStreams> expected,
           StateTable* table)
      : side_(side), trial_(trial), expected_(expected), table_(table) {}

  /// Receives until `stop`.
  void run(const std::atomic<bool>& stop);
  /// Counts a frame that arrived at `now` (CLOCK_REALTIME, ns), or the frames that travel as one;
  /// see Side::forEachFrame().
  void take(std::span<const std::byte> bytes, uint16_t segment, uint64_t now);
  /// Frames of a stream so far; any thread.
  uint32_t progress(size_t stream) const {
    return progress_[stream].load(std::memory_order_relaxed);
  }
  const Result& result() const { return result_; }

 private:
  void count(const Arrival& arrival, uint64_t now);

  Side& side_;
  uint16_t trial_;
  std::array<Expected, kMostStreams> expected_;
  StateTable* table_;
  // 32 bits, which every machine loads and stores at once; sequences have no more.
  std::array<std::atomic<uint32_t>, kMostStreams> progress_{};
  Result result_;
};

}  // namespace platypus::tester
