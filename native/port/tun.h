// A TUN device as a port.
//
// Ownership: a TunPort is one queue of a device; the worker it is handed to is the only one to call
// it, except wake(). The device is not persistent: the kernel removes it, with its addresses and
// routes, when its last queue is closed, even by kill -9.
#pragma once

#include <net/if.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "port/port.h"
#include "port/slots.h"

namespace platypus {

/// What the kernel agreed to leave to us, and to do for us.
struct TunCapabilities {
  bool checksum = false;  // partial checksums in both directions
  bool tso = false;       // TCP super-packets, both families, ECN included
  bool uso = false;       // UDP super-packets, both families (Linux 6.2)
};

/// Packets a TunPort lost by itself; plain counters that the worker reads on its own thread.
struct TunStats {
  uint64_t short_read = 0;       // less than a virtio header and one byte
  uint64_t oversize = 0;         // longer than kMaxPacket
  uint64_t unknown_gso = 0;      // a gso_type that was not asked for
  uint64_t bad_offload = 0;      // received: offsets past the packet; sent: GSO without checksum
  uint64_t send_queue_full = 0;  // EAGAIN, ENOBUFS, ENOMEM
  uint64_t send_error = 0;       // refused: EIO (device down), EINVAL and others
};

/// How much offload to ask the kernel for; it may give less.
enum class OffloadLevel : uint8_t { kNone, kChecksum, kTso, kAll };

class TunPort final : public Port {
 public:
  struct Options {
    /// Queues the device is to have. Above one, add them with openQueue().
    uint16_t queues = 1;
    /// Largest burst, 1..64; each slot takes Slots::kStride bytes.
    uint16_t slots = 64;
    OffloadLevel offload = OffloadLevel::kAll;
  };

  /// An opened port, or the errno and the name of the call that failed.
  struct Opened {
    std::unique_ptr<TunPort> port;
    int error = 0;
    const char* syscall = "";
  };

  /// Creates the TUN device `name` (the kernel fills in a "%d") and opens its first queue.
  ///
  /// Errors: EBUSY when a device of that name exists, of whatever kind, persistent or not; EPERM
  /// without CAP_NET_ADMIN; ENOENT or ENODEV without /dev/net/tun; EINVAL for a name that no
  /// device can have; ENOMEM. Documentation/networking/tuntap.rst.
  static Opened open(std::string_view name, const Options& options);

  /// Opens one more queue of the same device, for one more worker. Needs Options::queues > 1.
  Opened openQueue() const;

  /// Lets a program choose the queue for each packet that the kernel sends to the device:
  /// `program` is the file descriptor of a BPF socket filter. 0 or an errno (EINVAL before Linux
  /// 4.16). For the whole device.
  int steer(int program);

  ~TunPort() override;
  TunPort(const TunPort&) = delete;
  TunPort& operator=(const TunPort&) = delete;

  size_t receive(std::span<Packet> packets) override;
  bool send(Packet& packet) override;
  PortSegmentation segmentation() const override {
    return {.tcp = capabilities_.tso, .udp = capabilities_.uso};
  }
  PortLosses losses() const override {
    return {stats_.short_read + stats_.oversize + stats_.unknown_gso + stats_.bad_offload,
            stats_.send_queue_full, stats_.send_error};
  }
  void wait(int timeoutMs) override;
  void wake() override;

  /// The name that the kernel gave the device.
  std::string_view name() const { return name_; }
  const TunCapabilities& capabilities() const { return capabilities_; }
  const TunStats& stats() const { return stats_; }
  /// True once the device was deleted under us (`ip link del`). Nothing arrives any more; wait()
  /// then waits for wake() and the time-out only.
  bool gone() const override { return gone_; }

 private:
  TunPort() = default;
  static Opened openNamed(std::string_view name, const Options& options, bool first);
  bool readOne(Packet& packet, std::byte* slot, bool& drained);

  int tun_fd_ = -1;
  int wake_fd_ = -1;
  bool gone_ = false;
  Slots slots_;
  TunStats stats_;
  TunCapabilities capabilities_;
  Options options_;
  char name_[IFNAMSIZ] = {};
};

}  // namespace platypus
