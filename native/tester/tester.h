// The traffic engine of `platypus bench`: two sides of a device under test, and trials between
// them.
//
//   flow_space.h  which addresses and ports a flow has      side.h      interface, sockets, ring
//   frame.h       writing and knowing test frames           sender.h    paced sending
//   pace.h        when frames are due                       receiver.h  counting what arrives
//   arrivals.h    loss, duplicates, order, delays           state_table.h  RFC 9693's responder
//
// A trial has threads of its own: one for each stream that sends, one for each side that receives,
// and one that starts them, waits for the last frame, and sums up. Only it may touch the sides
// meanwhile.
//
// Ownership: all functions belong to the control thread; `notify` is called on the trial's.
#pragma once

#include <pthread.h>

#include <array>
#include <atomic>
#include <memory>
#include <vector>

#include "tester/delays.h"
#include "tester/receiver.h"
#include "tester/sender.h"
#include "tester/side.h"
#include "tester/state_table.h"

namespace platypus::tester {

inline constexpr size_t kSides = 2;

struct Trial {
  /// 1 or 2 streams.
  std::vector<Stream> streams;
  /// Longest wait for frames on their way after the last was sent; shorter when all have arrived.
  uint32_t settle_ms = 2000;
};

struct TrialResult {
  struct OfStream {
    Sender::Result sender;
    uint64_t received = 0;
    uint64_t duplicates = 0;
    uint64_t reordered = 0;
    DelaySummary delays;
  };
  std::vector<OfStream> streams;
  std::array<Receiver::Result, kSides> receivers;
  /// Flows in the state table.
  uint32_t state_size = 0;
  /// abort() ended it.
  bool aborted = false;
  /// errno when it could not run, else 0.
  int error = 0;
};

class Tester {
 public:
  static constexpr int kAnyCpu = -1;

  struct Options {
    /// True: the sides are the two ends of a cable in a namespace made for it; `sides` says
    /// nothing.
    bool loop = false;
    std::array<SideOptions, kSides> sides;
    /// Flows that the state table has room for, 12 bytes each; 0: none.
    uint32_t state_flows = 0;
    /// Of each receiver.
    size_t ring_bytes = size_t{32} << 20;
    /// Where threads run: senders and receivers of the two sides; kAnyCpu leaves it to the kernel.
    std::array<int, kSides> sender_cpu{kAnyCpu, kAnyCpu};
    std::array<int, kSides> receiver_cpu{kAnyCpu, kAnyCpu};
  };
  struct Opened {
    std::unique_ptr<Tester> tester;
    OpenFailure failure;
    /// The side that failed.
    size_t side = 0;
  };

  /// Opens both sides, on a thread of its own for each: the caller's network namespace stays. May
  /// block for some seconds (neighbour discovery).
  static Opened open(const Options& options);
  ~Tester();

  using Notify = void (*)(void* context);
  /// Starts a trial; `notify` is called when its result is there. 0 or an errno: EBUSY when one
  /// runs, EINVAL when the trial asks for a state table that is not there, or for reading and
  /// writing it at once.
  int start(Trial trial, Notify notify, void* context);
  /// Waits for the trial's thread to end, and returns its result. Once after each start().
  TrialResult finish();
  /// Ends a running trial soon.
  void abort() { stop_sending_.store(true, std::memory_order_relaxed); }
  /// Empties the state table. Not during a trial.
  void clearState() { table_.clear(); }
  const Side& side(size_t index) const { return sides_[index]; }

 private:
  Tester() = default;
  static void* coordinate(void* self);
  void runTrial();
  bool valid(const Trial& trial) const;

  std::array<Side, kSides> sides_;
  std::array<int, kSides> sender_cpu_{};
  std::array<int, kSides> receiver_cpu_{};
  StateTable table_;
  uint16_t trials_ = 0;

  // Of the running trial.
  bool running_ = false;
  pthread_t thread_{};
  Trial trial_;
  TrialResult result_;
  Notify notify_ = nullptr;
  void* context_ = nullptr;
  std::atomic<bool> stop_sending_{false};
  std::atomic<bool> stop_receiving_{false};
};

}  // namespace platypus::tester
