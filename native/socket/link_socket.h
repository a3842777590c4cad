// Packets of one protocol on one link, from their network header on, whatever IP thinks of them:
// for looking at what a router says and whether what leaves comes back. Not for traffic.
//
// Ownership: one thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "socket/descriptor.h"

namespace platypus {

using LinkAddress = std::array<std::byte, 6>;

class LinkSocket {
 public:
  static constexpr size_t kMostMatches = 16;
  /// Longest packet that is received.
  static constexpr size_t kMostBytes = 2048;

  /// Four octets of a packet, as a number in network order, must be `value` under `mask`.
  struct Match {
    uint32_t offset = 0;
    uint32_t mask = 0;
    uint32_t value = 0;
  };

  /// Opens a socket, non-blocking, on which only packets arrive that fit all of `matches`, at most
  /// kMostMatches. `ether_type`: ETHERTYPE_IP or ETHERTYPE_IPV6. Errors: EPERM (CAP_NET_RAW),
  /// ENODEV, EMFILE, ENOMEM.
  static OpenedSocket open(const char* device, uint16_t ether_type, std::span<const Match> matches);

  /// One packet, not our own; its length, 0 for one that is too long, negative when there is none.
  static long receive(int fd, std::span<std::byte, kMostBytes> buffer, LinkAddress& source);

  /// Sends a packet to an Ethernet address. 0 or an errno.
  static int send(int fd, const char* device, uint16_t ether_type,
                  std::span<const std::byte> packet, const LinkAddress& destination);
};

}  // namespace platypus
