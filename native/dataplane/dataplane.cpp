#include "dataplane/dataplane.h"

#include <sched.h>
#include <signal.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "dataplane/steering.h"

namespace platypus {
namespace {

/// How long an idle worker sleeps at most: timers are looked at this often.
constexpr int kIdleWaitMs = 100;

uint64_t clockMs() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1000 + static_cast<uint64_t>(now.tv_nsec) / 1'000'000;
}

bool draw(void* to, size_t bytes) {
  return getrandom(to, bytes, 0) == static_cast<ssize_t>(bytes);
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
  std::vector<std::unique_ptr<Port>> ports;
  TunPort* first = nullptr;
  for (uint16_t i = 0; i < options.workers; ++i) {
    TunPort::Opened opened = i == 0 ? TunPort::open(options.device, {.queues = options.workers,
                                                                     .slots = Worker::kBurst,
                                                                     .offload = options.offload})
                                    : first->openQueue();
    if (opened.port == nullptr) return {nullptr, opened.error, opened.syscall};
    if (i == 0) first = opened.port.get();
    ports.push_back(std::move(opened.port));
  }
  Opened opened = open(options, std::move(ports));
  if (opened.dataplane == nullptr) return opened;
  opened.dataplane->device_ = first->name();
  opened.dataplane->capabilities_ = first->capabilities();
  if (options.workers > 1) {
    const int program = loadSteering(steeringProgram(options.mode, opened.dataplane->owners_));
    // Without it packets arrive anywhere, and are handed over.
    opened.dataplane->steered_ = program >= 0 && first->steer(program) == 0;
    if (program >= 0) close(program);
  }
  return opened;
}

Dataplane::Opened Dataplane::open(const Options& options,
                                  std::vector<std::unique_ptr<Port>> ports) {
  struct {
    Owners::Keys owners;
    uint64_t identification;
  } secrets;
  if (!draw(&secrets, sizeof secrets)) return {nullptr, EIO, "getrandom"};
  std::unique_ptr<Dataplane> dataplane(
      new Dataplane(Owners(options.workers, options.subscriber_bits, secrets.owners)));
  dataplane->notify_ = options.notify;
  dataplane->context_ = options.context;
  dataplane->cpus_ = options.cpus;
  if (options.workers > 1) {
    dataplane->handover_ = std::make_unique<Handover>(dataplane->owners_);
    if (!dataplane->handover_->ok()) return {nullptr, ENOMEM, "mmap"};
  }
  for (auto& port : ports) {
    const int error = dataplane->addLane(options, std::move(port), secrets.identification);
    if (error != 0) return {nullptr, error, error == ENOMEM ? "mmap" : "getrandom"};
  }
  return {std::move(dataplane), 0, ""};
}

int Dataplane::addLane(const Options& options, std::unique_ptr<Port> port,
                       uint64_t identification_secret) {
  const auto index = static_cast<uint16_t>(lanes_.size());
  auto lane = std::make_unique<Lane>();
  lane->port = std::move(port);
  lane->index = index;
  lane->dataplane = this;
  if (handover_ != nullptr) handover_->setPort(index, *lane->port);
  Worker::Options worker{.mode = options.mode,
                         .limits = share(options.limits, options.workers),
                         .shard = {.index = index, .count = options.workers},
                         .seed = {},
                         .identification_secret = identification_secret,
                         .handover = handover_.get()};
  if (!draw(worker.seed.data(), sizeof worker.seed)) return EIO;
  lane->worker = std::make_unique<Worker>(*lane->port, worker);
  if (!lane->worker->ok()) return ENOMEM;
  lane->worker->use(options.config);
  while (!lane->worker->continueUse()) {
  }
  lanes_.push_back(std::move(lane));
  return 0;
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
    error = startThread(*lane);
    if (error != 0) break;
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return error;
}

int Dataplane::startThread(Lane& lane) {
  pthread_attr_t attributes;
  int error = pthread_attr_init(&attributes);
  if (error != 0) return error;
  if (!cpus_.empty()) {
    // Before it runs, so that the thread never works elsewhere.
    cpu_set_t cpus;
    CPU_ZERO(&cpus);
    CPU_SET(cpus_[lane.index], &cpus);
    error = pthread_attr_setaffinity_np(&attributes, sizeof cpus, &cpus);
  }
  lane.running.store(true, std::memory_order_relaxed);
  if (error == 0) error = pthread_create(&lane.thread, &attributes, &Dataplane::run, &lane);
  pthread_attr_destroy(&attributes);
  if (error != 0) {
    lane.running.store(false, std::memory_order_relaxed);
    return error;
  }
  lane.started = true;
  const std::string name = "platypus-" + std::to_string(lane.index);
  pthread_setname_np(lane.thread, name.c_str());
  return 0;
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
    if (packets == 0 && !lane.worker->isBehind()) lane.dataplane->sleep(lane);
  }
  lane.running.store(false, std::memory_order_release);
  return nullptr;
}

/// Waits for packets, requests and other workers.
void Dataplane::sleep(Lane& lane) {
  if (handover_ == nullptr) return lane.port->wait(kIdleWaitMs);
  if (!handover_->beginSleep(lane.index)) return;
  lane.port->wait(kIdleWaitMs);
  handover_->endSleep(lane.index);
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
