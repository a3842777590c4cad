// Test frames: how they are written, and how they are known again behind a translator.
//
//   Ethernet | IPv6 or IPv4 | UDP or ICMP echo | tag | zeros
//
// The tag is the first 18 bytes of the payload, which is all that the shortest frame of RFC 8219
// has room for (64 bytes with IPv4, 84 with IPv6, both with the frame check sequence):
//
//   0  magic (2)   4  flow (4): the top bit is the stream    12  time of sending (6), ns
//   2  trial (2)   8  sequence (4)
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "packet/address.h"
#include "packet/byte_order.h"

namespace platypus::tester {

inline constexpr size_t kEthernetBytes = 14;
/// Counted in frame sizes (RFC 2544 §9), never handed to the kernel.
inline constexpr size_t kFcsBytes = 4;
inline constexpr size_t kTagBytes = 18;
inline constexpr uint16_t kMagic = 0x5042;
/// Shortest and longest frames, with the frame check sequence.
inline constexpr size_t kLeastFrame4 = kEthernetBytes + 20 + 8 + kTagBytes + kFcsBytes;
inline constexpr size_t kLeastFrame6 = kLeastFrame4 + 20;
inline constexpr size_t kMostFrame = 9216;
static_assert(kLeastFrame4 == 64);

using Mac = std::array<std::byte, 6>;

enum class Family : uint8_t { kV4 = 4, kV6 = 6 };
enum class Kind : uint8_t { kUdp, kEchoRequest, kEchoReply };

struct Tag {
  uint16_t trial = 0;
  /// 0 or 1.
  uint8_t stream = 0;
  /// Below 2^31.
  uint32_t flow = 0;
  uint32_t sequence = 0;
  /// CLOCK_REALTIME, ns, the low 48 bits.
  uint64_t stamp = 0;
  friend bool operator==(const Tag&, const Tag&) = default;
};
inline constexpr uint32_t kMostFlows = uint32_t{1} << 31;
inline constexpr uint64_t kStampMask = (uint64_t{1} << 48) - 1;

/// The addresses of a frame, of the writer's family.
struct Ends {
  Ipv6Address source6, destination6;
  Ipv4Address source4, destination4;
  /// Of an echo: the identifier, in the end that is not the server's.
  uint16_t source_port = 0;
  uint16_t destination_port = 0;
};

/// Writes frames of one shape into buffers that it prepared; all checksums are right.
class FrameWriter {
 public:
  FrameWriter(Family family, Kind kind, const Mac& source, const Mac& destination);

  /// Writes what never changes and zeros behind it. `buffer` is as long as the longest frame,
  /// without the frame check sequence.
  void prepare(std::span<std::byte> buffer) const;
  /// Writes the rest: a frame of `frame_bytes` (with the frame check sequence), not below least().
  /// Returns the bytes to send.
  size_t write(std::byte* buffer, size_t frame_bytes, const Ends& ends, const Tag& tag) const;

  size_t least() const { return family_ == Family::kV6 ? kLeastFrame6 : kLeastFrame4; }

 private:
  Family family_;
  Kind kind_;
  Mac source_;
  Mac destination_;
};

/// A test frame as it arrived.
struct Arrival {
  Tag tag;
  Family family = Family::kV4;
  Kind kind = Kind::kUdp;
  /// Set for IPv4 only.
  Ipv4Address source4, destination4;
  uint16_t source_port = 0;
  uint16_t destination_port = 0;
  /// Where in the frame the tag is.
  size_t tag_offset = 0;
};

/// Reads a tag; false without the magic number.
bool readTag(std::span<const std::byte, kTagBytes> bytes, Tag& tag);

/// Takes a frame apart, from its Ethernet header on; `bytes` may end before the frame does. False
/// when it is no test frame.
bool parseFrame(std::span<const std::byte> bytes, Arrival& arrival);

/// Calls `visit(arrival)` for each test frame that `bytes` hold: one, or with `segment` (bytes) not
/// 0 one of each segment of the payload. False when there is none.
template <typename Visit>
bool forEachTag(std::span<const std::byte> bytes, uint16_t segment, Visit&& visit) {
  Arrival arrival;
  if (!parseFrame(bytes, arrival)) return false;
  visit(arrival);
  if (segment < kTagBytes) return true;
  for (size_t at = arrival.tag_offset + segment; at + kTagBytes <= bytes.size(); at += segment) {
    if (readTag(bytes.subspan(at).first<kTagBytes>(), arrival.tag)) visit(arrival);
  }
  return true;
}

}  // namespace platypus::tester
