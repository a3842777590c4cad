// A worker and a slow second translator (test/reference_nat64.h) see the same packets, the same
// clock and the same administrator. After every step they must agree on what happened to the
// packet, on every BIB entry and on every session.
//
// Input: three octets choose the limits, filtering and policy; then operations, the first octet of
// each names it. Octets that are missing count as zero.
#include <cstdio>
#include <cstdlib>
#include <memory>

#include "dataplane/counters.h"
#include "dataplane/worker.h"
#include "fuzz/input.h"
#include "packet/parse.h"
#include "port/memory.h"
#include "test/nat64_packets.h"
#include "test/reference_nat64.h"

namespace {

using namespace platypus;
using fuzz::Input;
using namespace platypus::test;
using reference::Outcome;
using RefEnd4 = reference::End4;
using RefEnd6 = reference::End6;

[[noreturn]] void fail(const char* what, const char* more = "") {
  std::fprintf(stderr, "fuzz_nat64: %s %s\n", what, more);
  std::abort();
}
void require(bool holds, const char* what) {
  if (!holds) fail(what);
}

constexpr Ipv4Address kPool[] = {v4(192, 0, 2, 1), v4(192, 0, 2, 2), v4(192, 0, 2, 3)};
constexpr Ipv4Address kRouter4 = v4(7, 7, 7, 7);
const Ipv6Address kRouter6 = host6(200);
constexpr uint16_t kHostPorts[] = {500, 501, 1023, 1024, 40'000, 40'001, 40'002, 40'003};
constexpr End4 kRemotes[] = {{v4(8, 8, 8, 8), 53}, {v4(8, 8, 8, 8), 443}, {v4(9, 9, 9, 9), 443}};
constexpr uint8_t kProtocols[] = {6, 17, 58};
constexpr uint32_t kSteps[] = {1,    19,   21,   60,     61,     599,    601,
                               2399, 2401, 2999, 71'999, 72'001, 200'000};
/// Pools from roomy to nearly nothing, of one to three addresses.
const std::vector<Pool4Entry> kPools[] = {
    {{kPool[0], 1000, 1063}, {kPool[1], 1, 1100}, {kPool[2], 40'000, 40'127}},
    {{kPool[0], 1020, 1027}, {kPool[1], 1024, 1026}},
    {{kPool[1], 1024, 1026}},
    {{kPool[2], 0, 3}, {kPool[0], 65'533, 65'535}},
    {}};

Proto protoOfNumber(uint8_t protocol) {
  return protocol == 6 ? Proto::kTcp : protocol == 17 ? Proto::kUdp : Proto::kIcmp;
}
RefEnd4 ref(const End4& end) {
  return {end.address.host(), end.port};
}
RefEnd6 ref(const End6& end) {
  return {end.address.bytes, end.port};
}
End4 end4(const RefEnd4& end) {
  return {Ipv4Address::fromHost(end.first), end.second};
}

/// The transport part of a packet: ports, or the identifier for an echo.
Bytes transport(uint8_t protocol, bool v6, uint16_t source, uint16_t destination, uint8_t flags,
                size_t payload) {
  if (protocol == 6) return tcpSegment(source, destination, flags, payload);
  if (protocol == 17) return udpDatagram(source, destination, payload);
  const bool reply = (flags & 1) != 0;
  const uint8_t type = v6 ? (reply ? 129 : 128) : (reply ? 0 : 8);
  return icmpMessage(type, 0, uint32_t{v6 ? source : destination} << 16, Bytes(payload));
}

class Harness {
 public:
  explicit Harness(Input& input) : in_(input) {
    const uint8_t size = in_.byte();
    const uint8_t filter = in_.byte();
    const uint8_t policy = in_.byte();
    limits_.sessions = size & 1 ? 6 : 24;
    limits_.bib = size & 2 ? 4 : 16;
    limits_.hosts = size & 4 ? 2 : 8;
    limits_.stored_syns = size & 8 ? 2 : 8;
    limits_.reassembly = size & 16 ? 4 : 8;
    limits_.filtering = {(filter & 1) != 0, (filter & 2) != 0, (filter & 4) != 0};
    drop_inbound_tcp_ = (policy & 7) == 7;
    configure(policy >> 3);
    worker_ = std::make_unique<Worker>(
        port_, Worker::Options{.mode = Mode::kNat64,
                               .limits = limits_,
                               .shard = {},
                               .seed = {uint32_t{size} << 16 | uint32_t{filter} << 8 | policy}});
    require(worker_->ok(), "memory");
    worker_->use(config_);
    while (!worker_->continueUse()) {
    }
    worker_->poll(nowMs());
    model_ = std::make_unique<reference::Nat64Model>(limits_, config_->translation);
  }

  void run() {
    for (int steps = 0; !in_.empty() && steps < 300; ++steps) {
      step();
      check();
    }
  }

 private:
  uint64_t nowMs() const { return uint64_t{now_} * 100; }
  const Tables& tables() const { return worker_->tables(); }
  uint64_t count(Counter counter) const { return worker_->counters().read(counter); }

  void configure(uint8_t pool) {
    auto config = std::make_shared<Config>();
    config->translation.pool6.add(Pref64(wellKnown({}), 96));
    config->translation.policy.allow_non_global = true;
    config->translation.drop_inbound_tcp = drop_inbound_tcp_;
    config->translation.pool4 = kPools[pool % std::size(kPools)];
    config->icmp_rate_per_second = 1'000'000;
    config->icmp_burst = 1'000'000;
    config_ = std::move(config);
    kept_.push_back(config_);
  }

  // --- Operations --------------------------------------------------------------------------------

  void step() {
    switch (in_.byte() % 16) {
      case 0:
      case 1:
      case 2:
      case 3:
        return fromV6();
      case 4:
      case 5:
      case 6:
        return fromV4();
      case 7:
        return errorFromV6();
      case 8:
        return errorFromV4();
      case 9:
      case 10:
        return fragments();
      case 11:
      case 12:
        return advance();
      case 13:
        return administrate();
      case 14:
        return changePool();
      default:
        return raw();
    }
  }

  End6 someHost() {
    return {host6(static_cast<uint8_t>(1 + in_.byte() % 4)), in_.pick(kHostPorts)};
  }
  /// Somebody's mapping, or any address of the pool.
  End4 somePool(Proto proto) {
    const uint8_t choice = in_.byte();
    const uint32_t touched = tables().bibsTouched();
    if ((choice & 0x80) == 0 && touched != 0) {
      const Bib& bib = tables().bib(choice % touched);
      if (bib.proto == proto) return {bib.pool, bib.pool_port.host()};
    }
    return {kPool[choice % 3], static_cast<uint16_t>(1024 + in_.byte() % 8)};
  }
  End4 someRemote(Proto proto) {
    const uint8_t choice = in_.byte();
    End4 remote = choice % 4 == 3 ? somePool(proto) : kRemotes[choice % 4];
    if (proto == Proto::kIcmp) remote.port = 0;
    return remote;
  }

  void fromV6() {
    const uint8_t protocol = in_.pick(kProtocols);
    const End6 host = someHost();
    const End4 remote = someRemote(protoOfNumber(protocol));
    const uint8_t flags = in_.byte();
    const uint8_t hop = flags >> 6 == 3 ? 1 : 64;
    inject(ip6(host.address, wellKnown(remote.address), protocol,
               transport(protocol, true, host.port, remote.port, flags & 0x3f, flags % 24), hop));
    judge(expectV6(protocol, host, remote, flags & 0x3f, hop), protocol, true);
  }

  Outcome expectV6(uint8_t protocol, const End6& host, const End4& remote, uint8_t flags,
                   uint8_t hop) {
    const Proto proto = protoOfNumber(protocol);
    if (proto == Proto::kTcp && (flags & 2) != 0 && (flags & 5) != 0) {
      return Outcome::drop({Counter::kDropTcpFlags});
    }
    if (hop == 1) return Outcome::drop({Counter::kDropHopLimit});
    std::optional<RefEnd4> drawn;
    const uint32_t bib = tables().findBib(proto, host.address, Be16(host.port));
    if (bib != Tables::kNone) {
      drawn = RefEnd4{tables().bib(bib).pool.host(), tables().bib(bib).pool_port.host()};
    }
    const Outcome out = model_->outbound(proto, ref(host), ref(remote), flags, now_, drawn);
    if (model_->badDraw() != nullptr) fail(model_->badDraw());
    hairpin_ = out.forward && inPool(remote.address);
    if (!hairpin_) return out;
    // RFC 6146 §3.8: what goes out comes in again. An echo has one identifier for both ends.
    if (proto != Proto::kIcmp) {
      return model_->inbound(proto, out.pool, ref(remote), flags, now_);
    }
    return model_->inbound(proto, {out.pool.first, 0}, {remote.address.host(), out.pool.second},
                           flags, now_);
  }

  void fromV4() {
    const uint8_t protocol = in_.pick(kProtocols);
    const Proto proto = protoOfNumber(protocol);
    const End4 pool = somePool(proto);
    const End4 remote = someRemote(proto);
    const uint8_t flags = in_.byte();
    const uint8_t ttl = flags >> 6 == 3 ? 1 : 64;
    // Now and then one that has to be cut.
    const size_t payload = (flags & 0x60) == 0x60 && protocol == 17 ? 1400 : flags % 24;
    inject(ip4(remote.address, pool.address, protocol == 58 ? 1 : protocol,
               transport(protocol, false, remote.port, pool.port, flags & 0x3f, payload), ttl));
    hairpin_ = false;
    judge(expectV4(proto, remote, pool, flags & 0x3f, ttl), protocol, false);
  }

  Outcome expectV4(Proto proto, const End4& remote, const End4& pool, uint8_t flags, uint8_t ttl) {
    if (proto == Proto::kTcp && (flags & 2) != 0 && (flags & 5) != 0) {
      return Outcome::drop({Counter::kDropTcpFlags});
    }
    if (ttl == 1) return Outcome::drop({Counter::kDropHopLimit, Counter::kDropNotPool4});
    return model_->inbound(proto, ref(remote), ref(pool), flags, now_);
  }

  /// The IPv6 host, or a router before it, complains about what it was sent.
  void errorFromV6() {
    const uint8_t protocol = in_.pick(kProtocols);
    const Proto proto = protoOfNumber(protocol);
    const End6 host = someHost();
    const End4 remote = someRemote(proto);
    const uint16_t source = protocol == 58 ? host.port : remote.port;
    const Bytes quoted = ip6(wellKnown(remote.address), host.address, protocol,
                             transport(protocol, true, source, host.port, 1, 8));
    inject(ip6(kRouter6, wellKnown(remote.address), 58, icmpMessage(1, 4, 0, quoted)));
    const auto* session = model_->flow(proto, ref(host), ref(remote));
    std::optional<RefEnd6> to;
    if (session != nullptr && inPool(remote.address)) {
      const RefEnd4 pool = poolOf(proto, host);
      const bool icmp = proto == Proto::kIcmp;
      const auto* other =
          model_->flow(proto, RefEnd4{remote.address.host(), icmp ? pool.second : remote.port},
                       RefEnd4{pool.first, icmp ? uint16_t{0} : pool.second});
      if (other == nullptr) session = nullptr;
      if (other != nullptr) to = other->host;
    }
    const std::vector<MemoryPacket> sent = port_.takeSent();
    if (session == nullptr) return requireErrorDropped(sent);
    require(sent.size() == 1 && dropped() == 0, "an ICMP error is delivered");
    const Seen seen = look(sent[0].bytes);
    require(seen.sound, "the ICMP error is sound");
    if (to) {
      require(seen.version == 6 && seen.destination6.bytes == to->first, "hairpinned error");
      return;
    }
    const RefEnd4 pool = poolOf(proto, host);
    require(seen.version == 4 && seen.type() == 3 && seen.code() == 3, "1/4 becomes 3/3");
    require(ref({seen.source4, pool.second}) == pool, "N64-ERR-09");
    require(seen.destination4 == remote.address, "to the remote end");
    const auto inner = seen.payload.subspan(8);
    require(address4(inner, 12) == remote.address, "quoted source");
    require(address4(inner, 16).host() == pool.first, "quoted destination");
    const size_t at = proto == Proto::kIcmp ? 24 : 22;
    require(get16(inner, at) == pool.second, "N64-ERR-07");
  }

  void errorFromV4() {
    const uint8_t protocol = in_.pick(kProtocols);
    const Proto proto = protoOfNumber(protocol);
    const End4 pool = somePool(proto);
    const End4 remote = someRemote(proto);
    const uint16_t destination = protocol == 58 ? pool.port : remote.port;
    const Bytes quoted = ip4(pool.address, remote.address, protocol == 58 ? 1 : protocol,
                             transport(protocol, false, pool.port, destination, 0, 8));
    inject(ip4(kRouter4, pool.address, 1, icmpMessage(3, 3, 0, quoted)));
    const auto* session = model_->flow(proto, ref(pool), ref(remote));
    const std::vector<MemoryPacket> sent = port_.takeSent();
    if (!inPool(pool.address)) {
      require(sent.empty() && dropped() == 1 && moved(Counter::kDropNotPool4) == 1, "N64-GEN-11");
      return;
    }
    if (session == nullptr) return requireErrorDropped(sent);
    require(sent.size() == 1 && dropped() == 0, "an ICMP error is delivered");
    const Seen seen = look(sent[0].bytes);
    require(seen.sound && seen.version == 6 && seen.type() == 1 && seen.code() == 4,
            "3/3 becomes 1/4");
    require(seen.destination6.bytes == session->host->first, "to the host");
    require(seen.source6 == wellKnown(kRouter4), "N64-ERR-08");
    const auto inner = seen.payload.subspan(8);
    require(address6(inner, 8).bytes == session->host->first, "quoted source");
    require(address6(inner, 24) == wellKnown(remote.address), "quoted destination");
    require(get16(inner, proto == Proto::kIcmp ? 44 : 40) == session->host->second, "N64-ERR-07");
  }

  void requireErrorDropped(const std::vector<MemoryPacket>& sent) {
    require(sent.empty(), "nothing is sent about an ICMP error without session");
    require(dropped() == 1 && moved(Counter::kDropIcmpErrorNoSession) == 1, "N64-ERR-01");
  }

  /// A UDP datagram in two pieces: in order, turned round, one missing, or overlapping.
  void fragments() {
    if (fragments_unknown_) return;
    const uint8_t shape = in_.byte();
    const bool v6 = (shape & 4) != 0;
    const End6 host = someHost();
    const End4 remote = v6 ? someRemote(Proto::kUdp) : kRemotes[shape >> 6 & 1];
    const End4 pool = v6 ? End4{} : somePool(Proto::kUdp);
    const Bytes whole =
        v6 ? ip6(host.address, wellKnown(remote.address), 17,
                 udpDatagram(host.port, remote.port, 64))
           : ip4(remote.address, pool.address, 17, udpDatagram(remote.port, pool.port, 64));
    const uint16_t id = ++identification_;
    Bytes first = fragmentOf(whole, 0, 32, id);
    Bytes second = fragmentOf(whole, (shape & 3) == 3 ? 24 : 32, 64, id);
    if ((shape & 3) == 1) std::swap(first, second);
    const reference::HostKey source = v6 ? host.address.bytes : wellKnown(remote.address).bytes;
    inject(first);
    const std::optional<Counter> refused =
        v6 || inPool(pool.address) ? fragmentRoom(source) : Counter::kDropNotPool4;
    requireQuiet(refused);
    if ((shape & 3) == 2 || refused) {
      if (!refused) pending_.push_back({source, now_ + 21});
      return;
    }
    inject(second);
    if ((shape & 3) == 3) {
      pending_.push_back({source, now_ + 21});
      return requireQuiet(Counter::kDropFragmentOverlap);
    }
    hairpin_ = false;
    judge(v6 ? expectV6(17, host, remote, 0, 64) : expectV4(Proto::kUdp, remote, pool, 0, 64), 17,
          v6);
  }

  std::optional<Counter> fragmentRoom(const reference::HostKey& source) const {
    if (pending_.size() == limits_.reassembly) return Counter::kDropFragmentsFull;
    uint32_t mine = 0;
    for (const Pending& pending : pending_) mine += pending.source == source ? 1 : 0;
    if (pending_.size() >= limits_.reassembly / 2 && mine >= limits_.reassembly / 4) {
      return Counter::kDropFragmentsFullForSource;
    }
    return std::nullopt;
  }

  /// Nothing came out, and what was dropped was dropped for this reason.
  void requireQuiet(std::optional<Counter> reason) {
    require(port_.takeSent().empty(), "nothing may come out");
    require(dropped() == (reason ? 1u : 0u), "fragment: dropped or kept");
    if (reason) require(moved(*reason) == 1, "fragment: dropped for the right reason");
  }

  void advance() {
    now_ += in_.pick(kSteps);
    snapshot();
    do worker_->poll(nowMs());
    while (worker_->isBehind());
    const auto ended = model_->expire(now_);
    uint32_t timeouts = 0;
    while (!pending_.empty() && pending_.front().deadline <= now_) {
      pending_.erase(pending_.begin());
      ++timeouts;
    }
    if (!fragments_unknown_) {
      require(moved(Counter::kDropFragmentTimeout) == timeouts, "N64-FRAG-03");
    } else if (worker_->sizes().reassembly == 0) {
      fragments_unknown_ = false;
      pending_.clear();
    }
    require(moved(Counter::kTcpProbeSent) == ended.probes, "N64-TCP-18");
    require(moved(Counter::kSessionExpired) == ended.sessions, "expired sessions");
    uint32_t probes = 0;
    uint32_t errors = 0;
    for (const MemoryPacket& packet : port_.takeSent()) {
      const Seen seen = look(packet.bytes);
      require(seen.sound, "what time sends is sound");
      if (seen.version == 6) {
        ++probes;
        require(seen.protocol == 6 && get8(seen.payload, 13) == 16, "N64-TCP-18: only ACK");
        require(get32(seen.payload, 4) == 0 && get32(seen.payload, 8) == 0, "numbers are zero");
      } else {
        ++errors;
        require(seen.protocol == 1 && seen.type() == 3 && seen.code() == 3, "N64-TCP-09");
      }
    }
    require(probes == ended.probes && errors == ended.syn_errors, "N64-TCP-09, -18");
  }

  void administrate() {
    const Proto proto = protoOfNumber(in_.pick(kProtocols));
    snapshot();
    if (in_.byte() % 3 != 0) {
      const End6 host = someHost();
      const End4 pool = somePool(proto);
      const auto result =
          worker_->addBib(proto, host.address, Be16(host.port), pool.address, Be16(pool.port));
      require(result == model_->addStatic(proto, ref(host), ref(pool)), "N64-GEN-07: add");
      return;
    }
    const End4 pool = somePool(proto);
    auto result = Worker::RemoveResult::kGoOn;
    while (result == Worker::RemoveResult::kGoOn) {
      result = worker_->removeBib(proto, pool.address, Be16(pool.port));
    }
    require((result == Worker::RemoveResult::kRemoved) == model_->removeBib(proto, ref(pool)),
            "N64-GEN-07: remove");
  }

  void changePool() {
    configure(in_.byte());
    snapshot();
    worker_->use(config_);
    while (!worker_->continueUse()) {
    }
    model_->usePool(config_->translation);
  }

  /// Something like a packet, damaged: the model does not judge it.
  void raw() {
    const uint8_t protocol = in_.pick(kProtocols);
    const End6 host = someHost();
    const End4 remote = someRemote(protoOfNumber(protocol));
    const End4 pool = somePool(protoOfNumber(protocol));
    const uint8_t shape = in_.byte();
    const Bytes inner =
        transport(protocol, (shape & 1) != 0, host.port, remote.port, 2, shape % 64);
    Bytes packet = (shape & 1) != 0
                       ? ip6(host.address, wellKnown(remote.address), protocol, inner)
                       : ip4(remote.address, pool.address, protocol == 58 ? 1 : protocol, inner);
    if ((shape & 2) != 0) packet = fragmentOf(packet, 0, 16, shape);
    Offload offload;
    if ((shape & 0x0c) == 0x0c) {
      offload.flags = in_.byte();
      offload.gso_type = in_.byte();
      offload.gso_size = in_.byte();
      offload.checksum_start = (shape & 1) != 0 ? 40 : 20;
      offload.checksum_offset = in_.byte() % 32;
    }
    for (int changes = in_.byte() % 8; changes > 0; --changes) {
      packet[in_.byte() % packet.size()] = std::byte{in_.byte()};
    }
    if ((shape & 0x30) == 0x30) packet.resize(in_.byte() % (packet.size() + 1));
    if (packet.size() >= 20 && get8(packet, 0) == 0x45) {  // the damage is to go past this check
      set16(packet, 10, 0);
      set16(packet, 10, static_cast<uint16_t>(~slowSum(std::span(packet).first(20))));
    }
    inject(packet, offload);
    for (MemoryPacket& sent : port_.takeSent()) {
      MemoryPort copy;
      Packet out[1];
      require(copy.inject(sent.bytes, sent.offload) && copy.receive(out) == 1, "copy");
      PacketView view;
      require(parse(out[0], view).pass, "every output parses");
      require(out[0].length() == sent.bytes.size(), "every output says its length");
      require(sent.offload.isGso() || sent.bytes.size() <= 1500, "no output is above the MTU");
    }
    if (moved(Counter::kFragmentsReceived) != 0) fragments_unknown_ = true;
    model_->adopt(tables());
  }

  // --- What happened -----------------------------------------------------------------------------

  void snapshot() {
    for (size_t i = 0; i < kCounters; ++i) before_[i] = worker_->counters().read(i);
  }
  uint64_t moved(Counter counter) const {
    return count(counter) - before_[static_cast<size_t>(counter)];
  }
  uint64_t dropped() const {
    uint64_t sum = 0;
    for (size_t i = static_cast<size_t>(Counter::kDropNotIp); i < kCounters; ++i) {
      sum += moved(static_cast<Counter>(i));
    }
    return sum;
  }
  void inject(const Bytes& packet, const Offload& offload = {}) {
    snapshot();
    require(port_.inject(packet, offload), "inject");
    require(worker_->poll(nowMs()) == 1, "one packet");
  }
  bool inPool(Ipv4Address address) const {
    for (const Pool4Entry& entry : config_->translation.pool4) {
      if (entry.address == address) return true;
    }
    return false;
  }
  RefEnd4 poolOf(Proto proto, const End6& host) const {
    const uint32_t bib = tables().findBib(proto, host.address, Be16(host.port));
    require(bib != Tables::kNone, "a session has a BIB entry");
    return {tables().bib(bib).pool.host(), tables().bib(bib).pool_port.host()};
  }

  /// Holds what came out against what should have.
  void judge(const Outcome& expected, uint8_t protocol, bool from_v6) {
    const std::vector<MemoryPacket> sent = port_.takeSent();
    for (const MemoryPacket& packet : sent) {
      require(packet.bytes.size() <= 1500, "no output is above the MTU");
      require(look(packet.bytes).sound, "every output is sound");
    }
    if (!expected.forward) return judgeDrop(expected, sent, from_v6);
    if (dropped() != 0) fail("dropped, but was to be forwarded:", nameOfDrop());
    require(!sent.empty(), "forwarded");
    const Seen seen = look(sent[0].bytes);
    const bool echo = protocol == 58;
    if (from_v6 && !hairpin_) {
      require(sent.size() == 1 && seen.version == 4, "one IPv4 packet");
      require(seen.source4.host() == expected.pool.first, "from the pool address");
      require(seen.destination4.host() == expected.remote.first, "to the remote end");
      require((echo ? seen.identifier() : seen.sourcePort()) == expected.pool.second, "pool port");
      require(echo || seen.destinationPort() == expected.remote.second, "remote port");
      require(seen.hop_limit == 63, "the hop limit falls by one");
      return;
    }
    require(seen.version == 6 && seen.hop_limit == 63, "N64-HAIR-05: IPv6, hop limit less one");
    require(seen.source6 == wellKnown(end4(expected.remote).address), "N64-HAIR-02");
    require(seen.destination6.bytes == expected.host.first, "to the host");
    if (seen.fragment) return;
    require(sent.size() == 1, "one packet");
    require((echo ? seen.identifier() : seen.destinationPort()) == expected.host.second,
            "host port");
    require(echo || seen.sourcePort() == expected.remote.second, "remote port");
  }

  const char* nameOfDrop() const {
    for (size_t i = static_cast<size_t>(Counter::kDropNotIp); i < kCounters; ++i) {
      if (moved(static_cast<Counter>(i)) != 0) return counterInfos()[i].name;
    }
    return "nothing";
  }

  void judgeDrop(const Outcome& expected, const std::vector<MemoryPacket>& sent, bool from_v6) {
    require(dropped() == 1, "dropped, once");
    Counter reason = Counter::kCount;
    for (const Counter allowed : expected.reasons) {
      if (moved(allowed) == 1) reason = allowed;
    }
    if (reason == Counter::kCount) fail("dropped for another reason:", nameOfDrop());
    const bool no_room =
        from_v6 && !hairpin_ &&
        (reason == Counter::kDropBibFull || reason == Counter::kDropHostsFull ||
         reason == Counter::kDropSessionsFull || reason == Counter::kDropPool4Exhausted);
    if (!no_room && reason != Counter::kDropHopLimit) {
      return require(sent.empty(), "dropped in silence");
    }
    require(sent.size() == 1, "one ICMP error");
    const Seen seen = look(sent[0].bytes);
    if (reason == Counter::kDropHopLimit) {
      require(seen.type() == (from_v6 ? 3 : 11) && seen.code() == 0, "time exceeded");
    } else {
      require(seen.type() == 1 && seen.code() == 3, "N64-ORIG-01");
    }
  }

  // --- What must hold after every step -----------------------------------------------------------

  void check() {
    if (const auto what = model_->differs(tables())) fail("the tables differ:", *what);
    const Tables& t = tables();
    require(t.sessionCount() <= limits_.sessions && t.bibCount() <= limits_.bib, "N64-GEN-19");
    require(count(Counter::kSessionCreated) - count(Counter::kSessionExpired) -
                    count(Counter::kSessionRemoved) ==
                t.sessionCount(),
            "sessions are counted");
    require(count(Counter::kBibCreated) - count(Counter::kBibRemoved) == t.bibCount(),
            "BIB entries are counted");
    for (uint32_t n = 0; n < t.sessionsTouched(); ++n) {
      const Session& s = t.session(n);
      if (s.proto == Proto::kNone) continue;
      FlowV4 flow4{s.remote, s.pool, s.remote_port, s.pool_port, s.proto, 0};
      t.hash(flow4);
      require(t.find(flow4) == n, "the IPv4 index knows every session");
      FlowV6 flow6{s.host, s.remote, s.host_port, s.remote_port, s.proto, s.pool6, 0};
      t.hash(flow6);
      require(t.find(flow6) == (s.isHalf() ? Tables::kNone : n), "so does the IPv6 index");
      if (!s.isHalf()) require(t.passesFilter(t.bib(s.bib), s.bib, s.remote), "so does the filter");
    }
    uint32_t statics = 0;
    for (uint32_t n = 0; n < t.bibsTouched(); ++n) {
      const Bib& b = t.bib(n);
      if (b.proto == Proto::kNone) continue;
      statics += b.is_static ? 1 : 0;
      require(t.findBib(b.proto, b.host, b.host_port) == n, "the IPv6 BIB index");
      require(t.findBib(b.proto, b.pool, b.pool_port) == n, "the IPv4 BIB index");
      uint32_t sessions = 0;
      for (uint32_t s = b.first_session; s != Session::kNone; s = t.session(s).bib_next) {
        require(t.session(s).bib == n && ++sessions <= t.sessionCount(), "the BIB entry's list");
      }
      require(sessions == b.session_count, "the BIB entry's count");
      require(b.is_static || sessions != 0, "N64-GEN-08");
    }
    require(statics == t.staticBibCount(), "static entries are counted");
    std::vector<Pool4::Usage> usage;
    worker_->pool4(usage);
    require(usage.size() == config_->translation.pool4.size(), "the pool is the configured one");
    uint32_t hosts = 0;
    for (const Pool4::Usage& address : usage) {
      hosts += address.hosts;
      uint32_t used[kProtos] = {};
      for (uint32_t n = 0; n < t.bibsTouched(); ++n) {
        const Bib& b = t.bib(n);
        if (b.proto != Proto::kNone && b.pool == address.entry.address) ++used[protoIndex(b.proto)];
      }
      for (size_t p = 0; p < kProtos; ++p) require(used[p] == address.used[p], "ports in use");
    }
    require(hosts == t.hostCount(), "every host is paired with an address");
  }

  struct Pending {
    reference::HostKey source;
    uint32_t deadline;
  };

  Input& in_;
  Nat64Limits limits_;
  bool drop_inbound_tcp_ = false;
  std::shared_ptr<const Config> config_;
  std::vector<std::shared_ptr<const Config>> kept_;
  MemoryPort port_;
  std::unique_ptr<Worker> worker_;
  std::unique_ptr<reference::Nat64Model> model_;
  uint32_t now_ = 1000;
  bool hairpin_ = false;
  uint16_t identification_ = 0;
  std::vector<Pending> pending_;
  bool fragments_unknown_ = false;
  std::array<uint64_t, kCounters> before_{};
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Input input(data, size);
  Harness(input).run();
  return 0;
}
