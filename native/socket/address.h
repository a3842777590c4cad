// Addresses as the socket calls take and give them.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "packet/byte_order.h"

namespace platypus {

/// An address of either family: IPv4 in the first 4 bytes, in wire order.
struct HostAddress {
  /// AF_INET or AF_INET6; AF_UNSPEC for none.
  uint8_t family = AF_UNSPEC;
  std::array<std::byte, 16> bytes{};

  size_t size() const { return family == AF_INET ? 4 : family == AF_INET6 ? 16 : 0; }
  /// RFC 4291 §2.5.6, fe80::/10: means something on one link only.
  bool isLinkLocal() const {
    return family == AF_INET6 && bytes[0] == std::byte{0xfe} &&
           (bytes[1] & std::byte{0xc0}) == std::byte{0x80};
  }
  bool isMulticast() const {
    return family == AF_INET6 ? bytes[0] == std::byte{0xff}
                              : (bytes[0] & std::byte{0xf0}) == std::byte{0xe0};
  }
  friend bool operator==(const HostAddress&, const HostAddress&) = default;

  /// From text without a zone; nothing when it is no address.
  static std::optional<HostAddress> parse(const char* text);
  /// As inet_ntop writes it; empty for none.
  std::string text() const;
};

/// A sockaddr of either family.
union SocketAddress {
  sockaddr any;
  sockaddr_in v4;
  sockaddr_in6 v6;

  socklen_t size() const { return any.sa_family == AF_INET ? sizeof v4 : sizeof v6; }
  HostAddress address() const;
  Be16 port() const {
    return Be16::fromWire(any.sa_family == AF_INET ? v4.sin_port : v6.sin6_port);
  }
  /// `scope`: the interface of a link-local or multicast address; elsewhere it is left out.
  static SocketAddress of(const HostAddress& address, Be16 port, uint32_t scope = 0);
};

}  // namespace platypus
