// A stream's sending: frames are written into a small set of buffers when they are due and handed
// to the kernel in bursts.
//
//   due by the clock → flow → addresses and ports → frame, stamped → sendmmsg
//
// Ownership: one thread from run() on; the results are read after it has ended.
#pragma once

#include <atomic>
#include <memory>
#include <vector>

#include "tester/flow_space.h"
#include "tester/frame.h"
#include "tester/pace.h"
#include "tester/side.h"
#include "tester/state_table.h"

namespace platypus::tester {

enum class Order : uint8_t {
  kInTurn,  // flow 0, 1, 2 … and again
  kRandom,  // each frame of any flow (RFC 4814 §4)
};

/// What to send. Frames are in sizes with the frame check sequence.
struct Stream {
  /// The side that sends: 0 or 1; the other receives.
  uint8_t from = 0;
  Family family = Family::kV6;
  Kind kind = Kind::kUdp;
  /// Of the stream's family; as many as flows may be told apart by.
  std::vector<Ipv6Address> sources6, destinations6;
  std::vector<Ipv4Address> sources4, destinations4;
  PortRange source_ports, destination_ports;
  uint64_t seed = 0;
  /// Flows first_flow to first_flow + flows - 1.
  uint32_t first_flow = 0;
  uint32_t flows = 1;
  Order order = Order::kInTurn;
  /// Used in turn.
  std::vector<uint16_t> sizes;
  /// Frames a second; 0: as fast as possible.
  uint32_t rate = 0;
  /// Most frames; the trial ends before when its time is up.
  uint32_t frames = 0;
  uint64_t duration_ns = 0;
  /// Most frames handed to the kernel in one call, 1..64.
  uint32_t burst = 32;
  /// Frames that wait for each other before they are handed over, 1..burst: as a card gathers them
  /// before it interrupts. The rate stays.
  uint32_t gather = 1;
  /// Delays kept at the receiver; 0: none.
  uint32_t samples = 0;
  /// What the state table has to do with it.
  enum class State : uint8_t {
    kNone,
    kRecord,   // the receiver writes down where flows came from
    kCompare,  // the receiver counts those that come from elsewhere than written
    kAnswer,   // frames are sent back to where the flow came from, not to addresses
  } state = State::kNone;
};

class Sender {
 public:
  static constexpr uint32_t kMostBurst = 64;

  struct Result {
    /// Frames handed over, `refused` among them: the kernel had no room for those.
    uint64_t sent = 0;
    uint64_t refused = 0;
    /// Flows of Stream::State::kAnswer that have no entry; a sequence number each, but no frame.
    uint64_t skipped = 0;
    uint64_t elapsed_ns = 0;
    /// How late the latest burst was.
    uint64_t late_ns = 0;
    uint64_t cpu_ns = 0;
    /// errno of a socket that stopped to work.
    int error = 0;
  };

  /// `table` is for State::kAnswer. ok() afterwards.
  Sender(const Stream& stream, uint8_t number, uint16_t trial, Side& side, const StateTable* table);
  bool ok() const { return buffers_ok_; }
  /// Sends from `start` (CLOCK_MONOTONIC, ns) on, until done, out of time, or `stop`.
  void run(uint64_t start, const std::atomic<bool>& stop);
  const Result& result() const { return result_; }

 private:
  bool fill(uint32_t sequence, uint64_t stamp, unsigned slot);
  bool endsOf(uint32_t flow, Ends& ends) const;
  uint32_t flowOf(uint32_t sequence);
  void hand(unsigned count);

  const Stream& stream_;
  uint8_t number_;
  uint16_t trial_;
  Side& side_;
  const StateTable* table_;
  FlowSpace space_;
  FrameWriter writer_;
  Pace pace_;
  uint64_t random_;
  bool buffers_ok_ = false;
  std::unique_ptr<std::byte[]> buffers_;
  std::unique_ptr<iovec[]> parts_;
  std::unique_ptr<mmsghdr[]> messages_;
  Result result_;
};

}  // namespace platypus::tester
