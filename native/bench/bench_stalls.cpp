// How long do packets wait while the translator does something else? A worker's thread gets packets
// of known sessions on a schedule, each with the time at which it was due; what passes until it is
// sent goes into a histogram, while the control thread reloads, lists, traces, or sessions end by
// the million.
//
// Two measures, because other programs share the processor: the latency by the wall clock, and the
// longest time that the thread itself computed between two looks at its port. A hypervisor that
// takes the processor away is in both.
//
//   bench_stalls [seconds] [sessions] [packets a second]
#include <sched.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <bit>
#include <cstdio>
#include <cstdlib>
#include <thread>

#include "bench/bench_port.h"
#include "bench/measure.h"
#include "dataplane/dataplane.h"
#include "tester/clock.h"

namespace {

using namespace platypus;

double clockNs(clockid_t clock) {
  return static_cast<double>(tester::nowOf(clock));
}

/// Latencies in eighths of powers of two, from 128 ns to half a minute.
class Histogram {
 public:
  void add(double ns) {
    const auto value = static_cast<uint64_t>(ns < 128 ? 128 : ns);
    const auto power = static_cast<uint32_t>(std::bit_width(value)) - 1;
    const uint64_t eighth = (value >> (power - 3)) & 7;
    ++buckets_[(power * 8 + eighth) % buckets_.size()];
    ++count_;
    if (ns > most_) most_ = ns;
    if (ns > 1e6) ++late_;
  }
  /// Upper end of the bucket that holds the given share, microseconds.
  double percentile(double share) const {
    const auto wanted = static_cast<uint64_t>(share * static_cast<double>(count_));
    uint64_t seen = 0;
    for (size_t i = 0; i < buckets_.size(); ++i) {
      seen += buckets_[i];
      if (seen > wanted) {
        return static_cast<double>((uint64_t{8} + i % 8 + 1) << (i / 8)) / 8 / 1000;
      }
    }
    return most_ / 1000;
  }
  uint64_t count() const { return count_; }
  uint64_t late() const { return late_; }
  double mostMs() const { return most_ / 1e6; }

 private:
  std::array<uint64_t, 36 * 8> buckets_{};
  uint64_t count_ = 0;
  uint64_t late_ = 0;
  double most_ = 0;
};

/// Known sessions on a schedule, and new ones as fast as they are taken in between.
class PacedPort final : public bench::BenchPort {
 public:
  PacedPort(uint32_t known, uint32_t all, double interval_ns)
      : BenchPort(all), known_(known), interval_ns_(interval_ns) {}

  void begin() { running_.store(true); }
  /// Starts a new measurement; the worker takes it up at its next look.
  void restart() { restart_.store(true); }
  /// Sends `count` first packets of new flows, a few after each scheduled burst.
  void open(uint32_t count) { to_open_.store(count); }
  bool isOpening() const { return to_open_.load() != 0; }

  size_t receive(std::span<Packet> packets) override {
    if (!running_.load(std::memory_order_acquire)) return BenchPort::receive(packets);
    const double now = clockNs(CLOCK_MONOTONIC);
    const double computed = clockNs(CLOCK_THREAD_CPUTIME_ID);
    if (restart_.exchange(false, std::memory_order_relaxed)) {
      histogram_ = {};
      due_ns_ = now;
    } else if (computed - computed_ns_ > longest_ns_) {
      longest_ns_ = computed - computed_ns_;
    }
    if (histogram_.count() == 0) longest_ns_ = 0;
    computed_ns_ = computed;
    size_t n = 0;
    for (; n < packets.size() / 2 && due_ns_ <= now; ++n, due_ns_ += interval_ns_) {
      due_of_[n] = due_ns_;
      make(packets[n], n, at_++ % known_, true);
    }
    scheduled_ = n;
    sent_of_burst_ = 0;
    const uint32_t wanted = to_open_.load(std::memory_order_relaxed);
    uint32_t opened = 0;
    for (; n < packets.size() && opened < wanted; ++n, ++opened) {
      make(packets[n], n, known_ + opened_++ % (1u << 20), true);
    }
    if (opened != 0) to_open_.store(wanted - opened, std::memory_order_relaxed);
    return n;
  }
  bool send(Packet& packet) override {
    if (!running_.load(std::memory_order_relaxed)) return BenchPort::send(packet);
    // Known sessions come first in a burst and leave in order.
    if (sent_of_burst_ < scheduled_) {
      histogram_.add(clockNs(CLOCK_MONOTONIC) - due_of_[sent_of_burst_++]);
    }
    return true;
  }
  void wait(int) override { sched_yield(); }

