// rtnetlink for the translator: devices, addresses and routes over one socket, one request a call.
//
// message.h builds and reads messages, socket.h sends a request and collects its reply; link.h,
// address.h, route.h, neighbour.h and rule.h hold the operations, each beside the parser of its
// message. This class only keeps the socket that they share; monitor.h has one of its own for
// notifications. It knows nothing of Node, so that the stand-alone CLAT can use it.
//
// Ownership: one thread.
#pragma once

#include <cstdint>
#include <vector>

#include "netlink/address.h"
#include "netlink/link.h"
#include "netlink/neighbour.h"
#include "netlink/route.h"
#include "netlink/rule.h"
#include "netlink/socket.h"

namespace platypus::netlink {

class Netlink {
 public:
  /// Opens the socket in the network namespace of the calling thread. Every other call gives EBADF
  /// before open() and after close().
  Status open() { return socket_.open(); }
  void close() { socket_.close(); }

  Status links(std::vector<Link>& rows) { return listLinks(socket_, rows); }
  Status addresses(std::vector<InterfaceAddress>& rows) { return listAddresses(socket_, rows); }
  /// Of the main table.
  Status routes(std::vector<Route>& rows) { return routes({.table = RouteSpec::kMainTable}, rows); }
  Status routes(const RouteFilter& filter, std::vector<Route>& rows) {
    return listRoutes(socket_, filter, rows);
  }

  Status findLink(const char* name, Link& link) { return netlink::findLink(socket_, name, link); }
  Status setLink(const char* name, const LinkChange& change) {
    return netlink::setLink(socket_, name, change);
  }
  Status addAddress(const char* link, const IpAddress& address, uint8_t length) {
    return netlink::addAddress(socket_, link, address, length);
  }
  Status removeAddress(const char* link, const IpAddress& address, uint8_t length) {
    return netlink::removeAddress(socket_, link, address, length);
  }
  Status addRoute(const RouteSpec& route) { return netlink::addRoute(socket_, route); }
  Status removeRoute(const RouteSpec& route) { return netlink::removeRoute(socket_, route); }
  Status addProxyNeighbour(const char* link, const IpAddress& address) {
    return netlink::addProxyNeighbour(socket_, link, address);
  }
  Status removeProxyNeighbour(const char* link, const IpAddress& address) {
    return netlink::removeProxyNeighbour(socket_, link, address);
  }
  Status addRule(const RuleSpec& rule) { return netlink::addRule(socket_, rule); }
  Status removeRule(const RuleSpec& rule) { return netlink::removeRule(socket_, rule); }

 private:
  Socket socket_;
};

}  // namespace platypus::netlink
