// A configuration snapshot: made by the control thread, never changed afterwards, used by the
// workers from one burst to the next.
#pragma once

#include <cstdint>
#include <optional>

#include "nat64/config.h"
#include "packet/address.h"
#include "siit/config.h"

namespace platypus {

enum class Mode : uint8_t { kNat64, kSiit };

struct Config {
  Mode mode = Mode::kNat64;
  /// pool6 and policy serve both modes.
  Nat64Config translation;
  SiitConfig siit;
  /// ICMP errors that the translator itself sends, per family and worker.
  uint32_t icmp_rate_per_second = 1000;
  uint32_t icmp_burst = 50;
  /// Their source; without one, the pool4 address that was asked for, or pool6 with 192.0.0.8.
  std::optional<Ipv4Address> icmp_source4;
  std::optional<Ipv6Address> icmp_source6;
};

}  // namespace platypus
