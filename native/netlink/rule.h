// Rules of policy routing: which table a packet is looked up in. linux/fib_rules.h.
#pragma once

#include "netlink/socket.h"

namespace platypus::netlink {

/// Packets that come in by a device go by a table.
struct RuleSpec {
  /// AF_INET or AF_INET6.
  uint8_t family = AF_INET6;
  /// Name of the device, which need not exist.
  const char* incoming = "";
  uint32_t table = 0;
  /// Lower ones are asked first; the main table has 32766.
  uint32_t priority = 0;
};

/// EEXIST, EPERM.
Status addRule(Socket& socket, const RuleSpec& rule);

/// ENOENT when there is none.
Status removeRule(Socket& socket, const RuleSpec& rule);

}  // namespace platypus::netlink
