// Proxied neighbours: IPv6 addresses that the kernel answers neighbour solicitations for although
// they are none of its own (RFC 4861 §7.2.8, RFC 4389). linux/neighbour.h.
//
// The kernel answers only while the device forwards and its sysctl proxy_ndp is 1.
#pragma once

#include "netlink/socket.h"

namespace platypus::netlink {

/// Has the kernel answer for `address` on a device. One that is there already is no error. ENODEV,
/// EPERM.
Status addProxyNeighbour(Socket& socket, const char* link, const IpAddress& address);

/// ENOENT when there is none.
Status removeProxyNeighbour(Socket& socket, const char* link, const IpAddress& address);

}  // namespace platypus::netlink
