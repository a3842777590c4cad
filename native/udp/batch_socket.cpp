// A datagram's way and its answer's:
//
//   1. open() binds the socket and lays out the memory that the kernel is to fill.
//   2. receive() takes up to 64 datagrams in one call. Those that no answer can go to, or that did
//      not fit, are counted and the rest moves together.
//   3. The user reads slots and peers, and writes answers into the send slots.
//   4. send() hands these to the kernel in one call, or in one more for each that it refuses.
#include "udp/batch_socket.h"

#include <netinet/ip.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <new>

namespace platypus {
namespace {

// As much as some ten thousand queries: what comes in while JavaScript is busy elsewhere.
constexpr int kBufferBytes = 8 * 1024 * 1024;

constexpr UdpPeer::Address kAnyAddress{};

bool isLinkLocal(const UdpPeer::Address& address) {
  return address[0] == std::byte{0xfe} && (address[1] & std::byte{0xc0}) == std::byte{0x80};
}

bool setOption(int fd, int level, int name, int value) {
  return setsockopt(fd, level, name, &value, sizeof value) == 0;
}

// More than the system's limit needs CAP_NET_ADMIN; without it the limit is what we get.
void askForBuffers(int fd) {
  if (!setOption(fd, SOL_SOCKET, SO_RCVBUFFORCE, kBufferBytes)) {
    (void)setOption(fd, SOL_SOCKET, SO_RCVBUF, kBufferBytes);
  }
  if (!setOption(fd, SOL_SOCKET, SO_SNDBUFFORCE, kBufferBytes)) {
    (void)setOption(fd, SOL_SOCKET, SO_SNDBUF, kBufferBytes);
  }
}

// The one control message of a send: `info`, in `control`.
template <typename Info>
void setPacketInfo(msghdr& header, void* control, int level, int type, const Info& info) {
  header.msg_control = control;
  header.msg_controllen = CMSG_SPACE(sizeof info);
  cmsghdr* message = CMSG_FIRSTHDR(&header);
  message->cmsg_level = level;
  message->cmsg_type = type;
  message->cmsg_len = CMSG_LEN(sizeof info);
  std::memcpy(CMSG_DATA(message), &info, sizeof info);
}

}  // namespace

BatchSocket::Opened BatchSocket::open(const Options& options) {
  const bool known = options.family == 4 || options.family == 6;
  if (!known || options.slot_bytes == 0 || options.slot_bytes % 64 != 0) {
    return {nullptr, EINVAL, "socket"};
  }
  std::unique_ptr<BatchSocket> socket(new (std::nothrow) BatchSocket());
  if (!socket) return {nullptr, ENOMEM, "new"};
  socket->family_ = options.family;
  if (const int error = socket->takeMemory(options.slot_bytes)) return {nullptr, error, "new"};
  socket->fd_ = ::socket(options.family == 4 ? AF_INET : AF_INET6,
                         SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (socket->fd_ < 0) return {nullptr, errno, "socket"};
  if (const int error = socket->setOptions(options.reuse_port)) {
    return {nullptr, error, "setsockopt"};
  }
  if (const int error = socket->bindTo(options)) return {nullptr, error, "bind"};
  return {std::move(socket), 0, ""};
}

int BatchSocket::takeMemory(size_t slotBytes) {
  // Zeroed, as the receive slots are.
  to_send_.reset(new (std::nothrow) std::byte[kBatch * kSendBytes]());
  return to_send_ && received_.take(slotBytes) ? 0 : ENOMEM;
}

// 0 or an errno.
int BatchSocket::setOptions(bool reusePort) {
  askForBuffers(fd_);
  if (reusePort && !setOption(fd_, SOL_SOCKET, SO_REUSEPORT, 1)) return errno;
  // RFC 9715 §3.1: path MTU discovery lets anybody who forges an ICMP message choose the size at
  // which answers are fragmented, and fragments are easily replaced. So neither DF nor what ICMP
  // says: the device's own MTU bounds.
  if (family_ == 4) {
    return setOption(fd_, IPPROTO_IP, IP_PKTINFO, 1) &&
                   setOption(fd_, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_OMIT)
               ? 0
               : errno;
  }
  return setOption(fd_, IPPROTO_IPV6, IPV6_V6ONLY, 1) &&
                 setOption(fd_, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1) &&
                 setOption(fd_, IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_OMIT)
             ? 0
             : errno;
}

// 0 or an errno.
int BatchSocket::bindTo(const Options& options) {
  SocketAddress address{};
  socklen_t length = sizeof address.v4;
  if (family_ == 4) {
    address.v4.sin_family = AF_INET;
    address.v4.sin_port = options.port.wire();
    std::memcpy(&address.v4.sin_addr, options.address.data(), sizeof address.v4.sin_addr);
  } else {
    length = sizeof address.v6;
    address.v6.sin6_family = AF_INET6;
    address.v6.sin6_port = options.port.wire();
    std::memcpy(&address.v6.sin6_addr, options.address.data(), sizeof address.v6.sin6_addr);
  }
  if (bind(fd_, &address.any, length) != 0) return errno;
  if (getsockname(fd_, &address.any, &length) != 0) return errno;
  port_ = Be16::fromWire(family_ == 4 ? address.v4.sin_port : address.v6.sin6_port);
  return 0;
}

void BatchSocket::close() {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

BatchSocket::Batch BatchSocket::receive() {
  const size_t got = received_.receive(fd_);
  Batch batch{.count = 0, .full = got == kBatch};
  for (size_t slot = 0; slot < got; ++slot) {
    if (received_.truncated(slot)) {
      ++counters_.truncated;
      continue;
    }
    const UdpPeer peer = peerOf(slot);
    if (peer.port == Be16(0)) {
      ++counters_.bad_source;
      continue;
    }
    const size_t to = batch.count++;
    if (to != slot) {
      std::memcpy(received_.slot(to).data(), received_.slot(slot).data(), received_.length(slot));
    }
    received_lengths_[to] = static_cast<int32_t>(received_.length(slot));
    received_peers_[to] = peer;
  }
  counters_.received += batch.count;
  return batch;
}

UdpPeer BatchSocket::peerOf(size_t slot) const {
  UdpPeer peer;
  peer.family = family_;
  const SocketAddress& from = received_.from(slot);
  peer.port = from.port();
  peer.address = from.address().bytes;
  if (family_ == 6) peer.scope = Be32(from.v6.sin6_scope_id);
  const Arrival arrival = received_.arrival(slot);
  peer.local = arrival.answer_from.bytes;
  peer.interface = Be32(arrival.interface);
  return peer;
}

void BatchSocket::send(size_t count) {
  if (fd_ < 0) return;
  size_t ready = 0;
  for (size_t slot = 0; slot < std::min(count, kBatch); ++slot) {
    if (prepareSend(slot, ready)) {
      ++ready;
    } else {
      ++counters_.send_refused;
    }
  }
  for (size_t done = 0; done < ready;) {
    const auto left = static_cast<unsigned>(ready - done);
    const int sent = sendmmsg(fd_, &out_[done], left, MSG_DONTWAIT);
    if (sent > 0) {
      // It stops before one that is refused, and tells why when asked to send that one.
      counters_.sent += static_cast<uint64_t>(sent);
      done += static_cast<size_t>(sent);
      continue;
    }
    if (errno == EINTR) continue;
    if (errno == EAGAIN || errno == ENOBUFS || errno == ENOMEM) {
      counters_.send_dropped += left;
      return;
    }
    ++counters_.send_refused;
    ++done;
  }
}

// Makes message number `message` of the answer in `slot`. False for what cannot be sent.
bool BatchSocket::prepareSend(size_t slot, size_t message) {
  const UdpPeer& peer = to_send_peers_[slot];
  const int32_t length = to_send_lengths_[slot];
  if (peer.family != family_ || length < 0 || static_cast<size_t>(length) > kSendBytes) {
    return false;
  }
  out_bytes_[message] = {to_send_.get() + slot * kSendBytes, static_cast<size_t>(length)};
  msghdr& header = out_[message].msg_hdr;
  header = {};
  header.msg_iov = &out_bytes_[message];
  header.msg_iovlen = 1;
  SocketAddress& to = out_address_[message];
  header.msg_name = &to;
  // RFC 2181 §4.1: from the address that was asked. The interface is named only where the address
  // means nothing without it; elsewhere it would overrule the routing table.
  void* control = &out_control_[message];
  if (family_ == 4) {
    to.v4 = {};
    to.v4.sin_family = AF_INET;
    to.v4.sin_port = peer.port.wire();
    std::memcpy(&to.v4.sin_addr, peer.address.data(), sizeof to.v4.sin_addr);
    header.msg_namelen = sizeof to.v4;
    if (peer.local == kAnyAddress) return true;
    in_pktinfo info{};
    std::memcpy(&info.ipi_spec_dst, peer.local.data(), sizeof info.ipi_spec_dst);
    setPacketInfo(header, control, IPPROTO_IP, IP_PKTINFO, info);
  } else {
    to.v6 = {};
    to.v6.sin6_family = AF_INET6;
    to.v6.sin6_port = peer.port.wire();
    to.v6.sin6_scope_id = peer.scope.host();
    std::memcpy(&to.v6.sin6_addr, peer.address.data(), sizeof to.v6.sin6_addr);
    header.msg_namelen = sizeof to.v6;
    if (peer.local == kAnyAddress) return true;
    in6_pktinfo info{};
    std::memcpy(&info.ipi6_addr, peer.local.data(), sizeof info.ipi6_addr);
    if (isLinkLocal(peer.local)) info.ipi6_ifindex = peer.interface.host();
    setPacketInfo(header, control, IPPROTO_IPV6, IPV6_PKTINFO, info);
  }
  return true;
}

}  // namespace platypus
