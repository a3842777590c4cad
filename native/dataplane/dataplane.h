// A TUN device with the worker threads on it.
//
//   control thread ──put()──▶ inbox ──▶ worker thread ──▶ outbox ──notify()──▶ control thread
//
// Ownership: all functions belong to the control thread, but for run() on a worker's.
#pragma once

#include <pthread.h>

#include <atomic>
#include <memory>
#include <string_view>
#include <vector>

#include "dataplane/request.h"
#include "dataplane/worker.h"
#include "port/tun.h"

namespace platypus {

class Dataplane {
 public:
  struct Options {
    std::string_view device;
    uint16_t workers = 1;
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
  ~Dataplane();

  /// Starts the threads, once. 0 or an errno.
  int start();
  /// Ends the threads and closes the device. Requests that were not answered are destroyed.
  void stop();
  /// True while every worker's thread runs and its device is there.
  bool alive() const;

  size_t workers() const { return lanes_.size(); }
  void ask(size_t worker, std::unique_ptr<Request> request);
  /// A finished request of any worker; null when there is none.
  std::unique_ptr<Request> answer();

  std::string_view device() const { return lanes_.front()->port->name(); }
  const TunCapabilities& capabilities() const { return lanes_.front()->port->capabilities(); }
  /// The sum over the workers, in the order of Counter.
  void readCounters(std::array<uint64_t, kCounters>& sums) const;

 private:
  /// What one worker's thread uses; on cache lines of its own.
  struct alignas(64) Lane {
    std::unique_ptr<TunPort> port;
    std::unique_ptr<Worker> worker;
    RequestQueue inbox;
    RequestQueue outbox;
    std::atomic<bool> stopping{false};
    std::atomic<bool> running{false};
    pthread_t thread{};
    bool started = false;
    const Dataplane* dataplane = nullptr;
  };

  Dataplane() = default;
  static void* run(void* lane);

  std::vector<std::unique_ptr<Lane>> lanes_;
  void (*notify_)(void*) = nullptr;
  void* context_ = nullptr;
};

}  // namespace platypus
