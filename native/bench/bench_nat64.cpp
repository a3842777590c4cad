// What the stateful core costs per packet: hits with 1 k, 1 M and 10 M sessions, creation, memory.
//
// The worker is the real one; its port hands out 64-byte UDP packets from a template (the cost of
// which is measured by itself and printed) and forgets what it is sent. Flows come in a scattered
// order, so that with many sessions every look-up misses the caches. 16 flows a host.
//
//   bench_nat64 [rounds] [largest number of sessions]
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <vector>

#include "dataplane/worker.h"
#include "packet/ipv4.h"
#include "packet/ipv6.h"
#include "packet/protocol.h"
#include "packet/udp.h"
#include "port/slots.h"

namespace {

using namespace platypus;
using Clock = std::chrono::steady_clock;

constexpr uint32_t kFlowsPerHost = 16;
constexpr uint32_t kPayload = 16;
constexpr uint32_t kV6Bytes = Ipv6Header::kSize + UdpHeader::kSize + kPayload;
constexpr uint32_t kV4Bytes = Ipv4Header::kSize + UdpHeader::kSize + kPayload + 20;
constexpr Ipv4Address kRemote = Ipv4Address::fromHost(0x08080808);

struct Mapping {
  Ipv4Address pool;
  Be16 port;
};

class BenchPort final : public Port {
 public:
  explicit BenchPort(uint32_t flows) : flows_(flows), mappings_(flows) {
    if (slots_.map(Worker::kBurst) != 0) std::abort();
    Ipv6Header v6;
    v6.payload_length = Be16(UdpHeader::kSize + kPayload);
    v6.next_header = protocol::kUdp;
    v6.hop_limit = 64;
    v6.source = Ipv6Address{{0x20, 0x01, 0x0d, 0xb8}};
    v6.destination = Pref64(Ipv6Address{{0, 0x64, 0xff, 0x9b}}, 96).embed(kRemote);
    UdpHeader udp;
    udp.destination_port = Be16(443);
    udp.length = Be16(UdpHeader::kSize + kPayload);
    udp.checksum = Be16(0x1234);
    store(v6_, v6);
    store(v6_ + Ipv6Header::kSize, udp);
    Ipv4Header v4;
    v4.total_length = Be16(kV4Bytes);
    v4.ttl = 64;
    v4.protocol = protocol::kUdp;
    v4.source = kRemote;
    UdpHeader back;
    back.source_port = Be16(443);
    back.length = Be16(kV4Bytes - Ipv4Header::kSize);
    back.checksum = Be16(0x1234);
    store(v4_, v4);
    store(v4_ + Ipv4Header::kSize, back);
  }

  /// Next come `count` packets, of flows in order or scattered, from one side.
  void plan(uint32_t count, bool from_v6, bool scattered, bool learn) {
    left_ = count;
    from_v6_ = from_v6;
    scattered_ = scattered;
    learn_ = learn;
    at_ = 0;
  }

  size_t receive(std::span<Packet> packets) override {
    size_t n = 0;
    for (; n < packets.size() && left_ != 0; ++n, --left_, ++at_) {
      // An odd multiplier visits every flow once, far from the one before.
      const uint32_t flow =
          scattered_ ? static_cast<uint32_t>((uint64_t{at_} * 2654435761u) % flows_) : at_ % flows_;
      packets[n] = Packet(slots_.at(n));
      packets[n].reset(from_v6_ ? kV6Bytes : kV4Bytes);
      std::byte* data = packets[n].data();
      if (from_v6_) {
        std::memcpy(data, v6_, kV6Bytes);
        store(data + 16, Be32(flow / kFlowsPerHost));
        store(data + Ipv6Header::kSize, Be16(static_cast<uint16_t>(1024 + flow % kFlowsPerHost)));
      } else {
        std::memcpy(data, v4_, kV4Bytes);
        auto header = load<Ipv4Header>(data);
        header.destination = mappings_[flow].pool;
        header.computeChecksum();
        store(data, header);
        store(data + Ipv4Header::kSize + 2, mappings_[flow].port);
      }
    }
    return n;
  }

  bool send(Packet& packet) override {
    ++sent_;
    if (learn_) {
      const auto header = load<Ipv4Header>(packet.data());
      mappings_[learned_++ % flows_] = {header.source,
                                        load<Be16>(packet.data() + Ipv4Header::kSize)};
    }
    return true;
  }
  void wait(int) override {}
  void wake() override {}

  bool done() const { return left_ == 0; }
  uint64_t sent() const { return sent_; }

