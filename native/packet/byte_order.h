// Wire-order integers. A Be16 or Be32 holds bytes as they stand in a packet, so network and host
// order cannot be mixed by accident; `.host()` is the only way to arithmetic.
#pragma once

#include <bit>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace platypus {

constexpr uint16_t swapIfLittle(uint16_t value) {
  return std::endian::native == std::endian::little ? __builtin_bswap16(value) : value;
}

constexpr uint32_t swapIfLittle(uint32_t value) {
  return std::endian::native == std::endian::little ? __builtin_bswap32(value) : value;
}

/// A 16-bit integer in network byte order.
class Be16 {
 public:
  constexpr Be16() = default;
  constexpr explicit Be16(uint16_t host) : wire_(swapIfLittle(host)) {}
  static constexpr Be16 fromWire(uint16_t wire) {
    Be16 result;
    result.wire_ = wire;
    return result;
  }
  constexpr uint16_t host() const { return swapIfLittle(wire_); }
  /// The bytes as they lie in memory; for checksums, which do not care for byte order.
  constexpr uint16_t wire() const { return wire_; }
  friend constexpr bool operator==(Be16, Be16) = default;

 private:
  uint16_t wire_ = 0;
};

/// A 32-bit integer in network byte order.
class Be32 {
 public:
  constexpr Be32() = default;
  constexpr explicit Be32(uint32_t host) : wire_(swapIfLittle(host)) {}
  static constexpr Be32 fromWire(uint32_t wire) {
    Be32 result;
    result.wire_ = wire;
    return result;
  }
  constexpr uint32_t host() const { return swapIfLittle(wire_); }
  constexpr uint32_t wire() const { return wire_; }
  friend constexpr bool operator==(Be32, Be32) = default;

 private:
  uint32_t wire_ = 0;
};

/// Reads a T at any alignment. The caller has checked the bounds (see parse.h).
template <typename T>
inline T load(const std::byte* from) {
  T value;
  std::memcpy(&value, from, sizeof value);
  return value;
}

/// Writes a T at any alignment. The caller has checked the bounds.
template <typename T>
inline void store(std::byte* to, const T& value) {
  std::memcpy(to, &value, sizeof value);
}

}  // namespace platypus
