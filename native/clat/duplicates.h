// Duplicate address detection for an address that is none of the kernel's own (RFC 4862 §5.4): the
// solicitations to send, and what an answer looks like. Optimistic in the sense of RFC 4429: the
// kernel answers for the address, without the override flag, while the detection runs. Pure.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "clat/router_advertisement.h"

namespace platypus::clat {

using Nonce = std::array<uint8_t, 6>;

/// A whole IPv6 packet: header, solicitation, nonce option (RFC 7527).
using Solicitation = std::array<std::byte, 40 + 24 + 8>;

/// The packet that asks who has `target`; from ::, to the solicited-node group.
Solicitation makeSolicitation(const Ipv6Address& target, const Nonce& nonce);

/// ff02::1:ffXX:XXXX (RFC 4291 §2.7.1).
Ipv6Address solicitedNode(const Ipv6Address& address);

/// True for an ICMPv6 message that says that somebody else has `target`, or wants it just now: an
/// advertisement, or a solicitation from :: without our nonce.
bool isDuplicate(std::span<const std::byte> message, const Arrival& arrival,
                 const Ipv6Address& target, const Nonce& nonce);

}  // namespace platypus::clat
