// IPv6 header (RFC 8200 §3).
#pragma once

#include "packet/address.h"
#include "packet/byte_order.h"

namespace platypus {

struct Ipv6Header {
  Be32 version_class_flow{0x60000000};
  Be16 payload_length;
  uint8_t next_header = 0;
  uint8_t hop_limit = 0;
  Ipv6Address source;
  Ipv6Address destination;

  static constexpr uint16_t kSize = 40;
  /// Every IPv6 link carries packets of this size (RFC 8200 §5).
  static constexpr uint16_t kMinimumMtu = 1280;

  uint8_t version() const { return static_cast<uint8_t>(version_class_flow.host() >> 28); }
  uint8_t trafficClass() const { return static_cast<uint8_t>(version_class_flow.host() >> 20); }
  /// Sets version 6, the traffic class, and flow label 0.
  void setTrafficClass(uint8_t value) {
    version_class_flow = Be32(0x60000000u | (uint32_t{value} << 20));
  }

  /// Writes the header in words: reading it back as a whole from fields just written would wait for
  /// the store buffer.
  void writeTo(std::byte* to) const {
    store(to, version_class_flow);
    store(to + 4,
          Be32(uint32_t{payload_length.host()} << 16 | uint32_t{next_header} << 8 | hop_limit));
    store(to + 8, source);
    store(to + 24, destination);
  }
};
static_assert(sizeof(Ipv6Header) == Ipv6Header::kSize);

}  // namespace platypus
