// Checksums of whole packets, computed the slow and plain way of RFC 1071: a second opinion that
// shares no code with packet/checksum.h.
#pragma once

#include <cstddef>
#include <span>

namespace platypus::test::reference {

enum class Sum {
  kNone,  // nothing to check: a fragment, no checksum sent, or a protocol without a known one
  kGood,
  kBad,
};

/// The IPv4 header checksum; kNone for IPv6. `packet` must hold its headers.
Sum header(std::span<const std::byte> packet);

/// The checksum of TCP, UDP, ICMPv4 or ICMPv6 with its pseudo-header. UDP without checksum is kNone
/// in IPv4 and kBad in IPv6. Extension headers are walked.
Sum transport(std::span<const std::byte> packet);

/// Writes the right checksums into a packet; a fragment gets only its header's.
void fill(std::span<std::byte> packet);

}  // namespace platypus::test::reference
