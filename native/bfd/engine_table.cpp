// The callers' side of the engine: how it is opened and closed, sessions come and go, and what is
// asked about them. Each call takes the lock, and wakes the thread when that has something to do.
#include <net/if.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <sys/timerfd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <new>

#include "bfd/engine_entry.h"
#include "bfd/sockets.h"
#include "socket/options.h"

namespace platypus::bfd {
namespace {

// A packet with the longest authentication section has 52; more is of no meaning.
constexpr size_t kSlotBytes = 64;
// A neighbour may ask for packets so rarely that its Detection Time is days.
constexpr uint64_t kMostFarewellUs = 30'000'000;
constexpr unsigned kSlotBits = 8;
static_assert(Engine::kMostSessions == 1u << kSlotBits);

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

}  // namespace

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

}  // namespace platypus::bfd
