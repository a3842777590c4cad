// What the table holds, for the two halves of the engine.
#pragma once

#include <unistd.h>

#include <chrono>

#include "bfd/engine.h"

namespace platypus::bfd {

/// The engine's clock, microseconds; that of CLOCK_MONOTONIC.
inline uint64_t nowUs() {
  using namespace std::chrono;
  return static_cast<uint64_t>(
      duration_cast<microseconds>(steady_clock::now().time_since_epoch()).count());
}

/// Adds to an eventfd, and takes all out of it or of a timerfd.
inline void ring(const Descriptor& event) {
  const uint64_t one = 1;
  (void)!write(event.fd(), &one, sizeof one);
}

inline void clear(int fd) {
  uint64_t count;
  (void)!read(fd, &count, sizeof count);
}

struct Engine::Receiver {
  int family;
  std::string device;
  Descriptor socket;
  size_t users = 0;
};

struct Engine::Entry {
  Change now() const { return {id, session.state(), session.diagnostic(), session.remoteState()}; }

  uint32_t id;
  SessionOptions options;
  Session session;
  Receiver* receiver;
  Descriptor sender;
  uint16_t port;
  SocketAddress to;
  bool point_to_point;
  uint64_t received = 0;
  uint64_t sent = 0;
  uint64_t dropped = 0;
  std::optional<uint64_t> up_since_ms = {};
  // Removed by the user; what is left is to tell the neighbour until then.
  uint64_t gone_us = Session::kNever;
  // As takeChanges() told it last, and a fall from Up since.
  Change told;
  std::optional<Change> fell = {};
};

}  // namespace platypus::bfd
