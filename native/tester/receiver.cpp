#include "tester/receiver.h"

#include "tester/clock.h"

namespace platypus::tester {
namespace {

/// How soon stop() is seen when nothing arrives.
constexpr int kPollMs = 10;

}  // namespace

void Receiver::run(const std::atomic<bool>& stop) {
  const uint64_t cpu_before = threadCpu();
  while (!stop.load(std::memory_order_relaxed)) {
    tpacket_block_desc* block = side_.receive(kPollMs);
    if (block == nullptr) continue;
    Side::forEachFrame(block, [this](std::span<const std::byte> bytes, uint16_t segment,
                                     uint64_t now) { take(bytes, segment, now); });
    Side::giveBack(block);
    for (size_t stream = 0; stream < kMostStreams; ++stream) {
      const Arrivals* arrivals = expected_[stream].arrivals;
      if (arrivals != nullptr) {
        progress_[stream].store(static_cast<uint32_t>(arrivals->received),
                                std::memory_order_relaxed);
      }
    }
  }
  result_.dropped = side_.takeDrops();
  result_.cpu_ns = threadCpu() - cpu_before;
}

void Receiver::take(std::span<const std::byte> bytes, uint16_t segment, uint64_t now) {
  const bool test = forEachTag(bytes, segment, [&](const Arrival& arrival) {
    ++result_.frames;
    count(arrival, now);
  });
  if (test) return;
  ++result_.frames;
  ++result_.foreign;
}

void Receiver::count(const Arrival& arrival, uint64_t now) {
  if (arrival.tag.trial != trial_) {
    ++result_.foreign;
    return;
  }
  const Expected& expected = expected_[arrival.tag.stream];
  if (expected.arrivals == nullptr ||
      expected.arrivals->count(arrival.tag, now) == Arrivals::Kind::kOutside) {
    ++result_.foreign;
    return;
  }
  const bool recording = expected.state == Stream::State::kRecord;
  if (!recording && expected.state != Stream::State::kCompare) return;
  if (arrival.family != Family::kV4 || table_ == nullptr) return;
  const StateTable::Entry entry{.client = arrival.source4,
                                .server = arrival.destination4,
                                .client_port = Be16(arrival.source_port),
                                .server_port = Be16(arrival.destination_port)};
  const auto seen = recording ? table_->record(arrival.tag.flow, entry)
                              : table_->compare(arrival.tag.flow, entry);
  if (seen == StateTable::Record::kNew) ++result_.state_new;
  if (seen == StateTable::Record::kSame) ++result_.state_same;
  if (seen == StateTable::Record::kChanged) ++result_.state_changed;
}

}  // namespace platypus::tester
