// The addresses and ports a packet gets in the other family; ports are used only where the packet
// has them (for an echo, source_port is the identifier).
#pragma once

#include "packet/address.h"
#include "packet/byte_order.h"

namespace platypus {

struct Endpoints4 {
  Ipv4Address source;
  Ipv4Address destination;
  Be16 source_port;
  Be16 destination_port;
  /// What addresses and ports change a TCP or UDP checksum by from IPv6 to IPv4 (ChecksumDelta::
  /// folded()), where somebody has kept it; 0 where it is to be computed.
  uint16_t checksum_delta = 0;
};

struct Endpoints6 {
  Ipv6Address source;
  Ipv6Address destination;
  Be16 source_port;
  Be16 destination_port;
  /// As in Endpoints4: from IPv6 to IPv4, so it is taken away here.
  uint16_t checksum_delta = 0;
};

}  // namespace platypus
