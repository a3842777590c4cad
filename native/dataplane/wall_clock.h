// The time of day, for records that people read. Nothing that is decided depends on it.
#pragma once

#include <time.h>

#include <cstdint>

namespace platypus {

/// Milliseconds since 1970.
inline uint64_t wallClockMs() {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1000 + static_cast<uint64_t>(now.tv_nsec) / 1'000'000;
}

}  // namespace platypus
