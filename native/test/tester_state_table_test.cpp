#include "tester/state_table.h"

#include "test/test.h"

namespace platypus::tester {
namespace {

StateTable::Entry from(uint16_t port) {
  return {.client = Ipv4Address::fromHost(0xc0000201),
          .server = Ipv4Address::fromHost(0xc6336402),
          .client_port = Be16(port),
          .server_port = Be16(80)};
}

TEST_CASE("a flow is recorded once, and where it came from is found again") {
  StateTable table(10);
  REQUIRE(table.ok());
  CHECK(table.find(3) == nullptr);
  CHECK(table.record(3, from(5000)) == StateTable::Record::kNew);
  CHECK(table.record(3, from(5000)) == StateTable::Record::kSame);
  CHECK(table.size() == 1);
  REQUIRE(table.find(3) != nullptr);
  CHECK(*table.find(3) == from(5000));
}

TEST_CASE("a flow from another port is a change; the last stays") {
  StateTable table(10);
  (void)table.record(3, from(5000));
  CHECK(table.compare(3, from(5001)) == StateTable::Record::kChanged);
  CHECK(*table.find(3) == from(5000));
  CHECK(table.record(3, from(5001)) == StateTable::Record::kChanged);
  CHECK(*table.find(3) == from(5001));
  CHECK(table.size() == 1);
}

TEST_CASE("flows past the capacity are not recorded") {
  StateTable table(10);
  CHECK(table.record(10, from(1)) == StateTable::Record::kOutside);
  CHECK(table.find(10) == nullptr);
  CHECK(StateTable().record(0, from(1)) == StateTable::Record::kOutside);
}

TEST_CASE("a cleared table has forgotten all") {
  StateTable table(10);
  (void)table.record(1, from(1));
  table.clear();
  CHECK(table.size() == 0);
  CHECK(table.find(1) == nullptr);
}

}  // namespace
}  // namespace platypus::tester
