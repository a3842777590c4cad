#include "clat/uplink.h"

#include <linux/rtnetlink.h>

#include <algorithm>
#include <cstring>
#include <vector>

namespace platypus::clat {
namespace {

// RFC 7335 §4.
constexpr Ipv4Prefix kClatBlock{Ipv4Address::fromHost(0xc0000000), 29};

Ipv6Address address6(const netlink::IpAddress& from) {
  Ipv6Address address;
  std::memcpy(address.bytes.data(), from.bytes.data(), 16);
  return address;
}

Ipv4Address address4(const netlink::IpAddress& from) {
  Ipv4Address address;
  std::memcpy(&address, from.bytes.data(), 4);
  return address;
}

DeviceName nameOf(const KernelTables& tables, uint32_t index) {
  for (const netlink::Link& link : tables.links) {
    if (link.index == index) return DeviceName(link.name);
  }
  return {};
}

// own.size() for none of them.
size_t ownNumber(const KernelTables& tables, uint32_t index, std::span<const DeviceName> own) {
  const auto at = std::find(own.begin(), own.end(), nameOf(tables, index));
  return static_cast<size_t>(at - own.begin());
}

bool isOwn(const KernelTables& tables, uint32_t index, std::span<const DeviceName> own) {
  return ownNumber(tables, index, own) < own.size();
}

void addAddress(const netlink::InterfaceAddress& row, Uplink& uplink) {
  if (row.address.family != AF_INET6 || row.scope != RT_SCOPE_UNIVERSE) return;
  // Before the end of its detection an address may turn out to be another host's.
  if (!row.tentative && uplink.address_count < uplink.addresses.size()) {
    uplink.addresses[uplink.address_count++] = {address6(row.address), row.deprecated,
                                                row.temporary};
  }
  if (row.length != 64 || uplink.network_count == uplink.networks.size()) return;
  uplink.networks[uplink.network_count++] = {address6(row.address), row.deprecated};
}

}  // namespace

DeviceName::DeviceName(std::string_view name) {
  if (name.size() < text.size()) std::copy(name.begin(), name.end(), text.begin());
}

Uplink makeUplink(const KernelTables& tables, const DeviceName& name,
                  std::span<const DeviceName> own) {
  Uplink uplink;
  for (const netlink::Link& link : tables.links) {
    if (DeviceName(link.name) != name) continue;
    uplink.present = true;
    uplink.running = link.running;
    uplink.index = link.index;
    uplink.mtu = link.mtu6 == 0 ? link.mtu : std::min(link.mtu, link.mtu6);
    uplink.type = link.type;
  }
  if (!uplink.present) return uplink;
  for (const netlink::InterfaceAddress& row : tables.addresses) {
    if (row.index == uplink.index) addAddress(row, uplink);
    if (row.address.family != AF_INET || !kClatBlock.contains(address4(row.address))) continue;
    if (isOwn(tables, row.index, own)) continue;
    uplink.taken |= static_cast<uint8_t>(1u << (address4(row.address).host() & 7));
    const bool leads =
        std::any_of(tables.routes.begin(), tables.routes.end(), [&](const netlink::Route& route) {
          return route.destination.family == AF_INET && route.length == 0 &&
                 route.index == row.index;
        });
    if (leads) uplink.other_clat = nameOf(tables, row.index);
  }
  for (const netlink::Route& route : tables.routes) {
    if (route.length != 0 || route.type != RTN_UNICAST) continue;
    if (route.destination.family == AF_INET6) {
      if (route.index == uplink.index && route.gateway.family == AF_INET6) {
        uplink.gateway = address6(route.gateway);
      }
      continue;
    }
    if (const size_t n = ownNumber(tables, route.index, own); n < own.size()) {
      uplink.own_defaults |= static_cast<uint8_t>(1u << n);
      continue;
    }
    uplink.highest_metric = std::max(uplink.highest_metric, route.metric);
    if (route.index != uplink.index) continue;
    uplink.native_metric =
        uplink.native4 ? std::max(uplink.native_metric, route.metric) : route.metric;
    uplink.native4 = true;
  }
  for (const netlink::Route& route : tables.routes) {
    if (route.length != 0 || route.type != RTN_UNICAST) continue;
    if (route.destination.family != AF_INET || isOwn(tables, route.index, own)) continue;
    const uint32_t behind = route.metric - uplink.native_metric - 1;
    if (route.metric > uplink.native_metric && behind < 64) {
      uplink.taken_metrics |= uint64_t{1} << behind;
    }
  }
  return uplink;
}

netlink::Status look(netlink::Netlink& netlink, const DeviceName& name,
                     std::span<const DeviceName> own, Uplink& uplink) {
  std::vector<netlink::Link> links;
  std::vector<netlink::InterfaceAddress> addresses;
  std::vector<netlink::Route> routes;
  netlink::Status status = netlink.links(links);
  if (status) status = netlink.addresses(addresses);
  if (status) status = netlink.routes(routes);
  if (status) uplink = makeUplink({links, addresses, routes}, name, own);
  return status;
}

bool concernsUplinks(const netlink::Message& message) {
  switch (message.type) {
    case RTM_NEWLINK:
    case RTM_DELLINK:
    case RTM_NEWADDR:
    case RTM_DELADDR:
      return true;
    case RTM_NEWROUTE:
    case RTM_DELROUTE: {
      const auto header = netlink::read<rtmsg>(message.payload);
      return header && header->rtm_dst_len == 0 && header->rtm_type == RTN_UNICAST;
    }
    default:
      return false;
  }
}

bool tellsOfDown(const netlink::Message& message, uint32_t index) {
  const auto header = netlink::read<ifinfomsg>(message.payload);
  // Other families tell of a part of the device, such as its port of a bridge.
  if (!header || header->ifi_family != AF_UNSPEC) return false;
  if (header->ifi_index <= 0 || static_cast<uint32_t>(header->ifi_index) != index) return false;
  return message.type == RTM_DELLINK ||
         (message.type == RTM_NEWLINK && (header->ifi_flags & IFF_UP) == 0);
}

}  // namespace platypus::clat
