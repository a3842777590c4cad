#include "clat/discovery.h"

#include "test/clat_messages.h"
#include "test/test.h"

namespace platypus::clat {
namespace {

using namespace test;

constexpr std::string_view kWellKnownAaaa = "0064ff9b0000000000000000c00000aa";
constexpr std::string_view kOwnAaaa = "20010db8006400000000 0000c00000aa";

// A network in fast motion.
struct Network {
  explicit Network(DiscoverySettings settings = {}) : discovery(settings, 0) {}

  void hear(std::string_view options, uint64_t now_ms, const char* router = "fe80::1") {
    const auto read = parseAdvertisement(advertisement(options), fromRouter(router));
    REQUIRE(read);
    discovery.onAdvertisement(*read, ip6(router), now_ms);
  }
  std::optional<Ask> poll(uint64_t now_ms) { return discovery.poll(now_ms, 7); }
  // Polls at each deadline; the time of the first question, or `end`.
  uint64_t firstQuestion(uint64_t from, uint64_t end) {
    for (uint64_t now = from; now < end; now = discovery.deadlineMs(now)) {
      if (poll(now)) return now;
    }
    return end;
  }
  std::string list() const { return text(discovery.current().list); }
  Source source() const { return discovery.current().source; }

  Discovery discovery;
};

DiscoverySettings withResolver() {
  DiscoverySettings settings;
  settings.resolvers = {.addresses = {ip6("2001:db8::53")}, .count = 1};
  return settings;
}

TEST_CASE("XLAT-RA-06 lifetime 0 takes the prefix away") {
  Network network;
  network.hear(kWellKnown600, 0);
  CHECK(network.list() == "64:ff9b::/96");
  network.hear(kWellKnown0, 10);
  CHECK(network.list() == "");
  CHECK(network.source() == Source::kNone);
}

TEST_CASE("XLAT-RA-17 a prefix ends with its lifetime, not with the router's") {
  Network network;
  network.hear(kWellKnown600, 0);
  (void)network.poll(599'999);
  CHECK(network.list() == "64:ff9b::/96");
  CHECK(network.discovery.deadlineMs(599'999) == 600'000);
  (void)network.poll(600'000);
  CHECK(network.list() == "");
}

TEST_CASE(
    "XLAT-RA-10 several prefixes count in the order of the options, without those of lifetime 0") {
  Network network;
  network.hear(std::string(kOwn600) + std::string(kWellKnown600), 0);
  CHECK(network.list() == "2001:db8:64::/96 64:ff9b::/96");
  network.hear(std::string(kOwn0) + std::string(kWellKnown600), 1000);
  CHECK(network.list() == "64:ff9b::/96");
}

TEST_CASE("XLAT-PREF-03 what a router advertises now is used at once") {
  Network network;
  network.hear(kWellKnown600, 0);
  network.hear(kOwn600, 1000);
  CHECK(network.list() == "2001:db8:64::/96 64:ff9b::/96");
}

TEST_CASE("an advertisement without prefixes changes none") {
  Network network;
  network.hear(kWellKnown600, 0);
  network.hear(kResolver600, 1000);
  CHECK(network.list() == "64:ff9b::/96");
}

TEST_CASE("XLAT-RA-13 a second router with another prefix is counted and breaks no flow") {
  Network network;
  network.hear(kWellKnown600, 0);
  network.hear(kOwn600, 1000, "fe80::2");
  CHECK(network.list() == "64:ff9b::/96 2001:db8:64::/96");
  CHECK(network.discovery.counters().routers_differ == 1);
}

TEST_CASE("XLAT-PREF-04 the router that advertised the prefix is known") {
  Network network;
  network.hear(kWellKnown600, 0, "fe80::2");
  CHECK(text(network.discovery.current().router) == "fe80::2");
}

TEST_CASE("XLAT-DNS-11, XLAT-PREF-01 no question while an advertisement has a prefix") {
  Network network(withResolver());
  network.hear(kWellKnown600, 0);
  CHECK(network.firstQuestion(0, 600'000) == 600'000);
}

TEST_CASE(
    "XLAT-PREF-01 an advertisement without a prefix has DNS asked at once, silence a little "
    "later") {
  Network heard(withResolver());
  CHECK_FALSE(heard.poll(0));
  heard.hear("", 10);
  CHECK(heard.poll(10));
  Network silent(withResolver());
  CHECK(silent.firstQuestion(0, 10'000) == Discovery::kAdvertisementWaitMs);
}

TEST_CASE("XLAT-DNS-16 the resolver of the advertisement is asked before the host's") {
  Network network(withResolver());
  network.hear(kResolver600, 0);
  const auto ask = network.poll(0);
  REQUIRE(ask);
  CHECK(text(ask->resolver) == "fe80::53");
  Network without(withResolver());
  without.hear("", 0);
  CHECK(text(without.poll(0)->resolver) == "2001:db8::53");
}

TEST_CASE(
    "XLAT-DNS-05, XLAT-DNS-10 an answer is used, and asked for anew 10 s before its TTL ends") {
  Network network(withResolver());
  network.hear("", 0);
  REQUIRE(network.poll(0));
  network.discovery.onAnswer(dnsAnswer(7, {kWellKnownAaaa}, 60), 100);
  CHECK(network.list() == "64:ff9b::/96");
  CHECK(network.source() == Source::kDns);
  CHECK(network.firstQuestion(100, 1'000'000) == 50'100);
}

TEST_CASE("XLAT-DNS-10 what is not confirmed ends with its TTL") {
  Network network(withResolver());
  network.hear("", 0);
  REQUIRE(network.poll(0));
  network.discovery.onAnswer(dnsAnswer(7, {kWellKnownAaaa}, 60), 0);
  for (uint64_t now = 0; now < 60'000; now = network.discovery.deadlineMs(now)) {
    (void)network.poll(now);
    CHECK(network.list() == "64:ff9b::/96");
  }
  (void)network.poll(60'000);
  CHECK(network.list() == "");
}

TEST_CASE(
    "XLAT-DNS-06 several prefixes of an answer are used in its order, the one in force first") {
  Network network(withResolver());
  network.hear("", 0);
  REQUIRE(network.poll(0));
  network.discovery.onAnswer(dnsAnswer(7, {kOwnAaaa, kWellKnownAaaa}, 60), 0);
  CHECK(network.list() == "2001:db8:64::/96 64:ff9b::/96");
  REQUIRE(network.firstQuestion(0, 100'000) == 50'000);
  network.discovery.onAnswer(dnsAnswer(7, {kWellKnownAaaa, kOwnAaaa}, 60), 50'000);
  CHECK(network.list() == "2001:db8:64::/96 64:ff9b::/96");
}

TEST_CASE("XLAT-DNS-08 a negative answer is obeyed for the time of its SOA") {
  Network network(withResolver());
  network.hear("", 0);
  REQUIRE(network.poll(0));
  network.discovery.onAnswer(dnsNoData(7, 900, 300), 0);
  CHECK(network.list() == "");
  CHECK(network.firstQuestion(0, 1'000'000) == 300'000);
}

TEST_CASE("XLAT-DNS-08 silence is asked again, six times, then left alone for a while") {
  Network network(withResolver());
  network.hear("", 0);
  std::vector<uint64_t> asked;
  for (uint64_t now = 0; now < 40'000; now = network.discovery.deadlineMs(now)) {
    if (network.poll(now)) asked.push_back(now);
  }
  CHECK(asked ==
        std::vector<uint64_t>{0, 1000, 3000, 6000, 10'000, 15'000, 31'000, 32'000, 34'000, 37'000});
}

// Polls at each deadline for so many seconds; the time of the last, just after which nothing is
// due.
uint64_t silentFor(Network& network, uint64_t seconds) {
  uint64_t last = 0;
  for (uint64_t now = 0; now < seconds * 1000; now = network.discovery.deadlineMs(now)) {
    (void)network.poll(last = now);
  }
  return last;
}

TEST_CASE("a late advertisement that names a resolver has it asked at once") {
  Network network;
  const uint64_t now = silentFor(network, 35);
  CHECK(network.discovery.counters().questions == 0);
  network.hear(kResolver600, now + 1);
  const auto ask = network.poll(now + 1);
  REQUIRE(ask);
  CHECK(text(ask->resolver) == "fe80::53");
}

TEST_CASE("with nobody to ask there is no growing pause, and somebody later is asked at once") {
  Network network;
  network.hear("", 0);
  const uint64_t now = silentFor(network, 600);
  CHECK_FALSE(network.poll(now + 1));
  CHECK(network.discovery.deadlineMs(now) <= now + 10'000);
  network.discovery.setResolvers({.addresses = {ip6("2001:db8::53")}, .count = 1});
  CHECK(network.poll(now + 1));
}

TEST_CASE("an advertisement of a router that is back has silent resolvers asked at once") {
  Network network(withResolver());
  network.hear("", 0);
  const uint64_t now = silentFor(network, 400);
  CHECK_FALSE(network.poll(now + 1));
  network.hear("", now + 2);
  CHECK(network.poll(now + 2));
}

// RDNSS with fe80::n.
std::string resolverOf(unsigned n, unsigned seconds) {
  char option[80];
  std::snprintf(option, sizeof option, "19030000 %08x fe800000 00000000 00000000 0000%04x", seconds,
                n);
  return option;
}

TEST_CASE("a flood of advertisements, of resolvers that change too, asks at most each 5 s anew") {
  Network network(withResolver());
  network.hear("", 0);
  const uint64_t start = silentFor(network, 400);
  const uint64_t before = network.discovery.counters().questions;
  for (uint64_t i = 0; i < 100'000; ++i) {
    const auto number = static_cast<unsigned>(1 + i % 3);
    network.hear(i % 2 == 0 ? "" : resolverOf(number, 600), start + i / 10);
    (void)network.poll(start + i / 10);
  }
  // Of 10 s: the first, and one that is due, each 5 s, with its repetitions.
  CHECK(network.discovery.counters().questions - before <= 20);
  CHECK(network.discovery.counters().questions - before >= 2);
}

TEST_CASE("a fifth resolver takes the place of the one that would expire first") {
  Network network;
  for (unsigned n = 1; n <= 4; ++n) network.hear(resolverOf(n, n == 2 ? 500 : 1800), 0);
  network.hear(resolverOf(0x53, 600), 1000);
  std::string asked;
  for (int i = 0; i < 4; ++i) {
    const auto ask = network.poll(2000 + static_cast<uint64_t>(i) * 1000);
    REQUIRE(ask);
    asked += text(ask->resolver) + ' ';
  }
  CHECK(asked == "fe80::1 fe80::3 fe80::4 fe80::53 ");
}

TEST_CASE("a resolver that comes later is no less asked because another one said no") {
  Network network(withResolver());
  network.hear("", 0);
  REQUIRE(network.poll(0));
  network.discovery.onAnswer(dnsNoData(7, 86'400, 86'400), 0);
  CHECK(network.discovery.lacksDns(1000));
  network.discovery.setResolvers({.addresses = {ip6("2001:db8::64")}, .count = 1});
  const auto ask = network.poll(1000);
  REQUIRE(ask);
  CHECK(text(ask->resolver) == "2001:db8::64");
  network.discovery.onAnswer(dnsAnswer(7, {kWellKnownAaaa}, 60), 1010);
  CHECK(network.list() == "64:ff9b::/96");
}

TEST_CASE("the answer of other resolvers is used until these have answered") {
  Network network(withResolver());
  network.hear("", 0);
  REQUIRE(network.poll(0));
  network.discovery.onAnswer(dnsAnswer(7, {kWellKnownAaaa}, 600), 0);
  network.hear(kResolver600, 1000);
  REQUIRE(network.poll(1000));
  CHECK(network.list() == "64:ff9b::/96");
  network.discovery.onAnswer(dnsNoData(7, 300, 300), 1010);
  CHECK(network.list() == "");
}

TEST_CASE("XLAT-DNS-07 records without a well-known address are as good as none") {
  Network network(withResolver());
  network.hear("", 0);
  REQUIRE(network.poll(0));
  network.discovery.onAnswer(dnsAnswer(7, {"20010db8000000000000000000000001"}, 120), 0);
  CHECK(network.list() == "");
  CHECK(network.firstQuestion(0, 1'000'000) == 120'000);
}

TEST_CASE("a refused option or answer leaves the prefix of another router alone, and is counted") {
  Network network(withResolver());
  network.hear(kWellKnown600, 0);
  network.hear("26020259 0064ff9b 00000000 00000000", 10, "fe80::2");
  CHECK(network.list() == "64:ff9b::/96");
  CHECK(network.discovery.counters().prefixes_refused == 1);
  Network other(withResolver());
  other.hear("", 0);
  REQUIRE(other.poll(0));
  // 64:ff9b:c000:aa::, which would be 64:ff9b::/32.
  other.discovery.onAnswer(dnsAnswer(7, {"0064ff9bc00000aa0000000000000000"}, 60), 0);
  CHECK(other.list() == "");
  CHECK(other.discovery.counters().prefixes_refused == 1);
}

TEST_CASE("an answer that nobody asked for, or with another id, changes nothing and is counted") {
  Network network(withResolver());
  network.discovery.onAnswer(dnsAnswer(7, {kWellKnownAaaa}, 60), 0);
  network.hear("", 0);
  REQUIRE(network.poll(0));
  network.discovery.onAnswer(dnsAnswer(8, {kWellKnownAaaa}, 60), 0);
  CHECK(network.list() == "");
  CHECK(network.discovery.counters().answers_refused == 2);
}

TEST_CASE("XLAT-RA-11, XLAT-CE-13, XLAT-CLAT-05 RA before DNS before what the operator told") {
  DiscoverySettings settings = withResolver();
  settings.statics.add(Pref64(ip6("2001:db8:a::"), 96));
  Network network(settings);
  CHECK(network.list() == "2001:db8:a::/96");
  CHECK(network.source() == Source::kStatic);
  network.hear("", 0);
  REQUIRE(network.poll(0));
  network.discovery.onAnswer(dnsAnswer(7, {kOwnAaaa}, 60), 0);
  CHECK(network.list() == "2001:db8:64::/96");
  network.hear(kWellKnown600, 10);
  CHECK(network.list() == "64:ff9b::/96");
  CHECK(network.source() == Source::kRouter);
  network.hear(kWellKnown0, 20);
  (void)network.poll(20);
  CHECK(network.source() != Source::kRouter);
}

TEST_CASE("a fallback waits until RA and DNS were tried") {
  DiscoverySettings settings = withResolver();
  settings.fallbacks.add(Pref64(ip6("64:ff9b::"), 96));
  Network network(settings);
  CHECK(network.discovery.searching(0));
  CHECK(network.list() == "");
  network.hear("", 0);
  REQUIRE(network.poll(0));
  network.discovery.onAnswer(dnsNoData(7, 300, 300), 0);
  CHECK(network.list() == "64:ff9b::/96");
  CHECK(network.source() == Source::kFallback);
}

TEST_CASE("XLAT-DNS-15 either way of discovery can be switched off") {
  DiscoverySettings settings = withResolver();
  settings.dns = false;
  Network silent(settings);
  silent.hear("", 0);
  CHECK(silent.firstQuestion(0, 100'000) == 100'000);
  settings.dns = true;
  settings.router = false;
  Network deaf(settings);
  deaf.hear(kWellKnown600, 0);
  CHECK(deaf.list() == "");
  CHECK(deaf.poll(0));
}

TEST_CASE("a prefix that flaps is damped: off at once, on again when it was steady for 30 s") {
  Network network;
  uint64_t now = 0;
  for (int i = 0; i < 20; ++i) {
    network.hear(kWellKnown600, now += 500);
    network.hear(kWellKnown0, now += 500);
    CHECK(network.list() == "");
  }
  CHECK(network.discovery.counters().damped > 0);
  network.hear(kWellKnown600, now += 500);
  CHECK(network.list() == "");
  (void)network.poll(now + Discovery::kCalmMs - 1);
  CHECK(network.list() == "");
  (void)network.poll(now + Discovery::kCalmMs);
  CHECK(network.list() == "64:ff9b::/96");
}

TEST_CASE("of two prefixes that take turns the one in force stays") {
  Network network;
  uint64_t now = 0;
  for (int i = 0; i < 4; ++i) network.hear(i % 2 == 0 ? kWellKnown600 : kOwn600, now += 1000);
  const std::string before = text(network.discovery.current().list.prefixes[0]);
  for (int i = 0; i < 20; ++i) {
    network.hear(i % 2 == 0 ? kWellKnown600 : kOwn600, now += 1000);
    CHECK(text(network.discovery.current().list.prefixes[0]) == before);
  }
}

TEST_CASE("XLAT-RA-12 another link: nothing that was learnt before holds") {
  Network network;
  network.hear(kWellKnown600, 0);
  network.discovery.restart(1000);
  CHECK(network.list() == "");
  network.hear(kOwn600, 2000);
  CHECK(network.list() == "2001:db8:64::/96");
}

TEST_CASE("a link that is lost again and again is used at once each time, with the same prefix") {
  Network network;
  uint64_t now = 0;
  for (int i = 0; i < 10; ++i) {
    network.hear(kWellKnown600, now += 1000);
    CHECK(network.list() == "64:ff9b::/96");
    // It goes, and comes back.
    network.discovery.restart(now += 1000);
    network.discovery.restart(now += 1000);
    CHECK(network.list() == "");
  }
  CHECK(network.discovery.counters().damped == 0);
}

TEST_CASE(
    "a link that comes back with another prefix each time is damped, and so is one that flaps") {
  Network roaming;
  for (uint64_t i = 0; i < 5; ++i) {
    roaming.hear(i % 2 == 0 ? kWellKnown600 : kOwn600, i * 1000);
    roaming.discovery.restart(i * 1000 + 500);
  }
  CHECK(roaming.discovery.counters().damped == 1);
  Network flapping;
  flapping.hear(kWellKnown600, 0);
  for (uint64_t now = 1000; now < 10'000; now += 1000) {
    flapping.discovery.restart(now);
    flapping.hear(kWellKnown600, now + 1);
    flapping.hear(kWellKnown0, now + 2);
    flapping.hear(kWellKnown600, now + 3);
  }
  CHECK(flapping.discovery.counters().damped > 0);
}

TEST_CASE("what the operator told is in force while the link is away, and breaks no return") {
  DiscoverySettings settings;
  settings.statics.add(Pref64(ip6("2001:db8:a::"), 96));
  Network network(settings);
  for (uint64_t now = 1000; now < 10'000; now += 1000) {
    network.hear(kWellKnown600, now);
    CHECK(network.list() == "64:ff9b::/96");
    network.discovery.restart(now + 100);
    network.discovery.restart(now + 200);
    CHECK(network.list() == "2001:db8:a::/96");
  }
}

// PREF64 2001:db8:0:n::/96 for as long as can be.
std::string optionOf(unsigned n) {
  char option[64];
  std::snprintf(option, sizeof option, "2602fff8 20010db8 0000%04x 00000000", n);
  return option;
}

TEST_CASE(
    "a router has room for four prefixes; more of one advertisement are refused and counted") {
  Network network;
  std::string options;
  for (unsigned n = 1; n <= 6; ++n) options += optionOf(n);
  network.hear(options, 0);
  CHECK(network.list() ==
        "2001:db8:0:1::/96 2001:db8:0:2::/96 2001:db8:0:3::/96 2001:db8:0:4::/96");
  CHECK(network.discovery.counters().prefixes_refused == 2);
}

TEST_CASE("XLAT-PREF-03 a new prefix has room however many were advertised before") {
  Network network;
  // Slowly enough not to be damped.
  for (unsigned n = 1; n <= 12; ++n) network.hear(optionOf(n), n * Discovery::kWindowMs);
  CHECK(network.list() ==
        "2001:db8:0:c::/96 2001:db8:0:b::/96 2001:db8:0:9::/96 2001:db8:0:a::/96");
  CHECK(network.discovery.counters().prefixes_refused == 8);
}

TEST_CASE("XLAT-PREF-03 what a forged advertisement brought makes room for what the router says") {
  Network network;
  network.hear(kWellKnown600, 0);
  std::string junk;
  for (unsigned n = 1; n <= 7; ++n) junk += optionOf(n);
  network.hear(junk, 1000);
  network.hear(kOwn600, 2000);
  CHECK(network.list().starts_with("2001:db8:64::/96 "));
}

TEST_CASE("XLAT-PREF-03 old prefixes of other routers make room as well") {
  Network network;
  for (const char* router : {"fe80::66", "fe80::67"}) {
    std::string junk;
    for (unsigned n = 1; n <= 4; ++n) junk += optionOf(n);
    network.hear(junk, 0, router);
  }
  network.hear(kWellKnown600, 1000);
  CHECK(network.list().find("64:ff9b::/96") == std::string::npos);
  // One of the eight is said no more.
  network.hear(optionOf(1) + optionOf(2) + optionOf(3), 2000, "fe80::66");
  network.hear(kWellKnown600, 3000);
  CHECK(network.list().find("64:ff9b::/96") != std::string::npos);
}

TEST_CASE("XLAT-DNS-04 an ambiguous record settles nothing alone") {
  const Ipv6Address twice = ip6("2001:db8:c000:aa::c000:aa");
  CHECK(text(findPrefixes(std::span(&twice, 1))) == "");
}

}  // namespace
}  // namespace platypus::clat
