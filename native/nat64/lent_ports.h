// Ports of this worker's share that the administrator mapped to a host of another worker: marked as
// used here, with the worker that has the mapping, so that packets for them can be handed on.
//
// Ownership: one worker.
#pragma once

#include <algorithm>
#include <cstdint>

#include "nat64/hash.h"
#include "nat64/index_table.h"
#include "nat64/record_pool.h"
#include "nat64/session.h"
#include "packet/address.h"

namespace platypus {

class LentPorts {
 public:
  static constexpr uint32_t kNone = 0xffffffff;
  /// Most ports that a worker lends.
  static constexpr uint32_t kMost = 65'536;

  struct Lent {
    Ipv4Address pool;
    Be16 port;
    Proto proto;  // kNone: the record is free
    uint8_t unused;
    uint16_t borrower;
    uint16_t unused2;
    uint32_t pool_slot;  // also the free list
  };

  LentPorts(uint32_t capacity, const HashKey& key)
      : key_(key), records_(capacity), index_(capacity) {}
  bool ok() const { return records_.ok() && index_.ok(); }
  size_t bytes() const { return records_.bytes() + index_.bytes(); }
  bool isEmpty() const { return records_.used() == 0; }
  /// Records below this number may be in use.
  uint32_t touched() const { return records_.touched(); }
  const Lent& operator[](uint32_t number) const { return records_[number]; }

  uint32_t find(Proto proto, Ipv4Address pool, Be16 port) const {
    return index_.find(hash(proto, pool, port), [&](uint32_t number) {
      const Lent& lent = records_[number];
      return lent.pool == pool && lent.port == port && lent.proto == proto;
    });
  }
  /// False when there is no room.
  bool add(Proto proto, Ipv4Address pool, Be16 port, uint32_t pool_slot, uint16_t borrower) {
    const uint32_t number = records_.take();
    if (number == kNone) return false;
    if (!index_.insert(hash(proto, pool, port), number)) {
      records_.give(number);
      return false;
    }
    records_[number] = {pool, port, proto, 0, borrower, 0, pool_slot};
    return true;
  }
  void remove(uint32_t number) {
    Lent& lent = records_[number];
    index_.erase(hash(lent.proto, lent.pool, lent.port), number);
    lent.proto = Proto::kNone;
    records_.give(number);
  }

 private:
  uint64_t hash(Proto proto, Ipv4Address pool, Be16 port) const {
    return hashWords(key_, pool.value.wire(),
                     uint64_t{port.wire()} << 8 | static_cast<uint64_t>(proto));
  }

  HashKey key_;
  RecordPool<Lent, &Lent::pool_slot> records_;
  IndexTable index_;
};

}  // namespace platypus
