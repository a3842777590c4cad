// RFC 7915 §5: hop limit and size → addresses, ports and checksum → IPv4 header in front.
#include "siit/v6_to_v4.h"

#include "packet/icmp4.h"
#include "packet/icmp6.h"
#include "packet/ipv4.h"
#include "packet/ipv6.h"
#include "packet/protocol.h"
#include "siit/icmp_map.h"
#include "siit/mtu.h"
#include "siit/transport.h"

namespace platypus {
Verdict admitV6ToV4(const Packet& packet, const PacketView& view, uint16_t mtu4, bool decrement,
                    bool reassembled, Sizing& sizing) {
  if (decrement && view.hop_limit <= 1) {
    return Verdict::refuse(Counter::kDropHopLimit, icmp6::kTimeExceeded, 0);
  }
  sizing = {};
  sizing.fragment = reassembled;
  sizing.limit = mtu4;
  // The rewritten error is cut to its own largest size.
  if (view.transport == Transport::kIcmpError) return Verdict::accept();
  const Offload& offload = packet.offload;
  if (view.transport == Transport::kUdp && !offload.needsChecksum() &&
      load<Be16>(packet.data() + view.transport_offset + UdpHeader::kChecksumOffset).wire() == 0) {
    return Verdict::drop(Counter::kDropUdpChecksumZero);
  }
  const uint32_t length = Ipv4Header::kSize + view.payload_length;
  if (length > 65'535) return Verdict::drop(Counter::kDropTooLongForV4);
  if (length <= mtu4) return Verdict::accept();

  if (offload.isGso()) {
    const uint32_t headers = uint32_t{Ipv4Header::kSize} + view.transport_header;
    if (headers + offload.gso_size <= mtu4) return Verdict::accept();
    if (view.transport == Transport::kTcp && mtu4 > headers) {
      sizing.gso_size = static_cast<uint16_t>(mtu4 - headers);
    } else {
      sizing.split = true;
    }
    return Verdict::accept();
  }
  // RFC 7915 §5.1.1: a sender that keeps to 1280 cannot do better, so the translator fragments.
  if (reassembled || packet.length() <= Ipv6Header::kMinimumMtu) {
    sizing.fragment = true;
    return Verdict::accept();
  }
  const uint32_t difference = kHeaderDifference + (view.fragment_header ? 8 : 0);
  return Verdict::refuse(Counter::kDropTooBigV4, icmp6::kPacketTooBig, 0,
                         std::max<uint32_t>(mtu4 + difference, Ipv6Header::kMinimumMtu));
}

void rewriteV6ToV4(Packet& packet, const PacketView& view, const Endpoints4& endpoints,
                   const TranslationPolicy& policy, bool decrement, const Sizing& sizing,
                   IdentificationSource& identifications) {
  Offload& offload = packet.offload;
  std::byte* transport = packet.data() + view.transport_offset;
  const auto old = load<Ipv6Header>(packet.data());
  uint8_t protocol = view.protocol;
  switch (view.transport) {
    case Transport::kTcp:
    case Transport::kUdp: {
      ChecksumDelta delta;
      if (endpoints.checksum_delta != 0 && !offload.needsChecksum()) {
        delta.addSum(endpoints.checksum_delta);
        rewriteTcpUdpBy(transport, view.transport, delta, endpoints.source_port,
                        endpoints.destination_port);
        break;
      }
      delta.remove(old.source);
      delta.remove(old.destination);
      delta.add(endpoints.source);
      delta.add(endpoints.destination);
      rewriteTcpUdp(transport, view.transport, offload.needsChecksum(), delta,
                    endpoints.source_port, endpoints.destination_port);
      break;
    }
    case Transport::kIcmpEcho: {
      finishChecksum(packet);
      protocol = protocol::kIcmp4;
      auto icmp = load<Icmp6Header>(transport);
      ChecksumDelta delta;
      // RFC 7915 §5.2: the ICMPv6 checksum covers a pseudo-header, ICMPv4's does not.
      delta.removeSum(
          sumPseudoHeader(old.source, old.destination, view.payload_length, protocol::kIcmp6));
      delta.remove(load<Be16>(transport));
      delta.remove(icmp.identifier);
      icmp.type = mapIcmpV6ToV4(icmp.type, 0, 0).type;
      icmp.identifier = endpoints.source_port;
      store(transport, icmp);
      delta.add(load<Be16>(transport));
      delta.add(icmp.identifier);
      icmp.checksum = delta.apply(icmp.checksum);
      // An echo reply may be zeros throughout; only there the two zeros of one's complement differ,
      // and a receiver takes 0xffff.
      if (icmp.checksum.wire() == 0 && icmp.type == icmp4::kEchoReply &&
          sumBytes(packet.bytes().subspan(view.transport_offset + 4u)) == 0) {
        icmp.checksum = Be16(0xffff);
      }
      store(transport, icmp);
      break;
    }
    default:
      // A later fragment of ICMPv6 never comes here (stateless.h refuses, nat64/ reassembles).
      break;
  }

  if (policy.mss_clamp != 0) clampMss(transport, view, policy.mss_clamp, offload.needsChecksum());

  const uint32_t length = Ipv4Header::kSize + view.payload_length;
  Ipv4Header header;
  header.tos = policy.tos < 0 ? view.traffic_class : static_cast<uint8_t>(policy.tos);
  header.total_length = Be16(static_cast<uint16_t>(length));
  header.ttl = static_cast<uint8_t>(view.hop_limit - (decrement ? 1 : 0));
  header.protocol = protocol;
  header.source = endpoints.source;
  header.destination = endpoints.destination;
  if (sizing.gso_size != 0) offload.gso_size = sizing.gso_size;
  if (view.fragment_header) {
    // RFC 7915 §5.1.1: DF is 0, the low 16 bits of the identification are kept.
    header.identification = Be16(static_cast<uint16_t>(view.identification));
    header.flags_offset = Be16(static_cast<uint16_t>(
        (view.fragment_offset / 8) | (view.more_fragments ? Ipv4Header::kMoreFragments : 0)));
  } else {
    const uint32_t on_wire =
        offload.isGso() ? uint32_t{Ipv4Header::kSize} + view.transport_header + offload.gso_size
                        : length;
    header.identification =
        Be16(identifications.next(endpoints.source, endpoints.destination, protocol));
    const bool dont_fragment = on_wire > kLargestWithoutDf && !sizing.fragment;
    header.flags_offset = Be16(dont_fragment ? Ipv4Header::kDontFragment : uint16_t{0});
  }
  header.computeChecksum();

  packet.moveStart(int32_t{view.transport_offset} - Ipv4Header::kSize);
  header.writeTo(packet.data());
  if (offload.needsChecksum()) {
    offload.checksum_start = Ipv4Header::kSize;
    offload.header_length = static_cast<uint16_t>(Ipv4Header::kSize + view.transport_header);
    if (offload.gsoKind() == Offload::kGsoTcp6) {
      offload.gso_type =
          static_cast<uint8_t>(Offload::kGsoTcp4 | (offload.gso_type & Offload::kGsoEcn));
    }
  }
}

}  // namespace platypus