 private:
  Slots slots_;
  uint32_t flows_;
  std::vector<Mapping> mappings_;
  alignas(16) std::byte v6_[kV6Bytes]{};
  alignas(16) std::byte v4_[kV4Bytes]{};
  uint32_t left_ = 0;
  uint32_t at_ = 0;
  uint32_t learned_ = 0;
  uint64_t sent_ = 0;
  bool from_v6_ = true;
  bool scattered_ = false;
  bool learn_ = false;
};

std::shared_ptr<const Config> config() {
  auto result = std::make_shared<Config>();
  result->translation.pool6.add(Pref64(Ipv6Address{{0, 0x64, 0xff, 0x9b}}, 96));
  for (uint32_t i = 0; i < 256; ++i) {
    result->translation.pool4.push_back({Ipv4Address::fromHost(0x17000000 + i), 1024, 65535});
  }
  return result;
}

double nsPerPacket(BenchPort& port, Worker* worker, uint32_t packets) {
  std::array<Packet, Worker::kBurst> burst;
  const auto start = Clock::now();
  while (!port.done()) {
    if (worker != nullptr) {
      worker->poll(1000);
    } else {
      port.receive(burst);
    }
  }
  const std::chrono::duration<double, std::nano> took = Clock::now() - start;
  return took.count() / packets;
}

struct Spread {
  double median, least, most;
};

template <typename Run>
Spread repeat(int rounds, Run&& run) {
  std::vector<double> results;
  for (int i = 0; i < rounds; ++i) results.push_back(run());
  std::sort(results.begin(), results.end());
  return {results[results.size() / 2], results.front(), results.back()};
}

void print(const char* what, const Spread& spread, const char* target) {
  std::printf("  %-44s %8.1f   %8.1f .. %-8.1f %s\n", what, spread.median, spread.least,
              spread.most, target);
}

void measure(uint32_t sessions, int rounds) {
  std::printf("\n%u sessions, %d rounds: ns per packet, median and range\n", sessions, rounds);
  BenchPort port(sessions);
  Worker::Options options;
  options.limits.sessions = sessions;
  options.limits.bib = sessions;
  options.limits.hosts = sessions / kFlowsPerHost + 1;
  options.limits.reassembly = 0;  // its buffers are no part of a session
  Worker worker(port, options);
  if (!worker.ok()) {
    std::printf("  not enough memory\n");
    return;
  }
  worker.use(config());
  while (!worker.continueUse()) {
  }
  port.plan(sessions, true, false, true);
  const double creation = nsPerPacket(port, &worker, sessions);
  const TableSizes sizes = worker.sizes();
  if (sizes.sessions != sessions || port.sent() != sessions) std::abort();

  const uint32_t packets = std::max<uint32_t>(sessions, 1'000'000);
  const Spread empty = repeat(rounds, [&] {
    port.plan(packets, true, true, false);
    return nsPerPacket(port, nullptr, packets);
  });
  const Spread out = repeat(rounds, [&] {
    port.plan(packets, true, true, false);
    return nsPerPacket(port, &worker, packets) - empty.median;
  });
  const Spread empty4 = repeat(rounds, [&] {
    port.plan(packets, false, true, false);
    return nsPerPacket(port, nullptr, packets);
  });
  const Spread in = repeat(rounds, [&] {
    port.plan(packets, false, true, false);
    return nsPerPacket(port, &worker, packets) - empty4.median;
  });
  if (worker.sizes().sessions != sessions) std::abort();
  print("making the packets, 6 (subtracted below)", empty, "");
  print("making the packets, 4 (subtracted below)", empty4, "");
  print("hit, 6 to 4", out, sessions == 1'000'000 ? "target < 60" : "");
  print("hit, 4 to 6", in, sessions == 1'000'000 ? "target < 60" : "");
  std::printf("  %-44s %8.1f   %.2f M sessions/s (target 1.00), one run\n",
              "creation, making included", creation, 1000 / creation);
  std::printf("  %-44s %8.1f   bytes, everything (target <= 160)\n", "memory per session",
              static_cast<double>(sizes.memory_bytes) / sessions);
}

}  // namespace

int main(int argc, char** argv) {
  const int rounds = argc > 1 ? std::atoi(argv[1]) : 5;
  const uint32_t largest =
      argc > 2 ? static_cast<uint32_t>(std::strtoul(argv[2], nullptr, 10)) : 10'000'000;
  for (const uint32_t sessions : {1'000u, 1'000'000u, 10'000'000u}) {
    if (sessions <= largest) measure(sessions, rounds);
  }
  return 0;
}
