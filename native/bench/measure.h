// Rounds of a measurement and their spread.
#pragma once

#include <algorithm>
#include <utility>
#include <vector>

namespace platypus {

struct Spread {
  double least;
  double median;
  double most;
};

inline Spread spreadOf(std::vector<double> results) {
  std::sort(results.begin(), results.end());
  return {results.front(), results[results.size() / 2], results.back()};
}

/// Calls `round` once to warm caches and branch predictors, then `rounds` times for its result.
template <typename Round>
Spread measure(int rounds, Round&& round) {
  (void)round();
  std::vector<double> times;
  for (int i = 0; i < rounds; ++i) times.push_back(round());
  return spreadOf(std::move(times));
}

}  // namespace platypus
