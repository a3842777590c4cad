// The sockets of BFD for one hop (RFC 5881): one that listens on port 3784 for each family and
// device, and one to send from for each session.
#pragma once

#include <cstdint>
#include <set>
#include <string>

#include "socket/address.h"
#include "socket/descriptor.h"

namespace platypus::bfd {

/// RFC 5881 §4.
inline constexpr uint16_t kControlPort = 3784;
inline constexpr uint16_t kLeastSourcePort = 49'152;
/// RFC 5881 §5: what comes with less was forwarded, so it is not the neighbour's.
inline constexpr uint8_t kHopLimit = 255;

/// Listens for control packets of a family, and says with each how it came. `device` is empty for
/// all. EADDRINUSE where another BFD daemon listens, ENODEV, EPERM.
OpenedSocket openReceiver(int family, const std::string& device);

/// A socket with a source port that neither this process's `taken` nor another socket has, which is
/// added to `taken`. EADDRNOTAVAIL when `local` is no address of this host; EADDRINUSE when no port
/// was found.
OpenedSocket openSender(const HostAddress& local, const std::string& device,
                        std::set<uint16_t>& taken, uint16_t& port);

}  // namespace platypus::bfd
