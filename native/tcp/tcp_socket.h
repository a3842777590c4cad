// TCP sockets with what node:net cannot set: TTL security (RFC 5082), MD5 keys (RFC 2385), device,
// own address. Only how a socket is made; who reads and writes takes the descriptor over.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "socket/address.h"
#include "socket/descriptor.h"

namespace platypus {

struct TcpEnd {
  HostAddress address;
  Be16 port;
};

/// The key of a peer, RFC 2385.
struct TcpMd5Key {
  HostAddress peer;
  /// Octets, at most kMost; empty for none.
  std::string key;

  static constexpr size_t kMost = 80;  // TCP_MD5SIG_MAXKEYLEN
};

struct TcpLimits {
  /// TTL or hop limit of what is sent; absent: the kernel's default.
  std::optional<uint8_t> hop_limit = {};
  /// RFC 5082: the least of what is accepted; absent: any.
  std::optional<uint8_t> min_hop_limit = {};
  /// DSCP and ECN.
  uint8_t traffic_class = 0xc0;
};

struct TcpOptions {
  /// Absent: the kernel chooses.
  std::optional<TcpEnd> local = {};
  /// Interface or VRF device, empty for none; also the scope of link-local addresses.
  std::string device = {};
  TcpLimits limits = {};
  std::vector<TcpMd5Key> md5 = {};
};

/// Starts to connect, without waiting: the socket is writable when that has ended, and SO_ERROR
/// tells how. Errors: what socket(), setsockopt(), bind() and connect() give; EINVAL for a key that
/// is too long or addresses of different families.
OpenedSocket connectTcp(const TcpOptions& options, const TcpEnd& remote);

/// A bound, listening socket with SO_REUSEADDR; IPv6 ones take no IPv4. Errors as connectTcp().
OpenedSocket listenTcp(const TcpOptions& options, int backlog);

/// Sets or, when empty, removes the key of a peer. ENOENT when there is none to remove, EINVAL for
/// a peer of the other family, ENOPROTOOPT where the kernel has no MD5.
int setTcpMd5(int fd, const TcpMd5Key& key);

/// On any TCP socket, an accepted one above all: the listener is shared by neighbours.
int setTcpLimits(int fd, const TcpLimits& limits);

/// What a connection knows of its path, bytes.
struct TcpPath {
  /// Most data in a segment that it sends, less what options take.
  uint32_t send_mss = 0;
  /// What its own SYN announced.
  uint32_t announced_mss = 0;
  /// Whole packets.
  uint32_t path_mtu = 0;
  /// RFC 7323: these take 12 bytes of every segment.
  bool timestamps = false;
};

/// Of a connected TCP socket. 0 or an errno.
int readTcpPath(int fd, TcpPath& path);

}  // namespace platypus
