// Rounds of a measurement and their spread.
#pragma once

#include <algorithm>
#include <vector>

namespace platypus {

struct Spread {
  double least;
  double median;
  double most;
};

/// Calls `round` once to warm caches and branch predictors, then `rounds` times for its result.
template <typename Round>
Spread measure(int rounds, Round&& round) {
  (void)round();
  std::vector<double> times;
  for (int i = 0; i < rounds; ++i) times.push_back(round());
  std::sort(times.begin(), times.end());
  return {times.front(), times[times.size() / 2], times.back()};
}

}  // namespace platypus
