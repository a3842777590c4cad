// Bursts of arbitrary packets through the coalescer.
//
// What must hold: nothing past a packet is read; every flow leaves as it came, packet by packet and
// in its order, when the super-packets are taken apart again (identification and the checksums that
// the kernel computes aside); no super-packet has more than 65,535 bytes, or 64 datagrams; a
// packet whose checksum does not hold leaves by itself.
//
// Input: kinds, then packets: choices, a length (2), bytes. A packet may be made from the one
// before it, as its next segment, because the fuzzer would not find that.
#include <sanitizer/asan_interface.h>

#include <array>
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <string>

#include "port/coalesce.h"
#include "test/reference_segments.h"

namespace {

using namespace platypus;
using namespace platypus::test;

void require(bool holds) {
  if (!holds) std::abort();
}

struct Sent {
  Bytes bytes;
  Offload offload;
};

size_t networkOf(const Bytes& bytes) {
  return byteAt(bytes, 0) >> 4 == 4 ? 20 : 40;
}

/// The flow of a packet, as well as it can be read; the order counts within it.
std::string flowOf(const Bytes& bytes) {
  const size_t network = networkOf(bytes);
  if (bytes.size() < network) return toHex(bytes);
  const std::string hosts = network == 20 ? toHex(bytes, 12, 8) : toHex(bytes, 8, 32);
  const std::string ports = bytes.size() >= network + 4 ? toHex(bytes, network, 4) : "";
  // What has another version is another flow, whatever it has in the same places.
  const std::string kind =
      toHex(bytes, network == 20 ? 9 : 6, 1) + (byteAt(bytes, 0) >> 4 == 6 ? "6" : "");
  return hosts + kind + ports;
}

/// As segmentsOf() leaves a segment: without identification and, where `blank`, checksums.
Bytes plain(Bytes bytes, bool blank) {
  if (networkOf(bytes) == 20 && bytes.size() >= 20) {
    putWord(bytes, 4, 0);
    putWord(bytes, 10, 0);
  }
  const size_t field =
      networkOf(bytes) + (byteAt(bytes, networkOf(bytes) == 20 ? 9 : 6) == 6 ? 16u : 6u);
  if (blank && bytes.size() >= field + 2) putWord(bytes, field, 0);
  return bytes;
}

/// The segment that would follow `before`: same headers, next sequence number, other data.
Bytes following(const Bytes& before, size_t payload, uint8_t fill) {
  const size_t network = networkOf(before);
  const size_t protocol = byteAt(before, network == 20 ? 9 : 6);
  if (before.size() < network + 20 || (protocol != 6 && protocol != 17)) return before;
  const size_t header = network + (protocol == 6 ? byteAt(before, network + 12) / 16 * 4u : 8u);
  if (header > before.size() || (protocol == 6 && header < network + 20)) return before;
  Bytes next(before.begin(), before.begin() + static_cast<long>(header));
  next.resize(header + payload, std::byte{fill});
  if (network == 20) {
    putWord(next, 2, static_cast<uint32_t>(next.size()));
  } else {
    putWord(next, 4, static_cast<uint32_t>(next.size() - 40));
  }
  if (protocol == 17) {
    putWord(next, network + 4, static_cast<uint32_t>(next.size() - network));
  } else {
    const auto sequence =
        static_cast<uint32_t>(longAt(before, network + 4) + before.size() - header);
    putWord(next, network + 4, sequence >> 16);
    putWord(next, network + 6, sequence & 0xffff);
  }
  return next;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const PortSegmentation kinds{.tcp = (data[0] & 1) != 0, .udp = (data[0] & 2) != 0};
  static std::array<std::unique_ptr<std::byte[]>, Coalescer::kMost> slots;
  std::array<Packet, Coalescer::kMost> packets;
  std::vector<Bytes> given;
  size_t at = 1;
  while (given.size() < Coalescer::kMost && at + 3 <= size) {
    const uint8_t choices = data[at];
    size_t length = (size_t{data[at + 1]} << 8 | data[at + 2]) % 2048;
    at += 3;
    Bytes bytes;
    if ((choices & 1) != 0 && !given.empty()) {
      bytes = following(given.back(), length, choices);
    } else {
      length = std::min(length, size - at);
      bytes.resize(length);
      if (length != 0) std::memcpy(bytes.data(), data + at, length);
      at += length;
    }
    if ((choices & 2) != 0 && bytes.size() >= 60 && byteAt(bytes, 0) >= 0x45) {
      reference::fill(bytes);
    }
    if (!bytes.empty()) given.push_back(std::move(bytes));
  }

  Coalescer coalescer(kinds);
  std::vector<Sent> sent;
  const auto send = [&](Packet& packet) {
    sent.push_back({{packet.bytes().begin(), packet.bytes().end()}, packet.offload});
  };
  for (size_t i = 0; i < given.size(); ++i) {
    if (slots[i] == nullptr) slots[i].reset(new std::byte[kSlotBytes]);
    __asan_unpoison_memory_region(slots[i].get(), kSlotBytes);
    packets[i] = Packet(slots[i].get());
    packets[i].reset(static_cast<uint32_t>(given[i].size()));
    std::memcpy(packets[i].data(), given[i].data(), given[i].size());
    const size_t end = kHeadroom + given[i].size();
    __asan_poison_memory_region(slots[i].get() + end, kSlotBytes - end);
    const auto result = coalescer.add(packets[i]);
    // From here on others may be appended to it.
    __asan_unpoison_memory_region(slots[i].get(), kSlotBytes);
    if (result != Coalescer::Result::kPass) continue;
    coalescer.flushBefore(packets[i], send);
    send(packets[i]);
  }
  coalescer.flush(send);

  std::map<std::string, std::vector<Bytes>> expected;
  std::map<std::string, std::vector<Bytes>> found;
  for (const Sent& packet : sent) {
    require(packet.bytes.size() <= 65'535);
    if (!packet.offload.isGso()) {
      found[flowOf(packet.bytes)].push_back(packet.bytes);
      continue;
    }
    const auto segments = segmentsOf(packet.bytes, packet.offload);
    require(segments.size() > 1);
    require(packet.offload.gsoKind() != Offload::kGsoUdp || segments.size() <= 64);
    for (const Bytes& segment : segments) {
      require(reference::transport(segment) == reference::Sum::kGood);
      found[flowOf(segment)].push_back(segment);
    }
  }
  for (const Bytes& packet : given) expected[flowOf(packet)].push_back(packet);
  require(found.size() == expected.size());
  for (auto& [flow, packets_of] : expected) {
    const auto& came = found[flow];
    require(came.size() == packets_of.size());
    for (size_t i = 0; i < came.size(); ++i) {
      // What was taken apart has right checksums; so had what came, or it would not have joined.
      require(came[i] == packets_of[i] || plain(came[i], false) == plain(packets_of[i], false) ||
              (reference::transport(packets_of[i]) == reference::Sum::kGood &&
               plain(came[i], true) == plain(packets_of[i], true)));
    }
  }
  return 0;
}
