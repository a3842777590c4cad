// The thread's round: wait for a packet, a session's time or a command; take packets in first, so
// that what came while the thread had no processor counts before time does; then let time pass for
// every session; then set the timer to the next of their times.
#include "bfd/engine.h"

#include <net/if.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/timerfd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <new>
#include <system_error>

#include "bfd/sockets.h"
#include "socket/options.h"

namespace platypus::bfd {
namespace {

// A packet with the longest authentication section has 52; more is of no meaning.
constexpr size_t kSlotBytes = 64;
// Full batches of one socket before time passes again: more than its buffer holds.
constexpr int kRounds = 8;
// A neighbour may ask for packets so rarely that its Detection Time is days.
constexpr uint64_t kMostFarewellUs = 30'000'000;
constexpr unsigned kSlotBits = 8;
static_assert(Engine::kMostSessions == 1u << kSlotBits);

uint64_t nowUs() {
  using namespace std::chrono;
  return static_cast<uint64_t>(
      duration_cast<microseconds>(steady_clock::now().time_since_epoch()).count());
}

uint64_t epochMs() {
  using namespace std::chrono;
  return static_cast<uint64_t>(
      duration_cast<milliseconds>(system_clock::now().time_since_epoch()).count());
}

uint64_t randomNumber() {
  uint64_t value = 0;
  // Before the pool is filled there is no network to speak of; then the clock has to do.
  if (getrandom(&value, sizeof value, GRND_NONBLOCK) != sizeof value) value = nowUs();
  return value;
}

bool isPointToPoint(int fd, const std::string& device) {
  ifreq request{};
  std::memcpy(request.ifr_name, device.c_str(), std::min(device.size(), sizeof request.ifr_name));
  return ioctl(fd, SIOCGIFFLAGS, &request) == 0 && (request.ifr_flags & IFF_POINTOPOINT) != 0;
}

void ring(const Descriptor& event) {
  const uint64_t one = 1;
  (void)!write(event.fd(), &one, sizeof one);
}

void clear(int fd) {
  uint64_t count;
  (void)!read(fd, &count, sizeof count);
}

}  // namespace

struct Engine::Receiver {
  int family;
  std::string device;
  Descriptor socket;
  size_t users = 0;
};

struct Engine::Entry {
  Change now() const { return {id, session.state(), session.diagnostic(), session.remoteState()}; }

