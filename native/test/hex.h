// Bytes as hex text, for literal packets in tests and readable failures.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace platypus::test {

using Bytes = std::vector<std::byte>;
/// Lists to loop over, of a type that -Wconversion leaves in peace.
using Octets = std::initializer_list<uint8_t>;
using Words = std::initializer_list<uint16_t>;

/// Bytes of hex digits; everything that is no hex digit is skipped, so that literals can have gaps.
inline Bytes fromHex(std::string_view text) {
  Bytes bytes;
  int high = -1;
  for (const char c : text) {
    int digit = -1;
    if (c >= '0' && c <= '9') digit = c - '0';
    if (c >= 'a' && c <= 'f') digit = c - 'a' + 10;
    if (digit < 0) continue;
    if (high < 0) {
      high = digit;
    } else {
      bytes.push_back(static_cast<std::byte>(high * 16 + digit));
      high = -1;
    }
  }
  return bytes;
}

/// `length` bytes from `from` on as lower-case hex.
inline std::string toHex(std::span<const std::byte> bytes, size_t from = 0,
                         size_t length = std::string::npos) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (size_t i = from; i < bytes.size() && i - from < length; ++i) {
    const auto value = std::to_integer<unsigned>(bytes[i]);
    text += kDigits[value >> 4];
    text += kDigits[value & 15];
  }
  return text;
}

/// Big-endian numbers inside a packet.
inline uint32_t byteAt(std::span<const std::byte> bytes, size_t at) {
  return at < bytes.size() ? std::to_integer<uint32_t>(bytes[at]) : 0;
}
inline uint32_t wordAt(std::span<const std::byte> bytes, size_t at) {
  return byteAt(bytes, at) << 8 | byteAt(bytes, at + 1);
}
inline uint32_t longAt(std::span<const std::byte> bytes, size_t at) {
  return wordAt(bytes, at) << 16 | wordAt(bytes, at + 2);
}
inline void putWord(std::span<std::byte> bytes, size_t at, uint32_t value) {
  bytes[at] = static_cast<std::byte>(value >> 8);
  bytes[at + 1] = static_cast<std::byte>(value);
}

}  // namespace platypus::test
