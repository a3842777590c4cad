// Delays of a trial in a few numbers (RFC 8219 §7.2 and §7.3).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace platypus::tester {

/// All times in ns; all zero when nothing arrived.
struct DelaySummary {
  /// Frames whose delay was taken.
  uint64_t count = 0;
  uint32_t least = 0;
  /// RFC 8219 §7.2: typical latency.
  uint32_t median = 0;
  /// RFC 8219 §7.2: worst-case latency; less `least` it is the PDV (§7.3.1).
  uint32_t p999 = 0;
  uint32_t most = 0;
  double mean = 0;
  /// RFC 8219 §7.3.2, RFC 5481 §4.1: the change from a frame to the one sent next. Pairs that both
  /// arrived; the largest fall, the median, the largest rise.
  uint64_t pairs = 0;
  int64_t ipdv_least = 0;
  int64_t ipdv_median = 0;
  int64_t ipdv_most = 0;
};

/// The value below or at which `share` (0..1) of sorted values lie (nearest rank). Not of an empty
/// list.
template <typename T>
T percentile(std::span<const T> sorted, double share) {
  const double rank = share * static_cast<double>(sorted.size());
  auto at = static_cast<size_t>(rank);
  if (static_cast<double>(at) < rank) ++at;
  if (at == 0) at = 1;
  return sorted[at > sorted.size() ? sorted.size() - 1 : at - 1];
}

/// `delays` in the order of sending, 0 for a frame that did not arrive; sorted on return. IPDV is
/// taken only when `adjacent`: the list then holds every frame. False when memory is short.
bool summarize(std::span<uint32_t> delays, bool adjacent, DelaySummary& summary);

}  // namespace platypus::tester
