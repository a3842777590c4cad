// The short way and the long way must do the same. A packet takes the long way when its offload
// says that a checksum is missing; so each packet is sent once as it is, and once with the checksum
// taken out again and declared missing, and the two results are compared after finishing the
// second.
#include <cstring>
#include <random>

#include "dataplane/worker.h"
#include "nat64/express.h"
#include "packet/ipv4.h"
#include "packet/ipv6.h"
#include "packet/protocol.h"
#include "packet/udp.h"
#include "port/memory.h"
#include "siit/transport.h"
#include "test/test.h"

namespace platypus {
namespace {

const Pref64 kPrefix(Ipv6Address{{0x20, 0x01, 0x0d, 0xb8, 0, 0x64}}, 96);
constexpr Ipv4Address kRemote = Ipv4Address::fromHost(0xc6336402);
constexpr Ipv4Address kPool = Ipv4Address::fromHost(0xc0000201);
const Ipv6Address kHost{{0x20, 0x01, 0x0d, 0xb8, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2}};

struct Fixture {
  MemoryPort port;
  Worker worker;
  std::shared_ptr<Config> config = std::make_shared<Config>();

  Fixture() : worker(port, options()) {
    config->translation.pool6.add(kPrefix);
    config->translation.pool4.push_back({kPool, 1024, 65535});
    apply();
  }
  static Worker::Options options() {
    Worker::Options options;
    options.limits = {
        .sessions = 64, .bib = 64, .hosts = 64, .reassembly = 1, .stored_syns = 4, .filtering = {}};
    return options;
  }
  void apply() {
    worker.use(std::make_shared<Config>(*config));
    while (!worker.continueUse()) {
    }
  }
  std::vector<MemoryPacket> send(const std::vector<std::byte>& bytes, const Offload& offload = {}) {
    REQUIRE(port.inject(bytes, offload));
    worker.poll(1000);
    return port.takeSent();
  }
};

using Bytes = std::vector<std::byte>;

/// A packet of either family with right checksums; `flags` makes it TCP.
Bytes make(bool v6, uint8_t protocol, Be16 source_port, Be16 destination_port, uint8_t flags,
           size_t data, uint8_t traffic_class, uint8_t hop_limit) {
  const size_t header = protocol == protocol::kTcp ? TcpHeader::kSize : UdpHeader::kSize;
  const size_t network = v6 ? Ipv6Header::kSize : Ipv4Header::kSize;
  Bytes bytes(network + header + data);
  const auto payload = static_cast<uint16_t>(header + data);
  for (size_t i = network + header; i < bytes.size(); ++i) bytes[i] = static_cast<std::byte>(i * 7);
  std::byte* transport = bytes.data() + network;
  store(transport, source_port);
  store(transport + 2, destination_port);
  if (protocol == protocol::kTcp) {
    transport[12] = std::byte{0x50};
    transport[13] = static_cast<std::byte>(flags);
  } else {
    store(transport + 4, Be16(payload));
  }
  uint64_t pseudo = 0;
  if (v6) {
    Ipv6Header ip;
    ip.setTrafficClass(traffic_class);
    ip.payload_length = Be16(payload);
    ip.next_header = protocol;
    ip.hop_limit = hop_limit;
    ip.source = kHost;
    ip.destination = kPrefix.embed(kRemote);
    store(bytes.data(), ip);
    pseudo = sumPseudoHeader(ip.source, ip.destination, payload, protocol);
  } else {
    Ipv4Header ip;
    ip.tos = traffic_class;
    ip.total_length = Be16(static_cast<uint16_t>(bytes.size()));
    ip.identification = Be16(0x4242);
    ip.flags_offset = Be16(Ipv4Header::kDontFragment);
    ip.ttl = hop_limit;
    ip.protocol = protocol;
    ip.source = kRemote;
    ip.destination = kPool;
    ip.computeChecksum();
    store(bytes.data(), ip);
    pseudo = sumPseudoHeader(ip.source, ip.destination, payload, protocol);
  }
  const size_t field = protocol == protocol::kTcp ? 16 : 6;
  Be16 checksum = finishSum(pseudo + sumBytes({transport, payload}));
  if (protocol == protocol::kUdp && checksum.wire() == 0) checksum = Be16(0xffff);
  store(transport + field, checksum);
  return bytes;
}

/// The same packet with its checksum left to the kernel: only the pseudo-header's sum is in the
/// field.
Bytes withoutChecksum(Bytes bytes, bool v6, uint8_t protocol, Offload& offload) {
  const size_t network = v6 ? Ipv6Header::kSize : Ipv4Header::kSize;
  const auto payload = static_cast<uint32_t>(bytes.size() - network);
  const size_t field = network + (protocol == protocol::kTcp ? 16 : 6);
  uint64_t pseudo = 0;
  if (v6) {
    const auto ip = load<Ipv6Header>(bytes.data());
    pseudo = sumPseudoHeader(ip.source, ip.destination, payload, protocol);
  } else {
    const auto ip = load<Ipv4Header>(bytes.data());
    pseudo = sumPseudoHeader(ip.source, ip.destination, payload, protocol);
  }
  store(bytes.data() + field, Be16::fromWire(foldSum(pseudo)));
  offload.flags = Offload::kNeedsChecksum;
  offload.checksum_start = static_cast<uint16_t>(network);
  offload.checksum_offset = protocol == protocol::kTcp ? 16 : 6;
  return bytes;
}

/// What the long way sent, with its checksum finished and the identification, which no two packets
/// share, taken out.
Bytes normal(const MemoryPacket& sent) {
  std::vector<std::byte> slot(kSlotBytes);
  Packet packet(slot.data());
  std::memcpy(packet.receiveArea(), sent.bytes.data(), sent.bytes.size());
  packet.reset(static_cast<uint32_t>(sent.bytes.size()));
  packet.offload = sent.offload;
  finishChecksum(packet);
  Bytes bytes(packet.data(), packet.data() + packet.length());
  if ((std::to_integer<uint8_t>(bytes[0]) >> 4) == 4) {
    CHECK(foldSum(sumBytes({bytes.data(), Ipv4Header::kSize})) == 0xffff);
    store(bytes.data() + 4, Be16());
    store(bytes.data() + 10, Be16());
  }
  return bytes;
}

}  // namespace

TEST_CASE("N64-XLAT-01 the short way and the long way send the same packets") {
  Fixture f;
  // TCP has to be ESTABLISHED before the short way takes it.
  auto syn = f.send(make(true, protocol::kTcp, Be16(40000), Be16(80), TcpHeader::kSyn, 0, 0, 64));
  REQUIRE(syn.size() == 1);
  const auto tcp_port = load<Be16>(syn[0].bytes.data() + Ipv4Header::kSize);
  REQUIRE(f.send(make(false, protocol::kTcp, Be16(80), tcp_port, TcpHeader::kSyn | TcpHeader::kAck,
                      0, 0, 64))
              .size() == 1);
  auto first = f.send(make(true, protocol::kUdp, Be16(40001), Be16(53), 0, 10, 0, 64));
  REQUIRE(first.size() == 1);
  const auto udp_port = load<Be16>(first[0].bytes.data() + Ipv4Header::kSize);

  std::mt19937 random(7);
  unsigned compared = 0;
  for (int i = 0; i < 4000; ++i) {
    if (i % 500 == 499) {
      f.config->translation.policy.tos = i % 1000 == 999 ? int16_t{-1} : int16_t{0x20};
      f.config->translation.policy.traffic_class = i % 1000 == 999 ? int16_t{0x48} : int16_t{-1};
      f.apply();
    }
    const bool v6 = random() % 2 == 0;
    const bool tcp = random() % 2 == 0;
    const uint8_t protocol = tcp ? protocol::kTcp : protocol::kUdp;
    const Be16 host(tcp ? 40000 : 40001);
    const Be16 remote(tcp ? 80 : 53);
    const Be16 pool = tcp ? tcp_port : udp_port;
    const auto traffic_class = static_cast<uint8_t>(random());
    const auto hop_limit = static_cast<uint8_t>(random() % 4 == 0 ? random() % 4 : random());
    const size_t data = random() % 1480;
    const Bytes bytes = make(v6, protocol, v6 ? host : remote, v6 ? remote : pool, TcpHeader::kAck,
                             data, traffic_class, hop_limit);
    Offload offload;
    const Bytes partial = withoutChecksum(bytes, v6, protocol, offload);
    const auto by_short = f.send(bytes);
    const auto by_long = f.send(partial, offload);
    REQUIRE(by_short.size() == by_long.size());
    if (by_short.size() != 1 || data > 1400 || hop_limit <= 1) continue;  // errors quote the packet
    ++compared;
    CHECK(normal(by_short[0]) == normal(by_long[0]));
  }
  CHECK(compared > 2500);
}

TEST_CASE("N64-UDP-05 the short way takes plain packets of known sessions and refreshes them") {
  Counters counters;
  Nat64 nat64(Fixture::options().limits, {}, {}, 0, counters);
  Nat64Config config;
  config.pool6.add(kPrefix);
  config.pool4.push_back({kPool, 1024, 65535});
  nat64.use(config);
  nat64.tables().retirePool4(config.pool4);
  while (!nat64.tables().purgePool4(config.pool4, 100)) {
  }
  std::vector<std::byte> slot(kSlotBytes);
  Packet packet(slot.data());
  const auto place = [&](const Bytes& bytes) {
    packet.reset(static_cast<uint32_t>(bytes.size()));
    std::memcpy(packet.data(), bytes.data(), bytes.size());
  };
  const Bytes out = make(true, protocol::kUdp, Be16(40001), Be16(53), 0, 10, 0, 64);
  PlainView view;
  FlowV6 flow;
  place(out);
  REQUIRE(readExpress(packet, config, view, flow));
  CHECK(view.version == 6);
  nat64.tables().hash(flow);
  CHECK_FALSE(nat64.expressOutbound(packet, view, flow, 10));  // no session yet: left alone
  CHECK(std::memcmp(packet.data(), out.data(), out.size()) == 0);

  PacketView whole;
  REQUIRE(parse(packet, whole).pass);
  Nat64::Translated translated;
  REQUIRE(nat64.outbound(packet, whole, flow, {.now = 10}, translated).pass);
  const auto port = load<Be16>(packet.data() + Ipv4Header::kSize);
  const uint32_t number = nat64.tables().find(flow);
  REQUIRE(number != Tables::kNone);

  place(out);
  CHECK(nat64.expressOutbound(packet, view, flow, 20));
  CHECK(packet.length() == out.size() - 20);
  CHECK(nat64.tables().session(number).deadline == 20 + config.timeouts.udp + 1);

  place(make(false, protocol::kUdp, Be16(53), port, 0, 10, 0, 64));
  FlowV4 back;
  REQUIRE(readExpress(packet, config, view, back));
  CHECK(view.version == 4);
  nat64.tables().hash(back);
  CHECK(nat64.expressInbound(packet, view, back, 30));
  CHECK(nat64.tables().session(number).deadline == 30 + config.timeouts.udp + 1);
}

TEST_CASE("N64-TCP-15 the short way leaves segments that change the state to the long way") {
  Nat64Config config;
  config.pool6.add(kPrefix);
  std::vector<std::byte> slot(kSlotBytes);
  Packet packet(slot.data());
  for (const uint8_t flags : {TcpHeader::kSyn, TcpHeader::kFin, TcpHeader::kRst}) {
    const Bytes bytes = make(true, protocol::kTcp, Be16(1), Be16(2), flags, 0, 0, 64);
    std::memcpy(packet.receiveArea(), bytes.data(), bytes.size());
    packet.reset(static_cast<uint32_t>(bytes.size()));
    PlainView view;
    FlowV6 flow;
    CHECK_FALSE(readExpress(packet, config, view, flow));
  }
}

TEST_CASE("SIIT-CSUM-02 the short way keeps a damaged packet damaged") {
  Fixture f;
  REQUIRE(f.send(make(true, protocol::kUdp, Be16(40001), Be16(53), 0, 10, 0, 64)).size() == 1);
  Bytes bytes = make(true, protocol::kUdp, Be16(40001), Be16(53), 0, 10, 0, 64);
  bytes.back() ^= std::byte{1};
  const auto sent = f.send(bytes);
  REQUIRE(sent.size() == 1);
  const auto ip = load<Ipv4Header>(sent[0].bytes.data());
  CHECK(foldSum(sumPseudoHeader(ip.source, ip.destination, 18, protocol::kUdp) +
                sumBytes({sent[0].bytes.data() + Ipv4Header::kSize, 18})) != 0xffff);
}

}  // namespace platypus
