// What was decided about a packet: pass, or drop with the counter that names the reason and, where
// an RFC asks for one, the ICMP error that its sender gets.
#pragma once

#include <cstdint>

#include "packet/counter.h"

namespace platypus {

/// Eight bytes, so that it travels in a register.
struct [[nodiscard]] Verdict {
  bool pass = true;
  /// ICMP error of the packet's own family to answer with; type 0 for none.
  uint8_t type = 0;
  uint8_t code = 0;
  Counter reason = Counter::kCount;
  uint32_t value = 0;  // MTU or pointer

  bool asksForError() const { return type != 0; }

  static constexpr Verdict accept() { return {}; }
  static constexpr Verdict drop(Counter reason) { return {false, 0, 0, reason, 0}; }
  static constexpr Verdict refuse(Counter reason, uint8_t type, uint8_t code, uint32_t value = 0) {
    return {false, type, code, reason, value};
  }
};
static_assert(sizeof(Verdict) == 8);

}  // namespace platypus
