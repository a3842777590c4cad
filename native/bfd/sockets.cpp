#include "bfd/sockets.h"

#include <sys/random.h>

#include <cerrno>

#include "socket/options.h"

namespace platypus::bfd {
namespace {

// Ports tried of 16,384, of which few are in use.
constexpr int kTries = 256;
constexpr uint8_t kTrafficClass = 0xc0;

OpenedSocket failed(int error, const char* syscall) {
  return {Descriptor(), error, syscall};
}

OpenedSocket openUdp(int family, const std::string& device) {
  OpenedSocket opened{Descriptor(socket(family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0))};
  if (!opened.socket) return failed(errno, "socket");
  const int fd = opened.socket.fd();
  if (family == AF_INET6) {
    if (const int error = setSocketOption(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1)) {
      return failed(error, "setsockopt");
    }
  }
  if (!device.empty()) {
    if (const int error = bindToDevice(fd, device.c_str())) return failed(error, "setsockopt");
  }
  return opened;
}

int bindTo(int fd, const HostAddress& address, uint16_t port, uint32_t scope) {
  const SocketAddress to = SocketAddress::of(address, Be16(port), scope);
  return bind(fd, &to.any, to.size()) == 0 ? 0 : errno;
}

}  // namespace

OpenedSocket openReceiver(int family, const std::string& device) {
  OpenedSocket opened = openUdp(family, device);
  if (!opened.socket) return opened;
  const int fd = opened.socket.fd();
  const bool v4 = family == AF_INET;
  int error = v4 ? setSocketOption(fd, IPPROTO_IP, IP_RECVTTL, 1)
                 : setSocketOption(fd, IPPROTO_IPV6, IPV6_RECVHOPLIMIT, 1);
  // A socket for one device beside the one for all.
  if (error == 0) error = setSocketOption(fd, SOL_SOCKET, SO_REUSEADDR, 1);
  if (error != 0) return failed(error, "setsockopt");
  const HostAddress any{.family = static_cast<uint8_t>(family)};
  if ((error = bindTo(fd, any, kControlPort, 0)) != 0) return failed(error, "bind");
  return opened;
}

OpenedSocket openSender(const HostAddress& local, const std::string& device,
                        std::set<uint16_t>& taken, uint16_t& port) {
  OpenedSocket opened = openUdp(local.family, device);
  if (!opened.socket) return opened;
  const int fd = opened.socket.fd();
  int error = setHopLimit(fd, local.family, kHopLimit);
  if (error == 0) error = setTrafficClass(fd, local.family, kTrafficClass);
  // Nobody reads it: the least that the kernel allows.
  if (error == 0) error = setSocketOption(fd, SOL_SOCKET, SO_RCVBUF, 1);
  if (error != 0) return failed(error, "setsockopt");
  const uint32_t scope = device.empty() ? 0 : deviceIndex(device.c_str());
  uint16_t start = 0;
  if (getrandom(&start, sizeof start, 0) != sizeof start) return failed(errno, "getrandom");
  error = EADDRINUSE;
  for (int i = 0; i < kTries && error == EADDRINUSE; ++i) {
    port = static_cast<uint16_t>(kLeastSourcePort + (start + i) % (65'536 - kLeastSourcePort));
    if (taken.contains(port)) continue;
    error = bindTo(fd, local, port, scope);
  }
  if (error != 0) return failed(error, "bind");
  taken.insert(port);
  return opened;
}

}  // namespace platypus::bfd
