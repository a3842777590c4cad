#include "tester/delays.h"

#include <algorithm>

#include "nat64/huge_array.h"

namespace platypus::tester {
namespace {

bool summarizePairs(std::span<const uint32_t> delays, DelaySummary& summary) {
  HugeArray<int64_t> changes(delays.size(), HugeArray<int64_t>::Take::kNow);
  if (!changes.ok()) return false;
  size_t count = 0;
  for (size_t i = 1; i < delays.size(); ++i) {
    if (delays[i - 1] == 0 || delays[i] == 0) continue;
    changes[count++] = int64_t{delays[i]} - int64_t{delays[i - 1]};
  }
  if (count == 0) return true;
  std::sort(changes.data(), changes.data() + count);
  summary.pairs = count;
  summary.ipdv_least = changes[0];
  summary.ipdv_median = percentile<int64_t>({changes.data(), count}, 0.5);
  summary.ipdv_most = changes[count - 1];
  return true;
}

}  // namespace

bool summarize(std::span<uint32_t> delays, bool adjacent, DelaySummary& summary) {
  summary = {};
  if (adjacent && !summarizePairs(delays, summary)) return false;
  std::sort(delays.begin(), delays.end());
  const auto first = std::upper_bound(delays.begin(), delays.end(), 0u);
  const std::span<const uint32_t> arrived(first, delays.end());
  if (arrived.empty()) return true;
  summary.count = arrived.size();
  summary.least = arrived.front();
  summary.median = percentile(arrived, 0.5);
  summary.p999 = percentile(arrived, 0.999);
  summary.most = arrived.back();
  double sum = 0;
  for (const uint32_t delay : arrived) sum += delay;
  summary.mean = sum / static_cast<double>(arrived.size());
  return true;
}

}  // namespace platypus::tester
