// A socket's making: open, options that have to precede the handshake (device, keys, limits), bind,
// then connect or listen.
#include "tcp/tcp_socket.h"

#include <netinet/tcp.h>

#include <cerrno>
#include <cstring>

#include "socket/options.h"

namespace platypus {
namespace {

OpenedSocket failed(int error, const char* syscall) {
  return {Descriptor(), error, syscall};
}

int setLimits(int fd, int family, const TcpLimits& limits) {
  if (limits.hop_limit) {
    if (const int error = setHopLimit(fd, family, *limits.hop_limit)) return error;
  }
  if (const int error = setMinHopLimit(fd, family, limits.min_hop_limit.value_or(0))) return error;
  return setTrafficClass(fd, family, limits.traffic_class);
}

OpenedSocket open(const TcpOptions& options, int family) {
  OpenedSocket opened{Descriptor(socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0))};
  const int fd = opened.socket.fd();
  if (fd < 0) return failed(errno, "socket");
  if (options.local && options.local->address.family != family) return failed(EINVAL, "bind");
  if (!options.device.empty()) {
    if (const int error = bindToDevice(fd, options.device.c_str())) {
      return failed(error, "setsockopt");
    }
  }
  if (family == AF_INET6) {
    if (const int error = setSocketOption(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1)) {
      return failed(error, "setsockopt");
    }
  }
  if (const int error = setLimits(fd, family, options.limits)) return failed(error, "setsockopt");
  for (const TcpMd5Key& key : options.md5) {
    if (const int error = setTcpMd5(fd, key)) return failed(error, "setsockopt");
  }
  return opened;
}

int bindTo(int fd, const TcpEnd& local, uint32_t scope) {
  const SocketAddress address = SocketAddress::of(local.address, local.port, scope);
  return bind(fd, &address.any, address.size()) == 0 ? 0 : errno;
}

// The family of any socket, 0 when it is none.
int familyOf(int fd) {
  int family = 0;
  socklen_t length = sizeof family;
  return getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &family, &length) == 0 ? family : 0;
}

}  // namespace

OpenedSocket connectTcp(const TcpOptions& options, const TcpEnd& remote) {
  OpenedSocket opened = open(options, remote.address.family);
  if (!opened.socket) return opened;
  const int fd = opened.socket.fd();
  const uint32_t scope = options.device.empty() ? 0 : deviceIndex(options.device.c_str());
  if (options.local) {
    // A fixed port is free again at once, although the last connection from it lingers.
    (void)setSocketOption(fd, SOL_SOCKET, SO_REUSEADDR, 1);
    // Without a port, that is chosen when the other end is known: it need not differ from those of
    // connections elsewhere.
    if (options.local->port == Be16(0)) {
      (void)setSocketOption(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1);
    }
    if (const int error = bindTo(fd, *options.local, scope)) return failed(error, "bind");
  }
  const SocketAddress address = SocketAddress::of(remote.address, remote.port, scope);
  if (connect(fd, &address.any, address.size()) != 0 && errno != EINPROGRESS) {
    return failed(errno, "connect");
  }
  return opened;
}

OpenedSocket listenTcp(const TcpOptions& options, int backlog) {
  if (!options.local) return failed(EINVAL, "bind");
  OpenedSocket opened = open(options, options.local->address.family);
  if (!opened.socket) return opened;
  const int fd = opened.socket.fd();
  if (const int error = setSocketOption(fd, SOL_SOCKET, SO_REUSEADDR, 1)) {
    return failed(error, "setsockopt");
  }
  const uint32_t scope = options.device.empty() ? 0 : deviceIndex(options.device.c_str());
  if (const int error = bindTo(fd, *options.local, scope)) return failed(error, "bind");
  if (listen(fd, backlog) != 0) return failed(errno, "listen");
  return opened;
}

int setTcpMd5(int fd, const TcpMd5Key& key) {
  if (key.key.size() > TcpMd5Key::kMost || key.peer.size() == 0) return EINVAL;
  // The kernel reads an IPv4 key of an IPv6 socket as one of a mapped address, which never comes.
  if (familyOf(fd) != key.peer.family) return EINVAL;
  struct tcp_md5sig request = {};
  const SocketAddress peer = SocketAddress::of(key.peer, Be16(0));
  std::memcpy(&request.tcpm_addr, &peer, sizeof peer);
  request.tcpm_keylen = static_cast<uint16_t>(key.key.size());
  std::memcpy(request.tcpm_key, key.key.data(), key.key.size());
  return setsockopt(fd, IPPROTO_TCP, TCP_MD5SIG, &request, sizeof request) == 0 ? 0 : errno;
}

int readTcpPath(int fd, TcpPath& path) {
  tcp_info info{};
  socklen_t length = sizeof info;
  if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &length) != 0) return errno;
  path = {.send_mss = info.tcpi_snd_mss,
          .announced_mss = info.tcpi_advmss,
          .path_mtu = info.tcpi_pmtu,
          .timestamps = (info.tcpi_options & TCPI_OPT_TIMESTAMPS) != 0};
  return 0;
}

int setTcpLimits(int fd, const TcpLimits& limits) {
  const int family = familyOf(fd);
  return family == 0 ? EBADF : setLimits(fd, family, limits);
}

}  // namespace platypus
