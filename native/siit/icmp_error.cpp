// Open: checksum → type map → where the quoted packet ends (RFC 4884) → its headers.
// Rewrite: a new message is put together beside the packet (header, ICMP, quoted header, quoted
// payload, extension) and copied back; errors are rare enough for one copy of at most 1280 bytes.
#include "siit/icmp_error.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "packet/checksum.h"
#include "packet/fragment.h"
#include "packet/icmp4.h"
#include "packet/icmp6.h"
#include "packet/ipv4.h"
#include "packet/ipv6.h"
#include "packet/protocol.h"
#include "siit/mtu.h"
#include "siit/transport.h"

namespace platypus {
namespace {

constexpr uint32_t kLargestV6 = Ipv6Header::kMinimumMtu;
constexpr uint32_t kLargestV4 = 576;
/// RFC 4884 §3: in front of an extension the quoted packet takes at least this much.
constexpr uint32_t kLeastBeforeExtension = 128;

/// Splits the message body at the RFC 4884 length, given in bytes; 0 means no extension.
void splitBody(uint32_t body, uint32_t length, ErrorView& error) {
  if (length >= kLeastBeforeExtension && length < body) {
    error.original_length = length;
    error.extension_length = body - length;
  } else {
    error.original_length = body;
  }
}

/// The new message while it is being put together.
class Draft {
 public:
  explicit Draft(uint32_t largest) : largest_(largest) {}

  template <typename T>
  void put(const T& value) {
    store(bytes_.data() + length_, value);
    length_ += sizeof(T);
  }
  /// Copies as much of `from` as fits below the largest size.
  std::span<std::byte> append(const std::byte* from, uint32_t length) {
    const uint32_t fits = std::min(length, largest_ - std::min(largest_, length_));
    std::memcpy(bytes_.data() + length_, from, fits);
    length_ += fits;
    return {bytes_.data() + length_ - fits, fits};
  }
  /// Pads with zeros until `since` bytes from the mark are `length`.
  void padTo(uint32_t length) {
    std::memset(bytes_.data() + length_, 0, length - length_);
    length_ = length;
  }
  uint32_t length() const { return length_; }
  std::byte* at(uint32_t offset) { return bytes_.data() + offset; }
  /// Replaces the packet's bytes; the message starts where it leaves headroom for any port.
  void copyTo(Packet& packet) const {
    packet.reset(length_);
    std::memcpy(packet.data(), bytes_.data(), length_);
  }

