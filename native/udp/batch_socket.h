// A UDP socket that takes and gives up to 64 datagrams a system call, for servers that answer from
// the address they were asked at (DNS64). It knows nothing of what is in the datagrams.
//
// Ownership: one thread. All memory is taken by open(); it stays valid, and in place, until the
// object goes, also after close().
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "packet/byte_order.h"
#include "socket/address.h"
#include "socket/peer_record.h"
#include "socket/receive_batch.h"

namespace platypus {

using UdpPeer = PeerRecord;

/// Datagrams since open().
struct BatchSocketCounters {
  uint64_t received = 0;   // handed on
  uint64_t sent = 0;       // taken by the kernel
  uint64_t truncated = 0;  // longer than a slot; not handed on
  uint64_t send_refused =
      0;  // an address the kernel has no way to, a length or family that is none
  uint64_t send_dropped = 0;  // the kernel had no room
  uint64_t bad_source = 0;    // from port 0, where no answer can go; not handed on
};

class BatchSocket {
 public:
  static constexpr size_t kBatch = ReceiveBatch::kSlots;
  static constexpr size_t kSendBytes = 4096;

  struct Options {
    /// 4 or 6. An IPv6 socket takes no IPv4 datagrams: a service listens on both separately.
    uint8_t family = 6;
    /// As in UdpPeer; all zero listens on every address of the family.
    UdpPeer::Address address{};
    /// 0: any free one.
    Be16 port{};
    /// Lets further sockets of this user bind the same address and port; the kernel shares the
    /// peers out among them.
    bool reuse_port = false;
    /// Longest datagram received, a multiple of 64.
    size_t slot_bytes = 4096;
  };

  /// An opened socket, or the errno and the name of the call that failed.
  struct Opened {
    std::unique_ptr<BatchSocket> socket;
    int error = 0;
    const char* syscall = "";
  };

  /// Binds a socket in the network namespace of the calling thread. Errors: EADDRINUSE,
  /// EADDRNOTAVAIL, EACCES (a privileged port), EAFNOSUPPORT, EMFILE, ENOMEM, EINVAL.
  static Opened open(const Options& options);
  ~BatchSocket() { close(); }
  BatchSocket(const BatchSocket&) = delete;
  BatchSocket& operator=(const BatchSocket&) = delete;

  struct Batch {
    /// Datagrams in the receive slots 0..count-1.
    size_t count = 0;
    /// The kernel gave all it was asked for: there may be more.
    bool full = false;
  };

  /// Takes what has arrived, without waiting. Overwrites the receive slots.
  Batch receive();

  /// Sends the send slots 0..count-1, without waiting. A datagram that the kernel refuses does not
  /// keep the rest back; when it has no room, the rest is dropped.
  void send(size_t count);

  void close();

  /// For poll(); -1 after close().
  int fd() const { return fd_; }
  /// The bound port.
  Be16 port() const { return port_; }
  size_t slotBytes() const { return received_.slotBytes(); }
  const BatchSocketCounters& counters() const { return counters_; }

  // kBatch slots of slotBytes() each, and for each slot a length and a peer.
  std::span<std::byte> received() { return received_.memory(); }
  std::span<int32_t, kBatch> receivedLengths() { return received_lengths_; }
  std::span<UdpPeer, kBatch> receivedPeers() { return received_peers_; }
  // kBatch slots of kSendBytes each.
  std::span<std::byte> toSend() { return {to_send_.get(), kBatch * kSendBytes}; }
  std::span<int32_t, kBatch> toSendLengths() { return to_send_lengths_; }
  std::span<UdpPeer, kBatch> toSendPeers() { return to_send_peers_; }

 private:
  // Room for the one control message of a send.
  struct alignas(cmsghdr) Control {
    std::byte bytes[CMSG_SPACE(sizeof(in6_pktinfo))];
  };
  static_assert(sizeof(in6_pktinfo) >= sizeof(in_pktinfo));

  BatchSocket() = default;
  int takeMemory(size_t slotBytes);
  int setOptions(bool reusePort);
  int bindTo(const Options& options);
  UdpPeer peerOf(size_t slot) const;
  bool prepareSend(size_t slot, size_t message);

  int fd_ = -1;
  uint8_t family_ = 0;
  Be16 port_;
  BatchSocketCounters counters_;

  ReceiveBatch received_;
  std::unique_ptr<std::byte[]> to_send_;
  std::array<int32_t, kBatch> received_lengths_{};
  std::array<int32_t, kBatch> to_send_lengths_{};
  std::array<UdpPeer, kBatch> received_peers_{};
  std::array<UdpPeer, kBatch> to_send_peers_{};

  // What the kernel reads, one for each send slot.
  std::array<mmsghdr, kBatch> out_{};
  std::array<iovec, kBatch> out_bytes_{};
  std::array<SocketAddress, kBatch> out_address_{};
  std::array<Control, kBatch> out_control_{};
};

}  // namespace platypus
