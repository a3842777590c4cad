// The kernel's choice and ours are the same: each program is run by the kernel itself on packets of
// every kind, and a team of workers must have nothing to hand over.
#include "dataplane/steering.h"

#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <random>

#include "test/team.h"
#include "test/test.h"

namespace platypus::test {
namespace {

struct Program {
  Program(Mode mode, const Owners& owners) : fd(loadSteering(steeringProgram(mode, owners))) {}
  ~Program() {
    if (fd >= 0) close(fd);
  }
  std::string missing() const {
    return fd >= 0 ? "" : std::string("the kernel refuses BPF programs: ") + strerror(-fd);
  }
  /// What the program says of an IP packet.
  uint32_t run(const Bytes& packet) const {
    // BPF_PROG_TEST_RUN wants a link header and hides it from this kind of program.
    Bytes frame(14);
    set16(frame, 12, get8(packet, 0) >> 4 == 6 ? 0x86dd : 0x0800);
    frame.insert(frame.end(), packet.begin(), packet.end());
    bpf_attr attributes;
    std::memset(&attributes, 0, sizeof attributes);
    attributes.test.prog_fd = static_cast<uint32_t>(fd);
    attributes.test.data_in = reinterpret_cast<uint64_t>(frame.data());
    attributes.test.data_size_in = static_cast<uint32_t>(frame.size());
    const long result = syscall(SYS_bpf, BPF_PROG_TEST_RUN, &attributes, sizeof attributes);
    REQUIRE(result == 0);
    return attributes.test.retval;
  }
  int fd;
};

Ipv6Address randomHost(std::mt19937& random) {
  Ipv6Address host{{0x20, 0x01, 0x0d, 0xb8}};
  for (size_t i = 4; i < 16; ++i) host.bytes[i] = static_cast<uint8_t>(random());
  return host;
}

/// Packets of every kind that NAT64 takes in.
Bytes randomPacket(std::mt19937& random) {
  const auto port = static_cast<uint16_t>(random() % 65'535 + 1);
  const auto other = static_cast<uint16_t>(random() % 65'535 + 1);
  const Ipv6Address host = randomHost(random);
  const uint8_t protocol = random() % 2 == 0 ? 6 : 17;
  const auto transport = [&](uint16_t from, uint16_t to) {
    return protocol == 6 ? tcpSegment(from, to, tcp::kAck, 8) : udpDatagram(from, to, 8);
  };
  const bool echo = random() % 2 == 0;
  switch (random() % 8) {
    case 0:
      return ip6(host, wellKnown(kTeamServer), protocol, transport(port, other));
    case 1:
      return ip6(host, wellKnown(kTeamServer), 58, icmpMessage(128, 0, uint32_t{port} << 16));
    case 2:
      return fragmentOf(ip6(host, wellKnown(kTeamServer), 17, udpDatagram(port, other, 1000)),
                        random() % 2 * 512, 512, port);
    case 3: {
      const Bytes quoted =
          echo ? ip6(wellKnown(kTeamServer), host, 58, icmpMessage(129, 0, uint32_t{port} << 16))
               : ip6(wellKnown(kTeamServer), host, protocol, transport(other, port));
      return ip6(randomHost(random), wellKnown(kTeamServer), 58,
                 icmpMessage(static_cast<uint8_t>(1 + random() % 4), 0, 1280, quoted));
    }
    case 4:
      return ip4(kTeamServer, kTeamPool, protocol, transport(other, port));
    case 5:
      return ip4(kTeamServer, kTeamPool, 1,
                 icmpMessage(echo ? 0 : 8, 0, uint32_t{port} << 16 | other));
    case 6:
      return fragmentOf(ip4(kTeamServer, kTeamPool, 17, udpDatagram(other, port, 1000)),
                        random() % 2 * 512, 512, port);
    default: {
      const Bytes quoted =
          echo ? ip4(kTeamPool, kTeamServer, 1, icmpMessage(8, 0, uint32_t{port} << 16))
               : ip4(kTeamPool, kTeamServer, protocol, transport(port, other));
      constexpr uint8_t kTypes[] = {3, 11, 12};
      return ip4(v4(9, 9, 9, 9), kTeamPool, 1, icmpMessage(kTypes[random() % 3], 0, 0, quoted));
    }
  }
}

TEST_CASE("steering: the kernel brings every kind of packet to its owner") {
  for (const uint16_t workers : std::to_array<uint16_t>({2, 3, 7, 16})) {
    for (const uint8_t bits : std::to_array<uint8_t>({48, 56, 64, 100, 128})) {
      Team team(workers, Mode::kNat64, bits);
      const Program program(Mode::kNat64, team.owners);
      if (!program.missing().empty()) SKIP(program.missing().c_str());
      std::mt19937 random(workers * 1000u + bits);
      std::vector<uint32_t> arrived(workers);
      for (int i = 0; i < 400; ++i) {
        const Bytes packet = randomPacket(random);
        const uint32_t queue = program.run(packet);
        REQUIRE(queue < workers);
        ++arrived[queue];
        REQUIRE(team.ports[queue]->inject(packet));
      }
      team.settle();
      CHECK(team.count(Counter::kHandedOver) == 0);
      CHECK(team.count(Counter::kReceivedV4) + team.count(Counter::kReceivedV6) == 400);
      for (const uint32_t packets : arrived) CHECK(packets > 0);
    }
  }
}

TEST_CASE("steering: without state all packets between two addresses have one worker") {
  const Owners owners(5, 64, kTeamKeys);
  const Program program(Mode::kSiit, owners);
  if (!program.missing().empty()) SKIP(program.missing().c_str());
  std::mt19937 random(3);
  for (int i = 0; i < 200; ++i) {
    const Bytes packet = randomPacket(random);
    const uint16_t owner = get8(packet, 0) >> 4 == 6
                               ? owners.ofAddresses(address6(packet, 8), address6(packet, 24))
                               : owners.ofAddresses(address4(packet, 12), address4(packet, 16));
    CHECK(program.run(packet) == owner);
  }
}

TEST_CASE("steering: packets that are cut short or of no version go to the first worker") {
  const Owners owners(4, 64, kTeamKeys);
  for (const Mode mode : {Mode::kNat64, Mode::kSiit}) {
    const Program program(mode, owners);
    if (!program.missing().empty()) SKIP(program.missing().c_str());
    std::mt19937 random(4);
    for (int i = 0; i < 200; ++i) {
      Bytes packet = randomPacket(random);
      // The kernel's own test refuses less than an IP header.
      const size_t header = get8(packet, 0) >> 4 == 6 ? 40 : 20;
      packet.resize(header + random() % (packet.size() - header));
      CHECK(program.run(packet) < 4);
    }
    CHECK(program.run(Bytes(40, std::byte{0x50})) == 0);
  }
}

TEST_CASE("owners: each of sixteen workers gets about as many subscribers") {
  const Owners owners(16, 64, kTeamKeys);
  std::vector<int> hosts(16);
  std::mt19937 random(5);
  for (int i = 0; i < 16'000; ++i) ++hosts[owners.ofHost(randomHost(random))];
  for (const int count : hosts) CHECK((count > 800 && count < 1200));
  // Consecutive prefixes, as an operator hands them out.
  std::fill(hosts.begin(), hosts.end(), 0);
  for (uint32_t i = 0; i < 16'000; ++i) {
    Ipv6Address host{{0x20, 0x01, 0x0d, 0xb8}};
    host.bytes[6] = static_cast<uint8_t>(i >> 8);
    host.bytes[7] = static_cast<uint8_t>(i);
    ++hosts[owners.ofHost(host)];
  }
  for (const int count : hosts) CHECK((count > 700 && count < 1300));
}

}  // namespace
}  // namespace platypus::test
