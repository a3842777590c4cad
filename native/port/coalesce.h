// Joins the segments of a flow that came one by one into a super-packet, before it is written: what
// the kernel's GRO does on a card, for packets that had no card to do it (as wireguard-go does).
// One write then carries up to 64 KiB, and the kernel takes it apart as late as it can.
//
// Only within one burst; a segment joins when it follows the one before without a gap and differs
// in nothing else, and when the checksums of both hold, because the joined packet gets a new one.
// The order of each flow is kept.
//
// Ownership: one worker. Held packets lie in the burst's slots, which stay until flush().
#pragma once

#include <array>
#include <cstdint>

#include "packet/packet.h"
#include "port/port.h"

namespace platypus {

class Coalescer {
 public:
  /// Packets of one burst.
  static constexpr size_t kMost = 64;

  explicit Coalescer(PortSegmentation kinds) : kinds_(kinds) {}
  /// False where the port takes no super-packets.
  bool isUseful() const { return kinds_.tcp || kinds_.udp; }

  enum class Result : uint8_t {
    kPass,    // not for us: send it now, after flushBefore()
    kHeld,    // keep it until flush()
    kJoined,  // its payload is part of a held packet now
  };
  /// Looks at a translated packet. `packet` must stay where it is until flush().
  Result add(Packet& packet);
  /// send(Packet&) for every held packet, in the order in which they came.
  template <typename Send>
  void flush(Send&& send) {
    for (size_t i = 0; i < count_; ++i) {
      if (held_[i].packet != nullptr) send(*held_[i].packet);
    }
    count_ = 0;
  }
  /// The same for the flows that share addresses with a packet that may not overtake them.
  template <typename Send>
  void flushBefore(const Packet& packet, Send&& send) {
    const uint64_t hosts = hostsOf(packet);
    for (size_t i = 0; i < count_; ++i) {
      if (held_[i].packet == nullptr || held_[i].hosts != hosts) continue;
      send(*held_[i].packet);
      held_[i].packet = nullptr;
    }
  }
  bool isEmpty() const { return count_ == 0; }

 private:
  struct Segment;  // what is read of a candidate
  struct Held {
    Packet* packet = nullptr;  // null: given out already
    uint64_t hosts = 0;        // hash of the addresses
    uint32_t next = 0;         // TCP: the sequence number that would follow
    uint32_t ports = 0;        // both, as they stand
    uint16_t size = 0;         // payload of the first segment
    uint16_t segments = 0;
    uint8_t protocol = 0;
    bool closed = false;  // a short segment or one with PSH was the last
  };

  static uint64_t hostsOf(const Packet& packet);
  bool read(const Packet& packet, Segment& segment) const;
  static bool join(Held& held, const Packet& packet, const Segment& segment);

  const PortSegmentation kinds_;
  size_t count_ = 0;
  std::array<Held, kMost> held_;
};

}  // namespace platypus
