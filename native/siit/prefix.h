// IPv4-embedded IPv6 addresses (RFC 6052).
#pragma once

#include <cstdint>
#include <optional>

#include "packet/address.h"

namespace platypus {

/// A translation prefix of 32, 40, 48, 56, 64 or 96 bits (RFC 6052 §2.2).
class Pref64 {
 public:
  Pref64() : Pref64(Ipv6Address{}, 96) {}
  /// The caller has checked the length with isValid(); bits past it are cleared.
  Pref64(const Ipv6Address& prefix, uint8_t length);

  /// RFC 6052 §2.2: the six lengths, and bits 64..71 zero.
  static bool isValid(const Ipv6Address& prefix, uint8_t length);

  /// The address with `ipv4` embedded; octet u and suffix are zero.
  [[gnu::always_inline]] Ipv6Address embed(Ipv4Address ipv4) const {
    if (length_ != 96) return embedShort(ipv4);
    Ipv6Address result = prefix_;
    std::memcpy(result.bytes.data() + 12, &ipv4, 4);
    return result;
  }
  /// The IPv4 address inside `ipv6`; nothing where the prefix differs or octet u is not zero
  /// (RFC 6052 §2.2 gives it no meaning). Suffix bits are ignored.
  std::optional<Ipv4Address> extract(const Ipv6Address& ipv6) const {
    Ipv4Address ipv4;
    return extract(ipv6, ipv4) ? std::optional(ipv4) : std::nullopt;
  }
  /// The same for the packet path: an optional is put together in memory from two parts, and
  /// reading it back at once waits for both.
  [[gnu::always_inline]] bool extract(const Ipv6Address& ipv6, Ipv4Address& ipv4) const {
    if (!contains(ipv6)) return false;
    if (length_ != 96) return extractShort(ipv6, ipv4);
    std::memcpy(&ipv4, ipv6.bytes.data() + 12, 4);
    return true;
  }
  bool contains(const Ipv6Address& ipv6) const {
    return (((ipv6.high() ^ prefix_.high()) & high_mask_) |
            ((ipv6.low() ^ prefix_.low()) & low_mask_)) == 0;
  }
  /// 64:ff9b::/96 (RFC 6052 §2.1).
  bool isWellKnown() const { return well_known_; }
  uint8_t length() const { return length_; }
  const Ipv6Address& address() const { return prefix_; }

 private:
  // The five lengths whose IPv4 bits go around octet u.
  Ipv6Address embedShort(Ipv4Address ipv4) const;
  bool extractShort(const Ipv6Address& ipv6, Ipv4Address& ipv4) const;

  Ipv6Address prefix_;
  uint64_t high_mask_ = 0;  // wire order
  uint64_t low_mask_ = 0;
  uint8_t length_ = 96;
  bool well_known_ = false;
};

/// An IPv4 address that must not be combined with the well-known prefix: RFC 6052 §3.1 with
/// RFC 5735 §3 and RFC 6598.
bool isNonGlobal(Ipv4Address address);

/// An IPv4 source that no router forwards (RFC 1812 §5.3.7): 0/8, 127/8, multicast, class E.
constexpr bool isIllegalSource(Ipv4Address address) {
  const uint32_t host = address.host();
  return (host >> 24) == 0 || (host >> 24) == 127 || (host >> 28) >= 14;
}

/// An IPv6 source that no router forwards (RFC 4291 §2.5.2, §2.5.3, §2.5.6, §2.7).
inline bool isIllegalSource(const Ipv6Address& address) {
  return address.isMulticast() || address.isUnspecified() || address.isLoopback() ||
         address.isLinkLocal();
}

/// Multicast, class E and broadcast destinations (RFC 7915 §1.2 translates unicast only).
constexpr bool isUnicastDestination(Ipv4Address address) {
  const uint32_t host = address.host();
  return (host >> 28) < 14 && (host >> 24) != 0 && (host >> 24) != 127;
}

}  // namespace platypus
