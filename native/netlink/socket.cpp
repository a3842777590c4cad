// A request's way: number it, send it, read datagrams until its reply has ended.
#include "netlink/socket.h"

#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <new>

namespace platypus::netlink {
namespace {

// The kernel fills datagrams of a dump up to 32 KiB when the reader offers that much
// (netlink_recvmsg in af_netlink.c); a single message with hundreds of next hops may exceed it.
constexpr size_t kBufferBytes = 64 * 1024;
constexpr std::chrono::seconds kTimeout{5};

// Absent from headers before Linux 4.20.
constexpr int kNetlinkGetStrictCheck = 12;  // NETLINK_GET_STRICT_CHK

}  // namespace

Status Socket::open() {
  close();
  if (!buffer_) buffer_.reset(new (std::nothrow) std::byte[kBufferBytes]);
  if (!buffer_) return Status::failed(ENOMEM);
  fd_ = ::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
  if (fd_ < 0) return Status::failed(errno);

  const int on = 1;
  // Each is a courtesy that older kernels do without: the kernel's words with an error, short
  // acknowledgements, and dumps that the kernel filters by table instead of us.
  (void)setsockopt(fd_, SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof on);
  (void)setsockopt(fd_, SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof on);
  (void)setsockopt(fd_, SOL_NETLINK, kNetlinkGetStrictCheck, &on, sizeof on);
  const struct timeval timeout = {.tv_sec = kTimeout.count(), .tv_usec = 0};
  const struct sockaddr_nl self = {
      .nl_family = AF_NETLINK, .nl_pad = 0, .nl_pid = 0, .nl_groups = 0};
  if (setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout) != 0 ||
      bind(fd_, reinterpret_cast<const struct sockaddr*>(&self), sizeof self) != 0) {
    const int error = errno;
    close();
    return Status::failed(error);
  }
  return {};
}

void Socket::close() {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

Status Socket::change(Request& request) {
  struct Nothing final : Visitor {
    void visit(const Message&) override {}
  } nothing;
  bool interrupted = false;
  return exchange(request, nothing, interrupted);
}

Status Socket::exchange(Request& request, Visitor& visitor, bool& interrupted) {
  if (fd_ < 0) return Status::failed(EBADF);
  if (request.overflow()) return Status::failed(EMSGSIZE);
  const Bytes message = request.finish(++sequence_);
  const struct sockaddr_nl kernel = {
      .nl_family = AF_NETLINK, .nl_pad = 0, .nl_pid = 0, .nl_groups = 0};
  ssize_t sent;
  do {
    sent = sendto(fd_, message.data(), message.size(), 0,
                  reinterpret_cast<const struct sockaddr*>(&kernel), sizeof kernel);
  } while (sent < 0 && errno == EINTR);
  if (sent < 0) return Status::failed(errno);

  // A deadline besides the socket's time-out, which strangers' datagrams would start over each
  // time.
  const auto deadline = std::chrono::steady_clock::now() + kTimeout;
  Progress progress;
  do {
    Bytes datagram;
    const Status status = receive(datagram);
    if (!status) return status;
    const bool interrupted_before = progress.interrupted;
    progress = readReply(datagram, sequence_, visitor);
    progress.interrupted |= interrupted_before;
    if (!progress.finished && datagram.empty() && std::chrono::steady_clock::now() > deadline) {
      return Status::failed(ETIMEDOUT);
    }
  } while (!progress.finished);
  interrupted = progress.interrupted;
  return progress.status;
}

// Reads one datagram of the kernel into buffer_; another sender's gives an empty one.
Status Socket::receive(Bytes& datagram) {
  struct sockaddr_nl sender = {};
  struct iovec part = {.iov_base = buffer_.get(), .iov_len = kBufferBytes};
  struct msghdr message = {};
  message.msg_name = &sender;
  message.msg_namelen = sizeof sender;
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  ssize_t got;
  do {
    got = recvmsg(fd_, &message, 0);
  } while (got < 0 && errno == EINTR);
  if (got < 0) {
    return Status::failed(errno == EAGAIN || errno == EWOULDBLOCK ? ETIMEDOUT : errno);
  }
  if ((message.msg_flags & MSG_TRUNC) != 0) return Status::failed(EMSGSIZE);
  // Any process may send to our port id; only the kernel has 0.
  if (sender.nl_pid == 0) datagram = {buffer_.get(), static_cast<size_t>(got)};
  return {};
}

}  // namespace platypus::netlink
