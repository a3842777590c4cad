#include "siit/originate.h"

#include <algorithm>
#include <cstring>

#include "packet/checksum.h"
#include "packet/icmp4.h"
#include "packet/icmp6.h"
#include "packet/ipv4.h"
#include "packet/ipv6.h"
#include "packet/protocol.h"
#include "siit/prefix.h"

namespace platypus {
namespace {

constexpr uint8_t kHopLimit = 64;
/// RFC 1812 §4.3.2.3, RFC 4443 §2.4 (c).
constexpr uint32_t kLargestV4 = 576;
constexpr uint32_t kLargestV6 = Ipv6Header::kMinimumMtu;
/// Internetwork control (RFC 1812 §4.3.2.5).
constexpr uint8_t kErrorTos = 0xc0;

}  // namespace

bool originateV4(const Packet& packet, const PacketView& view, const Verdict& verdict,
                 Ipv4Address source, uint16_t identification, Packet& out) {
  const auto original = load<Ipv4Header>(packet.data());
  if (view.transport == Transport::kIcmpError || original.fragmentOffset() != 0 ||
      isIllegalSource(original.source) || !isUnicastDestination(original.destination)) {
    return false;
  }
  constexpr uint32_t kHeaders = Ipv4Header::kSize + Icmp4Header::kSize;
  const uint32_t quoted = std::min(packet.length(), kLargestV4 - kHeaders);
  out.reset(kHeaders + quoted);

  Ipv4Header header;
  header.tos = kErrorTos;
  header.total_length = Be16(static_cast<uint16_t>(out.length()));
  header.identification = Be16(identification);
  header.ttl = kHopLimit;
  header.protocol = protocol::kIcmp4;
  header.source = source;
  header.destination = original.source;
  header.computeChecksum();
  store(out.data(), header);

  Icmp4Header icmp;
  icmp.type = verdict.type;
  icmp.code = verdict.code;
  if (verdict.type == icmp4::kParameterProblem) {
    icmp.identifier = Be16(static_cast<uint16_t>(verdict.value << 8));
  } else {
    icmp.sequence = Be16(static_cast<uint16_t>(verdict.value));
  }
  std::memcpy(out.data() + kHeaders, packet.data(), quoted);
  store(out.data() + Ipv4Header::kSize, icmp);
  icmp.checksum = finishSum(sumBytes(out.bytes().subspan(Ipv4Header::kSize)));
  store(out.data() + Ipv4Header::kSize, icmp);
  return true;
}

bool originateV6(const Packet& packet, const PacketView& view, const Verdict& verdict,
                 const Ipv6Address& source, Packet& out) {
  const auto original = load<Ipv6Header>(packet.data());
  const bool prohibited = verdict.type == icmp6::kUnreachable && verdict.code == icmp6::kProhibited;
  const bool multicast = original.destination.isMulticast();
  const bool redirect =
      view.transport == Transport::kIcmpOther && view.icmp_type == icmp6::kRedirect;
  if (view.transport == Transport::kIcmpError || redirect || view.fragment_offset != 0 ||
      (prohibited && view.protocol == protocol::kIcmp6) || original.source.isMulticast() ||
      original.source.isUnspecified() || original.source.isLoopback() ||
      (multicast && verdict.type != icmp6::kPacketTooBig)) {
    return false;
  }
  constexpr uint32_t kHeaders = Ipv6Header::kSize + Icmp6Header::kSize;
  const uint32_t quoted = std::min(packet.length(), kLargestV6 - kHeaders);
  out.reset(kHeaders + quoted);

  Ipv6Header header;
  header.payload_length = Be16(static_cast<uint16_t>(Icmp6Header::kSize + quoted));
  header.next_header = protocol::kIcmp6;
  header.hop_limit = kHopLimit;
  header.source = source;
  header.destination = original.source;
  store(out.data(), header);

  Icmp6Header icmp;
  icmp.type = verdict.type;
  icmp.code = verdict.code;
  icmp.setField(verdict.value);
  std::memcpy(out.data() + kHeaders, packet.data(), quoted);
  store(out.data() + Ipv6Header::kSize, icmp);
  const uint32_t length = Icmp6Header::kSize + quoted;
  icmp.checksum =
      finishSum(sumPseudoHeader(header.source, header.destination, length, protocol::kIcmp6) +
                sumBytes(out.bytes().subspan(Ipv6Header::kSize)));
  store(out.data() + Ipv6Header::kSize, icmp);
  return true;
}

}  // namespace platypus
