// Drops that the administrator is told about one by one, with addresses and ports (RFC 7915 §4.5,
// §5.1.1): a bounded list that the control thread takes away from time to time.
//
// Ownership: one worker.
#pragma once

#include <array>
#include <cstdint>

#include "packet/address.h"
#include "packet/counter.h"
#include "packet/packet.h"
#include "packet/parse.h"

namespace platypus {

struct DropEvent {
  uint64_t time_ms = 0;  // since 1970
  Counter reason = Counter::kCount;
  uint8_t version = 4;
  uint8_t protocol = 0;
  bool has_ports = false;
  uint16_t source_port = 0;
  uint16_t destination_port = 0;
  Ipv4Address source4;
  Ipv4Address destination4;
  Ipv6Address source6;
  Ipv6Address destination6;
};

/// What was kept since it was last taken.
struct DropEvents {
  static constexpr size_t kMost = 64;
  std::array<DropEvent, kMost> events;
  size_t count = 0;
  uint64_t lost = 0;

  static constexpr bool wants(Counter reason) {
    return reason == Counter::kDropUdpChecksumZero ||
           reason == Counter::kDropFragmentExtensionHeader;
  }
  void add(const Packet& packet, const PacketView& view, Counter reason);
};

}  // namespace platypus
