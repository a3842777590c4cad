// The responder's state table (RFC 9693): under which addresses and ports each flow of the
// initiator arrived behind the translator, so that it can be answered. The flow is named in the
// frame itself, hence a plain array.
//
// Ownership: a receiver's thread writes it in phase 1, senders and receivers read it in later
// trials; never both in one trial.
#pragma once

#include <cstdint>

#include "nat64/huge_array.h"
#include "packet/address.h"

namespace platypus::tester {

class StateTable {
 public:
  struct Entry {
    /// The translator's side of the flow.
    Ipv4Address client;
    Ipv4Address server;
    Be16 client_port;
    Be16 server_port;
    friend constexpr bool operator==(const Entry&, const Entry&) = default;
  };
  enum class Record {
    kNew,
    kSame,     // arrived before, under the same addresses and ports
    kChanged,  // arrived before under others: the translator forgot the first
    kOutside,  // no such flow
  };

  StateTable() = default;
  /// Takes memory for flows 0 to `flows` - 1, 12 bytes each; ok() afterwards.
  explicit StateTable(uint32_t flows) : entries_(flows, HugeArray<Entry>::Take::kNow) {}
  bool ok() const { return entries_.ok(); }
  uint32_t capacity() const { return static_cast<uint32_t>(entries_.size()); }
  /// Flows that have an entry.
  uint32_t size() const { return size_; }

  /// The last arrival of a flow stays.
  Record record(uint32_t flow, const Entry& entry) {
    const Record seen = compare(flow, entry);
    if (seen == Record::kNew) ++size_;
    if (seen == Record::kNew || seen == Record::kChanged) entries_[flow] = entry;
    return seen;
  }
  /// What record() would say, changing nothing.
  Record compare(uint32_t flow, const Entry& entry) const {
    if (flow >= entries_.size()) return Record::kOutside;
    const Entry& known = entries_[flow];
    // No host has the address 0.0.0.0.
    if (known.client == Ipv4Address{}) return Record::kNew;
    return known == entry ? Record::kSame : Record::kChanged;
  }
  /// Null for a flow that never arrived.
  const Entry* find(uint32_t flow) const {
    if (flow >= entries_.size() || entries_[flow].client == Ipv4Address{}) return nullptr;
    return &entries_[flow];
  }
  void clear() {
    for (uint32_t flow = 0; flow < capacity(); ++flow) entries_[flow] = {};
    size_ = 0;
  }

 private:
  HugeArray<Entry> entries_;
  uint32_t size_ = 0;
};

}  // namespace platypus::tester
