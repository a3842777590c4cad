#include "bfd/packet.h"

#include <cstring>

#include "packet/byte_order.h"

namespace platypus::bfd {
namespace {

constexpr unsigned kVersion = 1;
constexpr unsigned kPollBit = 0x20;
constexpr unsigned kFinalBit = 0x10;
constexpr unsigned kControlPlaneBit = 0x08;
constexpr unsigned kAuthenticationBit = 0x04;
constexpr unsigned kDemandBit = 0x02;
constexpr unsigned kMultipointBit = 0x01;
// The header and the shortest authentication section, §4.1.
constexpr size_t kAuthenticatedBytes = 26;

Parsed discarded(Discard why) {
  return {std::nullopt, why};
}

}  // namespace

Parsed parsePacket(std::span<const std::byte> datagram) {
  if (datagram.size() < kPacketBytes) return discarded(Discard::kLength);
  const auto octet = [&datagram](size_t at) { return std::to_integer<unsigned>(datagram[at]); };
  const auto word = [&datagram](size_t at) { return load<Be32>(&datagram[at]).host(); };
  if (octet(0) >> 5 != kVersion) return discarded(Discard::kVersion);
  const unsigned flags = octet(1);
  const bool authenticated = (flags & kAuthenticationBit) != 0;
  const size_t length = octet(3);
  if (length < (authenticated ? kAuthenticatedBytes : kPacketBytes) || length > datagram.size()) {
    return discarded(Discard::kLength);
  }
  const Packet packet{.diagnostic = static_cast<Diagnostic>(octet(0) & 0x1f),
                      .state = static_cast<State>(flags >> 6),
                      .poll = (flags & kPollBit) != 0,
                      .final = (flags & kFinalBit) != 0,
                      .control_plane_independent = (flags & kControlPlaneBit) != 0,
                      .demand = (flags & kDemandBit) != 0,
                      .multiplier = static_cast<uint8_t>(octet(2)),
                      .my_discriminator = word(4),
                      .your_discriminator = word(8),
                      .desired_min_tx_us = word(12),
                      .required_min_rx_us = word(16),
                      .required_min_echo_rx_us = word(20)};
  if (packet.multiplier == 0) return discarded(Discard::kMultiplier);
  if ((flags & kMultipointBit) != 0) return discarded(Discard::kMultipoint);
  if (packet.my_discriminator == 0) return discarded(Discard::kDiscriminator);
  if (packet.your_discriminator == 0 && packet.state != State::kDown &&
      packet.state != State::kAdminDown) {
    return discarded(Discard::kDiscriminator);
  }
  if (authenticated) return discarded(Discard::kAuthentication);
  return {packet};
}

std::array<std::byte, kPacketBytes> encodePacket(const Packet& packet) {
  std::array<std::byte, kPacketBytes> bytes{};
  const auto put = [&bytes](size_t at, uint32_t value) {
    const Be32 wire(value);
    std::memcpy(&bytes[at], &wire, sizeof wire);
  };
  bytes[0] =
      static_cast<std::byte>(kVersion << 5 | (static_cast<unsigned>(packet.diagnostic) & 0x1f));
  bytes[1] = static_cast<std::byte>(static_cast<unsigned>(packet.state) << 6 |
                                    (packet.poll ? kPollBit : 0) | (packet.final ? kFinalBit : 0) |
                                    (packet.control_plane_independent ? kControlPlaneBit : 0) |
                                    (packet.demand ? kDemandBit : 0));
  bytes[2] = std::byte{packet.multiplier};
  bytes[3] = std::byte{kPacketBytes};
  put(4, packet.my_discriminator);
  put(8, packet.your_discriminator);
  put(12, packet.desired_min_tx_us);
  put(16, packet.required_min_rx_us);
  put(20, packet.required_min_echo_rx_us);
  return bytes;
}

}  // namespace platypus::bfd
