// All BFD sessions of a process, on a thread of their own: a control plane that is busy for seconds
// must not look like one that is dead (see README.md).
//
// Ownership: the table, its sessions and sockets are under one lock, which the thread holds while
// it works, never while it waits, and a caller for the length of a call. Only the thread receives;
// it sends, as do close() and nobody else.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "bfd/session.h"
#include "socket/address.h"
#include "socket/descriptor.h"
#include "socket/receive_batch.h"

namespace platypus::bfd {

struct SessionOptions {
  HostAddress remote;
  /// Source of what is sent; absent: the kernel chooses.
  std::optional<HostAddress> local = {};
  /// Interface or VRF device, empty for any; needed for link-local addresses.
  std::string device = {};
  Timing timing;
};

struct SessionRow {
  uint32_t id = 0;
  SessionOptions options;
  State state = State::kDown;
  Diagnostic diagnostic = Diagnostic::kNone;
  State remote_state = State::kDown;
  Diagnostic remote_diagnostic = Diagnostic::kNone;
  uint32_t local_discriminator = 0;
  uint32_t remote_discriminator = 0;
  uint64_t send_interval_us = 0;
  uint64_t detection_time_us = 0;
  uint64_t received = 0;
  uint64_t sent = 0;
  /// Of `received`, without effect as the session is AdminDown.
  uint64_t dropped = 0;
  /// Of the epoch; absent while not Up.
  std::optional<uint64_t> up_since_ms = {};
  uint32_t transitions = 0;
};

struct Change {
  uint32_t id = 0;
  State state = State::kDown;
  Diagnostic diagnostic = Diagnostic::kNone;
  State remote_state = State::kDown;
  friend bool operator==(const Change&, const Change&) = default;
};

/// Packets of all sessions. After `send_failed`: discarded, and why.
struct Counters {
  uint64_t received = 0;
  uint64_t sent = 0;
  uint64_t send_failed = 0;
  uint64_t hop_limit = 0;
  uint64_t version = 0;
  uint64_t length = 0;
  uint64_t multiplier = 0;
  uint64_t multipoint = 0;
  uint64_t discriminator = 0;
  uint64_t authentication = 0;
  uint64_t unknown_session = 0;
};

class Engine {
 public:
  static constexpr size_t kMostSessions = 256;

  struct Opened {
    std::unique_ptr<Engine> engine;
    int error = 0;
    const char* syscall = "";
  };

  /// Starts the thread. EMFILE, ENOMEM, EAGAIN.
  static Opened open();
  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  struct Added {
    uint32_t id = 0;
    int error = 0;
    const char* syscall = "";
  };

  /// Starts a session, with sockets of the calling thread's network namespace. EEXIST: there is one
  /// to this neighbour on this device; ENOSPC: the table is full; EINVAL: a timing beyond bounds,
  /// two families, a link-local address without device; EBADF: closed; ENODEV, EADDRNOTAVAIL,
  /// EADDRINUSE, EPERM as openReceiver() and openSender() say.
  Added add(const SessionOptions& options);

  // 0; ENOENT for an id that is none; EINVAL for a timing beyond bounds.
  int change(uint32_t id, const Timing& timing);
  int adminDown(uint32_t id);
  /// It is gone from sessions() at once. The neighbour is told AdminDown for a Detection Time.
  int remove(uint32_t id);

  std::vector<SessionRow> sessions();
  Counters counters();

  /// Readable while there are changes to take; -1 after close().
  int changesFd() const { return changes_.fd(); }
  /// What changed since the last call, for each session its state now, after a fall from Up that it
  /// has got over since.
  std::vector<Change> takeChanges();

  /// Tells every neighbour AdminDown, once, and ends the thread.
  void close();

 private:
  struct Receiver;
  struct Entry;

  Engine();
  void run();
  void work(int fd, uint64_t nowUs);
  void drain(Receiver& receiver, uint64_t nowUs);
  void take(Receiver& receiver, size_t slot, uint64_t nowUs);
  void countDiscard(Discard why);
  Entry* byDiscriminator(uint32_t discriminator);
  Entry* byNeighbor(const Receiver& receiver, const HostAddress& from);
  Entry* byId(uint32_t id);
  void advance(uint64_t nowUs);
  void send(Entry& entry, const Packet& packet);
  void settle(Entry& entry);
  void erase(size_t slot);
  void arm();
  void wake();
  Added place(const SessionOptions& options, size_t slot);
  Receiver* receiverFor(int family, const std::string& device, Added& failure);

  Descriptor epoll_;
  Descriptor timer_;
  Descriptor wake_;
  Descriptor changes_;
  ReceiveBatch batch_;
  std::thread thread_;

  std::mutex lock_;
  // All below is under the lock.
  bool stopping_ = false;
  bool told_ = false;
  uint32_t next_id_ = 1;
  std::array<std::unique_ptr<Entry>, kMostSessions> entries_;
  std::vector<std::unique_ptr<Receiver>> receivers_;
  std::set<uint16_t> ports_;
  Counters counters_;
};

}  // namespace platypus::bfd
