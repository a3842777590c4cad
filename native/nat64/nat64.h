// Stateful NAT64 (RFC 6146): what happens to one packet, given the tables.
//
//   outbound.cpp   IPv6 to IPv4: incoming tuple → session found or made → rewritten
//   inbound.cpp    IPv4 to IPv6: incoming tuple → session or BIB entry → filtered → rewritten
//   expiry.cpp     what a session's end sends: probes, errors for stored SYNs
//
// Hairpinning is the worker's: an outbound packet whose destination is in pool4 comes back as an
// inbound one. Fragments are reassembled before they get here.
//
// Ownership: one worker.
#pragma once

#include <cstdint>

#include "nat64/config.h"
#include "nat64/tables.h"
#include "packet/counter.h"
#include "packet/packet.h"
#include "packet/parse.h"
#include "packet/verdict.h"
#include "siit/identification.h"
#include "siit/path_mtu.h"
#include "siit/sizing.h"

namespace platypus {

struct PlainView;

/// The table that a packet belongs to; kNone where it has no tuple of its own.
constexpr Proto protoOf(Transport transport) {
  switch (transport) {
    case Transport::kTcp:
      return Proto::kTcp;
    case Transport::kUdp:
      return Proto::kUdp;
    case Transport::kIcmpEcho:
      return Proto::kIcmp;
    default:
      return Proto::kNone;
  }
}

/// What is asked of a transport header before it makes a tuple (RFC 6146 §3.4); protocols that have
/// none are the caller's to refuse.
constexpr Verdict checkForTuple(const PacketView& view) {
  switch (view.transport) {
    case Transport::kTcp:
      return isImpossibleTcp(view.tcp_flags) ? Verdict::drop(Counter::kDropTcpFlags)
                                             : Verdict::accept();
    case Transport::kIcmpEcho:
      return view.icmp_code != 0 ? Verdict::drop(Counter::kDropIcmpType) : Verdict::accept();
    case Transport::kIcmpOther:
      return Verdict::drop(Counter::kDropIcmpType);
    default:
      return Verdict::accept();
  }
}

/// Protocols that NAT64 does not translate.
constexpr bool isOtherProtocol(const PacketView& view) {
  return view.transport == Transport::kOther || view.transport == Transport::kNone;
}

class Nat64 {
 public:
  /// Workers of one translator share `identification_secret`.
  Nat64(const Nat64Limits& limits, Pool4::Shard shard, const RandomSource::Seed& seed,
        uint64_t identification_secret, Counters& counters);

  /// `config` must live until the next call. The pool is changed by Tables, not here.
  void use(const Nat64Config& config) { config_ = &config; }

  // Step 1 for every packet of a burst: the tuple and its hash, then prefetch.
  /// The tuple of an IPv6 packet (RFC 6146 §3.4); a drop where it cannot be translated.
  Verdict tuple(const Packet& packet, const PacketView& view, FlowV6& flow) const;
  /// The tuple of an IPv4 packet.
  Verdict tuple(const Packet& packet, const PacketView& view, FlowV4& flow) const;

  /// How a packet is to be treated beyond its tuple.
  struct Pass {
    uint32_t now = 0;       // ticks
    bool decrement = true;  // false on the second pass of a hairpin
    bool reassembled = false;
  };
  /// What is left to do with a translated packet.
  struct Translated {
    Sizing sizing;
    /// The IPv4 destination of an outbound packet, for hairpinning.
    Ipv4Address destination;
  };

  // Step 2, one packet after the other.
  Verdict outbound(Packet& packet, const PacketView& view, const FlowV6& flow, const Pass& pass,
                   Translated& translated);
  Verdict inbound(Packet& packet, const PacketView& view, const FlowV4& flow, const Pass& pass,
                  Translated& translated);
  Verdict outboundError(Packet& packet, const PacketView& view, const Pass& pass,
                        Translated& translated);
  Verdict inboundError(Packet& packet, const PacketView& view, const Pass& pass,
                       Translated& translated);

  // The short way (express.h): true when the packet was translated and is to be sent as it is;
  // false when it was left alone and takes the long way.
  bool expressOutbound(Packet& packet, const PlainView& view, const FlowV6& flow, uint32_t now);
  bool expressInbound(Packet& packet, const PlainView& view, const FlowV4& flow, uint32_t now);

  /// What a session's end asks for.
  struct Ending {
    bool probe = false;  // `packet` is a TCP probe for the IPv6 host (RFC 6146 §3.5.2.2)
    bool error = false;  // `syn` gets an ICMPv4 port unreachable
    std::span<const std::byte> syn;
  };
  /// Ends sessions that are due; send(Ending, Packet&) is called with `scratch` for each that sends
  /// something. True when nothing is left to do.
  template <typename Send>
  bool expire(uint32_t now, uint32_t budget, Packet& scratch, Send&& send) {
    return tables_.expire(now, budget, [&](uint32_t number) {
      Ending ending;
      const bool gone = beginEnd(number, now, scratch, ending);
      if (ending.probe || ending.error) send(ending, scratch);
      if (gone) finishEnd(number);
    });
  }

  Tables& tables() { return tables_; }
  const Tables& tables() const { return tables_; }
  const Nat64Config& config() const { return *config_; }
  IdentificationSource& identifications() { return identifications_; }
  PathMtus& pathMtus() { return path_mtus_; }
  const PathMtus& pathMtus() const { return path_mtus_; }

 private:
  uint32_t lifetime(Proto proto) const {
    return proto == Proto::kUdp ? config_->timeouts.udp : config_->timeouts.icmp;
  }
  /// What the session's translation changes TCP and UDP checksums by; computed once per session.
  uint16_t checksumDelta(Session& session) const {
    if (session.checksum_delta == 0) session.checksum_delta = computeChecksumDelta(session);
    return session.checksum_delta;
  }
  uint16_t computeChecksumDelta(const Session& session) const;
  /// Refreshes a session by a packet that changes no state; false where it might change one.
  bool refresh(Session& session, Proto proto, uint32_t now) const;
  /// RFC 6146 §3.5.2.2 for a segment of session `number`.
  void step(uint32_t number, Side from, uint8_t flags, uint32_t now);
  Verdict createOutbound(const PacketView& view, const FlowV6& flow, uint32_t now, uint32_t& bib,
                         uint32_t& session);
  Verdict createInbound(const Packet& packet, const PacketView& view, const FlowV4& flow,
                        uint32_t now, uint32_t& bib, uint32_t& session);
  Verdict inboundSyn(const Packet& packet, const FlowV4& flow, uint32_t now, uint32_t bib,
                     uint32_t& session);
  Verdict storeSyn(const Packet& packet, const FlowV4& flow, uint32_t now, uint32_t bib);
  bool beginEnd(uint32_t number, uint32_t now, Packet& scratch, Ending& ending);
  void finishEnd(uint32_t number);
  bool isForbidden(uint8_t pool6, Ipv4Address address) const;

  Counters& counters_;
  Tables tables_;
  IdentificationSource identifications_;
  PathMtus path_mtus_;
  const Nat64Config* config_ = nullptr;
};

}  // namespace platypus
