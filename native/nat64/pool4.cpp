#include "nat64/pool4.h"

#include <algorithm>
#include <bit>
#include <cstring>

namespace platypus {
namespace {

constexpr uint32_t kIndexSlots = Pool4::kMost * 4;
constexpr uint64_t kEven = 0x5555555555555555u;
constexpr uint64_t kOdd = ~kEven;
constexpr uint64_t kAnyParity = ~uint64_t{0};
/// Addresses looked at for a new host before it is refused: bounds the work per packet of a flood
/// against a full pool.
constexpr uint32_t kMostTries = 64;
/// Addresses of a new pool taken in one step: where ranges change, each costs some microseconds.
constexpr uint32_t kEntriesAStep = 32;

}  // namespace

Pool4::Pool4(Shard shard)
    : shard_(shard),
      bitmaps_(size_t{kMost} * kProtos * kWords, HugeArray<uint64_t>::Take::kWhenUsed),
      slots_(kMost, HugeArray<Slot>::Take::kWhenUsed),
      index_(kIndexSlots, HugeArray<uint32_t>::Take::kNow),
      active_(kMost, HugeArray<uint32_t>::Take::kNow),
      order_(kMost, HugeArray<uint32_t>::Take::kNow) {}

size_t Pool4::bytes() const {
  return size_t{touched_} * (kProtos * kWords * 8 + sizeof(Slot)) + index_.bytes() +
         active_.bytes() + order_.bytes();
}

uint32_t Pool4::indexHome(Ipv4Address address) const {
  return (address.host() * 0x9e3779b1u) >> 18;  // 14 bits: kIndexSlots
}

uint32_t Pool4::find(Ipv4Address address) const {
  static_assert(kIndexSlots == 1u << 14);
  for (uint32_t at = indexHome(address);; at = (at + 1) % kIndexSlots) {
    const uint32_t entry = index_[at];
    if (entry == 0) return kNone;
    if (slots_[entry - 1].entry.address == address) return entry - 1;
  }
}

void Pool4::rebuildIndex() {
  std::memset(index_.data(), 0, index_.bytes());
  for (uint32_t n = 0; n < active_count_; ++n) {
    uint32_t at = indexHome(slots_[active_[n]].entry.address);
    while (index_[at] != 0) at = (at + 1) % kIndexSlots;
    index_[at] = active_[n] + 1;
  }
}

void Pool4::retire(std::span<const Pool4Entry> entries) {
  const auto wanted = entries.first(std::min<size_t>(entries.size(), kMost));
  // What an unfinished replace() has taken is not in the pool yet.
  for (uint32_t n = 0; n < ordered_; ++n) slots_[order_[n]].active = false;
  ordered_ = 0;
  free_from_ = 0;
  // The index of the pool to come, to look up each address that is there.
  std::memset(index_.data(), 0, index_.bytes());
  for (uint32_t n = 0; n < wanted.size(); ++n) {
    uint32_t at = indexHome(wanted[n].address);
    while (index_[at] != 0) at = (at + 1) % kIndexSlots;
    index_[at] = n + 1;
  }
  const auto stays = [&](Ipv4Address address) {
    for (uint32_t at = indexHome(address); index_[at] != 0; at = (at + 1) % kIndexSlots) {
      if (wanted[index_[at] - 1].address == address) return true;
    }
    return false;
  };
  uint32_t left = 0;
  for (uint32_t n = 0; n < active_count_; ++n) {
    Slot& slot = slots_[active_[n]];
    slot.active = stays(slot.entry.address);
    if (slot.active) active_[left++] = active_[n];
  }
  active_count_ = left;
  rebuildIndex();
}

bool Pool4::replace(std::span<const Pool4Entry> entries) {
  const auto wanted = static_cast<uint32_t>(std::min<size_t>(entries.size(), kMost));
  const uint32_t stop = std::min(wanted, ordered_ + kEntriesAStep);
  while (ordered_ < stop) take(entries[ordered_]);
  if (ordered_ < wanted) return false;
  std::copy(order_.data(), order_.data() + ordered_, active_.data());
  active_count_ = ordered_;
  ordered_ = 0;
  free_from_ = 0;
  rebuildIndex();
  return true;
}

/// The next entry of the pool to come. Slots keep their number while they are active, because hosts
/// refer to it.
void Pool4::take(const Pool4Entry& entry) {
  uint32_t slot = find(entry.address);
  if (slot == kNone) {
    while (free_from_ < touched_ && slots_[free_from_].active) ++free_from_;
    slot = free_from_;
    touched_ = std::max(touched_, slot + 1);
    slots_[slot] = Slot{.entry = entry,
                        .active = true,
                        .hosts = 0,
                        .used = {},
                        .capacity = portsOffered(entry),
                        .used_in_range = {}};
  } else if (!(slots_[slot].entry == entry)) {
    slots_[slot].entry = entry;
    countRange(slot);
  }
  order_[ordered_++] = slot;
}

/// A bit for every port of `word` that this shard may hand out; port 0 is never.
uint64_t Pool4::offered(const Slot& slot, uint32_t word) const {
  const uint32_t low = std::max<uint32_t>(slot.entry.port_min, 1);
  const uint32_t high = slot.entry.port_max;
  if (!mine(word) || word < low / 64 || word > high / 64) return 0;
  uint64_t ports = ~uint64_t{0};
  if (word == low / 64) ports &= ~uint64_t{0} << (low % 64);
  if (word == high / 64) ports &= ~uint64_t{0} >> (63 - high % 64);
  return ports;
}

bool Pool4::offers(const Slot& slot, uint16_t port) const {
  return ((offered(slot, port / 64) >> (port % 64)) & 1) != 0;
}

uint32_t Pool4::portsOffered(const Pool4Entry& entry) const {
  const Slot whole{
      .entry = entry, .active = true, .hosts = 0, .used = {}, .capacity = 0, .used_in_range = {}};
  const uint32_t first = std::max<uint32_t>(entry.port_min, 1) / 64;
  const uint32_t last = entry.port_max / 64;
  const auto ports = [&](uint32_t word) {
    return static_cast<uint32_t>(std::popcount(offered(whole, word)));
  };
  if (last <= first) return last == first ? ports(first) : 0;
  // Between the first and the last word all ports of each block of this shard.
  const auto blocks_below = [&](uint32_t word) {
    return (word + shard_.count - 1 - shard_.index) / shard_.count;
  };
  return ports(first) + ports(last) + (blocks_below(last) - blocks_below(first + 1)) * 64;
}

void Pool4::countRange(uint32_t slot) {
  Slot& target = slots_[slot];
  target.capacity = portsOffered(target.entry);
  for (const Proto proto : {Proto::kTcp, Proto::kUdp, Proto::kIcmp}) {
    uint32_t& used = target.used_in_range[protoIndex(proto)];
    used = 0;
    // An address that nothing is mapped to has pages that were never touched.
    if (target.used[protoIndex(proto)] == 0) continue;
    for (uint32_t word = 0; word < kWords; ++word) {
      used +=
          static_cast<uint32_t>(std::popcount(bitmap(slot, proto)[word] & offered(target, word)));
    }
  }
}

uint32_t Pool4::choose(uint64_t hint, Proto proto) const {
  if (active_count_ == 0) return kNone;
  uint32_t n = static_cast<uint32_t>(((hint >> 32) * active_count_) >> 32);
  const uint32_t tries = std::min(active_count_, kMostTries);
  for (uint32_t i = 0; i < tries; ++i) {
    const uint32_t number = active_[n];
    const Slot& slot = slots_[number];
    if (slot.used_in_range[protoIndex(proto)] < slot.capacity) return number;
    n = n + 1 == active_count_ ? 0 : n + 1;
  }
  return kNone;
}

/// A free port in [low, high], the search starting at a random one; 0 if none.
uint16_t Pool4::findFree(const uint64_t* bits, uint32_t low, uint32_t high, uint64_t parity,
                         RandomSource& random) const {
  if (low > high) return 0;
  uint32_t start = low + random.below(high - low + 1);
  if (!mine(start / 64)) {
    // Into the shard's block of the same round, so that the first port of a block is not likelier
    // than the others (RFC 6056 §3).
    const uint32_t block = start / 64 - start / 64 % shard_.count + shard_.index;
    start = std::clamp(block * 64 + start % 64, low, high);
  }
  const uint32_t first = low / 64;
  const uint32_t last = high / 64;
  uint32_t word = start / 64;
  // The start's own word comes twice: above the start first, below it at the end of the round.
  for (uint32_t step = 0; step <= last - first + 1; ++step) {
    if (mine(word)) {
      uint64_t free = ~bits[word] & parity;
      if (word == first) free &= ~uint64_t{0} << (low % 64);
      if (word == last && high % 64 != 63) free &= (uint64_t{1} << (high % 64 + 1)) - 1;
      if (step == 0) free &= ~uint64_t{0} << (start % 64);
      if (free != 0) {
        return static_cast<uint16_t>(word * 64 + static_cast<uint32_t>(std::countr_zero(free)));
      }
    }
    word = word == last ? first : word + 1;
  }
  return 0;
}

uint16_t Pool4::allocate(uint32_t slot, Proto proto, uint16_t wanted, RandomSource& random) {
  Slot& target = slots_[slot];
  if (target.used_in_range[protoIndex(proto)] >= target.capacity) return 0;
  const uint64_t* bits = bitmap(slot, proto);
  const uint32_t low = std::max<uint32_t>(target.entry.port_min, 1);
  const uint32_t high = target.entry.port_max;
  uint16_t port = 0;
  if (proto == Proto::kIcmp) {
    port = findFree(bits, low, high, kAnyParity, random);
  } else {
    const uint32_t low_end = std::min<uint32_t>(high, 1023);
    const uint32_t high_start = std::max<uint32_t>(low, 1024);
    const bool want_low = wanted < 1024;
    const uint64_t parity = proto == Proto::kUdp ? (wanted % 2 == 0 ? kEven : kOdd) : kAnyParity;
    const auto in_class = [&](bool low_class, uint64_t mask) {
      return low_class ? findFree(bits, low, low_end, mask, random)
                       : findFree(bits, high_start, high, mask, random);
    };
    port = in_class(want_low, parity);
    if (port == 0 && parity != kAnyParity) port = in_class(want_low, kAnyParity);
    if (port == 0) port = in_class(!want_low, parity);
    if (port == 0 && parity != kAnyParity) port = in_class(!want_low, kAnyParity);
  }
  if (port != 0) reserve(slot, proto, port);
  return port;
}

bool Pool4::reserve(uint32_t slot, Proto proto, uint16_t port) {
  uint64_t& word = bitmap(slot, proto)[port / 64];
  const uint64_t bit = uint64_t{1} << (port % 64);
  if ((word & bit) != 0) return false;
  word |= bit;
  Slot& target = slots_[slot];
  ++target.used[protoIndex(proto)];
  if (offers(target, port)) {
    ++target.used_in_range[protoIndex(proto)];
  }
  return true;
}

void Pool4::release(uint32_t slot, Proto proto, uint16_t port) {
  uint64_t& word = bitmap(slot, proto)[port / 64];
  const uint64_t bit = uint64_t{1} << (port % 64);
  if ((word & bit) == 0) return;
  word &= ~bit;
  Slot& target = slots_[slot];
  --target.used[protoIndex(proto)];
  if (offers(target, port)) {
    --target.used_in_range[protoIndex(proto)];
  }
}

Pool4::Usage Pool4::usage(uint32_t n) const {
  const Slot& slot = slots_[active_[n]];
  return {slot.entry, slot.hosts, {slot.used[0], slot.used[1], slot.used[2]}};
}

}  // namespace platypus
