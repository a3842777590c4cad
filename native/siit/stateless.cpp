// Both ways: what cannot be translated at all → addresses → size → rewrite.
#include "siit/stateless.h"

#include <cstddef>

#include "packet/icmp4.h"
#include "packet/icmp6.h"
#include "packet/ipv4.h"
#include "packet/ipv6.h"
#include "packet/protocol.h"
#include "siit/plain.h"
#include "siit/v4_to_v6.h"
#include "siit/v6_to_v4.h"

namespace platypus {
namespace {

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

/// What no address could save.
Verdict check(const PacketView& view) {
  if (isFragmentedIcmp(view)) return Verdict::drop(Counter::kDropIcmpFragment);
  if (isForeignProtocol(view)) return Verdict::drop(Counter::kDropProtocol);
  if (view.transport == Transport::kIcmpOther) return Verdict::drop(Counter::kDropIcmpType);
  if (view.transport == Transport::kIcmpEcho && view.icmp_code != 0) {
    return Verdict::drop(Counter::kDropIcmpType);
  }
  return Verdict::accept();
}

/// A SYN whose MSS may have to be lowered is not plain.
uint8_t clampedFlags(const TranslationPolicy& policy) {
  return policy.mss_clamp != 0 ? TcpHeader::kSyn : uint8_t{0};
}

uint8_t classOf(IcmpSources::Extension extension) {
  switch (extension) {
    case IcmpSources::Extension::kInterface:
      return 2;
    case IcmpSources::Extension::kNode:
      return 5;
    default:
      return 0;
  }
}

}  // namespace

// --- Addresses -----------------------------------------------------------------------------------

/// RFC 7757 §3.3.2, then RFC 6052 §2.3. False where neither maps the address.
[[gnu::always_inline]] inline bool StatelessTranslator::find(const Ipv6Address& address,
                                                             Mapped4& mapped) const {
  mapped.by_eam = config_->eamt != nullptr && config_->eamt->toV4(address, mapped.address);
  if (mapped.by_eam) return true;
  Pool6::Match match;
  if (!pool6_->find(address, match)) return false;
  mapped.address = match.address;
  return !isForbidden((*pool6_)[match.index], match.address, *policy_) &&
         !config_->denylist4.contains(match.address);
}

/// As find(), with the reason; `reason` is counted where nobody knows the address.
Verdict StatelessTranslator::map(const Ipv6Address& address, Counter reason,
                                 Mapped4& mapped) const {
  if (find(address, mapped)) return Verdict::accept();
  if (const auto match = pool6_->match(address)) {
    reason = isForbidden((*pool6_)[match->index], match->address, *policy_)
                 ? Counter::kDropNonGlobal
                 : Counter::kDropDenylist4;
  }
  return Verdict::refuse(reason, icmp6::kUnreachable, icmp6::kProhibited);
}

Verdict StatelessTranslator::mapSource(const Ipv6Address& address, Mapped4& mapped) const {
  if (Verdict v = map(address, Counter::kDropUnmappable, mapped); !v.pass) return v;
  return isForged(mapped) ? Verdict::drop(Counter::kDropSourceForged) : Verdict::accept();
}

/// RFC 7757 §3.3.1, then RFC 6052 §2.2 with the first prefix. False where neither maps the address.
[[gnu::always_inline]] inline bool StatelessTranslator::find(Ipv4Address address, Eam eam,
                                                             Ipv6Address& mapped) const {
  if (eam != Eam::kSkip && config_->eamt != nullptr && config_->eamt->toV6(address, mapped)) {
    return true;
  }
  if (eam == Eam::kOnly) return false;
  const Pref64& prefix = (*pool6_)[0];
  mapped = prefix.embed(address);
  return !isForbidden(prefix, address, *policy_) && !config_->denylist4.contains(address);
}

Verdict StatelessTranslator::map(Ipv4Address address, Eam eam, Ipv6Address& mapped) const {
  if (find(address, eam, mapped)) return Verdict::accept();
  const Counter reason = eam == Eam::kOnly                              ? Counter::kDropUnmappable
                         : isForbidden((*pool6_)[0], address, *policy_) ? Counter::kDropNonGlobal
                                                                        : Counter::kDropDenylist4;
  return Verdict::refuse(reason, icmp4::kUnreachable, icmp4::kProhibited);
}

/// One of `count` members: by the hop limit the hops of a path get different ones (RFC 6791 §5).
uint32_t StatelessTranslator::pick(uint8_t hop_limit, uint32_t count) {
  if (config_->icmp_sources.pick == IcmpSources::Pick::kHop) return hop_limit % count;
  random_ += 0x9e3779b97f4a7c15u;
  uint64_t mixed = (random_ ^ (random_ >> 30)) * 0xbf58476d1ce4e5b9u;
  mixed ^= mixed >> 27;
  return static_cast<uint32_t>((mixed >> 32) * count >> 32);
}

Ipv4Address StatelessTranslator::errorSource4(uint8_t hop_limit) {
  uint64_t total = 0;
  for (const Ipv4Prefix& prefix : config_->icmp_sources.v4) {
    total += uint64_t{1} << (32 - prefix.length);
  }
  uint32_t number = pick(hop_limit, static_cast<uint32_t>(std::min<uint64_t>(total, 0xffffffff)));
  for (const Ipv4Prefix& prefix : config_->icmp_sources.v4) {
    const uint64_t count = uint64_t{1} << (32 - prefix.length);
    if (number < count) {
      return Ipv4Address::fromHost((prefix.address.host() & prefix.mask()) + number);
    }
    number -= static_cast<uint32_t>(count);
  }
  return config_->icmp_sources.v4.front().address;
}

Ipv6Address StatelessTranslator::errorSource6(uint8_t hop_limit) {
  Ipv6Address address = config_->icmp_sources.v6->address;
  const unsigned free = 128u - config_->icmp_sources.v6->length;
  const uint32_t number = pick(hop_limit, free >= 32 ? 0xffffffff : uint32_t{1} << free);
  const auto low = load<Be32>(address.at(12)).host();
  const Be32 filled(low | number);
  std::memcpy(address.bytes.data() + 12, &filled, sizeof filled);
  return address;
}

void StatelessTranslator::prefetchEam(const Packet& packet) const {
  const std::byte* data = packet.data();
  if (packet.length() < Ipv6Header::kSize) return;  // few, and then not fast
  if (packet.version() == 6) {
    config_->eamt->prefetch(load<Ipv6Address>(data + offsetof(Ipv6Header, source)));
    config_->eamt->prefetch(load<Ipv6Address>(data + offsetof(Ipv6Header, destination)));
  } else {
    config_->eamt->prefetch(load<Ipv4Address>(data + offsetof(Ipv4Header, source)));
    config_->eamt->prefetch(load<Ipv4Address>(data + offsetof(Ipv4Header, destination)));
  }
}

// --- The short way -------------------------------------------------------------------------------

bool StatelessTranslator::express(Packet& packet) {
  if ((packet.offload.flags | packet.offload.gso_type) != 0 || packet.length() == 0) return false;
  return packet.version() == 6 ? expressV6(packet) : expressV4(packet);
}

bool StatelessTranslator::expressV6(Packet& packet) {
  PlainView view;
  if (!readPlainV6(packet, policy_->mtu4, clampedFlags(*policy_), view)) return false;
  std::byte* data = packet.data();
  const auto source = load<Ipv6Address>(data + offsetof(Ipv6Header, source));
  const auto destination = load<Ipv6Address>(data + offsetof(Ipv6Header, destination));
  Mapped4 from;
  Mapped4 to;
  if (isIllegalSource(source) || destination.isMulticast() || !find(source, from) ||
      !find(destination, to) || isForged(from) || isIllegalSource(from.address) ||
      !isUnicastDestination(to.address) ||
      (config_->hairpin == Hairpin::kIntrinsic && !to.by_eam && isInEam(to.address)) ||
      Ipv4Header::kSize + view.payload_length > path_mtus_.limit(to.address, policy_->mtu4)) {
    return false;
  }
  ChecksumDelta change;
  change.remove(source);
  change.remove(destination);
  change.add(from.address);
  change.add(to.address);
  std::byte* transport = data + Ipv6Header::kSize;
  rewriteTcpUdpBy(transport, view.transport(), change, load<Be16>(transport),
                  load<Be16>(transport + 2));
  putPlainV4(packet, view, from.address, to.address, *policy_, identifications_);
  return true;
}

bool StatelessTranslator::expressV4(Packet& packet) {
  PlainView view;
  if (!readPlainV4(packet, *policy_, clampedFlags(*policy_), view)) return false;
  std::byte* data = packet.data();
  const auto source = load<Ipv4Address>(data + offsetof(Ipv4Header, source));
  const auto destination = load<Ipv4Address>(data + offsetof(Ipv4Header, destination));
  const Eam eam = config_->hairpin == Hairpin::kSimple ? Eam::kSkip : ofSource();
  Ipv6Address from;
  Ipv6Address to;
  if (isIllegalSource(source) || !isUnicastDestination(destination) || !find(source, eam, from) ||
      !find(destination, Eam::kUse, to)) {
    return false;
  }
  ChecksumDelta change;
  change.remove(source);
  change.remove(destination);
  change.add(from);
  change.add(to);
  std::byte* transport = data + Ipv4Header::kSize;
  rewriteTcpUdpBy(transport, view.transport(), change, load<Be16>(transport),
                  load<Be16>(transport + 2));
  putPlainV6(packet, view, from, to, *policy_);
  return true;
}

// --- IPv6 to IPv4 --------------------------------------------------------------------------------

Verdict StatelessTranslator::v6ToV4(Packet& packet, const PacketView& view, const Pass& pass,
                                    Translated& translated) {
  const auto header = load<Ipv6Header>(packet.data());
  if (isIllegalSource(header.source)) return Verdict::drop(Counter::kDropV6Source);
  if (header.destination.isMulticast()) return Verdict::drop(Counter::kDropV6Destination);
  Mapped4 destination;
  if (Verdict v = map(header.destination, Counter::kDropNotPool6, destination); !v.pass) return v;
  if (!isUnicastDestination(destination.address)) return Verdict::drop(Counter::kDropUnmappable);
  Mapped4 source;
  const Verdict mapped = mapSource(header.source, source);
  if (view.transport == Transport::kIcmpError) {
    if (Verdict v = check(view); !v.pass) return v;
    return errorV6ToV4(packet, view, pass, source, mapped, destination.address, translated);
  }
  if (!mapped.pass) return mapped;
  if (isIllegalSource(source.address)) return Verdict::drop(Counter::kDropUnmappable);
  if (Verdict v = check(view); !v.pass) return v;
  const uint16_t mtu4 = path_mtus_.limit(destination.address, policy_->mtu4);
  Sizing& sizing = translated.sizing;
  if (Verdict v = admitV6ToV4(packet, view, mtu4, true, pass.reassembled, sizing); !v.pass) {
    return v;
  }
  if (sizing.split) return Verdict::accept();
  const Endpoints4 endpoints{source.address, destination.address, view.source_port,
                             view.destination_port, 0};
  rewriteV6ToV4(packet, view, endpoints, *policy_, true, sizing, identifications_);
  translated.hairpin = config_->hairpin == Hairpin::kIntrinsic && !destination.by_eam &&
                       isInEam(destination.address);
  return Verdict::accept();
}

Verdict StatelessTranslator::errorV6ToV4(Packet& packet, const PacketView& view, const Pass& pass,
                                         Mapped4 source, const Verdict& source_verdict,
                                         Ipv4Address destination, Translated& translated) {
  OriginObject origin;
  if (!source_verdict.pass) {
    // RFC 6791 §3: what no rule maps speaks through the pool; what lies about its address does not.
    if (config_->icmp_sources.v4.empty() || source_verdict.reason == Counter::kDropSourceForged) {
      return source_verdict;
    }
    source = {errorSource4(view.hop_limit), false};
    origin = {classOf(config_->icmp_sources.extension), load<Ipv6Header>(packet.data()).source};
  }
  if (isIllegalSource(source.address)) return Verdict::drop(Counter::kDropUnmappable);
  Sizing& sizing = translated.sizing;
  if (Verdict v = admitV6ToV4(packet, view, policy_->mtu4, true, pass.reassembled, sizing);
      !v.pass) {
    return v;
  }
  ErrorView error;
  if (Verdict v = openErrorV6(packet, view, error); !v.pass) return v;
  const auto quoted = load<Ipv6Header>(packet.data() + error.original_offset);
  Mapped4 inner_source;
  Mapped4 inner_destination;
  if (Verdict v = map(quoted.source, Counter::kDropIcmpErrorInner, inner_source); !v.pass) {
    return Verdict::drop(v.reason);
  }
  if (Verdict v = map(quoted.destination, Counter::kDropIcmpErrorInner, inner_destination);
      !v.pass) {
    return Verdict::drop(v.reason);
  }
  const Endpoints4 outer{source.address, destination, Be16(), Be16(), 0};
  const Endpoints4 inner{inner_source.address, inner_destination.address, error.quoted.source_port,
                         error.quoted.destination_port, 0};
  sizing = {};
  rewriteErrorV6ToV4(packet, view, error, outer, inner, *policy_, true,
                     identifications_.next(outer.source, outer.destination, protocol::kIcmp4),
                     origin);
  if (!source_verdict.pass) counters_.add(Counter::kIcmpSourceSubstituted);
  translated.hairpin = config_->hairpin == Hairpin::kIntrinsic && !inner_source.by_eam &&
                       isInEam(inner_source.address);
  return Verdict::accept();
}

// --- IPv4 to IPv6 --------------------------------------------------------------------------------

Verdict StatelessTranslator::v4ToV6(Packet& packet, const PacketView& view, const Pass& pass,
                                    Translated& translated) {
  if (Verdict v = check(view); !v.pass) return v;
  Sizing& sizing = translated.sizing;
  if (Verdict v = admitV4ToV6(packet, view, *policy_, !pass.hairpinned, pass.reassembled, sizing);
      !v.pass) {
    return v;
  }
  if (view.transport == Transport::kIcmpError) return errorV4ToV6(packet, view, pass, translated);
  const auto header = load<Ipv4Header>(packet.data());
  // RFC 7757 §4.2.1, rule 1: who has a mapping and comes from IPv4 has been translated already; the
  // answer must find its way back here.
  const bool rules = pass.hairpinned || config_->hairpin == Hairpin::kSimple;
  Endpoints6 endpoints;
  endpoints.source_port = view.source_port;
  endpoints.destination_port = view.destination_port;
  if (Verdict v = map(header.source, rules ? Eam::kSkip : ofSource(), endpoints.source); !v.pass) {
    return v;
  }
  if (Verdict v = map(header.destination, Eam::kUse, endpoints.destination); !v.pass) return v;
  if (sizing.split) return Verdict::accept();
  rewriteV4ToV6(packet, view, endpoints, *policy_, !pass.hairpinned, sizing);
  return Verdict::accept();
}

Verdict StatelessTranslator::errorV4ToV6(Packet& packet, const PacketView& view, const Pass& pass,
                                         Translated& translated) {
  ErrorView error;
  if (Verdict v = openErrorV4(packet, view, error); !v.pass) return v;
  const auto header = load<Ipv4Header>(packet.data());
  const auto quoted = load<Ipv4Header>(packet.data() + error.original_offset);
  // RFC 7757 §4.2.1, rules 2 and 3.
  const bool rules = pass.hairpinned || config_->hairpin == Hairpin::kSimple;
  const bool from_destination = header.source == quoted.destination;
  Endpoints6 outer;
  if (Verdict v = map(header.destination, Eam::kUse, outer.destination); !v.pass) return v;
  if (Verdict v =
          map(header.source, rules && from_destination ? Eam::kSkip : Eam::kUse, outer.source);
      !v.pass) {
    if (!config_->icmp_sources.v6) return v;
    outer.source = errorSource6(view.hop_limit);
    counters_.add(Counter::kIcmpSourceSubstituted);
  }
  Endpoints6 inner;
  inner.source_port = error.quoted.source_port;
  inner.destination_port = error.quoted.destination_port;
  if (Verdict v = map(quoted.source, Eam::kUse, inner.source); !v.pass) {
    return Verdict::drop(v.reason);
  }
  if (Verdict v = map(quoted.destination, rules ? Eam::kSkip : Eam::kUse, inner.destination);
      !v.pass) {
    return Verdict::drop(v.reason);
  }
  const uint16_t mtu = pathMtuOf(packet, error, policy_->plateaus);
  if (mtu != 0 && path_mtus_.learn(quoted.destination, mtu, pass.now)) {
    counters_.add(Counter::kPathMtuLearned);
  }
  translated.sizing = {};
  rewriteErrorV4ToV6(packet, view, error, outer, inner, *policy_, !pass.hairpinned);
  return Verdict::accept();
}

}  // namespace platypus
