// A BFD session under any packets, times and commands. Whatever comes: nothing is read past a
// datagram's end, what is sent is a packet that a neighbour would take, states follow RFC 5880
// §6.2, and time never stands still.
#include <array>
#include <cstdlib>
#include <optional>

#include "bfd/session.h"
#include "fuzz/input.h"

namespace {

using namespace platypus::bfd;
using platypus::fuzz::Input;

constexpr uint32_t kMine = 0x11;

void require(bool holds) {
  if (!holds) std::abort();
}

bool follows(State before, State after) {
  if (before == after || after == State::kAdminDown) return true;
  if (before == State::kAdminDown) return false;
  return after == State::kDown || before == State::kDown ||
         (before == State::kInit && after == State::kUp);
}

uint32_t word(Input& input) {
  const uint32_t high = input.byte();
  const uint32_t low = input.byte();
  // Of every magnitude, zero among them.
  return (high << 8 | low) << (input.byte() % 17);
}

struct Machine {
  explicit Machine(const Timing& timing) : session(kMine, timing, timing.interval_us, 0) {}

  void checkSent(const Packet& packet, bool answer) {
    require(packet.final == answer && !(packet.poll && packet.final));
    require(packet.my_discriminator == kMine && packet.state == session.state());
    require(packet.state == State::kUp || packet.desired_min_tx_us >= Session::kSlowIntervalUs);
    require(!packet.demand && packet.required_min_echo_rx_us == 0);
    const auto bytes = encodePacket(packet);
    const Parsed parsed = parsePacket(bytes);
    require(parsed.packet && *parsed.packet == packet);
  }

  void receive(const Packet& packet) {
    const Session::Reception reception = session.receive(packet, now);
    require(reception.accepted == (session.state() != State::kAdminDown));
    require(!reception.answer || packet.poll);
    require(!packet.poll || !reception.accepted || reception.answer);
    if (reception.answer) checkSent(*reception.answer, true);
    require(session.remoteDiscriminator() == packet.my_discriminator);
    require(session.detectionTimeUs() >= packet.multiplier * uint64_t{packet.desired_min_tx_us});
    require(session.nextUs() <= now + session.detectionTimeUs());
  }

  void advance() {
    const auto packet = session.advance(now);
    if (packet) {
      checkSent(*packet, false);
      require(session.sendIntervalUs() != 0);
    }
    require(session.nextUs() > now);
  }

  // What holds between any two steps.
  void check() {
    const State state = session.state();
    require(follows(before, state));
    require((state == before) || session.transitions() > transitions);
    before = state;
    transitions = session.transitions();
    const bool heard = session.remoteDiscriminator() != 0;
    require(heard == (session.detectionTimeUs() != 0));
    require(heard || (state != State::kInit && state != State::kUp));
    if (state == State::kUp) require(session.diagnostic() == Diagnostic::kNone);
  }

  // Silence for as long as it takes ends what is Up.
  void finish() {
    if (session.detectionTimeUs() == 0) return;
    now += session.detectionTimeUs();
    advance();
    require(session.remoteDiscriminator() == 0);
    require(session.state() == State::kDown || session.state() == State::kAdminDown);
  }

  uint64_t now = 0;
  Session session;
  State before = State::kDown;
  uint32_t transitions = 0;
};

Timing timingFrom(Input& input) {
  Timing timing{.interval_us = word(input), .multiplier = input.byte()};
  return timing.valid() ? timing : Timing{.interval_us = 50'000, .multiplier = 3};
}

// A datagram of as many octets as it says, so that a sanitizer sees one too many.
std::optional<Packet> datagram(Input& input) {
  std::array<std::byte, 64> bytes{};
  const size_t length = input.byte() % bytes.size();
  auto* exact = new std::byte[length];
  for (size_t at = 0; at < length; ++at) exact[at] = std::byte{input.byte()};
  const Parsed parsed = parsePacket({exact, length});
  delete[] exact;
  if (!parsed.packet) return std::nullopt;
  require(length >= kPacketBytes && parsed.packet->multiplier != 0);
  require(parsed.packet->my_discriminator != 0);
  const Parsed again = parsePacket(encodePacket(*parsed.packet));
  require(again.packet && *again.packet == *parsed.packet);
  return parsed.packet;
}

// One that is worth a session's attention, from few octets.
Packet packetFrom(Input& input) {
  const uint8_t flags = input.byte();
  return {.diagnostic = static_cast<Diagnostic>(flags & 7),
          .state = static_cast<State>(flags >> 6),
          .poll = (flags & 0x20) != 0,
          .final = (flags & 0x10) != 0,
          .demand = (flags & 0x08) != 0,
          .multiplier = static_cast<uint8_t>(input.byte() | 1),
          .my_discriminator = input.byte() | 0x100u,
          .your_discriminator = kMine,
          .desired_min_tx_us = word(input),
          .required_min_rx_us = word(input)};
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Input input(data, size);
  Machine machine(timingFrom(input));
  while (!input.empty()) {
    switch (input.byte() % 8) {
      case 0:
        if (const auto packet = datagram(input)) machine.receive(*packet);
        break;
      case 1:
      case 2:
        machine.receive(packetFrom(input));
        break;
      case 3:
        machine.now += word(input);
        machine.advance();
        break;
      case 4:
      case 5:
        if (machine.session.nextUs() != Session::kNever) {
          machine.now = std::max(machine.now, machine.session.nextUs());
        }
        machine.advance();
        break;
      case 6:
        machine.session.change(timingFrom(input));
        break;
      default:
        if (input.byte() == 0x55) machine.session.adminDown();
    }
    machine.check();
  }
  machine.finish();
  return 0;
}
