// IPv6 Fragment Header (RFC 8200 §4.5).
#pragma once

#include "packet/byte_order.h"

namespace platypus {

struct FragmentHeader {
  uint8_t next_header = 0;
  uint8_t reserved = 0;
  Be16 offset_more;
  Be32 identification;

  static constexpr uint16_t kSize = 8;

  /// In bytes.
  uint16_t offset() const { return static_cast<uint16_t>(offset_more.host() & 0xfff8); }
  bool moreFragments() const { return (offset_more.host() & 1) != 0; }
  void setOffset(uint16_t bytes, bool more) {
    offset_more = Be16(static_cast<uint16_t>((bytes & 0xfff8) | (more ? 1 : 0)));
  }
};
static_assert(sizeof(FragmentHeader) == FragmentHeader::kSize);

}  // namespace platypus
