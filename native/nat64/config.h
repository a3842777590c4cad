// The stateful translator's part of a configuration snapshot.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "nat64/pool4.h"
#include "nat64/session.h"
#include "siit/policy.h"
#include "siit/pool6.h"

namespace platypus {

/// Lifetimes in ticks of 100 ms (RFC 6146 §4).
struct Timeouts {
  uint32_t udp = 3000;
  uint32_t tcp_established = 72'000;
  uint32_t tcp_transitory = 2400;
  uint32_t tcp_incoming_syn = 60;
  uint32_t icmp = 600;
  uint32_t fragment = 20;
};

struct Nat64Config {
  Pool6 pool6;
  TranslationPolicy policy;
  Timeouts timeouts;
  std::vector<Pool4Entry> pool4;
  /// RFC 6146 §3.5.2.2: connections opened from the IPv4 side are silently dropped.
  bool drop_inbound_tcp = false;
};

/// Fixed at start.
struct Nat64Limits {
  uint32_t sessions = 1u << 20;
  uint32_t bib = 1u << 20;
  uint32_t hosts = 1u << 17;
  uint32_t reassembly = 256;
  uint32_t stored_syns = 1024;
  uint32_t path_mtus = 4096;
  /// Address-dependent filtering by protocol, in the order of Proto (RFC 6146 §3.5).
  std::array<bool, kProtos> filtering{};
};

}  // namespace platypus
