#include "dataplane/dataplane.h"

#include <signal.h>
#include <sys/random.h>
#include <time.h>

#include <cerrno>

namespace platypus {
namespace {

/// How long an idle worker sleeps at most: timers are looked at this often.
constexpr int kIdleWaitMs = 100;

uint64_t clockMs() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1000 + static_cast<uint64_t>(now.tv_nsec) / 1'000'000;
}

Nat64Limits share(Nat64Limits limits, uint16_t workers) {
  const auto part = [workers](uint32_t whole) { return (whole + workers - 1) / workers; };
  limits.sessions = part(limits.sessions);
  limits.bib = part(limits.bib);
  limits.hosts = part(limits.hosts);
  limits.reassembly = part(limits.reassembly);
  limits.stored_syns = part(limits.stored_syns);
  return limits;
}

}  // namespace

Dataplane::Opened Dataplane::open(const Options& options) {
  std::unique_ptr<Dataplane> dataplane(new Dataplane());
  dataplane->notify_ = options.notify;
  dataplane->context_ = options.context;
  for (uint16_t i = 0; i < options.workers; ++i) {
    TunPort::Opened opened =
        i == 0 ? TunPort::open(options.device, {.queues = options.workers, .slots = Worker::kBurst})
               : dataplane->lanes_.front()->port->openQueue();
    if (opened.port == nullptr) return {nullptr, opened.error, opened.syscall};
    auto lane = std::make_unique<Lane>();
    lane->port = std::move(opened.port);
    lane->dataplane = dataplane.get();
    Worker::Options worker{.mode = options.mode,
                           .limits = share(options.limits, options.workers),
                           .shard = {.index = i, .count = options.workers},
                           .seed = {}};
    if (getrandom(worker.seed.data(), sizeof worker.seed, 0) !=
        static_cast<ssize_t>(sizeof worker.seed)) {
      return {nullptr, EIO, "getrandom"};
    }
    lane->worker = std::make_unique<Worker>(*lane->port, worker);
    if (!lane->worker->ok()) return {nullptr, ENOMEM, "mmap"};
    lane->worker->use(options.config);
    while (!lane->worker->continueUse()) {
    }
    dataplane->lanes_.push_back(std::move(lane));
  }
  return {std::move(dataplane), 0, ""};
}

Dataplane::~Dataplane() {
  stop();
}

int Dataplane::start() {
  // Signals belong to the control thread.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  int error = 0;
  for (auto& lane : lanes_) {
    if (lane->started) continue;
    lane->running.store(true, std::memory_order_relaxed);
    error = pthread_create(&lane->thread, nullptr, &Dataplane::run, lane.get());
    if (error != 0) {
      lane->running.store(false, std::memory_order_relaxed);
      break;
    }
    lane->started = true;
    pthread_setname_np(lane->thread, "platypus-worker");
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return error;
}

void* Dataplane::run(void* argument) {
  auto& lane = *static_cast<Lane*>(argument);
  std::unique_ptr<Request> current;
  while (!lane.stopping.load(std::memory_order_acquire) && !lane.port->gone()) {
    const size_t packets = lane.worker->poll(clockMs());
    if (current == nullptr && !lane.inbox.maybeEmpty()) current = lane.inbox.take();
    if (current != nullptr) {
      if (current->step(*lane.worker)) {
        lane.outbox.put(std::move(current));
        if (lane.dataplane->notify_ != nullptr) lane.dataplane->notify_(lane.dataplane->context_);
      }
      continue;
    }
    if (packets == 0 && !lane.worker->isBehind()) lane.port->wait(kIdleWaitMs);
  }
  lane.running.store(false, std::memory_order_release);
  return nullptr;
}

void Dataplane::stop() {
  for (auto& lane : lanes_) {
    lane->stopping.store(true, std::memory_order_release);
    lane->port->wake();
  }
  for (auto& lane : lanes_) {
    if (lane->started) pthread_join(lane->thread, nullptr);
    lane->started = false;
  }
  lanes_.clear();
}

bool Dataplane::alive() const {
  if (lanes_.empty()) return false;
  for (const auto& lane : lanes_) {
    if (!lane->running.load(std::memory_order_acquire)) return false;
  }
  return true;
}

void Dataplane::ask(size_t worker, std::unique_ptr<Request> request) {
  Lane& lane = *lanes_[worker];
  lane.inbox.put(std::move(request));
  lane.port->wake();
}

std::unique_ptr<Request> Dataplane::answer() {
  for (auto& lane : lanes_) {
    if (auto request = lane->outbox.take()) return request;
  }
  return nullptr;
}

void Dataplane::readCounters(std::array<uint64_t, kCounters>& sums) const {
  sums.fill(0);
  for (const auto& lane : lanes_) {
    for (size_t i = 0; i < kCounters; ++i) sums[i] += lane->worker->counters().read(i);
  }
}

}  // namespace platypus
