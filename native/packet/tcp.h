// TCP header (RFC 9293 §3.1).
#pragma once

#include "packet/byte_order.h"

namespace platypus {

struct TcpHeader {
  Be16 source_port;
  Be16 destination_port;
  Be32 sequence;
  Be32 acknowledgment;
  uint8_t data_offset = 0x50;
  uint8_t flags = 0;
  Be16 window;
  Be16 checksum;
  Be16 urgent;

  static constexpr uint16_t kSize = 20;
  static constexpr uint16_t kChecksumOffset = 16;
  static constexpr uint8_t kFin = 0x01;
  static constexpr uint8_t kSyn = 0x02;
  static constexpr uint8_t kRst = 0x04;
  static constexpr uint8_t kAck = 0x10;

  uint16_t headerLength() const { return static_cast<uint16_t>((data_offset >> 4) * 4); }
};
static_assert(sizeof(TcpHeader) == TcpHeader::kSize);

}  // namespace platypus
