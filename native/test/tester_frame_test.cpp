#include "tester/frame.h"

#include <algorithm>
#include <initializer_list>
#include <vector>

#include "packet/checksum.h"
#include "test/hex.h"
#include "test/reference.h"
#include "test/test.h"

namespace platypus::tester {
namespace {

using platypus::test::fromHex;
using platypus::test::toHex;
namespace reference = platypus::test::reference;

constexpr Mac kSource{std::byte{2}, std::byte{0}, std::byte{0},
                      std::byte{0}, std::byte{0}, std::byte{1}};
constexpr Mac kDestination{std::byte{2}, std::byte{0}, std::byte{0},
                           std::byte{0}, std::byte{0}, std::byte{2}};

Ends someEnds(uint16_t variation = 0) {
  Ends ends;
  ends.source6 = {{0x20, 0x01, 0x0d, 0xb8, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7}};
  ends.destination6 = {{0x20, 0x01, 0x0d, 0xb8, 0, 0x64, 0, 0, 0, 0, 0, 0, 0xc6, 0x33, 0x64, 2}};
  ends.source6.bytes[14] = static_cast<uint8_t>(variation >> 8);
  ends.source6.bytes[15] = static_cast<uint8_t>(variation);
  ends.source4 = Ipv4Address::fromHost(0xc0000200u + (variation & 0xffu));
  ends.destination4 = Ipv4Address::fromHost(0xc6336402u);
  ends.source_port = static_cast<uint16_t>(1024 + variation);
  ends.destination_port = 5001;
  return ends;
}

const Tag kTag{.trial = 0x1234,
               .stream = 1,
               .flow = 0x00abcdef,
               .sequence = 0xdeadbeef,
               .stamp = 0x123456789abc};

std::vector<std::byte> written(Family family, Kind kind, size_t frame_bytes, const Ends& ends,
                               const Tag& tag) {
  const FrameWriter writer(family, kind, kSource, kDestination);
  std::vector<std::byte> buffer(kMostFrame);
  writer.prepare(buffer);
  buffer.resize(writer.write(buffer.data(), frame_bytes, ends, tag));
  return buffer;
}

TEST_CASE("the shortest IPv4 test frame is 64 bytes with its FCS, byte for byte") {
  const auto frame = written(Family::kV4, Kind::kUdp, 64, someEnds(7), kTag);
  CHECK(toHex(frame) ==
        "020000000002"
        "020000000001"
        "0800"
        "4500002e000040004011"
        "4e82c0000207c6336402"
        "04071389"
        "001aa9d4"
        "5042123480abcdefdeadbeef123456789abc");
}

TEST_CASE("the shortest IPv6 test frame is 84 bytes with its FCS, byte for byte") {
  const auto frame = written(Family::kV6, Kind::kUdp, 84, someEnds(7), kTag);
  CHECK(toHex(frame) ==
        "020000000002"
        "020000000001"
        "86dd"
        "60000000001a1140"
        "20010db8000100000000000000000007"
        "20010db80064000000000000c6336402"
        "04071389"
        "001a0ffe"
        "5042123480abcdefdeadbeef123456789abc");
}

TEST_CASE("checksums are right for all sizes, families, protocols and many addresses and ports") {
  for (const Family family : {Family::kV4, Family::kV6}) {
    for (const Kind kind : {Kind::kUdp, Kind::kEchoRequest, Kind::kEchoReply}) {
      for (const size_t bytes : {size_t{84}, size_t{85}, size_t{512}, size_t{1518}, kMostFrame}) {
        for (uint32_t variation = 0; variation < 64'000; variation += 997) {
          Tag tag = kTag;
          tag.sequence = variation * 31;
          const auto ends = someEnds(static_cast<uint16_t>(variation));
          const auto frame = written(family, kind, bytes, ends, tag);
          REQUIRE(frame.size() == bytes - kFcsBytes);
          const auto packet = std::span(frame).subspan(kEthernetBytes);
          CHECK(reference::header(packet) != reference::Sum::kBad);
          CHECK(reference::transport(packet) == reference::Sum::kGood);
        }
      }
    }
  }
}

TEST_CASE("a buffer that held a longer frame holds a right one when written again") {
  const FrameWriter writer(Family::kV4, Kind::kUdp, kSource, kDestination);
  std::vector<std::byte> buffer(kMostFrame);
  writer.prepare(buffer);
  (void)writer.write(buffer.data(), 1518, someEnds(9), kTag);
  const size_t bytes = writer.write(buffer.data(), 128, someEnds(8), kTag);
  const auto packet = std::span(buffer).first(bytes).subspan(kEthernetBytes);
  CHECK(reference::header(packet) == reference::Sum::kGood);
  CHECK(reference::transport(packet) == reference::Sum::kGood);
}

TEST_CASE("a UDP checksum that comes out as zero is sent as ffff (RFC 768)") {
  const Ends ends = someEnds();
  // Whatever the sum of the rest is, the low bits of the stamp make it ffff.
  Tag tag = kTag;
  tag.stamp = 0;
  const auto frame = written(Family::kV4, Kind::kUdp, 64, ends, tag);
  tag.stamp = load<Be16>(frame.data() + kEthernetBytes + 20 + 6).host();
  const auto zero = written(Family::kV4, Kind::kUdp, 64, ends, tag);
  CHECK(load<Be16>(zero.data() + kEthernetBytes + 20 + 6) == Be16(0xffff));
  CHECK(reference::transport(std::span(zero).subspan(kEthernetBytes)) == reference::Sum::kGood);
}

TEST_CASE("a frame that was written is read back, all of it") {
  for (const Family family : {Family::kV4, Family::kV6}) {
    for (const Kind kind : {Kind::kUdp, Kind::kEchoRequest, Kind::kEchoReply}) {
      const auto frame = written(family, kind, 128, someEnds(7), kTag);
      Arrival arrival;
      REQUIRE(parseFrame(frame, arrival));
      CHECK(arrival.tag == kTag);
      CHECK(arrival.family == family);
      CHECK(arrival.kind == kind);
      if (kind == Kind::kUdp) CHECK(arrival.source_port == 1031);
      if (kind == Kind::kEchoReply) CHECK(arrival.destination_port == 5001);
      if (family == Family::kV4) CHECK(arrival.source4 == someEnds(7).source4);
    }
  }
}

TEST_CASE("what is no test frame is not read as one") {
  const auto frame = written(Family::kV6, Kind::kUdp, 84, someEnds(), kTag);
  const auto with = [&](size_t at, uint8_t value) {
    auto copy = frame;
    copy[at] = std::byte{value};
    return copy;
  };
  Arrival arrival;
  CHECK(parseFrame(frame, arrival));
  CHECK_FALSE(parseFrame(with(12, 0x08), arrival));  // neither IPv4 nor IPv6
  CHECK_FALSE(parseFrame(with(14, 0x40), arrival));  // IPv4 in an IPv6 frame
  CHECK_FALSE(parseFrame(with(20, 6), arrival));     // TCP
  CHECK_FALSE(parseFrame(with(19, 25), arrival));    // a payload without room for the tag
  CHECK_FALSE(parseFrame(with(62, 0), arrival));     // another magic number
  CHECK_FALSE(parseFrame(std::span(frame).first(79), arrival));
  CHECK_FALSE(parseFrame({}, arrival));
}

TEST_CASE("datagrams that travel as one are read one by one") {
  // Three segments of 20 bytes, the last with 18: what UDP segmentation offload leaves together.
  auto frame = written(Family::kV4, Kind::kUdp, kLeastFrame4 + 2 + 20 + 18, someEnds(), kTag);
  const size_t first = kEthernetBytes + 20 + 8;
  for (const size_t segment : {size_t{1}, size_t{2}}) {
    const size_t at = first + segment * 20;
    std::copy_n(frame.begin() + first, kTagBytes, frame.begin() + static_cast<ptrdiff_t>(at));
    store(frame.data() + at + 8, Be32(static_cast<uint32_t>(segment)));
  }
  std::vector<uint32_t> sequences;
  const auto note = [&](const Arrival& arrival) { sequences.push_back(arrival.tag.sequence); };
  CHECK(forEachTag(frame, 20, note));
  CHECK(sequences == std::vector<uint32_t>{0xdeadbeef, 1, 2});
  sequences.clear();
  CHECK(forEachTag(frame, 0, note));
  CHECK(sequences == std::vector<uint32_t>{0xdeadbeef});
}

}  // namespace
}  // namespace platypus::tester
