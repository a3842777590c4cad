#include "dataplane/handover.h"

#include <array>
#include <cstring>
#include <random>
#include <thread>
#include <vector>

#include "port/memory.h"
#include "test/team.h"
#include "test/test.h"

namespace platypus::test {
namespace {

Bytes numbered(uint32_t number, size_t length) {
  Bytes bytes(length);
  for (size_t i = 0; i < length; ++i) bytes[i] = static_cast<std::byte>(number + i);
  return bytes;
}
bool write(HandoverRing& ring, const Bytes& bytes) {
  return ring.write(
      {.length = static_cast<uint32_t>(bytes.size()), .kind = 0, .flags = 0, .offload = {}},
      bytes.data());
}
bool isNext(HandoverRing& ring, const Bytes& bytes) {
  const HandoverRing::Record* record = ring.read();
  return record != nullptr && record->length == bytes.size() &&
         std::memcmp(record + 1, bytes.data(), bytes.size()) == 0;
}

TEST_CASE("handover ring: records of all lengths, many times around, in order and unharmed") {
  HandoverRing ring;
  REQUIRE(ring.ok());
  std::mt19937 random(1);
  uint32_t written = 0;
  uint32_t read = 0;
  std::vector<size_t> lengths;
  while (written < 3000) {
    const size_t length = random() % 4 == 0 ? 1 + random() % kMaxPacket : 1 + random() % 1500;
    const bool fits = write(ring, numbered(written, length));
    if (fits) {
      lengths.push_back(length);
      ++written;
    }
    if (fits && random() % 2 == 0) continue;
    ring.publish();
    const uint32_t stop =
        fits ? read + static_cast<uint32_t>(random() % (written - read + 1)) : written;
    for (; read < stop; ++read) REQUIRE(isNext(ring, numbered(read, lengths[read])));
    ring.release();
  }
}

TEST_CASE(
    "handover ring: what is not published is not read, what is not released is not overwritten") {
  HandoverRing ring;
  const Bytes one = numbered(1, 100);
  REQUIRE(write(ring, one));
  CHECK(ring.hasUnpublished());
  CHECK(ring.read() == nullptr);
  CHECK_FALSE(ring.hasUnread());
  ring.publish();
  CHECK(ring.hasUnread());
  CHECK(isNext(ring, one));
  CHECK(ring.read() == nullptr);
  uint32_t more = 0;
  while (write(ring, numbered(2, 60'000))) ++more;
  CHECK(more == 8);
  ring.publish();
  for (uint32_t i = 0; i < more; ++i) CHECK(isNext(ring, numbered(2, 60'000)));
  CHECK_FALSE(write(ring, numbered(3, 60'000)));
  ring.release();
  CHECK(write(ring, numbered(3, 60'000)));
}

TEST_CASE("handover: rings take turns, and path MTUs reach all others") {
  const Owners owners(3, 64, kTeamKeys);
  Handover handover(owners);
  MemoryPort port;
  for (uint16_t i = 0; i < 3; ++i) handover.setPort(i, port);
  std::vector<std::byte> slot(kSlotBytes);
  Packet packet(slot.data());
  for (const uint8_t from : std::to_array<uint8_t>({0, 0, 1, 1})) {
    packet.reset(100u + from);
    packet.offload.gso_size = 7;
    REQUIRE(handover.push(from, 2, packet, from));
  }
  handover.pushPathMtu(0, kTeamServer, 900);
  CHECK(handover.take(2, packet).kind == Handover::Kind::kNone);
  handover.publish(0);
  handover.publish(1);
  for (const uint8_t from : std::to_array<uint8_t>({0, 1, 0, 1})) {
    const auto taken = handover.take(2, packet);
    CHECK(taken.kind == Handover::Kind::kPacket);
    CHECK(taken.flags == from);
    CHECK(packet.length() == 100u + from);
    CHECK(packet.offload.gso_size == 7);
  }
  for (const uint16_t to : std::to_array<uint16_t>({1, 2})) {
    const auto taken = handover.take(to, packet);
    CHECK(taken.kind == Handover::Kind::kPathMtu);
    CHECK(taken.destination == kTeamServer);
    CHECK(taken.mtu == 900);
    CHECK(handover.take(to, packet).kind == Handover::Kind::kNone);
  }
  CHECK(handover.take(0, packet).kind == Handover::Kind::kNone);
}

TEST_CASE("handover: a reader that sleeps is woken by what comes, and never sleeps past it") {
  constexpr uint32_t kPackets = 20'000;
  const Owners owners(2, 64, kTeamKeys);
  Handover handover(owners);
  MemoryPort ports[2];
  for (uint16_t i = 0; i < 2; ++i) handover.setPort(i, ports[i]);
  std::thread reader([&] {
    std::vector<std::byte> slot(kSlotBytes);
    Packet packet(slot.data());
    for (uint32_t got = 0; got < kPackets;) {
      if (handover.take(1, packet).kind == Handover::Kind::kPacket) {
        CHECK(packet.length() == got % 1000);
        ++got;
        if (got % 7 == 0) handover.release(1);
        continue;
      }
      handover.release(1);
      if (!handover.beginSleep(1)) continue;
      // No time-out: a lost wake would hang here.
      ports[1].wait(-1);
      handover.endSleep(1);
    }
  });
  std::vector<std::byte> slot(kSlotBytes);
  Packet packet(slot.data());
  for (uint32_t i = 0; i < kPackets;) {
    packet.reset(i % 1000);
    if (handover.push(0, 1, packet, 0)) ++i;
    if (i % 3 == 0) handover.publish(0);
  }
  handover.publish(0);
  reader.join();
}

}  // namespace
}  // namespace platypus::test
