// Unit tests of the core: doctest's TEST_CASE, CHECK and REQUIRE, plus a skip that is told.
//
//   TEST_CASE("SIIT-ADDR-03 a /40 prefix leaves byte 8 zero") {
//     CHECK(embed(prefix, address) == expected);
//   }
//
// A file named native/test/<topic>_test.cpp is picked up by itself. `platypus_tests -tc="SIIT-*"`
// runs some; `-o=FILE` writes the report to a file. The report is one line a test (see main.cpp).
#pragma once

#include <doctest/doctest.h>

namespace platypus::test {

/// Marks the running test as skipped. Use SKIP, which also leaves the test.
void markSkipped(const char* reason);

}  // namespace platypus::test

/// Ends the test here and reports `ok NAME # SKIP reason`. A macro because it must return from the
/// test that uses it.
#define SKIP(reason)                       \
  do {                                     \
    ::platypus::test::markSkipped(reason); \
    return;                                \
  } while (false)
