#include "clat/attachment.h"

#include "port/tun.h"
#include "test/addresses.h"
#include "test/clat_messages.h"
#include "test/namespace.h"
#include "test/test.h"

namespace platypus::clat {
namespace {

using namespace test;

// A namespace with the CLAT's device and an uplink, both TUN.
struct Host {
  Host() {
    if (!space.missing().empty()) {
      missing = space.missing();
      return;
    }
    REQUIRE(netlink.open().error == 0);
    for (const char* name : {"clat", "up"}) {
      auto opened = TunPort::open(name, {.slots = 1});
      if (!opened.port) {
        missing = "no TUN device";
        return;
      }
      (name[0] == 'c' ? clat : up) = std::move(opened.port);
      REQUIRE(netlink.setLink(name, {.up = true}).error == 0);
    }
  }

  // Default IPv4 routes and routes of our own to IPv6 addresses, as text.
  std::string routes() {
    std::vector<netlink::Route> rows;
    REQUIRE(netlink.routes(rows).error == 0);
    std::string all;
    for (const netlink::Route& row : rows) {
      if (row.protocol != netlink::kRouteProtocol) continue;
      char text[INET6_ADDRSTRLEN];
      inet_ntop(row.destination.family, row.destination.bytes.data(), text, sizeof text);
      all += std::string(text) + "/" + std::to_string(row.length) + " " +
             std::to_string(row.metric) + "\n";
    }
    return all;
  }
  // The gateways of what is in the table, `-` for none.
  std::string gateways(uint32_t table) {
    std::vector<netlink::Route> rows;
    REQUIRE(netlink.routes({.table = table}, rows).error == 0);
    std::string all;
    for (const netlink::Route& row : rows) {
      char text[INET6_ADDRSTRLEN] = "-";
      if (row.gateway.size() != 0) inet_ntop(AF_INET6, row.gateway.bytes.data(), text, sizeof text);
      all += std::string(text) + "\n";
    }
    return all;
  }
  bool hasRule(uint32_t table) {
    const netlink::RuleSpec rule{
        .family = AF_INET6, .incoming = "clat", .table = table, .priority = 30'000};
    const int error = netlink.addRule(rule).error;
    if (error == 0) (void)netlink.removeRule(rule);
    return error == EEXIST;
  }
  size_t ipv4Addresses() {
    std::vector<netlink::InterfaceAddress> rows;
    REQUIRE(netlink.addresses(rows).error == 0);
    return static_cast<size_t>(std::count_if(
        rows.begin(), rows.end(), [](const auto& row) { return row.address.family == AF_INET; }));
  }

  NetworkNamespace space;
  netlink::Netlink netlink;
  std::unique_ptr<TunPort> clat;
  std::unique_ptr<TunPort> up;
  std::string missing;
};

Plan planWith(const char* address, uint32_t metric) {
  Plan plan;
  plan.state = State::kRunning;
  plan.address = ip6(address);
  plan.ipv4 = Ipv4Address::fromHost(0xc0000001);
  plan.mtu6 = 1500;
  plan.mtu4 = 1472;
  plan.metric = metric;
  return plan;
}

TEST_CASE("XLAT-CLAT-08 what is attached moves with the plan, and all of it goes") {
  Host host;
  if (!host.missing.empty()) SKIP(host.missing.c_str());
  Attachment attachment(host.netlink, DeviceName("clat"), DeviceName("up"), 0);
  REQUIRE(attachment.attach(planWith("2001:db8::1", 2048)).error == 0);
  CHECK(host.routes() == "0.0.0.0/0 2048\n2001:db8::1/128 1024\n");
  CHECK(host.ipv4Addresses() == 1);
  // The same again changes nothing.
  REQUIRE(attachment.attach(planWith("2001:db8::1", 2048)).error == 0);
  CHECK(host.routes() == "0.0.0.0/0 2048\n2001:db8::1/128 1024\n");
  REQUIRE(attachment.attach(planWith("2001:db8::2", 101)).error == 0);
  CHECK(host.routes() == "0.0.0.0/0 101\n2001:db8::2/128 1024\n");
  attachment.detach();
  CHECK(host.routes() == "");
  CHECK(host.ipv4Addresses() == 0);
}

TEST_CASE("another generation of the same plan has all of it made anew, whatever is lost") {
  Host host;
  if (!host.missing.empty()) SKIP(host.missing.c_str());
  Attachment attachment(host.netlink, DeviceName("clat"), DeviceName("up"), 0);
  Plan plan = planWith("2001:db8::1", 2048);
  const std::string all = "0.0.0.0/0 2048\n2001:db8::1/128 1024\n";
  const netlink::IpAddress ipv4 = ip("192.0.0.1");
  const netlink::IpAddress ipv6 = ip("2001:db8::1");
  REQUIRE(attachment.attach(plan).error == 0);
  REQUIRE(host.netlink.removeAddress("clat", ipv4, 32).error == 0);
  ++plan.generation;
  REQUIRE(attachment.attach(plan).error == 0);
  CHECK(host.ipv4Addresses() == 1);
  REQUIRE(host.netlink.removeRoute({.link = "clat", .destination = ipv6, .length = 128}).error ==
          0);
  ++plan.generation;
  REQUIRE(attachment.attach(plan).error == 0);
  CHECK(host.routes() == all);
}

TEST_CASE(
    "a default route of somebody else with the metric is left alone, and nothing of ours stays") {
  Host host;
  if (!host.missing.empty()) SKIP(host.missing.c_str());
  REQUIRE(host.netlink
              .addRoute(
                  {.link = "up", .destination = {.family = AF_INET}, .metric = 2048, .protocol = 4})
              .error == 0);
  Attachment attachment(host.netlink, DeviceName("clat"), DeviceName("up"), 0);
  const Failure failure = attachment.attach(planWith("2001:db8::1", 2048));
  CHECK(failure.error == EEXIST);
  CHECK(std::string(failure.doing) == "add the IPv4 default route");
  CHECK(host.routes() == "");
  CHECK(host.ipv4Addresses() == 0);
}

TEST_CASE("XLAT-PREF-04 with a table of its own the next hop is the router's") {
  Host host;
  if (!host.missing.empty()) SKIP(host.missing.c_str());
  Attachment attachment(host.netlink, DeviceName("clat"), DeviceName("up"), 46'400);
  Plan plan = planWith("2001:db8::1", 2048);
  plan.gateway = ip6("fe80::1");
  REQUIRE(attachment.attach(plan).error == 0);
  CHECK(host.gateways(46'400) == "fe80::1\n");
  CHECK(host.hasRule(46'400));
  attachment.detach();
  CHECK(host.gateways(46'400) == "");
  CHECK_FALSE(host.hasRule(46'400));
}

TEST_CASE("XLAT-PREF-04 without a router the table leads to the uplink, whoever came or went") {
  Host host;
  if (!host.missing.empty()) SKIP(host.missing.c_str());
  Attachment attachment(host.netlink, DeviceName("clat"), DeviceName("up"), 46'400);
  Plan plan = planWith("2001:db8::1", 2048);
  REQUIRE(attachment.attach(plan).error == 0);
  CHECK(host.gateways(46'400) == "-\n");
  CHECK(host.hasRule(46'400));
  plan.gateway = ip6("fe80::1");
  REQUIRE(attachment.attach(plan).error == 0);
  CHECK(host.gateways(46'400) == "fe80::1\n");
  plan.gateway = {};
  REQUIRE(attachment.attach(plan).error == 0);
  CHECK(host.gateways(46'400) == "-\n");
  attachment.detach();
  CHECK(host.gateways(46'400) == "");
  CHECK_FALSE(host.hasRule(46'400));
}

}  // namespace
}  // namespace platypus::clat
