// A packet's way in: the kernel puts the IPv4 header aside, its lengths are checked, options go,
// and what is left moves to the front. IPv6 comes without headers.
#include "ospf/raw_socket.h"

#include <netinet/ip.h>

#include <cerrno>
#include <cstring>
#include <new>

#include "packet/byte_order.h"
#include "socket/options.h"

namespace platypus {
namespace {

constexpr int kOspfProtocol = 89;
constexpr size_t kIpv4HeaderBytes = 20;
// RFC 2328 appendix A.1: precedence Internetwork Control; as DSCP, CS6.
constexpr uint8_t kTrafficClass = 0xc0;
// A database exchange of hundreds of LSAs while JavaScript is busy elsewhere.
constexpr int kBufferBytes = 1024 * 1024;

}  // namespace

std::optional<Ipv4Payload> ipv4Payload(const std::byte* header, size_t received) {
  if (received < kIpv4HeaderBytes || std::to_integer<int>(header[0] >> 4) != 4) return std::nullopt;
  const size_t header_length = std::to_integer<size_t>(header[0] & std::byte{0x0f}) * 4;
  const size_t total_length = load<Be16>(header + 2).host();
  if (header_length < kIpv4HeaderBytes || total_length < header_length || total_length > received) {
    return std::nullopt;
  }
  return Ipv4Payload{header_length - kIpv4HeaderBytes, total_length - header_length};
}

OspfSocket::Opened OspfSocket::open(const Options& options) {
  const bool known = options.family == 4 || options.family == 6;
  if (!known || options.slot_bytes == 0 || options.slot_bytes % 64 != 0 ||
      options.slot_bytes > kMostSlotBytes) {
    return {nullptr, EINVAL, "socket"};
  }
  std::unique_ptr<OspfSocket> socket(new (std::nothrow) OspfSocket());
  const size_t prefix = options.family == 4 ? kIpv4HeaderBytes : 0;
  if (!socket || !socket->batch_.take(options.slot_bytes, prefix)) return {nullptr, ENOMEM, "new"};
  socket->family_ = options.family == 4 ? AF_INET : AF_INET6;
  socket->interface_ = deviceIndex(options.device);
  if (socket->interface_ == 0) return {nullptr, ENODEV, "if_nametoindex"};
  const int type = SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK;
  socket->socket_ = Descriptor(::socket(socket->family_, type, kOspfProtocol));
  if (!socket->socket_) return {nullptr, errno, "socket"};
  if (const int error = socket->setOptions(options.device)) return {nullptr, error, "setsockopt"};
  return {std::move(socket), 0, ""};
}

// 0 or an errno.
int OspfSocket::setOptions(const char* device) {
  const int fd = socket_.fd();
  if (const int error = bindToDevice(fd, device)) return error;
  // What came before that, by any device.
  while (batch_.receive(fd) > 0) continue;
  // More than the system's limit needs CAP_NET_ADMIN; without it the limit is what we get.
  if (setSocketOption(fd, SOL_SOCKET, SO_RCVBUFFORCE, kBufferBytes) != 0) {
    (void)setSocketOption(fd, SOL_SOCKET, SO_RCVBUF, kBufferBytes);
  }
  const struct {
    int level, name, value;
  } v4[] = {{IPPROTO_IP, IP_PKTINFO, 1},
            {IPPROTO_IP, IP_MULTICAST_LOOP, 0},
            // Only the groups joined here, not those that other programs joined.
            {IPPROTO_IP, IP_MULTICAST_ALL, 0},
            {IPPROTO_IP, IP_MULTICAST_TTL, 1},
            {IPPROTO_IP, IP_TTL, 1},
            {IPPROTO_IP, IP_TOS, kTrafficClass},
            {IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DONT}},
    v6[] = {{IPPROTO_IPV6, IPV6_RECVPKTINFO, 1},
            {IPPROTO_IPV6, IPV6_MULTICAST_LOOP, 0},
            {IPPROTO_IPV6, IPV6_MULTICAST_ALL, 0},
            {IPPROTO_IPV6, IPV6_MULTICAST_HOPS, 1},
            {IPPROTO_IPV6, IPV6_UNICAST_HOPS, 1},
            {IPPROTO_IPV6, IPV6_TCLASS, kTrafficClass},
            {IPPROTO_IPV6, IPV6_MULTICAST_IF, static_cast<int>(interface_)}};
  for (const auto& each : family_ == AF_INET ? std::span(v4) : std::span(v6)) {
    if (const int error = setSocketOption(fd, each.level, each.name, each.value)) return error;
  }
  if (family_ == AF_INET6) return 0;
  ip_mreqn request{};
  request.imr_ifindex = static_cast<int>(interface_);
  return setsockopt(fd, IPPROTO_IP, IP_MULTICAST_IF, &request, sizeof request) == 0 ? 0 : errno;
}

int OspfSocket::changeGroup(const HostAddress& group, bool join) {
  if (fd() < 0) return EBADF;
  if (group.family != family_ || !group.isMulticast()) return EINVAL;
  if (family_ == AF_INET) {
    ip_mreqn request{};
    std::memcpy(&request.imr_multiaddr, group.bytes.data(), sizeof request.imr_multiaddr);
    request.imr_ifindex = static_cast<int>(interface_);
    const int name = join ? IP_ADD_MEMBERSHIP : IP_DROP_MEMBERSHIP;
    return setsockopt(fd(), IPPROTO_IP, name, &request, sizeof request) == 0 ? 0 : errno;
  }
  ipv6_mreq request{};
  std::memcpy(&request.ipv6mr_multiaddr, group.bytes.data(), sizeof request.ipv6mr_multiaddr);
  request.ipv6mr_interface = interface_;
  const int name = join ? IPV6_ADD_MEMBERSHIP : IPV6_DROP_MEMBERSHIP;
  return setsockopt(fd(), IPPROTO_IPV6, name, &request, sizeof request) == 0 ? 0 : errno;
}

OspfSocket::Batch OspfSocket::receive() {
  const size_t got = batch_.receive(fd());
  Batch batch{.count = 0, .full = got == kBatch};
  for (size_t slot = 0; slot < got; ++slot) {
    if (batch_.truncated(slot)) {
      ++counters_.truncated;
      continue;
    }
    Ipv4Payload payload{0, batch_.length(slot)};
    if (family_ == AF_INET) {
      const auto found = ipv4Payload(batch_.prefix(slot), batch_.length(slot));
      if (!found) {
        ++counters_.bad_header;
        continue;
      }
      payload = *found;
    }
    const size_t to = batch.count++;
    std::byte* from = batch_.slot(slot).data() + payload.options;
    if (from != batch_.slot(to).data()) {
      std::memmove(batch_.slot(to).data(), from, payload.length);
    }
    lengths_[to] = static_cast<int32_t>(payload.length);
    const Arrival arrival = batch_.arrival(slot);
    PeerRecord& peer = peers_[to];
    peer = {};
    peer.family = family_ == AF_INET ? 4 : 6;
    peer.address = batch_.from(slot).address().bytes;
    if (family_ == AF_INET6) peer.scope = Be32(batch_.from(slot).v6.sin6_scope_id);
    peer.local = arrival.destination.bytes;
    peer.interface = Be32(arrival.interface);
  }
  counters_.received += batch.count;
  return batch;
}

bool OspfSocket::send(std::span<const std::byte> packet, const HostAddress& destination) {
  if (fd() < 0) return false;
  int error = EINVAL;
  if (destination.family == family_) {
    const SocketAddress to = SocketAddress::of(destination, Be16(0), interface_);
    ssize_t sent;
    do {
      sent = sendto(fd(), packet.data(), packet.size(), MSG_DONTWAIT, &to.any, to.size());
    } while (sent < 0 && errno == EINTR);
    error = sent < 0 ? errno : 0;
  }
  const bool full = error == EAGAIN || error == ENOBUFS || error == ENOMEM;
  ++(error == 0 ? counters_.sent : full ? counters_.send_dropped : counters_.send_refused);
  return error == 0;
}

}  // namespace platypus
