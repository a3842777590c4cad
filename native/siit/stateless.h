// The stateless translator (RFC 7915): every packet by itself. Addresses are mapped by the EAM
// table (RFC 7757) where it has them, by pool6 (RFC 6052) otherwise; sources of ICMP errors that
// neither maps come from a pool of their own (RFC 6791).
//
// Ownership: one worker.
#pragma once

#include "packet/counter.h"
#include "packet/packet.h"
#include "packet/parse.h"
#include "packet/verdict.h"
#include "siit/config.h"
#include "siit/endpoints.h"
#include "siit/icmp_error.h"
#include "siit/identification.h"
#include "siit/path_mtu.h"
#include "siit/policy.h"
#include "siit/pool6.h"
#include "siit/sizing.h"

namespace platypus {

class StatelessTranslator {
 public:
  StatelessTranslator(IdentificationSource& identifications, PathMtus& path_mtus,
                      Counters& counters, uint64_t secret)
      : identifications_(identifications),
        path_mtus_(path_mtus),
        counters_(counters),
        random_(secret) {}

  /// What is given must live until the next call.
  void use(const Pool6& pool6, const TranslationPolicy& policy, const SiitConfig& config) {
    pool6_ = &pool6;
    policy_ = &policy;
    config_ = &config;
  }

  /// How a packet is to be treated, and what is left to do with it.
  struct Pass {
    uint32_t now = 0;          // ticks
    bool hairpinned = false;   // second pass: the hop limit has been paid, RFC 7757 §4.2.1 rules
    bool reassembled = false;  // arrived in fragments and may leave so
  };
  struct Translated {
    Sizing sizing;  // with `sizing.split` the packet is as it was
    /// An IPv4 packet that goes back to IPv6 at once (RFC 7757 §4.2.2).
    bool hairpin = false;
  };

  /// Translates a parsed packet in place, or says why not and leaves it as it was.
  Verdict v6ToV4(Packet& packet, const PacketView& view, const Pass& pass, Translated& translated);
  Verdict v4ToV6(Packet& packet, const PacketView& view, const Pass& pass, Translated& translated);

  /// The short way: translates a plain packet (plain.h) in place. False where it is not plain, or
  /// where an address wants a decision; then it is as it was and takes the long way.
  bool express(Packet& packet);

  /// Brings what an unparsed packet's addresses are mapped by into the cache.
  [[gnu::always_inline]] void prefetch(const Packet& packet) const {
    if (config_->eamt != nullptr) prefetchEam(packet);
  }

 private:
  /// An address of the other family, and how it was found.
  struct Mapped4 {
    Ipv4Address address;
    bool by_eam = false;
  };
  enum class Eam : uint8_t { kSkip, kUse, kOnly };

  bool find(const Ipv6Address& address, Mapped4& mapped) const;
  Verdict map(const Ipv6Address& address, Counter reason, Mapped4& mapped) const;
  bool find(Ipv4Address address, Eam eam, Ipv6Address& mapped) const;
  Verdict map(Ipv4Address address, Eam eam, Ipv6Address& mapped) const;
  Verdict mapSource(const Ipv6Address& address, Mapped4& mapped) const;
  void prefetchEam(const Packet& packet) const;
  bool expressV6(Packet& packet);
  bool expressV4(Packet& packet);
  /// RFC 6052 §5.1: an IPv6 host may not pass for any IPv4 address.
  bool isForged(const Mapped4& source) const {
    return !source.by_eam && config_->sources4 && !config_->sources4->contains(source.address);
  }
  bool isInEam(Ipv4Address address) const {
    return config_->eamt != nullptr && config_->eamt->contains(address);
  }
  /// How the source of a packet from IPv4 is looked up.
  Eam ofSource() const { return config_->eam_sources ? Eam::kOnly : Eam::kUse; }
  uint32_t pick(uint8_t hop_limit, uint32_t count);
  Ipv4Address errorSource4(uint8_t hop_limit);
  Ipv6Address errorSource6(uint8_t hop_limit);
  Verdict errorV6ToV4(Packet& packet, const PacketView& view, const Pass& pass, Mapped4 source,
                      const Verdict& source_verdict, Ipv4Address destination,
                      Translated& translated);
  Verdict errorV4ToV6(Packet& packet, const PacketView& view, const Pass& pass,
                      Translated& translated);

  IdentificationSource& identifications_;
  PathMtus& path_mtus_;
  Counters& counters_;
  uint64_t random_;
  const Pool6* pool6_ = nullptr;
  const TranslationPolicy* policy_ = nullptr;
  const SiitConfig* config_ = nullptr;
};

}  // namespace platypus
