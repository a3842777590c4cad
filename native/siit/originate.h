// ICMP errors that the translator itself sends (RFC 7915 §4.4, §5.4; RFC 4443 §2.4; RFC 1812 §4.3).
#pragma once

#include "packet/address.h"
#include "packet/packet.h"
#include "packet/parse.h"
#include "packet/verdict.h"

namespace platypus {

/// Builds in `out` the ICMPv4 error that `verdict` asks for about the untranslated IPv4 `packet`.
/// False where none may be sent: about ICMP errors, later fragments, and packets whose source or
/// destination is not one host (RFC 1812 §4.3.2.7).
bool originateV4(const Packet& packet, const PacketView& view, const Verdict& verdict,
                 Ipv4Address source, uint16_t identification, Packet& out);

/// The same for IPv6 (RFC 4443 §2.4 (e)); "administratively prohibited" is not sent about any
/// ICMPv6 message (RFC 7915 §5.4).
bool originateV6(const Packet& packet, const PacketView& view, const Verdict& verdict,
                 const Ipv6Address& source, Packet& out);

/// Limits errors per second; `ratePerSecond` 0 lets none through (RFC 4443 §2.4 (f)).
///
/// Ownership: one worker.
class TokenBucket {
 public:
  void configure(uint32_t ratePerSecond, uint32_t burst) {
    rate_ = ratePerSecond;
    burst_ = burst;
    if (tokens_ > uint64_t{burst} * kScale) tokens_ = uint64_t{burst} * kScale;
  }
  /// True where one more may be sent at `nowMs`.
  bool take(uint64_t nowMs) {
    if (rate_ == 0) return false;
    if (!started_) {
      started_ = true;
      tokens_ = uint64_t{burst_} * kScale;
      last_ = nowMs;
    }
    if (nowMs > last_) {
      const uint64_t elapsed = nowMs - last_ < 60'000 ? nowMs - last_ : 60'000;
      tokens_ += elapsed * rate_;
      last_ = nowMs;
      if (tokens_ > uint64_t{burst_} * kScale) tokens_ = uint64_t{burst_} * kScale;
    }
    if (tokens_ < kScale) return false;
    tokens_ -= kScale;
    return true;
  }

 private:
  static constexpr uint64_t kScale =
      1000;  // tokens are counted in thousandths: one per ms and rate
  uint64_t tokens_ = 0;
  uint64_t last_ = 0;
  uint32_t rate_ = 0;
  uint32_t burst_ = 0;
  bool started_ = false;
};

}  // namespace platypus
