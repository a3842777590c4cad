#include "tester/sender.h"

#include <sys/prctl.h>

#include <algorithm>
#include <cerrno>
#include <new>

#include "tester/clock.h"

namespace platypus::tester {
namespace {

/// Waiting longer than this sleeps, for the device under test may be on the same processor; the
/// rest is spun, since a sleeper wakes late.
constexpr uint64_t kSpinNs = 10'000;
constexpr size_t kBufferBytes = kMostFrame;

void waitUntil(uint64_t when, uint64_t now) {
  if (when > now + kSpinNs) {
    const uint64_t wake = when - kSpinNs;
    const timespec at{.tv_sec = static_cast<time_t>(wake / kSecond),
                      .tv_nsec = static_cast<long>(wake % kSecond)};
    (void)clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, nullptr);
  }
}

uint32_t count(size_t size) {
  return size == 0 ? 1 : static_cast<uint32_t>(size);
}

}  // namespace

Sender::Sender(const Stream& stream, uint8_t number, uint16_t trial, Side& side,
               const StateTable* table)
    : stream_(stream),
      number_(number),
      trial_(trial),
      side_(side),
      table_(table),
      space_(count(stream.family == Family::kV6 ? stream.sources6.size() : stream.sources4.size()),
             count(stream.family == Family::kV6 ? stream.destinations6.size()
                                                : stream.destinations4.size()),
             stream.source_ports, stream.destination_ports, stream.seed),
      writer_(stream.family, stream.kind, side.mac(), side.nextHop()),
      pace_(stream.rate),
      random_(stream.seed ^ trial),
      buffers_(new (std::nothrow) std::byte[kMostBurst * kBufferBytes]),
      parts_(new (std::nothrow) iovec[kMostBurst]{}),
      messages_(new (std::nothrow) mmsghdr[kMostBurst]{}) {
  if (buffers_ == nullptr || parts_ == nullptr || messages_ == nullptr) return;
  buffers_ok_ = true;
  for (uint32_t slot = 0; slot < kMostBurst; ++slot) {
    std::byte* const buffer = buffers_.get() + slot * kBufferBytes;
    writer_.prepare({buffer, kBufferBytes});
    parts_[slot].iov_base = buffer;
    messages_[slot].msg_hdr.msg_iov = &parts_[slot];
    messages_[slot].msg_hdr.msg_iovlen = 1;
  }
}

void Sender::run(uint64_t start, const std::atomic<bool>& stop) {
  const uint64_t cpu_before = threadCpu();
  // Sleeps of this thread end when they should, not up to 50 µs later.
  (void)prctl(PR_SET_TIMERSLACK, 1ul);
  // Who cannot keep the rate is not given the time to make up for it.
  const uint64_t end = start + stream_.duration_ns + stream_.duration_ns / 10 + kSecond / 10;
  const uint64_t give_up = stream_.rate == 0 ? start + stream_.duration_ns : end;
  uint32_t sequence = 0;
  uint64_t now = monotonicNow();
  while (sequence < stream_.frames && result_.error == 0 && !stop.load(std::memory_order_relaxed)) {
    now = monotonicNow();
    if (now >= give_up) break;
    const uint64_t due = now < start ? 0 : pace_.due(now - start);
    const uint64_t wanted = std::min<uint64_t>(uint64_t{sequence} + stream_.gather, stream_.frames);
    if (due < wanted) {
      waitUntil(start + pace_.dueAt(wanted - 1), now);
      continue;
    }
    if (stream_.rate != 0) {
      result_.late_ns = std::max(result_.late_ns, now - start - pace_.dueAt(sequence));
    }
    const uint64_t left = std::min<uint64_t>(due, stream_.frames) - sequence;
    const auto burst = static_cast<unsigned>(std::min<uint64_t>(stream_.burst, left));
    const uint64_t stamp = wallNow() & kStampMask;
    unsigned filled = 0;
    for (unsigned i = 0; i < burst; ++i) filled += fill(sequence++, stamp, filled) ? 1 : 0;
    hand(filled);
  }
  now = monotonicNow();
  result_.elapsed_ns = now > start ? now - start : 0;
  result_.cpu_ns = threadCpu() - cpu_before;
}

bool Sender::fill(uint32_t sequence, uint64_t stamp, unsigned slot) {
  const uint32_t flow = flowOf(sequence);
  Ends ends;
  if (!endsOf(flow, ends)) {
    ++result_.skipped;
    return false;
  }
  const Tag tag{
      .trial = trial_, .stream = number_, .flow = flow, .sequence = sequence, .stamp = stamp};
  const size_t size = stream_.sizes[sequence % stream_.sizes.size()];
  parts_[slot].iov_len =
      writer_.write(static_cast<std::byte*>(parts_[slot].iov_base), size, ends, tag);
  return true;
}

uint32_t Sender::flowOf(uint32_t sequence) {
  if (stream_.order == Order::kInTurn) return stream_.first_flow + sequence % stream_.flows;
  // splitmix64 (Steele, Lea, Flood 2014).
  random_ += 0x9e3779b97f4a7c15u;
  uint64_t z = random_;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  z ^= z >> 31;
  return stream_.first_flow + static_cast<uint32_t>(((z >> 32) * stream_.flows) >> 32);
}

bool Sender::endsOf(uint32_t flow, Ends& ends) const {
  if (stream_.state == Stream::State::kAnswer) {
    const StateTable::Entry* entry = table_->find(flow);
    if (entry == nullptr) return false;
    ends.source4 = entry->server;
    ends.destination4 = entry->client;
    ends.source_port = entry->server_port.host();
    ends.destination_port = entry->client_port.host();
    return true;
  }
  const FlowParts parts = space_.parts(flow);
  if (stream_.family == Family::kV6) {
    ends.source6 = stream_.sources6[parts.source];
    ends.destination6 = stream_.destinations6[parts.destination];
  } else {
    ends.source4 = stream_.sources4[parts.source];
    ends.destination4 = stream_.destinations4[parts.destination];
  }
  ends.source_port = parts.source_port;
  ends.destination_port = parts.destination_port;
  return true;
}

void Sender::hand(unsigned count) {
  unsigned at = 0;
  while (at < count) {
    unsigned refused = 0;
    const int taken = side_.send(messages_.get() + at, count - at, refused);
    if (taken < 0) {
      result_.error = errno;
      return;
    }
    at += static_cast<unsigned>(taken);
    result_.sent += static_cast<unsigned>(taken);
    result_.refused += refused;
  }
}

}  // namespace platypus::tester