 private:
  uint32_t largest_;
  uint32_t length_ = 0;
  std::array<std::byte, kLargestV6 + 64> bytes_;
};

/// Ports, identifier and checksum of the quoted transport header, as far as it is quoted
/// (RFC 7915 §4.3: translated like a normal packet). `pseudo` is the change of pseudo-headers for
/// TCP and UDP, `icmp` the one for an echo.
void rewriteQuotedTransport(std::span<std::byte> payload, const QuotedView& quoted,
                            ChecksumDelta tcpUdp, ChecksumDelta icmp, uint8_t echoType,
                            Be16 sourcePort, Be16 destinationPort) {
  if (quoted.transport == Transport::kTcp || quoted.transport == Transport::kUdp) {
    const bool udp = quoted.transport == Transport::kUdp;
    const uint16_t field = checksumOffset(quoted.transport);
    const bool present = payload.size() >= field + 2u;
    const bool unset = udp && load<Be16>(payload.data() + field).wire() == 0;
    if (present && !unset) {
      rewriteTcpUdp(payload.data(), quoted.transport, false, tcpUdp, sourcePort, destinationPort);
    } else {
      store(payload.data(), sourcePort);
      store(payload.data() + 2, destinationPort);
    }
  } else if (quoted.transport == Transport::kIcmpEcho) {
    auto header = load<Icmp4Header>(payload.data());
    icmp.remove(load<Be16>(payload.data()));
    icmp.remove(header.identifier);
    header.type = echoType;
    header.identifier = sourcePort;
    store(payload.data(), header);
    icmp.add(load<Be16>(payload.data()));
    icmp.add(header.identifier);
    header.checksum = icmp.apply(header.checksum);
    store(payload.data(), header);
  }
}

/// The extension with one object more; only the header's checksum changes of what was there.
/// Nothing where the structure is of another version or would not leave the quoted packet its 128
/// bytes.
class OriginExtension {
 public:
  OriginExtension(const std::byte* extension, uint32_t length, const OriginObject& origin,
                  uint32_t room) {
    const uint32_t before = length == 0 ? kHeader : length;
    const bool known = length == 0 || (length >= kHeader && length % 4 == 0 &&
                                       std::to_integer<uint8_t>(extension[0]) >> 4 == kVersion);
    if (origin.class_number == 0 || !known || before + kObject > room) return;
    length_ = before + kObject;
    if (length != 0) {
      std::memcpy(bytes_.data(), extension, length);
    } else {
      bytes_[0] = std::byte{kVersion << 4};
    }
    std::byte* object = bytes_.data() + before;
    store(object, Be16(kObject));
    object[2] = std::byte{origin.class_number};
    object[3] = std::byte{0x04};  // C-Type: an IP address (RFC 5837 §4.1, bit 5)
    store(object + 4, Be16(2));   // AFI of IPv6
    store(object + 8, origin.address);
    const std::span<const std::byte> added(object, kObject);
    if (length == 0) {
      store(bytes_.data() + 2, finishSum(sumBytes(bytes())));
    } else if (const auto checksum = load<Be16>(extension + 2); checksum.wire() != 0) {
      ChecksumDelta delta;
      delta.addSum(sumBytes(added));
      store(bytes_.data() + 2, delta.apply(checksum));
    }
  }
  std::span<const std::byte> bytes() const { return {bytes_.data(), length_}; }