  uint32_t id;
  SessionOptions options;
  Session session;
  Receiver* receiver;
  Descriptor sender;
  uint16_t port;
  SocketAddress to;
  bool point_to_point;
  uint64_t received = 0;
  uint64_t sent = 0;
  uint64_t dropped = 0;
  std::optional<uint64_t> up_since_ms = {};
  // Removed by the user; what is left is to tell the neighbour until then.
  uint64_t gone_us = Session::kNever;
  // As takeChanges() told it last, and a fall from Up since.
  Change told;
  std::optional<Change> fell = {};
};

// Where Entry and Receiver are known.
Engine::Engine() = default;

Engine::~Engine() {
  close();
}

Engine::Opened Engine::open() {
  std::unique_ptr<Engine> engine(new (std::nothrow) Engine());
  if (!engine || !engine->batch_.take(kSlotBytes)) return {nullptr, ENOMEM, "new"};
  engine->epoll_ = Descriptor(epoll_create1(EPOLL_CLOEXEC));
  engine->timer_ = Descriptor(timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK));
  engine->wake_ = Descriptor(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  engine->changes_ = Descriptor(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!engine->epoll_ || !engine->timer_ || !engine->wake_ || !engine->changes_) {
    return {nullptr, errno, "eventfd"};
  }
  for (const int fd : {engine->timer_.fd(), engine->wake_.fd()}) {
    epoll_event event{.events = EPOLLIN, .data = {.fd = fd}};
    if (epoll_ctl(engine->epoll_.fd(), EPOLL_CTL_ADD, fd, &event) != 0) {
      return {nullptr, errno, "epoll_ctl"};
    }
  }
  // std::thread throws where it finds no room, which ends a program without exceptions; there is
  // no other way to ask.
  engine->thread_ = std::thread([raw = engine.get()] { raw->run(); });
  return {std::move(engine), 0, ""};
}

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
  const size_t length = std::min(batch_.length(slot), kSlotBytes);
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

std::vector<Change> Engine::takeChanges() {
  const std::lock_guard guard(lock_);
  std::vector<Change> changes;
  told_ = false;
  if (!changes_) return changes;
  clear(changes_.fd());
  for (const auto& entry : entries_) {
    if (!entry || entry->gone_us != Session::kNever) continue;
    const Change now = entry->now();
    if (entry->fell && !(*entry->fell == now)) changes.push_back(*entry->fell);
    if (entry->fell || !(now == entry->told)) changes.push_back(now);
    entry->fell.reset();
    entry->told = now;
  }
  return changes;
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

void Engine::wake() {
  ring(wake_);
}

Engine::Added Engine::add(const SessionOptions& options) {
  const std::lock_guard guard(lock_);
  if (stopping_) return {0, EBADF, "bfd"};
  const bool families = !options.local || options.local->family == options.remote.family;
  const bool scoped = !options.remote.isLinkLocal() || !options.device.empty();
  if (!options.timing.valid() || options.remote.size() == 0 || options.remote.isMulticast() ||
      !families || !scoped) {
    return {0, EINVAL, "bfd"};
  }
  size_t free = kMostSessions;
  size_t leaving = kMostSessions;
  for (size_t slot = 0; slot < kMostSessions; ++slot) {
    const Entry* entry = entries_[slot].get();
    if (entry == nullptr) {
      free = std::min(free, slot);
      continue;
    }
    const bool same =
        entry->options.remote == options.remote && entry->options.device == options.device;
    if (entry->gone_us == Session::kNever) {
      if (same) return {0, EEXIST, "bfd"};
    } else if (same) {
      // The new session speaks for the neighbour from now on.
      erase(slot);
      free = std::min(free, slot);
    } else if (leaving == kMostSessions || entry->gone_us < entries_[leaving]->gone_us) {
      leaving = slot;
    }
  }
  if (free == kMostSessions && leaving != kMostSessions) {
    erase(leaving);
    free = leaving;
  }
  if (free == kMostSessions) return {0, ENOSPC, "bfd"};
  const Added added = place(options, free);
  if (added.error == 0) wake();
  return added;
}

Engine::Added Engine::place(const SessionOptions& options, size_t slot) {
  Added added;
  const int family = options.remote.family;
  const HostAddress any{.family = options.remote.family};
  uint16_t port = 0;
  OpenedSocket sender = openSender(options.local.value_or(any), options.device, ports_, port);
  if (!sender.socket) return {0, sender.error, sender.syscall};
  Receiver* receiver = receiverFor(family, options.device, added);
  if (receiver == nullptr) {
    ports_.erase(port);
    return added;
  }
  ++receiver->users;
  // The slot in the low bits, so that it is found without a search, and chance above.
  const auto chance = static_cast<uint32_t>(randomNumber() % ((1u << (32 - kSlotBits)) - 1) + 1);
  const uint32_t discriminator = chance << kSlotBits | static_cast<uint32_t>(slot);
  const bool point_to_point =
      !options.device.empty() && isPointToPoint(sender.socket.fd(), options.device);
  const uint32_t scope = options.device.empty() ? 0 : deviceIndex(options.device.c_str());
  added.id = next_id_++;
  entries_[slot].reset(
      new Entry{.id = added.id,
                .options = options,
                .session = Session(discriminator, options.timing, randomNumber(), nowUs()),
                .receiver = receiver,
                .sender = std::move(sender.socket),
                .port = port,
                .to = SocketAddress::of(options.remote, Be16(kControlPort), scope),
                .point_to_point = point_to_point,
                .told = {}});
  entries_[slot]->told = entries_[slot]->now();
  return added;
}

Engine::Receiver* Engine::receiverFor(int family, const std::string& device, Added& failure) {
  for (const auto& receiver : receivers_) {
    if (receiver->family == family && receiver->device == device) return receiver.get();
  }
  OpenedSocket opened = openReceiver(family, device);
  if (!opened.socket) {
    failure = {0, opened.error, opened.syscall};
    return nullptr;
  }
  const int fd = opened.socket.fd();
  epoll_event event{.events = EPOLLIN, .data = {.fd = fd}};
  if (epoll_ctl(epoll_.fd(), EPOLL_CTL_ADD, fd, &event) != 0) {
    failure = {0, errno, "epoll_ctl"};
    return nullptr;
  }
  receivers_.push_back(
      std::make_unique<Receiver>(Receiver{family, device, std::move(opened.socket)}));
  return receivers_.back().get();
}

void Engine::erase(size_t slot) {
  const std::unique_ptr<Entry> entry = std::move(entries_[slot]);
  ports_.erase(entry->port);
  if (--entry->receiver->users > 0) return;
  std::erase_if(receivers_, [&](const auto& each) { return each.get() == entry->receiver; });
}

int Engine::change(uint32_t id, const Timing& timing) {
  const std::lock_guard guard(lock_);
  Entry* entry = byId(id);
  if (entry == nullptr) return ENOENT;
  if (!timing.valid()) return EINVAL;
  entry->options.timing = timing;
  entry->session.change(timing);
  wake();
  return 0;
}

int Engine::adminDown(uint32_t id) {
  const std::lock_guard guard(lock_);
  Entry* entry = byId(id);
  if (entry == nullptr) return ENOENT;
  entry->session.adminDown();
  settle(*entry);
  wake();
  return 0;
}

int Engine::remove(uint32_t id) {
  const std::lock_guard guard(lock_);
  Entry* entry = byId(id);
  if (entry == nullptr) return ENOENT;
  entry->session.adminDown();
  // §6.8.16: told for a Detection Time, which is the neighbour's to count.
  entry->gone_us = nowUs() + std::min(entry->session.remoteDetectionTimeUs(), kMostFarewellUs);
  wake();
  return 0;
}

std::vector<SessionRow> Engine::sessions() {
  const std::lock_guard guard(lock_);
  std::vector<SessionRow> rows;
  for (const auto& entry : entries_) {
    if (!entry || entry->gone_us != Session::kNever) continue;
    const Session& session = entry->session;
    rows.push_back({.id = entry->id,
                    .options = entry->options,
                    .state = session.state(),
                    .diagnostic = session.diagnostic(),
                    .remote_state = session.remoteState(),
                    .remote_diagnostic = session.remoteDiagnostic(),
                    .local_discriminator = session.localDiscriminator(),
                    .remote_discriminator = session.remoteDiscriminator(),
                    .send_interval_us = session.sendIntervalUs(),
                    .detection_time_us = session.detectionTimeUs(),
                    .received = entry->received,
                    .sent = entry->sent,
                    .dropped = entry->dropped,
                    .up_since_ms = entry->up_since_ms,
                    .transitions = session.transitions()});
  }
  return rows;
}

Counters Engine::counters() {
  const std::lock_guard guard(lock_);
  return counters_;
}

void Engine::close() {
  {
    const std::lock_guard guard(lock_);
    if (stopping_) return;
    stopping_ = true;
    for (const auto& entry : entries_) {
      if (!entry) continue;
      entry->session.adminDown();
      if (const auto packet = entry->session.advance(nowUs())) send(*entry, *packet);
    }
    if (wake_) wake();
  }
  if (thread_.joinable()) thread_.join();
  const std::lock_guard guard(lock_);
  for (auto& entry : entries_) entry.reset();
  receivers_.clear();
  changes_.close();
}

}  // namespace platypus::bfd
