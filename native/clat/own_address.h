// The CLAT's own IPv6 address: a stable interface identifier as RFC 7217 makes them, changed in 16
// bits so that the translation leaves the checksums of TCP and UDP as they are (RFC 6052 §4.1).
#pragma once

#include <cstdint>

#include "clat/siphash.h"
#include "siit/prefix.h"

namespace platypus::clat {

/// What an address is made of; the same input makes the same address.
struct AddressInput {
  /// Of the host and the uplink; whoever does not know it cannot foretell the address.
  HashKey key{};
  /// The first 64 bits of it.
  Ipv6Address network;
  Pref64 pref64;
  /// What the address is mapped to.
  Ipv4Address ipv4;
  /// Addresses that were duplicates before (RFC 7217 §5: DAD_Counter).
  uint32_t attempt = 0;
};

/// An address inside `network`/64 for which the sums of the pseudo-headers are the same on either
/// side, wherever `pref64` puts the IPv4 address on an even octet (lengths 32 and 96). No reserved
/// identifier (RFC 5453).
Ipv6Address makeOwnAddress(const AddressInput& input);

/// A /64 of this host alone (RFC 4193), another one for each address that is shared: so that flows
/// of an address that went are none of the next one's.
Ipv6Address makeInternalNetwork(const HashKey& key, const Ipv6Address& shared);

/// True when source and prefix are such that checksums need no change.
bool isChecksumNeutral(const Ipv6Address& own, const Pref64& pref64, Ipv4Address ipv4);

}  // namespace platypus::clat