 private:
  static constexpr uint32_t kHeader = 4;
  static constexpr uint32_t kObject = 24;
  static constexpr uint8_t kVersion = 2;  // RFC 4884 §7
  uint32_t length_ = 0;
  std::array<std::byte, kLargestV4> bytes_{};
};

/// How far the quoted packet may reach: up to the largest size, or in front of an extension as far
/// as that leaves room, but not less than RFC 4884 §3 asks for.
uint32_t quotedEnd(uint32_t largest, uint32_t quotedStart, size_t extension, uint32_t unit) {
  if (extension == 0) return largest;
  const uint32_t room = largest - quotedStart;
  const uint32_t left = room - std::min<uint32_t>(room, static_cast<uint32_t>(extension));
  return quotedStart + std::max(left / unit * unit, kLeastBeforeExtension);
}

/// Pads the quoted packet, appends the extension, and returns the RFC 4884 length in `unit` bytes.
uint8_t appendExtension(Draft& draft, uint32_t quotedStart, std::span<const std::byte> extension,
                        uint32_t unit) {
  const uint32_t quoted = draft.length() - quotedStart;
  const uint32_t padded = std::max((quoted + unit - 1) / unit * unit, kLeastBeforeExtension);
  draft.padTo(quotedStart + padded);
  draft.append(extension.data(), static_cast<uint32_t>(extension.size()));
  return static_cast<uint8_t>(padded / unit);
}

}  // namespace

Verdict openErrorV4(const Packet& packet, const PacketView& view, ErrorView& error) {
  error = ErrorView();
  if (view.fragmented) return Verdict::drop(Counter::kDropIcmpFragment);
  const auto message = packet.bytes().subspan(view.transport_offset);
  const auto header = load<Icmp4Header>(message.data());
  const auto length = static_cast<uint8_t>(header.identifier.host());
  const auto pointer = static_cast<uint8_t>(header.identifier.host() >> 8);
  error.mapping = mapIcmpV4ToV6(header.type, header.code, pointer);
  if (!error.mapping.translatable) {
    const bool by_pointer =
        header.type == icmp4::kParameterProblem && (header.code == 0 || header.code == 2);
    return Verdict::drop(by_pointer ? Counter::kDropIcmpPointer : Counter::kDropIcmpType);
  }
  if (foldSum(sumBytes(message)) != 0xffff) return Verdict::drop(Counter::kDropIcmpChecksum);
  error.field = header.sequence.host();
  error.original_offset = view.transport_offset + uint32_t{Icmp4Header::kSize};
  splitBody(view.payload_length - Icmp4Header::kSize, length * 4u, error);
  return parseQuotedV4(packet.bytes().subspan(error.original_offset, error.original_length),
                       error.quoted);
}

Verdict openErrorV6(const Packet& packet, const PacketView& view, ErrorView& error) {
  error = ErrorView();
  if (view.fragmented) return Verdict::drop(Counter::kDropIcmpFragment);
  const auto message = packet.bytes().subspan(view.transport_offset);
  const auto header = load<Icmp6Header>(message.data());
  error.mapping = mapIcmpV6ToV4(header.type, header.code, header.field());
  if (!error.mapping.translatable) {
    const bool by_pointer = header.type == icmp6::kParameterProblem && header.code == 0;
    return Verdict::drop(by_pointer ? Counter::kDropIcmpPointer : Counter::kDropIcmpType);
  }
  const auto outer = load<Ipv6Header>(packet.data());
  if (foldSum(sumBytes(message) + sumPseudoHeader(outer.source, outer.destination,
                                                  view.payload_length, protocol::kIcmp6)) !=
      0xffff) {
    return Verdict::drop(Counter::kDropIcmpChecksum);
  }
  error.field = header.field();
  error.original_offset = view.transport_offset + uint32_t{Icmp6Header::kSize};
  // RFC 4884 §4.4, §4.5: only these two carry a length, in 64-bit words.
  const bool extensible = header.type == icmp6::kUnreachable || header.type == icmp6::kTimeExceeded;
  const uint32_t length = extensible ? (header.identifier.host() >> 8) * 8u : 0;
  splitBody(view.payload_length - Icmp6Header::kSize, length, error);
  return parseQuotedV6(packet.bytes().subspan(error.original_offset, error.original_length),
                       error.quoted);
}

uint16_t pathMtuOf(const Packet& packet, const ErrorView& error, const Plateaus& plateaus) {
  if (error.mapping.field != IcmpMapping::Field::kMtu) return 0;
  const uint16_t length =
      load<Ipv4Header>(packet.data() + error.original_offset).total_length.host();
  const auto named = static_cast<uint16_t>(error.field);
  const uint16_t mtu = named != 0 ? named : plateaus.below(length);
  return mtu < length ? mtu : uint16_t{0};
}

void rewriteErrorV4ToV6(Packet& packet, const PacketView& view, const ErrorView& error,
                        const Endpoints6& outer, const Endpoints6& inner,
                        const TranslationPolicy& policy, bool decrement) {
  const QuotedView& quoted = error.quoted;
  const std::byte* original = packet.data() + error.original_offset;
  const auto old_inner = load<Ipv4Header>(original);
  Draft draft(kLargestV6);

  Ipv6Header header;
  header.setTrafficClass(policy.traffic_class < 0 ? view.traffic_class
                                                  : static_cast<uint8_t>(policy.traffic_class));
  header.next_header = protocol::kIcmp6;
  header.hop_limit = static_cast<uint8_t>(view.hop_limit - (decrement ? 1 : 0));
  header.source = outer.source;
  header.destination = outer.destination;
  draft.put(header);

  Icmp6Header icmp;
  icmp.type = error.mapping.type;
  icmp.code = error.mapping.code;
  if (error.mapping.field == IcmpMapping::Field::kMtu) {
    icmp.setField(packetTooBigMtu(static_cast<uint16_t>(error.field), old_inner.total_length.host(),
                                  policy.mtu6, policy.mtu4, policy.plateaus));
  } else if (error.mapping.field == IcmpMapping::Field::kPointer) {
    icmp.setField(error.mapping.pointer);
  }
  draft.put(icmp);

  const uint32_t quoted_start = draft.length();
  const bool quotes_icmp = quoted.protocol == protocol::kIcmp4;
  const uint8_t next_header = quotes_icmp ? protocol::kIcmp6 : quoted.protocol;
  Ipv6Header inner_header;
  inner_header.setTrafficClass(quoted.traffic_class);
  inner_header.payload_length = Be16(static_cast<uint16_t>(
      quoted.claimed_payload + (quoted.fragment_header ? FragmentHeader::kSize : 0)));
  inner_header.next_header = quoted.fragment_header ? protocol::kFragment : next_header;
  inner_header.hop_limit = quoted.hop_limit;  // RFC 7915 §4.3: as it was, not decremented
  inner_header.source = inner.source;
  inner_header.destination = inner.destination;
  draft.put(inner_header);
  if (quoted.fragment_header) {
    FragmentHeader fragment;
    fragment.next_header = next_header;
    fragment.setOffset(quoted.fragment_offset, quoted.more_fragments);
    fragment.identification = Be32(quoted.identification);
    draft.put(fragment);
  }

  // RFC 4884 §4.6: Packet Too Big and Parameter Problem have no room for a length.
  const bool extensible = icmp.type == icmp6::kUnreachable || icmp.type == icmp6::kTimeExceeded;
  const std::span<const std::byte> extension(original + error.original_length,
                                             extensible ? error.extension_length : 0);
  const uint32_t end = quotedEnd(kLargestV6, quoted_start, extension.size(), 8);
  const auto payload = draft.append(original + quoted.transport_offset,
                                    std::min(quoted.quoted_payload, end - draft.length()));
  ChecksumDelta addresses;
  addresses.remove(old_inner.source);
  addresses.remove(old_inner.destination);
  addresses.add(inner.source);
  addresses.add(inner.destination);
  ChecksumDelta pseudo;
  pseudo.addSum(
      sumPseudoHeader(inner.source, inner.destination, quoted.claimed_payload, protocol::kIcmp6));
  rewriteQuotedTransport(payload, quoted, addresses, pseudo,
                         mapIcmpV4ToV6(quoted.icmp_type, 0, 0).type, inner.source_port,
                         inner.destination_port);

  if (!extension.empty()) {
    const uint8_t words = appendExtension(draft, quoted_start, extension, 8);
    icmp.setField(uint32_t{words} << 24);
  }

  const uint32_t length = draft.length() - Ipv6Header::kSize;
  store(draft.at(4), Be16(static_cast<uint16_t>(length)));
  store(draft.at(Ipv6Header::kSize), icmp);
  icmp.checksum =
      finishSum(sumPseudoHeader(outer.source, outer.destination, length, protocol::kIcmp6) +
                sumBytes({draft.at(Ipv6Header::kSize), length}));
  store(draft.at(Ipv6Header::kSize), icmp);
  draft.copyTo(packet);
}

void rewriteErrorV6ToV4(Packet& packet, const PacketView& view, const ErrorView& error,
                        const Endpoints4& outer, const Endpoints4& inner,
                        const TranslationPolicy& policy, bool decrement, uint16_t identification,
                        const OriginObject& origin) {
  const QuotedView& quoted = error.quoted;
  const std::byte* original = packet.data() + error.original_offset;
  const auto old_inner = load<Ipv6Header>(original);
  Draft draft(kLargestV4);

  Ipv4Header header;
  header.tos = policy.tos < 0 ? view.traffic_class : static_cast<uint8_t>(policy.tos);
  header.identification = Be16(identification);
  header.ttl = static_cast<uint8_t>(view.hop_limit - (decrement ? 1 : 0));
  header.protocol = protocol::kIcmp4;
  header.source = outer.source;
  header.destination = outer.destination;
  draft.put(header);

  Icmp4Header icmp;
  icmp.type = error.mapping.type;
  icmp.code = error.mapping.code;
  if (error.mapping.field == IcmpMapping::Field::kMtu) {
    icmp.sequence =
        Be16(fragmentationNeededMtu(error.field, quoted.fragment_header, policy.mtu6, policy.mtu4));
  } else if (error.mapping.field == IcmpMapping::Field::kPointer) {
    icmp.identifier = Be16(static_cast<uint16_t>(error.mapping.pointer << 8));
  }
  draft.put(icmp);

  const uint32_t quoted_start = draft.length();
  const bool quotes_icmp = quoted.protocol == protocol::kIcmp6;
  Ipv4Header inner_header;
  inner_header.tos = quoted.traffic_class;
  const uint32_t inner_length = Ipv4Header::kSize + quoted.claimed_payload;
  inner_header.total_length = Be16(static_cast<uint16_t>(std::min<uint32_t>(inner_length, 65'535)));
  inner_header.ttl = quoted.hop_limit;
  inner_header.protocol = quotes_icmp ? protocol::kIcmp4 : quoted.protocol;
  inner_header.source = inner.source;
  inner_header.destination = inner.destination;
  if (quoted.fragment_header) {
    inner_header.identification = Be16(static_cast<uint16_t>(quoted.identification));
    inner_header.flags_offset = Be16(static_cast<uint16_t>(
        (quoted.fragment_offset / 8) | (quoted.more_fragments ? Ipv4Header::kMoreFragments : 0)));
  } else if (inner_length > kLargestWithoutDf) {
    inner_header.flags_offset = Be16(Ipv4Header::kDontFragment);
  }
  inner_header.computeChecksum();
  draft.put(inner_header);

  const std::byte* extension_start = original + error.original_length;
  const OriginExtension with_origin(extension_start, error.extension_length, origin,
                                    kLargestV4 - quoted_start - kLeastBeforeExtension);
  std::span<const std::byte> extension(extension_start, error.extension_length);
  if (!with_origin.bytes().empty()) extension = with_origin.bytes();
  const uint32_t end = quotedEnd(kLargestV4, quoted_start, extension.size(), 4);
  const auto payload = draft.append(original + quoted.transport_offset,
                                    std::min(quoted.quoted_payload, end - draft.length()));
  ChecksumDelta addresses;
  addresses.remove(old_inner.source);
  addresses.remove(old_inner.destination);
  addresses.add(inner.source);
  addresses.add(inner.destination);
  ChecksumDelta pseudo;
  pseudo.removeSum(sumPseudoHeader(old_inner.source, old_inner.destination, quoted.claimed_payload,
                                   protocol::kIcmp6));
  rewriteQuotedTransport(payload, quoted, addresses, pseudo,
                         mapIcmpV6ToV4(quoted.icmp_type, 0, 0).type, inner.source_port,
                         inner.destination_port);

  if (!extension.empty()) {
    const uint8_t words = appendExtension(draft, quoted_start, extension, 4);
    icmp.identifier = Be16(static_cast<uint16_t>((icmp.identifier.host() & 0xff00) | words));
  }

  const uint32_t length = draft.length() - Ipv4Header::kSize;
  header.total_length = Be16(static_cast<uint16_t>(draft.length()));
  header.computeChecksum();
  store(draft.at(0), header);
  store(draft.at(Ipv4Header::kSize), icmp);
  icmp.checksum = finishSum(sumBytes({draft.at(Ipv4Header::kSize), length}));
  store(draft.at(Ipv4Header::kSize), icmp);
  draft.copyTo(packet);
}

}  // namespace platypus
