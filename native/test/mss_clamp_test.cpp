// The MSS option of a SYN under TranslationPolicy::mss_clamp.
#include "siit/transport.h"
#include "test/siit_packets.h"
#include "test/test.h"

namespace platypus::test {
namespace {

/// TCP 50000 → 443 with `flags` and `options` (a multiple of four bytes).
Bytes segment(uint8_t flags, const Bytes& options, const Bytes& data = {}) {
  Bytes header = fromHex("c350 01bb 01020304 05060708 0000ffff 0000 0000");
  header[12] = static_cast<std::byte>((20 + options.size()) / 4 << 4);
  header[13] = std::byte{flags};
  return std::move(header) + options + data;
}
constexpr uint8_t kSyn = 2;
constexpr uint8_t kSynAck = 0x12;

Bytes clamped(const Bytes& packet, uint16_t limit = 1200, const Offload& offload = {}) {
  Siit siit;
  siit.policy.mss_clamp = limit;
  return siit.translate(packet, offload).packet;
}
/// The options of a translated packet.
std::string options(const Bytes& packet) {
  const size_t tcp = byteAt(packet, 0) >> 4 == 6 ? 40 : 20;
  return toHex(packet, tcp + 20, (byteAt(packet, tcp + 12) >> 4) * 4 - 20);
}

TEST_CASE("SIIT-MTU-11 a larger MSS is lowered, 6to4 and 4to6, and the checksum holds") {
  for (const uint8_t flags : {kSyn, kSynAck}) {
    const Bytes payload = segment(flags, fromHex("020405b4"), pattern(3));
    for (const Bytes& packet : {packet6(6, payload), packet4(6, payload)}) {
      const Bytes out = clamped(packet);
      CHECK(options(out) == "020404b0");
      CHECK(reference::transport(out) == reference::Sum::kGood);
    }
  }
}

TEST_CASE("SIIT-MTU-11 off by default: the option is as it was") {
  CHECK(options(clamped(packet6(6, segment(kSyn, fromHex("0204ffff"))), 0)) == "0204ffff");
  CHECK(options(clamped(packet4(6, segment(kSyn, fromHex("0204ffff"))), 0)) == "0204ffff");
}

TEST_CASE("SIIT-MTU-11 an MSS at the limit or below it is left alone") {
  CHECK(options(clamped(packet6(6, segment(kSyn, fromHex("020404b0"))))) == "020404b0");
  CHECK(options(clamped(packet6(6, segment(kSyn, fromHex("020404af"))))) == "020404af");
  CHECK(options(clamped(packet4(6, segment(kSyn, fromHex("020404b1"))))) == "020404b0");
}

TEST_CASE("SIIT-MTU-11 the option on an odd place: the checksum still holds") {
  // One, two and three no-operations in front of it.
  for (const char* text : {"01020405b4010100", "0101020405b40100", "010101020405b400"}) {
    CAPTURE(text);
    for (const uint16_t limit : Words{1200, 255, 256, 1}) {
      const Bytes payload = segment(kSyn, fromHex(text), pattern(5));
      for (const Bytes& packet : {packet6(6, payload), packet4(6, payload)}) {
        const Bytes out = clamped(packet, limit);
        CHECK(reference::transport(out) == reference::Sum::kGood);
        Bytes expected = fromHex(text);
        for (size_t at = 0; at < 4; ++at) {
          if (byteAt(expected, at) == 2) putWord(expected, at + 2, limit);
        }
        CHECK(options(out) == toHex(expected));
      }
    }
  }
}

TEST_CASE("SIIT-MTU-11 a checksum that the kernel finishes is not touched by the option") {
  for (const bool v6 : {true, false}) {
    const Bytes payload = segment(kSyn, fromHex("01020405b4010100"), pattern(9));
    Bytes packet = v6 ? packet6(6, payload) : packet4(6, payload);
    const size_t tcp = v6 ? 40 : 20;
    // The field holds the pseudo-header's sum: what is missing to the whole is that of the segment.
    uint32_t sum = 0;
    for (size_t at = v6 ? 8 : 12; at < tcp; at += 2) sum += wordAt(packet, at);
    sum += static_cast<uint32_t>(payload.size()) + 6;
    while (sum >> 16 != 0) sum = (sum & 0xffff) + (sum >> 16);
    putWord(packet, tcp + 16, sum);
    const Offload offload{.flags = Offload::kNeedsChecksum,
                          .checksum_start = static_cast<uint16_t>(tcp),
                          .checksum_offset = 16};
    Siit siit;
    siit.policy.mss_clamp = 1200;
    const Outcome out = siit.translate(packet, offload);
    REQUIRE(out.passed());
    CHECK(options(out.packet) == "01020404b0010100");
    Loaded finished(out.packet, out.offload);
    finishChecksum(*finished);
    CHECK(reference::transport(copyOf(*finished)) == reference::Sum::kGood);
  }
}

TEST_CASE("SIIT-MTU-11 only a SYN speaks about its MSS") {
  for (const uint8_t flags : Octets{0x10, 0x11, 0x04, 0x18}) {
    CAPTURE(flags);
    CHECK(options(clamped(packet6(6, segment(flags, fromHex("020405b4"))))) == "020405b4");
  }
}

TEST_CASE("SIIT-MTU-11 other options, and none: nothing is changed") {
  for (const char* text : {"", "01010101", "00020405b4000000", "04020000",
                           "080a0102030401020304 0000", "0304 05b4", "0101 0204", "02030405"}) {
    CAPTURE(text);
    const Bytes payload = segment(kSyn, fromHex(text), fromHex("020405b4"));
    for (const Bytes& packet : {packet6(6, payload), packet4(6, payload)}) {
      const Bytes out = clamped(packet);
      CHECK(options(out) == toHex(fromHex(text)));
      CHECK(reference::transport(out) == reference::Sum::kGood);
    }
  }
}

TEST_CASE("SIIT-MTU-11 the option behind others is found") {
  CHECK(
      options(clamped(packet6(6, segment(kSyn, fromHex("0402 080a0102030405060708 0204 05b4"))))) ==
      "0402080a0102030405060708020404b0");
}

TEST_CASE("SIIT-MTU-11 options that lie about their length end the search") {
  for (const char* text : {"0500020405b40000", "0501020405b40000", "05ff020405b40000"}) {
    CAPTURE(text);
    CHECK(options(clamped(packet6(6, segment(kSyn, fromHex(text))))) == toHex(fromHex(text)));
  }
}

TEST_CASE("SIIT-MTU-11 a SYN in a first fragment that holds less than its header") {
  // The header claims 60 bytes, 24 are here; the option in reach is lowered, nothing else is read.
  Bytes payload = segment(kSyn, fromHex("020405b4"));
  payload[12] = std::byte{0xf0};
  for (const Bytes& packet :
       {packet6(6, payload, {.more = true}), packet4(6, payload, {.more = true})}) {
    const Bytes out = clamped(packet);
    const bool v6 = byteAt(out, 0) >> 4 == 6;
    CHECK(toHex(out, (v6 ? 48 : 20) + 20) == "020404b0");
  }
  // Cut through the option: the rest of it is in the next fragment.
  const Bytes half = segment(kSyn, fromHex("01010204"));
  for (const Bytes& packet : {packet6(6, half, {.more = true}), packet4(6, half, {.more = true})}) {
    const Bytes out = clamped(packet);
    CHECK(toHex(out, out.size() - 4) == "01010204");
  }
}

TEST_CASE("SIIT-MTU-11 a damaged SYN stays damaged") {
  Bytes packet = packet6(6, segment(kSyn, fromHex("020405b4"), pattern(4)));
  packet.back() ^= std::byte{1};
  const Bytes out = clamped(packet);
  CHECK(options(out) == "020404b0");
  CHECK(reference::transport(out) == reference::Sum::kBad);
}

}  // namespace
}  // namespace platypus::test
