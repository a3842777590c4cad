// What stateless translation costs per packet: parsing included, 64-byte packets, warm cache.
//
// Packets come in bursts of 32, each in a slot of its own: translated right after it was written, a
// packet would be waited for in the store buffer, which is no cost of translation. Each burst is
// put in place anew, because a packet can be translated only once; what that costs is measured by
// itself and taken away.
//
//   bench_siit [rounds] [packets a round]
#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <vector>

#include "bench/measure.h"
#include "packet/ipv4.h"
#include "packet/ipv6.h"
#include "packet/parse.h"
#include "packet/protocol.h"
#include "packet/tcp.h"
#include "packet/udp.h"
#include "siit/stateless.h"

namespace {

using namespace platypus;
using Clock = std::chrono::steady_clock;

constexpr uint32_t kBytes = 64;
constexpr double kTargetNs = 20;
constexpr Ipv4Address kHost = Ipv4Address::fromHost(0xc0000221);
constexpr Ipv4Address kServer = Ipv4Address::fromHost(0xc6336402);

Pref64 prefix() {
  return Pref64(Ipv6Address{{0x20, 0x01, 0x0d, 0xb8, 0, 0x64}}, 96);
}

struct Template {
  std::byte bytes[kBytes]{};
};

void putTransport(std::byte* at, uint8_t protocol, uint32_t length) {
  if (protocol == protocol::kTcp) {
    TcpHeader tcp;
    tcp.source_port = Be16(50'000);
    tcp.destination_port = Be16(443);
    tcp.flags = TcpHeader::kAck;
    tcp.checksum = Be16(0x1234);
    store(at, tcp);
  } else {
    UdpHeader udp;
    udp.source_port = Be16(40'000);
    udp.destination_port = Be16(53);
    udp.length = Be16(static_cast<uint16_t>(length));
    udp.checksum = Be16(0x1234);
    store(at, udp);
  }
}

Template ipv6(uint8_t protocol) {
  Template result;
  Ipv6Header header;
  header.payload_length = Be16(kBytes - Ipv6Header::kSize);
  header.next_header = protocol;
  header.hop_limit = 64;
  header.source = prefix().embed(kHost);
  header.destination = prefix().embed(kServer);
  store(result.bytes, header);
  putTransport(result.bytes + Ipv6Header::kSize, protocol, kBytes - Ipv6Header::kSize);
  return result;
}

Template ipv4(uint8_t protocol) {
  Template result;
  Ipv4Header header;
  header.total_length = Be16(kBytes);
  header.ttl = 64;
  header.protocol = protocol;
  header.source = kHost;
  header.destination = kServer;
  header.computeChecksum();
  store(result.bytes, header);
  putTransport(result.bytes + Ipv4Header::kSize, protocol, kBytes - Ipv4Header::kSize);
  return result;
}

/// A burst of packets, each in a slot of its own, as a worker has them.
class Bench {
 public:
  static constexpr uint32_t kBurst = 32;

  Bench() : slots_(new std::byte[kBurst * kSlotBytes]()) {
    for (uint32_t i = 0; i < kBurst; ++i) packets_[i] = Packet(slots_.get() + i * kSlotBytes);
    pool6_.add(prefix());
    translator_.use(pool6_, policy_, config_);
  }

  /// Nanoseconds a packet of one round.
  template <bool translating>
  double round(const Template& pristine, uint32_t packets) {
    const auto start = Clock::now();
    for (uint32_t done = 0; done < packets; done += kBurst) {
      for (Packet& packet : packets_) {
        std::memcpy(packet.receiveArea(), pristine.bytes, kBytes);
        packet.reset(kBytes);
      }
      // As far as the compiler knows the packets come from elsewhere and somebody reads the
      // results.
      asm volatile("" : : : "memory");
      if constexpr (translating) {
        for (Packet& packet : packets_) {
          if (!translate(packet)) std::abort();
        }
        asm volatile("" : : : "memory");
      }
    }
    const std::chrono::duration<double, std::nano> passed = Clock::now() - start;
    return passed.count() / packets;
  }

 private:
  bool translate(Packet& packet) {
    // As a worker does: the short way first.
    if (translator_.express(packet)) return true;
    PacketView view;
    if (!parse(packet, view).pass) return false;
    StatelessTranslator::Translated translated;
    return (view.version == 6 ? translator_.v6ToV4(packet, view, {}, translated)
                              : translator_.v4ToV6(packet, view, {}, translated))
        .pass;
  }

  std::unique_ptr<std::byte[]> slots_;
  std::array<Packet, kBurst> packets_;
  Pool6 pool6_;
  TranslationPolicy policy_;
  SiitConfig config_;
  IdentificationSource identifications_{0x5eed};
  PathMtus path_mtus_{64, 0x5eed};
  Counters counters_;
  StatelessTranslator translator_{identifications_, path_mtus_, counters_, 1};
};

}  // namespace

int main(int argc, char** argv) {
  const int rounds = std::max(5, argc > 1 ? std::atoi(argv[1]) : 9);
  const auto packets =
      static_cast<uint32_t>(std::max(1000, argc > 2 ? std::atoi(argv[2]) : 2'000'000)) /
      Bench::kBurst * Bench::kBurst;
  Bench bench;
  const Template any = ipv6(protocol::kUdp);
  const Spread copy = measure(rounds, [&] { return bench.round<false>(any, packets); });
  std::printf("stateless translation, %u-byte packets, warm cache, %d rounds of %u packets\n",
              kBytes, rounds, packets);
  std::printf("%-22s %10s %20s %12s\n", "", "ns/packet", "least .. most", "target");
  std::printf("%-22s %10.1f %10.1f .. %6.1f %12s\n", "putting it in place", copy.median, copy.least,
              copy.most, "");
  const struct {
    const char* name;
    Template packet;
  } kinds[] = {
      {"UDP 6 to 4", ipv6(protocol::kUdp)},
      {"UDP 4 to 6", ipv4(protocol::kUdp)},
      {"TCP 6 to 4", ipv6(protocol::kTcp)},
      {"TCP 4 to 6", ipv4(protocol::kTcp)},
  };
  for (const auto& kind : kinds) {
    const Spread time = measure(rounds, [&] { return bench.round<true>(kind.packet, packets); });
    std::printf("%-22s %10.1f %10.1f .. %6.1f %9.0f ns\n", kind.name, time.median - copy.median,
                time.least - copy.median, time.most - copy.median, kTargetNs);
  }
  return 0;
}
