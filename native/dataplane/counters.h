// The names and meanings of the counters, for people.
#pragma once

#include <span>

#include "packet/counter.h"

namespace platypus {

struct CounterInfo {
  const char* name;     // dotted and stable
  const char* explain;  // one sentence
};

/// In the order of `Counter`.
std::span<const CounterInfo> counterInfos();

}  // namespace platypus
