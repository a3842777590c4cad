// A trial's way: memory for what may arrive, receivers, senders at one moment, the wait for frames
// on their way, the sum.
#include "tester/tester.h"

#include <sched.h>
#include <signal.h>

#include <cerrno>
#include <new>

#include "tester/clock.h"

namespace platypus::tester {
namespace {

/// From the start of the threads to the first frame.
constexpr uint64_t kLeadNs = 20'000'000;
/// After the last missing frame: time for duplicates.
constexpr uint64_t kQuietNs = 10'000'000;
constexpr long kLookNs = 1'000'000;

/// A thread with all signals blocked: they belong to Node's.
int startThread(pthread_t& thread, void* (*run)(void*), void* argument, const char* name) {
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  const int error = pthread_create(&thread, nullptr, run, argument);
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (error == 0) pthread_setname_np(thread, name);
  return error;
}

void pin(int cpu) {
  if (cpu < 0 || cpu >= CPU_SETSIZE) return;
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(static_cast<size_t>(cpu), &set);
  (void)sched_setaffinity(0, sizeof set, &set);
}

/// A callable on a thread, joined at the end of the scope.
template <typename Body>
class Thread {
 public:
  Thread(const char* name, Body body) : body_(std::move(body)) {
    error_ = startThread(
        thread_,
        [](void* self) -> void* {
          static_cast<Thread*>(self)->body_();
          return nullptr;
        },
        this, name);
  }
  Thread(const Thread&) = delete;
  Thread& operator=(const Thread&) = delete;
  ~Thread() { join(); }
  void join() {
    if (error_ == 0 && !joined_) pthread_join(thread_, nullptr);
    joined_ = true;
  }
  int error() const { return error_; }

