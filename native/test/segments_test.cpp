#include "siit/segments.h"

#include "test/siit_packets.h"
#include "test/test.h"

namespace platypus::test {
namespace {

std::vector<Bytes> split(const Bytes& bytes, uint16_t size, uint16_t start) {
  Offload offload{.flags = Offload::kNeedsChecksum,
                  .gso_type = Offload::kGsoUdp,
                  .gso_size = size,
                  .checksum_start = start,
                  .checksum_offset = 6};
  Loaded loaded(bytes, offload);
  PacketView view;
  REQUIRE(parse(*loaded, view).pass);
  Loaded scratch{Bytes()};
  std::vector<Bytes> datagrams;
  splitUdp(*loaded, view, *scratch, [&](Packet& datagram) {
    CHECK(datagram.offload.flags == 0);
    datagrams.push_back(copyOf(datagram));
  });
  return datagrams;
}

Bytes payloadOf(const std::vector<Bytes>& datagrams, size_t headers) {
  Bytes all;
  for (const Bytes& datagram : datagrams) {
    all.insert(all.end(), datagram.begin() + static_cast<long>(headers), datagram.end());
  }
  return all;
}

TEST_CASE("USO: an IPv4 super-packet becomes whole datagrams with lengths and checksums") {
  const auto datagrams = split(packet4(17, udp(2500), {.identification = 0xffff}), 1000, 20);
  REQUIRE(datagrams.size() == 3);
  for (const Bytes& datagram : datagrams) {
    CHECK(wordAt(datagram, 2) == datagram.size());
    CHECK(wordAt(datagram, 24) == datagram.size() - 20);
    CHECK(reference::header(datagram) == reference::Sum::kGood);
    CHECK(reference::transport(datagram) == reference::Sum::kGood);
  }
  CHECK(datagrams[2].size() == 528);
  CHECK(payloadOf(datagrams, 28) == pattern(2500));
}

TEST_CASE("USO: the identification of IPv4 counts on, over its end") {
  const auto datagrams = split(packet4(17, udp(2500), {.identification = 0xffff}), 1000, 20);
  CHECK(wordAt(datagrams[0], 4) == 0xffff);
  CHECK(wordAt(datagrams[1], 4) == 0);
  CHECK(wordAt(datagrams[2], 4) == 1);
}

TEST_CASE("USO: options of IPv4 stand in every datagram") {
  const auto datagrams = split(packet4(17, udp(2000), {.options = fromHex("94040000")}), 1000, 24);
  REQUIRE(datagrams.size() == 2);
  for (const Bytes& datagram : datagrams) {
    CHECK(toHex(datagram, 20, 4) == "94040000");
    CHECK(reference::header(datagram) == reference::Sum::kGood);
    CHECK(reference::transport(datagram) == reference::Sum::kGood);
  }
}

TEST_CASE("USO: an IPv6 super-packet becomes whole datagrams, extension headers in each") {
  const Fields fields{.options = fromHex("1100010400000000"), .first_header = 60};
  const auto datagrams = split(packet6(17, udp(2500), fields), 1000, 48);
  REQUIRE(datagrams.size() == 3);
  for (const Bytes& datagram : datagrams) {
    CHECK(wordAt(datagram, 4) == datagram.size() - 40);
    CHECK(reference::transport(datagram) == reference::Sum::kGood);
  }
  CHECK(payloadOf(datagrams, 56) == pattern(2500));
}

TEST_CASE("USO: a length that divides evenly leaves no empty datagram") {
  CHECK(split(packet6(17, udp(3000)), 1000, 40).size() == 3);
}

}  // namespace
}  // namespace platypus::test
