// ICMP types, codes and pointers in both directions (RFC 7915 §4.2 and §5.2).
#pragma once

#include <cstdint>

namespace platypus {

/// What a message becomes in the other family.
struct IcmpMapping {
  enum class Field : uint8_t {
    kNone,     // the second word is zero, but for an RFC 4884 length
    kMtu,      // translate the MTU (mtu.h)
    kPointer,  // `pointer` is the translated pointer
  };
  bool translatable = false;
  uint8_t type = 0;
  uint8_t code = 0;
  Field field = Field::kNone;
  uint8_t pointer = 0;
};

/// ICMPv4 to ICMPv6. `pointer` is the message's fifth byte (used for type 12 only).
IcmpMapping mapIcmpV4ToV6(uint8_t type, uint8_t code, uint8_t pointer);
/// ICMPv6 to ICMPv4. `pointer` is the message's second word (used for type 4 only).
IcmpMapping mapIcmpV6ToV4(uint8_t type, uint8_t code, uint32_t pointer);

}  // namespace platypus
