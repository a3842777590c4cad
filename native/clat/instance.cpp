#include "clat/instance.h"

#include <algorithm>
#include <bit>
#include <cstring>

namespace platypus::clat {
namespace {

// RFC 4861 §10.
constexpr uint32_t kRouterSolicitations = 3;
constexpr uint64_t kRouterSolicitationMs = 4000;
constexpr uint32_t kNeighbourSolicitations = 2;
constexpr uint64_t kRetransmitMs = 1000;
constexpr uint64_t kPauseMs = 60'000;
// IPv6 header less IPv4 header, and a Fragment Header (RFC 7915 §4).
constexpr uint32_t kGrowth = 28;
constexpr uint32_t kLeastMtu6 = 1280;
// No IPv6 packet is longer but for jumbograms; the loopback device says 65536.
constexpr uint32_t kMostMtu6 = 65'535;
constexpr uint32_t kMetric = 2048;
constexpr uint32_t kClatBlock = 0xc0000000;

bool sameNetwork(const Ipv6Address& a, const Ipv6Address& b) {
  return a.high() == b.high();
}

// RFC 4193.
bool isLocal(const Ipv6Address& address) {
  return (address.bytes[0] & 0xfe) == 0xfc;
}

// Only a NAT64 of the same site answers to a local address.
bool reaches(const Ipv6Address& own, const Pref64& pref64) {
  return !isLocal(own) || isLocal(pref64.address());
}

}  // namespace

bool differs(const Plan& a, const Plan& b) {
  const auto lists = [](const Plan& plan) { return plan.prefixes.list.all(); };
  return a.state != b.state || a.prefixes.source != b.prefixes.source ||
         !std::equal(lists(a).begin(), lists(a).end(), lists(b).begin(), lists(b).end(), same) ||
         !(a.address == b.address) || !(a.shared == b.shared) || a.neighbour != b.neighbour ||
         a.ipv4 != b.ipv4 || a.mtu6 != b.mtu6 || a.mtu4 != b.mtu4 || a.metric != b.metric ||
         !(a.gateway == b.gateway) || a.index != b.index || a.generation != b.generation;
}

Instance::Instance(const Settings& settings, uint64_t now_ms)
    : settings_(settings), discovery_(settings.discovery, now_ms) {
  replan(now_ms);
}

void Instance::onUplink(const Uplink& uplink, uint64_t now_ms) {
  const bool came = uplink.running && (!uplink_.running || uplink_.index != uplink.index);
  const bool went = uplink_.running && !uplink.running;
  uplink_ = uplink;
  if (came || went) {
    discovery_.restart(now_ms);
    solicitations_ = 0;
    solicit_ms_ = now_ms;
    heard_ = false;
    attempt_ = 0;
    failed_ = 0;
    pause_until_ms_ = 0;
    claim_ = {};
    network_ = {};
    shared_ = {};
  }
  replan(now_ms);
}

void Instance::onIcmp(std::span<const std::byte> message, const Arrival& arrival, uint64_t now_ms) {
  // What is still on its way from a link that went is of no use any more.
  if (message.empty() || !uplink_.running || settings_.mode == Mode::kOff) return;
  if (message[0] == std::byte{134}) {
    const auto advertisement = parseAdvertisement(message, arrival);
    if (!advertisement) {
      ++advertisements_refused_;
      return;
    }
    heard_ = true;
    discovery_.onAdvertisement(*advertisement, arrival.source, now_ms);
    replan(now_ms);
    return;
  }
  if (claim_.started && now_ms < claim_.until_ms &&
      isDuplicate(message, arrival, claim_.address, claim_.nonce)) {
    onDuplicate(now_ms);
  }
}

void Instance::onDuplicate(uint64_t now_ms) {
  ++duplicates_;
  ++attempt_;
  ++failed_;
  claim_ = {};
  if (settings_.address_from == AddressFrom::kExplicit || failed_ >= kMostAttempts) {
    failed_ = 0;
    pause_until_ms_ = now_ms + kPauseMs;
  }
  replan(now_ms);
}

void Instance::onAnswer(std::span<const std::byte> datagram, uint64_t now_ms) {
  if (!uplink_.running || settings_.mode == Mode::kOff) return;
  discovery_.onAnswer(datagram, now_ms);
  replan(now_ms);
}

Actions Instance::advance(uint64_t now_ms, uint64_t random) {
  Actions actions;
  if (settings_.mode == Mode::kOff || !uplink_.running) {
    replan(now_ms);
    return actions;
  }
  actions.ask = discovery_.poll(now_ms, static_cast<uint16_t>(random));
  replan(now_ms);
  if (settings_.discovery.router && !heard_ && solicitations_ < kRouterSolicitations &&
      now_ms >= solicit_ms_) {
    ++solicitations_;
    solicit_ms_ = now_ms + kRouterSolicitationMs;
    actions.router_solicitation = true;
  }
  if (plan_.state == State::kRunning && plan_.neighbour) {
    if (!claim_.started) {
      claim_.started = true;
      std::memcpy(claim_.nonce.data(), reinterpret_cast<const uint8_t*>(&random) + 2,
                  claim_.nonce.size());
      claim_.next_ms = now_ms;
      claim_.until_ms = now_ms + kNeighbourSolicitations * kRetransmitMs;
    }
    if (claim_.sent < kNeighbourSolicitations && now_ms >= claim_.next_ms) {
      ++claim_.sent;
      claim_.next_ms = now_ms + kRetransmitMs;
      actions.neighbour_solicitation = makeSolicitation(claim_.address, claim_.nonce);
    }
  }
  return actions;
}

uint64_t Instance::deadlineMs(uint64_t now_ms) const {
  uint64_t next = discovery_.deadlineMs(now_ms);
  const auto at = [&](uint64_t time) { next = std::min(next, std::max(time, now_ms + 1)); };
  if (settings_.mode == Mode::kOff || !uplink_.running) return now_ms + kPauseMs;
  if (settings_.discovery.router && !heard_ && solicitations_ < kRouterSolicitations) {
    at(solicit_ms_);
  }
  if (plan_.state == State::kRunning && plan_.neighbour) {
    if (!claim_.started) at(now_ms);
    if (claim_.sent < kNeighbourSolicitations) at(claim_.next_ms);
  }
  if (pause_until_ms_ > now_ms) at(pause_until_ms_);
  return next;
}

void Instance::replan(uint64_t now_ms) {
  plan_ = decide(now_ms);
  if (plan_.state == State::kRunning && !(claim_.address == plan_.address)) {
    claim_ = {};
    claim_.address = plan_.address;
  }
}

Plan Instance::decide(uint64_t now_ms) {
  Plan plan;
  plan.prefixes = discovery_.current();
  const auto standing = [&](State state) {
    plan.state = state;
    return plan;
  };
  if (settings_.mode == Mode::kOff) return standing(State::kOff);
  if (!uplink_.present) return standing(State::kNoUplink);
  if (!uplink_.running) return standing(State::kUplinkDown);
  if (settings_.mode == Mode::kAuto) {
    if (uplink_.native4) return standing(State::kNativeIpv4);
    if (!uplink_.other_clat.empty()) return standing(State::kOtherClat);
  }
  if (plan.prefixes.list.count == 0) {
    if (discovery_.holding()) return standing(State::kUnsteady);
    return standing(discovery_.searching(now_ms) ? State::kSearching : State::kNoPrefix);
  }
  if (pause_until_ms_ > now_ms) return standing(State::kDuplicate);
  const auto ipv4 = chooseIpv4();
  if (!ipv4) return standing(State::kNoIpv4);
  plan.ipv4 = *ipv4;
  AddressInput input{.key = settings_.key,
                     .network = settings_.address,
                     .pref64 = plan.prefixes.list.prefixes[0],
                     .ipv4 = plan.ipv4,
                     .attempt = attempt_};
  const auto share = [&] {
    const OwnAddress* own = chooseShared(input.pref64);
    if (own == nullptr) return false;
    plan.shared = shared_ = own->address;
    input.network = makeInternalNetwork(settings_.key, plan.shared);
    input.attempt = 0;
    plan.address = makeOwnAddress(input);
    return true;
  };
  switch (settings_.address_from) {
    case AddressFrom::kUplink: {
      const OwnNetwork* network = chooseNetwork(input.pref64);
      if (network == nullptr || sharesRather(*network, input.pref64)) {
        if (!share()) return standing(State::kNoNetwork);
        break;
      }
      input.network = network_ = network->address;
      plan.address = makeOwnAddress(input);
      plan.neighbour = true;
      break;
    }
    case AddressFrom::kShared:
      if (!share()) return standing(State::kNoNetwork);
      break;
    case AddressFrom::kDelegated:
      plan.address = makeOwnAddress(input);
      break;
    case AddressFrom::kExplicit: {
      plan.address = settings_.address;
      const auto networks = uplink_.all();
      plan.neighbour = std::any_of(networks.begin(), networks.end(), [&](const OwnNetwork& own) {
        return sameNetwork(own.address, plan.address);
      });
      break;
    }
  }
  plan.state = State::kRunning;
  plan.mtu6 = std::clamp(settings_.mtu.value_or(uplink_.mtu), kLeastMtu6, kMostMtu6);
  plan.mtu4 = plan.mtu6 - kGrowth;
  plan.metric = chooseMetric();
  plan.index = uplink_.index;
  plan.generation = uplink_.generation;
  // RFC 9872 §4: the next hop that goes with the prefix.
  plan.gateway =
      plan.prefixes.source == Source::kRouter && discovery_.router() == plan.prefixes.router
          ? plan.prefixes.router
          : uplink_.gateway;
  return plan;
}

// The one in use while it is there and none is better: preferred before deprecated ones, and what
// reaches the NAT64 before what does not.
const OwnNetwork* Instance::chooseNetwork(const Pref64& pref64) {
  const OwnNetwork* best = nullptr;
  int best_worth = -1;
  for (const OwnNetwork& own : uplink_.all()) {
    const int worth = (own.deprecated ? 0 : 4) + (reaches(own.address, pref64) ? 2 : 0) +
                      (sameNetwork(own.address, network_) ? 1 : 0);
    if (worth > best_worth) {
      best = &own;
      best_worth = worth;
    }
  }
  return best;
}

// As chooseNetwork(); temporary ones last, as they would take the flows along when they go.
const OwnAddress* Instance::chooseShared(const Pref64& pref64) {
  const OwnAddress* best = nullptr;
  int best_worth = -1;
  for (const OwnAddress& own : uplink_.shareable()) {
    const int worth = (own.deprecated ? 0 : 8) + (reaches(own.address, pref64) ? 4 : 0) +
                      (own.address == shared_ ? 2 : 0) + (own.temporary ? 0 : 1);
    if (worth > best_worth) {
      best = &own;
      best_worth = worth;
    }
  }
  return best;
}

bool Instance::sharesRather(const OwnNetwork& network, const Pref64& pref64) {
  if (!network.deprecated && reaches(network.address, pref64)) return false;
  const OwnAddress* own = chooseShared(pref64);
  return own != nullptr && !own->deprecated && reaches(own->address, pref64);
}

std::optional<Ipv4Address> Instance::chooseIpv4() const {
  if (settings_.ipv4) return settings_.ipv4;
  // 192.0.0.1 to .6; the one in use stays.
  for (uint32_t i = 0; i < 6; ++i) {
    const uint32_t host = 1 + (settings_.order + i) % 6;
    if ((uplink_.taken & (1u << host)) == 0) return Ipv4Address::fromHost(kClatBlock + host);
  }
  return std::nullopt;
}

uint32_t Instance::chooseMetric() const {
  if (settings_.metric) return *settings_.metric;
  uint64_t metric =
      std::max<uint64_t>(kMetric, uint64_t{uplink_.highest_metric} + 1) + settings_.order;
  if (uplink_.native4) {
    uint64_t free = ~uplink_.taken_metrics;
    for (uint8_t i = 0; i < settings_.order; ++i) free &= free - 1;
    metric = uint64_t{uplink_.native_metric} + 1 + static_cast<uint64_t>(std::countr_zero(free));
  }
  return static_cast<uint32_t>(std::min<uint64_t>(metric, UINT32_MAX));
}

}  // namespace platypus::clat
