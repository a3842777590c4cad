// The sockets of a CLAT on one uplink. Each opens non-blocking and bound to the device, and fails
// with an errno and the name of the call.
#pragma once

#include <cstdint>
#include <span>

#include "clat/router_advertisement.h"
#include "socket/descriptor.h"

namespace platypus::clat {

/// Router and neighbour advertisements and neighbour solicitations; the kernel checks checksums.
/// Needs CAP_NET_RAW.
OpenedSocket openIcmp6(const char* device);

/// One message; its length, 0 when there is none that can be used, negative when there is none.
long receiveIcmp6(int fd, std::span<std::byte> buffer, Arrival& arrival);

/// A socket that sends and receives nothing by itself, for sendFrame(). Needs CAP_NET_RAW.
OpenedSocket openPacket();

/// Sends an IPv6 packet to a multicast group of a link with Ethernet addresses. 0 or an errno.
int sendToGroup(int fd, uint32_t index, std::span<const std::byte> packet);

/// A UDP socket connected to port 53 of a resolver, from a port that the kernel draws.
OpenedSocket openDns(const char* device, uint32_t index, const Ipv6Address& resolver);

/// A router solicitation from :: (RFC 4861 §4.1), a whole packet: it needs no address yet.
std::array<std::byte, 48> makeRouterSolicitation();

}  // namespace platypus::clat
