// A datagram's way and its answer's:
//
//   1. open() binds the socket, connects it where it is a client's, and lays out the memory that
//      the kernel is to fill.
//   2. receive() takes up to 64 datagrams in one call. Those that no answer can go to, or that did
//      not fit, are counted and the rest moves together.
//   3. The user reads slots and peers, and writes answers into the send slots.
//   4. send() hands these to the kernel in one call, or in one more for each that it refuses.
#include "udp/batch_socket.h"

#include <linux/sock_diag.h>
#include <netinet/ip.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <new>

#include "socket/descriptor.h"
#include "socket/options.h"

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

std::shared_ptr<BatchMemory> BatchMemory::take(size_t slotBytes) {
  std::shared_ptr<BatchMemory> memory(new (std::nothrow) BatchMemory());
  if (!memory) return nullptr;
  // Zeroed, as the receive slots are.
  memory->to_send.reset(new (std::nothrow) std::byte[kBatch * kSendBytes]());
  return memory->to_send && memory->received.take(slotBytes) ? memory : nullptr;
}

BatchSocket::Opened BatchSocket::open(const Options& options) {
  const bool known = options.family == 4 || options.family == 6;
  if (!known || options.slot_bytes == 0 || options.slot_bytes % 64 != 0) {
    return {nullptr, EINVAL, "socket"};
  }
  std::unique_ptr<BatchSocket> socket(new (std::nothrow) BatchSocket());
  if (!socket) return {nullptr, ENOMEM, "new"};
  socket->family_ = options.family;
  socket->memory_ = options.memory ? options.memory : BatchMemory::take(options.slot_bytes);
  if (!socket->memory_) return {nullptr, ENOMEM, "new"};
  socket->remote_ = options.remote;
  socket->remote_port_ = options.remote_port;
  socket->fd_ = ::socket(options.family == 4 ? AF_INET : AF_INET6,
                         SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (socket->fd_ < 0) return {nullptr, errno, "socket"};
  if (const int error = socket->setOptions(options)) {
    return {nullptr, error, "setsockopt"};
  }
  if (const int error = socket->bindTo(options)) return {nullptr, error, "bind"};
  if (const int error = socket->connectTo(options)) return {nullptr, error, "connect"};
  if (const int error = socket->readName()) return {nullptr, error, "getsockname"};
  return {std::move(socket), 0, ""};
}

HostAddress BatchSocket::hostAddress(const UdpPeer::Address& bytes) const {
  const auto family = static_cast<uint8_t>(family_ == 4 ? AF_INET : AF_INET6);
  return {.family = family, .bytes = bytes};
}

// 0 or an errno.
int BatchSocket::setOptions(const Options& options) {
  // What a client waits for fits into what the kernel gives by itself, and it has many sockets.
  if (!connected()) askForBuffers(fd_);
  if (options.reuse_port && !setOption(fd_, SOL_SOCKET, SO_REUSEPORT, 1)) return errno;
  if (!options.device.empty()) {
    if (const int error = bindToDevice(fd_, options.device.c_str())) return error;
  }
  // RFC 9715 §3.1: path MTU discovery lets anybody who forges an ICMP message choose the size at
  // which answers are fragmented, and fragments are easily replaced. So neither DF nor what ICMP
  // says: the device's own MTU bounds. A socket that asks for the path MTU is there to find it out.
  static_assert(IP_PMTUDISC_OMIT == IPV6_PMTUDISC_OMIT && IP_PMTUDISC_DONT == IPV6_PMTUDISC_DONT &&
                IP_PMTUDISC_PROBE == IPV6_PMTUDISC_PROBE);
  discovery_ = options.path_mtu ? IP_PMTUDISC_DONT : IP_PMTUDISC_OMIT;
  if (family_ == 4) {
    return (connected() || setOption(fd_, IPPROTO_IP, IP_PKTINFO, 1)) &&
                   setOption(fd_, IPPROTO_IP, IP_MTU_DISCOVER, discovery_)
               ? 0
               : errno;
  }
  return setOption(fd_, IPPROTO_IPV6, IPV6_V6ONLY, 1) &&
                 (connected() || setOption(fd_, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1)) &&
                 setOption(fd_, IPPROTO_IPV6, IPV6_MTU_DISCOVER, discovery_)
             ? 0
             : errno;
}

// 0 or an errno.
int BatchSocket::bindTo(const Options& options) {
  const auto address = SocketAddress::of(hostAddress(options.address), options.port);
  return bind(fd_, &address.any, address.size()) == 0 ? 0 : errno;
}

// 0 or an errno.
int BatchSocket::connectTo(const Options& options) {
  if (!connected()) return 0;
  const auto address = SocketAddress::of(hostAddress(options.remote), options.remote_port);
  return connect(fd_, &address.any, address.size()) == 0 ? 0 : errno;
}

// What the kernel has chosen. 0 or an errno.
int BatchSocket::readName() {
  SocketAddress address{};
  socklen_t length = sizeof address;
  if (getsockname(fd_, &address.any, &length) != 0) return errno;
  address_ = address.address();
  port_ = address.port();
  return 0;
}

void BatchSocket::close() {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

const BatchSocketCounters& BatchSocket::counters() {
  std::array<uint32_t, SK_MEMINFO_VARS> memory{};
  socklen_t length = sizeof memory;
  // Fails where the socket is closed; then what was known stays.
  if (getsockopt(fd_, SOL_SOCKET, SO_MEMINFO, memory.data(), &length) == 0) {
    const uint32_t drops = memory[SK_MEMINFO_DROPS];
    counters_.receive_dropped += drops - kernel_drops_;
    kernel_drops_ = drops;
  }
  return counters_;
}

BatchSocket::Batch BatchSocket::receive() {
  BatchMemory& memory = *memory_;
  ReceiveBatch& received = memory.received;
  errno = 0;
  const size_t got = received.receive(fd_);
  Batch batch{.count = 0, .full = got == kBatch, .error = 0};
  if (got == 0 && connected() && errno != EAGAIN && errno != EINTR) batch.error = errno;
  for (size_t slot = 0; slot < got; ++slot) {
    if (received.truncated(slot)) {
      ++counters_.truncated;
      continue;
    }
    const UdpPeer peer = peerOf(slot);
    if (peer.port == Be16(0) || (connected() && !isRemote(peer))) {
      ++counters_.bad_source;
      continue;
    }
    const size_t to = batch.count++;
    if (to != slot) {
      std::memcpy(received.slot(to).data(), received.slot(slot).data(), received.length(slot));
    }
    memory.received_lengths[to] = static_cast<int32_t>(received.length(slot));
    memory.received_peers[to] = peer;
  }
  counters_.received += batch.count;
  return batch;
}

// Between bind and connect the kernel takes datagrams from everybody.
bool BatchSocket::isRemote(const UdpPeer& peer) const {
  return peer.port == remote_port_ && peer.address == remote_;
}

UdpPeer BatchSocket::peerOf(size_t slot) const {
  UdpPeer peer;
  peer.family = family_;
  const SocketAddress& from = memory_->received.from(slot);
  peer.port = from.port();
  peer.address = from.address().bytes;
  if (family_ == 6) peer.scope = Be32(from.v6.sin6_scope_id);
  const Arrival arrival = memory_->received.arrival(slot);
  peer.local = arrival.answer_from.bytes;
  peer.interface = Be32(arrival.interface);
  return peer;
}

size_t BatchSocket::send(size_t count, Manner manner) {
  if (fd_ < 0) return 0;
  const bool plain = !manner.dont_fragment && !manner.no_checksum;
  if (plain) return sendSlots(count);
  // Linux knows both for a socket only, not for a datagram.
  if (!setManner(manner)) {
    counters_.send_refused += count;
    return count;
  }
  const size_t refused = sendSlots(count);
  (void)setManner({});
  return refused;
}

bool BatchSocket::setManner(Manner manner) {
  const int discovery = manner.dont_fragment ? IP_PMTUDISC_PROBE : discovery_;
  const bool set = family_ == 4 ? setOption(fd_, IPPROTO_IP, IP_MTU_DISCOVER, discovery)
                                : setOption(fd_, IPPROTO_IPV6, IPV6_MTU_DISCOVER, discovery);
  return setOption(fd_, SOL_SOCKET, SO_NO_CHECK, manner.no_checksum ? 1 : 0) && set;
}

size_t BatchSocket::sendSlots(size_t count) {
  size_t ready = 0;
  size_t refused = 0;
  for (size_t slot = 0; slot < std::min(count, kBatch); ++slot) {
    if (prepareSend(slot, ready)) {
      ++ready;
    } else {
      ++refused;
    }
  }
  for (size_t done = 0; done < ready;) {
    const auto left = static_cast<unsigned>(ready - done);
    const int sent = sendmmsg(fd_, &memory_->out[done], left, MSG_DONTWAIT);
    if (sent > 0) {
      // It stops before one that is refused, and tells why when asked to send that one.
      counters_.sent += static_cast<uint64_t>(sent);
      done += static_cast<size_t>(sent);
      continue;
    }
    if (errno == EINTR) continue;
    if (errno == EAGAIN || errno == ENOBUFS || errno == ENOMEM) {
      counters_.send_dropped += left;
      break;
    }
    ++refused;
    ++done;
  }
  counters_.send_refused += refused;
  return refused;
}

// Makes message number `message` of the answer in `slot`. False for what cannot be sent.
bool BatchSocket::prepareSend(size_t slot, size_t message) {
  BatchMemory& memory = *memory_;
  const UdpPeer& peer = memory.to_send_peers[slot];
  const int32_t length = memory.to_send_lengths[slot];
  if (length < 0 || static_cast<size_t>(length) > kSendBytes) return false;
  memory.out_bytes[message] = {memory.to_send.get() + slot * kSendBytes,
                               static_cast<size_t>(length)};
  msghdr& header = memory.out[message].msg_hdr;
  header = {};
  header.msg_iov = &memory.out_bytes[message];
  header.msg_iovlen = 1;
  if (connected()) return true;
  if (peer.family != family_) return false;
  SocketAddress& to = memory.out_address[message];
  header.msg_name = &to;
  // RFC 2181 §4.1: from the address that was asked. The interface is named only where the address
  // means nothing without it; elsewhere it would overrule the routing table.
  void* control = &memory.out_control[message];
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

PathMtu pathMtuTo(const HostAddress& remote, const HostAddress* local, const std::string& device) {
  const bool v4 = remote.family == AF_INET;
  const Descriptor socket(::socket(remote.family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const int fd = socket.fd();
  if (fd < 0) return {0, errno, "socket"};
  if (!device.empty()) {
    if (const int error = bindToDevice(fd, device.c_str())) return {0, error, "setsockopt"};
  }
  if (local != nullptr) {
    const auto address = SocketAddress::of(*local, Be16(0));
    if (bind(fd, &address.any, address.size()) != 0) return {0, errno, "bind"};
  }
  // Any port: nothing is sent.
  const auto address = SocketAddress::of(remote, Be16(9));
  if (connect(fd, &address.any, address.size()) != 0) return {0, errno, "connect"};
  PathMtu found;
  socklen_t length = sizeof found.bytes;
  const int read = v4 ? getsockopt(fd, IPPROTO_IP, IP_MTU, &found.bytes, &length)
                      : getsockopt(fd, IPPROTO_IPV6, IPV6_MTU, &found.bytes, &length);
  return read == 0 ? found : PathMtu{0, errno, "getsockopt"};
}

}  // namespace platypus
