// UDP header (RFC 768).
#pragma once

#include "packet/byte_order.h"

namespace platypus {

struct UdpHeader {
  Be16 source_port;
  Be16 destination_port;
  Be16 length;
  Be16 checksum;

  static constexpr uint16_t kSize = 8;
  static constexpr uint16_t kChecksumOffset = 6;
};
static_assert(sizeof(UdpHeader) == UdpHeader::kSize);

}  // namespace platypus
