// A port for benchmarks of the stateful core: hands out 64-byte UDP packets made from a template
// and forgets what it is sent. 16 flows a host.
#pragma once

#include <cstdlib>
#include <cstring>
#include <functional>
#include <memory>
#include <vector>

#include "dataplane/worker.h"
#include "packet/ipv4.h"
#include "packet/ipv6.h"
#include "packet/protocol.h"
#include "packet/udp.h"
#include "port/slots.h"

namespace platypus::bench {

inline constexpr uint32_t kFlowsPerHost = 16;
inline constexpr uint32_t kPayload = 16;
inline constexpr uint32_t kV6Bytes = Ipv6Header::kSize + UdpHeader::kSize + kPayload;
inline constexpr uint32_t kV4Bytes = Ipv4Header::kSize + UdpHeader::kSize + kPayload + 20;
inline constexpr Ipv4Address kRemote = Ipv4Address::fromHost(0x08080808);

struct Mapping {
  Ipv4Address pool;
  Be16 port;
};

class BenchPort : public Port {
 public:
  /// `hostOf` numbers the hosts: the last four bytes of their addresses.
  explicit BenchPort(uint32_t flows, std::function<uint32_t(uint32_t)> hostOf = {})
      : flows_(flows), mappings_(flows), hosts_(flows / kFlowsPerHost + 1) {
    for (uint32_t n = 0; n < hosts_.size(); ++n) hosts_[n] = hostOf ? hostOf(n) : n;
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
      make(packets[n], n, flow, from_v6_);
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

 protected:
  /// A packet of `flow` in slot `n`.
  void make(Packet& packet, size_t n, uint32_t flow, bool from_v6) {
    packet = Packet(slots_.at(n));
    packet.reset(from_v6 ? kV6Bytes : kV4Bytes);
    std::byte* data = packet.data();
    if (from_v6) {
      std::memcpy(data, v6_, kV6Bytes);
      store(data + 20, Be32(hosts_[flow / kFlowsPerHost]));
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

 private:
  Slots slots_;
  uint32_t flows_;
  std::vector<Mapping> mappings_;
  std::vector<uint32_t> hosts_;
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

/// 256 addresses.
inline std::shared_ptr<Config> someConfig() {
  auto result = std::make_shared<Config>();
  result->translation.pool6.add(Pref64(Ipv6Address{{0, 0x64, 0xff, 0x9b}}, 96));
  for (uint32_t i = 0; i < 256; ++i) {
    result->translation.pool4.push_back({Ipv4Address::fromHost(0x17000000 + i), 1024, 65535});
  }
  return result;
}

}  // namespace platypus::bench
