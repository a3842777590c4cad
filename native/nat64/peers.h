// Which remote addresses a BIB entry has sessions with: what address-dependent filtering asks
// (RFC 6146 §3.5.1). Kept only for protocols that filter; a walk over the entry's sessions would
// let one busy host slow down every packet that nobody asked for.
//
// Ownership: one worker.
#pragma once

#include <cstdint>

#include "nat64/bib.h"
#include "nat64/hash.h"
#include "nat64/index_table.h"
#include "nat64/record_pool.h"
#include "packet/address.h"

namespace platypus {

struct Peer {
  uint32_t bib;
  Ipv4Address remote;
  uint32_t sessions;
  uint32_t link;
};

class Peers {
 public:
  Peers(uint32_t capacity, const HashKey& key) : key_(key), records_(capacity), index_(capacity) {}
  bool ok() const { return records_.ok() && index_.ok(); }
  size_t bytes() const { return records_.bytes() + index_.bytes(); }

  bool knows(uint32_t bib, Ipv4Address remote) const { return find(bib, remote) != Bib::kNone; }

  /// One more session of `bib` with `remote`. False when the table is full.
  bool add(uint32_t bib, Ipv4Address remote) {
    uint32_t number = find(bib, remote);
    if (number == Bib::kNone) {
      number = records_.take();
      if (number == Bib::kNone) return false;
      records_[number] = {bib, remote, 0, 0};
      if (!index_.insert(hash(bib, remote), number)) {
        records_.give(number);
        return false;
      }
    }
    ++records_[number].sessions;
    return true;
  }
  void remove(uint32_t bib, Ipv4Address remote) {
    const uint32_t number = find(bib, remote);
    if (number == Bib::kNone || --records_[number].sessions != 0) return;
    index_.erase(hash(bib, remote), number);
    records_.give(number);
  }

 private:
  uint64_t hash(uint32_t bib, Ipv4Address remote) const {
    return hashWords(key_, bib, remote.value.wire());
  }
  uint32_t find(uint32_t bib, Ipv4Address remote) const {
    return index_.find(hash(bib, remote), [&](uint32_t number) {
      return records_[number].bib == bib && records_[number].remote == remote;
    });
  }

  HashKey key_;
  RecordPool<Peer, &Peer::link> records_;
  IndexTable index_;
};

}  // namespace platypus
