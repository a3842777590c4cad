// The journey of a packet through this file: version → network header → extension headers or
// options → fragment → transport header → offload fields. Quoted packets take the same way with
// shorter demands.
#include "packet/parse.h"

#include "packet/checksum.h"
#include "packet/fragment.h"
#include "packet/icmp4.h"
#include "packet/icmp6.h"
#include "packet/ipv4.h"
#include "packet/ipv6.h"
#include "packet/protocol.h"
#include "packet/tcp.h"
#include "packet/udp.h"

namespace platypus {
namespace {

/// More extension headers than any honest packet has; bounds the walk (RFC 8200 §4, RFC 9098).
constexpr int kMaxExtensionHeaders = 8;

// IPv4 option kinds (RFC 791 §3.1).
constexpr uint8_t kOptionEnd = 0;
constexpr uint8_t kOptionNop = 1;
constexpr uint8_t kOptionLooseRoute = 131;
constexpr uint8_t kOptionStrictRoute = 137;

uint8_t byteAt(std::span<const std::byte> bytes, size_t index) {
  return std::to_integer<uint8_t>(bytes[index]);
}

/// Walks IPv4 options for a source route that still has hops (RFC 7915 §4.1).
Verdict checkOptions(std::span<const std::byte> options) {
  size_t at = 0;
  while (at < options.size()) {
    const uint8_t kind = byteAt(options, at);
    if (kind == kOptionEnd) break;
    if (kind == kOptionNop) {
      ++at;
      continue;
    }
    if (at + 1 >= options.size()) return Verdict::drop(Counter::kDropV4Options);
    const uint8_t length = byteAt(options, at + 1);
    if (length < 2 || at + length > options.size()) return Verdict::drop(Counter::kDropV4Options);
    if (kind == kOptionLooseRoute || kind == kOptionStrictRoute) {
      if (length < 3) return Verdict::drop(Counter::kDropV4Options);
      if (byteAt(options, at + 2) <= length) {
        return Verdict::refuse(Counter::kDropV4SourceRoute, icmp4::kUnreachable,
                               icmp4::kSourceRouteFailed);
      }
    }
    at += length;
  }
  return Verdict::accept();
}

/// Inlined in both families: this is on every packet's way.
template <bool icmp6>
[[gnu::always_inline]] inline Verdict parseTransport(std::span<const std::byte> bytes,
                                                     PacketView& view) {
  const auto payload = bytes.subspan(view.transport_offset);
  const std::byte* header = payload.data();
  switch (view.protocol) {
    case protocol::kTcp: {
      if (payload.size() < TcpHeader::kSize) {
        return Verdict::drop(Counter::kDropTransportTruncated);
      }
      const auto tcp = load<TcpHeader>(header);
      if (tcp.headerLength() < TcpHeader::kSize ||
          (!view.fragmented && tcp.headerLength() > payload.size())) {
        return Verdict::drop(Counter::kDropTransportTruncated);
      }
      view.transport = Transport::kTcp;
      view.transport_header = tcp.headerLength();
      view.tcp_flags = tcp.flags;
      view.source_port = tcp.source_port;
      view.destination_port = tcp.destination_port;
      return Verdict::accept();
    }
    case protocol::kUdp: {
      if (payload.size() < UdpHeader::kSize) {
        return Verdict::drop(Counter::kDropTransportTruncated);
      }
      const auto udp = load<UdpHeader>(header);
      if (udp.length.host() < UdpHeader::kSize ||
          (!view.fragmented && udp.length.host() > payload.size())) {
        return Verdict::drop(Counter::kDropTransportTruncated);
      }
      view.transport = Transport::kUdp;
      view.transport_header = UdpHeader::kSize;
      view.source_port = udp.source_port;
      view.destination_port = udp.destination_port;
      return Verdict::accept();
    }
    case protocol::kIcmp4:
    case protocol::kIcmp6: {
      if ((view.protocol == protocol::kIcmp6) != icmp6) break;
      if (payload.size() < Icmp4Header::kSize) {
        return Verdict::drop(Counter::kDropTransportTruncated);
      }
      const auto icmp = load<Icmp4Header>(header);
      view.transport_header = Icmp4Header::kSize;
      view.icmp_type = icmp.type;
      view.icmp_code = icmp.code;
      if (icmp6 ? icmp6::isEcho(icmp.type) : icmp4::isEcho(icmp.type)) {
        view.transport = Transport::kIcmpEcho;
        view.source_port = icmp.identifier;
        view.destination_port = icmp.identifier;
      } else {
        view.transport = (icmp6 ? icmp6::isError(icmp.type) : icmp4::isError(icmp.type))
                             ? Transport::kIcmpError
                             : Transport::kIcmpOther;
      }
      return Verdict::accept();
    }
    default:
      break;
  }
  view.transport = Transport::kOther;
  return Verdict::accept();
}

Verdict checkFragment(PacketView& view) {
  if (!view.fragmented) return Verdict::accept();
  // RFC 8200 §4.5: all but the last fragment carry a multiple of 8; none reaches past 65,535.
  if (view.payload_length == 0 || (view.more_fragments && view.payload_length % 8 != 0) ||
      view.fragment_offset + view.payload_length > 65'535) {
    return Verdict::drop(Counter::kDropFragmentMalformed);
  }
  return Verdict::accept();
}

Verdict parseV4(Packet& packet, PacketView& view) {
  if (packet.length() < Ipv4Header::kSize) return Verdict::drop(Counter::kDropV4Truncated);
  const auto header = load<Ipv4Header>(packet.data());
  const uint16_t header_length = header.headerLength();
  const uint16_t total = header.total_length.host();
  if (header_length < Ipv4Header::kSize || total < header_length) {
    return Verdict::drop(Counter::kDropV4HeaderLength);
  }
  if (total > packet.length()) return Verdict::drop(Counter::kDropV4Truncated);
  packet.setLength(total);
  if (foldSum(sumBytes(packet.bytes().first(header_length))) != 0xffff) {
    return Verdict::drop(Counter::kDropV4HeaderChecksum);
  }
  view.version = 4;
  view.protocol = header.protocol;
  view.hop_limit = header.ttl;
  view.traffic_class = header.tos;
  view.dont_fragment = header.dontFragment();
  view.more_fragments = header.moreFragments();
  view.fragment_offset = header.fragmentOffset();
  view.fragmented = view.more_fragments || view.fragment_offset != 0;
  view.identification = header.identification.host();
  view.transport_offset = header_length;
  view.payload_length = uint32_t{total} - header_length;
  Verdict options;
  if (header_length > Ipv4Header::kSize) {
    options =
        checkOptions(packet.bytes().subspan(Ipv4Header::kSize, header_length - Ipv4Header::kSize));
    // One that is answered is looked at to its end: no ICMP error is answered (RFC 1812 §4.3.2.7).
    if (!options.pass && !options.asksForError()) return options;
  }
  if (const Verdict fragment = checkFragment(view); !fragment.pass) return fragment;
  if (view.fragment_offset != 0) return options;
  const Verdict transport = parseTransport<false>(packet.bytes(), view);
  return options.pass ? transport : options;
}

bool isExtensionHeader(uint8_t next) {
  return next == protocol::kHopByHop || next == protocol::kRouting ||
         next == protocol::kDestinationOptions;
}

Verdict parseV6(Packet& packet, PacketView& view) {
  if (packet.length() < Ipv6Header::kSize) return Verdict::drop(Counter::kDropV6Truncated);
  const auto header = load<Ipv6Header>(packet.data());
  const uint32_t total = Ipv6Header::kSize + uint32_t{header.payload_length.host()};
  if (total > packet.length()) return Verdict::drop(Counter::kDropV6Truncated);
  packet.setLength(total);
  const std::span<const std::byte> bytes = packet.bytes();
  view.version = 6;
  view.hop_limit = header.hop_limit;
  view.traffic_class = header.trafficClass();

  uint8_t next = header.next_header;
  uint32_t at = Ipv6Header::kSize;
  Verdict routing;
  for (int count = 0; isExtensionHeader(next); ++count) {
    if (count == kMaxExtensionHeaders || at + 8 > total) {
      return Verdict::drop(Counter::kDropV6ExtensionHeaders);
    }
    const uint32_t length = 8 + 8u * byteAt(bytes, at + 1);
    if (at + length > total) return Verdict::drop(Counter::kDropV6ExtensionHeaders);
    if (next == protocol::kRouting && byteAt(bytes, at + 3) != 0 && routing.pass) {
      // RFC 7915 §5.1: Segments Left is not zero; the pointer names that octet. The walk goes on,
      // because no ICMPv6 error is answered (RFC 4443 §2.4 (e)).
      routing = Verdict::refuse(Counter::kDropV6RoutingHeader, icmp6::kParameterProblem, 0, at + 3);
    }
    next = byteAt(bytes, at);
    at += length;
  }
  if (next == protocol::kFragment) {
    if (at + FragmentHeader::kSize > total) {
      return Verdict::drop(Counter::kDropV6ExtensionHeaders);
    }
    const auto fragment = load<FragmentHeader>(bytes.data() + at);
    next = fragment.next_header;
    // RFC 7915 §5.1.1: more headers behind the Fragment Header cannot be told in IPv4.
    if (isExtensionHeader(next) || next == protocol::kFragment ||
        next == protocol::kAuthentication) {
      view.protocol = next;
      return Verdict::drop(Counter::kDropFragmentExtensionHeader);
    }
    view.fragment_header = true;
    view.more_fragments = fragment.moreFragments();
    view.fragment_offset = fragment.offset();
    view.fragmented = view.more_fragments || view.fragment_offset != 0;
    view.identification = fragment.identification.host();
    at += FragmentHeader::kSize;
  }
  view.protocol = next;
  view.transport_offset = static_cast<uint16_t>(at);
  view.payload_length = total - at;
  if (const Verdict fragment = checkFragment(view); !fragment.pass) return fragment;
  if (view.fragment_offset != 0) return routing;
  const Verdict transport = parseTransport<true>(bytes, view);
  return routing.pass ? transport : routing;
}

bool isIcmp(Transport transport) {
  return transport == Transport::kIcmpEcho || transport == Transport::kIcmpError ||
         transport == Transport::kIcmpOther;
}
constexpr uint16_t kIcmpChecksumOffset = 2;

/// The kernel is not hostile, but a wrong offset would make us write where we must not.
[[gnu::noinline]] Verdict checkOffload(Packet& packet, const PacketView& view) {
  Offload& offload = packet.offload;
  const uint8_t kind = offload.gsoKind();
  if (kind != Offload::kGsoNone) {
    const bool tcp = view.transport == Transport::kTcp;
    const bool known = (kind == Offload::kGsoTcp4 && tcp && view.version == 4) ||
                       (kind == Offload::kGsoTcp6 && tcp && view.version == 6) ||
                       (kind == Offload::kGsoUdp && view.transport == Transport::kUdp);
    if (!known || view.fragmented || offload.gso_size == 0 || !offload.needsChecksum()) {
      return Verdict::drop(Counter::kDropOffloadMalformed);
    }
    // One segment's worth is an ordinary packet; saying so keeps the size rules in one place.
    if (view.payload_length <= uint32_t{view.transport_header} + offload.gso_size) {
      offload.gso_type = Offload::kGsoNone;
      offload.gso_size = 0;
    }
  }
  if (offload.needsChecksum()) {
    const bool field = (view.transport != Transport::kTcp ||
                        offload.checksum_offset == TcpHeader::kChecksumOffset) &&
                       (view.transport != Transport::kUdp ||
                        offload.checksum_offset == UdpHeader::kChecksumOffset) &&
                       (!isIcmp(view.transport) || offload.checksum_offset == kIcmpChecksumOffset);
    const bool fits = field && offload.checksum_start == view.transport_offset &&
                      offload.checksum_offset + 2u <= view.payload_length;
    if (!fits || view.fragmented) return Verdict::drop(Counter::kDropOffloadMalformed);
  }
  return Verdict::accept();
}

/// Ports or identifier of a quoted packet; the first 8 transport bytes are all an error must quote.
Verdict parseQuotedTransport(std::span<const std::byte> payload, bool icmp6, QuotedView& view) {
  view.quoted_payload = static_cast<uint32_t>(payload.size());
  if (view.fragment_offset != 0) return Verdict::accept();
  const bool icmp = view.protocol == (icmp6 ? protocol::kIcmp6 : protocol::kIcmp4);
  if (view.protocol != protocol::kTcp && view.protocol != protocol::kUdp && !icmp) {
    view.transport = Transport::kOther;
    return Verdict::accept();
  }
  if (payload.size() < 8) return Verdict::drop(Counter::kDropIcmpErrorTruncated);
  if (!icmp) {
    const auto udp = load<UdpHeader>(payload.data());
    view.transport = view.protocol == protocol::kTcp ? Transport::kTcp : Transport::kUdp;
    view.source_port = udp.source_port;
    view.destination_port = udp.destination_port;
    return Verdict::accept();
  }
  const auto header = load<Icmp4Header>(payload.data());
  view.icmp_type = header.type;
  // RFC 7915 §4.3: an error inside an error is not translated.
  if (!(icmp6 ? icmp6::isEcho(header.type) : icmp4::isEcho(header.type))) {
    return Verdict::drop(Counter::kDropIcmpErrorInner);
  }
  view.transport = Transport::kIcmpEcho;
  view.source_port = header.identifier;
  view.destination_port = header.identifier;
  return Verdict::accept();
}

}  // namespace

Verdict parse(Packet& packet, PacketView& view) {
  view = PacketView();
  if (packet.length() == 0) return Verdict::drop(Counter::kDropNotIp);
  Verdict verdict;
  switch (std::to_integer<uint8_t>(packet.data()[0]) >> 4) {
    case 4:
      verdict = parseV4(packet, view);
      break;
    case 6:
      verdict = parseV6(packet, view);
      break;
    default:
      return Verdict::drop(Counter::kDropNotIp);
  }
  const bool plain = (packet.offload.flags | packet.offload.gso_type) == 0;
  return plain || !verdict.pass ? verdict : checkOffload(packet, view);
}

Verdict parseQuotedV4(std::span<const std::byte> quoted, QuotedView& view) {
  view = QuotedView();
  if (quoted.size() < Ipv4Header::kSize) return Verdict::drop(Counter::kDropIcmpErrorTruncated);
  const auto header = load<Ipv4Header>(quoted.data());
  const uint16_t header_length = header.headerLength();
  if (header.version() != 4 || header_length < Ipv4Header::kSize ||
      header.total_length.host() < header_length) {
    return Verdict::drop(Counter::kDropIcmpErrorInner);
  }
  if (quoted.size() < header_length) return Verdict::drop(Counter::kDropIcmpErrorTruncated);
  if (foldSum(sumBytes(quoted.first(header_length))) != 0xffff) {
    return Verdict::drop(Counter::kDropIcmpErrorInnerChecksum);
  }
  view.protocol = header.protocol;
  view.hop_limit = header.ttl;
  view.traffic_class = header.tos;
  view.dont_fragment = header.dontFragment();
  view.more_fragments = header.moreFragments();
  view.fragment_offset = header.fragmentOffset();
  view.fragment_header = view.more_fragments || view.fragment_offset != 0;
  view.identification = header.identification.host();
  view.transport_offset = header_length;
  view.claimed_payload = uint32_t{header.total_length.host()} - header_length;
  // Padding after a short packet is not part of it (RFC 5508 REQ-3d).
  const auto payload = quoted.subspan(header_length);
  return parseQuotedTransport(
      payload.first(payload.size() < view.claimed_payload ? payload.size() : view.claimed_payload),
      false, view);
}

Verdict parseQuotedV6(std::span<const std::byte> quoted, QuotedView& view) {
  view = QuotedView();
  if (quoted.size() < Ipv6Header::kSize) return Verdict::drop(Counter::kDropIcmpErrorTruncated);
  const auto header = load<Ipv6Header>(quoted.data());
  if (header.version() != 6) return Verdict::drop(Counter::kDropIcmpErrorInner);
  view.hop_limit = header.hop_limit;
  view.traffic_class = header.trafficClass();
  uint8_t next = header.next_header;
  uint32_t at = Ipv6Header::kSize;
  for (int count = 0; isExtensionHeader(next); ++count) {
    if (count == kMaxExtensionHeaders) return Verdict::drop(Counter::kDropIcmpErrorInner);
    if (at + 8 > quoted.size()) return Verdict::drop(Counter::kDropIcmpErrorTruncated);
    next = byteAt(quoted, at);
    at += 8 + 8u * byteAt(quoted, at + 1);
  }
  if (next == protocol::kFragment) {
    if (at + FragmentHeader::kSize > quoted.size()) {
      return Verdict::drop(Counter::kDropIcmpErrorTruncated);
    }
    const auto fragment = load<FragmentHeader>(quoted.data() + at);
    next = fragment.next_header;
    view.fragment_header = true;
    view.more_fragments = fragment.moreFragments();
    view.fragment_offset = fragment.offset();
    view.identification = fragment.identification.host();
    at += FragmentHeader::kSize;
  }
  const uint32_t total = Ipv6Header::kSize + uint32_t{header.payload_length.host()};
  if (at > total) return Verdict::drop(Counter::kDropIcmpErrorInner);
  if (at > quoted.size()) return Verdict::drop(Counter::kDropIcmpErrorTruncated);
  view.protocol = next;
  view.transport_offset = static_cast<uint16_t>(at);
  view.claimed_payload = total - at;
  const auto payload = quoted.subspan(at);
  return parseQuotedTransport(
      payload.first(payload.size() < view.claimed_payload ? payload.size() : view.claimed_payload),
      true, view);
}

}  // namespace platypus
