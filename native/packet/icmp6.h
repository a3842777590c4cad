// ICMPv6 (RFC 4443, RFC 4884): the 8 bytes every message starts with, and the types the translator
// knows.
#pragma once

#include "packet/byte_order.h"

namespace platypus {

struct Icmp6Header {
  uint8_t type = 0;
  uint8_t code = 0;
  Be16 checksum;
  /// Identifier of an echo; of an error the high half of its 32-bit field (RFC 4884: length in the
  /// high byte).
  Be16 identifier;
  /// Sequence of an echo; the low half of an error's 32-bit field.
  Be16 sequence;

  static constexpr uint16_t kSize = 8;

  uint32_t field() const { return (uint32_t{identifier.host()} << 16) | sequence.host(); }
  void setField(uint32_t value) {
    identifier = Be16(static_cast<uint16_t>(value >> 16));
    sequence = Be16(static_cast<uint16_t>(value));
  }
};
static_assert(sizeof(Icmp6Header) == Icmp6Header::kSize);

namespace icmp6 {
inline constexpr uint8_t kUnreachable = 1;
inline constexpr uint8_t kPacketTooBig = 2;
inline constexpr uint8_t kTimeExceeded = 3;
inline constexpr uint8_t kParameterProblem = 4;
inline constexpr uint8_t kEchoRequest = 128;
inline constexpr uint8_t kEchoReply = 129;
inline constexpr uint8_t kRedirect = 137;
// Codes of kUnreachable.
inline constexpr uint8_t kNoRoute = 0;
inline constexpr uint8_t kProhibited = 1;
inline constexpr uint8_t kAddressUnreachable = 3;
inline constexpr uint8_t kPortUnreachable = 4;

/// Types below 128 are errors (RFC 4443 §2.1).
constexpr bool isError(uint8_t type) {
  return type < 128;
}
constexpr bool isEcho(uint8_t type) {
  return type == kEchoRequest || type == kEchoReply;
}
}  // namespace icmp6

}  // namespace platypus
