#include "port/coalesce.h"

#include <map>
#include <random>
#include <vector>

#include "test/reference_segments.h"
#include "test/siit_packets.h"
#include "test/test.h"
#include "test/worker_rig.h"

namespace platypus::test {
namespace {

/// A TCP segment of `data` bytes: sequence, flags and acknowledgment as given.
Bytes segment(uint32_t sequence, size_t data, uint8_t flags = 0x10, uint32_t acknowledgment = 7) {
  Bytes bytes = tcp(data);
  putWord(bytes, 4, sequence >> 16);
  putWord(bytes, 6, sequence & 0xffff);
  putWord(bytes, 8, acknowledgment >> 16);
  putWord(bytes, 10, acknowledgment & 0xffff);
  bytes[13] = std::byte{flags};
  for (size_t i = 20; i < bytes.size(); ++i) bytes[i] = static_cast<std::byte>(sequence + i);
  return bytes;
}

Bytes datagram(size_t data, uint8_t fill) {
  Bytes bytes = udp(data);
  for (size_t i = 8; i < bytes.size(); ++i) bytes[i] = std::byte{fill};
  return bytes;
}

/// A stateless worker on a port that takes super-packets apart, or does not.
struct Rig : WorkerRig {
  explicit Rig(PortSegmentation segmentation) : WorkerRig(Mode::kSiit, segmentation) {}
};

constexpr PortSegmentation kAll{.tcp = true, .udp = true};

bool partialChecksumHolds(const MemoryPacket& sent) {
  Loaded loaded(sent.bytes, sent.offload);
  finishChecksum(*loaded);
  return reference::transport(copyOf(*loaded)) == reference::Sum::kGood &&
         reference::header(copyOf(*loaded)) != reference::Sum::kBad;
}

TEST_CASE("coalesce: segments without a gap leave as one super-packet, 4to6") {
  Rig rig(kAll);
  std::vector<Bytes> packets;
  for (uint32_t i = 0; i < 10; ++i) {
    packets.push_back(
        packet4(6, segment(1000 + i * 500, i == 9 ? 200 : 500, i == 9 ? 0x18 : 0x10)));
  }
  const auto sent = rig.burst(packets);
  REQUIRE(sent.size() == 1);
  CHECK(sent[0].offload.gso_type == Offload::kGsoTcp6);
  CHECK(sent[0].offload.gso_size == 500);
  CHECK(sent[0].offload.header_length == 60);
  CHECK(sent[0].bytes.size() == 60 + 4700);
  CHECK(byteAt(sent[0].bytes, 53) == 0x18);
  CHECK(partialChecksumHolds(sent[0]));
  CHECK(rig.count(Counter::kTcpCoalesced) == 9);
  CHECK(segmentsOf(sent[0].bytes, sent[0].offload).size() == 10);
}

TEST_CASE("coalesce: segments without a gap leave as one super-packet, 6to4") {
  Rig rig(kAll);
  const auto sent = rig.burst({packet6(6, segment(0xfffffff0, 300)),
                               packet6(6, segment(0x11c, 300)), packet6(6, segment(0x248, 300))});
  REQUIRE(sent.size() == 1);
  CHECK(sent[0].offload.gso_type == Offload::kGsoTcp4);
  CHECK(sent[0].bytes.size() == 940);
  CHECK(partialChecksumHolds(sent[0]));
}

TEST_CASE("coalesce: datagrams of one size leave as one UDP super-packet, a shorter one ends it") {
  Rig rig(kAll);
  const auto sent = rig.burst({packet4(17, datagram(400, 1)), packet4(17, datagram(400, 2)),
                               packet4(17, datagram(100, 3)), packet4(17, datagram(400, 4))});
  REQUIRE(sent.size() == 2);
  CHECK(sent[0].offload.gso_type == Offload::kGsoUdp);
  CHECK(sent[0].offload.gso_size == 400);
  CHECK(sent[0].bytes.size() == 48 + 900);
  CHECK(partialChecksumHolds(sent[0]));
  CHECK_FALSE(sent[1].offload.isGso());
  CHECK(rig.count(Counter::kUdpCoalesced) == 2);
}

TEST_CASE("coalesce: without the device's help nothing is joined") {
  Rig none({});
  CHECK(none.burst({packet4(6, segment(0, 100)), packet4(6, segment(100, 100))}).size() == 2);
  Rig tcp_only({.tcp = true, .udp = false});
  CHECK(tcp_only.burst({packet4(6, segment(0, 100)), packet4(6, segment(100, 100))}).size() == 1);
  CHECK(tcp_only.burst({packet4(17, datagram(9, 1)), packet4(17, datagram(9, 2))}).size() == 2);
}

TEST_CASE("coalesce: what differs in more than its place in the stream stays alone") {
  const Bytes first = packet4(6, segment(0, 100));
  const auto joins = [&](const Bytes& second) {
    Rig rig(kAll);
    const size_t sent = rig.burst({first, second}).size();
    REQUIRE((sent == 1 || sent == 2));
    return sent == 1;
  };
  CHECK(joins(packet4(6, segment(100, 100))));
  CHECK(joins(packet4(6, segment(100, 1))));
  CHECK_FALSE(joins(packet4(6, segment(101, 100))));           // a gap
  CHECK_FALSE(joins(packet4(6, segment(99, 100))));            // an overlap
  CHECK_FALSE(joins(packet4(6, segment(100, 101))));           // longer than the first
  CHECK_FALSE(joins(packet4(6, segment(100, 0))));             // no data
  CHECK_FALSE(joins(packet4(6, segment(100, 100, 0x11))));     // FIN
  CHECK_FALSE(joins(packet4(6, segment(100, 100, 0x50))));     // ECE
  CHECK_FALSE(joins(packet4(6, segment(100, 100, 0x10, 8))));  // another acknowledgment
  CHECK_FALSE(joins(packet4(6, segment(100, 100), {.hops = 63})));
  CHECK_FALSE(joins(packet4(6, segment(100, 100), {.traffic_class = 3})));
  CHECK_FALSE(joins(packet4(6, segment(100, 100), {.source4 = "192.0.2.34"})));
  Bytes window = segment(100, 100);
  window[15] = std::byte{0};
  CHECK_FALSE(joins(packet4(6, window)));
  Bytes port = segment(100, 100);
  port[1] = std::byte{0};
  CHECK_FALSE(joins(packet4(6, port)));
}

TEST_CASE("coalesce: what is neither IPv4 nor IPv6 is not for it") {
  Bytes bytes = packet6(17, datagram(100, 1));
  bytes[0] = std::byte{0x70};
  Loaded loaded(bytes);
  Coalescer coalescer(kAll);
  CHECK(coalescer.add(*loaded) == Coalescer::Result::kPass);
}

TEST_CASE("coalesce: a segment with PSH is the last") {
  Rig rig(kAll);
  CHECK(rig.burst({packet4(6, segment(0, 100, 0x18)), packet4(6, segment(100, 100))}).size() == 2);
}

TEST_CASE("coalesce: a damaged segment is not joined, and stays damaged") {
  for (const size_t damaged : {size_t{0}, size_t{1}}) {
    Rig rig(kAll);
    std::vector<Bytes> packets{packet4(6, segment(0, 100)), packet4(6, segment(100, 100))};
    packets[damaged].back() ^= std::byte{1};
    const auto sent = rig.burst(packets);
    REQUIRE(sent.size() == 2);
    CHECK(reference::transport(sent[damaged].bytes) == reference::Sum::kBad);
    CHECK(reference::transport(sent[1 - damaged].bytes) == reference::Sum::kGood);
  }
}

TEST_CASE("coalesce: a super-packet stays below 65,536 bytes, a UDP one at 64 datagrams") {
  Rig rig(kAll);
  std::vector<Bytes> packets;
  for (uint32_t i = 0; i < 64; ++i) packets.push_back(packet4(6, segment(i * 1200, 1200)));
  const auto sent = rig.burst(packets);
  REQUIRE(sent.size() == 2);
  CHECK(sent[0].bytes.size() <= 65'535);
  CHECK(segmentsOf(sent[0].bytes, sent[0].offload).size() +
            segmentsOf(sent[1].bytes, sent[1].offload).size() ==
        64);
}

TEST_CASE("coalesce: bursts of many flows are the same packets in the same order, joined or not") {
  std::mt19937 random(3);
  for (int round = 0; round < 200; ++round) {
    CAPTURE(round);
    std::map<uint32_t, uint32_t> sequences;
    std::vector<Bytes> packets;
    const auto count = static_cast<uint32_t>(random() % 63 + 1);
    for (uint32_t i = 0; i < count; ++i) {
      const auto flow = static_cast<uint32_t>(random() % 3);
      const char* const hosts[] = {"192.0.2.33", "192.0.2.34", "192.0.2.35"};
      const Fields fields{.source4 = hosts[flow], .dont_fragment = true};
      const size_t size = random() % 8 == 0 ? random() % 300 : 300;
      switch (random() % 8) {
        case 0:
          packets.push_back(packet4(17, datagram(size + 1, static_cast<uint8_t>(i)), fields));
          break;
        case 1:
          packets.push_back(packet4(1, icmp(8, 0, i, pattern(20)), fields));
          break;
        case 2:
          packets.push_back(packet4(6, segment(static_cast<uint32_t>(random()), size), fields));
          break;
        default: {
          const uint8_t flags = random() % 10 == 0 ? 0x18 : 0x10;
          packets.push_back(packet4(6, segment(sequences[flow], size, flags), fields));
          sequences[flow] += static_cast<uint32_t>(size);
        }
      }
    }
    Rig alone({});
    Rig joined(kAll);
    // By source, protocol and ports, because the order holds within a flow.
    const auto flowOf = [](const Bytes& bytes) {
      return toHex(bytes, 6, 1) + toHex(bytes, 8, 16) + toHex(bytes, 40, 4);
    };
    std::map<std::string, std::vector<std::string>> expected;
    std::map<std::string, std::vector<std::string>> found;
    const auto gather = [&](const std::vector<MemoryPacket>& sent, auto& into) {
      for (const MemoryPacket& packet : sent) {
        const bool data = byteAt(packet.bytes, 6) != 6 ||
                          packet.bytes.size() > 40u + byteAt(packet.bytes, 52) / 16 * 4u;
        if (byteAt(packet.bytes, 6) == 58 || !data) {
          into[flowOf(packet.bytes)].push_back(toHex(packet.bytes));
          continue;
        }
        for (const Bytes& one : segmentsOf(packet.bytes, packet.offload)) {
          into[flowOf(one)].push_back(toHex(one));
        }
      }
    };
    gather(alone.burst(packets), expected);
    gather(joined.burst(packets), found);
    REQUIRE(found == expected);
  }
}

}  // namespace
}  // namespace platypus::test
