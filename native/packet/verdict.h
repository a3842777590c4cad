// What was decided about a packet: pass, or drop with the counter that names the reason and, where
// an RFC asks for one, the ICMP error that its sender gets.
#pragma once

#include <cstdint>

#include "packet/counter.h"

namespace platypus {

struct [[nodiscard]] Verdict {
  bool pass = true;
  bool error = false;  // send an ICMP error of the packet's own family
  uint8_t type = 0;
  uint8_t code = 0;
  Counter reason = Counter::kCount;
  uint32_t value = 0;  // MTU or pointer

  static constexpr Verdict accept() { return {}; }
  static constexpr Verdict drop(Counter reason) { return {false, false, 0, 0, reason, 0}; }
  static constexpr Verdict refuse(Counter reason, uint8_t type, uint8_t code, uint32_t value = 0) {
    return {false, true, type, code, reason, value};
  }
};

}  // namespace platypus
