// Socket options that routing protocols need, alike for both families. Each gives 0 or an errno.
#pragma once

#include <cstdint>

namespace platypus {

int setSocketOption(int fd, int level, int name, int value);

/// Binds to an interface or a VRF device, SO_BINDTODEVICE. ENODEV, EPERM.
int bindToDevice(int fd, const char* device);

/// What is sent to one host: IP_TTL or IPV6_UNICAST_HOPS.
int setHopLimit(int fd, int family, uint8_t hopLimit);

/// RFC 5082: segments with less are dropped by the kernel, TCP only: IP_MINTTL or IPV6_MINHOPCOUNT.
/// 0 for any.
int setMinHopLimit(int fd, int family, uint8_t hopLimit);

/// The octet with DSCP and ECN: IP_TOS or IPV6_TCLASS.
int setTrafficClass(int fd, int family, uint8_t octet);

/// The number of a device, 0 when there is none.
uint32_t deviceIndex(const char* device);

}  // namespace platypus
