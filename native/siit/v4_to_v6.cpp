// RFC 7915 §4: addresses, TTL and size → ports and checksum → IPv6 header in front.
#include "siit/v4_to_v6.h"

#include "packet/fragment.h"
#include "packet/icmp4.h"
#include "packet/icmp6.h"
#include "packet/ipv4.h"
#include "packet/ipv6.h"
#include "packet/protocol.h"
#include "siit/icmp_map.h"
#include "siit/mtu.h"
#include "siit/prefix.h"
#include "siit/transport.h"

namespace platypus {
namespace {

Be16 udpChecksum(const std::byte* transport) {
  return load<Be16>(transport + UdpHeader::kChecksumOffset);
}

Verdict admitSize(const Packet& packet, const PacketView& view, const TranslationPolicy& policy,
                  bool reassembled, Sizing& sizing) {
  const Offload& offload = packet.offload;
  const uint32_t headers =
      uint32_t{Ipv6Header::kSize} + (view.fragmented ? FragmentHeader::kSize : 0);
  const bool may_fragment = !view.dont_fragment || reassembled;
  // RFC 7915 §4.1: with DF the next hop's MTU counts; without it nobody would hear of a smaller MTU
  // further on, so the packet is cut to what every path carries.
  const uint32_t limit = may_fragment ? fragmentLimitV6(policy) : policy.mtu6;
  sizing.limit = static_cast<uint16_t>(limit);
  if (offload.isGso()) {
    const uint32_t segment_headers = headers + view.transport_header;
    if (segment_headers + offload.gso_size <= limit) return Verdict::accept();
    if (view.transport == Transport::kTcp && limit > segment_headers) {
      sizing.gso_size = static_cast<uint16_t>(limit - segment_headers);
    } else {
      sizing.split = true;
    }
    return Verdict::accept();
  }
  if (headers + view.payload_length <= limit) return Verdict::accept();
  if (may_fragment) {
    sizing.fragment = true;
    return Verdict::accept();
  }
  return Verdict::refuse(
      Counter::kDropTooBigV6, icmp4::kUnreachable, icmp4::kFragmentationNeeded,
      policy.mtu6 - kHeaderDifference - (view.fragmented ? FragmentHeader::kSize : 0));
}

}  // namespace

Verdict admitV4ToV6(const Packet& packet, const PacketView& view, const TranslationPolicy& policy,
                    bool decrement, bool reassembled, Sizing& sizing) {
  const auto header = load<Ipv4Header>(packet.data());
  // RFC 7915 §4.1: an ICMP error is let through whatever its source, for troubleshooting.
  if (view.transport != Transport::kIcmpError && isIllegalSource(header.source)) {
    return Verdict::drop(Counter::kDropV4Source);
  }
  if (!isUnicastDestination(header.destination)) return Verdict::drop(Counter::kDropV4Destination);
  if (view.protocol == protocol::kIgmp) return Verdict::drop(Counter::kDropIgmp);
  if (decrement && view.hop_limit <= 1) {
    return Verdict::refuse(Counter::kDropHopLimit, icmp4::kTimeExceeded, 0);
  }
  sizing = {};
  // The rewritten error is cut to its own largest size.
  if (view.transport == Transport::kIcmpError) return Verdict::accept();
  if (view.transport == Transport::kUdp && !packet.offload.needsChecksum() &&
      udpChecksum(packet.data() + view.transport_offset).wire() == 0 &&
      (view.fragmented || policy.udp_zero_checksum == UdpZeroChecksum::kDrop)) {
    return Verdict::drop(Counter::kDropUdpChecksumZero);
  }
  return admitSize(packet, view, policy, reassembled, sizing);
}

void rewriteV4ToV6(Packet& packet, const PacketView& view, const Endpoints6& endpoints,
                   const TranslationPolicy& policy, bool decrement, const Sizing& sizing) {
  Offload& offload = packet.offload;
  std::byte* transport = packet.data() + view.transport_offset;
  const auto old = load<Ipv4Header>(packet.data());
  uint8_t next_header = view.protocol;
  switch (view.transport) {
    case Transport::kTcp:
    case Transport::kUdp: {
      const bool partial = offload.needsChecksum();
      if (view.transport == Transport::kUdp && !partial && udpChecksum(transport).wire() == 0) {
        // RFC 7915 §4.5: IPv6 has no "no checksum". An unset field counts as a sum of nothing.
        const uint16_t length = load<UdpHeader>(transport).length.host();
        store(transport, endpoints.source_port);
        store(transport + 2, endpoints.destination_port);
        Be16 checksum = finishSum(
            sumPseudoHeader(endpoints.source, endpoints.destination, length, protocol::kUdp) +
            sumBytes({transport, length}));
        if (checksum.wire() == 0) checksum = Be16(0xffff);
        store(transport + UdpHeader::kChecksumOffset, checksum);
        break;
      }
      ChecksumDelta delta;
      if (endpoints.checksum_delta != 0 && !partial) {
        delta.removeSum(endpoints.checksum_delta);
        rewriteTcpUdpBy(transport, view.transport, delta, endpoints.source_port,
                        endpoints.destination_port);
        break;
      }
      delta.remove(old.source);
      delta.remove(old.destination);
      delta.add(endpoints.source);
      delta.add(endpoints.destination);
      rewriteTcpUdp(transport, view.transport, partial, delta, endpoints.source_port,
                    endpoints.destination_port);
      break;
    }
    case Transport::kIcmpEcho: {
      finishChecksum(packet);
      next_header = protocol::kIcmp6;
      auto icmp = load<Icmp4Header>(transport);
      ChecksumDelta delta;
      delta.remove(load<Be16>(transport));
      delta.remove(icmp.identifier);
      icmp.type = mapIcmpV4ToV6(icmp.type, 0, 0).type;
      icmp.identifier = endpoints.source_port;
      store(transport, icmp);
      delta.add(load<Be16>(transport));
      delta.add(icmp.identifier);
      delta.addSum(sumPseudoHeader(endpoints.source, endpoints.destination, view.payload_length,
                                   protocol::kIcmp6));
      icmp.checksum = delta.apply(icmp.checksum);
      store(transport, icmp);
      break;
    }
    default:
      if (view.protocol == protocol::kIcmp4) next_header = protocol::kIcmp6;
      break;
  }

  if (policy.mss_clamp != 0) clampMss(transport, view, policy.mss_clamp, offload.needsChecksum());

  const uint16_t fragment_bytes = view.fragmented ? FragmentHeader::kSize : 0;
  Ipv6Header header;
  header.setTrafficClass(policy.traffic_class < 0 ? view.traffic_class
                                                  : static_cast<uint8_t>(policy.traffic_class));
  header.payload_length = Be16(static_cast<uint16_t>(view.payload_length + fragment_bytes));
  header.next_header = view.fragmented ? protocol::kFragment : next_header;
  header.hop_limit = static_cast<uint8_t>(view.hop_limit - (decrement ? 1 : 0));
  header.source = endpoints.source;
  header.destination = endpoints.destination;

  packet.moveStart(int32_t{view.transport_offset} - Ipv6Header::kSize - fragment_bytes);
  header.writeTo(packet.data());
  if (view.fragmented) {
    FragmentHeader fragment;
    fragment.next_header = next_header;
    fragment.setOffset(view.fragment_offset, view.more_fragments);
    fragment.identification = Be32(view.identification);
    store(packet.data() + Ipv6Header::kSize, fragment);
  }
  if (offload.needsChecksum()) {
    if (sizing.gso_size != 0) offload.gso_size = sizing.gso_size;
    offload.checksum_start = Ipv6Header::kSize;
    offload.header_length = static_cast<uint16_t>(Ipv6Header::kSize + view.transport_header);
    if (offload.gsoKind() == Offload::kGsoTcp4) {
      offload.gso_type =
          static_cast<uint8_t>(Offload::kGsoTcp6 | (offload.gso_type & Offload::kGsoEcn));
    }
  }
}

}  // namespace platypus
