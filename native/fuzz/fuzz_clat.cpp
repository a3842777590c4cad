// Arbitrary events for a CLAT: advertisements, DNS answers, duplicates, and a clock that goes on.
// Nothing may be read past its end, and what the machine plans must keep its promises: it never
// runs without a prefix, a prefix never outlives what was said of it, and the next deadline is
// always ahead.
//
// Input: records of a kind (1 byte), a length (1 byte) and so many bytes.
#include <cstdlib>
#include <cstring>

#include "clat/instance.h"
#include "clat/resolv_conf.h"

namespace {

using namespace platypus;
using namespace platypus::clat;

constexpr Ipv6Address kRouters[2] = {{{0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}},
                                     {{0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2}}};

void require(bool holds) {
  if (!holds) std::abort();
}

Uplink uplinkOf(uint8_t seed) {
  Uplink uplink;
  uplink.present = true;
  uplink.running = (seed & 1) == 0;
  uplink.index = 2u + (seed >> 7);
  uplink.mtu = 1280u + seed;
  uplink.native4 = (seed & 2) != 0;
  uplink.taken = static_cast<uint8_t>(seed >> 1);
  uplink.network_count = (seed >> 2) & 1u;
  uplink.networks[0].address.bytes = {0x20, 0x01, 0x0d, 0xb8, seed};
  uplink.address_count = (seed >> 3) & 1u;
  uplink.addresses[0].address.bytes = {0x20, 0x01, 0x0d, 0xb8, seed, 1};
  return uplink;
}

// A whole advertisement around the options, so that the fuzzer need not find the header.
size_t wrap(std::span<const std::byte> options, std::span<std::byte, 272> message) {
  static constexpr uint8_t kHeader[16] = {134, 0, 0, 0, 64, 0, 7, 8};
  std::memcpy(message.data(), kHeader, sizeof kHeader);
  if (!options.empty()) std::memcpy(message.data() + 16, options.data(), options.size());
  return 16 + options.size();
}

// The answer with the id and question that were asked, whatever else it says.
size_t answerTo(const Ask& ask, std::span<const std::byte> rest, std::span<std::byte, 320> out) {
  std::memcpy(out.data(), ask.question.data(), ask.question.size());
  if (!rest.empty()) std::memcpy(out.data() + 2, rest.data(), std::min<size_t>(rest.size(), 10));
  out[2] |= std::byte{0x80};
  out[4] = std::byte{0};
  out[5] = std::byte{1};
  const auto tail = rest.subspan(std::min<size_t>(rest.size(), 10));
  if (!tail.empty()) std::memcpy(out.data() + ask.question.size(), tail.data(), tail.size());
  return ask.question.size() + tail.size();
}

void check(const Instance& instance, uint64_t now_ms) {
  const Plan& plan = instance.plan();
  const Prefixes& prefixes = instance.discovery().current();
  require((prefixes.list.count > 0) == (prefixes.source != Source::kNone));
  require(prefixes.list.count <= kMostPrefixes);
  for (const Pref64& prefix : prefixes.list.all()) {
    require(isUsablePrefix(prefix.address(), prefix.length()));
  }
  require(instance.deadlineMs(now_ms) > now_ms);
  if (plan.state != State::kRunning) return;
  require(plan.prefixes.list.count > 0);
  if (!plan.shared.isUnspecified()) require(plan.address.bytes[0] == 0xfd && !plan.neighbour);
  require(plan.mtu6 >= 1280 && plan.mtu6 <= 65'535 && plan.mtu4 == plan.mtu6 - 28);
  require(isChecksumNeutral(plan.address, plan.prefixes.list.prefixes[0], plan.ipv4));
  require(plan.ipv4.host() >= 0xc0000001 && plan.ipv4.host() <= 0xc0000006);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto input = std::as_bytes(std::span(data, size));
  (void)parseResolvConf({reinterpret_cast<const char*>(data), size});
  (void)parseAdvertisement(input, {.source = kRouters[0], .hop_limit = 255});
  (void)parsePref64(input);
  if (size >= 2) (void)parseAnswer(input, static_cast<uint16_t>(data[0] << 8 | data[1]));
  (void)isDuplicate(input, {.source = {}, .hop_limit = 255}, kRouters[1], {});

  Settings settings;
  settings.uplink = DeviceName("eth0");
  settings.discovery.resolvers = {.addresses = {kRouters[0]}, .count = 1};
  if (size > 0 && (data[0] & 0x80) != 0) {
    settings.discovery.fallbacks.add(Pref64(Ipv6Address{{0, 0x64, 0xff, 0x9b}}, 96));
  }
  uint64_t now_ms = 1;
  Instance instance(settings, now_ms);
  instance.onUplink(uplinkOf(4), now_ms);
  std::optional<Ask> asked;
  std::span<const std::byte> rest = input;
  while (rest.size() >= 2) {
    const auto kind = std::to_integer<unsigned>(rest[0]);
    const size_t length = std::min(std::to_integer<size_t>(rest[1]), rest.size() - 2);
    const auto body = rest.subspan(2, length);
    rest = rest.subspan(2 + length);
    const Arrival arrival{.source = kRouters[(kind >> 3) & 1], .hop_limit = 255};
    switch (kind & 7) {
      case 0: {
        std::array<std::byte, 272> message;
        const size_t bytes = wrap(body, message);
        instance.onIcmp(std::span(message).first(bytes), arrival, now_ms);
        break;
      }
      case 1:
        instance.onIcmp(body, arrival, now_ms);
        break;
      case 2:
        if (asked) {
          std::array<std::byte, 320> answer;
          const size_t bytes = answerTo(*asked, body, answer);
          instance.onAnswer(std::span(answer).first(bytes), now_ms);
        }
        break;
      case 3:
        instance.onAnswer(body, now_ms);
        break;
      case 4:
        instance.onUplink(uplinkOf(static_cast<uint8_t>(length)), now_ms);
        break;
      case 5:
        now_ms = instance.deadlineMs(now_ms);
        break;
      default:
        now_ms += uint64_t{1} << (length & 31);
    }
    if (auto actions = instance.advance(now_ms, now_ms * 0x9e3779b97f4a7c15u); actions.ask) {
      asked = actions.ask;
    }
    check(instance, now_ms);
  }
  // Lifetimes are at most 2^32 s for resolvers, 65528 s for prefixes and a day for DNS: after that
  // nothing of what the network said may be left.
  now_ms += uint64_t{90'000'000};
  (void)instance.advance(now_ms, 1);
  const Source source = instance.discovery().current().source;
  require(source == Source::kNone || source == Source::kFallback);
  return 0;
}
