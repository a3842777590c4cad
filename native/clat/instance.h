// One CLAT: an uplink, what was learnt on it, and what is to be done about it. A state machine
// without sockets or a clock; client.h feeds it and does what it says.
//
//   netlink ─ onUplink ─┐                      ┌─▶ plan(): run or stand down, and with what
//   ICMPv6 ── onIcmp ───┼─▶ Discovery, claim ──┤
//   DNS ───── onAnswer ─┘                      └─▶ advance(): what to send now
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "clat/discovery.h"
#include "clat/duplicates.h"
#include "clat/own_address.h"
#include "clat/uplink.h"

namespace platypus::clat {

/// As NetworkManager means them: `auto` stands down where the uplink has IPv4 of its own.
enum class Mode : uint8_t { kOff, kAuto, kForce };

/// Where the CLAT's IPv6 address is from.
enum class AddressFrom : uint8_t {
  /// A /64 of the uplink. As kShared without one, or where it is deprecated or does not reach the
  /// NAT64 and an address that can be shared is neither.
  kUplink,
  /// The uplink's own address. The translator has one that stays inside the host, and whoever
  /// carries out the plan puts the kernel's connection tracking between the two.
  kShared,
  /// A /64 that is routed to this host, such as a delegated one.
  kDelegated,
  kExplicit,
};

struct Settings {
  DeviceName uplink;
  /// The CLAT devices of this program, of all its instances.
  std::array<DeviceName, kMostUplinks> own{};
  size_t own_count = 0;
  Mode mode = Mode::kAuto;
  DiscoverySettings discovery;
  HashKey key{};
  AddressFrom address_from = AddressFrom::kUplink;
  /// The address, or the delegated network.
  Ipv6Address address;
  /// Nothing for an address of 192.0.0.0/29 that is free, from `192.0.0.1 + order` on.
  std::optional<Ipv4Address> ipv4;
  /// Of the default route; nothing for 2048 + order, behind those that are there, or with native
  /// IPv4 the first free one after it (for a further instance a further one).
  std::optional<uint32_t> metric;
  /// Nothing for that of the uplink's IPv6.
  std::optional<uint32_t> mtu;
  /// Which of several instances this is, from 0.
  uint8_t order = 0;
};

enum class State : uint8_t {
  kOff,
  kNoUplink,
  kUplinkDown,
  kNativeIpv4,
  kOtherClat,
  kSearching,
  kNoPrefix,
  /// A prefix is known, but the network changed its mind too often to use it yet.
  kUnsteady,
  /// The uplink has no global address yet.
  kNoNetwork,
  /// Other hosts have each address that was tried.
  kDuplicate,
  /// 192.0.0.0/29 is used up.
  kNoIpv4,
  kRunning,
};

/// What has to be so. Everything but `state` and `prefixes` is of interest while running only.
struct Plan {
  State state = State::kOff;
  Prefixes prefixes;
  Ipv6Address address;
  /// The uplink's address, as which `address` has to leave the host; unspecified where it leaves as
  /// it is.
  Ipv6Address shared;
  /// The address is of the uplink's own link: neighbours have to be answered.
  bool neighbour = false;
  Ipv4Address ipv4;
  uint32_t mtu6 = 0;
  /// 28 less: an IPv6 header in place of the IPv4 one, and a Fragment Header.
  uint32_t mtu4 = 0;
  uint32_t metric = 0;
  Ipv6Address gateway;
  uint32_t index = 0;
  /// Another one where something of what was attached is lost: all of it is made anew.
  uint32_t generation = 0;
};

/// True when somebody has to do something about it; lifetimes alone are no difference.
bool differs(const Plan& a, const Plan& b);

/// What is to be sent now.
struct Actions {
  std::optional<Ask> ask;
  std::optional<Solicitation> neighbour_solicitation;
  bool router_solicitation = false;
};

class Instance {
 public:
  /// RFC 7217 §6: IDGEN_RETRIES, generously.
  static constexpr uint32_t kMostAttempts = 8;

  Instance(const Settings& settings, uint64_t now_ms);

  void onUplink(const Uplink& uplink, uint64_t now_ms);
  /// An ICMPv6 message that came in by the uplink.
  void onIcmp(std::span<const std::byte> message, const Arrival& arrival, uint64_t now_ms);
  void onAnswer(std::span<const std::byte> datagram, uint64_t now_ms);
  /// Lets time pass. `random` must be hard to guess.
  Actions advance(uint64_t now_ms, uint64_t random);
  /// Resolvers of the host, asked when the link names none.
  void setResolvers(const ResolverList& resolvers) { discovery_.setResolvers(resolvers); }
  uint64_t deadlineMs(uint64_t now_ms) const;

  const Plan& plan() const { return plan_; }
  const Uplink& uplink() const { return uplink_; }
  const Discovery& discovery() const { return discovery_; }
  /// Router advertisements that RFC 4861 §6.1.2 has hosts drop.
  uint64_t advertisementsRefused() const { return advertisements_refused_; }
  uint64_t duplicates() const { return duplicates_; }

 private:
  static constexpr uint64_t kNever = UINT64_MAX;

  // The address that was chosen, and what its detection has come to.
  struct Claim {
    Ipv6Address address;
    Nonce nonce{};
    bool started = false;
    uint32_t sent = 0;
    uint64_t next_ms = 0;
    uint64_t until_ms = 0;
  };

  void replan(uint64_t now_ms);
  Plan decide(uint64_t now_ms);
  const OwnNetwork* chooseNetwork(const Pref64& pref64);
  const OwnAddress* chooseShared(const Pref64& pref64);
  bool sharesRather(const OwnNetwork& network, const Pref64& pref64);
  std::optional<Ipv4Address> chooseIpv4() const;
  uint32_t chooseMetric() const;
  void onDuplicate(uint64_t now_ms);

  Settings settings_;
  Discovery discovery_;
  Uplink uplink_;
  Plan plan_;
  Claim claim_;
  Ipv6Address network_;
  Ipv6Address shared_;
  uint32_t attempt_ = 0;
  uint32_t failed_ = 0;
  // Until then no further address is tried.
  uint64_t pause_until_ms_ = 0;
  uint32_t solicitations_ = 0;
  uint64_t solicit_ms_ = 0;
  bool heard_ = false;
  uint64_t advertisements_refused_ = 0;
  uint64_t duplicates_ = 0;
};

}  // namespace platypus::clat
