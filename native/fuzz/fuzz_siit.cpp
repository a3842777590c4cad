// The stateless translator in both directions on arbitrary packets with arbitrary offload.
//
// What must hold of a translated packet: it parses again; its checksums hold if and only if those
// of the input did, so damage stays visible; it fits its MTU, or the pieces it is cut in do and are
// its payload; nothing past the input was read; translated back it has the same addresses and
// payload.
//
// Input: choices, mtus, flags, gso type, gso size (2), checksum start (2), checksum offset (2),
// then the packet.
#include <sanitizer/asan_interface.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
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
};

struct Result {
  Verdict verdict;
  PacketView view;
  Sizing sizing;
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

Result translate(const Bytes& bytes, const Offload& offload, const Setting& setting, uint8_t tail) {
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
  IdentificationSource identifications(42);
  PathMtus path_mtus(4, 1);
  Counters counters;
  StatelessTranslator translator(identifications, path_mtus, counters, 1);
  translator.use(setting.pool6, setting.policy, setting.config);
  StatelessTranslator::Translated translated;
  result.verdict = result.view.version == 6
                       ? translator.v6ToV4(packet, result.view, {}, translated)
                       : translator.v4ToV6(packet, result.view, {}, translated);
  result.sizing = translated.sizing;
  slot.open();
  result.offload = packet.offload;
  result.after = copyOf(packet);
  return result;
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
  const uint16_t cut = to6 ? fragmentLimitV6(setting.policy) : setting.policy.mtu4;
  const uint16_t uncut = to6 && result.view.dont_fragment ? setting.policy.mtu6 : cut;
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

void checkThereAndBack(const Result& there, Setting setting) {
  if (there.view.transport == Transport::kIcmpError || changesMeaning(there.view)) return;
  setting.policy.mtu4 = setting.policy.mtu6 = setting.policy.lowest_ipv6_mtu = 65'535;
  const Result back = translate(there.after, there.offload, setting, 0);
  if (!back.verdict.pass) {
    require(back.verdict.reason == Counter::kDropHopLimit ||
            (back.view.version == 6 && back.verdict.reason == Counter::kDropTooLongForV4) ||
            (back.view.version == 4 && back.verdict.reason == Counter::kDropTooBigV6));
    return;
  }
  require(!back.sizing.split);
  PacketView view;
  Packet packet = mainSlot().load(back.after, back.offload, 0);
  require(parse(packet, view).pass && view.version == there.view.version);
  const Pref64& prefix = setting.pool6[0];
  const std::byte* old = there.before.data();
  bool same = true;  // a suffix is lost, and the checksum with it
  if (view.version == 6) {
    const auto was = load<Ipv6Header>(old);
    const auto is = load<Ipv6Header>(packet.data());
    require(is.source == prefix.embed(*prefix.extract(was.source)));
    require(is.destination == prefix.embed(*prefix.extract(was.destination)));
    same = is.source == was.source && is.destination == was.destination;
  } else {
    require(std::memcmp(old + 12, packet.data() + 12, 8) == 0);
  }
  const bool computed = there.view.version == 4 && there.view.transport == Transport::kUdp &&
                        test::reference::transport(there.before) == Sum::kNone &&
                        !there.view.fragmented;
  const bool blank = !same || computed;
  require(payloadOf(finished(there.before, there.before_offload), there.view, blank) ==
          payloadOf(finished(back.after, back.offload), view, blank));
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

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  constexpr size_t kControl = 10;
  if (size < kControl || size - kControl > kMaxPacket) return 0;
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
  Bytes bytes(size - kControl);
  std::transform(data + kControl, data + size, bytes.begin(),
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

  const Result result = translate(bytes, offload, setting, 0x00);
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
  checkThereAndBack(result, setting);
  return 0;
}
