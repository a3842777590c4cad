// The stateless translator in both directions on arbitrary packets with arbitrary offload.
//
// What must hold of a translated packet: it parses again; its checksums hold if and only if those
// of the input did, so damage stays visible; it fits its MTU, or the pieces it is cut in do and are
// its payload; nothing past the input was read; translated back it has the same addresses and
// payload. Addresses are those of a slow model (EAM table, then pool6); the short way does what the
// long one does; a clamped MSS is within its bound and nothing else has changed; the second pass of
// a hairpin keeps to all of this; an ICMP extension that names the origin can be read by the letter
// of RFC 4884 and its checksum holds.
//
// Input: choices, mtus, flags, gso type, gso size (2), checksum start (2), checksum offset (2),
// with bit 7 of the choices six octets more (see choose()), then the packet.
#include <sanitizer/asan_interface.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <vector>

#include "packet/ipv4.h"
#include "packet/ipv6.h"
#include "packet/protocol.h"
#include "siit/fragments.h"
#include "siit/icmp_error.h"
#include "siit/segments.h"
#include "siit/stateless.h"
#include "siit/transport.h"
#include "siit/v4_to_v6.h"
#include "test/reference.h"
#include "test/reference_eam.h"

namespace {

using namespace platypus;
using Bytes = std::vector<std::byte>;
using test::reference::Sum;

void require(bool holds) {
  if (!holds) std::abort();
}

uint16_t word(const uint8_t* at) {
  return static_cast<uint16_t>(at[0] << 8 | at[1]);
}

/// A slot whose bytes past the packet nobody may read.
class Slot {
 public:
  Slot() : memory_(new std::byte[kSlotBytes]) {}
  Packet load(const Bytes& bytes, const Offload& offload, uint8_t tail) {
    open();
    std::memset(memory_, tail, kSlotBytes);
    Packet packet(memory_);
    packet.reset(static_cast<uint32_t>(bytes.size()));
    std::copy(bytes.begin(), bytes.end(), packet.data());
    packet.offload = offload;
    return packet;
  }
  void closeBehind(const Packet& packet) {
    const size_t end = packet.headroom() + packet.length();
    __asan_poison_memory_region(memory_ + end, kSlotBytes - end);
  }
  void open() { __asan_unpoison_memory_region(memory_, kSlotBytes); }

 private:
  std::byte* memory_;
};

struct Setting {
  Pool6 pool6;
  TranslationPolicy policy;
  SiitConfig config;
  test::reference::EamModel eamt;  // the entries of config.eamt
  uint16_t path_mtu = 0;           // of the packet's IPv4 destination, 0 for none known
  bool reassembled = false;

