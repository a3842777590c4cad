#include "dataplane/events.h"

#include "dataplane/wall_clock.h"
#include "packet/ipv4.h"
#include "packet/ipv6.h"

namespace platypus {

void DropEvents::add(const Packet& packet, const PacketView& view, Counter reason) {
  if (count == kMost) {
    ++lost;
    return;
  }
  DropEvent& event = events[count++];
  event = {};
  event.time_ms = wallClockMs();
  event.reason = reason;
  event.version = view.version;
  event.protocol = view.protocol;
  if (view.version == 4) {
    const auto header = load<Ipv4Header>(packet.data());
    event.source4 = header.source;
    event.destination4 = header.destination;
  } else {
    const auto header = load<Ipv6Header>(packet.data());
    event.source6 = header.source;
    event.destination6 = header.destination;
  }
  event.has_ports = view.transport == Transport::kTcp || view.transport == Transport::kUdp;
  if (event.has_ports) {
    event.source_port = view.source_port.host();
    event.destination_port = view.destination_port.host();
  }
}

}  // namespace platypus
