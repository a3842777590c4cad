// A worker on a port in memory, with the packets of siit_packets.h: stateless, or stateful with one
// pool4 address; on request on a port that takes super-packets apart.
#pragma once

#include <memory>
#include <vector>

#include "dataplane/worker.h"
#include "port/memory.h"
#include "test/siit_packets.h"
#include "test/test.h"

namespace platypus::test {

struct WorkerRig {
  explicit WorkerRig(Mode mode = Mode::kSiit, PortSegmentation segmentation = {})
      : port(65'536, segmentation),
        worker(port, {.mode = mode,
                      .limits = {.sessions = 64,
                                 .bib = 64,
                                 .hosts = 8,
                                 .reassembly = 8,
                                 .stored_syns = 4,
                                 .path_mtus = 64,
                                 .filtering = {}},
                      .shard = {},
                      .seed = {7}}) {
    REQUIRE(worker.ok());
    config.mode = mode;
    config.translation.pool6.add(Pref64(v6("2001:db8:64::"), 96));
    if (mode == Mode::kNat64) {
      config.translation.pool4.push_back({v4("203.0.113.1"), 1024, 65'535});
    }
    apply();
  }
  /// Lets the worker use `config` as it is now.
  void apply() {
    worker.use(std::make_shared<Config>(config));
    while (!worker.continueUse()) {
    }
  }
  /// What came of one burst.
  std::vector<MemoryPacket> burst(const std::vector<Bytes>& packets) {
    for (const Bytes& packet : packets) REQUIRE(port.inject(packet));
    worker.poll(now_ms);
    return port.takeSent();
  }
  std::vector<MemoryPacket> send(const Bytes& packet, const Offload& offload = {}) {
    REQUIRE(port.inject(packet, offload));
    worker.poll(now_ms);
    return port.takeSent();
  }
  uint64_t count(Counter counter) const { return worker.counters().read(counter); }

  MemoryPort port;
  Worker worker;
  Config config;
  uint64_t now_ms = 1000;
};

}  // namespace platypus::test
