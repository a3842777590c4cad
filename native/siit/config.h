// The stateless translator's part of a configuration snapshot: which addresses have a counterpart
// besides pool6 (RFC 7757, RFC 6791).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "packet/address.h"
#include "siit/eam.h"
#include "siit/prefix_set.h"

namespace platypus {

/// RFC 7757 §4: what is done about packets between two hosts that both have mappings.
enum class Hairpin : uint8_t { kNone, kSimple, kIntrinsic };

/// Sources for ICMP errors from addresses without a counterpart (RFC 6791).
struct IcmpSources {
  enum class Pick : uint8_t { kRandom, kHop };
  enum class Extension : uint8_t { kNone, kInterface, kNode };

  std::vector<Ipv4Prefix> v4;  // empty: such errors are dropped
  std::optional<Ipv6Prefix> v6;
  Pick pick = Pick::kRandom;
  Extension extension = Extension::kNone;
};

struct SiitConfig {
  std::shared_ptr<const EamTable> eamt;  // null for none
  Hairpin hairpin = Hairpin::kIntrinsic;
  /// Not mapped by pool6, either way.
  PrefixSet4 denylist4;
  /// What IPv6 hosts inside pool6 may be (RFC 6052 §5.1); without it nothing is checked.
  std::optional<PrefixSet4> sources4;
  /// IPv4 hosts are those of the table only: another one would leave as an address of the NAT64's
  /// prefix (a CLAT, RFC 6877 §6.1).
  bool eam_sources = false;
  IcmpSources icmp_sources;
};

}  // namespace platypus
