#include "netlink/netlink.h"

#include <linux/capability.h>
#include <linux/rtnetlink.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <random>

#include "netlink/monitor.h"
#include "port/tun.h"
#include "test/addresses.h"
#include "test/namespace.h"
#include "test/test.h"

namespace platypus::netlink {
namespace {

using test::ip;

// A fresh namespace with an open socket and a TUN device, `tun0`, set up.
struct Fixture {
  Fixture() {
    if (!space.missing().empty()) {
      missing = space.missing();
      return;
    }
    REQUIRE(netlink.open().error == 0);
    auto opened = TunPort::open("tun0", {.slots = 1});
    if (!opened.port) {
      missing = std::string("no TUN device: ") + opened.syscall + ": " + strerror(opened.error);
      return;
    }
    tun = std::move(opened.port);
    REQUIRE(netlink.setLink("tun0", {.up = true}).error == 0);
  }

  std::vector<Route> ours() {
    std::vector<Route> routes;
    REQUIRE(netlink.routes(routes).error == 0);
    std::erase_if(routes, [](const Route& route) { return route.protocol != kRouteProtocol; });
    return routes;
  }

  test::NetworkNamespace space;
  Netlink netlink;
  std::unique_ptr<TunPort> tun;
  std::string missing;
};

TEST_CASE("netlink: an empty namespace has lo, no addresses and no routes") {
  test::NetworkNamespace space;
  if (!space.missing().empty()) SKIP(space.missing().c_str());
  Netlink netlink;
  REQUIRE(netlink.open().error == 0);
  std::vector<Link> links;
  REQUIRE(netlink.links(links).error == 0);
  const auto lo = std::find_if(links.begin(), links.end(),
                               [](const Link& link) { return std::strcmp(link.name, "lo") == 0; });
  REQUIRE(lo != links.end());
  CHECK(lo->mtu == 65536);
  CHECK_FALSE(lo->up);
  std::vector<InterfaceAddress> addresses;
  REQUIRE(netlink.addresses(addresses).error == 0);
  CHECK(addresses.empty());
  std::vector<Route> routes;
  REQUIRE(netlink.routes(routes).error == 0);
  CHECK(routes.empty());
}

TEST_CASE("netlink: setLink changes state, MTU and queue length, and nothing else") {
  Fixture f;
  if (!f.missing.empty()) SKIP(f.missing.c_str());
  REQUIRE(f.netlink.setLink("tun0", {.mtu = 1480, .tx_queue_length = 10000}).error == 0);
  Link link;
  REQUIRE(f.netlink.findLink("tun0", link).error == 0);
  CHECK(link.mtu == 1480);
  CHECK(link.tx_queue_length == 10000);
  CHECK(link.up);
  REQUIRE(f.netlink.setLink("tun0", {.up = false}).error == 0);
  REQUIRE(f.netlink.findLink("tun0", link).error == 0);
  CHECK_FALSE(link.up);
  CHECK(link.mtu == 1480);
}

TEST_CASE("netlink: IPv6 has the device's MTU, and less where that was said") {
  Fixture f;
  if (!f.missing.empty()) SKIP(f.missing.c_str());
  Link link;
  REQUIRE(f.netlink.findLink("tun0", link).error == 0);
  CHECK(link.mtu6 == 1500);
  std::ofstream("/proc/sys/net/ipv6/conf/tun0/mtu") << "1400";
  REQUIRE(f.netlink.findLink("tun0", link).error == 0);
  CHECK(link.mtu == 1500);
  CHECK(link.mtu6 == 1400);
}

TEST_CASE("netlink: setLink says ENODEV for an unknown name and EINVAL with words for a wild MTU") {
  Fixture f;
  if (!f.missing.empty()) SKIP(f.missing.c_str());
  CHECK(f.netlink.setLink("nosuch0", {.up = true}).error == ENODEV);
  CHECK(f.netlink.setLink("", {.up = true}).error == ENODEV);
  CHECK(f.netlink.setLink("a-name-longer-than-fifteen", {.up = true}).error == ENODEV);
  const Status status = f.netlink.setLink("tun0", {.mtu = 1'000'000});
  CHECK(status.error == EINVAL);
  CHECK(std::string(status.message) == "mtu greater than device maximum");
}

TEST_CASE("netlink: addresses of both families are added, listed and removed") {
  Fixture f;
  if (!f.missing.empty()) SKIP(f.missing.c_str());
  Link link;
  REQUIRE(f.netlink.findLink("tun0", link).error == 0);
  const IpAddress v4 = ip("192.0.2.1");
  const IpAddress v6 = ip("2001:db8::1");
  REQUIRE(f.netlink.addAddress("tun0", v4, 24).error == 0);
  REQUIRE(f.netlink.addAddress("tun0", v6, 64).error == 0);

  std::vector<InterfaceAddress> rows;
  REQUIRE(f.netlink.addresses(rows).error == 0);
  for (const auto& wanted : {std::pair{v4, 24}, std::pair{v6, 64}}) {
    const auto row = std::find_if(rows.begin(), rows.end(),
                                  [&](const auto& each) { return each.address == wanted.first; });
    REQUIRE(row != rows.end());
    CHECK(row->index == link.index);
    CHECK(row->length == wanted.second);
    CHECK(row->scope == RT_SCOPE_UNIVERSE);
  }
  CHECK(test::waitUntilUsable(f.netlink));
  CHECK(f.netlink.addAddress("tun0", v4, 24).error == EEXIST);
  CHECK(f.netlink.addAddress("tun0", v6, 64).error == EEXIST);
  CHECK(f.netlink.addAddress("tun0", v4, 33).error == EINVAL);
  CHECK(f.netlink.addAddress("nosuch0", v4, 24).error == ENODEV);
  CHECK(f.netlink.removeAddress("tun0", v4, 24).error == 0);
  CHECK(f.netlink.removeAddress("tun0", v6, 64).error == 0);
  CHECK(f.netlink.removeAddress("tun0", v4, 24).error == EADDRNOTAVAIL);
  CHECK(f.netlink.removeAddress("tun0", v6, 64).error == EADDRNOTAVAIL);
}

TEST_CASE("netlink: device routes of both families are added, listed and removed") {
  Fixture f;
  if (!f.missing.empty()) SKIP(f.missing.c_str());
  Link link;
  REQUIRE(f.netlink.findLink("tun0", link).error == 0);
  const RouteSpec pool6{
      .link = "tun0", .destination = ip("64:ff9b::"), .length = 96, .metric = 512, .mtu = 1480};
  const RouteSpec pool4{.link = "tun0", .destination = ip("203.0.113.0"), .length = 28};
  REQUIRE(f.netlink.addRoute(pool6).error == 0);
  REQUIRE(f.netlink.addRoute(pool4).error == 0);
  CHECK(f.netlink.addRoute(pool6).error == EEXIST);
  CHECK(f.netlink.addRoute(pool4).error == EEXIST);

  const auto rows = f.ours();
  REQUIRE(rows.size() == 2);
  CHECK(rows[0].destination == pool4.destination);
  CHECK(rows[0].length == 28);
  CHECK(rows[0].metric == 0);
  CHECK(rows[1].destination == pool6.destination);
  CHECK(rows[1].length == 96);
  CHECK(rows[1].metric == 512);
  for (const Route& row : rows) {
    CHECK(row.index == link.index);
    CHECK(row.table == RT_TABLE_MAIN);
    CHECK(row.type == RTN_UNICAST);
    CHECK(row.gateway.family == AF_UNSPEC);
  }
  CHECK(f.netlink.removeRoute(pool6).error == 0);
  CHECK(f.netlink.removeRoute(pool4).error == 0);
  CHECK(f.netlink.removeRoute(pool6).error == ESRCH);
  CHECK(f.netlink.removeRoute(pool4).error == ESRCH);
  CHECK(f.ours().empty());
}

TEST_CASE("netlink: default routes work, wrong ones say why") {
  Fixture f;
  if (!f.missing.empty()) SKIP(f.missing.c_str());
  CHECK(f.netlink.addRoute({.link = "tun0", .destination = ip("0.0.0.0"), .length = 0}).error == 0);
  CHECK(f.netlink.addRoute({.link = "tun0", .destination = ip("::"), .length = 0}).error == 0);
  CHECK(f.ours().size() == 2);
  CHECK(f.netlink.addRoute({.link = "nosuch0", .destination = ip("::"), .length = 0}).error ==
        ENODEV);
  CHECK(f.netlink.addRoute({.link = "tun0", .destination = ip("192.0.2.1"), .length = 24}).error ==
        EINVAL);
  CHECK(f.netlink.addRoute({.link = "tun0", .destination = ip("::"), .length = 129}).error ==
        EINVAL);
  CHECK(f.netlink.addRoute({.link = "tun0", .destination = {}, .length = 0}).error == EINVAL);
}

TEST_CASE("netlink: removeRoute leaves routes alone that others made") {
  Fixture f;
  if (!f.missing.empty()) SKIP(f.missing.c_str());
  // The kernel's own route, for the address's prefix.
  REQUIRE(f.netlink.addAddress("tun0", ip("192.0.2.1"), 24).error == 0);
  CHECK(
      f.netlink.removeRoute({.link = "tun0", .destination = ip("192.0.2.0"), .length = 24}).error ==
      ESRCH);
}

TEST_CASE("netlink: a route goes to a gateway, in a table beyond 255, with metric and protocol") {
  Fixture f;
  if (!f.missing.empty()) SKIP(f.missing.c_str());
  REQUIRE(f.netlink.addAddress("tun0", ip("192.0.2.1"), 24).error == 0);
  REQUIRE(f.netlink.addAddress("tun0", ip("2001:db8::1"), 64).error == 0);
  const RouteSpec v4{.destination = ip("0.0.0.0"),
                     .metric = 77,
                     .gateway = ip("192.0.2.9"),
                     .table = 1000,
                     .protocol = 65};
  const RouteSpec v6{.link = "tun0",
                     .destination = ip("::"),
                     .metric = 78,
                     .gateway = ip("2001:db8::9"),
                     .table = 1000,
                     .protocol = 65};
  REQUIRE(f.netlink.addRoute(v4).error == 0);
  REQUIRE(f.netlink.addRoute(v6).error == 0);
  CHECK(f.ours().empty());
  std::vector<Route> rows;
  REQUIRE(f.netlink.routes({.table = 1000}, rows).error == 0);
  REQUIRE(rows.size() == 2);
  CHECK(rows[0].gateway == v4.gateway);
  CHECK(rows[0].metric == 77);
  CHECK(rows[1].gateway == v6.gateway);
  CHECK(rows[1].metric == 78);
  for (const Route& row : rows) {
    CHECK(row.table == 1000);
    CHECK(row.protocol == 65);
    CHECK(row.type == RTN_UNICAST);
    CHECK(row.index != 0);
  }
  CHECK(f.netlink.removeRoute(v4).error == 0);
  CHECK(f.netlink.removeRoute(v6).error == 0);
}

TEST_CASE("netlink: an IPv4 route may have an IPv6 gateway, an IPv6 route no IPv4 one") {
  Fixture f;
  if (!f.missing.empty()) SKIP(f.missing.c_str());
  const RouteSpec over6{
      .link = "tun0", .destination = ip("198.51.100.0"), .length = 24, .gateway = ip("fe80::9")};
  REQUIRE(f.netlink.addRoute(over6).error == 0);
  const auto rows = f.ours();
  REQUIRE(rows.size() == 1);
  CHECK(rows[0].gateway == ip("fe80::9"));
  CHECK(f.netlink.removeRoute(over6).error == 0);
  CHECK(f.netlink
            .addRoute({.link = "tun0",
                       .destination = ip("2001:db8:1::"),
                       .length = 48,
                       .gateway = ip("192.0.2.9")})
            .error == EINVAL);
}

TEST_CASE("netlink: a gateway off the link is refused, and taken with onlink") {
  Fixture f;
  if (!f.missing.empty()) SKIP(f.missing.c_str());
  REQUIRE(f.netlink.addAddress("tun0", ip("192.0.2.1"), 32).error == 0);
  RouteSpec route{
      .link = "tun0", .destination = ip("0.0.0.0"), .length = 0, .gateway = ip("203.0.113.1")};
  CHECK(f.netlink.addRoute(route).error == ENETUNREACH);
  route.onlink = true;
  CHECK(f.netlink.addRoute(route).error == 0);
}

TEST_CASE("netlink: blackholes need no device and are listed as such") {
  Fixture f;
  if (!f.missing.empty()) SKIP(f.missing.c_str());
  RouteSpec pool4{.destination = ip("203.0.113.0"), .length = 28, .kind = RouteKind::kBlackhole};
  RouteSpec pool6{.destination = ip("64:ff9b::"), .length = 96, .kind = RouteKind::kBlackhole};
  REQUIRE(f.netlink.addRoute(pool4).error == 0);
  REQUIRE(f.netlink.addRoute(pool6).error == 0);
  const auto rows = f.ours();
  REQUIRE(rows.size() == 2);
  for (const Route& row : rows) CHECK(row.type == RTN_BLACKHOLE);
  pool4.kind = pool6.kind = RouteKind::kUnicast;
  CHECK(f.netlink.removeRoute(pool4).error == ESRCH);
  CHECK(f.netlink.removeRoute(pool6).error == ESRCH);
  CHECK(f.netlink.addRoute(pool4).error == EINVAL);
  pool4.kind = pool6.kind = RouteKind::kBlackhole;
  CHECK(f.netlink.removeRoute(pool4).error == 0);
  CHECK(f.netlink.removeRoute(pool6).error == 0);
  CHECK(f.ours().empty());
}

TEST_CASE("netlink: replace takes the place of the route with the same metric") {
  Fixture f;
  if (!f.missing.empty()) SKIP(f.missing.c_str());
  REQUIRE(f.netlink.addAddress("tun0", ip("192.0.2.1"), 24).error == 0);
  RouteSpec route{.destination = ip("198.51.100.0"), .length = 24, .gateway = ip("192.0.2.8")};
  route.replace = true;
  REQUIRE(f.netlink.addRoute(route).error == 0);
  route.gateway = ip("192.0.2.9");
  REQUIRE(f.netlink.addRoute(route).error == 0);
  auto rows = f.ours();
  REQUIRE(rows.size() == 1);
  CHECK(rows[0].gateway == ip("192.0.2.9"));
  route.metric = 5;
  REQUIRE(f.netlink.addRoute(route).error == 0);
  CHECK(f.ours().size() == 2);
}

TEST_CASE("netlink: removal asks for table, metric and protocol") {
  Fixture f;
  if (!f.missing.empty()) SKIP(f.missing.c_str());
  for (const char* destination : {"198.51.100.0", "2001:db8:1::"}) {
    const RouteSpec route{.link = "tun0",
                          .destination = ip(destination),
                          .length = 24,
                          .metric = 20,
                          .table = 300,
                          .protocol = 65};
    RouteSpec v6 = route;
    v6.length = 48;
    const RouteSpec& made = route.destination.family == AF_INET ? route : v6;
    REQUIRE(f.netlink.addRoute(made).error == 0);
    RouteSpec other = made;
    other.table = 301;
    CHECK(f.netlink.removeRoute(other).error == ESRCH);
    other = made;
    other.protocol = kRouteProtocol;
    CHECK(f.netlink.removeRoute(other).error == ESRCH);
    for (const uint32_t metric : {0u, 21u}) {
      other = made;
      other.metric = metric;
      CHECK(f.netlink.removeRoute(other).error == ESRCH);
    }
    CHECK(f.netlink.removeRoute(made).error == 0);
    CHECK(f.netlink.removeRoute(made).error == ESRCH);
  }
}

TEST_CASE("netlink: routes are listed by protocol over all tables") {
  Fixture f;
  if (!f.missing.empty()) SKIP(f.missing.c_str());
  for (const uint32_t table : {254u, 100u, 70'000u}) {
    REQUIRE(f.netlink
                .addRoute({.link = "tun0",
                           .destination = ip("198.51.100.0"),
                           .length = 24,
                           .table = table,
                           .protocol = 65})
                .error == 0);
  }
  REQUIRE(f.netlink.addRoute({.link = "tun0", .destination = ip("::"), .length = 0}).error == 0);
  std::vector<Route> rows;
  REQUIRE(f.netlink.routes({.protocol = uint8_t{65}}, rows).error == 0);
  REQUIRE(rows.size() == 3);
  rows.clear();
  REQUIRE(f.netlink.routes({.table = 70'000, .protocol = kRouteProtocol}, rows).error == 0);
  CHECK(rows.empty());
}

TEST_CASE("netlink: hundreds of routes come back whole, in several datagrams") {
  Fixture f;
  if (!f.missing.empty()) SKIP(f.missing.c_str());
  for (uint8_t i = 0; i < 250; ++i) {
    for (uint8_t j = 0; j < 4; ++j) {
      IpAddress destination = ip("2001:db8::");
      destination.bytes[4] = std::byte{i};
      destination.bytes[5] = std::byte{j};
      REQUIRE(
          f.netlink.addRoute({.link = "tun0", .destination = destination, .length = 48}).error ==
          0);
    }
  }
  CHECK(f.ours().size() == 1000);
}

TEST_CASE("netlink: the device takes its addresses and routes along") {
  Fixture f;
  if (!f.missing.empty()) SKIP(f.missing.c_str());
  REQUIRE(
      f.netlink.addRoute({.link = "tun0", .destination = ip("64:ff9b::"), .length = 96}).error ==
      0);
  f.tun.reset();
  CHECK(f.ours().empty());
  Link link;
  CHECK(f.netlink.findLink("tun0", link).error == ENODEV);
}

TEST_CASE("netlink: without privileges listing works and changing says EPERM") {
  // A child, because capabilities given up do not come back.
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
    const __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {};
    if (syscall(SYS_capset, &header, none) != 0) _exit(100);
    Netlink netlink;
    if (!netlink.open()) _exit(101);
    std::vector<Link> links;
    if (!netlink.links(links) || links.empty()) _exit(102);
    _exit(netlink.setLink("lo", {.mtu = 65536}).error);
  }
  int result = 0;
  REQUIRE(waitpid(child, &result, 0) == child);
  REQUIRE(WIFEXITED(result));
  CHECK(WEXITSTATUS(result) == EPERM);
}

TEST_CASE("netlink: a proxied neighbour may be added twice and is gone after its removal") {
  Fixture at;
  if (!at.missing.empty()) SKIP(at.missing.c_str());
  CHECK(at.netlink.addProxyNeighbour("tun0", ip("2001:db8::1")).error == 0);
  CHECK(at.netlink.addProxyNeighbour("tun0", ip("2001:db8::1")).error == 0);
  CHECK(at.netlink.removeProxyNeighbour("tun0", ip("2001:db8::1")).error == 0);
  CHECK(at.netlink.removeProxyNeighbour("tun0", ip("2001:db8::1")).error == ENOENT);
  CHECK(at.netlink.addProxyNeighbour("none", ip("2001:db8::1")).error == ENODEV);
}

TEST_CASE("netlink: a rule for an incoming device is added once, and removed") {
  Fixture at;
  if (!at.missing.empty()) SKIP(at.missing.c_str());
  const RuleSpec rule{.incoming = "tun0", .table = 46'400, .priority = 30'000};
  CHECK(at.netlink.addRule(rule).error == 0);
  CHECK(at.netlink.addRule(rule).error == EEXIST);
  CHECK(at.netlink.removeRule(rule).error == 0);
  CHECK(at.netlink.removeRule(rule).error == ENOENT);
}

TEST_CASE("netlink: the monitor tells of what concerns its owner, and of nothing else") {
  Fixture at;
  if (!at.missing.empty()) SKIP(at.missing.c_str());
  Monitor monitor;
  REQUIRE(monitor.open().error == 0);
  // IPv6 gives itself addresses, whenever it comes to it.
  const auto address = [](const Message& message) {
    const auto header = read<ifaddrmsg>(message.payload);
    return message.type == RTM_NEWADDR && header && header->ifa_family == AF_INET;
  };
  CHECK_FALSE(monitor.drain(address));
  REQUIRE(at.netlink.setLink("tun0", {.mtu = 1400}).error == 0);
  CHECK_FALSE(monitor.drain(address));
  REQUIRE(at.netlink.addAddress("tun0", ip("192.0.2.1"), 32).error == 0);
  CHECK(monitor.drain(address));
  CHECK_FALSE(monitor.drain(address));
}

TEST_CASE("netlink: a closed socket says EBADF") {
  Netlink netlink;
  std::vector<Link> links;
  CHECK(netlink.links(links).error == EBADF);
  REQUIRE(netlink.open().error == 0);
  netlink.close();
  CHECK(netlink.setLink("lo", {.up = true}).error == EBADF);
}

// Hand-made replies, without a socket.

struct Collector final : Visitor {
  void visit(const Message& message) override {
    types.push_back(message.type);
    if (const auto link = parseLink(message)) links.push_back(*link);
    (void)parseAddress(message);
    (void)parseRoute(message);
  }
  std::vector<uint16_t> types;
  std::vector<Link> links;
};

std::vector<std::byte> linkReply(uint32_t sequence, uint16_t flags = 0) {
  ifinfomsg header{};
  header.ifi_index = 7;
  header.ifi_flags = IFF_UP;
  Request request(RTM_NEWLINK, flags, header);
  request.addString(IFLA_IFNAME, "tun7");
  request.add(IFLA_MTU, uint32_t{1500});
  const size_t families = request.begin(IFLA_AF_SPEC);
  const size_t inet6 = request.begin(AF_INET6);
  const int32_t conf[] = {0, 64, 1400, 1};
  request.add(IFLA_INET6_CONF, std::as_bytes(std::span(conf)));
  request.end(inet6);
  request.end(families);
  const Bytes bytes = request.finish(sequence);
  return {bytes.begin(), bytes.end()};
}

TEST_CASE("netlink reply: rows of another sequence number are skipped") {
  Collector collector;
  auto datagram = linkReply(4);
  const auto second = linkReply(5);
  datagram.insert(datagram.end(), second.begin(), second.end());
  const Progress progress = readReply(datagram, 5, collector);
  CHECK_FALSE(progress.finished);
  REQUIRE(collector.links.size() == 1);
  CHECK(collector.links[0].index == 7);
  CHECK(std::string(collector.links[0].name) == "tun7");
  CHECK(collector.links[0].mtu == 1500);
  CHECK(collector.links[0].mtu6 == 1400);
}

TEST_CASE("netlink reply: an array of IPv6 settings that ends before the MTU is of no MTU") {
  ifinfomsg header{};
  header.ifi_index = 7;
  for (const size_t count : {0u, 1u, 2u}) {
    Request request(RTM_NEWLINK, 0, header);
    request.addString(IFLA_IFNAME, "tun7");
    const size_t families = request.begin(IFLA_AF_SPEC);
    const size_t inet6 = request.begin(AF_INET6);
    const int32_t conf[] = {1400, 1400};
    request.add(IFLA_INET6_CONF, std::as_bytes(std::span(conf).first(count)));
    request.end(inet6);
    request.end(families);
    const auto link = parseLink({RTM_NEWLINK, 0, request.finish(1).subspan(sizeof(nlmsghdr))});
    REQUIRE(link);
    CHECK(link->mtu6 == 0);
  }
}

TEST_CASE("netlink reply: NLM_F_DUMP_INTR is reported") {
  Collector collector;
  CHECK(readReply(linkReply(1, NLM_F_DUMP_INTR), 1, collector).interrupted);
  CHECK_FALSE(readReply(linkReply(1), 1, collector).interrupted);
}

TEST_CASE("netlink reply: an error carries errno and the kernel's words") {
  const nlmsghdr echoed{.nlmsg_len = sizeof(nlmsghdr),
                        .nlmsg_type = RTM_SETLINK,
                        .nlmsg_flags = 0,
                        .nlmsg_seq = 1,
                        .nlmsg_pid = 0};
  const struct {
    int32_t error;
    nlmsghdr request;
  } body{-EBUSY, echoed};
  Request reply(NLMSG_ERROR, NLM_F_CAPPED | NLM_F_ACK_TLVS, body);
  reply.addString(NLMSGERR_ATTR_MSG, "no");
  Collector collector;
  const Progress progress = readReply(reply.finish(1), 1, collector);
  CHECK(progress.finished);
  CHECK(progress.status.error == EBUSY);
  CHECK(std::string(progress.status.message) == "no");
}

TEST_CASE("netlink reply: every truncation and a million mutations end without harm") {
  auto whole = linkReply(1);
  const auto second = linkReply(1);
  whole.insert(whole.end(), second.begin(), second.end());
  for (size_t length = 0; length <= whole.size(); ++length) {
    // An allocation of exactly this length, so that AddressSanitizer sees a byte too many.
    const std::vector<std::byte> cut(whole.begin(), whole.begin() + static_cast<ptrdiff_t>(length));
    Collector collector;
    const Progress progress = readReply(cut, 1, collector);
    const bool clean = length == 0 || length == second.size() || length == whole.size();
    CHECK(progress.finished == !clean);
    CHECK(progress.status.error == (clean ? 0 : EBADMSG));
  }
  std::mt19937 random(1);
  for (int i = 0; i < 1'000'000; ++i) {
    std::vector<std::byte> mutated = whole;
    for (int change = 0; change < 3; ++change) {
      mutated[random() % mutated.size()] = static_cast<std::byte>(random());
    }
    Collector collector;
    (void)readReply(mutated, 1, collector);
    for (const Link& link : collector.links) {
      REQUIRE(strnlen(link.name, sizeof link.name) < sizeof link.name);
    }
  }
}

TEST_CASE("netlink route: of several next hops the first counts, and RTA_VIA may be IPv6") {
  rtmsg header{};
  header.rtm_family = AF_INET;
  header.rtm_table = RT_TABLE_MAIN;
  Request multipath(RTM_NEWROUTE, 0, header);
  const size_t hops = multipath.begin(RTA_MULTIPATH);
  const struct {
    rtnexthop hop;
    nlattr attribute;
    std::array<std::byte, 4> gateway;
  } hop{{.rtnh_len = 16, .rtnh_flags = 0, .rtnh_hops = 0, .rtnh_ifindex = 3},
        {.nla_len = 8, .nla_type = RTA_GATEWAY},
        {std::byte{192}, std::byte{0}, std::byte{2}, std::byte{9}}};
  multipath.addRaw(std::as_bytes(std::span(&hop, 1)));
  multipath.addRaw(std::as_bytes(std::span(&hop, 1)));
  multipath.end(hops);
  const Bytes payload = multipath.finish(1).subspan(sizeof(nlmsghdr));
  const auto route = parseRoute({RTM_NEWROUTE, 0, payload});
  REQUIRE(route);
  CHECK(route->index == 3);
  CHECK(route->gateway == ip("192.0.2.9"));

  Request via(RTM_NEWROUTE, 0, header);
  std::array<std::byte, 18> value{};
  const uint16_t family = AF_INET6;
  std::memcpy(value.data(), &family, sizeof family);
  std::memcpy(value.data() + 2, ip("fe80::1").bytes.data(), 16);
  via.add(RTA_VIA, value);
  const auto over6 = parseRoute({RTM_NEWROUTE, 0, via.finish(1).subspan(sizeof(nlmsghdr))});
  REQUIRE(over6);
  CHECK(over6->gateway == ip("fe80::1"));
}

}  // namespace
}  // namespace platypus::netlink
