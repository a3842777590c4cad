// What workers hand to each other: packets that came to one and belong to another, and path MTUs
// that one has learned and all should know.
//
// Each ordered pair of workers has a ring of bytes with one writer and one reader. A writer
// publishes once a burst, and wakes readers that sleep; a reader gives the room back once a burst.
// Nothing here is touched for packets that came to their owner.
//
// Ownership: worker `from` calls push…() and publish(), worker `to` calls take(), release() and the
// sleeping; what both touch is atomic.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "dataplane/owners.h"
#include "nat64/huge_array.h"
#include "packet/address.h"
#include "packet/packet.h"
#include "port/port.h"

namespace platypus {

/// How a packet is to be treated by who gets it.
struct Handed {
  static constexpr uint8_t kHairpinned = 1;   // translated to IPv4, and its hop limit is paid
  static constexpr uint8_t kReassembled = 2;  // put together from fragments
  static constexpr uint8_t kFinal = 4;        // not to be handed on
};

/// Bytes between one writer and one reader.
class HandoverRing {
 public:
  /// Room for some super-packets or some thousand small ones.
  static constexpr uint32_t kBytes = 512 * 1024;

  HandoverRing() : bytes_(kBytes, HugeArray<std::byte>::Take::kWhenUsed) {}
  bool ok() const { return bytes_.ok(); }

  struct Record {
    uint32_t length;
    uint8_t kind;
    uint8_t flags;
    Offload offload;
  };

  // The writer's.
  /// False when there is no room; nothing is written then.
  bool write(const Record& record, const std::byte* bytes);
  /// Shows the reader what was written.
  void publish() { head_.store(written_, std::memory_order_seq_cst); }
  bool hasUnpublished() const { return written_ != head_.load(std::memory_order_relaxed); }

  // The reader's.
  /// The next record, null when there is none. Its bytes follow it and stay until release().
  const Record* read();
  /// Positions of both sides, for tests.
  std::array<uint32_t, 4> positions() const {
    return {head_.load(std::memory_order_relaxed), written_, tail_.load(std::memory_order_relaxed),
            read_};
  }
  void release() {
    if (read_ != tail_.load(std::memory_order_relaxed)) {
      tail_.store(read_, std::memory_order_release);
    }
  }
  bool hasUnread() const { return head_.load(std::memory_order_seq_cst) != read_; }

 private:
  static constexpr uint8_t kSkip = 0xff;  // a record that fills the rest of the array
  static uint32_t padded(uint32_t length);

  HugeArray<std::byte> bytes_;
  // Positions count on and wrap by themselves; each side keeps a copy of the other's.
  alignas(64) std::atomic<uint32_t> head_{0};
  uint32_t written_ = 0;
  uint32_t tail_seen_ = 0;
  alignas(64) std::atomic<uint32_t> tail_{0};
  uint32_t read_ = 0;
  uint32_t head_seen_ = 0;
};

class Handover {
 public:
  /// `owners` must outlive it. Check ok().
  explicit Handover(const Owners& owners);
  bool ok() const;
  /// The port that wake() is called on when `worker` sleeps and gets something.
  void setPort(uint16_t worker, Port& port) { seats_[worker].port = &port; }
  const Owners& owners() const { return owners_; }
  /// For tests: what a pair shares; null for a worker and itself.
  const HandoverRing* shared(uint16_t from, uint16_t to) const {
    return rings_[size_t{from} * owners_.workers() + to].get();
  }

  // The writer's.
  /// False when the ring is full; the caller counts the loss.
  bool push(uint16_t from, uint16_t to, const Packet& packet, uint8_t flags);
  /// To all others. Lost where a ring is full: they will learn it themselves.
  void pushPathMtu(uint16_t from, Ipv4Address destination, uint16_t mtu);
  /// At the end of a burst.
  void publish(uint16_t from);

  // The reader's.
  enum class Kind : uint8_t { kNone, kPacket, kPathMtu };
  struct Taken {
    Kind kind = Kind::kNone;
    uint8_t flags = 0;
    Ipv4Address destination;
    uint16_t mtu = 0;
  };
  /// The next thing for `to`; a packet is copied into `packet`'s slot. Rings take turns.
  Taken take(uint16_t to, Packet& packet);
  /// Gives the room of what was taken back; once a burst.
  void release(uint16_t to);
  /// Says that `to` is about to wait. False, and nothing said, when something waits for it.
  bool beginSleep(uint16_t to);
  void endSleep(uint16_t to) { seats_[to].asleep.store(false, std::memory_order_relaxed); }

 private:
  struct alignas(64) Seat {
    std::atomic<bool> asleep{false};
    Port* port = nullptr;
    alignas(64) uint16_t turn = 0;  // the ring to read first
  };
  HandoverRing& ring(uint16_t from, uint16_t to) {
    return *rings_[size_t{from} * owners_.workers() + to];
  }

  const Owners& owners_;
  std::vector<std::unique_ptr<HandoverRing>> rings_;  // null on the diagonal
  std::unique_ptr<Seat[]> seats_;
};

}  // namespace platypus
