#include "tester/arrivals.h"

#include "test/test.h"
#include "tester/delays.h"

namespace platypus::tester {
namespace {

Tag numbered(uint32_t sequence, uint64_t stamp = 0) {
  return {.sequence = sequence, .stamp = stamp};
}

TEST_CASE("each frame counts once; another of the same number is a duplicate") {
  Arrivals arrivals(100, 0);
  REQUIRE(arrivals.ok());
  CHECK(arrivals.count(numbered(3), 0) == Arrivals::Kind::kFirst);
  CHECK(arrivals.count(numbered(3), 0) == Arrivals::Kind::kDuplicate);
  CHECK(arrivals.received == 1);
  CHECK(arrivals.duplicates == 1);
  CHECK(arrivals.has(3));
  CHECK_FALSE(arrivals.has(2));
}

TEST_CASE("a frame after a later one is reordered, a gap is not (RFC 4737 §3)") {
  Arrivals arrivals(100, 0);
  for (const uint32_t sequence : {0u, 2u, 1u, 5u, 6u, 3u}) {
    (void)arrivals.count(numbered(sequence), 0);
  }
  CHECK(arrivals.received == 6);
  CHECK(arrivals.reordered == 2);
}

TEST_CASE("a number that was never sent is not counted") {
  Arrivals arrivals(64, 0);
  CHECK(arrivals.count(numbered(64), 0) == Arrivals::Kind::kOutside);
  CHECK(arrivals.count(numbered(UINT32_MAX), 0) == Arrivals::Kind::kOutside);
  CHECK(arrivals.received == 0);
}

TEST_CASE("delays are taken evenly when there are more frames than samples") {
  Arrivals arrivals(10, 4);
  REQUIRE(arrivals.every() == 3);
  for (uint32_t sequence = 0; sequence < 10; ++sequence) {
    (void)arrivals.count(numbered(sequence, 1000), 1000 + 10 * sequence);
  }
  REQUIRE(arrivals.delays().size() == 4);
  CHECK(arrivals.delays()[1] == 30);
  CHECK(arrivals.delays()[3] == 90);
}

TEST_CASE("stamps of 48 bits go round, and a clock set back gives the least delay") {
  Arrivals arrivals(4, 4);
  (void)arrivals.count(numbered(0, kStampMask - 4), kStampMask + 6);
  (void)arrivals.count(numbered(1, 500), 400);
  (void)arrivals.count(numbered(2, 0), uint64_t{5} * 1'000'000'000);
  CHECK(arrivals.delays()[0] == 10);
  CHECK(arrivals.delays()[1] == 1);
  CHECK(arrivals.delays()[2] == UINT32_MAX);
  CHECK(arrivals.delays()[3] == 0);
}

TEST_CASE("percentiles are of the nearest rank") {
  uint32_t values[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10};
  const std::span<const uint32_t> sorted(values);
  CHECK(percentile(sorted, 0.5) == 5);
  CHECK(percentile(sorted, 0.51) == 6);
  CHECK(percentile(sorted, 0.999) == 10);
  CHECK(percentile(sorted, 1.0) == 10);
  CHECK(percentile(sorted, 0.0) == 1);
  CHECK(percentile(sorted.first(1), 0.5) == 1);
}

TEST_CASE("a summary leaves out what did not arrive, and pairs whose neighbour did not") {
  uint32_t delays[] = {100, 300, 0, 200, 250, 0};
  DelaySummary summary;
  REQUIRE(summarize(delays, true, summary));
  CHECK(summary.count == 4);
  CHECK(summary.least == 100);
  CHECK(summary.median == 200);
  CHECK(summary.p999 == 300);
  CHECK(summary.most == 300);
  CHECK(summary.mean == doctest::Approx(212.5));
  CHECK(summary.pairs == 2);
  CHECK(summary.ipdv_least == 50);
  CHECK(summary.ipdv_most == 200);
}

TEST_CASE("delays of some frames only have no IPDV; of none, nothing") {
  uint32_t some[] = {100, 300};
  DelaySummary summary;
  REQUIRE(summarize(some, false, summary));
  CHECK(summary.pairs == 0);
  uint32_t none[] = {0, 0};
  REQUIRE(summarize(none, true, summary));
  CHECK(summary.count == 0);
  CHECK(summary.median == 0);
}

}  // namespace
}  // namespace platypus::tester
