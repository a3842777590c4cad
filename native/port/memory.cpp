#include "port/memory.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <utility>

namespace platypus {

MemoryPort::~MemoryPort() = default;

bool MemoryPort::inject(std::span<const std::byte> packet, const Offload& offload) {
  if (packet.size() > kMaxPacket) return false;
  const std::lock_guard lock(mutex_);
  if (waiting_.size() >= capacity_) return false;
  waiting_.push_back({{packet.begin(), packet.end()}, offload});
  changed_.notify_all();
  return true;
}

std::vector<MemoryPacket> MemoryPort::takeSent() {
  const std::lock_guard lock(mutex_);
  return std::exchange(sent_, {});
}

size_t MemoryPort::receive(std::span<Packet> packets) {
  const std::lock_guard lock(mutex_);
  const size_t count = std::min({packets.size(), kSlots, waiting_.size()});
  for (size_t i = 0; i < count; ++i) {
    if (!slots_[i]) slots_[i].reset(new std::byte[kSlotBytes]);
    const MemoryPacket& from = waiting_.front();
    packets[i] = Packet(slots_[i].get());
    packets[i].reset(static_cast<uint32_t>(from.bytes.size()));
    packets[i].offload = from.offload;
    // An empty vector has no data() to copy from.
    if (!from.bytes.empty()) {
      std::memcpy(packets[i].data(), from.bytes.data(), from.bytes.size());
    }
    waiting_.pop_front();
  }
  return count;
}

bool MemoryPort::send(Packet& packet) {
  const std::span<const std::byte> bytes = packet.bytes();
  const std::lock_guard lock(mutex_);
  if (sent_.size() >= capacity_) return false;
  sent_.push_back({{bytes.begin(), bytes.end()}, packet.offload});
  return true;
}

void MemoryPort::wait(int timeoutMs) {
  std::unique_lock lock(mutex_);
  const auto ready = [this] { return woken_ || !waiting_.empty(); };
  if (timeoutMs < 0) {
    changed_.wait(lock, ready);
  } else {
    changed_.wait_for(lock, std::chrono::milliseconds(timeoutMs), ready);
  }
  woken_ = false;
}

void MemoryPort::wake() {
  const std::lock_guard lock(mutex_);
  woken_ = true;
  changed_.notify_all();
}

}  // namespace platypus
