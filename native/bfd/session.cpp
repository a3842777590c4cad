// In the order of RFC 5880 §6.8: reception (6.8.6), expiry (6.8.4), transmission (6.8.7), and what
// the operator changes (6.8.3, 6.8.16).
#include "bfd/session.h"

namespace platypus::bfd {

Session::Session(uint32_t discriminator, const Timing& timing, uint64_t seed, uint64_t nowUs)
    : discriminator_(discriminator),
      timing_(timing),
      send_interval_us_(timing.interval_us),
      expected_interval_us_(timing.interval_us),
      random_(seed),
      sent_us_(nowUs) {
  drawJitter();
}

Session::Reception Session::receive(const Packet& packet, uint64_t nowUs) {
  remote_discriminator_ = packet.my_discriminator;
  remote_state_ = packet.state;
  remote_diagnostic_ = packet.diagnostic;
  remote_demand_ = packet.demand;
  remote_min_rx_us_ = packet.required_min_rx_us;
  remote_min_tx_us_ = packet.desired_min_tx_us;
  remote_multiplier_ = packet.multiplier;
  if (polling_ && packet.final) endPoll();
  // Also a session that is down tells a neighbour that was restarted from one that is gone.
  received_us_ = nowUs;
  if (state_ == State::kAdminDown) return {.accepted = false};
  if (packet.state == State::kAdminDown) {
    if (state_ != State::kDown) enter(State::kDown, Diagnostic::kNeighborSignaledDown);
  } else if (state_ == State::kDown) {
    if (packet.state == State::kDown) enter(State::kInit, diagnostic_);
    if (packet.state == State::kInit) enter(State::kUp, Diagnostic::kNone);
  } else if (state_ == State::kInit) {
    if (packet.state != State::kDown) enter(State::kUp, Diagnostic::kNone);
  } else if (packet.state == State::kDown) {
    enter(State::kDown, Diagnostic::kNeighborSignaledDown);
  }
  if (!packet.poll) return {};
  Packet answer = this->packet();
  // §6.5: never both.
  answer.poll = false;
  answer.final = true;
  return {.answer = answer};
}

// bfd.DetectMult of the neighbour times the longer of what it sends at and what we accept.
uint64_t Session::detectionTimeUs() const {
  return uint64_t{remote_multiplier_} * std::max(expected_interval_us_, remote_min_tx_us_);
}

uint64_t Session::expiryUs() const {
  return remote_multiplier_ == 0 ? kNever : received_us_ + detectionTimeUs();
}

uint64_t Session::remoteDetectionTimeUs() const {
  return uint64_t{timing_.multiplier} * std::max(desiredMinTxUs(), remote_min_rx_us_);
}

std::optional<Packet> Session::advance(uint64_t nowUs) {
  if (nowUs >= expiryUs()) expire();
  if (nowUs < sendAtUs()) return std::nullopt;
  sent_us_ = nowUs;
  send_now_ = false;
  drawJitter();
  return packet();
}

// §6.8.1 and §6.8.4. The neighbour is a stranger again, also as to what it wants to receive: one
// that said 0 would otherwise never hear from us when it returns.
void Session::expire() {
  remote_discriminator_ = 0;
  remote_state_ = State::kDown;
  remote_min_rx_us_ = 1;
  remote_min_tx_us_ = 0;
  remote_multiplier_ = 0;
  remote_demand_ = false;
  if (state_ == State::kInit || state_ == State::kUp) {
    enter(State::kDown, Diagnostic::kDetectionTimeExpired);
  }
}

void Session::enter(State state, Diagnostic diagnostic) {
  const bool was_up = state_ == State::kUp;
  state_ = state;
  diagnostic_ = diagnostic;
  ++transitions_;
  if (was_up) {
    // What waited for the Poll Sequence is in effect with the slower pace already.
    if (waiting_) timing_ = *waiting_;
    waiting_.reset();
    polling_ = false;
    send_interval_us_ = timing_.interval_us;
    expected_interval_us_ = timing_.interval_us;
  }
  // The pace changes to that of the configuration, §6.8.3.
  if (state == State::kUp) polling_ = true;
  // A packet with changed contents need not wait for its time.
  send_now_ = true;
}

// §6.8.3: in packets, and as the pace while not Up.
uint32_t Session::desiredMinTxUs() const {
  return state_ == State::kUp ? timing_.interval_us
                              : std::max(timing_.interval_us, kSlowIntervalUs);
}

// §6.8.7.
bool Session::sendsPeriodically() const {
  if (remote_min_rx_us_ == 0) return false;
  const bool demand = remote_demand_ && state_ == State::kUp && remote_state_ == State::kUp;
  return !demand || polling_;
}

uint64_t Session::sendIntervalUs() const {
  if (remote_min_rx_us_ == 0) return 0;
  const uint32_t own = state_ == State::kUp ? send_interval_us_ : desiredMinTxUs();
  return std::max(own, remote_min_rx_us_);
}

uint64_t Session::sendAtUs() const {
  if (!sendsPeriodically()) return kNever;
  if (send_now_) return sent_us_;
  return sent_us_ + (sendIntervalUs() * jitter_ >> 16);
}

// §6.8.7: less 0 to 25 %; with a multiplier of 1, where every packet counts, 75 to 90 % are left.
void Session::drawJitter() {
  // SplitMix64.
  random_ += 0x9e3779b97f4a7c15u;
  uint64_t mixed = random_;
  mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9u;
  mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111ebu;
  mixed ^= mixed >> 31;
  constexpr uint32_t kLeast = 65'536 * 3 / 4;
  constexpr uint32_t kMost = 65'536;
  constexpr uint32_t kMostAlone = 65'536 * 9 / 10;
  const uint32_t most = timing_.multiplier == 1 ? kMostAlone : kMost;
  jitter_ = kLeast + static_cast<uint32_t>(mixed % (most - kLeast + 1));
}

Packet Session::packet() const {
  return {.diagnostic = diagnostic_,
          .state = state_,
          .poll = polling_,
          .multiplier = timing_.multiplier,
          .my_discriminator = discriminator_,
          .your_discriminator = remote_discriminator_,
          .desired_min_tx_us = desiredMinTxUs(),
          .required_min_rx_us = timing_.interval_us};
}

void Session::endPoll() {
  polling_ = false;
  send_interval_us_ = timing_.interval_us;
  expected_interval_us_ = timing_.interval_us;
  if (!waiting_) return;
  const Timing next = *waiting_;
  waiting_.reset();
  change(next);
}

void Session::change(const Timing& timing) {
  if (polling_) {
    waiting_ = timing;
    return;
  }
  if (timing == timing_) return;
  timing_ = timing;
  if (state_ != State::kUp) {
    send_interval_us_ = timing.interval_us;
    expected_interval_us_ = timing.interval_us;
    return;
  }
  // Faster sending and slower expectation are safe at once, the rest when the neighbour knows.
  send_interval_us_ = std::min(send_interval_us_, timing.interval_us);
  expected_interval_us_ = std::max(expected_interval_us_, timing.interval_us);
  polling_ = true;
  send_now_ = true;
}

void Session::adminDown() {
  if (state_ != State::kAdminDown) {
    enter(State::kAdminDown, Diagnostic::kAdministrativelyDown);
  }
}

}  // namespace platypus::bfd
