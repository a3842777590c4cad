#include "nat64/reassembly.h"

#include <memory>

#include "test/nat64_packets.h"
#include "test/test.h"

namespace platypus {
namespace {

using namespace test;

constexpr uint32_t kLifetime = 20;

struct Fixture {
  explicit Fixture(uint32_t capacity = 8)
      : reassembly(capacity, HashKey{}), slot(new std::byte[kSlotBytes]) {}

  Reassembly::Result add(const Bytes& bytes, uint32_t now = 0) {
    Packet packet(slot.get());
    packet.reset(static_cast<uint32_t>(bytes.size()));
    std::memcpy(packet.data(), bytes.data(), bytes.size());
    PacketView view;
    REQUIRE(parse(packet, view).pass);
    REQUIRE(view.fragmented);
    return reassembly.add(packet, view, now, kLifetime);
  }

  Reassembly reassembly;
  std::unique_ptr<std::byte[]> slot;
};

Bytes datagram(uint8_t source = 1, size_t payload = 92) {
  return ip4(v4(8, 8, 8, source), v4(192, 0, 2, 1), 17, udpDatagram(53, 1024, payload));
}

TEST_CASE("N64-FRAG-01 three fragments in every order make the datagram that was cut") {
  constexpr size_t kOrders[6][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2},
                                    {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
  const Bytes whole4 = datagram();
  const Bytes whole6 = ip6(host6(1), wellKnown(v4(8, 8, 8, 8)), 17, udpDatagram(1, 2, 92));
  for (const Bytes& whole : {whole4, whole6}) {
    const size_t header = whole.size() - 100;
    Fixture f;
    uint16_t id = 1;
    for (const auto& order : kOrders) {
      ++id;
      const Bytes pieces[3] = {fragmentOf(whole, 0, 40, id), fragmentOf(whole, 40, 32, id),
                               fragmentOf(whole, 72, 40, id)};
      CHECK_FALSE(f.add(pieces[order[0]]).complete);
      CHECK_FALSE(f.add(pieces[order[1]]).complete);
      const auto result = f.add(pieces[order[2]]);
      REQUIRE(result.complete);
      const auto bytes = result.whole.bytes();
      REQUIRE(bytes.size() == whole.size());
      CHECK(std::equal(bytes.begin() + static_cast<ptrdiff_t>(header), bytes.end(),
                       whole.begin() + static_cast<ptrdiff_t>(header)));
      CHECK(look(bytes).sound);
      CHECK(f.reassembly.used() == 0);
    }
  }
}

TEST_CASE("N64-FRAG-02 all places taken: new datagrams are refused, those that are there go on") {
  Fixture f(4);
  for (uint8_t i = 1; i <= 4; ++i) {
    CHECK(f.add(fragmentOf(datagram(i), 0, 40, i)).verdict.pass);
  }
  const auto refused = f.add(fragmentOf(datagram(5), 0, 40, 5));
  CHECK(refused.verdict.reason == Counter::kDropFragmentsFull);
  CHECK(f.add(fragmentOf(datagram(1), 40, 100, 1)).complete);
  CHECK(f.add(fragmentOf(datagram(5), 0, 40, 5)).verdict.pass);
}

TEST_CASE("N64-FRAG-02 one source gets a quarter of the places once half are taken") {
  Fixture f(16);
  for (uint16_t id = 1; id <= 8; ++id) {
    CHECK(f.add(fragmentOf(datagram(1), 0, 40, id)).verdict.pass);
  }
  CHECK(f.add(fragmentOf(datagram(1), 0, 40, 9)).verdict.reason ==
        Counter::kDropFragmentsFullForSource);
  CHECK(f.add(fragmentOf(datagram(2), 0, 40, 9)).verdict.pass);
}

TEST_CASE("N64-FRAG-03 two seconds for all fragments, counted from the first that arrived") {
  Fixture f;
  f.add(fragmentOf(datagram(1), 0, 40, 1), 100);
  f.add(fragmentOf(datagram(2), 0, 40, 1), 100);
  f.add(fragmentOf(datagram(2), 40, 16, 1), 119);
  CHECK(f.reassembly.expire(120) == 0);
  CHECK(f.add(fragmentOf(datagram(1), 40, 100, 1), 120).complete);
  CHECK(f.reassembly.expire(121) == 1);
  CHECK(f.reassembly.used() == 0);
}

TEST_CASE("N64-FRAG-07 an overlap loses the whole datagram, also what comes later") {
  Fixture f;
  f.add(fragmentOf(datagram(), 0, 40, 1));
  CHECK(f.add(fragmentOf(datagram(), 32, 32, 1)).verdict.reason == Counter::kDropFragmentOverlap);
  CHECK(f.add(fragmentOf(datagram(), 40, 100, 1)).verdict.reason == Counter::kDropFragmentOverlap);
  CHECK(f.reassembly.expire(21) == 1);
}

TEST_CASE("N64-FRAG-07 the same place with other octets is an overlap, with the same ones is not") {
  Fixture f;
  const Bytes first = fragmentOf(datagram(), 0, 40, 1);
  Bytes forged = first;
  forged[50] ^= std::byte{1};
  CHECK(f.add(first).verdict.pass);
  CHECK(f.add(first).verdict.pass);
  CHECK(f.add(forged).verdict.reason == Counter::kDropFragmentOverlap);
}

TEST_CASE("N64-FRAG-07 last fragments that contradict each other or what is there") {
  Fixture shorter;  // a second end before the first
  shorter.add(fragmentOf(datagram(), 72, 100, 1));
  CHECK_FALSE(shorter.add(fragmentOf(datagram(1, 72), 48, 100, 1)).verdict.pass);
  Fixture longer;  // one behind it
  longer.add(fragmentOf(datagram(1, 72), 48, 100, 1));
  CHECK_FALSE(longer.add(fragmentOf(datagram(), 80, 100, 1)).verdict.pass);
  Fixture cuts;  // an end before octets that are there
  cuts.add(fragmentOf(datagram(), 80, 16, 1));
  CHECK_FALSE(cuts.add(fragmentOf(datagram(1, 56), 40, 100, 1)).verdict.pass);
  Fixture past;  // octets behind the end
  past.add(fragmentOf(datagram(1, 40), 24, 100, 1));
  CHECK_FALSE(past.add(fragmentOf(datagram(), 64, 16, 1)).verdict.pass);
}

TEST_CASE("N64-FRAG-07 a fragment past the end is no repetition of what the buffer held before") {
  Fixture f(1);
  f.add(fragmentOf(datagram(), 0, 40, 1));
  REQUIRE(f.add(fragmentOf(datagram(), 40, 100, 1)).complete);
  // The same buffer: 20 octets in all; then 24 whose last four lie there from the datagram before.
  f.add(fragmentOf(datagram(1, 12), 16, 100, 2));
  CHECK(f.add(fragmentOf(datagram(), 16, 8, 2)).verdict.reason == Counter::kDropFragmentOverlap);
}

TEST_CASE("reassembly: the largest datagrams of both families, and one octet more") {
  Fixture f;
  const Bytes largest6 = ip6(host6(1), host6(2), 17, udpDatagram(1, 2, 65'527));
  for (size_t at = 0; at < 65'528; at += 8192) {
    CHECK(f.add(fragmentOf(largest6, at, 8192, 1)).complete == (at + 8192 > 65'528));
  }
  Bytes last = fragmentOf(datagram(), 96, 4, 2);  // 65,512 + 4: past 65,535 - 20
  set16(last, 6, 65'512 / 8);
  set16(last, 10, 0);
  set16(last, 10, static_cast<uint16_t>(~slowSum(std::span(last).first(20))));
  CHECK_FALSE(f.add(last).verdict.pass);
}

}  // namespace
}  // namespace platypus
