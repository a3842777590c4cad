// Which prefix the network's NAT64 has: learnt from router advertisements (RFC 8781), else from DNS
// (RFC 7050), else told by the operator, as RFC 9872 orders them. A state machine without sockets
// or a clock: events come with the time of a clock that only goes forward, and poll() says what to
// ask.
//
//   RA ── onAdvertisement ──┐
//   DNS ── onAnswer ────────┼─▶ candidates of each source ─▶ choice, damped ─▶ current()
//   time ── advance, poll ──┘
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "clat/dns_message.h"
#include "clat/ipv4only.h"
#include "clat/resolv_conf.h"
#include "clat/router_advertisement.h"

namespace platypus::clat {

enum class Source : uint8_t { kNone, kRouter, kDns, kStatic, kFallback };

struct DiscoverySettings {
  bool router = true;
  bool dns = true;
  /// Used at once, until RA or DNS know better.
  PrefixList statics;
  /// Used when RA and DNS were tried and know nothing.
  PrefixList fallbacks;
  /// Asked when the advertisements name nobody; IPv6 only.
  ResolverList resolvers;
};

/// The prefixes in force; the first is what IPv4 destinations get.
struct Prefixes {
  Source source = Source::kNone;
  PrefixList list;
  /// The router that advertised the first; unspecified for the other sources.
  Ipv6Address router;
  /// When the first ends unless it is heard of again; nothing for what the operator told.
  std::optional<uint64_t> expires_ms;
};

struct DiscoveryCounters {
  uint64_t advertisements = 0;
  /// PREF64 options that were ignored, RFC 8781 §4 or no room, or had to make room, and answers
  /// whose records have no prefix that may be used.
  uint64_t prefixes_refused = 0;
  uint64_t questions = 0;
  uint64_t answers = 0;
  /// Datagrams that were no answer to what was asked.
  uint64_t answers_refused = 0;
  /// Changes that were held back because the network changes its mind too often.
  uint64_t damped = 0;
  /// Advertisements of one router that another one on the link contradicts (RFC 8781 §5.2).
  uint64_t routers_differ = 0;
};

/// A question to be sent now; the answer is due to onAnswer().
struct Ask {
  Ipv6Address resolver;
  Question question;
};

class Discovery {
 public:
  /// How long an advertisement is waited for before DNS is asked.
  static constexpr uint64_t kAdvertisementWaitMs = 1500;
  /// A new prefix has to last so long once the choice changed kCalmChanges times within kWindowMs.
  static constexpr uint64_t kCalmMs = 30'000;
  static constexpr uint64_t kWindowMs = 60'000;
  static constexpr size_t kCalmChanges = 4;
  /// How often an advertisement may have DNS asked before its time.
  static constexpr uint64_t kHurryMs = 5000;

  Discovery(const DiscoverySettings& settings, uint64_t now_ms);

  /// The link came back, or another one came: nothing that was learnt is known to hold. This is no
  /// change that is damped, nor is it when the network then says the same as before; what it says
  /// otherwise is, so that a link that comes and goes with other prefixes is damped as well.
  void restart(uint64_t now_ms);
  /// Resolvers other than those of advertisements, such as the host's; IPv6 only.
  void setResolvers(const ResolverList& resolvers) { settings_.resolvers = resolvers; }

  void onAdvertisement(const RouterAdvertisement& advertisement, const Ipv6Address& router,
                       uint64_t now_ms);
  /// A datagram from the resolver that was asked last.
  void onAnswer(std::span<const std::byte> datagram, uint64_t now_ms);
  /// Lets lifetimes end, and returns a question when one is due. `id` must be hard to guess.
  std::optional<Ask> poll(uint64_t now_ms, uint16_t id);
  /// True while DNS is to tell the prefix and has not: resolvers that it should ask are of
  /// interest.
  bool lacksDns(uint64_t now_ms) const { return wantsDns(now_ms) && dns_prefixes_.count == 0; }
  /// When poll() has to be called next, whatever comes until then.
  uint64_t deadlineMs(uint64_t now_ms) const;

  const Prefixes& current() const { return current_; }
  const DiscoveryCounters& counters() const { return counters_; }
  /// True while a prefix is known and held back, as the network changed its mind too often.
  bool holding() const { return held_.has_value(); }
  /// True while neither RA nor DNS had their chance to say something.
  bool searching(uint64_t now_ms) const;
  /// A router of the link, the last that was heard and is a default router; unspecified for none.
  const Ipv6Address& router() const { return router_; }

 private:
  struct Advertised {
    Pref64 prefix;
    Ipv6Address router;
    uint64_t expires_ms = 0;
    // The router's latest advertisement with prefixes has it, at this place.
    bool fresh = false;
    size_t place = 0;
  };
  struct Resolver {
    Ipv6Address address;
    uint64_t expires_ms = 0;
  };
  enum class Dns : uint8_t { kIdle, kAsking, kKnown, kNegative };

  void learn(const AdvertisedPrefix& option, const Ipv6Address& router, size_t place,
             uint64_t now_ms);
  bool makeRoom(const Ipv6Address& router);
  void learnResolvers(const RouterAdvertisement& advertisement, uint64_t now_ms);
  void expire(uint64_t now_ms);
  bool routerKnows() const { return advertised_count_ > 0; }
  bool wantsDns(uint64_t now_ms) const;
  ResolverList resolvers() const;
  void followResolvers(const ResolverList& list, uint64_t now_ms);
  bool hurry(uint64_t now_ms);
  void dnsFailed(uint64_t pause_ms, uint64_t now_ms);
  Prefixes candidates(uint64_t now_ms) const;
  Prefixes fromRouters() const;
  void choose(uint64_t now_ms);
  void change(const Prefixes& next, uint64_t now_ms);
  void put(const Prefixes& next);
  bool restless(uint64_t now_ms) const;

  DiscoverySettings settings_;
  DiscoveryCounters counters_;
  uint64_t started_ms_;
  bool advertisement_seen_ = false;
  Ipv6Address router_;
  std::array<Advertised, kMostPrefixes> advertised_{};
  size_t advertised_count_ = 0;
  std::array<Resolver, kMostResolvers> advertised_resolvers_{};
  size_t advertised_resolver_count_ = 0;

  Dns dns_ = Dns::kIdle;
  PrefixList dns_prefixes_;
  uint64_t dns_expires_ms_ = 0;
  // When to ask, ask again, or go on to the next resolver.
  uint64_t dns_next_ms_ = 0;
  uint16_t dns_id_ = 0;
  uint32_t dns_attempts_ = 0;
  uint32_t dns_failures_ = 0;
  // Whom the above is about.
  ResolverList dns_resolvers_;
  // When DNS was last asked before its time.
  std::optional<uint64_t> hurried_ms_;
  // RFC 7050 was tried to its end since the start, whatever came of it.
  bool dns_tried_ = false;

  Prefixes current_;
  // The latest changes of the choice, a ring.
  std::array<uint64_t, kCalmChanges> changes_{};
  size_t change_count_ = 0;
  // What was learnt before restart(), until it is there again.
  std::optional<Pref64> before_;
  // What would be chosen, held back since then.
  std::optional<Pref64> held_;
  uint64_t held_since_ms_ = 0;
};

}  // namespace platypus::clat