  bool usesEam(Ipv4Address address) const { return eamt.find(address) != nullptr; }
  bool isForbidden(const Pref64& prefix, Ipv4Address address) const {
    return (prefix.isWellKnown() && !policy.allow_non_global && isNonGlobal(address)) ||
           config.denylist4.contains(address);
  }
  /// What the address becomes by the rules of RFC 7757 and RFC 6052.
  std::optional<Ipv4Address> toV4(const Ipv6Address& address) const {
    if (const auto found = eamt.toV4(address)) return found;
    for (uint8_t i = 0; i < pool6.size(); ++i) {
      const auto found = pool6[i].extract(address);
      if (found) return isForbidden(pool6[i], *found) ? std::nullopt : found;
    }
    return std::nullopt;
  }
  std::optional<Ipv6Address> toV6(Ipv4Address address, bool skip_eam) const {
    const auto found = skip_eam ? std::nullopt : eamt.toV6(address);
    if (found) return found;
    if (isForbidden(pool6[0], address)) return std::nullopt;
    return pool6[0].embed(address);
  }
};

struct Result {
  Verdict verdict;
  PacketView view;
  Sizing sizing;
  bool hairpin = false;
  bool substituted = false;  // an error's source, by RFC 6791
  Offload offload;
  Bytes before;  // the input, trimmed to its IP length
  Offload before_offload;
  Bytes after;
};

Bytes copyOf(const Packet& packet) {
  return {packet.bytes().begin(), packet.bytes().end()};
}

Slot& mainSlot() {
  static Slot slot;
  return slot;
}

/// Only IPv4 UDP is put together before it is translated.
bool isReassembled(const Setting& setting, const PacketView& view) {
  return setting.reassembled && view.version == 4 && view.transport == Transport::kUdp &&
         !view.fragmented;
}

/// A translator as a worker has it, fresh each time.
struct Translator {
  explicit Translator(const Setting& setting, const Packet& packet) {
    translator.use(setting.pool6, setting.policy, setting.config);
    if (setting.path_mtu == 0 || packet.length() < Ipv6Header::kSize) return;
    const auto destination = setting.toV4(load<Ipv6Header>(packet.data()).destination);
    if (destination) path_mtus.learn(*destination, setting.path_mtu, 0);
  }
  IdentificationSource identifications{42};
  PathMtus path_mtus{4, 1};
  Counters counters;
  StatelessTranslator translator{identifications, path_mtus, counters, 1};
};

Result translate(const Bytes& bytes, const Offload& offload, const Setting& setting, uint8_t tail,
                 bool hairpinned = false) {
  Slot& slot = mainSlot();
  Packet packet = slot.load(bytes, offload, tail);
  Result result;
  slot.closeBehind(packet);
  result.verdict = parse(packet, result.view);
  if (!result.verdict.pass) {
    slot.open();
    return result;
  }
  result.before = copyOf(packet);
  result.before_offload = packet.offload;
  slot.closeBehind(packet);
  if (result.view.transport == Transport::kIcmpError) {
    // An error may grow past its old end while it is rewritten. It is opened under guard; for the
    // rest the caller compares two runs with different bytes behind the packet.
    ErrorView error;
    (void)(result.view.version == 4 ? openErrorV4(packet, result.view, error)
                                    : openErrorV6(packet, result.view, error));
    slot.open();
  }
  Translator by(setting, packet);
  const StatelessTranslator::Pass pass{
      .now = 0, .hairpinned = hairpinned, .reassembled = isReassembled(setting, result.view)};
  StatelessTranslator::Translated translated;
  result.verdict = result.view.version == 6
                       ? by.translator.v6ToV4(packet, result.view, pass, translated)
                       : by.translator.v4ToV6(packet, result.view, pass, translated);
  result.sizing = translated.sizing;
  result.hairpin = translated.hairpin;
  result.substituted = by.counters.read(Counter::kIcmpSourceSubstituted) != 0;
  slot.open();
  result.offload = packet.offload;
  result.after = copyOf(packet);
  return result;
}

/// What the short way makes of the packet; nothing where it leaves it to the long one.
std::optional<Bytes> express(const Bytes& bytes, const Offload& offload, const Setting& setting) {
  Slot& slot = mainSlot();
  Packet packet = slot.load(bytes, offload, 0);
  slot.closeBehind(packet);
  Translator by(setting, packet);
  const bool translated = by.translator.express(packet);
  slot.open();
  require(translated || copyOf(packet) == bytes);
  if (!translated) return std::nullopt;
  return copyOf(packet);
}

/// The packet with the checksum that was left to the card, computed plainly.
Bytes finished(Bytes bytes, const Offload& offload) {
  if (!offload.needsChecksum()) return bytes;
  uint32_t sum = 0;
  for (size_t i = offload.checksum_start; i < bytes.size(); i += 2) {
    sum += std::to_integer<uint32_t>(bytes[i]) << 8;
    if (i + 1 < bytes.size()) sum += std::to_integer<uint32_t>(bytes[i + 1]);
    sum = (sum & 0xffff) + (sum >> 16);
  }
  uint32_t checksum = ~sum & 0xffff;
  if (offload.checksum_offset == 6 && checksum == 0) checksum = 0xffff;
  const size_t field = size_t{offload.checksum_start} + offload.checksum_offset;
  bytes[field] = static_cast<std::byte>(checksum >> 8);
  bytes[field + 1] = static_cast<std::byte>(checksum);
  return bytes;
}

/// ICMPv4 of zeros with checksum zero: wrong by the letter of RFC 1071, right modulo 0xffff.
bool isZeros(const Bytes& bytes, const PacketView& view) {
  return view.version == 4 && view.protocol == protocol::kIcmp4 &&
         std::all_of(bytes.begin() + view.transport_offset, bytes.end(),
                     [](std::byte b) { return b == std::byte{0}; });
}

void checkSums(const Result& result) {
  const Bytes after = finished(result.after, result.offload);
  require(test::reference::header(after) != Sum::kBad);
  const Bytes before = finished(result.before, result.before_offload);
  // A protocol that one family knows by another number has no counterpart to compare with.
  if (result.view.transport == Transport::kOther) return;
  const Sum was = test::reference::transport(before);
  const Sum is = test::reference::transport(after);
  if (isZeros(before, result.view)) return;
  if (was == Sum::kNone && result.view.transport == Transport::kUdp && !result.view.fragmented) {
    require(is == Sum::kGood);  // computed where there was none
  } else {
    require(was == is);
  }
}

/// A fragment whose payload IPv6 takes for an extension header after the Fragment Header: our own
/// parser refuses to read it back (RFC 7915 §5.1.1).
bool changesMeaning(const PacketView& view) {
  return view.version == 4 && view.fragmented && view.protocol == protocol::kAuthentication;
}

void checkPieces(const Result& result, bool to6, uint16_t limit) {
  static Slot whole_slot;
  static Slot piece_slot;
  Packet whole = whole_slot.load(result.after, result.offload, 0xaa);
  Packet scratch = piece_slot.load({}, {}, 0);
  finishChecksum(whole);
  whole_slot.closeBehind(whole);
  PacketView view;
  require(parse(whole, view).pass);
  Bytes payload;
  bool more = true;
  uint32_t expected = view.fragment_offset;
  const auto take = [&](Packet& piece) {
    require(more && piece.length() <= limit);
    PacketView part;
    require(parse(piece, part).pass || part.fragment_offset == 0);
    require(part.fragment_offset == expected);
    expected += part.payload_length;
    more = part.more_fragments;
    const auto bytes = piece.bytes().subspan(part.transport_offset);
    payload.insert(payload.end(), bytes.begin(), bytes.end());
  };
  const unsigned count =
      to6 ? fragmentV6(whole, limit, 7, scratch, take) : fragmentV4(whole, limit, scratch, take);
  require(count >= 2 && more == view.more_fragments);
  const auto bytes = whole.bytes().subspan(view.transport_offset);
  require(std::equal(payload.begin(), payload.end(), bytes.begin(), bytes.end()));
  whole_slot.open();
}

void checkSize(const Result& result, const Setting& setting) {
  const bool to6 = result.view.version == 4;
  const bool error = result.view.transport == Transport::kIcmpError;
  const uint16_t path = setting.path_mtu == 0 || error ? uint16_t{0xffff} : setting.path_mtu;
  const uint16_t cut = to6 ? fragmentLimitV6(setting.policy) : std::min(setting.policy.mtu4, path);
  const bool whole = to6 && result.view.dont_fragment && !isReassembled(setting, result.view);
  const uint16_t uncut = whole ? setting.policy.mtu6 : cut;
  if (result.view.transport == Transport::kIcmpError) {
    require(result.after.size() <= (to6 ? 1280u : 576u));
    require(!result.sizing.fragment && !result.sizing.split);
  } else if (result.offload.isGso()) {
    require(!result.sizing.fragment);
    const uint32_t headers = (to6 ? 40u : 20u) + result.view.transport_header;
    require(headers + result.offload.gso_size <= uncut);
    require(result.offload.header_length == headers);
  } else if (!result.sizing.fragment) {
    require(result.after.size() <= uncut);
  } else if (result.after.size() > cut && !changesMeaning(result.view)) {
    checkPieces(result, to6, cut);
  }
}

void checkSplit(const Result& result) {
  static Slot whole_slot;
  static Slot piece_slot;
  require(result.after == result.before);
  Packet whole = whole_slot.load(result.before, result.before_offload, 0);
  whole_slot.closeBehind(whole);
  Packet scratch = piece_slot.load({}, {}, 0);
  uint32_t payload = 0;
  splitUdp(whole, result.view, scratch, [&](Packet& datagram) {
    const Bytes bytes = copyOf(datagram);
    PacketView view;
    require(parse(datagram, view).pass && view.transport == Transport::kUdp);
    require(test::reference::header(bytes) != Sum::kBad);
    require(test::reference::transport(bytes) == Sum::kGood);
    require(view.payload_length <= 8u + result.before_offload.gso_size);
    payload += view.payload_length - 8;
  });
  require(payload + 8 == result.view.payload_length);
  whole_slot.open();
}

/// Where the checksum stands in the packet; its end where there is none.
size_t checksumField(const Bytes& bytes, const PacketView& view) {
  const size_t field = view.transport == Transport::kTcp        ? 16
                       : view.transport == Transport::kUdp      ? 6
                       : view.transport == Transport::kIcmpEcho ? 2
                                                                : bytes.size();
  return std::min(view.transport_offset + field, bytes.size());
}

/// Bytes behind the network headers. The checksum is blank where it cannot be compared, and ones
/// count as zeros, which are the same sum.
Bytes payloadOf(Bytes bytes, const PacketView& view, bool blank) {
  const size_t at = checksumField(bytes, view);
  if (at + 2 <= bytes.size()) {
    const bool ones = bytes[at] == std::byte{0xff} && bytes[at + 1] == std::byte{0xff};
    if (blank || ones) bytes[at] = bytes[at + 1] = std::byte{0};
  }
  return {bytes.begin() + view.transport_offset, bytes.end()};
}

/// Nothing but the addresses decides.
Setting permissive(Setting setting) {
  setting.policy.mtu4 = setting.policy.mtu6 = setting.policy.lowest_ipv6_mtu = 65'535;
  setting.policy.mss_clamp = 0;
  setting.policy.allow_non_global = true;
  setting.config.denylist4 = {};
  setting.config.sources4.reset();
  setting.config.eam_sources = false;
  setting.path_mtu = 0;
  return setting;
}

/// Where overlapping entries lead the way back elsewhere (RFC 7757 §5), `same` is false.
void checkThereAndBack(const Result& there, const Setting& original) {
  if (there.view.transport == Transport::kIcmpError || changesMeaning(there.view)) return;
  const Setting setting = permissive(original);
  const std::byte* old = there.before.data();
  const bool simple = setting.config.hairpin == Hairpin::kSimple;
  Ipv6Address source6;
  Ipv6Address destination6;
  Ipv4Address source4;
  Ipv4Address destination4;
  bool same = true;
  if (there.view.version == 6) {
    const auto was = load<Ipv6Header>(old);
    source6 = *setting.toV6(*setting.toV4(was.source), simple);
    destination6 = *setting.toV6(*setting.toV4(was.destination), false);
    same = source6 == was.source && destination6 == was.destination;
  } else {
    const auto was = load<Ipv4Header>(old);
    const auto source = setting.toV4(*setting.toV6(was.source, simple));
    const auto destination = setting.toV4(*setting.toV6(was.destination, false));
    require(source && destination);
    source4 = *source;
    destination4 = *destination;
    same = source4 == was.source && destination4 == was.destination;
  }
  const Result back = translate(there.after, there.offload, setting, 0);
  if (!back.verdict.pass) {
    require(back.verdict.reason == Counter::kDropHopLimit ||
            (back.view.version == 6 && back.verdict.reason == Counter::kDropTooLongForV4) ||
            (back.view.version == 4 && back.verdict.reason == Counter::kDropTooBigV6) ||
            (!same && back.verdict.reason == Counter::kDropUnmappable));
    return;
  }
  require(!back.sizing.split);
  PacketView view;
  Packet packet = mainSlot().load(back.after, back.offload, 0);
  require(parse(packet, view).pass && view.version == there.view.version);
  if (view.version == 6) {
    const auto is = load<Ipv6Header>(packet.data());
    require(is.source == source6 && is.destination == destination6);
  } else {
    const auto is = load<Ipv4Header>(packet.data());
    require(is.source == source4 && is.destination == destination4);
  }
  const bool computed = there.view.version == 4 && there.view.transport == Transport::kUdp &&
                        test::reference::transport(there.before) == Sum::kNone &&
                        !there.view.fragmented;
  const bool blank = !same || computed;
  require(payloadOf(finished(there.before, there.before_offload), there.view, blank) ==
          payloadOf(finished(back.after, back.offload), view, blank));
}

Ipv6Address v6At(const Bytes& bytes, size_t at) {
  return load<Ipv6Address>(bytes.data() + at);
}
Ipv4Address v4At(const Bytes& bytes, size_t at) {
  return load<Ipv4Address>(bytes.data() + at);
}

bool isIn(const std::vector<Ipv4Prefix>& prefixes, Ipv4Address address) {
  return std::any_of(prefixes.begin(), prefixes.end(),
                     [&](const Ipv4Prefix& prefix) { return prefix.contains(address); });
}

/// Every address against the model, and which packets turn around (RFC 7757 §4.2.2).
void checkAddressesTo4(const Result& result, const Setting& setting) {
  const SiitConfig& config = setting.config;
  const auto source = setting.toV4(v6At(result.before, 8));
  const auto destination = setting.toV4(v6At(result.before, 24));
  require(destination && v4At(result.after, 16) == *destination);
  Ipv6Address turning = v6At(result.before, 24);
  Ipv4Address turned = *destination;
  if (result.view.transport == Transport::kIcmpError) {
    const size_t quoted = result.view.transport_offset + 8u;
    turning = v6At(result.before, quoted + 8);
    turned = v4At(result.after, 40);
    require(setting.toV4(turning) == turned);
    require(setting.toV4(v6At(result.before, quoted + 24)) == v4At(result.after, 44));
    require(result.substituted == !source.has_value());
    if (!source) require(isIn(config.icmp_sources.v4, v4At(result.after, 12)));
  } else {
    require(source.has_value() && !result.substituted);
  }
  if (source) {
    require(v4At(result.after, 12) == *source);
    const bool by_eam = setting.eamt.find(v6At(result.before, 8)) != nullptr;
    require(by_eam || !config.sources4 || config.sources4->contains(*source));
  }
  require(result.hairpin == (config.hairpin == Hairpin::kIntrinsic && setting.usesEam(turned) &&
                             setting.eamt.find(turning) == nullptr));
}

void checkAddressesTo6(const Result& result, const Setting& setting, bool hairpinned) {
  const bool rules = hairpinned || setting.config.hairpin == Hairpin::kSimple;
  const Ipv4Address source = v4At(result.before, 12);
  bool skip = rules;
  if (result.view.transport == Transport::kIcmpError) {
    const size_t quoted = result.view.transport_offset + 8u;
    const Ipv4Address quoted_destination = v4At(result.before, quoted + 16);
    skip = rules && source == quoted_destination;
    require(setting.toV6(v4At(result.before, quoted + 12), false) == v6At(result.after, 56));
    require(setting.toV6(quoted_destination, rules) == v6At(result.after, 72));
  } else if (!rules) {
    require(!setting.config.eam_sources || setting.usesEam(source));
  }
  const auto mapped = setting.toV6(source, skip);
  require(result.substituted == !mapped.has_value());
  require(mapped ? *mapped == v6At(result.after, 8)
                 : setting.config.icmp_sources.v6->contains(v6At(result.after, 8)));
  require(setting.toV6(v4At(result.before, 16), false) == v6At(result.after, 24));
  require(!result.hairpin);
}

/// One's complement sum by the text of RFC 1071.
uint32_t slowSum(const Bytes& bytes, size_t from) {
  uint32_t sum = 0;
  for (size_t i = from; i < bytes.size(); ++i) {
    sum += std::to_integer<uint32_t>(bytes[i]) << ((i - from) % 2 == 0 ? 8 : 0);
    sum = (sum & 0xffff) + (sum >> 16);
  }
  return sum;
}

/// RFC 4884 read again from the bytes: where the original datagram ends, what stands behind it.
void checkExtension(const Result& result, const Setting& setting) {
  if (result.view.transport != Transport::kIcmpError || result.view.version != 6) return;
  const auto octet = [](const Bytes& bytes, size_t at) {
    return std::to_integer<uint32_t>(bytes[at]);
  };
  const Bytes& after = result.after;
  // What came: RFC 4884 §4.4, §4.5 in ICMPv6, 64-bit words in the fifth octet.
  const size_t icmp = result.view.transport_offset;
  const uint32_t type = octet(result.before, icmp);
  const size_t body = result.before.size() - icmp - 8;
  const size_t told = type == 1 || type == 3 ? octet(result.before, icmp + 4) * 8u : 0;
  const bool had = told >= 128 && told < body;
  const Bytes old(result.before.begin() + static_cast<long>(icmp + 8 + (had ? told : body)),
                  result.before.end());
  const bool known = !had || (old.size() >= 4 && old.size() % 4 == 0 && octet(old, 0) >> 4 == 2);
  const bool wanted =
      result.substituted && setting.config.icmp_sources.extension != IcmpSources::Extension::kNone;
  constexpr size_t kRoom = 576 - 28 - 128;
  const bool added = wanted && known && (had ? old.size() : 4u) + 24 <= kRoom;

  const size_t length = octet(after, 25) * 4u;
  require((length != 0) == (had || added));
  if (length == 0) return;
  require(length >= 128 && 28 + length <= after.size());
  const size_t at = 28 + length;
  const Bytes is(after.begin() + static_cast<long>(at), after.end());
  if (!added) return require(std::equal(is.begin(), is.end(), old.begin()));
  require(is.size() == (had ? old.size() : 4u) + 24 && octet(is, 0) >> 4 == 2);
  const size_t object = is.size() - 24;
  const bool node = setting.config.icmp_sources.extension == IcmpSources::Extension::kNode;
  require(octet(is, object) == 0 && octet(is, object + 1) == 24);
  require(octet(is, object + 2) == (node ? 5u : 2u) && octet(is, object + 3) == 4);
  require(octet(is, object + 4) == 0 && octet(is, object + 5) == 2 && octet(is, object + 6) == 0 &&
          octet(is, object + 7) == 0);
  require(v6At(is, object + 8) == v6At(result.before, 8));
  if (!had) return require(slowSum(is, 0) == 0xffff);
  require(std::equal(old.begin() + 4, old.end(), is.begin() + 4));
  if ((octet(old, 2) | octet(old, 3)) == 0) {
    require((octet(is, 2) | octet(is, 3)) == 0);
  } else {
    // What was right is right, what was wrong is wrong by as much.
    require(slowSum(old, 0) % 0xffff == slowSum(is, 0) % 0xffff);
  }
}

/// Where the MSS of a SYN stands in the transport header, as far as it is here; 0 for nowhere.
size_t mssIn(const Bytes& bytes, const PacketView& view) {
  if (view.transport != Transport::kTcp || (view.tcp_flags & TcpHeader::kSyn) == 0) return 0;
  const auto octet = [&](size_t at) {
    return std::to_integer<size_t>(bytes[view.transport_offset + at]);
  };
  const size_t end = std::min<size_t>(octet(12) >> 4 << 2, bytes.size() - view.transport_offset);
  for (size_t at = 20; at < end;) {
    if (octet(at) == 0) return 0;
    if (octet(at) == 1) {
      ++at;
      continue;
    }
    if (at + 1 >= end || octet(at + 1) < 2 || at + octet(at + 1) > end) return 0;
    if (octet(at) == 2 && octet(at + 1) == 4) return at + 2;
    at += octet(at + 1);
  }
  return 0;
}

/// The MSS is within its bound, and besides it and the checksum nothing has changed.
void checkClamp(const Result& result, const Result& unclamped, const Setting& setting) {
  PacketView view;
  Packet packet = mainSlot().load(result.after, result.offload, 0);
  if (!parse(packet, view).pass) return;
  const size_t mss = mssIn(result.after, view);
  Bytes is = result.after;
  Bytes was = unclamped.after;
  require(is.size() == was.size());
  if (mss != 0) {
    const size_t at = view.transport_offset + mss;
    const auto value = [at](const Bytes& bytes) {
      return std::to_integer<unsigned>(bytes[at]) << 8 | std::to_integer<unsigned>(bytes[at + 1]);
    };
    require(value(is) == std::min<unsigned>(value(was), setting.policy.mss_clamp));
    for (Bytes* bytes : {&is, &was}) {
      for (const size_t blank : {at, view.transport_offset + size_t{16}}) {
        (*bytes)[blank] = (*bytes)[blank + 1] = std::byte{0};
      }
    }
  }
  require(is == was);
}

/// RFC 7757 §4.2.2: back to IPv6 at once, by the rules of §4.2.1, the hop limit paid once.
void checkHairpin(const Result& first, const Setting& setting) {
  const Result second = translate(first.after, first.offload, setting, 0, true);
  if (second.view.transport == Transport::kIcmpError) {
    const Result again = translate(first.after, first.offload, setting, 0xff, true);
    require(again.verdict.pass == second.verdict.pass && again.after == second.after);
  }
  if (!second.verdict.pass) return require(second.after == second.before);
  if (second.sizing.split) return checkSplit(second);
  checkAddressesTo6(second, setting, true);
  require(second.view.version == 4);
  require(std::to_integer<int>(second.after[7]) == first.view.hop_limit - 1);
  checkSums(second);
  checkSize(second, setting);
}

/// Right checksums where the fuzzer would not find them: of the packet, and of what it quotes.
void fillIn(Bytes& bytes) {
  const auto first = [](const Bytes& b, size_t at) { return std::to_integer<uint8_t>(b[at]); };
  if (bytes.size() < 60 || first(bytes, 0) < 0x45) return;
  const size_t quoted = first(bytes, 0) >> 4 == 4 ? (first(bytes, 0) & 15) * 4u + 8u : 48u;
  const bool icmp = first(bytes, first(bytes, 0) >> 4 == 4 ? 9 : 6) ==
                    (first(bytes, 0) >> 4 == 4 ? protocol::kIcmp4 : protocol::kIcmp6);
  if (icmp && quoted + 60 <= bytes.size() && first(bytes, quoted) >= 0x45) {
    test::reference::fill(std::span(bytes).subspan(quoted));
  }
  test::reference::fill(bytes);
}

Ipv4Address v4(uint8_t a, uint8_t b, uint8_t c, uint8_t d) {
  return Ipv4Address::fromHost(uint32_t{a} << 24 | uint32_t{b} << 16 | uint32_t{c} << 8 | d);
}
/// 2001:db8:`third`:…:`last`
Ipv6Address v6(uint16_t third, uint8_t last = 0) {
  return Ipv6Address{{0x20, 1, 0x0d, 0xb8, static_cast<uint8_t>(third >> 8),
                      static_cast<uint8_t>(third), 0, 0, 0, 0, 0, 0, 0, 0, 0, last}};
}

/// Entries around the addresses of the corpus: in each other, inside pool6, and of unequal
/// suffixes.
std::vector<EamEntry> someEntries(unsigned choice) {
  Ipv6Address inside = v6(0x64, 0x20);  // 2001:db8:64::192.0.2.32
  inside.bytes[12] = 192;
  inside.bytes[14] = 2;
  std::vector<EamEntry> entries;
  if (choice == 0) return entries;
  entries = {{v4(192, 0, 2, 0), v6(0xe), 24, 120}, {v4(198, 51, 100, 2), v6(0xbbbb, 0xb), 32, 128}};
  if (choice == 1) return entries;
  entries.push_back({v4(192, 0, 2, 32), inside, 28, 124});
  entries.push_back({v4(198, 51, 100, 0), v6(0xe, 0x40), 30, 122});
  entries.push_back({v4(203, 0, 112, 0), v6(0x8000), 23, 39});
  if (choice == 2) return entries;
  entries.push_back({v4(198, 0, 0, 0), v6(0x64), 8, 48});
  entries.push_back({v4(192, 0, 2, 33), v6(0xe, 0x21), 32, 128});
  return entries;
}

/// Reads the six octets of the longer input.
void choose(const uint8_t* data, Setting& setting) {
  constexpr Hairpin kHairpins[] = {Hairpin::kNone, Hairpin::kSimple, Hairpin::kIntrinsic,
                                   Hairpin::kIntrinsic};
  constexpr IcmpSources::Extension kExtensions[] = {
      IcmpSources::Extension::kInterface, IcmpSources::Extension::kNone,
      IcmpSources::Extension::kNode, IcmpSources::Extension::kInterface};
  constexpr uint16_t kClamps[] = {0, 536, 1220, 8960};
  constexpr uint16_t kPaths[] = {0, 552, 1000, 1259};
  SiitConfig& config = setting.config;
  config.hairpin = kHairpins[data[0] & 3];
  const Ipv4Prefix denied[] = {{v4(192, 0, 2, 40), 29}, {v4(10, 0, 0, 0), 8}};
  if ((data[0] & 0x04) != 0) config.denylist4 = PrefixSet4(denied);
  const Ipv4Prefix sources[] = {{v4(192, 0, 2, 0), 24}};
  if ((data[0] & 0x08) != 0) config.sources4 = PrefixSet4(sources);
  config.eam_sources = (data[0] & 0x0c) == 0x0c;
  IcmpSources& errors = config.icmp_sources;
  if ((data[0] & 0x10) != 0) errors.v4 = {{v4(198, 51, 101, 8), 29}, {v4(9, 9, 9, 9), 32}};
  if ((data[0] & 0x20) != 0) errors.v6 = Ipv6Prefix{v6(0xaaaa), 112};
  errors.extension = kExtensions[data[0] >> 6];
  if ((data[1] & 0x01) != 0) errors.pick = IcmpSources::Pick::kHop;
  setting.policy.mss_clamp = kClamps[data[1] >> 1 & 3];
  setting.path_mtu = kPaths[data[1] >> 3 & 3];
  setting.eamt.rows = someEntries(data[1] >> 5 & 3);
  if (!setting.eamt.rows.empty()) {
    config.eamt = EamTable::build(nullptr, {}, setting.eamt.rows).table;
    require(config.eamt != nullptr);
  }
  setting.reassembled = (data[1] & 0x80) != 0;
}

/// Addresses that the settings are about, where the fuzzer would not find them: each nibble of
/// `choice` sets one, 0 leaves it alone.
void setAddresses(std::span<std::byte> packet, uint8_t choice, const Pref64& prefix) {
  const Ipv4Address fours[] = {v4(192, 0, 2, 33),  v4(198, 51, 100, 2), v4(192, 0, 2, 44),
                               v4(203, 0, 113, 7), v4(10, 0, 0, 1),     v4(198, 51, 100, 1),
                               v4(8, 8, 8, 8)};
  const bool six = std::to_integer<int>(packet[0]) >> 4 == 6;
  const size_t ends[] = {six ? 8u : 12u, six ? 24u : 16u};
  for (unsigned end = 0; end < 2; ++end) {
    const unsigned n = choice >> (4 * end) & 15;
    if (n == 0) continue;
    const Ipv4Address four = fours[n % 7];
    const Ipv6Address sixes[] = {prefix.embed(four), v6(0xe, static_cast<uint8_t>(four.host())),
                                 n % 2 == 0 ? v6(0xbbbb, 0xb) : v6(0xffff, 1)};
    if (six) {
      store(packet.data() + ends[end], sixes[n < 8 ? 0 : n < 13 ? 1 : 2]);
    } else {
      store(packet.data() + ends[end], four);
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const bool more = (data[0] & 0x80) != 0;
  const size_t control = more ? 16 : 10;
  if (size < control || size - control > kMaxPacket) return 0;
  constexpr uint8_t kLengths[] = {96, 32, 40, 48, 56, 64, 96, 96};
  constexpr uint16_t kMtu6[] = {1500, 1280, 9000, 65'535};
  constexpr uint16_t kMtu4[] = {1500, 576, 1400, 65'535};
  constexpr uint16_t kLowest[] = {1280, 1280, 1500, 9000};
  const uint8_t choices = data[0];
  Setting setting;
  const uint8_t length = kLengths[choices & 7];
  const Ipv6Address prefix = (choices & 7) == 7 ? Ipv6Address{{0, 0x64, 0xff, 0x9b}}
                                                : Ipv6Address{{0x20, 1, 0x0d, 0xb8, 0, 0x64, 0, 0}};
  setting.pool6.add(Pref64(prefix, length));
  setting.policy.mtu6 = kMtu6[data[1] & 3];
  setting.policy.mtu4 = kMtu4[data[1] >> 2 & 3];
  setting.policy.lowest_ipv6_mtu = kLowest[data[1] >> 4 & 3];
  if ((choices & 0x08) != 0) setting.policy.udp_zero_checksum = UdpZeroChecksum::kDrop;
  setting.policy.allow_non_global = (choices & 0x10) == 0;
  const Offload offload{.flags = static_cast<uint8_t>(data[2] & Offload::kNeedsChecksum),
                        .gso_type = data[3],
                        .gso_size = word(data + 4),
                        .checksum_start = word(data + 6),
                        .checksum_offset = word(data + 8)};
  if (more) choose(data + 10, setting);
  Bytes bytes(size - control);
  std::transform(data + control, data + size, bytes.begin(),
                 [](uint8_t value) { return std::byte{value}; });
  if ((choices & 0x20) != 0) fillIn(bytes);
  // Addresses inside the prefix are as hard to find.
  if ((choices & 0x40) != 0 && bytes.size() >= 40 && std::to_integer<int>(bytes[0]) >> 4 == 6) {
    for (const size_t at : {size_t{8}, size_t{24}}) {
      std::transform(prefix.bytes.begin(), prefix.bytes.begin() + length / 8,
                     bytes.begin() + static_cast<long>(at), [](uint8_t b) { return std::byte{b}; });
      if (length < 96) bytes[at + 8] = std::byte{0};
    }
    if ((choices & 0x20) != 0) fillIn(bytes);
  }
  if (more && bytes.size() >= 40) {
    setAddresses(bytes, data[12], setting.pool6[0]);
    if (bytes.size() >= 88) {
      const size_t quoted = std::to_integer<int>(bytes[0]) >> 4 == 6 ? 48 : 28;
      setAddresses(std::span(bytes).subspan(quoted), data[13], setting.pool6[0]);
    }
    if ((choices & 0x20) != 0) fillIn(bytes);
  }

  const Result result = translate(bytes, offload, setting, 0x00);
  if (const auto shortly = express(bytes, offload, setting)) {
    require(result.verdict.pass && !result.hairpin && !result.sizing.split);
    require(!result.sizing.fragment || result.after.size() <= result.sizing.limit);
    require(result.after == *shortly);
  }
  if (result.view.transport == Transport::kIcmpError) {
    const Result again = translate(bytes, offload, setting, 0xff);
    require(again.verdict.pass == result.verdict.pass && again.after == result.after);
  }
  if (!result.verdict.pass) {
    // Who is refused finds the packet as it was, for the error that quotes it.
    require(result.after == result.before);
    return 0;
  }
  if (result.sizing.split) {
    checkSplit(result);
    return 0;
  }
  checkSums(result);
  if (!changesMeaning(result.view)) {
    PacketView view;
    Packet packet = mainSlot().load(result.after, result.offload, 0);
    mainSlot().closeBehind(packet);
    require(parse(packet, view).pass);
    require(view.version == (result.view.version == 4 ? 6 : 4));
    require(packet.length() == result.after.size());
    mainSlot().open();
  }
  checkSize(result, setting);
  if (result.view.version == 6) {
    checkAddressesTo4(result, setting);
    checkExtension(result, setting);
  } else {
    checkAddressesTo6(result, setting, false);
  }
  if (setting.policy.mss_clamp != 0) {
    Setting without = setting;
    without.policy.mss_clamp = 0;
    const Result unclamped = translate(bytes, offload, without, 0);
    checkClamp(result, unclamped, setting);
    checkThereAndBack(unclamped, setting);
  } else {
    checkThereAndBack(result, setting);
  }
  if (result.hairpin) checkHairpin(result, setting);
  return 0;
}
