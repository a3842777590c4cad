// A port is where packets come from and go to: a TUN device, or memory for tests and tools.
// A worker owns its port; all calls come from the worker's thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "packet/packet.h"

namespace platypus {

/// Packets a port lost by itself since it was opened.
struct PortLosses {
  uint64_t read = 0;        // unusable as received
  uint64_t queue_full = 0;  // the other end did not keep up
  uint64_t refused = 0;     // not accepted for another reason
};

/// Super-packets that a port takes apart by itself.
struct PortSegmentation {
  bool tcp = false;
  bool udp = false;
};

class Port {
 public:
  virtual ~Port() = default;

  virtual PortSegmentation segmentation() const { return {}; }

  /// Fills up to packets.size() packets that are ready now; never waits. Each Packet brings its own
  /// slot. Returns how many were filled; 0 when none was ready.
  virtual size_t receive(std::span<Packet> packets) = 0;

  /// Sends one IP packet with its offload fields. May write into the packet's headroom. Returns
  /// false when the packet was lost (queue full, refused by the kernel); the caller counts it.
  virtual bool send(Packet& packet) = 0;

  virtual PortLosses losses() const { return {}; }

  /// True once the port can bring no more packets, because its device was deleted.
  virtual bool gone() const { return false; }

  /// Waits until a packet is ready, wake() was called, or `timeoutMs` passed.
  virtual void wait(int timeoutMs) = 0;

  /// Ends a wait() now or makes the next one return at once. May be called from any thread.
  virtual void wake() = 0;
};

}  // namespace platypus
