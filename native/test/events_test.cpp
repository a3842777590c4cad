#include "dataplane/events.h"

#include "test/worker_rig.h"

namespace platypus::test {
namespace {

/// A worker that drops UDP without checksum.
struct Rig : WorkerRig {
  Rig() {
    config.translation.policy.udp_zero_checksum = UdpZeroChecksum::kDrop;
    apply();
  }
  DropEvents take() {
    DropEvents events;
    worker.takeEvents(events);
    return events;
  }
};

Bytes unsummed(const Fields& fields = {}) {
  Bytes packet = packet4(17, udp(16), fields);
  putWord(packet, 26, 0);
  return packet;
}

TEST_CASE("SIIT-CSUM-05 a datagram without checksum is told about with addresses and ports") {
  Rig rig;
  rig.send(unsummed());
  const DropEvents events = rig.take();
  REQUIRE(events.count == 1);
  CHECK(events.lost == 0);
  const DropEvent& event = events.events[0];
  CHECK(event.reason == Counter::kDropUdpChecksumZero);
  CHECK(event.time_ms > 0);
  CHECK(event.version == 4);
  CHECK(event.protocol == 17);
  CHECK(event.source4 == v4("192.0.2.33"));
  CHECK(event.destination4 == v4("198.51.100.2"));
  CHECK(event.has_ports);
  CHECK(event.source_port == 40'000);
  CHECK(event.destination_port == 53);
}

TEST_CASE("SIIT-CSUM-06 a first fragment without checksum is told about with its ports") {
  WorkerRig rig;
  rig.send(unsummed({.more = true}));
  DropEvents events;
  rig.worker.takeEvents(events);
  REQUIRE(events.count == 1);
  CHECK(events.events[0].has_ports);
  CHECK(events.events[0].destination_port == 53);
}

TEST_CASE("SIIT-CSUM-09 IPv6 UDP without checksum is told about as well") {
  WorkerRig rig;
  Bytes packet = packet6(17, udp(16));
  putWord(packet, 46, 0);
  rig.send(packet);
  DropEvents events;
  rig.worker.takeEvents(events);
  REQUIRE(events.count == 1);
  CHECK(events.events[0].version == 6);
  CHECK(events.events[0].source6 == v6("2001:db8:64::192.0.2.33"));
  CHECK(events.events[0].destination6 == v6("2001:db8:64::198.51.100.2"));
  CHECK(events.events[0].source_port == 40'000);
}

TEST_CASE("SIIT-6to4-15 a fragment with another extension header is told about, without ports") {
  WorkerRig rig;
  // Destination options behind the Fragment Header.
  rig.send(packet6(60, fromHex("1100010400000000") + udp(8), {.offset = 0, .more = true}));
  CHECK(rig.count(Counter::kDropFragmentExtensionHeader) == 1);
  DropEvents events;
  rig.worker.takeEvents(events);
  REQUIRE(events.count == 1);
  CHECK(events.events[0].reason == Counter::kDropFragmentExtensionHeader);
  CHECK(events.events[0].protocol == 60);
  CHECK(events.events[0].source6 == v6("2001:db8:64::192.0.2.33"));
  CHECK_FALSE(events.events[0].has_ports);
}

TEST_CASE("drop events: other drops are counted only") {
  Rig rig;
  rig.send(packet4(17, udp(5), {.source4 = "127.0.0.1"}));
  rig.send(packet6(17, udp(5), {.hops = 1}));
  CHECK(rig.take().count == 0);
}

TEST_CASE("drop events: 64 are kept, the rest is counted as lost, and taking them makes room") {
  Rig rig;
  for (uint16_t i = 0; i < 100; ++i) {
    Bytes payload = udp(16);
    putWord(payload, 0, 1000u + i);
    Bytes packet = packet4(17, payload);
    putWord(packet, 26, 0);
    rig.send(packet);
  }
  const DropEvents events = rig.take();
  REQUIRE(events.count == DropEvents::kMost);
  CHECK(events.lost == 36);
  for (uint16_t i = 0; i < 64; ++i) CHECK(events.events[i].source_port == 1000 + i);
  CHECK(rig.take().count == 0);
  CHECK(rig.take().lost == 0);
  rig.send(unsummed());
  CHECK(rig.take().count == 1);
}

}  // namespace
}  // namespace platypus::test
