// A UDP socket that takes and gives up to 64 datagrams a system call: for servers that answer from
// the address they were asked at, and, connected, for clients that ask one server (DNS64). It knows
// nothing of what is in the datagrams.
//
// Ownership: one thread. All memory is taken by open(), or is that of another socket of the thread;
// it stays valid, and in place, until the last of these objects goes, also after close().
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

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
  uint64_t send_dropped = 0;     // the kernel had no room
  uint64_t receive_dropped = 0;  // by the kernel: its buffer was full, or a checksum did not hold
  uint64_t bad_source =
      0;  // from port 0, where no answer can go, or not from the server; not handed on
};

/// What datagrams lie in. Sockets of a thread may share it, for what lies in it is of no use after
/// the call that brought or sent it; a client with many sockets would else take memory for each.
class BatchMemory {
 public:
  static constexpr size_t kBatch = ReceiveBatch::kSlots;
  static constexpr size_t kSendBytes = 4096;

  /// Null when there is none to be had.
  static std::shared_ptr<BatchMemory> take(size_t slotBytes);
  BatchMemory(const BatchMemory&) = delete;
  BatchMemory& operator=(const BatchMemory&) = delete;

 private:
  friend class BatchSocket;
  // Room for the one control message of a send.
  struct alignas(cmsghdr) Control {
    std::byte bytes[CMSG_SPACE(sizeof(in6_pktinfo))];
  };
  static_assert(sizeof(in6_pktinfo) >= sizeof(in_pktinfo));

  BatchMemory() = default;

  ReceiveBatch received;
  std::unique_ptr<std::byte[]> to_send;
  std::array<int32_t, kBatch> received_lengths{};
  std::array<int32_t, kBatch> to_send_lengths{};
  std::array<UdpPeer, kBatch> received_peers{};
  std::array<UdpPeer, kBatch> to_send_peers{};

  // What the kernel reads, one for each send slot.
  std::array<mmsghdr, kBatch> out{};
  std::array<iovec, kBatch> out_bytes{};
  std::array<SocketAddress, kBatch> out_address{};
  std::array<Control, kBatch> out_control{};
};

class BatchSocket {
 public:
  static constexpr size_t kBatch = BatchMemory::kBatch;
  static constexpr size_t kSendBytes = BatchMemory::kSendBytes;

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
    /// Longest datagram received, a multiple of 64. That of `memory`, where there is one.
    size_t slot_bytes = 4096;
    /// The only peer: nothing is taken from others, and peer records to send to are not read.
    /// Port 0: none, the socket takes from and sends to everybody.
    UdpPeer::Address remote{};
    Be16 remote_port{};
    /// Of another socket, to be shared with it; null takes some.
    std::shared_ptr<BatchMemory> memory = nullptr;
    /// Interface or VRF device, empty for any.
    std::string device = {};
    /// Believes what ICMP says of path MTUs, and fragments by it.
    bool path_mtu = false;
  };

  /// How datagrams leave; kept for one send() alone.
  struct Manner {
    /// With DF, whatever is known of the path: refused only where the device's own MTU is smaller.
    bool dont_fragment = false;
    /// IPv4 without a checksum (RFC 768).
    bool no_checksum = false;
  };

  /// An opened socket, or the errno and the name of the call that failed.
  struct Opened {
    std::unique_ptr<BatchSocket> socket;
    int error = 0;
    const char* syscall = "";
  };

  /// Binds a socket in the network namespace of the calling thread. Errors: EADDRINUSE,
  /// EADDRNOTAVAIL, EACCES (a privileged port), EAFNOSUPPORT, EMFILE, ENOMEM, EINVAL; with a remote
  /// also ENETUNREACH, EHOSTUNREACH.
  static Opened open(const Options& options);
  ~BatchSocket() { close(); }
  BatchSocket(const BatchSocket&) = delete;
  BatchSocket& operator=(const BatchSocket&) = delete;

  struct Batch {
    /// Datagrams in the receive slots 0..count-1.
    size_t count = 0;
    /// The kernel gave all it was asked for: there may be more.
    bool full = false;
    /// errno of a connected socket (ECONNREFUSED: the host says that nobody listens), else 0. To be
    /// told clears it.
    int error = 0;
  };

  /// Takes what has arrived, without waiting. Overwrites the receive slots.
  Batch receive();

  /// Sends the send slots 0..count-1, without waiting. A datagram that the kernel refuses does not
  /// keep the rest back; when it has no room, the rest is dropped. Returns how many were refused.
  size_t send(size_t count) { return send(count, Manner{}); }
  size_t send(size_t count, Manner manner);

  void close();

  /// For poll(); -1 after close().
  int fd() const { return fd_; }
  /// The bound address, and port. Of a connected socket, the address that it sends from.
  const HostAddress& address() const { return address_; }
  Be16 port() const { return port_; }
  size_t slotBytes() const { return memory_->received.slotBytes(); }
  /// Asks the kernel for what it has dropped, so not for every datagram.
  const BatchSocketCounters& counters();

  const std::shared_ptr<BatchMemory>& memory() const { return memory_; }
  // kBatch slots of slotBytes() each, and for each slot a length and a peer.
  std::span<std::byte> received() { return memory_->received.memory(); }
  std::span<int32_t, kBatch> receivedLengths() { return memory_->received_lengths; }
  std::span<UdpPeer, kBatch> receivedPeers() { return memory_->received_peers; }
  // kBatch slots of kSendBytes each.
  std::span<std::byte> toSend() { return {memory_->to_send.get(), kBatch * kSendBytes}; }
  std::span<int32_t, kBatch> toSendLengths() { return memory_->to_send_lengths; }
  std::span<UdpPeer, kBatch> toSendPeers() { return memory_->to_send_peers; }

 private:
  BatchSocket() = default;
  HostAddress hostAddress(const UdpPeer::Address& bytes) const;
  int setOptions(const Options& options);
  bool setManner(Manner manner);
  size_t sendSlots(size_t count);
  int bindTo(const Options& options);
  int connectTo(const Options& options);
  int readName();
  UdpPeer peerOf(size_t slot) const;
  bool connected() const { return remote_port_ != Be16(0); }
  bool isRemote(const UdpPeer& peer) const;
  bool prepareSend(size_t slot, size_t message);

  int fd_ = -1;
  uint8_t family_ = 0;
  // Of what is sent without a manner: IP_PMTUDISC_… of either family, which are the same numbers.
  int discovery_ = 0;
  HostAddress address_;
  Be16 port_;
  // Port 0: not connected.
  UdpPeer::Address remote_{};
  Be16 remote_port_;
  BatchSocketCounters counters_;
  // The kernel's own count, which wraps, when it was last read.
  uint32_t kernel_drops_ = 0;
  std::shared_ptr<BatchMemory> memory_;
};

/// What is known of the MTU of the path to an address, bytes of whole packets, or the errno of why
/// there is no path.
struct PathMtu {
  int bytes = 0;
  int error = 0;
  const char* syscall = "";
};

/// Asks the routing table and what ICMP has told, and sends nothing. `local` absent: the kernel's
/// choice; `device` empty: any.
PathMtu pathMtuTo(const HostAddress& remote, const HostAddress* local, const std::string& device);

}  // namespace platypus
