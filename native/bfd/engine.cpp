// The thread's round: wait for a packet, a session's time or a command; take packets in first, so
// that what came while the thread had no processor counts before time does; then let time pass for
// every session; then set the timer to the next of their times.
#include "bfd/engine.h"

#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/timerfd.h>

#include <algorithm>
#include <chrono>

#include "bfd/engine_entry.h"
#include "bfd/sockets.h"

namespace platypus::bfd {
namespace {

// Full batches of one socket before time passes again: more than its buffer holds.
constexpr int kRounds = 8;

uint64_t epochMs() {
  using namespace std::chrono;
  return static_cast<uint64_t>(
      duration_cast<milliseconds>(system_clock::now().time_since_epoch()).count());
}

}  // namespace

void Engine::run() {
  (void)prctl(PR_SET_NAME, "bfd");
  // Ahead of the workers, where that is allowed: it needs little, but in time.
  (void)setpriority(PRIO_PROCESS, 0, -20);
  std::array<epoll_event, 16> events;
  for (;;) {
    const int ready = epoll_wait(epoll_.fd(), events.data(), static_cast<int>(events.size()), -1);
    const std::lock_guard guard(lock_);
    if (stopping_) return;
    const uint64_t now = nowUs();
    for (int i = 0; i < ready; ++i) work(events[static_cast<size_t>(i)].data.fd, now);
    advance(nowUs());
    arm();
  }
}

// A descriptor, not a pointer, comes out of epoll: what it stood for may be gone by now.
void Engine::work(int fd, uint64_t now) {
  if (fd == timer_.fd() || fd == wake_.fd()) return clear(fd);
  for (const auto& receiver : receivers_) {
    if (receiver->socket.fd() == fd) return drain(*receiver, now);
  }
}

void Engine::drain(Receiver& receiver, uint64_t now) {
  for (int round = 0; round < kRounds; ++round) {
    const size_t count = batch_.receive(receiver.socket.fd());
    for (size_t slot = 0; slot < count; ++slot) take(receiver, slot, now);
    if (count < ReceiveBatch::kSlots) return;
  }
}

void Engine::take(Receiver& receiver, size_t slot, uint64_t now) {
  // RFC 5881 §5. The kernel was told to say it with every packet.
  if (batch_.arrival(slot).hop_limit != kHopLimit) {
    ++counters_.hop_limit;
    return;
  }
  const size_t length = std::min(batch_.length(slot), batch_.slotBytes());
  const Parsed parsed = parsePacket(batch_.slot(slot).first(length));
  if (!parsed.packet) return countDiscard(parsed.discard);
  // RFC 5880 §6.3, RFC 5881 §3.
  const uint32_t discriminator = parsed.packet->your_discriminator;
  Entry* entry = discriminator != 0 ? byDiscriminator(discriminator)
                                    : byNeighbor(receiver, batch_.from(slot).address());
  if (entry == nullptr) {
    ++counters_.unknown_session;
    return;
  }
  ++counters_.received;
  ++entry->received;
  const Session::Reception reception = entry->session.receive(*parsed.packet, now);
  if (!reception.accepted) ++entry->dropped;
  settle(*entry);
  if (reception.answer) send(*entry, *reception.answer);
}

void Engine::countDiscard(Discard why) {
  switch (why) {
    case Discard::kVersion:
      ++counters_.version;
      break;
    case Discard::kLength:
      ++counters_.length;
      break;
    case Discard::kMultiplier:
      ++counters_.multiplier;
      break;
    case Discard::kMultipoint:
      ++counters_.multipoint;
      break;
    case Discard::kDiscriminator:
      ++counters_.discriminator;
      break;
    case Discard::kAuthentication:
      ++counters_.authentication;
      break;
  }
}

Engine::Entry* Engine::byDiscriminator(uint32_t discriminator) {
  Entry* entry = entries_[discriminator % kMostSessions].get();
  return entry != nullptr && entry->session.localDiscriminator() == discriminator ? entry : nullptr;
}

Engine::Entry* Engine::byNeighbor(const Receiver& receiver, const HostAddress& from) {
  Entry* anywhere = nullptr;
  Entry* alone = nullptr;
  size_t candidates = 0;
  for (const auto& entry : entries_) {
    if (!entry || entry->gone_us != Session::kNever) continue;
    const bool here = entry->receiver == &receiver;
    if (entry->options.remote == from) {
      if (here) return entry.get();
      if (entry->options.device.empty()) anywhere = entry.get();
    }
    if (here && entry->point_to_point) {
      alone = entry.get();
      ++candidates;
    }
  }
  if (anywhere != nullptr) return anywhere;
  // RFC 5881 §3: on a point-to-point link there is one neighbour, whatever its source address.
  return candidates == 1 ? alone : nullptr;
}

Engine::Entry* Engine::byId(uint32_t id) {
  for (const auto& entry : entries_) {
    if (entry && entry->id == id && entry->gone_us == Session::kNever) return entry.get();
  }
  return nullptr;
}

void Engine::advance(uint64_t now) {
  for (size_t slot = 0; slot < kMostSessions; ++slot) {
    Entry* entry = entries_[slot].get();
    if (entry == nullptr) continue;
    const auto packet = entry->session.advance(now);
    settle(*entry);
    if (packet) send(*entry, *packet);
    if (now >= entry->gone_us) erase(slot);
  }
}

void Engine::send(Entry& entry, const Packet& packet) {
  const auto bytes = encodePacket(packet);
  const ssize_t sent = sendto(entry.sender.fd(), bytes.data(), bytes.size(), MSG_DONTWAIT,
                              &entry.to.any, entry.to.size());
  if (sent < 0) {
    ++counters_.send_failed;
    return;
  }
  ++counters_.sent;
  ++entry.sent;
}

// Writes down what the session's last step was, and tells that there is something to take.
void Engine::settle(Entry& entry) {
  const Change now = entry.now();
  const bool up = now.state == State::kUp;
  if (up && !entry.up_since_ms) entry.up_since_ms = epochMs();
  if (!up && entry.up_since_ms) {
    entry.up_since_ms.reset();
    entry.fell = now;
  }
  if (entry.gone_us != Session::kNever || (now == entry.told && !entry.fell) || told_) return;
  told_ = true;
  ring(changes_);
}

void Engine::arm() {
  uint64_t next = Session::kNever;
  for (const auto& entry : entries_) {
    if (entry) next = std::min({next, entry->session.nextUs(), entry->gone_us});
  }
  itimerspec when{};
  if (next != Session::kNever) {
    // Zero would stop the timer; a time that has passed makes it ring at once.
    next = std::max<uint64_t>(next, 1);
    when.it_value.tv_sec = static_cast<time_t>(next / 1'000'000);
    when.it_value.tv_nsec = static_cast<long>(next % 1'000'000 * 1'000);
  }
  (void)timerfd_settime(timer_.fd(), TFD_TIMER_ABSTIME, &when, nullptr);
}

}  // namespace platypus::bfd
