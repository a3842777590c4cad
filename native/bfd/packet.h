// The BFD control packet. RFC 5880 §4.1.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace platypus::bfd {

/// §4.1 "State (Sta)", the number on the wire.
enum class State : uint8_t { kAdminDown = 0, kDown = 1, kInit = 2, kUp = 3 };

/// §4.1 "Diagnostic (Diag)": why the session changed its state last. Others than these may come.
enum class Diagnostic : uint8_t {
  kNone = 0,
  kDetectionTimeExpired = 1,
  kNeighborSignaledDown = 3,
  kAdministrativelyDown = 7,
};

/// Without authentication, which is not spoken here. Intervals in microseconds.
struct Packet {
  Diagnostic diagnostic = Diagnostic::kNone;
  State state = State::kDown;
  bool poll = false;
  bool final = false;
  bool control_plane_independent = false;
  bool demand = false;
  uint8_t multiplier = 0;
  uint32_t my_discriminator = 0;
  uint32_t your_discriminator = 0;
  uint32_t desired_min_tx_us = 0;
  uint32_t required_min_rx_us = 0;
  uint32_t required_min_echo_rx_us = 0;
  friend bool operator==(const Packet&, const Packet&) = default;
};

inline constexpr size_t kPacketBytes = 24;

/// Why a packet was discarded, §6.8.6 in its order.
enum class Discard : uint8_t {
  kVersion,
  kLength,         // of the field or of the datagram
  kMultiplier,     // 0
  kMultipoint,     // the bit is set
  kDiscriminator,  // mine is 0, or yours is 0 in a state where it cannot be
  kAuthentication,
};

/// A packet, or why it was discarded.
struct Parsed {
  std::optional<Packet> packet;
  Discard discard = Discard::kVersion;
};

/// Takes the payload of a UDP datagram apart. §6.8.6 up to the choice of the session.
Parsed parsePacket(std::span<const std::byte> datagram);

/// Version 1, no echo, no authentication.
std::array<std::byte, kPacketBytes> encodePacket(const Packet& packet);

}  // namespace platypus::bfd
