#include "netlink/route.h"

#include <linux/ipv6_route.h>
#include <linux/rtnetlink.h>

#include <algorithm>
#include <cerrno>

#include "netlink/link.h"

namespace platypus::netlink {
namespace {

// The scope of an IPv4 route tells how far its next hop is; IPv6 has no such scopes. On removal
// that is not asked for.
uint8_t scopeOf(const RouteSpec& route) {
  const bool onLink =
      route.destination.family == AF_INET && route.gateway.size() == 0 && route.link[0] != '\0';
  return onLink ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE;
}

void addGateway(Request& request, const RouteSpec& route) {
  if (route.gateway.family == route.destination.family) {
    request.add(RTA_GATEWAY, route.gateway.wire());
    return;
  }
  // struct rtvia: the family in host order, then the address.
  std::array<std::byte, sizeof(uint16_t) + 16> via{};
  const uint16_t family = route.gateway.family;
  std::memcpy(via.data(), &family, sizeof family);
  std::memcpy(via.data() + sizeof family, route.gateway.bytes.data(), route.gateway.size());
  request.add(RTA_VIA, Bytes(via).first(sizeof family + route.gateway.size()));
}

Status changeRoute(Socket& socket, uint16_t type, uint16_t flags, const RouteSpec& route) {
  if (route.destination.size() == 0 || route.length > route.destination.bits()) {
    return Status::failed(EINVAL);
  }
  const bool removal = type == RTM_DELROUTE;
  const bool hasLink = route.link[0] != '\0';
  const bool hasGateway = route.gateway.size() != 0;
  const bool unicast = route.kind == RouteKind::kUnicast;
  if (!removal && unicast != (hasLink || hasGateway)) return Status::failed(EINVAL);
  Link link;
  if (hasLink) {
    const Status found = findLink(socket, route.link, link);
    if (!found) return found;
  }
  rtmsg header{};
  header.rtm_family = route.destination.family;
  header.rtm_dst_len = route.length;
  header.rtm_table = static_cast<uint8_t>(route.table < 256 ? route.table : RT_TABLE_UNSPEC);
  header.rtm_protocol = route.protocol;
  header.rtm_scope = removal ? static_cast<uint8_t>(RT_SCOPE_NOWHERE) : scopeOf(route);
  header.rtm_type = unicast ? RTN_UNICAST : RTN_BLACKHOLE;
  if (route.onlink) header.rtm_flags = RTNH_F_ONLINK;
  Request request(type, static_cast<uint16_t>(flags | NLM_F_ACK), header);
  request.add(RTA_DST, route.destination.wire());
  request.add(RTA_TABLE, route.table);
  if (hasLink) request.add(RTA_OIF, link.index);
  if (hasGateway) addGateway(request, route);
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

Status listRoutes(Socket& socket, const RouteFilter& filter, std::vector<Route>& routes) {
  std::vector<Route> found;
  for (const uint8_t family : {uint8_t{AF_INET}, uint8_t{AF_INET6}}) {
    // A filter where the kernel checks requests strictly (4.20), so that a host with a full table
    // need not send that; older ones send all, which is why it is applied below again.
    rtmsg header{};
    header.rtm_family = family;
    header.rtm_protocol = filter.protocol.value_or(RTPROT_UNSPEC);
    Request request(RTM_GETROUTE, NLM_F_DUMP, header);
    if (filter.table) request.add(RTA_TABLE, *filter.table);
    const Status status = socket.get(request, parseRoute, found);
    // A family that is switched off (ipv6.disable=1) has no routes, nor has a table that the kernel
    // has had no reason to make yet (ENOENT, an IPv4 main table before the first address).
    if (!status && status.error != EOPNOTSUPP && status.error != EAFNOSUPPORT &&
        status.error != ENOENT) {
      return status;
    }
  }
  for (const Route& route : found) {
    if (filter.table && route.table != *filter.table) continue;
    if (filter.protocol && route.protocol != *filter.protocol) continue;
    routes.push_back(route);
  }
  return {};
}

Status addRoute(Socket& socket, const RouteSpec& route) {
  return changeRoute(socket, RTM_NEWROUTE,
                     NLM_F_CREATE | (route.replace ? NLM_F_REPLACE : NLM_F_EXCL), route);
}

Status removeRoute(Socket& socket, const RouteSpec& route) {
  if (route.destination.size() == 0) return Status::failed(EINVAL);
  if (route.link[0] != '\0') {
    Link link;
    const Status found = findLink(socket, route.link, link);
    if (!found) return found;
  }
  // The kernel itself takes only what has the metric, and in IPv4 the kind or in IPv6 the gateway,
  // which a blackhole has not. A list would cost as much as there are routes.
  const bool sameKind = route.destination.family == AF_INET || route.gateway.size() > 0;
  if (route.metric.value_or(0) != 0 && sameKind) return changeRoute(socket, RTM_DELROUTE, 0, route);
  // To the kernel a metric of 0 means any on removal, and any kind of IPv6 route is as good as
  // another. So both are looked at here.
  const RouteFilter filter{.table = route.table, .protocol = route.protocol};
  std::vector<Route> rows;
  const Status listed = listRoutes(socket, filter, rows);
  if (!listed) return listed;
  const uint8_t type = route.kind == RouteKind::kUnicast ? RTN_UNICAST : RTN_BLACKHOLE;
  RouteSpec exact = route;
  if (exact.metric == 0 && route.destination.family == AF_INET6) exact.metric = IP6_RT_PRIO_USER;
  const bool exists = std::any_of(rows.begin(), rows.end(), [&](const Route& row) {
    return row.destination == route.destination && row.length == route.length && row.type == type &&
           (!exact.metric || row.metric == *exact.metric);
  });
  if (!exists) return Status::failed(ESRCH);
  return changeRoute(socket, RTM_DELROUTE, 0, exact);
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
  return route;
}

}  // namespace platypus::netlink
