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
};

struct Endpoints6 {
  Ipv6Address source;
  Ipv6Address destination;
  Be16 source_port;
  Be16 destination_port;
};

}  // namespace platypus
