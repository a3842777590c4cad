// A session: one flow of one host, with everything a hit needs in one cache line (RFC 6146 §3.2).
//
// A plain record: it can be copied out and in, and its deadline may be refreshed by whoever sees
// its packets.
#pragma once

#include <cstdint>
#include <type_traits>

#include "nat64/tcp_fsm.h"
#include "packet/address.h"

namespace platypus {

/// The three BIBs and session tables (RFC 6146 §3).
enum class Proto : uint8_t { kNone, kTcp, kUdp, kIcmp };
inline constexpr size_t kProtos = 3;
constexpr size_t protoIndex(Proto proto) {
  return static_cast<size_t>(proto) - 1;
}

struct alignas(64) Session {
  static constexpr uint32_t kNone = 0xffffffff;
  static constexpr uint16_t kNoSyn = 0xffff;

  Ipv6Address host;    // X'; unspecified while isHalf()
  Ipv4Address pool;    // T
  Ipv4Address remote;  // Z
  Be16 host_port;      // x, or the ICMP identifier i1
  Be16 pool_port;      // t, or i2
  Be16 remote_port;    // z; for ICMP 0
  Proto proto;         // kNone: the record is free
  TcpState state : 4;  // TCP only
  uint8_t pool6 : 4;   // which prefix the host used
  uint32_t deadline;   // tick (100 ms) at which it is over
  uint32_t bib;        // record number; kNone while isHalf()
  uint32_t bib_next;   // the BIB entry's sessions
  uint32_t bib_previous;
  uint32_t timer_next;  // also the free list
  uint32_t timer_previous;
  uint32_t timer_slot;
  /// What a checksum changes by from IPv6 to IPv4, folded, for addresses and ports; 0: not known.
  uint16_t checksum_delta;
  uint16_t stored_syn;  // number of the stored SYN, kNoSyn if none

  /// RFC 6146 §3.5.2.2: a stored SYN waits and the IPv6 side is not known.
  bool isHalf() const { return bib == kNone; }
};
static_assert(sizeof(Session) == 64);
static_assert(std::is_trivially_copyable_v<Session>);

}  // namespace platypus
