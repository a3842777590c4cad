// Notifications of the kernel about devices, addresses and routes (linux/rtnetlink.h), or about its
// firewall's tables (linux/netfilter/nf_tables.h): a netlink socket beside the one that asks.
//
// The kernel does not tell of everything: IPv4 routes that go with their device or with the last
// address of it go silently, and a full socket buffer loses messages. So a notification is a reason
// to look again, and never the news itself.
//
// Ownership: one thread.
#pragma once

#include <array>
#include <cstdint>

#include "netlink/message.h"
#include "socket/descriptor.h"

namespace platypus::netlink {

class Monitor {
 public:
  /// Opens a non-blocking socket in the network namespace of the calling thread; no privileges.
  Status open();
  /// The same for changes of nftables. Needs CAP_NET_ADMIN; the kernel loads nftables for it.
  Status openTables();
  void close() { socket_.close(); }
  /// For poll(2); -1 before open().
  int fd() const { return socket_.fd(); }

  /// Reads what is there, a bounded part of it, and shows each message to `visitor`: true when
  /// messages were lost.
  bool drain(Visitor& visitor);
  /// The same: true when a message was one that `concerns` says true of, or when messages were
  /// lost.
  bool drain(bool (*concerns)(const Message&));

 private:
  Status open(int protocol, uint32_t groups);

  Descriptor socket_;
  alignas(nlmsghdr) std::array<std::byte, 16 * 1024> buffer_;
};

}  // namespace platypus::netlink
