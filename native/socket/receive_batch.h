// Memory for up to 64 datagrams, and what the kernel needs to fill it in one call.
//
// Ownership: one thread. All memory is taken by take(); it stays in place until the object goes.
#pragma once

#include <sys/socket.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>

#include "socket/address.h"

namespace platypus {

/// How a datagram came, as far as the socket was told to say.
struct Arrival {
  /// As in the packet, so that it may be a multicast group.
  HostAddress destination;
  /// The IPv4 address to answer from: of a broadcast, another than `destination`.
  HostAddress answer_from;
  uint32_t interface = 0;
  std::optional<uint8_t> hop_limit = {};
};

class ReceiveBatch {
 public:
  static constexpr size_t kSlots = 64;
  static constexpr size_t kMostPrefix = 20;

  ReceiveBatch() = default;
  ReceiveBatch(const ReceiveBatch&) = delete;
  ReceiveBatch& operator=(const ReceiveBatch&) = delete;

  /// Lays the memory out. The first `prefixBytes` of a datagram, kMostPrefix at most, do not count
  /// and are kept elsewhere. False without memory.
  bool take(size_t slotBytes, size_t prefixBytes = 0);

  /// Takes what has arrived, without waiting: datagrams in the slots 0..result-1. Nothing also when
  /// the socket had an error to tell, which is cleared by that.
  size_t receive(int fd);

  // Of a slot that the last receive() filled.
  bool truncated(size_t slot) const { return (in_[slot].msg_hdr.msg_flags & MSG_TRUNC) != 0; }
  /// Octets received, those of the prefix too.
  size_t length(size_t slot) const { return in_[slot].msg_len; }
  const SocketAddress& from(size_t slot) const { return address_[slot]; }
  Arrival arrival(size_t slot) const;
  const std::byte* prefix(size_t slot) const { return prefix_[slot].data(); }

  std::span<std::byte> slot(size_t index) {
    return {memory_.get() + index * slot_bytes_, slot_bytes_};
  }
  /// All slots, one after the other.
  std::span<std::byte> memory() { return {memory_.get(), kSlots * slot_bytes_}; }
  size_t slotBytes() const { return slot_bytes_; }

 private:
  struct alignas(cmsghdr) Control {
    std::byte bytes[CMSG_SPACE(sizeof(in6_pktinfo)) + CMSG_SPACE(sizeof(int))];
  };
  static_assert(sizeof(in6_pktinfo) >= sizeof(in_pktinfo));

  size_t slot_bytes_ = 0;
  std::unique_ptr<std::byte[]> memory_;
  std::array<mmsghdr, kSlots> in_{};
  std::array<std::array<iovec, 2>, kSlots> parts_{};
  std::array<std::array<std::byte, kMostPrefix>, kSlots> prefix_{};
  std::array<SocketAddress, kSlots> address_{};
  std::array<Control, kSlots> control_{};
};

}  // namespace platypus
