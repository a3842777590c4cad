// The worker threads, each with its port: the queues of a TUN device.
//
//   control thread ──put()──▶ inbox ──▶ worker thread ──▶ outbox ──notify()──▶ control thread
//
// Ownership: all functions belong to the control thread, but for run() on a worker's.
#pragma once

#include <pthread.h>

#include <atomic>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "dataplane/handover.h"
#include "dataplane/owners.h"
#include "dataplane/request.h"
#include "dataplane/worker.h"
#include "port/tun.h"

namespace platypus {

class Dataplane {
 public:
  struct Options {
    std::string_view device;
    OffloadLevel offload = OffloadLevel::kAll;
    uint16_t workers = 1;  // at most Owners::kMost
    /// Leading bits of an IPv6 address that name a subscriber, who has one worker.
    uint8_t subscriber_bits = 64;
    /// The processor of each worker; empty: the kernel's choice.
    std::vector<uint16_t> cpus;
    Mode mode = Mode::kNat64;
    Nat64Limits limits;  // of all workers together
    std::shared_ptr<const Config> config;
    /// Called on a worker's thread when its outbox has something; must not block.
    void (*notify)(void* context) = nullptr;
    void* context = nullptr;
  };
  struct Opened {
    std::unique_ptr<Dataplane> dataplane;
    int error = 0;
    const char* syscall = "";
  };
  /// Opens the device and takes all memory. Errors as TunPort::open(), ENOMEM for the tables.
  static Opened open(const Options& options);
  /// The same on ports that are there, one for each worker; `device` is not used.
  static Opened open(const Options& options, std::vector<std::unique_ptr<Port>> ports);
  ~Dataplane();

  /// Starts the threads, once. 0 or an errno: EINVAL for a processor that is not there.
  int start();
  /// Ends the threads and closes the device. Requests that were not answered are destroyed.
  void stop();
  /// True while every worker's thread runs and its device is there.
  bool alive() const;

  size_t workers() const { return lanes_.size(); }
  void ask(size_t worker, std::unique_ptr<Request> request);
  /// A finished request of any worker; null when there is none.
  std::unique_ptr<Request> answer();

  const Owners& owners() const { return owners_; }
  std::string_view device() const { return device_; }
  const TunCapabilities& capabilities() const { return capabilities_; }
  /// True when the kernel brings packets to their owners; otherwise workers hand them over.
  bool isSteered() const { return steered_; }
  /// The sum over the workers, in the order of Counter.
  void readCounters(std::array<uint64_t, kCounters>& sums) const;

 private:
  /// What one worker's thread uses; on cache lines of its own.
  struct alignas(64) Lane {
    std::unique_ptr<Port> port;
    std::unique_ptr<Worker> worker;
    RequestQueue inbox;
    RequestQueue outbox;
    std::atomic<bool> stopping{false};
    std::atomic<bool> running{false};
    pthread_t thread{};
    bool started = false;
    uint16_t index = 0;
    Dataplane* dataplane = nullptr;
  };

  explicit Dataplane(const Owners& owners) : owners_(owners) {}
  int addLane(const Options& options, std::unique_ptr<Port> port, uint64_t identification_secret);
  int startThread(Lane& lane);
  void sleep(Lane& lane);
  static void* run(void* lane);

  const Owners owners_;
  std::unique_ptr<Handover> handover_;  // where there are several workers
  std::vector<std::unique_ptr<Lane>> lanes_;
  std::vector<uint16_t> cpus_;
  std::string device_;
  TunCapabilities capabilities_;
  bool steered_ = false;
  void (*notify_)(void*) = nullptr;
  void* context_ = nullptr;
};

}  // namespace platypus
