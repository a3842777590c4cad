#include "tester/flow_space.h"

#include <set>
#include <tuple>

#include "test/test.h"

namespace platypus::tester {
namespace {

using Key = std::tuple<uint32_t, uint32_t, uint16_t, uint16_t>;

Key keyOf(const FlowParts& parts) {
  return {parts.source, parts.destination, parts.source_port, parts.destination_port};
}

TEST_CASE("flows of a space are all different, and every combination is one of them") {
  const FlowSpace space(3, 5, {1024, 7}, {1, 11}, 42);
  REQUIRE(space.size() == 3 * 5 * 7 * 11);
  std::set<Key> seen;
  for (uint64_t flow = 0; flow < space.size(); ++flow) {
    const FlowParts parts = space.parts(flow);
    CHECK(parts.source < 3);
    CHECK(parts.destination < 5);
    CHECK(parts.source_port >= 1024);
    CHECK(parts.source_port < 1024 + 7);
    CHECK(parts.destination_port >= 1);
    CHECK(parts.destination_port <= 11);
    seen.insert(keyOf(parts));
  }
  CHECK(seen.size() == space.size());
}

TEST_CASE("flows past the end of a space begin again") {
  const FlowSpace space(1, 1, {1024, 10}, {80, 1}, 1);
  CHECK(space.parts(13) == space.parts(3));
}

TEST_CASE("a space of one combination has one flow") {
  const FlowSpace space(1, 1, {5000, 1}, {80, 1}, 9);
  CHECK(space.size() == 1);
  CHECK(space.parts(0) == FlowParts{0, 0, 5000, 80});
}

TEST_CASE("the first 100,000 flows of the RFC 4814 port ranges are different and use all of them") {
  const FlowSpace space(256, 1, {1024, 64512}, {1, 49151}, 7);
  std::set<Key> seen;
  std::set<uint32_t> sources;
  uint32_t high_ports = 0;
  for (uint64_t flow = 0; flow < 100'000; ++flow) {
    const FlowParts parts = space.parts(flow);
    seen.insert(keyOf(parts));
    sources.insert(parts.source);
    if (parts.source_port >= 33280) ++high_ports;
  }
  CHECK(seen.size() == 100'000);
  CHECK(sources.size() == 256);
  // Half of the ports, and so about half of the flows.
  CHECK(high_ports > 45'000);
  CHECK(high_ports < 55'000);
}

TEST_CASE("another seed gives other flows, the same seed the same") {
  const FlowSpace one(16, 16, {1024, 64512}, {1, 49151}, 1);
  const FlowSpace same(16, 16, {1024, 64512}, {1, 49151}, 1);
  const FlowSpace other(16, 16, {1024, 64512}, {1, 49151}, 2);
  CHECK(one.parts(5) == same.parts(5));
  CHECK(one.parts(5) != other.parts(5));
}

TEST_CASE("a space larger than 2^48 is cut, not wrapped") {
  const FlowSpace space(1 << 20, 1 << 20, {0, 65536}, {0, 65536}, 3);
  CHECK(space.size() == uint64_t{1} << 48);
  CHECK(space.parts(0) != space.parts(1));
}

}  // namespace
}  // namespace platypus::tester
