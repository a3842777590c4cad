// Network devices: list, find, set up or down, MTU and queue length. linux/if_link.h.
#pragma once

#include <net/if.h>

#include <cstdint>
#include <optional>
#include <vector>

#include "netlink/socket.h"

namespace platypus::netlink {

struct Link {
  uint32_t index = 0;
  char name[IFNAMSIZ] = {};
  uint32_t mtu = 0;
  /// net.ipv6.conf.*.mtu, which a router may have lowered (RFC 4861 §4.6.4); 0 without IPv6.
  uint32_t mtu6 = 0;
  uint32_t tx_queue_length = 0;
  bool up = false;
  /// Up, and there is a carrier.
  bool running = false;
  /// ARPHRD_*: 1 Ethernet and what looks like it.
  uint16_t type = 0;
};

/// What to change; what is absent stays.
struct LinkChange {
  std::optional<bool> up = {};
  std::optional<uint32_t> mtu = {};
  std::optional<uint32_t> tx_queue_length = {};
};

/// Appends every device of the namespace.
Status listLinks(Socket& socket, std::vector<Link>& links);

/// Finds a device by name. ENODEV when there is none.
Status findLink(Socket& socket, const char* name, Link& link);

/// Changes a device by name. ENODEV, EPERM; EINVAL for an MTU that the device cannot have.
Status setLink(Socket& socket, const char* name, const LinkChange& change);

/// Takes an RTM_NEWLINK message apart; nothing when it is of another type, or has no usable name.
std::optional<Link> parseLink(const Message& message);

}  // namespace platypus::netlink
