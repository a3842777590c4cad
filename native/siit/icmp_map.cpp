#include "siit/icmp_map.h"

#include "packet/icmp4.h"
#include "packet/icmp6.h"

namespace platypus {
namespace {

using Field = IcmpMapping::Field;

constexpr uint8_t kNoPointer = 0xff;

// RFC 7915 figure 3, by IPv4 header octet.
constexpr uint8_t kPointerV4ToV6[20] = {
    0,          1,          4, 4, kNoPointer, kNoPointer, kNoPointer, kNoPointer, 7,  6,
    kNoPointer, kNoPointer, 8, 8, 8,          8,          24,         24,         24, 24};

IcmpMapping to(uint8_t type, uint8_t code, Field field = Field::kNone, uint8_t pointer = 0) {
  return {true, type, code, field, pointer};
}

IcmpMapping mapUnreachableV4(uint8_t code) {
  switch (code) {
    case 0:
    case 1:
    case 5:
    case 6:
    case 7:
    case 8:
    case 11:
    case 12:
      return to(icmp6::kUnreachable, icmp6::kNoRoute);
    case 2:
      // The pointer names the IPv6 Next Header field.
      return to(icmp6::kParameterProblem, 1, Field::kPointer, 6);
    case 3:
      return to(icmp6::kUnreachable, icmp6::kPortUnreachable);
    case 4:
      return to(icmp6::kPacketTooBig, 0, Field::kMtu);
    case 9:
    case 10:
    case 13:
    case 15:
      return to(icmp6::kUnreachable, icmp6::kProhibited);
    default:
      return {};
  }
}

// RFC 7915 figure 6, by IPv6 header octet.
uint8_t pointerV6ToV4(uint32_t pointer) {
  if (pointer >= 24 && pointer < 40) return 16;
  if (pointer >= 8 && pointer < 24) return 12;
  switch (pointer) {
    case 0:
      return 0;
    case 1:
      return 1;
    case 4:
    case 5:
      return 2;
    case 6:
      return 9;
    case 7:
      return 8;
    default:
      return kNoPointer;
  }
}

}  // namespace

IcmpMapping mapIcmpV4ToV6(uint8_t type, uint8_t code, uint8_t pointer) {
  switch (type) {
    case icmp4::kEchoRequest:
      return code == 0 ? to(icmp6::kEchoRequest, 0) : IcmpMapping{};
    case icmp4::kEchoReply:
      return code == 0 ? to(icmp6::kEchoReply, 0) : IcmpMapping{};
    case icmp4::kUnreachable:
      return mapUnreachableV4(code);
    case icmp4::kTimeExceeded:
      return code <= 1 ? to(icmp6::kTimeExceeded, code) : IcmpMapping{};
    case icmp4::kParameterProblem: {
      if (code != 0 && code != 2) return {};
      const uint8_t mapped = pointer < sizeof kPointerV4ToV6 ? kPointerV4ToV6[pointer] : kNoPointer;
      if (mapped == kNoPointer) return {};
      return to(icmp6::kParameterProblem, 0, Field::kPointer, mapped);
    }
    default:
      return {};
  }
}

IcmpMapping mapIcmpV6ToV4(uint8_t type, uint8_t code, uint32_t pointer) {
  switch (type) {
    case icmp6::kEchoRequest:
      return code == 0 ? to(icmp4::kEchoRequest, 0) : IcmpMapping{};
    case icmp6::kEchoReply:
      return code == 0 ? to(icmp4::kEchoReply, 0) : IcmpMapping{};
    case icmp6::kUnreachable:
      switch (code) {
        case 0:
        case 2:
        case 3:
          return to(icmp4::kUnreachable, icmp4::kHostUnreachable);
        case 1:
          return to(icmp4::kUnreachable, 10);  // communication with host prohibited
        case 4:
          return to(icmp4::kUnreachable, icmp4::kPortUnreachable);
        default:
          return {};
      }
    case icmp6::kPacketTooBig:
      return to(icmp4::kUnreachable, icmp4::kFragmentationNeeded, Field::kMtu);
    case icmp6::kTimeExceeded:
      return code <= 1 ? to(icmp4::kTimeExceeded, code) : IcmpMapping{};
    case icmp6::kParameterProblem: {
      if (code == 1) return to(icmp4::kUnreachable, icmp4::kProtocolUnreachable);
      if (code != 0) return {};
      const uint8_t mapped = pointerV6ToV4(pointer);
      if (mapped == kNoPointer) return {};
      return to(icmp4::kParameterProblem, 0, Field::kPointer, mapped);
    }
    default:
      return {};
  }
}

}  // namespace platypus
