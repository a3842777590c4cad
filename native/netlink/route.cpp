#include "netlink/route.h"

#include <linux/rtnetlink.h>

#include <cerrno>

#include "netlink/link.h"

namespace platypus::netlink {
namespace {

Status changeRoute(Socket& socket, uint16_t type, uint16_t flags, const DeviceRoute& route) {
  if (route.destination.size() == 0 || route.length > route.destination.bits()) {
    return Status::failed(EINVAL);
  }
  Link link;
  const Status found = findLink(socket, route.link, link);
  if (!found) return found;
  rtmsg header{};
  header.rtm_family = route.destination.family;
  header.rtm_dst_len = route.length;
  header.rtm_table = RT_TABLE_MAIN;
  header.rtm_protocol = kRouteProtocol;
  // An IPv4 route without a gateway reaches its destinations on the link; IPv6 has no such scopes.
  header.rtm_scope = route.destination.family == AF_INET ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE;
  header.rtm_type = RTN_UNICAST;
  Request request(type, static_cast<uint16_t>(flags | NLM_F_ACK), header);
  request.add(RTA_DST, route.destination.wire());
  request.add(RTA_OIF, link.index);
  if (route.metric) request.add(RTA_PRIORITY, *route.metric);
  if (route.mtu) {
    const size_t metrics = request.begin(RTA_METRICS);
    request.add(RTAX_MTU, *route.mtu);
    request.end(metrics);
  }
  return socket.change(request);
}

// The first next hop of a multipath route.
void parseFirstHop(Bytes hops, uint8_t family, Route& route);

void parseNextHop(const Attribute& attribute, uint8_t family, Route& route) {
  switch (attribute.type) {
    case RTA_OIF:
      route.index = attribute.u32().value_or(0);
      break;
    case RTA_GATEWAY:
      route.gateway = IpAddress::from(family, attribute.value).value_or(IpAddress{});
      break;
    case RTA_VIA:
      // struct rtvia: a family of its own, then the address.
      if (const auto via_family = read<uint16_t>(attribute.value);
          via_family && (*via_family == AF_INET || *via_family == AF_INET6)) {
        route.gateway = IpAddress::from(static_cast<uint8_t>(*via_family),
                                        attribute.value.subspan(sizeof(uint16_t)))
                            .value_or(IpAddress{});
      }
      break;
    case RTA_MULTIPATH:
      parseFirstHop(attribute.value, family, route);
      break;
    default:
      break;
  }
}

void parseFirstHop(Bytes hops, uint8_t family, Route& route) {
  const auto hop = read<rtnexthop>(hops);
  if (!hop || hop->rtnh_len < sizeof(rtnexthop) || hop->rtnh_len > hops.size()) return;
  route.index = static_cast<uint32_t>(hop->rtnh_ifindex);
  forEachAttribute(hops.first(hop->rtnh_len).subspan(sizeof(rtnexthop)),
                   [&](const Attribute& attribute) {
                     // A hop holds no hops; without this check nested ones would recurse.
                     if (attribute.type != RTA_MULTIPATH) parseNextHop(attribute, family, route);
                   });
}

}  // namespace

Status listRoutes(Socket& socket, std::vector<Route>& routes) {
  std::vector<Route> found;
  for (const uint8_t family : {uint8_t{AF_INET}, uint8_t{AF_INET6}}) {
    rtmsg header{};
    header.rtm_family = family;
    // A filter where the kernel checks requests strictly (4.20); older ones send all tables and
    // parseRoute() drops the rest.
    header.rtm_table = RT_TABLE_MAIN;
    Request request(RTM_GETROUTE, NLM_F_DUMP, header);
    const Status status = socket.get(request, parseRoute, found);
    // A family that is switched off (ipv6.disable=1) has no routes, nor has a table that the kernel
    // has had no reason to make yet (ENOENT, an IPv4 main table before the first address).
    if (!status && status.error != EOPNOTSUPP && status.error != EAFNOSUPPORT &&
        status.error != ENOENT) {
      return status;
    }
  }
  routes.insert(routes.end(), found.begin(), found.end());
  return {};
}

Status addRoute(Socket& socket, const DeviceRoute& route) {
  return changeRoute(socket, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, route);
}

Status removeRoute(Socket& socket, const DeviceRoute& route) {
  return changeRoute(socket, RTM_DELROUTE, 0, route);
}

std::optional<Route> parseRoute(const Message& message) {
  const auto header = read<rtmsg>(message.payload);
  if (message.type != RTM_NEWROUTE || !header) return std::nullopt;
  if ((header->rtm_flags & RTM_F_CLONED) != 0) return std::nullopt;
  Route route;
  route.destination.family = header->rtm_family;
  if (route.destination.size() == 0 || header->rtm_dst_len > route.destination.bits()) {
    return std::nullopt;
  }
  route.length = header->rtm_dst_len;
  route.type = header->rtm_type;
  route.protocol = header->rtm_protocol;
  route.table = header->rtm_table;
  forEachAttribute(
      message.payload.subspan(aligned(sizeof(rtmsg))), [&](const Attribute& attribute) {
        switch (attribute.type) {
          case RTA_DST:
            route.destination =
                IpAddress::from(header->rtm_family, attribute.value).value_or(route.destination);
            break;
          case RTA_TABLE:
            route.table = attribute.u32().value_or(route.table);
            break;
          case RTA_PRIORITY:
            route.metric = attribute.u32().value_or(0);
            break;
          default:
            parseNextHop(attribute, header->rtm_family, route);
        }
      });
  if (route.table != RT_TABLE_MAIN) return std::nullopt;
  return route;
}

}  // namespace platypus::netlink
