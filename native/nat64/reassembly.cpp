#include "nat64/reassembly.h"

#include <cstring>

#include "packet/ipv4.h"
#include "packet/ipv6.h"
#include "packet/protocol.h"

namespace platypus {
namespace {

/// Payload lies behind room for an IPv6 header, so that either header fits in front.
constexpr uint32_t kPayloadOffset = kHeadroom + Ipv6Header::kSize;

Ipv6Address asKey(Ipv4Address address) {
  Ipv6Address key;
  std::memcpy(key.bytes.data() + 12, &address, 4);
  return key;
}

}  // namespace

Reassembly::Reassembly(uint32_t capacity, const HashKey& key)
    : key_(key),
      capacity_(capacity),
      datagrams_(capacity, HugeArray<Datagram>::Take::kWhenUsed),
      buffers_(size_t{capacity} * kSlotBytes, HugeArray<std::byte>::Take::kWhenUsed),
      index_(capacity) {}

uint32_t Reassembly::find(const Datagram& key) const {
  return index_.find(key.hash, [&](uint32_t number) {
    const Datagram& datagram = datagrams_[number];
    return datagram.identification == key.identification && datagram.version == key.version &&
           datagram.protocol == key.protocol && datagram.source == key.source &&
           datagram.destination == key.destination;
  });
}

bool Reassembly::sourceHasTooMany(const Ipv6Address& source) const {
  if (used_ < capacity_ / 2) return false;
  uint32_t count = 0;
  for (uint32_t at = newest_; at != kNone; at = datagrams_[at].older) {
    if (datagrams_[at].source == source && ++count >= capacity_ / 4) return true;
  }
  return false;
}

uint32_t Reassembly::create(const Datagram& key, uint32_t deadline, Verdict& verdict) {
  if (used_ == capacity_) {
    verdict = Verdict::drop(Counter::kDropFragmentsFull);
    return kNone;
  }
  if (sourceHasTooMany(key.source)) {
    verdict = Verdict::drop(Counter::kDropFragmentsFullForSource);
    return kNone;
  }
  uint32_t number = free_;
  if (number != kNone) {
    free_ = datagrams_[number].newer;
  } else {
    number = touched_++;
  }
  ++used_;
  Datagram& datagram = datagrams_[number];
  datagram = key;
  datagram.deadline = deadline;
  datagram.newer = kNone;
  datagram.older = newest_;
  if (newest_ != kNone) datagrams_[newest_].newer = number;
  newest_ = number;
  if (oldest_ == kNone) oldest_ = number;
  if (!index_.insert(datagram.hash, number)) {
    remove(number);
    verdict = Verdict::drop(Counter::kDropFragmentsFull);
    return kNone;
  }
  return number;
}

void Reassembly::remove(uint32_t number) {
  Datagram& datagram = datagrams_[number];
  index_.erase(datagram.hash, number);
  (datagram.older == kNone ? oldest_ : datagrams_[datagram.older].newer) = datagram.newer;
  (datagram.newer == kNone ? newest_ : datagrams_[datagram.newer].older) = datagram.older;
  datagram.newer = free_;
  free_ = number;
  --used_;
}

Reassembly::Result Reassembly::add(const Packet& packet, const PacketView& view, uint32_t now,
                                   uint32_t lifetime) {
  Result result;
  Datagram key{};
  if (view.version == 4) {
    const auto header = load<Ipv4Header>(packet.data());
    key.source = asKey(header.source);
    key.destination = asKey(header.destination);
  } else {
    const auto header = load<Ipv6Header>(packet.data());
    key.source = header.source;
    key.destination = header.destination;
  }
  key.identification = view.identification;
  key.version = view.version;
  key.protocol = view.protocol;
  key.hop_limit = view.hop_limit;
  key.traffic_class = view.traffic_class;
  key.hash = hashWords(key_, key.source.high() ^ key.destination.low(),
                       key.source.low() ^ (key.destination.high() * 3), key.identification,
                       (uint64_t{key.version} << 8) | key.protocol);

  uint32_t number = find(key);
  if (number == kNone) number = create(key, now + lifetime + 1, result.verdict);
  if (number == kNone) return result;
  Datagram& datagram = datagrams_[number];
  if (datagram.poisoned) {
    result.verdict = Verdict::drop(Counter::kDropFragmentOverlap);
    return result;
  }

  const uint32_t from = view.fragment_offset;
  const uint32_t length = view.payload_length;
  const uint32_t end = from + length;
  std::byte* at = buffer(number) + kPayloadOffset + from;
  const std::byte* payload = packet.data() + view.transport_offset;
  bool any = false;
  bool all = true;
  for (uint32_t unit = from / 8; unit < (end + 7) / 8; ++unit) {
    const bool set = ((datagram.units[unit / 64] >> (unit % 64)) & 1) != 0;
    any |= set;
    all &= set;
  }
  const bool last = !view.more_fragments;
  // Past the total the buffer holds what an earlier datagram left there.
  const bool inside = last ? datagram.total == end : datagram.total == 0 || end <= datagram.total;
  if (any && all && inside && std::memcmp(at, payload, length) == 0) return result;
  const bool contradicts = any || (datagram.total != 0 && (end > datagram.total || last)) ||
                           end > (view.version == 4 ? kLargestV4 : kLargestV6);
  // A last fragment that ends before what is already here is an overlap in disguise.
  bool beyond = false;
  if (last && !contradicts) {
    for (uint32_t unit = (end + 7) / 8; unit < kUnits && !beyond; ++unit) {
      beyond = ((datagram.units[unit / 64] >> (unit % 64)) & 1) != 0;
    }
  }
  if (contradicts || beyond) {
    datagram.poisoned = true;
    result.verdict = Verdict::drop(Counter::kDropFragmentOverlap);
    return result;
  }
  for (uint32_t unit = from / 8; unit < (end + 7) / 8; ++unit) {
    datagram.units[unit / 64] |= uint64_t{1} << (unit % 64);
  }
  std::memcpy(at, payload, length);
  datagram.received += length;
  if (last) datagram.total = end;
  if (from == 0) {
    datagram.has_first = true;
    datagram.hop_limit = view.hop_limit;
    datagram.traffic_class = view.traffic_class;
  }
  if (datagram.total != 0 && datagram.received == datagram.total) {
    result.complete = true;
    result.whole = finish(number);
    remove(number);
  }
  return result;
}

Packet Reassembly::finish(uint32_t number) {
  const Datagram& datagram = datagrams_[number];
  Packet whole(buffer(number));
  whole.reset(Ipv6Header::kSize + datagram.total);
  if (datagram.version == 6) {
    Ipv6Header header;
    header.setTrafficClass(datagram.traffic_class);
    header.payload_length = Be16(static_cast<uint16_t>(datagram.total));
    header.next_header = datagram.protocol;
    header.hop_limit = datagram.hop_limit;
    header.source = datagram.source;
    header.destination = datagram.destination;
    store(whole.data(), header);
    return whole;
  }
  whole.moveStart(Ipv6Header::kSize - Ipv4Header::kSize);
  Ipv4Header header;
  header.tos = datagram.traffic_class;
  header.total_length = Be16(static_cast<uint16_t>(Ipv4Header::kSize + datagram.total));
  header.identification = Be16(static_cast<uint16_t>(datagram.identification));
  header.ttl = datagram.hop_limit;
  header.protocol = datagram.protocol;
  std::memcpy(&header.source, datagram.source.bytes.data() + 12, 4);
  std::memcpy(&header.destination, datagram.destination.bytes.data() + 12, 4);
  header.computeChecksum();
  store(whole.data(), header);
  return whole;
}

uint32_t Reassembly::expire(uint32_t now) {
  uint32_t expired = 0;
  while (oldest_ != kNone && static_cast<int32_t>(now - datagrams_[oldest_].deadline) >= 0) {
    remove(oldest_);
    ++expired;
  }
  return expired;
}

}  // namespace platypus
