// Any packets at any workers. Nothing is read past a packet, nothing goes in circles, and whatever
// state comes into being is at the worker that owns it.
//
// Input, repeated: worker and flags (bits 0-1 the worker, bit 2 right checksums, bit 3 time
// passes), length (2), then so many bytes of a packet.
#include <algorithm>
#include <cstdlib>

#include "fuzz/input.h"
#include "test/reference.h"
#include "test/team.h"

namespace {

using namespace platypus;
using namespace platypus::test;

constexpr uint16_t kWorkers = 3;
/// A packet moves at most so often: to the owner, whole to the port's owner, and to who borrowed
/// it.
constexpr uint64_t kMostMoves = 4;

Team& team() {
  static Team it(kWorkers);
  static const bool once = [] {
    // One port lent, so that all ways are there.
    const Ipv6Address host = it.hostOf(0);
    must(it.members[1]->lend(Proto::kUdp, kTeamPool, Be16(64 * 31 + 7), 0) ==
         Tables::LendResult::kLent);
    return it.members[0]->addBib(Proto::kUdp, host, Be16(80), kTeamPool, Be16(64 * 31 + 7)) ==
           Tables::AddResult::kOk;
  }();
  must(once);
  return it;
}

void checkState(const Team& workers) {
  for (uint16_t index = 0; index < kWorkers; ++index) {
    const Tables& tables = workers.members[index]->tables();
    for (uint32_t n = 0; n < tables.bibsTouched(); ++n) {
      const Bib& bib = tables.bib(n);
      if (bib.proto == Proto::kNone) continue;
      must(workers.owners.ofHost(bib.host) == index);
      must(bib.is_static || workers.owners.ofPort(bib.pool_port) == index);
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  fuzz::Input input(data, size);
  Team& workers = team();
  uint64_t packets = 0;
  const uint64_t before = workers.count(Counter::kHandedOver);
  while (!input.empty() && packets < 32) {
    const uint8_t control = input.byte();
    const size_t length = std::min<size_t>(size_t{input.byte()} << 8 | input.byte(), 2000);
    Bytes packet(length);
    for (std::byte& byte : packet) byte = static_cast<std::byte>(input.byte());
    if ((control & 4) != 0 && packet.size() >= 60) reference::fill(packet);
    if ((control & 8) != 0) workers.now_ms += 100'000;
    must(workers.ports[(control & 3) % kWorkers]->inject(packet));
    ++packets;
  }
  workers.settle();
  must(workers.count(Counter::kHandedOver) - before <= packets * kMostMoves);
  must(workers.count(Counter::kDropHandoverFull) == 0);
  checkState(workers);
  return 0;
}
