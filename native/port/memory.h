// A port in memory: for tests, fuzzers and the simulator. Not for the packet path of a service: it
// allocates and locks.
//
// Ownership: receive(), send() and wait() belong to the worker; inject(), takeSent() and wake() may
// be called from any thread.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "port/port.h"

namespace platypus {

/// A packet outside of any slot.
struct MemoryPacket {
  std::vector<std::byte> bytes;
  Offload offload;
};

class MemoryPort final : public Port {
 public:
  /// `capacity` packets may wait to be received, as many in the output; more are refused.
  explicit MemoryPort(size_t capacity = 65'536, PortSegmentation segmentation = {})
      : capacity_(capacity), segmentation_(segmentation) {}
  ~MemoryPort() override;

  /// Queues a packet for receive(). False, and nothing queued, when the queue is full or the packet
  /// longer than kMaxPacket.
  bool inject(std::span<const std::byte> packet, const Offload& offload = {});

  /// What was sent since the last call, in order.
  std::vector<MemoryPacket> takeSent();

  PortSegmentation segmentation() const override { return segmentation_; }
  size_t receive(std::span<Packet> packets) override;
  /// Copies the packet into the output. False when the output is full.
  bool send(Packet& packet) override;
  void wait(int timeoutMs) override;
  void wake() override;

 private:
  static constexpr size_t kSlots = 64;

  const size_t capacity_;
  const PortSegmentation segmentation_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool woken_ = false;
  std::deque<MemoryPacket> waiting_;
  std::vector<MemoryPacket> sent_;
  // One allocation per slot rather than one mapping, so that AddressSanitizer sees every access
  // past a slot's end.
  std::unique_ptr<std::byte[]> slots_[kSlots];
};

}  // namespace platypus
