// IPv4 UDP without checksum through the stateless worker (RFC 7915 §4.5).
#include <algorithm>
#include <array>

#include "test/worker_rig.h"

namespace platypus::test {
namespace {

/// A worker that treats such datagrams so.
struct Rig : WorkerRig {
  explicit Rig(UdpZeroChecksum how) {
    config.translation.policy.udp_zero_checksum = how;
    apply();
  }
};

/// A UDP datagram with `data` bytes; without a checksum unless `summed`.
Bytes datagram(size_t data, bool summed = false) {
  Bytes packet = packet4(17, udp(data));
  if (!summed) putWord(packet, 26, 0);
  return packet;
}
/// Bytes [from, to) of the payload of `whole` as a fragment with identification beef.
Bytes fragment(const Bytes& whole, size_t from, size_t to) {
  to = std::min(to, whole.size() - 20);
  const Bytes payload(whole.begin() + 20 + static_cast<long>(from),
                      whole.begin() + 20 + static_cast<long>(to));
  return packet4(17, payload,
                 {.identification = 0xbeef,
                  .offset = static_cast<uint16_t>(from),
                  .more = to < whole.size() - 20});
}
/// The datagram that IPv6 fragments make, which must be whole, in order and within 1280 bytes.
Bytes joined(const std::vector<MemoryPacket>& sent) {
  Bytes payload;
  for (size_t i = 0; i < sent.size(); ++i) {
    const Bytes& piece = sent[i].bytes;
    CHECK(piece.size() <= 1280);
    CHECK(byteAt(piece, 6) == 44);
    CHECK(byteAt(piece, 40) == 17);
    CHECK(longAt(piece, 44) == 0xbeef);
    CHECK((wordAt(piece, 42) & 0xfff8) == payload.size());
    CHECK((wordAt(piece, 42) & 1) == (i + 1 < sent.size() ? 1 : 0));
    payload = std::move(payload) + Bytes(piece.begin() + 48, piece.end());
  }
  Bytes whole = packet6(17, payload);
  // packet6() filled the checksum in: compare with the one that was sent.
  CHECK(toHex(payload, 6, 2) == toHex(whole, 46, 2));
  return payload;
}

TEST_CASE("SIIT-CSUM-05 drop: a datagram without checksum is dropped, one with is not") {
  Rig rig(UdpZeroChecksum::kDrop);
  CHECK(rig.send(datagram(20)).empty());
  CHECK(rig.count(Counter::kDropUdpChecksumZero) == 1);
  CHECK(rig.send(datagram(20, true)).size() == 1);
}

TEST_CASE("SIIT-CSUM-05 compute: a whole datagram gets its checksum") {
  Rig rig(UdpZeroChecksum::kCompute);
  const auto sent = rig.send(datagram(21));
  REQUIRE(sent.size() == 1);
  CHECK(wordAt(sent[0].bytes, 46) != 0);
  CHECK(reference::transport(sent[0].bytes) == reference::Sum::kGood);
}

TEST_CASE("SIIT-CSUM-06 compute: a first fragment is dropped, the rest passes as it is") {
  Rig rig(UdpZeroChecksum::kCompute);
  const Bytes whole = datagram(64);
  CHECK(rig.send(fragment(whole, 0, 40)).empty());
  CHECK(rig.count(Counter::kDropUdpChecksumZero) == 1);
  const auto sent = rig.send(fragment(whole, 40, 80));
  REQUIRE(sent.size() == 1);
  CHECK(toHex(sent[0].bytes, 40, 8) == "110000280000beef");
  CHECK(rig.worker.sizes().reassembly == 0);
}

TEST_CASE("SIIT-CSUM-06 compute: fragments of a datagram with checksum pass one by one") {
  Rig rig(UdpZeroChecksum::kCompute);
  const Bytes whole = datagram(64, true);
  CHECK(rig.send(fragment(whole, 0, 40)).size() == 1);
  CHECK(rig.send(fragment(whole, 40, 80)).size() == 1);
}

TEST_CASE("SIIT-CSUM-06 reassemble: fragments in every order give the whole with its checksum") {
  const Bytes whole = datagram(3000);
  const Bytes pieces[] = {fragment(whole, 0, 1480), fragment(whole, 1480, 2960),
                          fragment(whole, 2960, 4000)};
  std::array<size_t, 3> order{0, 1, 2};
  do {
    CAPTURE(order[0] * 100 + order[1] * 10 + order[2]);
    Rig rig(UdpZeroChecksum::kReassemble);
    CHECK(rig.send(pieces[order[0]]).empty());
    CHECK(rig.send(pieces[order[1]]).empty());
    const auto sent = rig.send(pieces[order[2]]);
    CHECK(sent.size() == 3);  // 1232, 1232 and 544
    const Bytes payload = joined(sent);
    CHECK(payload.size() == 3008);
    CHECK(toHex(payload, 8) == toHex(pattern(3000)));
    CHECK(rig.count(Counter::kReassembled) == 1);
    CHECK(rig.count(Counter::kFragmented) == 3);
    CHECK(rig.worker.sizes().reassembly == 0);
  } while (std::next_permutation(order.begin(), order.end()));
}

TEST_CASE("SIIT-CSUM-06 reassemble: cut again to lowest-ipv6-mtu") {
  Rig rig(UdpZeroChecksum::kReassemble);
  rig.config.translation.policy.lowest_ipv6_mtu = 1400;
  rig.apply();
  const Bytes whole = datagram(1400);
  rig.send(fragment(whole, 0, 1000));
  const auto sent = rig.send(fragment(whole, 1000, 2000));
  REQUIRE(sent.size() == 2);
  CHECK(sent[0].bytes.size() == 1400);
  CHECK(sent[1].bytes.size() == 48 + 1408 - 1352);
}

TEST_CASE("SIIT-CSUM-06 reassemble: what fits leaves whole, without a Fragment Header") {
  Rig rig(UdpZeroChecksum::kReassemble);
  const Bytes whole = datagram(64);
  rig.send(fragment(whole, 40, 80));
  const auto sent = rig.send(fragment(whole, 0, 40));
  REQUIRE(sent.size() == 1);
  CHECK(byteAt(sent[0].bytes, 6) == 17);
  CHECK(reference::transport(sent[0].bytes) == reference::Sum::kGood);
}

TEST_CASE("SIIT-CSUM-06 reassemble: a checksum that is there is updated, a wrong one stays wrong") {
  Bytes whole = datagram(64, true);
  for (const bool damaged : {false, true}) {
    CAPTURE(damaged);
    Rig rig(UdpZeroChecksum::kReassemble);
    if (damaged) whole.back() ^= std::byte{1};
    rig.send(fragment(whole, 0, 40));
    const auto sent = rig.send(fragment(whole, 40, 80));
    REQUIRE(sent.size() == 1);
    CHECK(reference::transport(sent[0].bytes) ==
          (damaged ? reference::Sum::kBad : reference::Sum::kGood));
  }
}

TEST_CASE("SIIT-CSUM-06 reassemble: fragments that overlap lose the whole datagram") {
  Rig rig(UdpZeroChecksum::kReassemble);
  const Bytes whole = datagram(64);
  CHECK(rig.send(fragment(whole, 0, 40)).empty());
  CHECK(rig.send(fragment(whole, 32, 56)).empty());
  CHECK(rig.count(Counter::kDropFragmentOverlap) == 1);
  CHECK(rig.send(fragment(whole, 40, 80)).empty());
  CHECK(rig.count(Counter::kReassembled) == 0);
}

TEST_CASE("SIIT-CSUM-06 reassemble: what stays incomplete is lost after the fragment timeout") {
  Rig rig(UdpZeroChecksum::kReassemble);
  const Bytes whole = datagram(64);
  rig.send(fragment(whole, 0, 40));
  CHECK(rig.worker.sizes().reassembly == 1);
  rig.now_ms += 2100;
  rig.worker.poll(rig.now_ms);
  CHECK(rig.worker.sizes().reassembly == 0);
  CHECK(rig.send(fragment(whole, 40, 80)).empty());
  CHECK(rig.count(Counter::kDropFragmentTimeout) == 1);
}

TEST_CASE("SIIT-CSUM-06 reassemble: only IPv4 UDP waits, other fragments pass one by one") {
  Rig rig(UdpZeroChecksum::kReassemble);
  CHECK(rig.send(packet4(6, tcp(20), {.more = true})).size() == 1);
  CHECK(rig.send(packet6(17, udp(24), {.more = true})).size() == 1);
  CHECK(rig.worker.sizes().reassembly == 0);
}

TEST_CASE("SIIT-CSUM-06 reassemble: TTL, TOS and addresses are those of the fragments") {
  Rig rig(UdpZeroChecksum::kReassemble);
  Bytes whole = packet4(17, udp(64), {.hops = 9, .traffic_class = 0xb8});
  const auto part = [&](size_t from, size_t to) {
    Bytes bytes = fragment(whole, from, to);
    bytes[1] = std::byte{0xb8};
    bytes[8] = std::byte{9};
    reference::fill(bytes);
    return bytes;
  };
  rig.send(part(0, 40));
  const auto sent = rig.send(part(40, 80));
  REQUIRE(sent.size() == 1);
  CHECK(toHex(sent[0].bytes, 0, 2) == "6b80");
  CHECK(byteAt(sent[0].bytes, 7) == 8);
  CHECK(toHex(sent[0].bytes, 8, 32) ==
        "20010db80064000000000000c000022120010db80064000000000000c6336402");
}

}  // namespace
}  // namespace platypus::test
