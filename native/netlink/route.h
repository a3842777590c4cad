// Routes of any table: list, add and remove. linux/rtnetlink.h.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "netlink/socket.h"

namespace platypus::netlink {

/// rtm_protocol of the routes we install where none is given, as `ip route` shows it (`proto 64`).
/// Unassigned in linux/rtnetlink.h (0–18, 42, 99, 186–189, 192) and in iproute2's rt_protos, and
/// outside of what FRR (up to 198) and the old gated numbers (246–254) use; 64 as in NAT64. With a
/// number of our own we recognise leftovers, and removeRoute() cannot take away anybody else's
/// route.
inline constexpr uint8_t kRouteProtocol = 64;

struct Route {
  IpAddress destination;
  /// Prefix length, bits.
  uint8_t length = 0;
  /// RTN_*: 1 unicast, 6 blackhole, 7 unreachable …
  uint8_t type = 0;
  uint8_t protocol = 0;
  /// Output device, 0 when the route has none. Of several next hops the first.
  uint32_t index = 0;
  /// AF_UNSPEC when there is none; may be IPv6 for an IPv4 route (RTA_VIA).
  IpAddress gateway;
  uint32_t table = 0;
  uint32_t metric = 0;
};

enum class RouteKind : uint8_t { kUnicast, kBlackhole };

/// A route to be made, or one that was made so.
struct RouteSpec {
  /// The device; empty where the gateway, or a blackhole, does without.
  const char* link = "";
  IpAddress destination;
  uint8_t length = 0;
  /// Absent: the family's default (0 for IPv4, 1024 for IPv6); on removal, any.
  std::optional<uint32_t> metric = {};
  /// Path MTU for packets that take this route, bytes.
  std::optional<uint32_t> mtu = {};
  /// AF_UNSPEC for none. IPv6 serves IPv4 routes as well (RFC 8950), with a device if link-local.
  IpAddress gateway = {};
  /// The gateway is on the link although no address of the device says so.
  bool onlink = false;
  uint32_t table = kMainTable;
  uint8_t protocol = kRouteProtocol;
  RouteKind kind = RouteKind::kUnicast;
  /// Takes the place of a route with the same destination, table and metric, whoever made that.
  bool replace = false;

  static constexpr uint32_t kMainTable = 254;
};

/// What to list; what is absent may be anything.
struct RouteFilter {
  std::optional<uint32_t> table = {};
  std::optional<uint8_t> protocol = {};
};

/// Appends the routes of both families that pass the filter, without cache entries.
Status listRoutes(Socket& socket, const RouteFilter& filter, std::vector<Route>& routes);

/// Adds a route. EEXIST where the same destination and metric exists, ENODEV, ENETDOWN when the
/// device is down, ENETUNREACH for a gateway that is not on the link, EINVAL for bits set past the
/// length (IPv4) and for an IPv4 gateway of an IPv6 route, EPERM.
Status addRoute(Socket& socket, const RouteSpec& route);

/// Removes a route that addRoute() made: of this table, protocol, kind and metric; a device and a
/// gateway have to match where they are given. ESRCH when there is none.
Status removeRoute(Socket& socket, const RouteSpec& route);

/// Takes an RTM_NEWROUTE message apart; nothing when it is of another type or a cache entry.
std::optional<Route> parseRoute(const Message& message);

}  // namespace platypus::netlink
