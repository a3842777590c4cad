#include "clat/sockets.h"

#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>

#include "packet/checksum.h"
#include "socket/options.h"

namespace platypus::clat {
namespace {

OpenedSocket failed(int error, const char* syscall) {
  return {.socket = {}, .error = error, .syscall = syscall};
}

constexpr uint16_t kDnsPort = 53;

}  // namespace

OpenedSocket openIcmp6(const char* device) {
  OpenedSocket opened{
      Descriptor(::socket(AF_INET6, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_ICMPV6))};
  const int fd = opened.socket.fd();
  if (fd < 0) return failed(errno, "socket");
  struct icmp6_filter filter;
  ICMP6_FILTER_SETBLOCKALL(&filter);
  ICMP6_FILTER_SETPASS(ND_ROUTER_ADVERT, &filter);
  ICMP6_FILTER_SETPASS(ND_NEIGHBOR_ADVERT, &filter);
  ICMP6_FILTER_SETPASS(ND_NEIGHBOR_SOLICIT, &filter);
  if (setsockopt(fd, IPPROTO_ICMPV6, ICMP6_FILTER, &filter, sizeof filter) != 0) {
    return failed(errno, "setsockopt");
  }
  if (const int error = setSocketOption(fd, IPPROTO_IPV6, IPV6_RECVHOPLIMIT, 1)) {
    return failed(error, "setsockopt");
  }
  if (const int error = bindToDevice(fd, device)) return failed(error, "SO_BINDTODEVICE");
  return opened;
}

long receiveIcmp6(int fd, std::span<std::byte> buffer, Arrival& arrival) {
  struct sockaddr_in6 source = {};
  struct iovec part = {.iov_base = buffer.data(), .iov_len = buffer.size()};
  alignas(cmsghdr) char control[64];
  struct msghdr message = {};
  message.msg_name = &source;
  message.msg_namelen = sizeof source;
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  const ssize_t got = recvmsg(fd, &message, 0);
  if (got < 0) return -1;
  if ((message.msg_flags & MSG_TRUNC) != 0) return 0;
  std::memcpy(arrival.source.bytes.data(), &source.sin6_addr, 16);
  arrival.hop_limit = 0;
  for (cmsghdr* at = CMSG_FIRSTHDR(&message); at != nullptr; at = CMSG_NXTHDR(&message, at)) {
    if (at->cmsg_level == IPPROTO_IPV6 && at->cmsg_type == IPV6_HOPLIMIT) {
      std::memcpy(&arrival.hop_limit, CMSG_DATA(at), sizeof arrival.hop_limit);
    }
  }
  return got;
}

OpenedSocket openPacket() {
  // Protocol 0: nothing is received.
  OpenedSocket opened{Descriptor(::socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, 0))};
  return opened.socket ? std::move(opened) : failed(errno, "socket");
}

int sendToGroup(int fd, uint32_t index, std::span<const std::byte> packet) {
  struct sockaddr_ll to = {};
  to.sll_family = AF_PACKET;
  to.sll_protocol = Be16(ETHERTYPE_IPV6).wire();
  to.sll_ifindex = static_cast<int>(index);
  to.sll_halen = 6;
  // RFC 2464 §7: 33:33 and the last four octets of the group.
  to.sll_addr[0] = to.sll_addr[1] = 0x33;
  std::memcpy(to.sll_addr + 2, packet.data() + 36, 4);
  const ssize_t sent = sendto(fd, packet.data(), packet.size(), 0,
                              reinterpret_cast<const struct sockaddr*>(&to), sizeof to);
  return sent < 0 ? errno : 0;
}

OpenedSocket openDns(const char* device, uint32_t index, const Ipv6Address& resolver) {
  OpenedSocket opened{Descriptor(::socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0))};
  const int fd = opened.socket.fd();
  if (fd < 0) return failed(errno, "socket");
  if (const int error = bindToDevice(fd, device)) return failed(error, "SO_BINDTODEVICE");
  struct sockaddr_in6 to = {};
  to.sin6_family = AF_INET6;
  to.sin6_port = Be16(kDnsPort).wire();
  std::memcpy(&to.sin6_addr, resolver.bytes.data(), 16);
  if (resolver.isLinkLocal()) to.sin6_scope_id = index;
  if (connect(fd, reinterpret_cast<const struct sockaddr*>(&to), sizeof to) != 0) {
    return failed(errno, "connect");
  }
  return opened;
}

std::array<std::byte, 48> makeRouterSolicitation() {
  std::array<std::byte, 48> packet{};
  const Ipv6Address group{{0xff, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2}};
  packet[0] = std::byte{0x60};
  packet[5] = std::byte{8};
  packet[6] = std::byte{IPPROTO_ICMPV6};
  packet[7] = std::byte{255};
  std::memcpy(packet.data() + 24, group.bytes.data(), 16);
  packet[40] = std::byte{ND_ROUTER_SOLICIT};
  const Be16 checksum = finishSum(sumPseudoHeader(Ipv6Address{}, group, 8, IPPROTO_ICMPV6) +
                                  sumBytes(std::span(packet).subspan(40)));
  std::memcpy(packet.data() + 42, &checksum, 2);
  return packet;
}

}  // namespace platypus::clat