 private:
  Body body_;
  pthread_t thread_{};
  int error_ = 0;
  bool joined_ = false;
};

template <typename Body>
std::unique_ptr<Thread<Body>> onThread(const char* name, Body body) {
  return std::unique_ptr<Thread<Body>>(new (std::nothrow) Thread<Body>(name, std::move(body)));
}

// The addresses of the cable's ends would let the kernel look at each frame; another's it leaves.
constexpr Mac kNobody{std::byte{2}, std::byte{0}, std::byte{0},
                      std::byte{0}, std::byte{0}, std::byte{1}};
constexpr const char* kCableEnds[kSides] = {"bench0", "bench1"};

}  // namespace

Tester::Opened Tester::open(const Options& options) {
  Opened opened;
  std::unique_ptr<Tester> tester(new (std::nothrow) Tester);
  const auto fail = [&](const char* step, int error, size_t side) {
    opened.failure = {.step = step, .error = error};
    opened.side = side;
    return std::move(opened);
  };
  if (tester == nullptr) return fail("memory", ENOMEM, 0);
  tester->sender_cpu_ = options.sender_cpu;
  tester->receiver_cpu_ = options.receiver_cpu;
  tester->table_ = StateTable(options.state_flows);
  if (!tester->table_.ok()) return fail("memory", ENOMEM, 0);

  if (options.loop) {
    size_t side = 0;
    OpenFailure failure;
    auto thread = onThread("bench-open", [&] {
      if (const int error = makeCable(kCableEnds[0], kCableEnds[1]); error != 0) {
        failure = {.step = "cable", .error = error};
        return;
      }
      for (side = 0; side < kSides && !failure; ++side) {
        SideOptions end;
        end.device = kCableEnds[side];
        end.next_hop = kNobody;
        failure = tester->sides_[side].open(end, options.ring_bytes);
      }
    });
    if (thread == nullptr || thread->error() != 0) return fail("thread", EAGAIN, 0);
    thread->join();
    if (failure) return fail(failure.step, failure.error, side == 0 ? 0 : side - 1);
    opened.tester = std::move(tester);
    return opened;
  }

  for (size_t side = 0; side < kSides; ++side) {
    OpenFailure failure;
    const SideOptions& wanted = options.sides[side];
    auto thread = onThread("bench-open", [&] {
      if (!wanted.network_namespace.empty()) {
        const int error = enterNamespace(wanted.network_namespace);
        if (error != 0) {
          failure = {.step = "namespace", .error = error};
          return;
        }
      }
      failure = tester->sides_[side].open(wanted, options.ring_bytes);
    });
    if (thread == nullptr || thread->error() != 0) return fail("thread", EAGAIN, side);
    thread->join();
    if (failure) return fail(failure.step, failure.error, side);
  }
  opened.tester = std::move(tester);
  return opened;
}

Tester::~Tester() {
  if (!running_) return;
  abort();
  pthread_join(thread_, nullptr);
}

bool Tester::valid(const Trial& trial) const {
  if (trial.streams.empty() || trial.streams.size() > kMostStreams) return false;
  bool records = false;
  bool answers = false;
  for (const Stream& stream : trial.streams) {
    const bool v6 = stream.family == Family::kV6;
    const bool answer = stream.state == Stream::State::kAnswer;
    if (stream.from >= kSides || stream.flows == 0 || stream.sizes.empty()) return false;
    if (uint64_t{stream.first_flow} + stream.flows > kMostFlows) return false;
    if (stream.burst == 0 || stream.burst > Sender::kMostBurst) return false;
    if (stream.gather == 0 || stream.gather > stream.burst) return false;
    if (stream.source_ports.count == 0 || stream.destination_ports.count == 0) return false;
    if (stream.state != Stream::State::kNone && table_.capacity() == 0) return false;
    if (answer && v6) return false;
    if (!answer && (v6 ? stream.sources6.empty() || stream.destinations6.empty()
                       : stream.sources4.empty() || stream.destinations4.empty())) {
      return false;
    }
    for (const uint16_t size : stream.sizes) {
      if (size < (v6 ? kLeastFrame6 : kLeastFrame4) || size > kMostFrame) return false;
    }
    records |= stream.state == Stream::State::kRecord;
    answers |= answer;
  }
  return !(records && answers);
}

int Tester::start(Trial trial, Notify notify, void* context) {
  if (running_) return EBUSY;
  if (!valid(trial)) return EINVAL;
  trial_ = std::move(trial);
  result_ = {};
  notify_ = notify;
  context_ = context;
  stop_sending_ = false;
  stop_receiving_ = false;
  const int error = startThread(thread_, &Tester::coordinate, this, "bench-trial");
  running_ = error == 0;
  return error;
}

void* Tester::coordinate(void* self) {
  auto& tester = *static_cast<Tester*>(self);
  tester.runTrial();
  tester.notify_(tester.context_);
  return nullptr;
}

TrialResult Tester::finish() {
  if (running_) pthread_join(thread_, nullptr);
  running_ = false;
  return std::move(result_);
}

void Tester::runTrial() {
  // Another number than that of a frame which nobody wrote.
  if (++trials_ == 0) ++trials_;
  const size_t streams = trial_.streams.size();
  std::array<Arrivals, kMostStreams> arrivals;
  std::array<std::unique_ptr<Sender>, kMostStreams> senders;
  std::array<std::array<Receiver::Expected, kMostStreams>, kSides> expected{};
  for (size_t i = 0; i < streams; ++i) {
    const Stream& stream = trial_.streams[i];
    arrivals[i] = Arrivals(stream.frames, stream.samples);
    senders[i].reset(new (std::nothrow) Sender(stream, static_cast<uint8_t>(i), trials_,
                                               sides_[stream.from], &table_));
    if (!arrivals[i].ok() || senders[i] == nullptr || !senders[i]->ok()) {
      result_.error = ENOMEM;
      return;
    }
    expected[1 - stream.from][i] = {.arrivals = &arrivals[i], .state = stream.state};
  }

  std::array<Receiver, kSides> receivers{Receiver(sides_[0], trials_, expected[0], &table_),
                                         Receiver(sides_[1], trials_, expected[1], &table_)};
  const auto receive = [&](size_t side) {
    return onThread("bench-receive", [this, side, &receivers] {
      pin(receiver_cpu_[side]);
      receivers[side].run(stop_receiving_);
    });
  };
  for (Side& side : sides_) side.drain();
  const uint64_t start = monotonicNow() + kLeadNs;
  const auto send = [&](size_t i) {
    return onThread("bench-send", [this, i, start, &senders] {
      pin(sender_cpu_[trial_.streams[i].from]);
      senders[i]->run(start, stop_sending_);
    });
  };
  std::array<decltype(receive(0)), kSides> receiving{receive(0), receive(1)};
  std::array<decltype(send(0)), kMostStreams> sending;
  for (size_t i = 0; i < streams; ++i) sending[i] = send(i);
  for (const auto& thread : receiving) {
    if (thread == nullptr || thread->error() != 0) result_.error = EAGAIN;
  }
  for (size_t i = 0; i < streams; ++i) {
    if (sending[i] == nullptr || sending[i]->error() != 0) result_.error = EAGAIN;
  }
  if (result_.error != 0) stop_sending_ = true;
  for (auto& thread : sending) {
    if (thread != nullptr) thread->join();
  }

  // Frames on their way: until all are there, or for as long as was allowed.
  uint64_t end = monotonicNow() + uint64_t{trial_.settle_ms} * 1'000'000;
  bool complete = false;
  while (!stop_sending_.load(std::memory_order_relaxed) && monotonicNow() < end) {
    if (!complete) {
      complete = true;
      for (size_t i = 0; i < streams; ++i) {
        const size_t to = 1 - trial_.streams[i].from;
        complete &=
            receivers[to].progress(i) >= senders[i]->result().sent - senders[i]->result().refused;
      }
      if (complete) end = std::min(end, monotonicNow() + kQuietNs);
    }
    const timespec pause{.tv_sec = 0, .tv_nsec = kLookNs};
    nanosleep(&pause, nullptr);
  }
  result_.aborted = stop_sending_;
  stop_receiving_ = true;
  for (auto& thread : receiving) {
    if (thread != nullptr) thread->join();
  }

  for (size_t i = 0; i < streams; ++i) {
    TrialResult::OfStream of;
    of.sender = senders[i]->result();
    of.received = arrivals[i].received;
    of.duplicates = arrivals[i].duplicates;
    of.reordered = arrivals[i].reordered;
    if (of.sender.error != 0) result_.error = of.sender.error;
    if (arrivals[i].every() != 0) {
      auto& delays = arrivals[i].delays();
      if (!summarize({delays.data(), delays.size()}, arrivals[i].every() == 1, of.delays)) {
        result_.error = ENOMEM;
      }
    }
    result_.streams.push_back(of);
  }
  for (size_t side = 0; side < kSides; ++side) result_.receivers[side] = receivers[side].result();
  result_.state_size = table_.size();
}

}  // namespace platypus::tester
