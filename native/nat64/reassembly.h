// Reassembly of datagrams before stateful translation (RFC 6146 §3.4): the ports are in the first
// fragment only, ICMP and UDP without checksum need the whole, and whole datagrams leave with fresh
// identifications (RFC 7857 §10).
//
// Bounded: a fixed number of datagrams of 64 KiB, at most a quarter of them from one source once
// half are taken, each for a fixed time. When all are taken new ones are refused; what is there
// goes on.
//
// Ownership: one worker.
#pragma once

#include <cstdint>

#include "nat64/hash.h"
#include "nat64/huge_array.h"
#include "nat64/index_table.h"
#include "packet/counter.h"
#include "packet/packet.h"
#include "packet/parse.h"
#include "packet/verdict.h"

namespace platypus {

class Reassembly {
 public:
  static constexpr uint32_t kNone = 0xffffffff;

  Reassembly(uint32_t capacity, const HashKey& key);
  bool ok() const { return datagrams_.ok() && buffers_.ok() && index_.ok(); }
  size_t bytes() const { return datagrams_.bytes() + buffers_.bytes() + index_.bytes(); }
  uint32_t used() const { return used_; }

  struct Result {
    Verdict verdict;        // a drop, or accept
    bool complete = false;  // `whole` is the datagram, valid until the next add() or expire()
    Packet whole;
  };
  /// Takes a fragment in at `now` (ticks of 100 ms) and keeps it for `lifetime` ticks since the
  /// datagram's first arrival. Overlaps poison the whole datagram (RFC 5722 §4), an exact
  /// repetition is ignored (RFC 8200 §4.5).
  Result add(const Packet& packet, const PacketView& view, uint32_t now, uint32_t lifetime);

  /// Drops datagrams whose time is over; returns how many.
  uint32_t expire(uint32_t now);

 private:
  static constexpr uint32_t kUnits = 8192;  // of 8 bytes: a fragment starts at a multiple
  /// Longest payload that the length field of either header can tell, bytes.
  static constexpr uint32_t kLargestV4 = 65'515;
  static constexpr uint32_t kLargestV6 = 65'535;

  struct Datagram {
    Ipv6Address source;  // IPv4 in the last four bytes
    Ipv6Address destination;
    uint32_t identification;
    uint8_t version;
    uint8_t protocol;
    uint8_t hop_limit;
    uint8_t traffic_class;
    bool poisoned;
    bool has_first;
    uint32_t received;  // bytes
    uint32_t total;     // bytes, 0 until the last fragment came
    uint32_t deadline;
    uint32_t newer;  // by arrival; also the free list
    uint32_t older;
    uint64_t hash;
    uint64_t units[kUnits / 64];
  };

  uint32_t find(const Datagram& key) const;
  uint32_t create(const Datagram& key, uint32_t deadline, Verdict& verdict);
  void remove(uint32_t number);
  bool sourceHasTooMany(const Ipv6Address& source) const;
  std::byte* buffer(uint32_t number) { return buffers_.data() + size_t{number} * kSlotBytes; }
  Packet finish(uint32_t number);

  HashKey key_;
  uint32_t capacity_;
  HugeArray<Datagram> datagrams_;
  HugeArray<std::byte> buffers_;
  IndexTable index_;
  uint32_t oldest_ = kNone;
  uint32_t newest_ = kNone;
  uint32_t free_ = kNone;
  uint32_t touched_ = 0;
  uint32_t used_ = 0;
};

}  // namespace platypus
