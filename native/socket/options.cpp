#include "socket/options.h"

#include <net/if.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>

namespace platypus {

int setSocketOption(int fd, int level, int name, int value) {
  return setsockopt(fd, level, name, &value, sizeof value) == 0 ? 0 : errno;
}

int bindToDevice(int fd, const char* device) {
  const size_t length = std::strlen(device);
  // The kernel would cut a longer name off, and an empty one means no device.
  if (length == 0 || length >= IFNAMSIZ) return ENODEV;
  const auto size = static_cast<socklen_t>(length + 1);
  return setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, device, size) == 0 ? 0 : errno;
}

int setHopLimit(int fd, int family, uint8_t hopLimit) {
  return family == AF_INET ? setSocketOption(fd, IPPROTO_IP, IP_TTL, hopLimit)
                           : setSocketOption(fd, IPPROTO_IPV6, IPV6_UNICAST_HOPS, hopLimit);
}

int setMinHopLimit(int fd, int family, uint8_t hopLimit) {
  return family == AF_INET ? setSocketOption(fd, IPPROTO_IP, IP_MINTTL, hopLimit)
                           : setSocketOption(fd, IPPROTO_IPV6, IPV6_MINHOPCOUNT, hopLimit);
}

int setTrafficClass(int fd, int family, uint8_t octet) {
  return family == AF_INET ? setSocketOption(fd, IPPROTO_IP, IP_TOS, octet)
                           : setSocketOption(fd, IPPROTO_IPV6, IPV6_TCLASS, octet);
}

uint32_t deviceIndex(const char* device) {
  const size_t length = std::strlen(device);
  return length == 0 || length >= IFNAMSIZ ? 0 : if_nametoindex(device);
}

}  // namespace platypus
