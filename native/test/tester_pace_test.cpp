#include "tester/pace.h"

#include <initializer_list>

#include "test/test.h"

namespace platypus::tester {
namespace {

TEST_CASE("a frame is due at the start, and then one each interval") {
  const Pace pace(1000);
  CHECK(pace.due(0) == 1);
  CHECK(pace.due(999'999) == 1);
  CHECK(pace.due(1'000'000) == 2);
  CHECK(pace.dueAt(0) == 0);
  CHECK(pace.dueAt(1) == 1'000'000);
}

TEST_CASE("at the time at which a frame is due it is due, and a moment before it is not") {
  for (const uint32_t rate : {1u, 3u, 7u, 64u, 999'983u, 1'488'095u, 4'000'000'000u}) {
    const Pace pace(rate);
    for (const uint64_t index :
         {uint64_t{1}, uint64_t{2}, uint64_t{12'345}, uint64_t{rate} * 3600 + 1}) {
      const uint64_t at = pace.dueAt(index);
      CAPTURE(rate);
      CAPTURE(index);
      CHECK(pace.due(at) > index);
      CHECK(pace.due(at - 1) <= index);
    }
  }
}

TEST_CASE("an hour at a rate is that many frames, without rounding that adds up") {
  CHECK(Pace(1'488'095).due(3600 * kSecond - 1) == uint64_t{1'488'095} * 3600);
}

TEST_CASE("without a rate all frames are due at once") {
  CHECK(Pace(0).due(0) == UINT64_MAX);
  CHECK(Pace(0).dueAt(1'000'000) == 0);
}

}  // namespace
}  // namespace platypus::tester
