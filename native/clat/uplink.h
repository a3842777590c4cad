// What the kernel knows of an uplink, as far as a CLAT asks: is it up, which /64s has it, is there
// native IPv4, and does somebody else run a CLAT.
#pragma once

#include <net/if.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "netlink/netlink.h"
#include "packet/address.h"

namespace platypus::clat {

inline constexpr size_t kMostNetworks = 16;
inline constexpr size_t kMostAddresses = 16;
inline constexpr size_t kMostUplinks = 8;

/// A name of a device; empty for none.
struct DeviceName {
  std::array<char, IFNAMSIZ> text{};

  DeviceName() = default;
  /// Too long a name is none.
  explicit DeviceName(std::string_view name);
  const char* c_str() const { return text.data(); }
  bool empty() const { return text[0] == '\0'; }
  friend bool operator==(const DeviceName&, const DeviceName&) = default;
};

/// A global address of the uplink in a network of 64 bits.
struct OwnNetwork {
  Ipv6Address address;
  bool deprecated = false;
};

/// A global address of the uplink that is in use, whatever its network.
struct OwnAddress {
  Ipv6Address address;
  bool deprecated = false;
  bool temporary = false;
};

struct Uplink {
  bool present = false;
  /// Up, and with a carrier.
  bool running = false;
  uint32_t index = 0;
  /// Of IPv6 where that is less than the device's.
  uint32_t mtu = 0;
  /// ARPHRD_*.
  uint16_t type = 0;
  std::array<OwnNetwork, kMostNetworks> networks{};
  size_t network_count = 0;
  std::array<OwnAddress, kMostAddresses> addresses{};
  size_t address_count = 0;
  /// A default IPv4 route goes out of it, and its metric.
  bool native4 = false;
  uint32_t native_metric = 0;
  /// The highest metric of all default IPv4 routes that are not ours; 0 without any.
  uint32_t highest_metric = 0;
  /// Bit n: one of these has the metric native_metric + 1 + n.
  uint64_t taken_metrics = 0;
  /// A device with an address of 192.0.0.0/29 and a default route, not ours (RFC 7335 §4).
  DeviceName other_clat{};
  /// Bit n: some other device has 192.0.0.n.
  uint8_t taken = 0;
  /// Bit n: a default IPv4 route goes out of the device own[n].
  uint8_t own_defaults = 0;
  /// As Plan's; whoever looks counts.
  uint32_t generation = 0;
  /// Of the default IPv6 route through the uplink; unspecified for none.
  Ipv6Address gateway{};

  std::span<const OwnNetwork> all() const { return {networks.data(), network_count}; }
  std::span<const OwnAddress> shareable() const { return {addresses.data(), address_count}; }
};

/// What makes up the picture of an uplink; pure, for look().
struct KernelTables {
  std::span<const netlink::Link> links;
  std::span<const netlink::InterfaceAddress> addresses;
  std::span<const netlink::Route> routes;
};

/// `own` are the CLAT devices of this program: what they have is not somebody else's.
Uplink makeUplink(const KernelTables& tables, const DeviceName& name,
                  std::span<const DeviceName> own);

/// Asks the kernel.
netlink::Status look(netlink::Netlink& netlink, const DeviceName& name,
                     std::span<const DeviceName> own, Uplink& uplink);

/// True for a notification after which look() may see something else: of any device or address, or
/// of a default route.
bool concernsUplinks(const netlink::Message& message);

/// True for a notification that the device `index` is down or gone: the kernel has taken away what
/// was attached to it, even if it is up again.
bool tellsOfDown(const netlink::Message& message, uint32_t index);

}  // namespace platypus::clat
