// Clocks of the tester, in ns.
#pragma once

#include <time.h>

#include <cstdint>

namespace platypus::tester {

inline uint64_t nowOf(clockid_t clock) {
  timespec now{};
  clock_gettime(clock, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(now.tv_nsec);
}
/// For pacing.
inline uint64_t monotonicNow() {
  return nowOf(CLOCK_MONOTONIC);
}
/// For stamps: what the kernel stamps received frames with.
inline uint64_t wallNow() {
  return nowOf(CLOCK_REALTIME);
}
/// CPU time of the calling thread.
inline uint64_t threadCpu() {
  return nowOf(CLOCK_THREAD_CPUTIME_ID);
}

}  // namespace platypus::tester
