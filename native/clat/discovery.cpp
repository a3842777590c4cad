#include "clat/discovery.h"

#include <algorithm>

namespace platypus::clat {
namespace {

constexpr uint64_t kSecondMs = 1000;
// RFC 7050 §3: discovery is repeated so long before the records' TTL ends.
constexpr uint64_t kRefreshMs = 10 * kSecondMs;
// A TTL below is no reason to ask more often than this allows; one beyond is no reason to never
// ask.
constexpr uint32_t kLeastTtlSeconds = 20;
constexpr uint32_t kMostTtlSeconds = 86'400;
// A negative answer without an SOA.
constexpr uint32_t kNegativeTtlSeconds = 60;
constexpr uint64_t kAnswerWaitMs = 1 * kSecondMs;
// So many questions, over all resolvers, before it is left alone for a while.
constexpr uint32_t kMostAttempts = 6;
constexpr uint64_t kFirstPauseMs = 10 * kSecondMs;
constexpr uint64_t kMostPauseMs = 300 * kSecondMs;

}  // namespace

Discovery::Discovery(const DiscoverySettings& settings, uint64_t now_ms)
    : settings_(settings), started_ms_(now_ms) {
  choose(now_ms);
}

void Discovery::restart(uint64_t now_ms) {
  started_ms_ = now_ms;
  advertisement_seen_ = false;
  router_ = {};
  advertised_count_ = 0;
  advertised_resolver_count_ = 0;
  dns_ = Dns::kIdle;
  dns_prefixes_ = {};
  dns_attempts_ = 0;
  dns_failures_ = 0;
  dns_next_ms_ = 0;
  dns_resolvers_ = {};
  hurried_ms_.reset();
  dns_tried_ = false;
  const bool learnt = current_.source == Source::kRouter || current_.source == Source::kDns;
  if (learnt) before_ = current_.list.prefixes[0];
  put(candidates(now_ms));
}

void Discovery::onAdvertisement(const RouterAdvertisement& advertisement, const Ipv6Address& router,
                                uint64_t now_ms) {
  ++counters_.advertisements;
  counters_.prefixes_refused += advertisement.refused_prefixes;
  advertisement_seen_ = true;
  if (advertisement.router_lifetime_seconds > 0) {
    router_ = router;
    // A router that is back is likely to have brought the resolvers back that were silent.
    if (dns_failures_ > 0 || dns_attempts_ > 1) (void)hurry(now_ms);
  } else if (router_ == router) {
    router_ = {};
  }
  learnResolvers(advertisement, now_ms);
  if (settings_.router) {
    expire(now_ms);
    const auto options = std::span(advertisement.prefixes).first(advertisement.prefix_count);
    const bool offers = std::any_of(options.begin(), options.end(),
                                    [](const auto& option) { return option.lifetime_seconds > 0; });
    // RFC 9872 §4: what a router says now is preferred at once to what it said before.
    for (Advertised& known : std::span(advertised_).first(advertised_count_)) {
      if (!offers || !(known.router == router)) continue;
      known.fresh = std::any_of(options.begin(), options.end(), [&](const auto& option) {
        return option.lifetime_seconds > 0 && same(option.prefix, known.prefix);
      });
    }
    for (size_t place = 0; place < options.size(); ++place) {
      learn(options[place], router, place, now_ms);
    }
    const auto known = std::span(advertised_).first(advertised_count_);
    const bool differs = std::any_of(known.begin(), known.end(), [&](const Advertised& other) {
      return other.fresh && !(other.router == router) &&
             std::none_of(known.begin(), known.end(), [&](const Advertised& mine) {
               return mine.router == router && same(mine.prefix, other.prefix);
             });
    });
    if (offers && differs) ++counters_.routers_differ;
  }
  choose(now_ms);
}

void Discovery::learn(const AdvertisedPrefix& option, const Ipv6Address& router, size_t place,
                      uint64_t now_ms) {
  const auto begin = advertised_.begin();
  const auto end = begin + static_cast<ptrdiff_t>(advertised_count_);
  const auto known = std::find_if(begin, end, [&](const Advertised& entry) {
    return entry.router == router && same(entry.prefix, option.prefix);
  });
  if (option.lifetime_seconds == 0) {
    // RFC 8781 §4.1: no longer to be used.
    if (known == end) return;
    std::move(known + 1, end, known);
    --advertised_count_;
    return;
  }
  const Advertised entry{.prefix = option.prefix,
                         .router = router,
                         .expires_ms = now_ms + option.lifetime_seconds * kSecondMs,
                         .fresh = true,
                         .place = place};
  if (known != end) {
    *known = entry;
  } else if (makeRoom(router)) {
    advertised_[advertised_count_++] = entry;
  } else {
    ++counters_.prefixes_refused;
  }
}

// For one more of the router: what it does not say any more goes, or where it says little, what
// others do not. A router that says much leaves room for others.
bool Discovery::makeRoom(const Ipv6Address& router) {
  const auto begin = advertised_.begin();
  const auto end = begin + static_cast<ptrdiff_t>(advertised_count_);
  const auto own = [&](const Advertised& entry) { return entry.router == router; };
  const bool full_share = std::count_if(begin, end, own) >= ptrdiff_t{kMostOfRouter};
  if (!full_share && advertised_count_ < advertised_.size()) return true;
  // They lie in the order in which they were learnt.
  auto oldest =
      std::find_if(begin, end, [&](const Advertised& entry) { return own(entry) && !entry.fresh; });
  if (oldest == end && !full_share) {
    oldest = std::find_if(begin, end, [](const Advertised& entry) { return !entry.fresh; });
  }
  if (oldest == end) return false;
  std::move(oldest + 1, end, oldest);
  --advertised_count_;
  ++counters_.prefixes_refused;
  return true;
}

// RFC 8106 §6.2: where there is no room, that which would expire first goes.
void Discovery::learnResolvers(const RouterAdvertisement& advertisement, uint64_t now_ms) {
  const auto offered = std::span(advertisement.resolvers).first(advertisement.resolver_count);
  for (const AdvertisedResolver& resolver : offered) {
    const auto begin = advertised_resolvers_.begin();
    const auto end = begin + static_cast<ptrdiff_t>(advertised_resolver_count_);
    const auto known = std::find_if(
        begin, end, [&](const Resolver& entry) { return entry.address == resolver.address; });
    const uint64_t expires = now_ms + uint64_t{resolver.lifetime_seconds} * kSecondMs;
    if (resolver.lifetime_seconds == 0) {
      if (known == end) continue;
      std::move(known + 1, end, known);
      --advertised_resolver_count_;
    } else if (known != end) {
      known->expires_ms = expires;
    } else {
      if (advertised_resolver_count_ == advertised_resolvers_.size()) {
        const auto first = std::min_element(begin, end, [](const auto& one, const auto& other) {
          return one.expires_ms < other.expires_ms;
        });
        std::move(first + 1, end, first);
        --advertised_resolver_count_;
      }
      advertised_resolvers_[advertised_resolver_count_++] = {resolver.address, expires};
    }
  }
}

void Discovery::onAnswer(std::span<const std::byte> datagram, uint64_t now_ms) {
  const auto answer = dns_ == Dns::kAsking ? parseAnswer(datagram, dns_id_) : std::nullopt;
  if (!answer) {
    ++counters_.answers_refused;
    return;
  }
  ++counters_.answers;
  if (answer->kind == AnswerKind::kFailed) {
    dns_next_ms_ = now_ms;
    return;
  }
  dns_attempts_ = 0;
  dns_failures_ = 0;
  dns_tried_ = true;
  const auto records = std::span(answer->records).first(answer->record_count);
  dns_prefixes_ = findPrefixes(records);
  if (!records.empty() && dns_prefixes_.count == 0) ++counters_.prefixes_refused;
  const uint32_t given = answer->ttl_seconds.value_or(kNegativeTtlSeconds);
  const uint64_t ttl_ms = std::clamp(given, kLeastTtlSeconds, kMostTtlSeconds) * kSecondMs;
  if (dns_prefixes_.count > 0) {
    dns_ = Dns::kKnown;
    dns_expires_ms_ = now_ms + ttl_ms;
    dns_next_ms_ = dns_expires_ms_ - kRefreshMs;
  } else {
    dns_ = Dns::kNegative;
    dns_next_ms_ = now_ms + ttl_ms;
  }
  choose(now_ms);
}

void Discovery::expire(uint64_t now_ms) {
  const auto end = advertised_.begin() + static_cast<ptrdiff_t>(advertised_count_);
  const auto kept = std::remove_if(advertised_.begin(), end, [&](const Advertised& entry) {
    return entry.expires_ms <= now_ms;
  });
  advertised_count_ = static_cast<size_t>(kept - advertised_.begin());
  const auto last =
      advertised_resolvers_.begin() + static_cast<ptrdiff_t>(advertised_resolver_count_);
  const auto left = std::remove_if(advertised_resolvers_.begin(), last, [&](const Resolver& entry) {
    return entry.expires_ms <= now_ms;
  });
  advertised_resolver_count_ = static_cast<size_t>(left - advertised_resolvers_.begin());
  if (dns_prefixes_.count > 0 && dns_expires_ms_ <= now_ms) dns_prefixes_ = {};
}

// RFC 7050 §3: only when needed.
bool Discovery::wantsDns(uint64_t now_ms) const {
  return settings_.dns && !routerKnows() &&
         (!settings_.router || advertisement_seen_ || now_ms >= started_ms_ + kAdvertisementWaitMs);
}

// RFC 8880 §7.1: those learnt on the link come first.
ResolverList Discovery::resolvers() const {
  if (advertised_resolver_count_ == 0) return settings_.resolvers;
  ResolverList list;
  for (const Resolver& entry : std::span(advertised_resolvers_).first(advertised_resolver_count_)) {
    list.addresses[list.count++] = entry.address;
  }
  return list;
}

// What others said, or did not say, is no word of these.
void Discovery::followResolvers(const ResolverList& list, uint64_t now_ms) {
  if (list == dns_resolvers_ || !hurry(now_ms)) return;
  dns_resolvers_ = list;
  dns_failures_ = 0;
}

// Has DNS asked anew at once; false while that was done so lately that it has to wait, as anybody
// on the link can make up advertisements.
bool Discovery::hurry(uint64_t now_ms) {
  if (dns_next_ms_ <= now_ms && dns_attempts_ == 0) return true;
  if (hurried_ms_ && *hurried_ms_ + kHurryMs > now_ms) return false;
  hurried_ms_ = now_ms;
  dns_attempts_ = 0;
  dns_next_ms_ = now_ms;
  return true;
}

void Discovery::dnsFailed(uint64_t pause_ms, uint64_t now_ms) {
  dns_attempts_ = 0;
  dns_ = dns_prefixes_.count > 0 ? Dns::kKnown : Dns::kNegative;
  dns_next_ms_ = now_ms + pause_ms;
  dns_tried_ = true;
  choose(now_ms);
}

std::optional<Ask> Discovery::poll(uint64_t now_ms, uint16_t id) {
  expire(now_ms);
  choose(now_ms);
  if (!wantsDns(now_ms)) {
    if (routerKnows()) {
      // Asked anew when the routers know nothing any more.
      dns_ = Dns::kIdle;
      dns_prefixes_ = {};
      dns_attempts_ = 0;
      dns_failures_ = 0;
      dns_next_ms_ = 0;
    }
    return std::nullopt;
  }
  const ResolverList list = resolvers();
  followResolvers(list, now_ms);
  if (dns_next_ms_ > now_ms) return std::nullopt;
  if (list.count == 0) {
    // No failure of anybody; who comes is asked at once.
    dnsFailed(kFirstPauseMs, now_ms);
    return std::nullopt;
  }
  if (dns_attempts_ >= kMostAttempts) {
    const uint64_t pause = kFirstPauseMs << std::min(dns_failures_++, uint32_t{5});
    dnsFailed(std::min(pause, kMostPauseMs), now_ms);
    return std::nullopt;
  }
  dns_ = Dns::kAsking;
  dns_id_ = id;
  const Ipv6Address resolver = list.addresses[dns_attempts_ % list.count];
  ++dns_attempts_;
  ++counters_.questions;
  dns_next_ms_ = now_ms + kAnswerWaitMs * (1u + (dns_attempts_ - 1) / list.count);
  return Ask{.resolver = resolver, .question = makeQuestion(id)};
}

bool Discovery::searching(uint64_t now_ms) const {
  if (!settings_.router && !settings_.dns) return false;
  if (settings_.dns) return !dns_tried_ && !routerKnows();
  return !advertisement_seen_ && now_ms < started_ms_ + kAdvertisementWaitMs;
}

Prefixes Discovery::fromRouters() const {
  Prefixes result;
  const auto known = std::span(advertised_).first(advertised_count_);
  const auto take = [&](const Advertised& entry) {
    if (result.list.count == 0) {
      result.router = entry.router;
      result.expires_ms = entry.expires_ms;
    } else if (same(result.list.prefixes[0], entry.prefix)) {
      // Two routers have it: it lasts as long as the longer of them says.
      result.expires_ms = std::max(*result.expires_ms, entry.expires_ms);
    }
    result.list.add(entry.prefix);
  };
  // The one in force first: another one that is as good is no reason to break flows.
  const auto takeCurrent = [&](bool fresh) {
    if (current_.source != Source::kRouter) return;
    for (const Advertised& entry : known) {
      if (entry.fresh == fresh && same(entry.prefix, current_.list.prefixes[0])) take(entry);
    }
  };
  for (const bool fresh : {true, false}) {
    takeCurrent(fresh);
    for (size_t place = 0; place < kMostPrefixes; ++place) {
      for (const Advertised& entry : known) {
        if (entry.fresh == fresh && entry.place == place) take(entry);
      }
    }
  }
  result.source = Source::kRouter;
  return result;
}

Prefixes Discovery::candidates(uint64_t now_ms) const {
  if (routerKnows()) return fromRouters();
  Prefixes result;
  if (dns_prefixes_.count > 0) {
    result = {.source = Source::kDns, .list = {}, .router = {}, .expires_ms = dns_expires_ms_};
    // RFC 7050 §3 keeps the order of the answer; resolvers rotate it, so what is in force stays
    // first while it is there.
    if (current_.source == Source::kDns && dns_prefixes_.contains(current_.list.prefixes[0])) {
      result.list.add(current_.list.prefixes[0]);
    }
    for (const Pref64& prefix : dns_prefixes_.all()) result.list.add(prefix);
  } else if (settings_.statics.count > 0) {
    result.source = Source::kStatic;
    result.list = settings_.statics;
  } else if (settings_.fallbacks.count > 0 && !searching(now_ms)) {
    result.source = Source::kFallback;
    result.list = settings_.fallbacks;
  }
  return result;
}

bool Discovery::restless(uint64_t now_ms) const {
  return change_count_ >= kCalmChanges &&
         changes_[change_count_ % kCalmChanges] + kWindowMs > now_ms;
}

void Discovery::change(const Prefixes& next, uint64_t now_ms) {
  changes_[change_count_++ % kCalmChanges] = now_ms;
  put(next);
}

void Discovery::put(const Prefixes& next) {
  held_.reset();
  current_ = next;
}

void Discovery::choose(uint64_t now_ms) {
  const Prefixes next = candidates(now_ms);
  const bool had = current_.list.count > 0;
  if (next.list.count == 0) {
    if (had) change(next, now_ms);
    held_.reset();
    return;
  }
  const Pref64& first = next.list.prefixes[0];
  if (had && same(current_.list.prefixes[0], first)) {
    held_.reset();
    current_ = next;
    return;
  }
  if (before_ && same(*before_, first)) {
    before_.reset();
    put(next);
    return;
  }
  if (!restless(now_ms) && !held_) {
    change(next, now_ms);
    return;
  }
  if (!held_ || !same(*held_, first)) {
    ++counters_.damped;
    held_ = first;
    held_since_ms_ = now_ms;
  }
  if (held_since_ms_ + kCalmMs <= now_ms) {
    change(next, now_ms);
    return;
  }
  // Until then the old one, as long as somebody vouches for it.
  if (had && !next.list.contains(current_.list.prefixes[0])) {
    const auto held = held_;
    const uint64_t since = held_since_ms_;
    change({}, now_ms);
    held_ = held;
    held_since_ms_ = since;
  }
}

uint64_t Discovery::deadlineMs(uint64_t now_ms) const {
  // At most a minute away, so that a clock that stood still does no lasting harm.
  uint64_t next = now_ms + 60 * kSecondMs;
  const auto at = [&](uint64_t time) { next = std::min(next, std::max(time, now_ms + 1)); };
  for (const Advertised& entry : std::span(advertised_).first(advertised_count_)) {
    at(entry.expires_ms);
  }
  if (dns_prefixes_.count > 0) at(dns_expires_ms_);
  if (held_) at(held_since_ms_ + kCalmMs);
  if (!wantsDns(now_ms)) {
    if (!advertisement_seen_ && started_ms_ + kAdvertisementWaitMs > now_ms) {
      at(started_ms_ + kAdvertisementWaitMs);
    }
    return next;
  }
  at(dns_next_ms_);
  if (hurried_ms_ && resolvers() != dns_resolvers_) at(*hurried_ms_ + kHurryMs);
  return next;
}

}  // namespace platypus::clat
