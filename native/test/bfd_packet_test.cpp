#include "bfd/packet.h"

#include <string>

#include "test/hex.h"
#include "test/test.h"

namespace platypus::bfd {
namespace {

using test::fromHex;
using test::toHex;

// The rows `packets` of test/vectors/bfd.json.
const struct {
  const char* hex;
  Packet packet;
} kVectors[] = {
    {"204003180000001100000000000f4240000f424000000000",
     {.state = State::kDown,
      .multiplier = 3,
      .my_discriminator = 0x11,
      .desired_min_tx_us = 1'000'000,
      .required_min_rx_us = 1'000'000}},
    {"208003180000001100000022000f4240000f424000000000",
     {.state = State::kInit,
      .multiplier = 3,
      .my_discriminator = 0x11,
      .your_discriminator = 0x22,
      .desired_min_tx_us = 1'000'000,
      .required_min_rx_us = 1'000'000}},
    {"20c003180000001100000022000493e0000493e000000000",
     {.state = State::kUp,
      .multiplier = 3,
      .my_discriminator = 0x11,
      .your_discriminator = 0x22,
      .desired_min_tx_us = 300'000,
      .required_min_rx_us = 300'000}},
    {"20e003180000001100000022000493e0000493e000000000",
     {.state = State::kUp,
      .poll = true,
      .multiplier = 3,
      .my_discriminator = 0x11,
      .your_discriminator = 0x22,
      .desired_min_tx_us = 300'000,
      .required_min_rx_us = 300'000}},
    {"20d003180000002200000011000493e0000493e000000000",
     {.state = State::kUp,
      .final = true,
      .multiplier = 3,
      .my_discriminator = 0x22,
      .your_discriminator = 0x11,
      .desired_min_tx_us = 300'000,
      .required_min_rx_us = 300'000}},
    {"270003180000001100000022000f4240000f424000000000",
     {.diagnostic = Diagnostic::kAdministrativelyDown,
      .state = State::kAdminDown,
      .multiplier = 3,
      .my_discriminator = 0x11,
      .your_discriminator = 0x22,
      .desired_min_tx_us = 1'000'000,
      .required_min_rx_us = 1'000'000}},
};

TEST_CASE("BGP-BFD-03 packets are written and read as in the vectors") {
  for (const auto& each : kVectors) {
    CHECK(toHex(encodePacket(each.packet)) == each.hex);
    const Parsed parsed = parsePacket(fromHex(each.hex));
    REQUIRE(parsed.packet);
    CHECK(*parsed.packet == each.packet);
  }
}

TEST_CASE("BGP-BFD-03 every field has its place") {
  const Packet packet{.diagnostic = static_cast<Diagnostic>(31),
                      .state = State::kUp,
                      .poll = true,
                      .final = true,
                      .control_plane_independent = true,
                      .demand = true,
                      .multiplier = 0xfe,
                      .my_discriminator = 0x01020304,
                      .your_discriminator = 0x05060708,
                      .desired_min_tx_us = 0x090a0b0c,
                      .required_min_rx_us = 0x0d0e0f10,
                      .required_min_echo_rx_us = 0x11121314};
  const auto bytes = encodePacket(packet);
  CHECK(toHex(bytes) ==
        "3ffafe18"
        "0102030405060708090a0b0c0d0e0f1011121314");
  CHECK(*parsePacket(bytes).packet == packet);
}

TEST_CASE("BGP-BFD-04 what must be discarded is, each for its reason") {
  const struct {
    const char* hex;
    Discard why;
  } rows[] = {
      // The rows `must_discard` of the vectors.
      {"004003180000000100000000000f4240000f424000000000", Discard::kVersion},
      {"204003170000000100000000000f4240000f424000000000", Discard::kLength},
      {"204000180000000100000000000f4240000f424000000000", Discard::kMultiplier},
      {"204003180000000000000000000f4240000f424000000000", Discard::kDiscriminator},
      {"20c003180000000100000000000f4240000f424000000000", Discard::kDiscriminator},
      {"204103180000000100000000000f4240000f424000000000", Discard::kMultipoint},
      // Init without Your Discriminator; the length beyond the payload; A with a length of 24;
      // A with a section.
      {"208003180000000100000000000f4240000f424000000000", Discard::kDiscriminator},
      {"204003190000000100000000000f4240000f424000000000", Discard::kLength},
      {"204403180000000100000000000f4240000f424000000000", Discard::kLength},
      {"2044031a0000000100000000000f4240000f4240000000000102", Discard::kAuthentication},
  };
  for (const auto& row : rows) {
    CAPTURE(std::string(row.hex));
    const Parsed parsed = parsePacket(fromHex(row.hex));
    CHECK_FALSE(parsed.packet);
    CHECK(parsed.discard == row.why);
  }
}

TEST_CASE("BGP-BFD-04 every truncation is discarded, octets past the length are not looked at") {
  auto whole = fromHex(kVectors[2].hex);
  for (size_t length = 0; length < whole.size(); ++length) {
    const test::Bytes cut(whole.begin(), whole.begin() + static_cast<ptrdiff_t>(length));
    CHECK(parsePacket(cut).discard == Discard::kLength);
    CHECK_FALSE(parsePacket(cut).packet);
  }
  whole.push_back(std::byte{0xff});
  CHECK(*parsePacket(whole).packet == kVectors[2].packet);
}

}  // namespace
}  // namespace platypus::bfd
