#include "siit/path_mtu.h"

#include "packet/icmp6.h"
#include "test/siit_packets.h"
#include "test/test.h"
#include "test/worker_rig.h"

namespace platypus::test {
namespace {

constexpr uint32_t kTenMinutes = 6000;  // ticks

Ipv4Address host(uint32_t n) {
  return Ipv4Address::fromHost(0xc6336400u + n);
}

// --- The table -----------------------------------------------------------------------------------

TEST_CASE("SIIT-6to4-17 path MTUs: what was learned holds for its destination only") {
  PathMtus mtus(64, 1);
  CHECK(mtus.limit(host(1), 1500) == 1500);
  CHECK(mtus.learn(host(1), 1000, 5));
  CHECK(mtus.limit(host(1), 1500) == 1000);
  CHECK(mtus.limit(host(2), 1500) == 1500);
  CHECK(mtus.used() == 1);
}

TEST_CASE("SIIT-6to4-17 path MTUs: never above the MTU of the next hop") {
  PathMtus mtus(64, 1);
  mtus.learn(host(1), 1000, 0);
  CHECK(mtus.limit(host(1), 900) == 900);
  CHECK(mtus.limit(host(1), 1000) == 1000);
}

TEST_CASE("SIIT-6to4-17 path MTUs: from 1260 on IPv6 hosts can be told, so nothing is kept") {
  PathMtus mtus(64, 1);
  CHECK_FALSE(mtus.learn(host(1), 1260, 0));
  CHECK_FALSE(mtus.learn(host(1), 65'535, 0));
  CHECK(mtus.used() == 0);
  CHECK(mtus.learn(host(1), 1259, 0));
  CHECK(mtus.limit(host(1), 1500) == 1259);
}

TEST_CASE("SIIT-6to4-17 path MTUs: less than 552 bytes is not believed") {
  PathMtus mtus(64, 1);
  for (const uint32_t said : {551u, 68u, 1u, 0u}) {
    const Ipv4Address to = host(said);
    CHECK(mtus.learn(to, said, 0));
    CHECK(mtus.limit(to, 1500) == 552);
  }
}

TEST_CASE("SIIT-6to4-17 path MTUs: a smaller one is news, the same or a larger one is not") {
  PathMtus mtus(64, 1);
  CHECK(mtus.learn(host(1), 1000, 0));
  CHECK_FALSE(mtus.learn(host(1), 1000, 0));
  CHECK_FALSE(mtus.learn(host(1), 1200, 0));
  CHECK(mtus.limit(host(1), 1500) == 1000);
  CHECK(mtus.learn(host(1), 900, 0));
  CHECK(mtus.limit(host(1), 1500) == 900);
  CHECK(mtus.used() == 1);
}

void sweep(PathMtus& mtus, uint32_t now) {
  for (int i = 0; i < 4; ++i) mtus.expire(now);
}

TEST_CASE("SIIT-6to4-17 path MTUs: forgotten ten minutes after the last word of them") {
  PathMtus mtus(64, 1);
  mtus.learn(host(1), 1000, 100);
  mtus.learn(host(2), 1000, 100);
  mtus.learn(host(2), 1000, 200);
  sweep(mtus, 100 + kTenMinutes);
  CHECK(mtus.used() == 2);
  sweep(mtus, 101 + kTenMinutes);
  CHECK(mtus.limit(host(1), 1500) == 1500);
  CHECK(mtus.limit(host(2), 1500) == 1000);
  sweep(mtus, 201 + kTenMinutes);
  CHECK(mtus.used() == 0);
  CHECK(mtus.limit(host(2), 1500) == 1500);
}

TEST_CASE("SIIT-6to4-17 path MTUs: the clock may go around") {
  PathMtus mtus(64, 1);
  mtus.learn(host(1), 1000, 0xffffff00u);
  sweep(mtus, 0x100);
  CHECK(mtus.used() == 1);
  sweep(mtus, 0xffffff00u + kTenMinutes + 1);
  CHECK(mtus.used() == 0);
}

TEST_CASE("SIIT-6to4-17 path MTUs: a full bucket gives up what it has heard of longest ago") {
  PathMtus mtus(1, 1);  // one bucket of four
  for (uint32_t n = 1; n <= 4; ++n) mtus.learn(host(n), 1000, n);
  mtus.learn(host(1), 1000, 5);
  CHECK(mtus.learn(host(9), 800, 6));
  CHECK(mtus.used() == 4);
  CHECK(mtus.limit(host(2), 1500) == 1500);
  for (const uint32_t n : {1u, 3u, 4u}) CHECK(mtus.limit(host(n), 1500) == 1000);
  CHECK(mtus.limit(host(9), 1500) == 800);
}

TEST_CASE("SIIT-6to4-17 path MTUs: a flood of destinations takes no more memory") {
  PathMtus mtus(100, 0x5eed);  // rounded up to 128
  const size_t bytes = mtus.bytes();
  for (uint32_t n = 0; n < 100'000; ++n) mtus.learn(Ipv4Address::fromHost(n * 7919), 600, n / 100);
  CHECK(mtus.used() <= 128);
  CHECK(mtus.used() >= 120);
  CHECK(mtus.bytes() == bytes);
}

// --- On a packet's way ---------------------------------------------------------------------------

const Fields kRouter{.source4 = "203.0.113.9", .destination4 = "192.0.2.33"};

/// "Fragmentation needed" from a router about `quoted`.
Bytes needed(const Bytes& quoted, uint32_t mtu, const Fields& from = kRouter) {
  return packet4(1, icmp(3, 4, mtu, quoted), from);
}

TEST_CASE("SIIT-6to4-17 a path below 1260 is learned and packets of 1280 are fragmented to it") {
  WorkerRig rig;
  const Bytes packet = packet6(17, udp(1232));
  CHECK(rig.send(packet).size() == 1);
  const auto told = rig.send(needed(packet4(17, udp(1232)), 1000));
  REQUIRE(told.size() == 1);
  CHECK(byteAt(told[0].bytes, 40) == icmp6::kPacketTooBig);
  CHECK(longAt(told[0].bytes, 44) == 1280);
  CHECK(rig.count(Counter::kPathMtuLearned) == 1);
  CHECK(rig.worker.sizes().path_mtus == 1);

  const auto pieces = rig.send(packet);
  REQUIRE(pieces.size() == 2);
  Bytes payload;
  for (const MemoryPacket& piece : pieces) {
    CHECK(piece.bytes.size() <= 1000);
    CHECK(reference::header(piece.bytes) == reference::Sum::kGood);
    CHECK((wordAt(piece.bytes, 6) & 0x4000) == 0);
    CHECK(wordAt(piece.bytes, 4) == wordAt(pieces[0].bytes, 4));
    payload = std::move(payload) + Bytes(piece.bytes.begin() + 20, piece.bytes.end());
  }
  CHECK(wordAt(pieces[0].bytes, 6) == 0x2000);
  CHECK(wordAt(pieces[1].bytes, 6) == 976 / 8);
  CHECK(reference::transport(packet4(17, payload)) == reference::Sum::kGood);
  CHECK(toHex(payload, 8) == toHex(udp(1232), 8));
  CHECK(rig.count(Counter::kFragmented) == 2);
}

TEST_CASE("SIIT-6to4-17 what fits the learned path is not cut, another path not at all") {
  WorkerRig rig;
  rig.send(needed(packet4(17, udp(1232)), 1000));
  CHECK(rig.send(packet6(17, udp(972))).size() == 1);
  CHECK(rig.send(packet6(17, udp(973))).size() == 2);
  CHECK(rig.send(packet6(17, udp(1232), {.destination6 = "2001:db8:64::198.51.100.3"})).size() ==
        1);
}

TEST_CASE("SIIT-6to4-18 above 1280 the learned path is told as 1280, not fragmented") {
  WorkerRig rig;
  rig.send(needed(packet4(17, udp(1232)), 1000));
  const auto told = rig.send(packet6(17, udp(1300)));
  REQUIRE(told.size() == 1);
  CHECK(byteAt(told[0].bytes, 40) == icmp6::kPacketTooBig);
  CHECK(longAt(told[0].bytes, 44) == 1280);
  CHECK(rig.count(Counter::kDropTooBigV4) == 1);
}

TEST_CASE("SIIT-6to4-17 a router that names no MTU: the plateau below the packet is learned") {
  WorkerRig rig;
  rig.send(needed(packet4(17, udp(1232)), 0));
  const auto pieces = rig.send(packet6(17, udp(1232)));
  REQUIRE(pieces.size() == 2);
  CHECK(pieces[0].bytes.size() == 20 + 984);  // 1006 rounded down to eights
}

TEST_CASE("SIIT-6to4-17 a claim that the quoted packet belies is not learned") {
  WorkerRig rig;
  rig.send(needed(packet4(17, udp(900)), 1000));
  rig.send(needed(packet4(17, udp(972)), 1000));  // just as long as the MTU
  CHECK(rig.worker.sizes().path_mtus == 0);
  rig.send(packet4(1, icmp(3, 1, 1000, packet4(17, udp(1232))), kRouter));
  CHECK(rig.worker.sizes().path_mtus == 0);
  rig.send(needed(packet4(17, udp(973)), 1000));
  CHECK(rig.worker.sizes().path_mtus == 1);
}

TEST_CASE("SIIT-6to4-17 after ten minutes packets are whole again") {
  WorkerRig rig;
  rig.send(needed(packet4(17, udp(1232)), 1000));
  rig.now_ms += 600'100;
  for (int i = 0; i < 4; ++i) rig.worker.poll(rig.now_ms);
  CHECK(rig.worker.sizes().path_mtus == 0);
  CHECK(rig.send(packet6(17, udp(1232))).size() == 1);
}

/// A TCP super-packet of `bytes` in segments of 1220.
MemoryPacket super6(const Bytes& packet) {
  return {packet,
          {.flags = Offload::kNeedsChecksum,
           .gso_type = Offload::kGsoTcp6,
           .header_length = 60,
           .gso_size = 1220,
           .checksum_start = 40,
           .checksum_offset = 16}};
}

TEST_CASE("SIIT-6to4-17 a super-packet gets segments that fit the learned path") {
  WorkerRig rig;
  rig.send(needed(packet4(6, tcp(1220)), 1000));
  const auto [bytes, offload] = super6(packet6(6, tcp(5000)));
  const auto sent = rig.send(bytes, offload);
  REQUIRE(sent.size() == 1);
  CHECK(sent[0].bytes.size() == 5040);
  CHECK(sent[0].offload.gso_size == 960);
  CHECK(sent[0].offload.gso_type == Offload::kGsoTcp4);
  CHECK((wordAt(sent[0].bytes, 6) & 0x4000) == 0);
  CHECK(rig.count(Counter::kGsoSizeLowered) == 1);
}

/// The stateful translator with a flow from P::192.0.2.33's neighbour to 198.51.100.2.
struct Nat64Flow {
  explicit Nat64Flow(uint8_t protocol) : rig(Mode::kNat64), fields{.source6 = "2001:db8:1::2"} {
    Bytes first = protocol == 6 ? tcp(0) : udp(0);
    if (protocol == 6) first[13] = std::byte{2};
    const auto out = rig.send(packet6(protocol, first, fields));
    REQUIRE(out.size() == 1);
    port = wordAt(out[0].bytes, 20);
    // What a router on the way would quote.
    Bytes long_one = protocol == 6 ? tcp(1220) : udp(1232);
    putWord(long_one, 0, port);
    const Bytes quoted =
        packet4(protocol, long_one, {.source4 = "203.0.113.1", .destination4 = "198.51.100.2"});
    const auto told =
        rig.send(needed(quoted, 1000, {.source4 = "203.0.113.9", .destination4 = "203.0.113.1"}));
    REQUIRE(told.size() == 1);
    CHECK(longAt(told[0].bytes, 44) == 1280);
    CHECK(rig.count(Counter::kPathMtuLearned) == 1);
  }
  WorkerRig rig;
  Fields fields;
  uint32_t port = 0;
};

TEST_CASE("SIIT-6to4-17 nat64 fragments to the learned path on the short way and the long one") {
  Nat64Flow flow(17);
  const Bytes packet = packet6(17, udp(1232), flow.fields);
  Bytes partial = packet;
  uint32_t sum = 1240 + 17;
  for (size_t at = 8; at < 40; at += 2) sum += wordAt(partial, at);
  while (sum >> 16 != 0) sum = (sum & 0xffff) + (sum >> 16);
  putWord(partial, 46, sum);
  const Offload needs{.flags = Offload::kNeedsChecksum, .checksum_start = 40, .checksum_offset = 6};
  const auto express = flow.rig.send(packet);
  const auto thorough = flow.rig.send(partial, needs);
  for (const auto& pieces : {express, thorough}) {
    REQUIRE(pieces.size() == 2);
    Bytes payload;
    for (const MemoryPacket& piece : pieces) {
      CHECK(piece.bytes.size() <= 1000);
      CHECK((wordAt(piece.bytes, 6) & 0x4000) == 0);
      payload = std::move(payload) + Bytes(piece.bytes.begin() + 20, piece.bytes.end());
    }
    CHECK(wordAt(payload, 0) == flow.port);
    Bytes whole = packet4(17, payload, {.source4 = "203.0.113.1", .destination4 = "198.51.100.2"});
    CHECK(toHex(whole, 20) == toHex(payload));  // fill() finds the checksum that was there
  }
  // One byte less than the path carries still takes the short way.
  CHECK(flow.rig.send(packet6(17, udp(972), flow.fields)).size() == 1);
}

TEST_CASE("SIIT-6to4-17 nat64 gives a super-packet segments that fit the learned path") {
  Nat64Flow flow(6);
  const auto [bytes, offload] = super6(packet6(6, tcp(5000), flow.fields));
  const auto sent = flow.rig.send(bytes, offload);
  REQUIRE(sent.size() == 1);
  CHECK(sent[0].offload.gso_size == 960);
}

}  // namespace
}  // namespace platypus::test
