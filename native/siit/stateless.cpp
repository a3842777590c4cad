#include "siit/stateless.h"

#include "packet/icmp4.h"
#include "packet/icmp6.h"
#include "packet/ipv4.h"
#include "packet/ipv6.h"
#include "packet/protocol.h"
#include "siit/icmp_error.h"
#include "siit/v4_to_v6.h"
#include "siit/v6_to_v4.h"

namespace platypus {
namespace {

/// RFC 6052 §3.1: the well-known prefix does not stand for addresses that are not global.
bool forbidden(const Pref64& prefix, Ipv4Address address, const TranslationPolicy& policy) {
  return !policy.allow_non_global && prefix.isWellKnown() && isNonGlobal(address);
}

bool illegalSource(const Ipv6Address& source) {
  return source.isMulticast() || source.isUnspecified() || source.isLoopback();
}

/// Maps one IPv6 address; the verdict says why it cannot be.
Verdict map(const Ipv6Address& ipv6, const Pool6& pool6, const TranslationPolicy& policy,
            Counter reason, Ipv4Address& ipv4) {
  const auto match = pool6.match(ipv6);
  if (!match) return Verdict::refuse(reason, icmp6::kUnreachable, icmp6::kProhibited);
  if (forbidden(pool6[match->index], match->address, policy)) {
    return Verdict::refuse(Counter::kDropNonGlobal, icmp6::kUnreachable, icmp6::kProhibited);
  }
  ipv4 = match->address;
  return Verdict::accept();
}

/// Protocol numbers that mean something else in the other family: an IPv4 packet that claims one of
/// these would come out with IPv6 extension headers, or as ICMPv6, of its sender's making.
bool isForeignProtocol(const PacketView& view) {
  const uint8_t p = view.protocol;
  if (view.version == 6) return p == protocol::kIcmp4 || p == protocol::kIgmp;
  return p == protocol::kHopByHop || p == protocol::kRouting || p == protocol::kFragment ||
         p == protocol::kDestinationOptions || p == protocol::kIcmp6;
}

/// RFC 7915 §1.2: the length under a fragmented ICMP message's pseudo-header is not known.
bool isFragmentedIcmp(const PacketView& view) {
  return view.fragmented &&
         view.protocol == (view.version == 4 ? protocol::kIcmp4 : protocol::kIcmp6);
}

}  // namespace

Verdict translateV6ToV4(Packet& packet, const PacketView& view, const Pool6& pool6,
                        const TranslationPolicy& policy, IdentificationSource& identifications,
                        Sizing& sizing) {
  const auto header = load<Ipv6Header>(packet.data());
  if (illegalSource(header.source)) return Verdict::drop(Counter::kDropV6Source);
  if (header.destination.isMulticast()) return Verdict::drop(Counter::kDropV6Destination);
  Endpoints4 endpoints;
  endpoints.source_port = view.source_port;
  endpoints.destination_port = view.destination_port;
  if (Verdict v =
          map(header.destination, pool6, policy, Counter::kDropNotPool6, endpoints.destination);
      !v.pass) {
    return v;
  }
  if (Verdict v = map(header.source, pool6, policy, Counter::kDropUnmappable, endpoints.source);
      !v.pass) {
    return v;
  }
  if (!isUnicastDestination(endpoints.destination) || isIllegalSource(endpoints.source)) {
    return Verdict::drop(Counter::kDropUnmappable);
  }
  if (isFragmentedIcmp(view)) return Verdict::drop(Counter::kDropIcmpFragment);
  if (isForeignProtocol(view)) return Verdict::drop(Counter::kDropProtocol);
  if (view.transport == Transport::kIcmpOther) return Verdict::drop(Counter::kDropIcmpType);
  if (view.transport == Transport::kIcmpEcho && view.icmp_code != 0) {
    return Verdict::drop(Counter::kDropIcmpType);
  }
  if (Verdict v = admitV6ToV4(packet, view, policy, true, false, sizing); !v.pass) return v;
  if (sizing.split) return Verdict::accept();

  if (view.transport != Transport::kIcmpError) {
    rewriteV6ToV4(packet, view, endpoints, policy, true, sizing, identifications);
    return Verdict::accept();
  }
  ErrorView error;
  if (Verdict v = openErrorV6(packet, view, error); !v.pass) return v;
  const auto quoted = load<Ipv6Header>(packet.data() + error.original_offset);
  Endpoints4 inner;
  inner.source_port = error.quoted.source_port;
  inner.destination_port = error.quoted.destination_port;
  if (!map(quoted.source, pool6, policy, Counter::kDropUnmappable, inner.source).pass ||
      !map(quoted.destination, pool6, policy, Counter::kDropUnmappable, inner.destination).pass) {
    return Verdict::drop(Counter::kDropIcmpErrorInner);
  }
  sizing = {};
  rewriteErrorV6ToV4(
      packet, view, error, endpoints, inner, policy, true,
      identifications.next(endpoints.source, endpoints.destination, protocol::kIcmp4));
  return Verdict::accept();
}

Verdict translateV4ToV6(Packet& packet, const PacketView& view, const Pool6& pool6,
                        const TranslationPolicy& policy, Sizing& sizing) {
  if (isFragmentedIcmp(view)) return Verdict::drop(Counter::kDropIcmpFragment);
  if (isForeignProtocol(view)) return Verdict::drop(Counter::kDropProtocol);
  if (view.transport == Transport::kIcmpOther) return Verdict::drop(Counter::kDropIcmpType);
  if (view.transport == Transport::kIcmpEcho && view.icmp_code != 0) {
    return Verdict::drop(Counter::kDropIcmpType);
  }
  if (Verdict v = admitV4ToV6(packet, view, policy, true, false, sizing); !v.pass) return v;
  const auto header = load<Ipv4Header>(packet.data());
  const Pref64& prefix = pool6[0];
  if (forbidden(prefix, header.source, policy) || forbidden(prefix, header.destination, policy)) {
    return Verdict::refuse(Counter::kDropNonGlobal, icmp4::kUnreachable, icmp4::kProhibited);
  }
  if (sizing.split) return Verdict::accept();
  const Endpoints6 endpoints{prefix.embed(header.source), prefix.embed(header.destination),
                             view.source_port, view.destination_port, 0};
  if (view.transport != Transport::kIcmpError) {
    rewriteV4ToV6(packet, view, endpoints, policy, true, sizing);
    return Verdict::accept();
  }
  ErrorView error;
  if (Verdict v = openErrorV4(packet, view, error); !v.pass) return v;
  const auto quoted = load<Ipv4Header>(packet.data() + error.original_offset);
  if (forbidden(prefix, quoted.source, policy) || forbidden(prefix, quoted.destination, policy)) {
    return Verdict::drop(Counter::kDropNonGlobal);
  }
  const Endpoints6 inner{prefix.embed(quoted.source), prefix.embed(quoted.destination),
                         error.quoted.source_port, error.quoted.destination_port, 0};
  sizing = {};
  rewriteErrorV4ToV6(packet, view, error, endpoints, inner, policy, true);
  return Verdict::accept();
}

}  // namespace platypus
