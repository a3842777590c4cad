#include "clat/client.h"

#include <linux/rtnetlink.h>
#include <netinet/in.h>

#include <fstream>

#include "packet/checksum.h"
#include "port/tun.h"
#include "test/clat_messages.h"
#include "test/tun_link.h"

namespace platypus::clat {
namespace {

using namespace test;

// A router advertisement of fe80::9 to all nodes, as it is on the wire.
Bytes onWire(const Bytes& advertisement) {
  const Ipv6Address router = ip6("fe80::9");
  const Ipv6Address all = ip6("ff02::1");
  Bytes packet = fromHex(
      "60000000 0000 3a ff fe80000000000000 0000000000000009"
      "ff02000000000000 0000000000000001");
  packet[5] = static_cast<std::byte>(advertisement.size());
  packet.insert(packet.end(), advertisement.begin(), advertisement.end());
  const auto length = static_cast<uint32_t>(advertisement.size());
  const Be16 checksum = finishSum(sumPseudoHeader(router, all, length, IPPROTO_ICMPV6) +
                                  sumBytes(std::span(packet).subspan(40)));
  std::memcpy(packet.data() + 42, &checksum, 2);
  return packet;
}

constexpr std::string_view kMtu1400 = "0501 0000 00000578";

// A CLAT on tun0 that knows a prefix without asking, and its device.
struct Host : TunLink {
  Host() {
    if (!missing.empty()) return;
    device = std::move(TunPort::open("clat", {.slots = 1}).port);
    REQUIRE(device);
    REQUIRE(netlink.open().error == 0);
    REQUIRE(netlink.setLink("clat", {.up = true}).error == 0);
    Settings settings;
    settings.uplink = DeviceName("tun0");
    settings.own[0] = DeviceName("clat");
    settings.own_count = 1;
    settings.discovery.statics.add(Pref64(ip6("64:ff9b::"), 96));
    Client::Opened opened = Client::open(settings, "");
    REQUIRE(opened.client);
    client = std::move(opened.client);
  }

  const Plan& plan() const { return client->instance().plan(); }
  // Serves until `done`; false when nothing comes for five seconds before that.
  template <typename Done>
  bool until(Done done) {
    while (!done()) {
      pollfd readable{client->fd(), POLLIN, 0};
      if (poll(&readable, 1, 5000) != 1) return false;
      (void)client->serve();
    }
    return true;
  }

  void attach() {
    REQUIRE(until([&] { return plan().state == State::kRunning; }));
    REQUIRE(client->attach(DeviceName("clat"), 0).error == 0);
  }
  // Serves until that which was attached is to be attached anew.
  bool untilLost() {
    const Plan before = plan();
    return until([&] { return differs(before, plan()); });
  }
  // What comes of our own changes is no loss: the next plan differs in its MTU only.
  void checkSteady() {
    Plan expected = plan();
    REQUIRE(netlink.setLink("tun0", {.mtu = 1400}).error == 0);
    REQUIRE(until([&] { return plan().mtu6 == 1400; }));
    expected.mtu6 = 1400;
    expected.mtu4 = 1372;
    CHECK_FALSE(differs(expected, plan()));
  }

  netlink::Netlink netlink;
  std::unique_ptr<TunPort> device;
  std::unique_ptr<Client> client;
};

TEST_CASE("CLAT client: the MTU of a router advertisement makes another plan") {
  Host host;
  if (!host.missing.empty()) SKIP(host.missing.c_str());
  REQUIRE(host.until([&] { return host.plan().state == State::kRunning; }));
  CHECK(host.plan().mtu6 == 1500);
  host.arrive(onWire(advertisement(kMtu1400)));
  CHECK(host.until([&] { return host.plan().mtu6 == 1400; }));
  CHECK(host.plan().mtu4 == 1372);
}

// As where a daemon listens to routers in the kernel's place: nobody tells of what it has set.
TEST_CASE("CLAT client: an advertisement is a reason to look for another MTU") {
  Host host;
  if (!host.missing.empty()) SKIP(host.missing.c_str());
  std::ofstream("/proc/sys/net/ipv6/conf/tun0/accept_ra") << "0";
  REQUIRE(host.until([&] { return host.plan().state == State::kRunning; }));
  std::ofstream("/proc/sys/net/ipv6/conf/tun0/mtu") << "1400";
  host.arrive(onWire(advertisement(kMtu1400)));
  CHECK(host.until([&] { return host.plan().mtu6 == 1400; }));
}

TEST_CASE("CLAT client: a default route of ours that somebody removed is put back") {
  Host host;
  if (!host.missing.empty()) SKIP(host.missing.c_str());
  host.attach();
  const netlink::RouteSpec route{
      .link = "clat", .destination = {.family = AF_INET}, .metric = 2048};
  REQUIRE(host.netlink.removeRoute(route).error == 0);
  REQUIRE(host.untilLost());
  host.attach();
  CHECK(host.netlink.addRoute(route).error == EEXIST);
  host.checkSteady();
}

TEST_CASE("CLAT client: an uplink that was down between two looks has its neighbours answered") {
  Host host;
  if (!host.missing.empty()) SKIP(host.missing.c_str());
  host.attach();
  REQUIRE(host.netlink.setLink("tun0", {.up = false}).error == 0);
  REQUIRE(host.netlink.setLink("tun0", {.up = true}).error == 0);
  REQUIRE(host.netlink.addAddress("tun0", ip("2001:db8::1"), 64).error == 0);
  netlink::IpAddress own{.family = AF_INET6};
  std::memcpy(own.bytes.data(), host.plan().address.bytes.data(), 16);
  CHECK(host.netlink.removeProxyNeighbour("tun0", own).error == ENOENT);
  REQUIRE(host.untilLost());
  host.attach();
  host.checkSteady();
  CHECK(host.netlink.removeProxyNeighbour("tun0", own).error == 0);
}

TEST_CASE("CLAT client: the monitor tells of the MTU that the kernel took from a router") {
  TunLink link;
  if (!link.missing.empty()) SKIP(link.missing.c_str());
  netlink::Monitor monitor;
  REQUIRE(monitor.open().error == 0);
  link.arrive(onWire(advertisement(kMtu1400)));
  pollfd readable{monitor.fd(), POLLIN, 0};
  bool told = false;
  while (!told && poll(&readable, 1, 5000) == 1) {
    told = monitor.drain([](const netlink::Message& message) {
      const auto header = netlink::read<ifinfomsg>(message.payload);
      return message.type == RTM_NEWLINK && header && header->ifi_family == AF_INET6;
    });
  }
  CHECK(told);
}

}  // namespace
}  // namespace platypus::clat
