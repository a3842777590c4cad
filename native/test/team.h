// Several workers on ports in memory, driven by hand in one thread.
#pragma once

#include <cstdlib>
#include <memory>
#include <vector>

#include "dataplane/worker.h"
#include "port/memory.h"
#include "test/nat64_packets.h"

namespace platypus::test {

inline constexpr Ipv4Address kTeamPool = v4(192, 0, 2, 1);
inline constexpr Ipv4Address kTeamServer = v4(8, 8, 8, 8);
inline constexpr Owners::Keys kTeamKeys{
    0x9e3779b97f4a7c15u, 0xbf58476d1ce4e5b9u, 0x94d049bb133111ebu, 0xd6e8feb86659fd93u,
    0xc2b2ae3d27d4eb4fu, 0xff51afd7ed558ccdu, 0xc4ceb9fe1a85ec53u, 0x2545f4914f6cdd1du};

/// Also for the fuzzer, which has no test framework.
inline void must(bool holds) {
  if (!holds) std::abort();
}

struct Team {
  explicit Team(uint16_t workers, Mode mode = Mode::kNat64, uint8_t subscriber_bits = 128)
      : owners(workers, subscriber_bits, kTeamKeys), handover(owners) {
    must(handover.ok());
    config.mode = mode;
    config.translation.pool6.add(Pref64(wellKnown({}), 96));
    config.translation.policy.allow_non_global = true;
    if (mode == Mode::kNat64) config.translation.pool4 = {{kTeamPool, 1024, 65'535}};
    Nat64Limits limits;
    limits.sessions = 1 << 12;
    limits.bib = 1 << 12;
    limits.hosts = 1 << 10;
    limits.reassembly = 8;
    limits.stored_syns = 8;
    limits.path_mtus = 64;
    for (uint16_t i = 0; i < workers; ++i) {
      ports.push_back(std::make_unique<MemoryPort>());
      handover.setPort(i, *ports[i]);
      Worker::Options options;
      options.mode = mode;
      options.limits = limits;
      options.shard = {.index = i, .count = workers};
      options.seed = {uint32_t{i} + 5};
      options.identification_secret = 42;
      options.handover = &handover;
      members.push_back(std::make_unique<Worker>(*ports[i], options));
      must(members[i]->ok());
    }
    apply();
  }
  void apply() {
    const auto shared = std::make_shared<Config>(config);
    for (auto& member : members) {
      member->use(shared);
      while (!member->continueUse()) {
      }
    }
  }
  /// Polls until nothing moves any more; what was sent, by worker.
  std::vector<std::vector<MemoryPacket>> settle() {
    std::vector<std::vector<MemoryPacket>> sent(members.size());
    for (bool moved = true; moved;) {
      moved = false;
      for (size_t i = 0; i < members.size(); ++i) {
        if (members[i]->poll(now_ms) != 0) moved = true;
        for (MemoryPacket& packet : ports[i]->takeSent()) sent[i].push_back(std::move(packet));
      }
      for (const auto& member : members) moved = moved || member->isBehind();
    }
    return sent;
  }
  /// What comes of a packet that arrives at worker `at`, whoever sends it.
  std::vector<MemoryPacket> send(size_t at, const Bytes& packet) {
    must(ports[at]->inject(packet));
    std::vector<MemoryPacket> all;
    for (auto& sent : settle()) {
      for (MemoryPacket& one : sent) all.push_back(std::move(one));
    }
    return all;
  }
  uint64_t count(Counter counter) const {
    uint64_t sum = 0;
    for (const auto& member : members) sum += member->counters().read(counter);
    return sum;
  }
  uint64_t count(size_t member, Counter counter) const {
    return members[member]->counters().read(counter);
  }
  size_t size() const { return members.size(); }
  /// A host of worker `wanted`; `n` tells several apart.
  Ipv6Address hostOf(uint16_t wanted, uint8_t n = 0) const {
    for (uint32_t i = 1;; ++i) {
      Ipv6Address host = host6(static_cast<uint8_t>(i));
      host.bytes[13] = static_cast<uint8_t>(i >> 8);
      host.bytes[14] = n;
      if (owners.ofHost(host) == wanted) return host;
    }
  }

  const Owners owners;
  Handover handover;
  std::vector<std::unique_ptr<MemoryPort>> ports;
  std::vector<std::unique_ptr<Worker>> members;
  Config config;
  uint64_t now_ms = 1000;
};

}  // namespace platypus::test
