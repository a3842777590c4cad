// OSPF's own place beside TCP and UDP: IP protocol 89 on one interface, for both families (RFC 2328
// appendix A.1, RFC 5340 appendix A.1). It knows nothing of what is in the packets; checksums are
// the user's, also those of OSPFv3, which are absent with an authentication trailer (RFC 7166 §3).
//
// Ownership: one thread. All memory is taken by open(); it stays valid, and in place, until the
// object goes, also after close().
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>

#include "socket/address.h"
#include "socket/descriptor.h"
#include "socket/peer_record.h"
#include "socket/receive_batch.h"

namespace platypus {

/// Packets since open().
struct OspfSocketCounters {
  uint64_t received = 0;      // handed on
  uint64_t sent = 0;          // taken by the kernel
  uint64_t truncated = 0;     // longer than a slot; not handed on
  uint64_t bad_header = 0;    // an IPv4 header that contradicts itself; not handed on
  uint64_t send_refused = 0;  // the kernel has no way to the address, or the packet is too long
  uint64_t send_dropped = 0;  // the kernel had no room
};

class OspfSocket {
 public:
  static constexpr size_t kBatch = ReceiveBatch::kSlots;
  static constexpr size_t kMostSlotBytes = 65'536;

  struct Options {
    /// 4 or 6.
    uint8_t family = 4;
    /// Nothing comes in by another, or leaves by one.
    const char* device = "";
    /// Longest packet received without its IP header, a multiple of 64.
    size_t slot_bytes = 16'384;
  };

  struct Opened {
    std::unique_ptr<OspfSocket> socket;
    int error = 0;
    const char* syscall = "";
  };

  /// Opens a socket in the network namespace of the calling thread. Errors: EPERM (CAP_NET_RAW),
  /// ENODEV, EAFNOSUPPORT, EMFILE, ENOMEM, EINVAL.
  static Opened open(const Options& options);
  OspfSocket(const OspfSocket&) = delete;
  OspfSocket& operator=(const OspfSocket&) = delete;

  /// Takes part in a multicast group on the device, or leaves it. 0 or an errno: EADDRINUSE when
  /// it was joined, EADDRNOTAVAIL when it was not, EINVAL for no group of the family.
  int join(const HostAddress& group) { return changeGroup(group, true); }
  int leave(const HostAddress& group) { return changeGroup(group, false); }

  struct Batch {
    /// Packets in the slots 0..count-1.
    size_t count = 0;
    /// The kernel gave all it was asked for: there may be more.
    bool full = false;
  };

  /// Takes what has arrived, without waiting. Overwrites the slots.
  Batch receive();

  /// Sends one packet with TTL 1, without waiting. IPv6: from the link-local address of the device.
  /// False when it was refused or dropped, which is counted.
  bool send(std::span<const std::byte> packet, const HostAddress& destination);

  void close() { socket_.close(); }

  /// For poll(); -1 after close().
  int fd() const { return socket_.fd(); }
  size_t slotBytes() const { return batch_.slotBytes(); }
  const OspfSocketCounters& counters() const { return counters_; }

  // kBatch slots of slotBytes() each, and for each slot a length and the two ends: `local` is the
  // destination as it is in the packet, also a group.
  std::span<std::byte> received() { return batch_.memory(); }
  std::span<int32_t, kBatch> receivedLengths() { return lengths_; }
  std::span<PeerRecord, kBatch> receivedPeers() { return peers_; }

 private:
  OspfSocket() = default;
  int setOptions(const char* device);
  int changeGroup(const HostAddress& group, bool join);

  int family_ = 0;
  uint32_t interface_ = 0;
  Descriptor socket_;
  OspfSocketCounters counters_;
  ReceiveBatch batch_;
  std::array<int32_t, kBatch> lengths_{};
  std::array<PeerRecord, kBatch> peers_{};
};

/// Where the payload of an IPv4 datagram of `received` octets lies, whose first 20 are `header`.
struct Ipv4Payload {
  /// Octets of options that follow the header.
  size_t options = 0;
  size_t length = 0;
};

/// Nothing for a header that is none, or whose lengths are beyond the datagram. RFC 791 §3.1.
std::optional<Ipv4Payload> ipv4Payload(const std::byte* header, size_t received);

}  // namespace platypus
