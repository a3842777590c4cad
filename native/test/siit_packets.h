// Packets for the tests of parsing and stateless translation, and a translator that keeps what came
// of them. The addresses are those of the conformance vectors: prefix P = 2001:db8:64::/96.
#pragma once

#include <arpa/inet.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "packet/packet.h"
#include "packet/parse.h"
#include "siit/fragments.h"
#include "siit/segments.h"
#include "siit/stateless.h"
#include "siit/transport.h"
#include "siit/v4_to_v6.h"
#include "test/hex.h"
#include "test/reference.h"

namespace platypus::test {

inline Ipv4Address v4(const char* text) {
  Ipv4Address address;
  inet_pton(AF_INET, text, &address);
  return address;
}
inline Ipv6Address v6(const char* text) {
  Ipv6Address address;
  inet_pton(AF_INET6, text, address.bytes.data());
  return address;
}

/// The network header; unset fields are those of an ordinary packet.
struct Fields {
  const char* source4 = "192.0.2.33";
  const char* destination4 = "198.51.100.2";
  const char* source6 = "2001:db8:64::192.0.2.33";
  const char* destination6 = "2001:db8:64::198.51.100.2";
  uint8_t hops = 64;
  uint8_t traffic_class = 0;
  uint32_t identification = 0;
  uint16_t offset = 0;  // bytes
  bool more = false;
  bool dont_fragment = false;
  bool fragment_header = false;  // IPv6: also where neither offset nor more asks for it
  uint32_t flow_label = 0;
  Bytes options{};  // IPv4 options, or the IPv6 extension headers that follow `first_header`
  uint8_t first_header = 0;
};

inline Bytes operator+(Bytes a, const Bytes& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

/// An IPv4 packet around `payload`, with right checksums.
inline Bytes packet4(uint8_t protocol, const Bytes& payload, const Fields& f = {}) {
  Bytes bytes(20);
  bytes[0] = static_cast<std::byte>(0x45 + f.options.size() / 4);
  bytes[1] = std::byte{f.traffic_class};
  putWord(bytes, 2, static_cast<uint32_t>(20 + f.options.size() + payload.size()));
  putWord(bytes, 4, f.identification);
  putWord(bytes, 6, f.offset / 8u | (f.more ? 0x2000u : 0) | (f.dont_fragment ? 0x4000u : 0));
  bytes[8] = std::byte{f.hops};
  bytes[9] = std::byte{protocol};
  inet_pton(AF_INET, f.source4, &bytes[12]);
  inet_pton(AF_INET, f.destination4, &bytes[16]);
  bytes = std::move(bytes) + f.options + payload;
  reference::fill(bytes);
  return bytes;
}

/// An IPv6 packet around `payload`, with right checksums. `f.options` go in front, named by
/// `f.first_header`; their last Next Header must name `protocol` (or 44 with a Fragment Header).
inline Bytes packet6(uint8_t protocol, const Bytes& payload, const Fields& f = {}) {
  const bool fragment = f.fragment_header || f.offset != 0 || f.more;
  Bytes bytes(40);
  putWord(bytes, 0, 0x6000u | uint32_t{f.traffic_class} << 4 | f.flow_label >> 16);
  putWord(bytes, 2, f.flow_label & 0xffff);
  putWord(bytes, 4, static_cast<uint32_t>(f.options.size() + payload.size() + (fragment ? 8 : 0)));
  const uint8_t after = fragment ? uint8_t{44} : protocol;
  bytes[6] = std::byte{f.options.empty() ? after : f.first_header};
  bytes[7] = std::byte{f.hops};
  inet_pton(AF_INET6, f.source6, &bytes[8]);
  inet_pton(AF_INET6, f.destination6, &bytes[24]);
  bytes = std::move(bytes) + f.options;
  if (fragment) {
    Bytes header(8);
    header[0] = std::byte{protocol};
    putWord(header, 2, f.offset | (f.more ? 1u : 0));
    putWord(header, 4, f.identification >> 16);
    putWord(header, 6, f.identification & 0xffff);
    bytes = std::move(bytes) + header;
  }
  bytes = std::move(bytes) + payload;
  reference::fill(bytes);
  return bytes;
}

/// `count` bytes that differ from their neighbours.
inline Bytes pattern(size_t count) {
  Bytes bytes(count);
  for (size_t i = 0; i < count; ++i) bytes[i] = static_cast<std::byte>(i * 7 + 1);
  return bytes;
}

/// UDP 40000 → 53 with `data` bytes; the checksum is a placeholder until it is in a packet.
inline Bytes udp(size_t data) {
  Bytes header = fromHex("9c40 0035 0000 1234");
  putWord(header, 4, static_cast<uint32_t>(8 + data));
  return std::move(header) + pattern(data);
}

/// TCP 50000 → 443, flags ACK, with `data` bytes.
inline Bytes tcp(size_t data) {
  return fromHex("c350 01bb 01020304 05060708 5010ffff 1234 0000") + pattern(data);
}

/// An ICMP message of either family: `field` is its second word.
inline Bytes icmp(uint8_t type, uint8_t code, uint32_t field, const Bytes& body) {
  Bytes header(8);
  header[0] = std::byte{type};
  header[1] = std::byte{code};
  putWord(header, 4, field >> 16);
  putWord(header, 6, field & 0xffff);
  return std::move(header) + body;
}

/// The RFC 4884 structure of one MPLS object (RFC 4950), 12 bytes.
inline Bytes extension() {
  return fromHex("20000000 00080101 12345678");
}

/// A packet in a slot of its own.
class Loaded {
 public:
  explicit Loaded(std::span<const std::byte> bytes, const Offload& offload = {})
      : slot_(new std::byte[kSlotBytes]()), packet_(slot_.get()) {
    packet_.reset(static_cast<uint32_t>(bytes.size()));
    std::copy(bytes.begin(), bytes.end(), packet_.data());
    packet_.offload = offload;
  }
  Packet& operator*() { return packet_; }
  Packet* operator->() { return &packet_; }

 private:
  std::unique_ptr<std::byte[]> slot_;
  Packet packet_;
};

inline Bytes copyOf(const Packet& packet) {
  return {packet.bytes().begin(), packet.bytes().end()};
}

struct Parsed {
  Verdict verdict;
  PacketView view;
  uint32_t length = 0;
  Offload offload;
};

inline Parsed parsed(std::span<const std::byte> bytes, const Offload& offload = {}) {
  Loaded loaded(bytes, offload);
  Parsed result;
  result.verdict = parse(*loaded, result.view);
  result.length = loaded->length();
  result.offload = loaded->offload;
  return result;
}

/// What came of a packet.
struct Outcome {
  Verdict verdict;
  Bytes packet;  // empty where it was dropped
  Sizing sizing;
  bool hairpin = false;
  Offload offload;

  bool passed() const { return verdict.pass; }
  Counter reason() const { return verdict.reason; }
};

/// A stateless translator with one prefix.
class Siit {
 public:
  explicit Siit(const char* prefix = "2001:db8:64::", uint8_t length = 96) {
    pool6.add(Pref64(v6(prefix), length));
  }

  /// Parses and translates one packet.
  Outcome translate(std::span<const std::byte> bytes, const Offload& offload = {}) {
    Loaded loaded(bytes, offload);
    PacketView view;
    Outcome outcome;
    outcome.verdict = parse(*loaded, view);
    if (outcome.passed()) {
      translator.use(pool6, policy, config);
      StatelessTranslator::Translated translated;
      outcome.verdict = view.version == 6 ? translator.v6ToV4(*loaded, view, pass, translated)
                                          : translator.v4ToV6(*loaded, view, pass, translated);
      outcome.sizing = translated.sizing;
      outcome.hairpin = translated.hairpin;
    }
    if (outcome.passed()) {
      outcome.packet = copyOf(*loaded);
      outcome.offload = loaded->offload;
    }
    return outcome;
  }

  /// The same, and cuts what is to be cut; empty where the packet was dropped.
  std::vector<Bytes> send(std::span<const std::byte> bytes) {
    Outcome outcome = translate(bytes);
    if (!outcome.passed()) return {};
    const bool to6 = byteAt(bytes, 0) >> 4 == 4;
    const uint16_t limit = outcome.sizing.limit;
    if (!outcome.sizing.fragment || outcome.packet.size() <= limit) return {outcome.packet};
    Loaded whole(outcome.packet);
    Loaded scratch{Bytes()};
    std::vector<Bytes> sent;
    const auto keep = [&sent](Packet& piece) { sent.push_back(copyOf(piece)); };
    if (to6) {
      fragmentV6(*whole, limit, wordAt(bytes, 4), *scratch, keep);
    } else {
      fragmentV4(*whole, limit, *scratch, keep);
    }
    return sent;
  }

  Pool6 pool6;
  TranslationPolicy policy;
  SiitConfig config;
  StatelessTranslator::Pass pass;
  IdentificationSource identifications{0x0123456789abcdefu};
  PathMtus path_mtus{64, 0x5eed};
  Counters counters;
  StatelessTranslator translator{identifications, path_mtus, counters, 1};
};

}  // namespace platypus::test
