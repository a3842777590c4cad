// Reassembly against a map of octets: every fragment of every datagram is also written into a
// std::map, which says by itself what is an overlap, what is complete and what is refused.
//
// Input: the capacity, then five octets a fragment: datagram and shape, offset, length, content,
// time.
#include <cstdio>
#include <cstdlib>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "nat64/reassembly.h"
#include "test/nat64_packets.h"

namespace {

using namespace platypus;
using namespace platypus::test;

constexpr uint32_t kLifetime = 20;

void require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "fuzz_reassembly: %s\n", what);
  std::abort();
}

struct Model {
  uint8_t source = 0;
  uint32_t deadline = 0;
  bool poisoned = false;
  std::map<uint32_t, uint8_t> octets;  // offset → content
  std::optional<uint32_t> total;
};

enum class Expect { kNothing, kWhole, kOverlap };

/// RFC 8200 §4.5 and RFC 5722 §4 on a map.
Expect put(Model& model, uint32_t from, const std::vector<uint8_t>& content, bool last,
           uint32_t largest) {
  if (model.poisoned) return Expect::kOverlap;
  const uint32_t end = from + static_cast<uint32_t>(content.size());
  bool any = false;
  bool all = true;
  bool same = true;
  for (uint32_t i = 0; i < content.size(); ++i) {
    const auto known = model.octets.find(from + i);
    const bool there = known != model.octets.end();
    any |= there;
    all &= there;
    same &= there && known->second == content[i];
  }
  // An exact repetition, or a part of what is there, with the same end.
  if (all && same && (!last || model.total == end)) return Expect::kNothing;
  const bool past_end = model.total && (last || end > *model.total);
  const bool cuts = last && !model.octets.empty() && model.octets.rbegin()->first >= end;
  if (any || past_end || cuts || end > largest) {
    model.poisoned = true;
    return Expect::kOverlap;
  }
  for (uint32_t i = 0; i < content.size(); ++i) model.octets[from + i] = content[i];
  if (last) model.total = end;
  return model.total && model.octets.size() == *model.total ? Expect::kWhole : Expect::kNothing;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const uint32_t capacity = 1 + data[0] % 16;
  Reassembly reassembly(capacity, HashKey{});
  require(reassembly.ok(), "memory");
  const auto slot = std::make_unique<std::byte[]>(kSlotBytes);
  std::map<uint8_t, Model> models;
  uint32_t now = 7;
  for (size_t at = 1; at + 5 <= size; at += 5) {
    const uint8_t name = data[at] & 0x1f;  // of the datagram: four sources, both families
    const bool last = (data[at] & 0x20) != 0;
    const bool far = (data[at] & 0x40) != 0;  // near the largest payload
    const bool v6 = (name & 0x10) != 0;
    const uint32_t from = (far ? 65'336u : 0u) + data[at + 1] % 32 * 8u;
    const uint32_t length = last ? 1u + data[at + 2] % 64 : 8u + data[at + 2] % 4 * 8u;
    now += data[at + 4] >= 0xf0 ? data[at + 4] - 0xf0u : 0;
    if (from + length > 65'535) continue;  // parse() refuses it

    uint32_t timed_out = 0;
    for (auto model = models.begin(); model != models.end();) {
      const bool over = model->second.deadline <= now;
      timed_out += over ? 1 : 0;
      model = over ? models.erase(model) : std::next(model);
    }
    require(reassembly.expire(now) == timed_out, "N64-FRAG-03: expired as many");

    // As parse() gives it, in a packet whose transport part is the content.
    const uint8_t source = name & 3;
    std::vector<uint8_t> content(length);
    for (uint32_t i = 0; i < length; ++i) {
      content[i] = static_cast<uint8_t>((data[at + 3] & 1) * 0x80 + from + i);
    }
    const Bytes header = v6 ? ip6(host6(source), host6(9), 17, Bytes(8))
                            : ip4(v4(8, 8, 8, source), v4(192, 0, 2, 1), 17, Bytes(8));
    const uint32_t header_bytes = v6 ? 40 : 20;
    Packet packet(slot.get());
    packet.reset(header_bytes + length);
    std::memcpy(packet.data(), header.data(), header_bytes);
    std::memcpy(packet.data() + header_bytes, content.data(), length);
    PacketView view;
    view.version = v6 ? 6 : 4;
    view.protocol = 17;
    view.hop_limit = 64;
    view.fragmented = true;
    view.more_fragments = !last;
    view.fragment_offset = static_cast<uint16_t>(from);
    view.identification = name;
    view.transport_offset = static_cast<uint16_t>(header_bytes);
    view.payload_length = length;
    Reassembly::Result result = reassembly.add(packet, view, now, kLifetime);

    const auto known = models.find(name);
    if (known == models.end()) {
      uint32_t mine = 0;
      for (const auto& [other, model] : models) {
        mine += model.source == source && (other & 0x10) == (name & 0x10) ? 1 : 0;
      }
      if (models.size() == capacity) {
        require(result.verdict.reason == Counter::kDropFragmentsFull, "N64-FRAG-02: full");
        continue;
      }
      if (models.size() >= capacity / 2 && mine != 0 && mine >= capacity / 4) {
        require(result.verdict.reason == Counter::kDropFragmentsFullForSource,
                "N64-FRAG-02: a quarter for one source");
        continue;
      }
      models[name].source = source;
      models[name].deadline = now + kLifetime + 1;
    }
    Model& model = models[name];
    const Expect expected = put(model, from, content, last, v6 ? 65'535 : 65'515);
    require(result.verdict.pass == (expected != Expect::kOverlap), "N64-FRAG-07");
    require(result.complete == (expected == Expect::kWhole), "whole when all is there");
    if (!result.complete) continue;
    const std::span<const std::byte> whole = result.whole.bytes();
    require(whole.size() == header_bytes + *model.total, "N64-FRAG-01: its length");
    require(get16(whole, v6 ? 4 : 2) == whole.size() - (v6 ? 40 : 0), "its length field");
    require(v6 || slowSum(whole.first(20)) == 0xffff, "its header checksum");
    for (const auto& [offset, octet] : model.octets) {
      require(get8(whole, header_bytes + offset) == octet, "N64-FRAG-01: its octets");
    }
    models.erase(name);
    require(reassembly.used() == models.size(), "N64-FRAG-02: room is given back");
  }
  return 0;
}
