#include "dataplane/trace.h"

#include <algorithm>

#include "dataplane/wall_clock.h"
#include "packet/ipv4.h"
#include "packet/ipv6.h"
#include "packet/parse.h"
#include "packet/protocol.h"
#include "siit/transport.h"

namespace platypus {
namespace {

/// ICMP is one protocol to who traces it.
uint8_t familyless(uint8_t protocol) {
  return protocol == protocol::kIcmp6 ? protocol::kIcmp4 : protocol;
}

bool isIn(const std::optional<Ipv4Prefix>& prefix, Ipv4Address address) {
  return prefix && prefix->contains(address);
}

}  // namespace

TracePage::TracePage() {
  records.reserve(kRecords);
  packets.reserve(kPackets);
  bytes.reserve(kBytes);
}

void Trace::begin(const Packet& packet, const Pool6& pool6) {
  open_ = true;
  full_ = page_->records.size() == TracePage::kRecords;
  v6_ = !filter_.v6;
  v4_ = !filter_.v4;
  protocol_ = !filter_.protocol;
  port_ = !filter_.port;
  record_ = {wallClockMs(), Counter::kCount};
  packets_before_ = page_->packets.size();
  bytes_before_ = page_->bytes.size();
  keep(packet, false, pool6);
}

void Trace::sent(const Packet& packet, const Pool6& pool6) {
  if (open_) keep(packet, true, pool6);
}

void Trace::dropped(Counter reason) {
  if (open_) record_.reason = reason;
}

void Trace::end() {
  open_ = false;
  const bool dropped = record_.reason != Counter::kCount;
  const bool wanted = v6_ && v4_ && protocol_ && port_ && (dropped || !filter_.drops_only);
  if (wanted && !full_) {
    page_->records.push_back(record_);
    return;
  }
  if (wanted) ++page_->lost;
  page_->packets.resize(packets_before_);
  page_->bytes.resize(bytes_before_);
}

void Trace::keep(const Packet& packet, bool out, const Pool6& pool6) {
  match(packet, pool6);
  const uint32_t kept = std::min<uint32_t>(packet.length(), filter_.snap_bytes);
  if (full_ || page_->packets.size() == TracePage::kPackets ||
      page_->bytes.size() + kept > TracePage::kBytes) {
    full_ = true;
    return;
  }
  page_->packets.push_back({static_cast<uint32_t>(page_->records.size()), out, packet.length(),
                            static_cast<uint32_t>(page_->bytes.size()), kept});
  page_->bytes.insert(page_->bytes.end(), packet.data(), packet.data() + kept);
  // As it will be on the wire. The checksum of a super-packet is none of any wire's.
  const Offload& offload = packet.offload;
  const uint32_t field = uint32_t{offload.checksum_start} + offload.checksum_offset;
  if (offload.needsChecksum() && !offload.isGso() && field + 2 <= kept) {
    store(page_->bytes.data() + page_->packets.back().at + field, finishedChecksum(packet));
  }
}

void Trace::match(const Packet& packet, const Pool6& pool6) {
  const unsigned version = packet.version();
  if (version == 6 && packet.length() >= Ipv6Header::kSize) {
    const auto header = load<Ipv6Header>(packet.data());
    for (const Ipv6Address& address : {header.source, header.destination}) {
      v6_ = v6_ || filter_.v6->contains(address);
      if (const auto inside = pool6.match(address)) v4_ = v4_ || isIn(filter_.v4, inside->address);
    }
  } else if (version == 4 && packet.length() >= Ipv4Header::kSize) {
    const auto header = load<Ipv4Header>(packet.data());
    v4_ = v4_ || isIn(filter_.v4, header.source) || isIn(filter_.v4, header.destination);
  }
  Packet copy = packet;  // the same bytes; parse() only shortens the view of them
  PacketView view;
  if (!parse(copy, view).pass && view.protocol == 0) return;
  protocol_ = protocol_ || familyless(view.protocol) == familyless(*filter_.protocol);
  if (view.transport == Transport::kTcp || view.transport == Transport::kUdp) {
    port_ = port_ || view.source_port.host() == *filter_.port ||
            view.destination_port.host() == *filter_.port;
  }
}

}  // namespace platypus
