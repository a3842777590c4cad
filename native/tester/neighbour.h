// Where frames for an address are to be sent: the next hop that the kernel's routes name, and its
// link layer address from the kernel's neighbour table. linux/rtnetlink.h, linux/neighbour.h.
#pragma once

#include "netlink/link.h"
#include "netlink/message.h"
#include "tester/frame.h"

namespace platypus::tester {

/// Which part of finding the next hop failed.
enum class Hop {
  kFound,
  kNoRoute,      // no route, or one that refuses
  kOwnAddress,   // the destination is this host's: its own stack would answer
  kOtherDevice,  // the route leads out of another device
  kNoAnswer,     // the next hop did not answer ARP or neighbour discovery within 2 s
};

struct NextHop {
  Hop found = Hop::kNoRoute;
  /// errno of the system call that failed, else 0.
  int error = 0;
  Mac mac{};
};

/// Asks in the network namespace of the calling thread; makes the kernel resolve the next hop when
/// it has not yet (one datagram to its discard port). Blocks for 2 s at most.
NextHop findNextHop(const netlink::Link& link, const netlink::IpAddress& destination);

}  // namespace platypus::tester
