// The two ends of a datagram in a form that JavaScript reads and writes as well.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "packet/byte_order.h"

namespace platypus {

/// The two ends of a datagram, laid out for JavaScript as well: 48 bytes, numbers in network order.
/// Copied from a received datagram's record to a send slot's, it makes the answer go to the sender
/// from the address that was asked.
///
///   byte 0   family: 4 or 6
///        1   zero
///        2   the peer's port
///        4   scope of the peer's address: an interface for IPv6 link-local ones, else 0
///        8   the peer's address, 16 bytes; IPv4 in the first 4, the rest zero
///       24   our address, likewise; all zero leaves the choice to the kernel
///       40   the interface the datagram came in by
///       44   zero
struct PeerRecord {
  using Address = std::array<std::byte, 16>;

  uint8_t family = 0;
  uint8_t zero1 = 0;
  Be16 port;
  Be32 scope;
  Address address{};
  Address local{};
  Be32 interface;
  Be32 zero44;
};
static_assert(sizeof(PeerRecord) == 48 && std::is_trivially_copyable_v<PeerRecord>);
static_assert(offsetof(PeerRecord, address) == 8 && offsetof(PeerRecord, local) == 24 &&
              offsetof(PeerRecord, interface) == 40);

}  // namespace platypus
