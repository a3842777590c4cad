#include "socket/address.h"

#include <arpa/inet.h>

#include <cstring>

namespace platypus {

std::optional<HostAddress> HostAddress::parse(const char* text) {
  HostAddress address{.family = static_cast<uint8_t>(std::strchr(text, ':') ? AF_INET6 : AF_INET)};
  if (inet_pton(address.family, text, address.bytes.data()) != 1) return std::nullopt;
  return address;
}

std::string HostAddress::text() const {
  char buffer[INET6_ADDRSTRLEN];
  if (size() == 0 || inet_ntop(family, bytes.data(), buffer, sizeof buffer) == nullptr) return "";
  return buffer;
}

HostAddress SocketAddress::address() const {
  HostAddress address;
  if (any.sa_family != AF_INET && any.sa_family != AF_INET6) return address;
  address.family = static_cast<uint8_t>(any.sa_family);
  if (any.sa_family == AF_INET) {
    std::memcpy(address.bytes.data(), &v4.sin_addr, sizeof v4.sin_addr);
  } else {
    std::memcpy(address.bytes.data(), &v6.sin6_addr, sizeof v6.sin6_addr);
  }
  return address;
}

SocketAddress SocketAddress::of(const HostAddress& address, Be16 port, uint32_t scope) {
  SocketAddress result{};
  if (address.family == AF_INET) {
    result.v4 = {};
    result.v4.sin_family = AF_INET;
    result.v4.sin_port = port.wire();
    std::memcpy(&result.v4.sin_addr, address.bytes.data(), sizeof result.v4.sin_addr);
  } else {
    result.v6 = {};
    result.v6.sin6_family = AF_INET6;
    result.v6.sin6_port = port.wire();
    std::memcpy(&result.v6.sin6_addr, address.bytes.data(), sizeof result.v6.sin6_addr);
    if (address.isLinkLocal() || address.isMulticast()) result.v6.sin6_scope_id = scope;
  }
  return result;
}

}  // namespace platypus
