#include "clat/instance.h"

#include <linux/rtnetlink.h>

#include "test/addresses.h"
#include "test/clat_messages.h"
#include "test/test.h"

namespace platypus::clat {
namespace {

using namespace test;

Settings basic() {
  Settings settings;
  settings.uplink = DeviceName("eth0");
  settings.key = {1, 2, 3};
  return settings;
}

Uplink uplinkWith(const char* address) {
  Uplink uplink;
  uplink.present = uplink.running = true;
  uplink.index = 2;
  uplink.mtu = 1500;
  uplink.type = 1;
  uplink.networks[0] = {ip6(address), false};
  uplink.network_count = 1;
  return uplink;
}

// An instance on a network that works, 64:ff9b::/96 advertised.
Instance running(const Settings& settings = basic()) {
  Instance instance(settings, 0);
  instance.onUplink(uplinkWith("2001:db8:1::2"), 0);
  instance.onIcmp(advertisement(kWellKnown600), fromRouter(), 0);
  return instance;
}

TEST_CASE("XLAT-CE-05, XLAT-CLAT-10 without a prefix nothing runs; with its loss it ends") {
  Instance instance(basic(), 0);
  CHECK(instance.plan().state == State::kNoUplink);
  instance.onUplink(uplinkWith("2001:db8:1::2"), 0);
  CHECK(instance.plan().state == State::kSearching);
  instance.onIcmp(advertisement(kWellKnown600), fromRouter(), 0);
  CHECK(instance.plan().state == State::kRunning);
  instance.onIcmp(advertisement(kWellKnown0), fromRouter(), 10);
  CHECK(instance.plan().state != State::kRunning);
}

TEST_CASE("XLAT-CE-06, XLAT-CLAT-03, XLAT-ARCH-09 a prefix alone has it run at once") {
  const Instance instance = running();
  const Plan& plan = instance.plan();
  CHECK(plan.state == State::kRunning);
  CHECK(text(plan.prefixes.list) == "64:ff9b::/96");
  CHECK(plan.address.high() == ip6("2001:db8:1::").high());
  CHECK_FALSE(plan.address == ip6("2001:db8:1::2"));
  CHECK(plan.neighbour);
  CHECK(isChecksumNeutral(plan.address, plan.prefixes.list.prefixes[0], plan.ipv4));
}

TEST_CASE("XLAT-ARCH-06, XLAT-CLAT-07 the IPv4 address is 192.0.0.1") {
  CHECK(running().plan().ipv4.host() == 0xc0000001);
}

TEST_CASE("XLAT-ARCH-07 an address of the block that another device has is left to it") {
  Settings settings = basic();
  settings.mode = Mode::kForce;
  Instance instance = running(settings);
  Uplink uplink = uplinkWith("2001:db8:1::2");
  uplink.taken = 1 << 1 | 1 << 2;
  instance.onUplink(uplink, 1);
  CHECK(instance.plan().ipv4.host() == 0xc0000003);
  uplink.taken = 0x7f;
  instance.onUplink(uplink, 2);
  CHECK(instance.plan().state == State::kNoIpv4);
}

TEST_CASE("XLAT-CLAT-09, XLAT-ARCH-16 IPv4 gets 28 bytes less than the uplink") {
  const Instance instance = running();
  CHECK(instance.plan().mtu6 == 1500);
  CHECK(instance.plan().mtu4 == 1472);
}

TEST_CASE("an uplink with more bytes than an IPv6 packet, such as lo, counts as 65535") {
  Instance instance = running();
  Uplink uplink = uplinkWith("2001:db8:1::2");
  uplink.mtu = 65'536;
  instance.onUplink(uplink, 10);
  CHECK(instance.plan().mtu6 == 65'535);
}

TEST_CASE("XLAT-CLAT-04 native IPv4 has it stand down, and come back when that leaves") {
  Instance instance = running();
  Uplink uplink = uplinkWith("2001:db8:1::2");
  uplink.native4 = true;
  uplink.native_metric = uplink.highest_metric = 100;
  instance.onUplink(uplink, 10);
  CHECK(instance.plan().state == State::kNativeIpv4);
  instance.onUplink(uplinkWith("2001:db8:1::2"), 20);
  CHECK(instance.plan().state == State::kRunning);
}

TEST_CASE("XLAT-CLAT-04 force runs beside native IPv4, with a metric behind it") {
  Settings settings = basic();
  settings.mode = Mode::kForce;
  Instance instance = running(settings);
  CHECK(instance.plan().metric == 2048);
  Uplink uplink = uplinkWith("2001:db8:1::2");
  uplink.native4 = true;
  uplink.native_metric = uplink.highest_metric = 100;
  instance.onUplink(uplink, 10);
  CHECK(instance.plan().state == State::kRunning);
  CHECK(instance.plan().metric == 101);
}

TEST_CASE("XLAT-CE-03 off asks nothing and runs nothing") {
  Settings settings = basic();
  settings.mode = Mode::kOff;
  Instance instance = running(settings);
  CHECK(instance.plan().state == State::kOff);
  const Actions actions = instance.advance(10'000, 1);
  CHECK_FALSE(actions.ask);
  CHECK_FALSE(actions.router_solicitation);
}

TEST_CASE("it stands down where somebody else runs a CLAT") {
  Instance instance = running();
  Uplink uplink = uplinkWith("2001:db8:1::2");
  uplink.other_clat = DeviceName("clat4");
  instance.onUplink(uplink, 10);
  CHECK(instance.plan().state == State::kOtherClat);
}

TEST_CASE("XLAT-CLAT-02 the second instance has another address and a metric behind the first") {
  Settings settings = basic();
  settings.order = 1;
  const Instance instance = running(settings);
  CHECK(instance.plan().ipv4.host() == 0xc0000002);
  CHECK(instance.plan().metric == 2049);
}

TEST_CASE(
    "XLAT-CLAT-02 behind a default route of another device each instance has its own metric") {
  Settings settings = basic();
  Uplink uplink = uplinkWith("2001:db8:1::2");
  const auto metricOf = [&](uint8_t order, uint32_t highest) {
    settings.order = order;
    Instance instance = running(settings);
    uplink.highest_metric = highest;
    instance.onUplink(uplink, 10);
    return instance.plan().metric;
  };
  CHECK(metricOf(0, 3000) == 3001);
  CHECK(metricOf(1, 3000) == 3002);
  CHECK(metricOf(1, 100) == 2049);
  CHECK(metricOf(0, UINT32_MAX) == UINT32_MAX);
  CHECK(metricOf(1, UINT32_MAX) == UINT32_MAX);
}

TEST_CASE("XLAT-CLAT-08 renumbering moves it: a deprecated network is left for another") {
  Instance instance = running();
  Uplink uplink = uplinkWith("2001:db8:1::2");
  uplink.networks[1] = {ip6("2001:db8:2::2"), false};
  uplink.network_count = 2;
  instance.onUplink(uplink, 10);
  CHECK(instance.plan().address.high() == ip6("2001:db8:1::").high());
  uplink.networks[0].deprecated = true;
  instance.onUplink(uplink, 20);
  CHECK(instance.plan().address.high() == ip6("2001:db8:2::").high());
}

TEST_CASE("without a /64 there is no address") {
  Instance instance = running();
  Uplink uplink = uplinkWith("2001:db8:1::2");
  uplink.network_count = 0;
  instance.onUplink(uplink, 10);
  CHECK(instance.plan().state == State::kNoNetwork);
}

TEST_CASE("XLAT-ARCH-05 the address is asked for twice; a duplicate makes another one") {
  Instance instance = running();
  const Ipv6Address first = instance.plan().address;
  const Actions actions = instance.advance(1, 0x1122334455667788);
  REQUIRE(actions.neighbour_solicitation);
  CHECK(toHex(*actions.neighbour_solicitation, 48, 16) ==
        toHex(std::as_bytes(std::span(first.bytes))));
  CHECK_FALSE(instance.advance(500, 1).neighbour_solicitation);
  CHECK(instance.advance(1001, 1).neighbour_solicitation);
  Bytes claim = fromHex("88000000 20000000");
  for (const uint8_t octet : first.bytes) claim.push_back(std::byte{octet});
  instance.onIcmp(claim, fromRouter("fe80::9"), 1002);
  CHECK(instance.plan().state == State::kRunning);
  CHECK_FALSE(instance.plan().address == first);
  CHECK(instance.duplicates() == 1);
  // The detection of the new one begins anew.
  CHECK(instance.advance(1003, 1).neighbour_solicitation);
}

TEST_CASE("after eight duplicates it gives up for a minute") {
  Instance instance = running();
  uint64_t now = 0;
  for (uint32_t i = 0; i < Instance::kMostAttempts; ++i) {
    (void)instance.advance(++now, 1);
    Bytes claim = fromHex("88000000 20000000");
    for (const uint8_t octet : instance.plan().address.bytes) claim.push_back(std::byte{octet});
    instance.onIcmp(claim, fromRouter("fe80::9"), ++now);
  }
  CHECK(instance.plan().state == State::kDuplicate);
  (void)instance.advance(now + 60'000, 1);
  CHECK(instance.plan().state == State::kRunning);
}

TEST_CASE("nobody who claims the address after its detection moves it") {
  Instance instance = running();
  (void)instance.advance(1, 1);
  const Ipv6Address first = instance.plan().address;
  Bytes claim = fromHex("88000000 20000000");
  for (const uint8_t octet : first.bytes) claim.push_back(std::byte{octet});
  instance.onIcmp(claim, fromRouter("fe80::9"), 60'000);
  CHECK(instance.plan().address == first);
}

TEST_CASE("an uplink that comes back starts anew: three router solicitations until one answers") {
  Instance instance = running();
  instance.onUplink(Uplink{.present = true, .index = 2}, 10);
  CHECK(instance.plan().state == State::kUplinkDown);
  instance.onUplink(uplinkWith("2001:db8:1::2"), 20);
  std::vector<uint64_t> asked;
  for (uint64_t now = 20; now < 60'000; now = instance.deadlineMs(now)) {
    if (instance.advance(now, 1).router_solicitation) asked.push_back(now);
  }
  CHECK(asked == std::vector<uint64_t>{20, 4020, 8020});
  instance.onIcmp(advertisement(kWellKnown600), fromRouter(), 60'000);
  CHECK(instance.plan().state == State::kRunning);
}

TEST_CASE("a prefix that is held back has a state of its own") {
  Instance instance = running();
  uint64_t now = 0;
  for (int i = 0; i < 4; ++i) {
    instance.onIcmp(advertisement(kWellKnown0), fromRouter(), now += 1000);
    instance.onIcmp(advertisement(kWellKnown600), fromRouter(), now += 1000);
  }
  CHECK(instance.plan().state == State::kUnsteady);
  (void)instance.advance(now + Discovery::kCalmMs, 1);
  CHECK(instance.plan().state == State::kRunning);
}

TEST_CASE("an advertisement that is still on its way when the uplink goes is not kept") {
  Instance instance = running();
  instance.onUplink(Uplink{.present = true, .index = 2}, 10);
  instance.onIcmp(advertisement(kWellKnown600), fromRouter(), 11);
  CHECK(instance.discovery().current().list.count == 0);
}

TEST_CASE("a forged advertisement changes nothing and is counted") {
  Instance instance = running();
  instance.onIcmp(advertisement(kOwn600), fromRouter("fe80::1", 64), 10);
  instance.onIcmp(advertisement(kOwn600), fromRouter("2001:db8::9"), 10);
  CHECK(text(instance.plan().prefixes.list) == "64:ff9b::/96");
  CHECK(instance.advertisementsRefused() == 2);
}

TEST_CASE("an explicit address is used as it is, answered for on its own link only") {
  Settings settings = basic();
  settings.address_from = AddressFrom::kExplicit;
  settings.address = ip6("2001:db8:1::c1a7");
  CHECK(running(settings).plan().address == settings.address);
  CHECK(running(settings).plan().neighbour);
  settings.address = ip6("2001:db8:99::c1a7");
  CHECK_FALSE(running(settings).plan().neighbour);
}

TEST_CASE("XLAT-ARCH-03, XLAT-DEP-06 a delegated /64 needs no neighbours") {
  Settings settings = basic();
  settings.address_from = AddressFrom::kDelegated;
  settings.address = ip6("2001:db8:dd::");
  const Instance instance = running(settings);
  CHECK(instance.plan().address.high() == ip6("2001:db8:dd::").high());
  CHECK_FALSE(instance.plan().neighbour);
}

// DHCPv6 only: an address, and no network that has room for another one.
Uplink uplinkSharing(const char* address) {
  Uplink uplink = uplinkWith("::");
  uplink.network_count = 0;
  uplink.addresses[0] = {ip6(address)};
  uplink.address_count = 1;
  return uplink;
}

TEST_CASE(
    "XLAT-ARCH-19 without a /64 the uplink's address is shared, and the own one is inside the "
    "host") {
  Instance instance = running();
  instance.onUplink(uplinkSharing("2001:db8:1::128"), 10);
  const Plan& plan = instance.plan();
  CHECK(plan.state == State::kRunning);
  CHECK(text(plan.shared) == "2001:db8:1::128");
  CHECK(plan.address.bytes[0] == 0xfd);
  CHECK_FALSE(plan.neighbour);
  CHECK(isChecksumNeutral(plan.address, plan.prefixes.list.prefixes[0], plan.ipv4));
}

TEST_CASE("XLAT-CLAT-06 a /64 that comes later gives an address of its own, and back") {
  Instance instance = running();
  instance.onUplink(uplinkSharing("2001:db8:1::128"), 10);
  const Plan shared = instance.plan();
  instance.onUplink(uplinkWith("2001:db8:1::2"), 20);
  CHECK(instance.plan().shared.isUnspecified());
  CHECK(instance.plan().address.high() == ip6("2001:db8:1::").high());
  CHECK(differs(shared, instance.plan()));
  instance.onUplink(uplinkSharing("2001:db8:1::128"), 30);
  CHECK_FALSE(differs(shared, instance.plan()));
}

TEST_CASE("XLAT-CLAT-08 another address to share has another one inside: its flows are new") {
  Instance instance = running();
  instance.onUplink(uplinkSharing("2001:db8:1::128"), 10);
  const Plan before = instance.plan();
  instance.onUplink(uplinkSharing("2001:db8:2::128"), 20);
  CHECK(text(instance.plan().shared) == "2001:db8:2::128");
  CHECK_FALSE(instance.plan().address == before.address);
}

TEST_CASE("of several addresses a lasting global one is shared, and it stays while it is good") {
  Instance instance = running();
  Uplink uplink = uplinkSharing("fd00:1::1");
  const auto sharedOf = [&](uint64_t now_ms) {
    instance.onUplink(uplink, now_ms);
    return text(instance.plan().shared);
  };
  CHECK(sharedOf(10) == "fd00:1::1");
  uplink.address_count = 3;
  uplink.addresses[0].deprecated = true;
  uplink.addresses[1] = {.address = ip6("2001:db8:1::7"), .temporary = true};
  uplink.addresses[2] = {.address = ip6("2001:db8:1::128")};
  CHECK(sharedOf(20) == "2001:db8:1::128");
  uplink.addresses[1].temporary = false;
  CHECK(sharedOf(30) == "2001:db8:1::128");
  uplink.addresses[2].deprecated = true;
  CHECK(sharedOf(40) == "2001:db8:1::7");
}

TEST_CASE("a global address is shared rather than one made in a local or deprecated /64") {
  Instance instance = running();
  // SLAAC of a ULA alone, and DHCPv6.
  Uplink uplink = uplinkWith("fd00:1::2");
  const auto sharedOf = [&](uint64_t now_ms) {
    instance.onUplink(uplink, now_ms);
    CHECK(instance.plan().state == State::kRunning);
    CHECK(instance.plan().neighbour == instance.plan().shared.isUnspecified());
    return text(instance.plan().shared);
  };
  uplink.addresses[0] = {.address = ip6("fd00:1::2")};
  uplink.addresses[1] = {.address = ip6("2001:db8:1::128")};
  uplink.address_count = 1;
  CHECK(sharedOf(10) == "::");
  CHECK(instance.plan().address.high() == ip6("fd00:1::").high());
  uplink.address_count = 2;
  CHECK(sharedOf(20) == "2001:db8:1::128");
  uplink.addresses[1].deprecated = true;
  CHECK(sharedOf(30) == "::");
  // The same of a global network that is on its way out.
  uplink.networks[0] = {ip6("2001:db8:9::2"), true};
  uplink.addresses[0] = {.address = ip6("2001:db8:9::2"), .deprecated = true};
  CHECK(sharedOf(40) == "::");
  uplink.addresses[1].deprecated = false;
  CHECK(sharedOf(50) == "2001:db8:1::128");
  uplink.networks[0].deprecated = false;
  CHECK(sharedOf(60) == "::");
}

TEST_CASE("a global address that comes later is preferred to the local one in use") {
  Instance instance = running();
  Uplink uplink = uplinkWith("fd00:1::2");
  instance.onUplink(uplink, 10);
  CHECK(instance.plan().address.high() == ip6("fd00:1::").high());
  uplink.networks[1] = {ip6("2001:db8:1::2"), false};
  uplink.addresses[0] = {.address = ip6("2001:db8:1::2")};
  uplink.network_count = 2;
  uplink.address_count = 1;
  instance.onUplink(uplink, 20);
  CHECK(instance.plan().shared.isUnspecified());
  CHECK(instance.plan().address.high() == ip6("2001:db8:1::").high());
  uplink = uplinkSharing("fd00:1::1");
  instance.onUplink(uplink, 30);
  CHECK(text(instance.plan().shared) == "fd00:1::1");
  uplink.addresses[1] = {.address = ip6("2001:db8:1::128")};
  uplink.address_count = 2;
  instance.onUplink(uplink, 40);
  CHECK(text(instance.plan().shared) == "2001:db8:1::128");
}

TEST_CASE("a NAT64 with a local prefix is reached from a local /64") {
  Settings settings = basic();
  settings.discovery.statics.add(Pref64(ip6("fd00:64::"), 96));
  Instance instance(settings, 0);
  Uplink uplink = uplinkWith("fd00:1::2");
  uplink.addresses[0] = {.address = ip6("2001:db8:1::128")};
  uplink.address_count = 1;
  instance.onUplink(uplink, 0);
  CHECK(text(instance.plan().prefixes.list) == "fd00:64::/96");
  CHECK(instance.plan().shared.isUnspecified());
  CHECK(instance.plan().address.high() == ip6("fd00:1::").high());
}

TEST_CASE("sharing that was asked for goes on beside a /64, and waits for an address") {
  Settings settings = basic();
  settings.address_from = AddressFrom::kShared;
  Instance instance = running(settings);
  CHECK(instance.plan().state == State::kNoNetwork);
  Uplink uplink = uplinkWith("2001:db8:1::2");
  uplink.addresses[0] = {ip6("2001:db8:1::2")};
  uplink.address_count = 1;
  instance.onUplink(uplink, 10);
  CHECK(instance.plan().state == State::kRunning);
  CHECK(text(instance.plan().shared) == "2001:db8:1::2");
}

netlink::Link link(uint32_t index, const char* name) {
  netlink::Link row;
  row.index = index;
  std::snprintf(row.name, sizeof row.name, "%s", name);
  row.mtu = 1500;
  row.up = row.running = true;
  row.type = 1;
  return row;
}

TEST_CASE("the kernel's tables make a picture of the uplink") {
  const netlink::Link links[] = {link(2, "eth0"), link(3, "clat"), link(4, "clat4")};
  const netlink::InterfaceAddress addresses[] = {
      {.index = 2, .address = ip("2001:db8:1::2"), .length = 64},
      {.index = 2, .address = ip("fe80::2"), .length = 64, .scope = RT_SCOPE_LINK},
      {.index = 2, .address = ip("2001:db8:9::2"), .length = 128},
      {.index = 2, .address = ip("2001:db8:9::3"), .length = 128, .tentative = true},
      {.index = 3, .address = ip("192.0.0.1"), .length = 32},
      {.index = 4, .address = ip("192.0.0.4"), .length = 32}};
  netlink::Route native;
  native.destination.family = AF_INET;
  native.type = RTN_UNICAST;
  native.index = 2;
  native.metric = 100;
  netlink::Route ours = native;
  ours.index = 3;
  ours.metric = 2048;
  netlink::Route others = native;
  others.index = 4;
  others.metric = 50;
  netlink::Route six = native;
  six.destination.family = AF_INET6;
  six.gateway = ip("fe80::1");
  const netlink::Route routes[] = {native, ours, others, six};
  const DeviceName own[] = {DeviceName("clat")};
  const Uplink uplink = makeUplink({links, addresses, routes}, DeviceName("eth0"), own);
  CHECK(uplink.running);
  REQUIRE(uplink.network_count == 1);
  CHECK(text(uplink.networks[0].address) == "2001:db8:1::2");
  REQUIRE(uplink.address_count == 2);
  CHECK(text(uplink.addresses[1].address) == "2001:db8:9::2");
  CHECK(uplink.native4);
  CHECK(uplink.native_metric == 100);
  CHECK(uplink.highest_metric == 100);
  CHECK(uplink.taken == 1 << 4);
  CHECK(uplink.own_defaults == 1);
  CHECK(uplink.other_clat == DeviceName("clat4"));
  CHECK(text(uplink.gateway) == "fe80::1");
}

TEST_CASE("an uplink that is down or gone is told by messages of the device itself") {
  ifinfomsg header{};
  header.ifi_index = 2;
  const auto told = [&](uint16_t type, uint8_t family, unsigned flags) {
    header.ifi_family = family;
    header.ifi_flags = flags;
    return tellsOfDown({type, 0, std::as_bytes(std::span(&header, 1))}, 2);
  };
  CHECK(told(RTM_NEWLINK, AF_UNSPEC, 0));
  CHECK(told(RTM_DELLINK, AF_UNSPEC, IFF_UP));
  CHECK_FALSE(told(RTM_NEWLINK, AF_UNSPEC, IFF_UP));
  // A port that leaves its bridge.
  CHECK_FALSE(told(RTM_DELLINK, AF_BRIDGE, IFF_UP));
  header.ifi_index = 3;
  CHECK_FALSE(told(RTM_NEWLINK, AF_UNSPEC, 0));
  CHECK_FALSE(tellsOfDown({RTM_NEWLINK, 0, {}}, 2));
}

TEST_CASE("XLAT-CLAT-04 the metric after native IPv4 is one that no other default route has") {
  const netlink::Link links[] = {link(2, "eth0"), link(3, "clat"), link(4, "ppp0")};
  const DeviceName own[] = {DeviceName("clat")};
  Settings settings = basic();
  settings.mode = Mode::kForce;
  const auto metricOf = [&](uint8_t order, std::initializer_list<uint32_t> ppp, uint32_t native) {
    std::vector<netlink::Route> routes;
    const auto add = [&](uint32_t index, uint32_t metric) {
      netlink::Route route;
      route.destination.family = AF_INET;
      route.type = RTN_UNICAST;
      route.index = index;
      route.metric = metric;
      routes.push_back(route);
    };
    for (const uint32_t metric : ppp) add(4, metric);
    add(2, native);
    // Ours is in nobody's way.
    add(3, native + 1);
    const netlink::InterfaceAddress addresses[] = {
        {.index = 2, .address = ip("2001:db8:1::2"), .length = 64}};
    settings.order = order;
    Instance instance = running(settings);
    instance.onUplink(makeUplink({links, addresses, routes}, DeviceName("eth0"), own), 10);
    return instance.plan().metric;
  };
  CHECK(metricOf(0, {}, 100) == 101);
  CHECK(metricOf(0, {50, 500}, 100) == 101);
  CHECK(metricOf(0, {101}, 100) == 102);
  CHECK(metricOf(0, {101, 102, 104}, 100) == 103);
  CHECK(metricOf(1, {101, 102, 104}, 100) == 105);
  CHECK(metricOf(1, {}, 100) == 102);
  CHECK(metricOf(0, {}, UINT32_MAX) == UINT32_MAX);
}

TEST_CASE("XLAT-CLAT-09 the uplink's MTU is IPv6's, where a router said less than the device's") {
  netlink::Link row = link(2, "eth0");
  const auto mtuOf = [&](uint32_t mtu6) {
    row.mtu6 = mtu6;
    return makeUplink({std::span(&row, 1), {}, {}}, DeviceName("eth0"), {}).mtu;
  };
  CHECK(mtuOf(0) == 1500);
  CHECK(mtuOf(1500) == 1500);
  CHECK(mtuOf(1400) == 1400);
}

}  // namespace
}  // namespace platypus::clat
