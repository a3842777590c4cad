#include "dataplane/handover.h"

#include <cstring>

namespace platypus {
namespace {

enum RecordKind : uint8_t { kPacketRecord, kPathMtuRecord };

}  // namespace

// --- One ring ------------------------------------------------------------------------------------

uint32_t HandoverRing::padded(uint32_t length) {
  constexpr uint32_t kAlign = alignof(uint64_t);
  return (static_cast<uint32_t>(sizeof(Record)) + length + kAlign - 1) / kAlign * kAlign;
}

bool HandoverRing::write(const Record& record, const std::byte* bytes) {
  const uint32_t needed = padded(record.length);
  const uint32_t at = written_ % kBytes;
  // A record lies in one piece; what is left at the end of the array is skipped.
  const uint32_t skipped = at + needed > kBytes ? kBytes - at : 0;
  if (written_ + skipped + needed - tail_seen_ > kBytes) {
    tail_seen_ = tail_.load(std::memory_order_acquire);
    if (written_ + skipped + needed - tail_seen_ > kBytes) return false;
  }
  if (skipped != 0) {
    bytes_[at + offsetof(Record, kind)] = static_cast<std::byte>(kSkip);
    written_ += skipped;
  }
  std::byte* to = &bytes_[written_ % kBytes];
  std::memcpy(to, &record, sizeof record);
  std::memcpy(to + sizeof record, bytes, record.length);
  written_ += needed;
  return true;
}

const HandoverRing::Record* HandoverRing::read() {
  if (read_ == head_seen_) {
    head_seen_ = head_.load(std::memory_order_acquire);
    if (read_ == head_seen_) return nullptr;
  }
  // A record is always published together with the skip before it.
  if (std::to_integer<uint8_t>(bytes_[read_ % kBytes + offsetof(Record, kind)]) == kSkip) {
    read_ += kBytes - read_ % kBytes;
  }
  const auto* record = reinterpret_cast<const Record*>(&bytes_[read_ % kBytes]);
  read_ += padded(record->length);
  return record;
}

// --- All of them ---------------------------------------------------------------------------------

Handover::Handover(const Owners& owners)
    : owners_(owners),
      rings_(size_t{owners.workers()} * owners.workers()),
      seats_(new Seat[owners.workers()]) {
  for (uint16_t from = 0; from < owners.workers(); ++from) {
    for (uint16_t to = 0; to < owners.workers(); ++to) {
      if (from == to) continue;
      rings_[size_t{from} * owners.workers() + to] = std::make_unique<HandoverRing>();
    }
  }
}

bool Handover::ok() const {
  for (const auto& ring : rings_) {
    if (ring != nullptr && !ring->ok()) return false;
  }
  return true;
}

bool Handover::push(uint16_t from, uint16_t to, const Packet& packet, uint8_t flags) {
  return ring(from, to).write(
      {.length = packet.length(), .kind = kPacketRecord, .flags = flags, .offload = packet.offload},
      packet.data());
}

void Handover::pushPathMtu(uint16_t from, Ipv4Address destination, uint16_t mtu) {
  std::byte bytes[sizeof destination + sizeof mtu];
  std::memcpy(bytes, &destination, sizeof destination);
  std::memcpy(bytes + sizeof destination, &mtu, sizeof mtu);
  for (uint16_t to = 0; to < owners_.workers(); ++to) {
    if (to == from) continue;
    (void)ring(from, to).write(
        {.length = sizeof bytes, .kind = kPathMtuRecord, .flags = 0, .offload = {}}, bytes);
  }
}

void Handover::publish(uint16_t from) {
  for (uint16_t to = 0; to < owners_.workers(); ++to) {
    if (to == from || !ring(from, to).hasUnpublished()) continue;
    ring(from, to).publish();
    // Either this sees that the reader sleeps, or the reader sees what was published: all four
    // accesses are sequentially consistent.
    if (seats_[to].asleep.load(std::memory_order_seq_cst)) seats_[to].port->wake();
  }
}

Handover::Taken Handover::take(uint16_t to, Packet& packet) {
  const uint16_t workers = owners_.workers();
  Seat& seat = seats_[to];
  for (uint16_t tries = 0; tries < workers; ++tries) {
    const uint16_t from = seat.turn;
    seat.turn = static_cast<uint16_t>(from + 1 == workers ? 0 : from + 1);
    const HandoverRing::Record* record = from == to ? nullptr : ring(from, to).read();
    if (record == nullptr) continue;
    const auto* bytes = reinterpret_cast<const std::byte*>(record + 1);
    Taken taken;
    taken.flags = record->flags;
    if (record->kind == kPathMtuRecord) {
      taken.kind = Kind::kPathMtu;
      std::memcpy(&taken.destination, bytes, sizeof taken.destination);
      std::memcpy(&taken.mtu, bytes + sizeof taken.destination, sizeof taken.mtu);
      return taken;
    }
    taken.kind = Kind::kPacket;
    packet.reset(record->length);
    packet.offload = record->offload;
    std::memcpy(packet.data(), bytes, record->length);
    return taken;
  }
  return {};
}

void Handover::release(uint16_t to) {
  for (uint16_t from = 0; from < owners_.workers(); ++from) {
    if (from != to) ring(from, to).release();
  }
}

bool Handover::beginSleep(uint16_t to) {
  seats_[to].asleep.store(true, std::memory_order_seq_cst);
  for (uint16_t from = 0; from < owners_.workers(); ++from) {
    if (from == to || !ring(from, to).hasUnread()) continue;
    endSleep(to);
    return false;
  }
  return true;
}

}  // namespace platypus
