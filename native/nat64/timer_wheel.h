// When sessions expire: a wheel of slots, one tick (100 ms) each, with an intrusive list of
// sessions in every slot.
//
// A packet of a session only writes the session's deadline and does not touch the wheel. When a
// slot's time comes, a session whose deadline has moved on is put into the slot of its new
// deadline. So the packet path costs nothing, and an active session is looked at once per lifetime.
// (Queues per time-out class would cost two foreign cache lines on every packet, to move it to the
// tail.)
//
// Ownership: one worker.
#pragma once

#include <cstdint>

#include "nat64/huge_array.h"
#include "nat64/session.h"

namespace platypus {

class TimerWheel {
 public:
  TimerWheel() = default;
  explicit TimerWheel(HugeArray<Session>* sessions)
      : sessions_(sessions), heads_(kSlots, HugeArray<uint32_t>::Take::kNow) {
    for (uint32_t i = 0; i < kSlots; ++i) heads_[i] = Session::kNone;
  }

  bool ok() const { return heads_.ok(); }
  size_t bytes() const { return heads_.bytes(); }
  void startAt(uint32_t tick) { current_ = tick; }

  /// Queues a session by its deadline.
  void add(uint32_t number) {
    Session& session = (*sessions_)[number];
    const auto away = static_cast<int32_t>(session.deadline - current_);
    // The past goes into the slot that is being emptied; what lies beyond the horizon is looked at
    // once on its way.
    const uint32_t distance = away < 0 ? 0 : static_cast<uint32_t>(away);
    const uint32_t slot = (current_ + (distance < kSlots ? distance : kSlots - 1)) % kSlots;
    session.timer_slot = slot;
    session.timer_previous = Session::kNone;
    session.timer_next = heads_[slot];
    if (session.timer_next != Session::kNone) {
      (*sessions_)[session.timer_next].timer_previous = number;
    }
    heads_[slot] = number;
  }

  void remove(uint32_t number) {
    Session& session = (*sessions_)[number];
    if (session.timer_previous != Session::kNone) {
      (*sessions_)[session.timer_previous].timer_next = session.timer_next;
    } else {
      heads_[session.timer_slot] = session.timer_next;
    }
    if (session.timer_next != Session::kNone) {
      (*sessions_)[session.timer_next].timer_previous = session.timer_previous;
    }
  }

  /// After a deadline came nearer (a later one needs no call).
  void hasten(uint32_t number) {
    remove(number);
    add(number);
  }

  /// Calls expire(number) for sessions whose deadline is `now` or earlier, looking at most at
  /// `budget` sessions. The callback has to remove the session from the wheel and may add() it
  /// again with a later deadline. True when nothing is left to do at `now`.
  template <typename Expire>
  bool advance(uint32_t now, uint32_t budget, Expire&& expire) {
    for (;;) {
      const uint32_t slot = current_ % kSlots;
      while (heads_[slot] != Session::kNone) {
        if (budget == 0) return false;
        --budget;
        const uint32_t number = heads_[slot];
        if (static_cast<int32_t>((*sessions_)[number].deadline - current_) <= 0) {
          expire(number);
        } else {
          remove(number);
          add(number);
        }
      }
      if (static_cast<int32_t>(now - current_) <= 0) return true;
      ++current_;
    }
  }

 private:
  /// 2^17 ticks of 100 ms: 3 h 38 min, more than the longest default lifetime.
  static constexpr uint32_t kSlots = 1u << 17;

  HugeArray<Session>* sessions_ = nullptr;
  HugeArray<uint32_t> heads_;
  uint32_t current_ = 0;
};

}  // namespace platypus
