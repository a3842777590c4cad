// struct virtio_net_hdr, the ten bytes that travel in front of each packet of a TUN device opened
// with IFF_VNET_HDR (Virtio 1.2 §5.1.6; linux/virtio_net.h). Here it is always little-endian:
// the port asks the kernel for that with TUNSETVNETLE.
//
//   0 flags | 1 gso_type | 2 hdr_len | 4 gso_size | 6 csum_start | 8 csum_offset
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>

#include "packet/packet.h"

namespace platypus {

inline constexpr size_t kVirtioHeaderBytes = 10;

enum class VirtioVerdict : uint8_t {
  kGood,
  /// A gso_type that nobody asked for, such as the UDP fragmentation offload that Linux 4.14 ended.
  kUnknownGso,
  /// Offsets that point past the packet.
  kBadOffsets,
};

namespace virtio_detail {

inline uint16_t load16(const std::byte* from) {
  return static_cast<uint16_t>(std::to_integer<uint16_t>(from[0]) |
                               (std::to_integer<uint16_t>(from[1]) << 8));
}

inline void store16(std::byte* to, uint16_t value) {
  to[0] = static_cast<std::byte>(value & 0xff);
  to[1] = static_cast<std::byte>(value >> 8);
}

}  // namespace virtio_detail

/// Reads the header of a received packet into `offload` and checks it against the packet.
///
/// `header` are kVirtioHeaderBytes bytes, `packet` the IP packet behind them. After kGood:
/// checksum_start + checksum_offset + 2 lies within the packet where needsChecksum(); a GSO packet
/// needs a checksum, has a gso_size above 0 and a header_length that covers the transport header.
///
/// The kernel's hdr_len is only a hint: for a forwarded packet it is whatever lies in the first
/// buffer, often far into the payload. It is computed here from the transport header instead.
inline VirtioVerdict readVirtioHeader(const std::byte* header, std::span<const std::byte> packet,
                                      Offload& offload) {
  offload = {};
  // VIRTIO_NET_HDR_F_DATA_VALID (2) is left out: a translated checksum is as good as the one that
  // came in, and saying "valid" on the way out would mean nothing to TUN.
  offload.flags = std::to_integer<uint8_t>(header[0]) & Offload::kNeedsChecksum;
  offload.gso_type = std::to_integer<uint8_t>(header[1]);
  if (!offload.needsChecksum()) {
    // Linux never sends GSO without a partial checksum; the other side of send() insists on it too.
    return offload.gso_type == Offload::kGsoNone ? VirtioVerdict::kGood
                                                 : VirtioVerdict::kBadOffsets;
  }
  offload.checksum_start = virtio_detail::load16(header + 6);
  offload.checksum_offset = virtio_detail::load16(header + 8);
  const size_t start = offload.checksum_start;
  if (start + offload.checksum_offset + 2 > packet.size()) return VirtioVerdict::kBadOffsets;

  size_t transport_bytes = 0;
  switch (offload.gsoKind()) {
    case Offload::kGsoNone:
      return VirtioVerdict::kGood;
    case Offload::kGsoTcp4:
    case Offload::kGsoTcp6:
      if (start + 20 > packet.size()) return VirtioVerdict::kBadOffsets;
      transport_bytes = size_t{std::to_integer<uint8_t>(packet[start + 12])} / 16 * 4;
      if (transport_bytes < 20) return VirtioVerdict::kBadOffsets;
      break;
    case Offload::kGsoUdp:
      transport_bytes = 8;
      break;
    default:
      return VirtioVerdict::kUnknownGso;
  }
  offload.gso_size = virtio_detail::load16(header + 4);
  if (offload.gso_size == 0 || start + transport_bytes > packet.size()) {
    return VirtioVerdict::kBadOffsets;
  }
  offload.header_length = static_cast<uint16_t>(start + transport_bytes);
  return VirtioVerdict::kGood;
}

/// Writes `offload` as the header of a packet of `packetBytes`. Returns false, and writes nothing,
/// for what the kernel would refuse or misread: GSO without a partial checksum.
inline bool writeVirtioHeader(std::byte* header, const Offload& offload, uint32_t packetBytes) {
  const bool gso = offload.isGso();
  if (gso && !offload.needsChecksum()) return false;
  if (offload.needsChecksum() &&
      uint32_t{offload.checksum_start} + offload.checksum_offset + 2 > packetBytes) {
    return false;
  }
  header[0] = static_cast<std::byte>(offload.flags & Offload::kNeedsChecksum);
  header[1] = static_cast<std::byte>(gso ? offload.gso_type : Offload::kGsoNone);
  // The kernel refuses a hdr_len longer than the packet, and lays out exactly that many bytes in
  // the linear part of its buffer, so it is given for GSO only, where it saves a copy.
  const bool tell = gso && offload.header_length <= packetBytes;
  virtio_detail::store16(header + 2, tell ? offload.header_length : uint16_t{0});
  virtio_detail::store16(header + 4, gso ? offload.gso_size : uint16_t{0});
  virtio_detail::store16(header + 6,
                         offload.needsChecksum() ? offload.checksum_start : uint16_t{0});
  virtio_detail::store16(header + 8,
                         offload.needsChecksum() ? offload.checksum_offset : uint16_t{0});
  return true;
}

}  // namespace platypus