  const Histogram& histogram() const { return histogram_; }
  double longestMs() const { return longest_ns_ / 1e6; }

 private:
  const uint32_t known_;
  const double interval_ns_;
  std::atomic<bool> running_{false};
  std::atomic<bool> restart_{false};
  std::atomic<uint32_t> to_open_{0};
  // The worker's own.
  Histogram histogram_;
  std::array<double, Worker::kBurst> due_of_{};
  size_t scheduled_ = 0;
  size_t sent_of_burst_ = 0;
  double due_ns_ = 0;
  double computed_ns_ = 0;
  double longest_ns_ = 0;
  uint32_t at_ = 0;
  uint32_t opened_ = 0;
};

/// Something that the worker is asked to do, step by step.
template <typename Step>
class Ask final : public Request {
 public:
  explicit Ask(Step step) : step_(std::move(step)) {}
  bool step(Worker& worker) override { return step_(worker); }

 private:
  Step step_;
};

class Bench {
 public:
  Bench(uint32_t known, double seconds, double interval_ns) : seconds_(seconds) {
    auto port = std::make_unique<PacedPort>(known, known + (1u << 20), interval_ns);
    port_ = port.get();
    config_ = bench::someConfig();
    config_->translation.timeouts.udp = 10'000'000;
    Dataplane::Options options;
    options.limits.sessions = known + (1u << 20);
    options.limits.bib = known + (1u << 20);
    options.limits.hosts = options.limits.sessions / bench::kFlowsPerHost + 1;
    options.limits.reassembly = 0;
    options.config = config_;
    std::vector<std::unique_ptr<Port>> ports;
    ports.push_back(std::move(port));
    dataplane_ = Dataplane::open(options, std::move(ports)).dataplane;
    if (dataplane_ == nullptr || dataplane_->start() != 0) {
      std::printf("not enough memory\n");
      std::exit(1);
    }
    port_->plan(known, true, false, false);
    while (sizes().sessions < known) usleep(10'000);
    port_->begin();
  }

  /// Five windows of `work` over and over, each after `prepare`. What this program does shows in
  /// all of them, what the machine does in some: so the least of the longest is told beside the
  /// median.
  template <typename Prepare, typename Work>
  void measure(const char* what, Prepare&& prepare, Work&& work) {
    std::array<Window, kWindows> windows;
    for (Window& window : windows) {
      prepare();
      window = observe(work);
    }
    const auto middle = [&](auto&& of) {
      std::vector<double> values;
      for (const Window& window : windows) values.push_back(of(window));
      return spreadOf(std::move(values));
    };
    const auto share = [&](double of) {
      return middle([of](const Window& window) { return window.histogram.percentile(of); }).median;
    };
    const Spread most = middle([](const Window& window) { return window.histogram.mostMs(); });
    const Spread late = middle([](const Window& window) {
      return 100.0 * static_cast<double>(window.histogram.late()) /
             static_cast<double>(window.histogram.count());
    });
    const Spread longest = middle([](const Window& window) { return window.longest_ms; });
    const Spread times = middle([](const Window& window) { return window.times; });
    std::printf("  %-44s %7.0f %7.0f %7.0f %7.0f  %7.2f %7.2f  %6.2f %%  %7.3f %7.3f  %7.0f\n",
                what, share(0.5), share(0.99), share(0.999), share(0.9999), most.least, most.median,
                late.median, longest.least, longest.median, times.median);
  }

  /// Has the worker do `step` until it is true, and waits for that.
  template <typename Step>
  void ask(Step step) {
    dataplane_->ask(0, std::make_unique<Ask<Step>>(std::move(step)));
    while (dataplane_->answer() == nullptr) usleep(50);
  }
  TableSizes sizes() {
    TableSizes result;
    ask([&](Worker& worker) {
      result = worker.sizes();
      return true;
    });
    return result;
  }
  void configure(std::shared_ptr<const Config> config) {
    ask([config = std::move(config), begun = false](Worker& worker) mutable {
      if (!begun) config = worker.use(std::move(config));
      begun = true;
      return worker.continueUse();
    });
  }
  /// A reload that gives every address other ports, or 3,840 more of them, and back.
  void changePool(bool changed) {
    auto next = std::make_shared<Config>(*config_);
    if (changed) {
      for (Pool4Entry& entry : next->translation.pool4) entry.port_max = 60'000;
      for (uint32_t i = 0; i < 3840; ++i) {
        next->translation.pool4.push_back({Ipv4Address::fromHost(0x18000000 + i), 1024, 65'535});
      }
    }
    configure(std::move(next));
  }
  void list(const TableQuery& query) {
    SessionPage page;
    page.rows.reserve(query.limit);
    TableQuery next = query;
    do {
      ask([&](Worker& worker) {
        worker.list(next, page);
        return true;
      });
      next.cursor = page.next;
    } while (page.next != 0);
  }
  /// A million sessions that will all end within one second.
  void openMany() {
    auto quick = std::make_shared<Config>(*config_);
    quick->translation.timeouts.udp = 30;
    configure(quick);
    port_->open(1u << 20);
    while (port_->isOpening()) usleep(1000);
    configure(config_);
  }
  void trace() {
    auto trace = std::make_unique<Trace>(TraceFilter{}, std::make_unique<TracePage>());
    ask([&](Worker& worker) {
      worker.swapTrace(trace);
      return true;
    });
    for (int i = 0; i < 20; ++i) {
      auto page = std::make_unique<TracePage>();
      ask([&](Worker& worker) {
        worker.swapTracePage(page);
        return true;
      });
      usleep(5000);
    }
    trace = nullptr;
    ask([&](Worker& worker) {
      worker.swapTrace(trace);
      return true;
    });
  }

 private:
  static constexpr size_t kWindows = 5;
  struct Window {
    Histogram histogram;
    double longest_ms = 0;
    double times = 0;
  };

  template <typename Work>
  Window observe(Work&& work) {
    port_->restart();
    ask([](Worker&) { return true; });
    const double end = clockNs(CLOCK_MONOTONIC) + seconds_ * 1e9;
    Window window;
    while (clockNs(CLOCK_MONOTONIC) < end) {
      work();
      ++window.times;
    }
    ask([&](Worker&) {
      window.histogram = port_->histogram();
      window.longest_ms = port_->longestMs();
      return true;
    });
    return window;
  }

  const double seconds_;
  PacedPort* port_;
  std::shared_ptr<Config> config_;
  std::unique_ptr<Dataplane> dataplane_;
};

}  // namespace

int main(int argc, char** argv) {
  const double seconds = argc > 1 ? std::atof(argv[1]) : 5;
  const auto known = static_cast<uint32_t>(argc > 2 ? std::atol(argv[2]) : 10'000'000);
  const double rate = argc > 3 ? std::atof(argv[3]) : 200'000;
  std::printf("%u sessions, %.0f packets a second, five windows of %.0f s each\n", known, rate,
              seconds);
  Bench bench(known, seconds, 1e9 / rate);
  std::printf("  %-44s %31s  %15s  %8s  %15s\n", "", "latency, us (medians)", "longest, ms",
              "> 1 ms", "CPU, ms");
  std::printf("  %-44s %7s %7s %7s %7s  %7s %7s  %8s  %7s %7s  %7s\n", "while", "50 %", "99 %",
              "99.9 %", "99.99 %", "least", "median", "median", "least", "median", "times");
  const auto nothing = [] {};
  const auto idle = [] { usleep(1000); };
  bench.measure("nothing else happens", nothing, idle);
  bench.measure("the sessions are listed", nothing, [&] { bench.list({}); });
  TableQuery nobody;
  nobody.v4 = Ipv4Prefix{Ipv4Address::fromHost(0x01010101), 32};
  bench.measure("they are listed with a filter that none fits", nothing,
                [&] { bench.list(nobody); });
  bool changed = false;
  bench.measure("pool4 changes: 3,840 addresses, 256 ranges", nothing,
                [&] { bench.changePool(changed = !changed); });
  bench.measure("packets are traced", nothing, [&] { bench.trace(); });
  bench.measure(
      "a million sessions end within a second", [&] { bench.openMany(); }, idle);
  bench.measure("nothing else happens, once more", nothing, idle);
  return 0;
}
