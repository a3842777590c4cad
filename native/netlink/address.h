// Addresses of network devices: list, add, remove. linux/if_addr.h.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "netlink/socket.h"

namespace platypus::netlink {

struct InterfaceAddress {
  uint32_t index = 0;
  IpAddress address;
  /// Prefix length, bits.
  uint8_t length = 0;
  /// RT_SCOPE_*: 0 global, 253 link, 254 host.
  uint8_t scope = 0;
  /// IPv6: not usable yet. Duplicate address detection is running (RFC 4862 §5.4) or, on a device
  /// without neighbours such as TUN, the kernel's work queue has not come to it (milliseconds).
  bool tentative = false;
  /// IPv6: its preferred lifetime has ended (RFC 4862 §5.5.4); new connections choose another.
  bool deprecated = false;
  /// IPv6: one of those that change each day (RFC 8981).
  bool temporary = false;
};

/// Appends the addresses of all devices, both families.
Status listAddresses(Socket& socket, std::vector<InterfaceAddress>& addresses);

/// Adds an address to a device. An IPv6 address serves once it is listed without `tentative`;
/// asking for IFA_F_NODAD would only hide that, as its local route is made in the same work queue.
/// EEXIST, ENODEV, EPERM; EINVAL for a length the family does not have.
Status addAddress(Socket& socket, const char* link, const IpAddress& address, uint8_t length);

/// Removes an address. EADDRNOTAVAIL when the device does not have it.
Status removeAddress(Socket& socket, const char* link, const IpAddress& address, uint8_t length);

/// Takes an RTM_NEWADDR message apart; nothing when it is of another type or has no address.
std::optional<InterfaceAddress> parseAddress(const Message& message);

}  // namespace platypus::netlink
