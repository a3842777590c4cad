// Addresses for tests of devices: from text, and when the kernel is ready to use them.
#pragma once

#include <arpa/inet.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <thread>
#include <vector>

#include "netlink/netlink.h"

namespace platypus::test {

/// `text` as an address of either family; AF_UNSPEC when it is none.
inline netlink::IpAddress ip(const char* text) {
  netlink::IpAddress address;
  const bool v6 = std::strchr(text, ':') != nullptr;
  if (inet_pton(v6 ? AF_INET6 : AF_INET, text, address.bytes.data()) == 1) {
    address.family = v6 ? AF_INET6 : AF_INET;
  }
  return address;
}

/// Waits, five seconds at most, until no address of the namespace is tentative.
inline bool waitUntilUsable(netlink::Netlink& netlink) {
  using namespace std::chrono_literals;
  const auto end = std::chrono::steady_clock::now() + 5s;
  while (std::chrono::steady_clock::now() < end) {
    std::vector<netlink::InterfaceAddress> rows;
    if (!netlink.addresses(rows)) return false;
    if (std::none_of(rows.begin(), rows.end(), [](const auto& row) { return row.tentative; })) {
      return true;
    }
    std::this_thread::sleep_for(1ms);
  }
  return false;
}

}  // namespace platypus::test
