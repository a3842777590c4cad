// One side of the device under test: an interface with a socket to send test frames on and a ring
// that receives them (packet(7)).
//
// Ownership: opened and closed by one thread; then one thread sends and one receives.
#pragma once

#include <linux/if_packet.h>
#include <sys/socket.h>

#include <optional>
#include <string>

#include "netlink/message.h"
#include "packet/packet.h"
#include "port/virtio_header.h"
#include "tester/frame.h"

namespace platypus::tester {

struct SideOptions {
  std::string device;
  /// Empty for the process's own; a name (/run/netns/NAME), a process id, or a path. A name may not
  /// begin with a digit.
  std::string network_namespace;
  /// Link layer address of the next hop; absent: found with `destination`.
  std::optional<Mac> next_hop;
  /// An address that this side will send to, for the route to the device under test.
  netlink::IpAddress destination;
};

/// What went wrong where; `step` is a word of src/native/addon.ts, null when nothing did.
struct OpenFailure {
  const char* step = nullptr;
  /// Positive errno, or 0 when the step says it all.
  int error = 0;
  explicit operator bool() const { return step != nullptr; }
};

class Side {
 public:
  Side() = default;
  Side(const Side&) = delete;
  Side& operator=(const Side&) = delete;
  ~Side() { close(); }

  /// Opens in the network namespace of the calling thread. `ring_bytes` are taken for the receiver.
  OpenFailure open(const SideOptions& options, size_t ring_bytes);
  void close();

  const Mac& mac() const { return mac_; }
  const Mac& nextHop() const { return next_hop_; }
  uint32_t mtu() const { return mtu_; }

  /// Sends the messages in order. Returns how many were taken or failed for good; `refused` of them
  /// failed (ENOBUFS: the device's queue was full), -1 and errno when the socket does not work.
  int send(mmsghdr* messages, unsigned count, unsigned& refused);

  /// One block of the ring, null when there is none within `timeout_ms`. To be given back.
  tpacket_block_desc* receive(int timeout_ms);
  static void giveBack(tpacket_block_desc* block);
  /// Calls `visit(bytes, segment, ns)` for each frame of a block and when it arrived
  /// (CLOCK_REALTIME). `segment` is not 0 for UDP datagrams of one flow that travel as one: the
  /// bytes of payload that each has (the last may have fewer).
  template <typename Visit>
  static void forEachFrame(const tpacket_block_desc* block, Visit&& visit) {
    const auto& head = block->hdr.bh1;
    const auto* at = reinterpret_cast<const std::byte*>(block) + head.offset_to_first_pkt;
    for (uint32_t left = head.num_pkts; left != 0; --left) {
      const auto* frame = reinterpret_cast<const tpacket3_hdr*>(at);
      // struct virtio_net_hdr, here in the machine's byte order (PACKET_VNET_HDR).
      const std::byte* const offload = at + frame->tp_mac - kVirtioHeaderBytes;
      const bool joined = std::to_integer<uint8_t>(offload[1]) == Offload::kGsoUdp;
      visit(std::span(at + frame->tp_mac, frame->tp_snaplen),
            joined ? load<uint16_t>(offload + 4) : uint16_t{0},
            uint64_t{frame->tp_sec} * 1'000'000'000 + frame->tp_nsec);
      at += frame->tp_next_offset;
    }
  }
  /// Frames that arrived but found the ring full, since the last call.
  uint64_t takeDrops();
  /// Forgets what is in the ring.
  void drain();

 private:
  OpenFailure openSender(uint32_t index);
  OpenFailure openReceiver(uint32_t index, size_t ring_bytes);

  int send_fd_ = -1;
  int receive_fd_ = -1;
  std::byte* ring_ = nullptr;
  size_t ring_bytes_ = 0;
  size_t blocks_ = 0;
  size_t next_block_ = 0;
  uint32_t mtu_ = 0;
  Mac mac_{};
  Mac next_hop_{};
};

/// Puts the calling thread into a network namespace, for good. 0 or an errno.
int enterNamespace(const std::string& name);

/// Makes a network namespace for the calling thread with a cable between the devices `a` and `b`,
/// both up. It is gone with its last socket. 0 or an errno.
int makeCable(const char* a, const char* b);

}  // namespace platypus::tester
