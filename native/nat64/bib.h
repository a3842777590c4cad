// A BIB entry: (X',x) <-> (T,t) in one of the three BIBs (RFC 6146 §3.1).
#pragma once

#include <cstdint>
#include <type_traits>

#include "nat64/session.h"
#include "packet/address.h"

namespace platypus {

struct Bib {
  static constexpr uint32_t kNone = 0xffffffff;

  Ipv6Address host;
  Ipv4Address pool;
  Be16 host_port;
  Be16 pool_port;
  Proto proto;     // kNone: the record is free
  bool is_static;  // removed by the administrator only
  uint8_t pool6;   // the prefix a session opened from the IPv4 side uses
  uint8_t unused;
  uint32_t first_session;  // also the free list
  uint32_t session_count;
  uint32_t host_number;  // record of the host, for the count of its entries
  uint32_t pool_slot;    // of `pool` in Pool4
};
static_assert(sizeof(Bib) == 44);
static_assert(std::is_trivially_copyable_v<Bib>);

/// An IPv6 host and the pool4 address it is paired with (RFC 4787 REQ-2): kept as long as it has
/// BIB entries of any protocol.
struct Host {
  Ipv6Address address;
  uint32_t bib_count;  // 0: the record is free
  uint32_t pool_slot;  // also the free list
};
static_assert(sizeof(Host) == 24);

}  // namespace platypus
