#include "netlink/monitor.h"

#include <linux/netfilter/nfnetlink.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

namespace platypus::netlink {
namespace {

// Datagrams at a time; more wait for the next turn of the event loop.
constexpr int kDatagrams = 64;

void visitAll(Bytes datagram, Visitor& visitor) {
  while (const auto header = read<nlmsghdr>(datagram)) {
    if (header->nlmsg_len < sizeof(nlmsghdr) || header->nlmsg_len > datagram.size()) return;
    visitor.visit({header->nlmsg_type, header->nlmsg_flags,
                   datagram.first(header->nlmsg_len).subspan(sizeof(nlmsghdr))});
    datagram = datagram.subspan(std::min(aligned(header->nlmsg_len), datagram.size()));
  }
}

}  // namespace

Status Monitor::open() {
  return open(NETLINK_ROUTE, RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV4_ROUTE |
                                 RTMGRP_IPV6_IFADDR | RTMGRP_IPV6_ROUTE | RTMGRP_IPV6_IFINFO);
}

Status Monitor::openTables() {
  return open(NETLINK_NETFILTER, 1u << (NFNLGRP_NFTABLES - 1));
}

Status Monitor::open(int protocol, uint32_t groups) {
  close();
  Descriptor opened(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol));
  if (!opened) return Status::failed(errno);
  const struct sockaddr_nl self = {
      .nl_family = AF_NETLINK, .nl_pad = 0, .nl_pid = 0, .nl_groups = groups};
  if (bind(opened.fd(), reinterpret_cast<const struct sockaddr*>(&self), sizeof self) != 0) {
    return Status::failed(errno);
  }
  socket_ = std::move(opened);
  return {};
}

bool Monitor::drain(bool (*concerns)(const Message&)) {
  struct Asker final : Visitor {
    void visit(const Message& message) override { concerned = concerned || concerns(message); }
    bool (*concerns)(const Message&);
    bool concerned = false;
  } asker;
  asker.concerns = concerns;
  const bool lost = drain(asker);
  return lost || asker.concerned;
}

bool Monitor::drain(Visitor& visitor) {
  bool lost = false;
  for (int i = 0; i < kDatagrams; ++i) {
    struct sockaddr_nl sender = {};
    struct iovec part = {.iov_base = buffer_.data(), .iov_len = buffer_.size()};
    struct msghdr message = {};
    message.msg_name = &sender;
    message.msg_namelen = sizeof sender;
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    const ssize_t got = recvmsg(socket_.fd(), &message, 0);
    if (got < 0) {
      if (errno == EINTR) continue;
      // Messages were lost.
      if (errno != ENOBUFS) return lost;
      lost = true;
      continue;
    }
    if (sender.nl_pid != 0) continue;
    const bool truncated = (message.msg_flags & MSG_TRUNC) != 0;
    lost = lost || truncated;
    visitAll(Bytes(buffer_).first(static_cast<size_t>(got)), visitor);
  }
  return lost;
}

}  // namespace platypus::netlink
