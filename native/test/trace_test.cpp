#include "dataplane/trace.h"

#include "test/worker_rig.h"

namespace platypus::test {
namespace {

/// A worker whose packets are traced.
struct Traced : WorkerRig {
  explicit Traced(const TraceFilter& filter, Mode mode = Mode::kSiit) : WorkerRig(mode) {
    start(filter);
  }
  void start(const TraceFilter& filter) {
    auto trace = std::make_unique<Trace>(filter, std::make_unique<TracePage>());
    worker.swapTrace(trace);
  }
  /// What was kept since the last call.
  TracePage read() {
    auto page = std::make_unique<TracePage>();
    worker.swapTracePage(page);
    return std::move(*page);
  }
  /// Sends one packet and counts its records.
  size_t records(const Bytes& packet) {
    send(packet);
    return read().records.size();
  }
};

Bytes bytesOf(const TracePage& page, size_t packet) {
  const TracedPacket& p = page.packets[packet];
  return {page.bytes.begin() + p.at, page.bytes.begin() + p.at + p.kept};
}

TEST_CASE("trace: a translated packet is kept before and after, with no reason") {
  Traced rig({.snap_bytes = 2048});
  const Bytes in = packet6(17, udp(5));
  const auto sent = rig.send(in);
  const TracePage page = rig.read();
  REQUIRE(page.records.size() == 1);
  CHECK(page.records[0].reason == Counter::kCount);
  CHECK(page.records[0].time_ms > 0);
  REQUIRE(page.packets.size() == 2);
  CHECK_FALSE(page.packets[0].out);
  CHECK(page.packets[1].out);
  CHECK(toHex(bytesOf(page, 0)) == toHex(in));
  CHECK(toHex(bytesOf(page, 1)) == toHex(sent[0].bytes));
}

TEST_CASE("trace: of a long packet the first bytes are kept, and its length") {
  Traced rig({.snap_bytes = 64});
  const Bytes in = packet6(17, udp(500));
  rig.send(in);
  const TracePage page = rig.read();
  REQUIRE(page.packets.size() == 2);
  CHECK(page.packets[0].length == 548);
  CHECK(toHex(bytesOf(page, 0)) == toHex(in, 0, 64));
  CHECK(page.packets[1].length == 528);
  CHECK(page.packets[1].kept == 64);
}

TEST_CASE("trace: a checksum left to the card is shown as it will be on the wire") {
  Traced rig({.snap_bytes = 2048});
  Bytes in = packet6(17, udp(9));
  const std::string whole = toHex(in);
  uint32_t sum = 17 + 17;  // length and protocol
  for (size_t at = 8; at < 40; at += 2) sum += wordAt(in, at);
  while (sum >> 16 != 0) sum = (sum & 0xffff) + (sum >> 16);
  putWord(in, 46, sum);
  const Offload partial{
      .flags = Offload::kNeedsChecksum, .checksum_start = 40, .checksum_offset = 6};
  const auto sent = rig.send(in, partial);
  REQUIRE(sent.size() == 1);
  CHECK(sent[0].offload.needsChecksum());
  CHECK(reference::transport(sent[0].bytes) == reference::Sum::kBad);
  const TracePage page = rig.read();
  REQUIRE(page.packets.size() == 2);
  CHECK(toHex(bytesOf(page, 0)) == whole);
  CHECK(reference::transport(bytesOf(page, 1)) == reference::Sum::kGood);
}

TEST_CASE("trace: a checksum field that is not kept, or offload that lies, does no harm") {
  Traced rig({.snap_bytes = 64});
  // The field lies behind the packet, at its very end, and behind what is kept.
  for (const uint16_t start : Words{65'535, 52, 40}) {
    rig.send(
        packet6(17, udp(5)),
        {.flags = Offload::kNeedsChecksum, .checksum_start = start, .checksum_offset = 65'535});
    rig.send(packet6(17, udp(500)),
             {.flags = Offload::kNeedsChecksum, .checksum_start = start, .checksum_offset = 24});
  }
  CHECK(rig.read().records.size() == 6);
}

TEST_CASE("trace: by IPv6 prefix, source or destination, before or after") {
  Traced rig({.v6 = Ipv6Prefix{v6("2001:db8:64::192.0.2.0"), 120}});
  CHECK(rig.records(packet6(17, udp(5))) == 1);
  CHECK(rig.records(packet6(17, udp(5),
                            {.source6 = "2001:db8:64::198.51.100.2",
                             .destination6 = "2001:db8:64::192.0.2.1"})) == 1);
  CHECK(rig.records(packet4(17, udp(5))) == 1);  // its translation
  CHECK(rig.records(packet6(17, udp(5), {.source6 = "2001:db8:64::192.0.3.1"})) == 0);
}

TEST_CASE("trace: by IPv4 prefix, also inside pool6 where nothing is translated") {
  Traced rig({.v4 = Ipv4Prefix{v4("198.51.100.2"), 32}});
  CHECK(rig.records(packet4(17, udp(5))) == 1);
  CHECK(rig.records(packet4(17, udp(5), {.source4 = "198.51.100.2", .destination4 = "8.8.8.8"})) ==
        1);
  CHECK(rig.records(packet6(17, udp(5))) == 1);
  // Refused before it had an IPv4 address: found by the one inside pool6.
  CHECK(rig.records(packet6(
            17, udp(5), {.source6 = "2001:db8:64::198.51.100.2", .destination6 = "2001:db8::1"})) ==
        1);
  CHECK(rig.records(packet6(17, udp(5), {.source6 = "2001:db8::2"})) == 1);
  CHECK(rig.records(packet4(17, udp(5), {.destination4 = "198.51.100.3"})) == 0);
  CHECK(rig.records(packet6(17, udp(5), {.destination6 = "2001:db8:64::198.51.100.3"})) == 0);
}

TEST_CASE("trace: by protocol; 1 and 58 both mean ICMP of either family") {
  for (const uint8_t number : Octets{1, 58}) {
    CAPTURE(number);
    Traced rig({.protocol = number});
    CHECK(rig.records(packet6(58, icmp(128, 0, 1, {}))) == 1);
    CHECK(rig.records(packet4(1, icmp(8, 0, 1, {}))) == 1);
    // Dropped without an answer, so there is no other family to match.
    CHECK(rig.records(packet6(58, icmp(135, 0, 1, {}))) == 1);
    CHECK(rig.records(packet4(1, icmp(13, 0, 1, {}))) == 1);
    CHECK(rig.records(packet6(17, udp(5))) == 0);
    CHECK(rig.records(packet4(6, tcp(5))) == 0);
  }
  Traced rig({.protocol = uint8_t{17}});
  CHECK(rig.records(packet6(17, udp(5))) == 1);
  CHECK(rig.records(packet6(6, tcp(5))) == 0);
  CHECK(rig.records(packet6(17, pattern(8), {.offset = 800})) == 1);
}

TEST_CASE("trace: by port, either end; a protocol without ports has none") {
  Traced rig({.port = uint16_t{53}});
  CHECK(rig.records(packet6(17, udp(5))) == 1);
  Bytes answer = udp(5);
  putWord(answer, 0, 53);
  putWord(answer, 2, 40'000);
  CHECK(rig.records(packet4(17, answer)) == 1);
  CHECK(rig.records(packet6(6, tcp(5))) == 0);
  CHECK(rig.records(packet6(58, icmp(128, 0, 53 << 16, {}))) == 0);
  CHECK(rig.records(packet6(17, pattern(8), {.offset = 800})) == 0);
}

TEST_CASE("trace: all that is given must match") {
  Traced rig(
      {.v4 = Ipv4Prefix{v4("192.0.2.33"), 32}, .protocol = uint8_t{17}, .port = uint16_t{443}});
  CHECK(rig.records(packet6(17, udp(5))) == 0);
  CHECK(rig.records(packet6(6, tcp(5))) == 0);
  Bytes quic = udp(5);
  putWord(quic, 2, 443);
  CHECK(rig.records(packet6(17, quic)) == 1);
}

TEST_CASE("trace: the reason of a drop, and drops only") {
  Traced rig({.drops_only = true});
  CHECK(rig.records(packet6(17, udp(5))) == 0);
  rig.send(packet4(17, udp(5), {.source4 = "127.0.0.1"}));
  const TracePage page = rig.read();
  REQUIRE(page.records.size() == 1);
  CHECK(page.records[0].reason == Counter::kDropV4Source);
  CHECK(page.packets.size() == 1);
}

TEST_CASE("trace: an ICMP error about a packet is its output") {
  Traced rig({.snap_bytes = 1024});
  const auto sent = rig.send(packet6(17, udp(5), {.hops = 1}));
  REQUIRE(sent.size() == 1);
  const TracePage page = rig.read();
  REQUIRE(page.records.size() == 1);
  CHECK(page.records[0].reason == Counter::kDropHopLimit);
  REQUIRE(page.packets.size() == 2);
  CHECK(page.packets[1].out);
  CHECK(toHex(bytesOf(page, 1)) == toHex(sent[0].bytes));
}

TEST_CASE("trace: every fragment that a packet is cut in is its output") {
  Traced rig({});
  const auto sent = rig.send(packet4(17, udp(3000)));
  REQUIRE(sent.size() == 3);
  const TracePage page = rig.read();
  REQUIRE(page.packets.size() == 4);
  for (size_t i = 0; i < 4; ++i) CHECK(page.packets[i].record == 0);
  for (size_t i = 1; i < 4; ++i) CHECK(page.packets[i].length == sent[i - 1].bytes.size());
}

TEST_CASE("trace: what is no IP packet is seen where nothing is asked for") {
  Traced all({});
  CHECK(all.records(Bytes(3, std::byte{0x20})) == 1);
  CHECK(all.records(Bytes()) == 1);
  CHECK(all.records(Bytes(7, std::byte{0x60})) == 1);
  Traced some({.v4 = Ipv4Prefix{{}, 0}});
  CHECK(some.records(Bytes(3, std::byte{0x20})) == 0);
  CHECK(some.records(Bytes(7, std::byte{0x40})) == 0);
}

TEST_CASE("trace: a full page loses records and counts them, an empty one goes on") {
  Traced rig({.snap_bytes = 64});
  for (int i = 0; i < 600; ++i) rig.send(packet6(17, udp(5)));
  const TracePage page = rig.read();
  CHECK(page.records.size() == TracePage::kRecords);
  CHECK(page.packets.size() == 2 * TracePage::kRecords);
  CHECK(page.lost == 600 - TracePage::kRecords);
  CHECK(rig.records(packet6(17, udp(5))) == 1);
}

TEST_CASE("trace: a page full of bytes or of packets keeps whole records only") {
  Traced rig({.snap_bytes = 2048});
  for (int i = 0; i < 400; ++i) rig.send(packet6(17, udp(1300)));
  const TracePage bytes = rig.read();
  CHECK(bytes.lost == 400 - bytes.records.size());
  CHECK(bytes.records.size() == TracePage::kBytes / (1348 + 1328));
  CHECK(bytes.packets.size() == 2 * bytes.records.size());
  CHECK(bytes.bytes.size() == bytes.records.size() * (1348 + 1328));

  rig.start({.snap_bytes = 64});
  for (int i = 0; i < 300; ++i) rig.send(packet4(17, udp(9000)));  // in eight fragments
  const TracePage packets = rig.read();
  CHECK(packets.records.size() == TracePage::kPackets / 9);
  CHECK(packets.packets.size() == packets.records.size() * 9);
  CHECK(packets.lost == 300 - packets.records.size());
}

TEST_CASE("trace: what does not match leaves nothing behind, and is not lost") {
  Traced rig({.port = uint16_t{53}, .snap_bytes = 64});
  for (int i = 0; i < 600; ++i) rig.send(packet6(6, tcp(5)));
  rig.send(packet6(17, udp(5)));
  const TracePage page = rig.read();
  CHECK(page.records.size() == 1);
  REQUIRE(page.packets.size() == 2);
  CHECK(page.packets[0].at == 0);
  CHECK(page.packets[0].record == 0);
  CHECK(page.lost == 0);
}

TEST_CASE("trace: tables do not grow, so that the packet path takes no memory") {
  Traced rig({.snap_bytes = 2048});
  for (int i = 0; i < 600; ++i) rig.send(packet6(17, udp(1300)));
  const TracePage page = rig.read();
  CHECK(page.records.capacity() == TracePage().records.capacity());
  CHECK(page.packets.capacity() == TracePage().packets.capacity());
  CHECK(page.bytes.capacity() == TracePage().bytes.capacity());
}

TEST_CASE("trace: ended it keeps nothing, and the page stays empty") {
  Traced rig({});
  rig.send(packet6(17, udp(5)));
  std::unique_ptr<Trace> none;
  rig.worker.swapTrace(none);
  CHECK(none != nullptr);
  rig.send(packet6(17, udp(5)));
  CHECK(rig.read().records.empty());
}

TEST_CASE("trace: nat64 shows both sides too, on the short way and the long one") {
  Traced rig({.v4 = Ipv4Prefix{v4("203.0.113.1"), 32}}, Mode::kNat64);
  const Fields fields{.source6 = "2001:db8:1::2"};
  CHECK(rig.records(packet6(17, udp(5), fields)) == 1);
  CHECK(rig.records(packet6(17, udp(5), fields)) == 1);
  const auto sent = rig.send(packet6(17, udp(5), fields));
  Bytes answer = udp(5);
  putWord(answer, 0, 53);
  putWord(answer, 2, wordAt(sent[0].bytes, 20));
  CHECK(rig.read().packets.size() == 2);
  CHECK(rig.records(
            packet4(17, answer, {.source4 = "198.51.100.2", .destination4 = "203.0.113.1"})) == 1);
}

}  // namespace
}  // namespace platypus::test
