// A packet in its buffer, as ports and translators hand it to each other.
//
// Ownership: a Packet is a view of a slot that belongs to the worker's burst; one thread touches
// it. The bytes lie at [start, start + length) of the slot; the headroom before them lets a header
// grow in place (IPv6 is 20 bytes longer than IPv4, 8 more with a Fragment Header) and leaves a
// port room for its own header.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace platypus {

/// Bytes kept free before a packet that a port receives.
inline constexpr uint32_t kHeadroom = 128;
/// Largest IP packet a port may deliver, bytes (virtio super-packets included).
inline constexpr uint32_t kMaxPacket = 65'575;
/// Bytes of a slot: headroom, the largest packet, and tailroom for quoted packets that grow.
inline constexpr uint32_t kSlotBytes = kHeadroom + kMaxPacket + 161;

/// Checksum and segmentation work that is left to the kernel or the card, in the terms of
/// struct virtio_net_hdr (Virtio 1.2 §5.1.6). Offsets count from the first byte of the IP header.
struct Offload {
  static constexpr uint8_t kNeedsChecksum = 1;  // VIRTIO_NET_HDR_F_NEEDS_CSUM
  static constexpr uint8_t kGsoNone = 0;
  static constexpr uint8_t kGsoTcp4 = 1;
  static constexpr uint8_t kGsoTcp6 = 4;
  static constexpr uint8_t kGsoUdp = 5;  // VIRTIO_NET_HDR_GSO_UDP_L4 (USO)
  static constexpr uint8_t kGsoEcn = 0x80;

  uint8_t flags = 0;
  uint8_t gso_type = kGsoNone;
  uint16_t header_length = 0;    // all headers up to the transport payload
  uint16_t gso_size = 0;         // transport payload bytes of each segment
  uint16_t checksum_start = 0;   // where the checksum's coverage starts
  uint16_t checksum_offset = 0;  // the checksum field, counted from checksum_start

  bool needsChecksum() const { return (flags & kNeedsChecksum) != 0; }
  uint8_t gsoKind() const { return gso_type & static_cast<uint8_t>(~kGsoEcn); }
  bool isGso() const { return gsoKind() != kGsoNone; }
};

/// A packet inside a slot.
class Packet {
 public:
  Packet() = default;
  /// `slot` must be at least kSlotBytes long and outlive the Packet.
  explicit Packet(std::byte* slot) : slot_(slot) {}

  std::byte* data() { return slot_ + start_; }
  const std::byte* data() const { return slot_ + start_; }
  uint32_t length() const { return length_; }
  /// The IP version that the first octet names; 0 for an empty packet.
  unsigned version() const { return length_ == 0 ? 0 : std::to_integer<unsigned>(data()[0]) >> 4; }
  uint32_t headroom() const { return start_; }
  uint32_t tailroom() const { return kSlotBytes - start_ - length_; }
  std::span<std::byte> bytes() { return {data(), length_}; }
  std::span<const std::byte> bytes() const { return {data(), length_}; }

  /// Where a port puts a received packet: everything from kHeadroom on.
  std::byte* receiveArea() { return slot_ + kHeadroom; }
  /// Makes the packet the `length` bytes at receiveArea(), without offload.
  void reset(uint32_t length) {
    start_ = kHeadroom;
    length_ = length;
    offload = {};
  }
  /// Moves the first byte: positive `bytes` drops bytes from the front, negative ones grow into the
  /// headroom. The caller knows that the room is there (headers shrink or grow by at most 48).
  void moveStart(int32_t bytes) {
    start_ = static_cast<uint32_t>(static_cast<int32_t>(start_) + bytes);
    length_ = static_cast<uint32_t>(static_cast<int32_t>(length_) - bytes);
  }
  void setLength(uint32_t length) { length_ = length; }

  Offload offload;

 private:
  std::byte* slot_ = nullptr;
  uint32_t start_ = kHeadroom;
  uint32_t length_ = 0;
};

}  // namespace platypus
