// A trace of live packets: what came, what was sent for it, and why it was dropped. While nobody
// traces it costs the worker one look at a null pointer for each packet.
//
// The worker fills pages of fixed size; the control thread asks for the page and leaves an empty
// one in its place, so that no memory is taken on the packet path.
//
// Ownership: a Trace belongs to one worker, a TracePage to whoever holds it.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "packet/address.h"
#include "packet/counter.h"
#include "packet/packet.h"
#include "siit/pool6.h"

namespace platypus {

/// All that is given must match one of the packets of a record.
struct TraceFilter {
  std::optional<Ipv6Prefix> v6{};
  std::optional<Ipv4Prefix> v4{};
  std::optional<uint8_t> protocol{};
  std::optional<uint16_t> port{};
  bool drops_only = false;
  uint16_t snap_bytes = 128;
};

/// A packet of a record; the first of each record is the one that came in.
struct TracedPacket {
  uint32_t record = 0;  // counts within the page
  bool out = false;
  uint32_t length = 0;  // bytes of the whole packet
  uint32_t at = 0;      // where its kept bytes are
  uint32_t kept = 0;
};

struct TraceRecord {
  uint64_t time_ms = 0;
  Counter reason = Counter::kCount;  // kCount: it was translated
};

/// Room for records, all taken when it is made.
struct TracePage {
  static constexpr size_t kRecords = 512;
  static constexpr size_t kPackets = 2048;
  static constexpr size_t kBytes = 512 * 1024;

  TracePage();
  std::vector<TraceRecord> records;
  std::vector<TracedPacket> packets;
  std::vector<std::byte> bytes;
  uint64_t lost = 0;
};

class Trace {
 public:
  Trace(const TraceFilter& filter, std::unique_ptr<TracePage> page)
      : filter_(filter), page_(std::move(page)) {}

  /// A packet comes in; everything until end() belongs to it.
  void begin(const Packet& packet, const Pool6& pool6);
  void sent(const Packet& packet, const Pool6& pool6);
  void dropped(Counter reason);
  /// Keeps the record if it matches.
  void end();

  /// The page so far, for an empty one.
  void swapPage(std::unique_ptr<TracePage>& page) { std::swap(page_, page); }

 private:
  void keep(const Packet& packet, bool out, const Pool6& pool6);
  void match(const Packet& packet, const Pool6& pool6);

  TraceFilter filter_;
  std::unique_ptr<TracePage> page_;
  bool open_ = false;
  bool full_ = false;  // the record does not fit
  // What the record's packets matched so far.
  bool v6_ = false;
  bool v4_ = false;
  bool protocol_ = false;
  bool port_ = false;
  TraceRecord record_;
  size_t packets_before_ = 0;
  size_t bytes_before_ = 0;
};

}  // namespace platypus
