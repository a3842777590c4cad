// What has to happen to a packet's size on its way: nothing, smaller segments, or pieces.
#pragma once

#include <cstdint>

namespace platypus {

struct Sizing {
  /// The translated packet may be cut by fragments.h where it is longer than `limit`; in IPv4 its
  /// DF stays 0.
  bool fragment = false;
  /// Longest fragment, bytes.
  uint16_t limit = 0;
  /// A UDP super-packet whose datagrams do not fit: split it first (segments.h), then translate
  /// each.
  bool split = false;
  /// New gso_size of a TCP super-packet, 0 for no change.
  uint16_t gso_size = 0;
};

}  // namespace platypus
