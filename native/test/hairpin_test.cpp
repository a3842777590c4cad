// Two IPv6 hosts with mappings that talk through the IPv4 addresses of each other (RFC 7757 §4),
// with the table and the cases of its appendix B.
#include "test/worker_rig.h"

namespace platypus::test {
namespace {

/// RFC 7757 figure 1, and a source for errors from routers without a mapping.
WorkerRig& prepare(WorkerRig& rig, Hairpin mode) {
  const auto entry = [](const char* ipv4, uint8_t length4, const char* ipv6, uint8_t length6) {
    return EamEntry{v4(ipv4), v6(ipv6), length4, length6};
  };
  const EamEntry entries[] = {entry("192.0.2.1", 32, "2001:db8:aaaa::", 128),
                              entry("192.0.2.2", 32, "2001:db8:bbbb::b", 128),
                              entry("192.0.2.16", 28, "2001:db8:cccc::", 124),
                              entry("192.0.2.128", 26, "2001:db8:dddd::", 64),
                              entry("192.0.2.192", 29, "2001:db8:eeee:8::", 62),
                              entry("192.0.2.224", 31, "64:ff9b::", 127)};
  rig.config.translation.pool6 = {};
  rig.config.translation.pool6.add(Pref64(v6("64:ff9b::"), 96));
  rig.config.translation.policy.allow_non_global = true;
  rig.config.siit.eamt = EamTable::build(nullptr, {}, entries).table;
  rig.config.siit.hairpin = mode;
  rig.config.siit.icmp_sources.v4 = {{v4("198.51.100.1"), 32}};
  rig.apply();
  return rig;
}
struct Rig : WorkerRig {
  explicit Rig(Hairpin mode) { prepare(*this, mode); }
};

/// Addresses of a packet and, for an ICMP error, of the packet it quotes; all checksums must hold.
std::string addresses(const Bytes& packet) {
  const bool v6 = byteAt(packet, 0) >> 4 == 6;
  const size_t header = v6 ? 40 : 20;
  const auto read = [&](size_t at) {
    char buffer[INET6_ADDRSTRLEN];
    return std::string(inet_ntop(v6 ? AF_INET6 : AF_INET, &packet[at], buffer, sizeof buffer));
  };
  CHECK(reference::header(packet) != reference::Sum::kBad);
  CHECK(reference::transport(packet) == reference::Sum::kGood);
  const size_t source = v6 ? 8 : 12;
  const size_t destination = v6 ? 24 : 16;
  std::string text = read(source) + " > " + read(destination);
  if (byteAt(packet, v6 ? 6 : 9) != (v6 ? 58 : 1)) return text;
  const size_t quoted = header + 8;
  CHECK(reference::transport(std::span(packet).subspan(quoted)) == reference::Sum::kGood);
  return text + ", " + read(quoted + source) + " > " + read(quoted + destination);
}
std::string addresses(const std::vector<MemoryPacket>& sent) {
  return sent.size() == 1 ? addresses(sent[0].bytes) : std::to_string(sent.size()) + " packets";
}

Bytes udp6(const char* source, const char* destination) {
  return packet6(17, udp(5), {.source6 = source, .destination6 = destination});
}
Bytes error6(const char* source, const char* destination) {
  const Bytes quoted = udp6("64:ff9b::192.0.2.1", "2001:db8:bbbb::b");
  return packet6(58, icmp(1, 4, 0, quoted), {.source6 = source, .destination6 = destination});
}

/// The four cases of eam.json: what comes from IPv6, what it is in IPv4, what comes back.
struct Case {
  const char* name;
  Bytes in;
  const char* mid;
  const char* out;
};
std::vector<Case> cases() {
  return {{"normal packet", udp6("2001:db8:aaaa::", "64:ff9b::192.0.2.2"), "192.0.2.1 > 192.0.2.2",
           "64:ff9b::c000:201 > 2001:db8:bbbb::b"},
          {"reply", udp6("2001:db8:bbbb::b", "64:ff9b::192.0.2.1"), "192.0.2.2 > 192.0.2.1",
           "64:ff9b::c000:202 > 2001:db8:aaaa::"},
          {"error from a router", error6("2001:db8::1234", "64:ff9b::192.0.2.1"),
           "198.51.100.1 > 192.0.2.1, 192.0.2.1 > 192.0.2.2",
           "64:ff9b::c633:6401 > 2001:db8:aaaa::, 2001:db8:aaaa:: > 64:ff9b::c000:202"},
          {"error from the destination", error6("2001:db8:bbbb::b", "64:ff9b::192.0.2.1"),
           "192.0.2.2 > 192.0.2.1, 192.0.2.1 > 192.0.2.2",
           "64:ff9b::c000:202 > 2001:db8:aaaa::, 2001:db8:aaaa:: > 64:ff9b::c000:202"}};
}

TEST_CASE("SIIT-EAM-07 hairpinning is intrinsic where nobody says otherwise") {
  CHECK(SiitConfig().hairpin == Hairpin::kIntrinsic);
}

TEST_CASE("SIIT-EAM-11 intrinsic: the packet comes back at once, as RFC 7757 appendix B has it") {
  for (const Case& c : cases()) {
    CAPTURE(c.name);
    Rig rig(Hairpin::kIntrinsic);
    CHECK(addresses(rig.send(c.in)) == c.out);
    CHECK(rig.count(Counter::kHairpinned) == 1);
    CHECK(rig.count(Counter::kSentV4) == 0);
  }
}

TEST_CASE("SIIT-EAM-08, SIIT-EAM-09, SIIT-EAM-10 simple: out to IPv4, and right when it returns") {
  for (const Case& c : cases()) {
    CAPTURE(c.name);
    Rig rig(Hairpin::kSimple);
    const auto mid = rig.send(c.in);
    CHECK(addresses(mid) == c.mid);
    REQUIRE(mid.size() == 1);
    CHECK(addresses(rig.send(mid[0].bytes)) == c.out);
    CHECK(rig.count(Counter::kHairpinned) == 0);
  }
}

TEST_CASE("SIIT-EAM-10 simple: an error from another host of the table keeps that host's mapping") {
  Rig rig(Hairpin::kSimple);
  const Bytes quoted = packet4(17, udp(5), {.source4 = "192.0.2.1", .destination4 = "192.0.2.2"});
  const Bytes error =
      packet4(1, icmp(3, 3, 0, quoted), {.source4 = "192.0.2.24", .destination4 = "192.0.2.1"});
  CHECK(addresses(rig.send(error)) ==
        "2001:db8:cccc::8 > 2001:db8:aaaa::, 2001:db8:aaaa:: > 64:ff9b::c000:202");
}

TEST_CASE("SIIT-EAM-07 none: what returns from IPv4 is translated by the table throughout") {
  const char* const outs[] = {
      "2001:db8:aaaa:: > 2001:db8:bbbb::b", "2001:db8:bbbb::b > 2001:db8:aaaa::",
      "64:ff9b::c633:6401 > 2001:db8:aaaa::, 2001:db8:aaaa:: > 2001:db8:bbbb::b",
      "2001:db8:bbbb::b > 2001:db8:aaaa::, 2001:db8:aaaa:: > 2001:db8:bbbb::b"};
  const auto all = cases();
  for (size_t i = 0; i < all.size(); ++i) {
    CAPTURE(all[i].name);
    Rig rig(Hairpin::kNone);
    const auto mid = rig.send(all[i].in);
    CHECK(addresses(mid) == all[i].mid);
    REQUIRE(mid.size() == 1);
    CHECK(addresses(rig.send(mid[0].bytes)) == outs[i]);
  }
}

TEST_CASE("SIIT-EAM-11 intrinsic: from IPv4 the table is used for the source as well") {
  // No rule of RFC 7757 §4.2.1 is meant for packets that come from IPv4 in this mode.
  Rig rig(Hairpin::kIntrinsic);
  const Bytes packet = packet4(17, udp(5), {.source4 = "192.0.2.1", .destination4 = "192.0.2.2"});
  CHECK(addresses(rig.send(packet)) == "2001:db8:aaaa:: > 2001:db8:bbbb::b");
}

TEST_CASE("SIIT-EAM-11 intrinsic: only what pool6 maps to an address of the table turns around") {
  Rig rig(Hairpin::kIntrinsic);
  // By the table itself, and to an address that is not in it.
  CHECK(addresses(rig.send(udp6("2001:db8:aaaa::", "2001:db8:bbbb::b"))) ==
        "192.0.2.1 > 192.0.2.2");
  CHECK(addresses(rig.send(udp6("2001:db8:aaaa::", "64:ff9b::192.0.2.3"))) ==
        "192.0.2.1 > 192.0.2.3");
  CHECK(rig.count(Counter::kHairpinned) == 0);
}

TEST_CASE("SIIT-EAM-12 the hop limit is decremented once, in the quoted packet not at all") {
  for (const Case& c : cases()) {
    CAPTURE(c.name);
    Rig rig(Hairpin::kIntrinsic);
    const auto sent = rig.send(c.in);
    REQUIRE(sent.size() == 1);
    CHECK(byteAt(sent[0].bytes, 7) == 63);
    if (byteAt(c.in, 6) == 58) CHECK(byteAt(sent[0].bytes, 48 + 7) == 64);
  }
}

TEST_CASE("SIIT-EAM-12 a hop limit of two suffices for the way through and back") {
  Rig rig(Hairpin::kIntrinsic);
  const auto sent = rig.send(packet6(
      17, udp(5), {.source6 = "2001:db8:aaaa::", .destination6 = "64:ff9b::192.0.2.2", .hops = 2}));
  REQUIRE(sent.size() == 1);
  CHECK(byteAt(sent[0].bytes, 7) == 1);
}

TEST_CASE("SIIT-EAM-11 intrinsic: a super-packet turns around whole") {
  Rig rig(Hairpin::kIntrinsic);
  const Bytes packet =
      packet6(6, tcp(5000), {.source6 = "2001:db8:aaaa::", .destination6 = "64:ff9b::192.0.2.2"});
  const auto sent = rig.send(packet, {.flags = Offload::kNeedsChecksum,
                                      .gso_type = Offload::kGsoTcp6,
                                      .header_length = 60,
                                      .gso_size = 1400,
                                      .checksum_start = 40,
                                      .checksum_offset = 16});
  REQUIRE(sent.size() == 1);
  CHECK(sent[0].bytes.size() == packet.size());
  CHECK(sent[0].offload.gso_type == Offload::kGsoTcp6);
  CHECK(sent[0].offload.gso_size == 1400);
  CHECK(sent[0].offload.checksum_start == 40);
}

TEST_CASE("SIIT-EAM-11 intrinsic: fragments turn around one by one") {
  Rig rig(Hairpin::kIntrinsic);
  const auto sent = rig.send(packet6(17, udp(24),
                                     {.source6 = "2001:db8:aaaa::",
                                      .destination6 = "64:ff9b::192.0.2.2",
                                      .identification = 0xdeadbeef,
                                      .offset = 800,
                                      .more = true}));
  REQUIRE(sent.size() == 1);
  CHECK(byteAt(sent[0].bytes, 6) == 44);
  CHECK(toHex(sent[0].bytes, 40, 8) == "110003210000beef");
  CHECK(toHex(sent[0].bytes, 24, 16) == "20010db8bbbb0000000000000000000b");
}

}  // namespace
}  // namespace platypus::test
