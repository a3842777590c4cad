// ICMPv4 (RFC 792, RFC 1191, RFC 4884): the 8 bytes every message starts with, and the types the
// translator knows.
#pragma once

#include "packet/byte_order.h"

namespace platypus {

struct Icmp4Header {
  uint8_t type = 0;
  uint8_t code = 0;
  Be16 checksum;
  /// Identifier of an echo; "unused, length" of an error (RFC 4884: length in the low byte).
  Be16 identifier;
  /// Sequence of an echo; next-hop MTU of "fragmentation needed".
  Be16 sequence;

  static constexpr uint16_t kSize = 8;
};
static_assert(sizeof(Icmp4Header) == Icmp4Header::kSize);

namespace icmp4 {
inline constexpr uint8_t kEchoReply = 0;
inline constexpr uint8_t kUnreachable = 3;
inline constexpr uint8_t kSourceQuench = 4;
inline constexpr uint8_t kRedirect = 5;
inline constexpr uint8_t kEchoRequest = 8;
inline constexpr uint8_t kTimeExceeded = 11;
inline constexpr uint8_t kParameterProblem = 12;
// Codes of kUnreachable.
inline constexpr uint8_t kHostUnreachable = 1;
inline constexpr uint8_t kProtocolUnreachable = 2;
inline constexpr uint8_t kPortUnreachable = 3;
inline constexpr uint8_t kFragmentationNeeded = 4;
inline constexpr uint8_t kSourceRouteFailed = 5;
inline constexpr uint8_t kProhibited = 13;

/// Messages that quote a packet (RFC 1122 §3.2.2).
constexpr bool isError(uint8_t type) {
  return type == kUnreachable || type == kSourceQuench || type == kRedirect ||
         type == kTimeExceeded || type == kParameterProblem;
}
constexpr bool isEcho(uint8_t type) {
  return type == kEchoRequest || type == kEchoReply;
}
}  // namespace icmp4

}  // namespace platypus
