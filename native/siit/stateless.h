// The stateless translator (RFC 7915 with RFC 6052 addresses): every packet by itself.
#pragma once

#include "packet/packet.h"
#include "packet/parse.h"
#include "packet/verdict.h"
#include "siit/identification.h"
#include "siit/policy.h"
#include "siit/pool6.h"
#include "siit/sizing.h"

namespace platypus {

/// Translates a parsed IPv6 packet in place, or says why not. `sizing` tells what is left to do;
/// with `sizing.split` the packet is as it was.
Verdict translateV6ToV4(Packet& packet, const PacketView& view, const Pool6& pool6,
                        const TranslationPolicy& policy, IdentificationSource& identifications,
                        Sizing& sizing);

/// Translates a parsed IPv4 packet in place with the first prefix of `pool6`, or says why not.
Verdict translateV4ToV6(Packet& packet, const PacketView& view, const Pool6& pool6,
                        const TranslationPolicy& policy, Sizing& sizing);

}  // namespace platypus
