#include "port/memory.h"

#include <array>
#include <cstring>
#include <thread>

#include "port/slots.h"
#include "port/virtio_header.h"
#include "test/test.h"

namespace platypus {
namespace {

std::vector<std::byte> bytesOf(std::initializer_list<int> values) {
  std::vector<std::byte> bytes;
  for (const int value : values) bytes.push_back(static_cast<std::byte>(value));
  return bytes;
}

TEST_CASE("memory port: packets arrive in order, with headroom and offload") {
  MemoryPort port;
  const Offload offload{.flags = Offload::kNeedsChecksum, .checksum_start = 20};
  REQUIRE(port.inject(bytesOf({1, 2, 3}), offload));
  REQUIRE(port.inject(bytesOf({4})));

  std::array<Packet, 8> burst;
  REQUIRE(port.receive(burst) == 2);
  CHECK(burst[0].length() == 3);
  CHECK(burst[0].headroom() == kHeadroom);
  CHECK(burst[0].bytes()[2] == std::byte{3});
  CHECK(burst[0].offload.checksum_start == 20);
  CHECK(burst[1].bytes()[0] == std::byte{4});
  CHECK_FALSE(burst[1].offload.needsChecksum());
  CHECK(port.receive(burst) == 0);
}

TEST_CASE("memory port: a packet grows into its headroom and is sent as it stands") {
  MemoryPort port;
  REQUIRE(port.inject(bytesOf({9, 9})));
  std::array<Packet, 1> burst;
  REQUIRE(port.receive(burst) == 1);
  burst[0].moveStart(-2);
  std::memcpy(burst[0].data(), "ab", 2);
  REQUIRE(port.send(burst[0]));
  const auto sent = port.takeSent();
  REQUIRE(sent.size() == 1);
  CHECK(sent[0].bytes == bytesOf({'a', 'b', 9, 9}));
  CHECK(port.takeSent().empty());
}

TEST_CASE("memory port: refuses what is too long and what is too many") {
  MemoryPort port(2);
  CHECK_FALSE(port.inject(std::vector<std::byte>(kMaxPacket + 1)));
  CHECK(port.inject(std::vector<std::byte>(kMaxPacket)));
  CHECK(port.inject(bytesOf({1})));
  CHECK_FALSE(port.inject(bytesOf({2})));
  std::array<Packet, 2> burst;
  REQUIRE(port.receive(burst) == 2);
  CHECK(port.send(burst[1]));
  CHECK(port.send(burst[1]));
  CHECK_FALSE(port.send(burst[1]));
}

TEST_CASE("memory port: wake() from another thread ends a wait()") {
  MemoryPort port;
  std::thread other([&port] { port.wake(); });
  port.wait(-1);
  other.join();
  port.wake();
  port.wait(-1);
}

TEST_CASE("slots: neighbours start in different cache sets and every slot can hold a packet") {
  Slots slots;
  REQUIRE(slots.map(64) == 0);
  std::array<int, 64> used{};
  for (size_t i = 0; i < slots.count(); ++i) {
    ++used[reinterpret_cast<uintptr_t>(slots.at(i)) / 64 % 64];
    std::memset(slots.at(i), 0xff, kSlotBytes);
  }
  for (const int count : used) CHECK(count == 1);
}

TEST_CASE("virtio header: fields are little-endian and survive a round trip") {
  std::vector<std::byte> packet(3000);
  packet[40 + 12] = std::byte{0x80};
  const Offload offload{.flags = Offload::kNeedsChecksum,
                        .gso_type = Offload::kGsoTcp6 | Offload::kGsoEcn,
                        .header_length = 72,
                        .gso_size = 1400,
                        .checksum_start = 40,
                        .checksum_offset = 16};
  std::array<std::byte, kVirtioHeaderBytes> header{};
  REQUIRE(writeVirtioHeader(header.data(), offload, 3000));
  const std::vector<std::byte> written(header.begin(), header.end());
  CHECK(written == bytesOf({1, 0x84, 72, 0, 0x78, 0x05, 40, 0, 16, 0}));

  Offload read;
  REQUIRE(readVirtioHeader(header.data(), packet, read) == VirtioVerdict::kGood);
  CHECK(read.gsoKind() == Offload::kGsoTcp6);
  CHECK(read.gso_type == offload.gso_type);
  CHECK(read.gso_size == 1400);
  CHECK(read.header_length == 72);
  CHECK(read.checksum_start == 40);
  CHECK(read.checksum_offset == 16);
}

TEST_CASE("virtio header: header_length is computed, the kernel's hint is not believed") {
  std::vector<std::byte> packet(3000);
  packet[20 + 12] = std::byte{0x50};
  const auto header = bytesOf({1, Offload::kGsoTcp4, 0xb8, 0x0b, 0x78, 0x05, 20, 0, 16, 0});
  Offload read;
  REQUIRE(readVirtioHeader(header.data(), packet, read) == VirtioVerdict::kGood);
  CHECK(read.header_length == 40);
}

TEST_CASE("virtio header: DATA_VALID does not pass, and without NEEDS_CSUM no offset does") {
  const std::vector<std::byte> packet(60);
  const auto header = bytesOf({2, 0, 7, 0, 7, 0, 7, 0, 7, 0});
  Offload read;
  REQUIRE(readVirtioHeader(header.data(), packet, read) == VirtioVerdict::kGood);
  CHECK(read.flags == 0);
  CHECK(read.checksum_start == 0);
  CHECK(read.gso_size == 0);
}

TEST_CASE("virtio header: lying and unknown headers are refused") {
  const std::vector<std::byte> packet(60);
  const auto verdict = [&packet](std::initializer_list<int> header) {
    Offload read;
    return readVirtioHeader(bytesOf(header).data(), packet, read);
  };
  // Checksum field just past the end, and just inside.
  CHECK(verdict({1, 0, 0, 0, 0, 0, 43, 0, 16, 0}) == VirtioVerdict::kBadOffsets);
  CHECK(verdict({1, 0, 0, 0, 0, 0, 42, 0, 16, 0}) == VirtioVerdict::kGood);
  CHECK(verdict({1, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff}) == VirtioVerdict::kBadOffsets);
  // UDP fragmentation offload (3) is gone from Linux; 2 never was.
  CHECK(verdict({1, 3, 0, 0, 100, 0, 20, 0, 6, 0}) == VirtioVerdict::kUnknownGso);
  CHECK(verdict({1, 2, 0, 0, 100, 0, 20, 0, 6, 0}) == VirtioVerdict::kUnknownGso);
  // GSO without a partial checksum, without a size, with a TCP header of zero bytes.
  CHECK(verdict({0, 5, 0, 0, 100, 0, 20, 0, 6, 0}) == VirtioVerdict::kBadOffsets);
  CHECK(verdict({1, 5, 0, 0, 0, 0, 20, 0, 6, 0}) == VirtioVerdict::kBadOffsets);
  CHECK(verdict({1, 1, 0, 0, 100, 0, 20, 0, 16, 0}) == VirtioVerdict::kBadOffsets);
}

TEST_CASE("virtio header: GSO without NEEDS_CSUM is never written") {
  std::array<std::byte, kVirtioHeaderBytes> header{};
  Offload offload{.gso_type = Offload::kGsoUdp, .gso_size = 1000};
  CHECK_FALSE(writeVirtioHeader(header.data(), offload, 3000));
  offload.flags = Offload::kNeedsChecksum;
  offload.checksum_start = 2999;
  CHECK_FALSE(writeVirtioHeader(header.data(), offload, 3000));
}

}  // namespace
}  // namespace platypus
