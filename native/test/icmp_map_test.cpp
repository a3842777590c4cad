#include "siit/icmp_map.h"

#include <initializer_list>

#include "test/test.h"

namespace platypus {
namespace {

using Field = IcmpMapping::Field;

bool is(const IcmpMapping& mapping, int type, int code, Field field = Field::kNone,
        int pointer = 0) {
  return mapping.translatable && mapping.type == type && mapping.code == code &&
         mapping.field == field && mapping.pointer == pointer;
}
IcmpMapping to6(int type, int code, int pointer = 0) {
  return mapIcmpV4ToV6(static_cast<uint8_t>(type), static_cast<uint8_t>(code),
                       static_cast<uint8_t>(pointer));
}
IcmpMapping to4(int type, int code, uint32_t pointer = 0) {
  return mapIcmpV6ToV4(static_cast<uint8_t>(type), static_cast<uint8_t>(code), pointer);
}

TEST_CASE("SIIT-IC46-01 echo request 8 → 128, echo reply 0 → 129") {
  CHECK(is(to6(8, 0), 128, 0));
  CHECK(is(to6(0, 0), 129, 0));
}

TEST_CASE("SIIT-IC46-02 every other type but 3, 11 and 12 has no counterpart") {
  for (int type = 0; type < 256; ++type) {
    if (type == 0 || type == 3 || type == 8 || type == 11 || type == 12) continue;
    CAPTURE(type);
    for (const int code : {0, 1, 255}) CHECK_FALSE(to6(type, code).translatable);
  }
}

TEST_CASE("SIIT-IC46-04 unreachable 0, 1, 5, 6, 7, 8, 11, 12 → 1/0") {
  for (const int code : {0, 1, 5, 6, 7, 8, 11, 12}) CHECK(is(to6(3, code), 1, 0));
}
TEST_CASE("SIIT-IC46-05 protocol unreachable → 4/1 with pointer 6") {
  CHECK(is(to6(3, 2), 4, 1, Field::kPointer, 6));
}
TEST_CASE("SIIT-IC46-06 port unreachable → 1/4") {
  CHECK(is(to6(3, 3), 1, 4));
}
TEST_CASE("SIIT-IC46-07 fragmentation needed → 2/0 with an MTU") {
  CHECK(is(to6(3, 4), 2, 0, Field::kMtu));
}
TEST_CASE("SIIT-IC46-08 prohibited 9, 10, 13, 15 → 1/1") {
  for (const int code : {9, 10, 13, 15}) CHECK(is(to6(3, code), 1, 1));
}
TEST_CASE("SIIT-IC46-09 unreachable 14 and from 16 on is dropped") {
  CHECK_FALSE(to6(3, 14).translatable);
  for (int code = 16; code < 256; ++code) CHECK_FALSE(to6(3, code).translatable);
}
TEST_CASE("SIIT-IC46-10 time exceeded keeps its code; codes above 1 do not exist") {
  CHECK(is(to6(11, 0), 3, 0));
  CHECK(is(to6(11, 1), 3, 1));
  CHECK_FALSE(to6(11, 2).translatable);
}
TEST_CASE("SIIT-IC46-11 parameter problem 0 and 2 → 4/0, other codes dropped") {
  CHECK(is(to6(12, 0, 0), 4, 0, Field::kPointer, 0));
  CHECK(is(to6(12, 2, 0), 4, 0, Field::kPointer, 0));
  CHECK_FALSE(to6(12, 1, 0).translatable);
  CHECK_FALSE(to6(12, 3, 0).translatable);
}
TEST_CASE("SIIT-IC46-12 pointers by RFC 7915 figure 3; others drop the message") {
  constexpr int kMapped[20] = {0,  1,  4, 4, -1, -1, -1, -1, 7,  6,
                               -1, -1, 8, 8, 8,  8,  24, 24, 24, 24};
  for (int pointer = 0; pointer < 256; ++pointer) {
    CAPTURE(pointer);
    const int expected = pointer < 20 ? kMapped[pointer] : -1;
    const IcmpMapping mapping = to6(12, 0, pointer);
    CHECK(mapping.translatable == (expected >= 0));
    if (expected >= 0) CHECK(mapping.pointer == expected);
  }
}

TEST_CASE("SIIT-IC64-01 echo request 128 → 8, echo reply 129 → 0") {
  CHECK(is(to4(128, 0), 8, 0));
  CHECK(is(to4(129, 0), 0, 0));
}
TEST_CASE("SIIT-IC64-02 every other informational type has no counterpart") {
  for (int type = 130; type < 256; ++type) {
    CAPTURE(type);
    CHECK_FALSE(to4(type, 0).translatable);
  }
}
TEST_CASE("SIIT-IC64-03 unreachable 0, 2, 3 → 3/1") {
  for (const int code : {0, 2, 3}) CHECK(is(to4(1, code), 3, 1));
}
TEST_CASE("SIIT-IC64-04 prohibited 1/1 → 3/10") {
  CHECK(is(to4(1, 1), 3, 10));
}
TEST_CASE("SIIT-IC64-05 port unreachable 1/4 → 3/3") {
  CHECK(is(to4(1, 4), 3, 3));
}
TEST_CASE("SIIT-IC64-06 unreachable from 5 on is dropped") {
  for (int code = 5; code < 256; ++code) CHECK_FALSE(to4(1, code).translatable);
}
TEST_CASE("SIIT-IC64-07 packet too big, of whatever code, → 3/4 with an MTU") {
  for (const int code : {0, 1, 255}) CHECK(is(to4(2, code), 3, 4, Field::kMtu));
}
TEST_CASE("SIIT-IC64-08 time exceeded keeps its code; codes above 1 do not exist") {
  CHECK(is(to4(3, 0), 11, 0));
  CHECK(is(to4(3, 1), 11, 1));
  CHECK_FALSE(to4(3, 2).translatable);
}
TEST_CASE("SIIT-IC64-09 parameter problem 4/0 → 12/0 with a pointer") {
  CHECK(is(to4(4, 0, 6), 12, 0, Field::kPointer, 9));
}
TEST_CASE("SIIT-IC64-10 unknown next header 4/1 → 3/2 without a pointer") {
  CHECK(is(to4(4, 1, 6), 3, 2));
}
TEST_CASE("SIIT-IC64-11 other parameter problems and unknown errors are dropped") {
  for (int code = 2; code < 256; ++code) CHECK_FALSE(to4(4, code, 0).translatable);
  CHECK_FALSE(to4(0, 0).translatable);
  for (int type = 5; type < 128; ++type) CHECK_FALSE(to4(type, 0).translatable);
}
TEST_CASE("SIIT-IC64-12 pointers by RFC 7915 figure 6; others drop the message") {
  const auto expected = [](uint32_t pointer) {
    if (pointer <= 1) return static_cast<int>(pointer);
    if (pointer == 4 || pointer == 5) return 2;
    if (pointer == 6) return 9;
    if (pointer == 7) return 8;
    if (pointer >= 8 && pointer <= 23) return 12;
    if (pointer >= 24 && pointer <= 39) return 16;
    return -1;
  };
  for (uint32_t pointer = 0; pointer < 300; ++pointer) {
    CAPTURE(pointer);
    const IcmpMapping mapping = to4(4, 0, pointer);
    CHECK(mapping.translatable == (expected(pointer) >= 0));
    if (mapping.translatable) CHECK(mapping.pointer == expected(pointer));
  }
  // All 32 bits count.
  CHECK_FALSE(to4(4, 0, 0x100).translatable);
  CHECK_FALSE(to4(4, 0, 0x80000000).translatable);
}

}  // namespace
}  // namespace platypus
