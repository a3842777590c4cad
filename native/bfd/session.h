// One BFD session: asynchronous mode, single hop, no echo, no authentication (RFC 5880 §6).
//
// Pure: the clock is an argument, packets are values, and chance comes from a seed. The engine
// tells it what arrived and what time it is, and sends what it gives. Times are microseconds of any
// monotonic clock; calls must not go back in it.
//
// Ownership: one thread, or a lock around it.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <optional>

#include "bfd/packet.h"

namespace platypus::bfd {

struct Timing {
  /// Both of what is sent while Up and of what is accepted: bfd.DesiredMinTxInterval and
  /// bfd.RequiredMinRxInterval.
  uint32_t interval_us = 0;
  /// bfd.DetectMult: intervals without a packet after which the neighbour gives up; 1..255.
  uint8_t multiplier = 3;
  friend bool operator==(const Timing&, const Timing&) = default;

  static constexpr uint32_t kLeastIntervalUs = 1'000;
  static constexpr uint32_t kMostIntervalUs = 60'000'000;
  bool valid() const {
    return interval_us >= kLeastIntervalUs && interval_us <= kMostIntervalUs && multiplier != 0;
  }
};

class Session {
 public:
  static constexpr uint64_t kNever = std::numeric_limits<uint64_t>::max();
  /// §6.8.3: the least interval while the session is not Up.
  static constexpr uint32_t kSlowIntervalUs = 1'000'000;

  /// `discriminator` is not 0 and no other session's. `seed`: for the jitter.
  Session(uint32_t discriminator, const Timing& timing, uint64_t seed, uint64_t nowUs);

  /// A packet for this session, §6.8.6 from the choice of the session on. Returns one to be sent at
  /// once: the answer to a Poll (§6.8.7), which no timer holds back. False in `accepted`: discarded
  /// because the session is AdminDown.
  struct Reception {
    std::optional<Packet> answer = {};
    bool accepted = true;
  };
  Reception receive(const Packet& packet, uint64_t nowUs);

  /// Lets time pass: the Detection Time may have expired, and a packet may be due, which is
  /// returned.
  std::optional<Packet> advance(uint64_t nowUs);
  /// When advance() has something to do next; kNever for nothing.
  uint64_t nextUs() const { return std::min(sendAtUs(), expiryUs()); }

  /// §6.8.3. While Up it takes effect with a Poll Sequence; a second change waits for that to end.
  void change(const Timing& timing);
  /// §6.8.16. From here on it only tells the neighbour so.
  void adminDown();

  State state() const { return state_; }
  Diagnostic diagnostic() const { return diagnostic_; }
  State remoteState() const { return remote_state_; }
  Diagnostic remoteDiagnostic() const { return remote_diagnostic_; }
  uint32_t localDiscriminator() const { return discriminator_; }
  /// 0 while unknown.
  uint32_t remoteDiscriminator() const { return remote_discriminator_; }
  /// Changes of the state.
  uint32_t transitions() const { return transitions_; }
  /// Between packets before jitter; 0 while the neighbour wants none (§6.8.7).
  uint64_t sendIntervalUs() const;
  /// §6.8.4; 0 before the neighbour's first packet.
  uint64_t detectionTimeUs() const;
  /// How long the neighbour waits for our packets before it gives up, as far as that is known.
  uint64_t remoteDetectionTimeUs() const;

 private:
  uint32_t desiredMinTxUs() const;
  uint64_t sendAtUs() const;
  uint64_t expiryUs() const;
  bool sendsPeriodically() const;
  Packet packet() const;
  void enter(State state, Diagnostic diagnostic);
  void endPoll();
  void expire();
  void drawJitter();

  const uint32_t discriminator_;
  // What packets say.
  Timing timing_;
  // What is in effect until a Poll Sequence ends: §6.8.3 defers slower sending and faster
  // expectation.
  uint32_t send_interval_us_;
  uint32_t expected_interval_us_;
  // Asked for during a Poll Sequence.
  std::optional<Timing> waiting_;
  bool polling_ = false;

  State state_ = State::kDown;
  Diagnostic diagnostic_ = Diagnostic::kNone;
  uint32_t transitions_ = 0;

  State remote_state_ = State::kDown;
  Diagnostic remote_diagnostic_ = Diagnostic::kNone;
  uint32_t remote_discriminator_ = 0;
  // §6.8.1: 1 until the neighbour has said something.
  uint32_t remote_min_rx_us_ = 1;
  uint32_t remote_min_tx_us_ = 0;
  // 0: it was not heard for the Detection Time, or never.
  uint8_t remote_multiplier_ = 0;
  bool remote_demand_ = false;

  uint64_t random_;
  // Of the interval to the next packet, in 1/65536.
  uint32_t jitter_ = 65'536;
  uint64_t sent_us_ = 0;
  // The first packet does not wait; nor does one whose contents changed (§6.8.7).
  bool send_now_ = true;
  // Of the last packet.
  uint64_t received_us_ = 0;
};

}  // namespace platypus::bfd
