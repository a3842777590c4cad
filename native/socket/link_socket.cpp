#include "socket/link_socket.h"

#include <linux/filter.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>

#include "packet/byte_order.h"
#include "socket/options.h"

namespace platypus {
namespace {

OpenedSocket failed(int error, const char* syscall) {
  return {.socket = {}, .error = error, .syscall = syscall};
}

sockaddr_ll addressOn(uint32_t index, uint16_t ether_type) {
  sockaddr_ll address = {};
  address.sll_family = AF_PACKET;
  address.sll_protocol = Be16(ether_type).wire();
  address.sll_ifindex = static_cast<int>(index);
  return address;
}

// A load beyond the end of a packet ends the program with 0: not for us.
int attachFilter(int fd, std::span<const LinkSocket::Match> matches) {
  std::array<sock_filter, 3 * LinkSocket::kMostMatches + 2> program{};
  size_t at = 0;
  const size_t drop = 3 * matches.size() + 1;
  for (const LinkSocket::Match& match : matches) {
    program[at++] = BPF_STMT(BPF_LD | BPF_W | BPF_ABS, match.offset);
    program[at++] = BPF_STMT(BPF_ALU | BPF_AND | BPF_K, match.mask);
    const auto skip = static_cast<uint8_t>(drop - at - 1);
    program[at++] = BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, match.value & match.mask, 0, skip);
  }
  program[at++] = BPF_STMT(BPF_RET | BPF_K, 0xffff);
  program[at++] = BPF_STMT(BPF_RET | BPF_K, 0);
  const sock_fprog filter{.len = static_cast<uint16_t>(at), .filter = program.data()};
  return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof filter) == 0 ? 0 : errno;
}

}  // namespace

OpenedSocket LinkSocket::open(const char* device, uint16_t ether_type,
                              std::span<const Match> matches) {
  if (matches.size() > kMostMatches) return failed(EINVAL, "SO_ATTACH_FILTER");
  // Protocol 0: nothing arrives before the filter is there.
  OpenedSocket opened{
      Descriptor(::socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0))};
  const int fd = opened.socket.fd();
  if (fd < 0) return failed(errno, "socket");
  if (const int error = attachFilter(fd, matches)) return failed(error, "SO_ATTACH_FILTER");
  const uint32_t index = deviceIndex(device);
  if (index == 0) return failed(ENODEV, "bind");
  const sockaddr_ll address = addressOn(index, ether_type);
  if (bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    return failed(errno, "bind");
  }
  return opened;
}

long LinkSocket::receive(int fd, std::span<std::byte, kMostBytes> buffer, LinkAddress& source) {
  sockaddr_ll from = {};
  socklen_t size = sizeof from;
  const ssize_t got = recvfrom(fd, buffer.data(), buffer.size(), MSG_TRUNC,
                               reinterpret_cast<sockaddr*>(&from), &size);
  if (got < 0) return -1;
  if (static_cast<size_t>(got) > buffer.size() || from.sll_pkttype == PACKET_OUTGOING) return 0;
  std::memcpy(source.data(), from.sll_addr, source.size());
  return got;
}

int LinkSocket::send(int fd, const char* device, uint16_t ether_type,
                     std::span<const std::byte> packet, const LinkAddress& destination) {
  sockaddr_ll to = addressOn(deviceIndex(device), ether_type);
  if (to.sll_ifindex == 0) return ENODEV;
  to.sll_halen = static_cast<uint8_t>(destination.size());
  std::memcpy(to.sll_addr, destination.data(), destination.size());
  const ssize_t sent = sendto(fd, packet.data(), packet.size(), 0,
                              reinterpret_cast<const sockaddr*>(&to), sizeof to);
  return sent < 0 ? errno : 0;
}

}  // namespace platypus
