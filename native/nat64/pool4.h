// The IPv4 addresses and ports that flows are mapped to (RFC 6146 §3.5.1.1, RFC 6056, RFC 6888
// REQ-3).
//
// Every address has a bitmap of its 65,536 ports for each protocol. A worker hands out only the
// ports of its own shard: blocks of 64 consecutive ports, dealt round-robin, so that the owner of a
// port is a shift and a remainder away.
//
// Ownership: one worker.
#pragma once

#include <cstdint>
#include <span>

#include "nat64/huge_array.h"
#include "nat64/random.h"
#include "nat64/session.h"
#include "packet/address.h"

namespace platypus {

/// One address of pool4 with the ports that may be handed out; both ends inclusive.
struct Pool4Entry {
  Ipv4Address address;
  uint16_t port_min = 1024;
  uint16_t port_max = 65'535;
  friend bool operator==(const Pool4Entry&, const Pool4Entry&) = default;
};

class Pool4 {
 public:
  /// Most addresses in a pool; bounds the bitmaps.
  static constexpr uint32_t kMost = 4096;
  static constexpr uint32_t kNone = 0xffffffff;

  struct Shard {
    uint16_t index = 0;
    uint16_t count = 1;
  };

  explicit Pool4(Shard shard);
  bool ok() const { return bitmaps_.ok() && index_.ok() && order_.ok(); }
  /// Bytes of memory that a full pool would use; the kernel gives pages as they are needed.
  size_t bytes() const;

  /// Takes addresses that are not among `entries` out of use: find() and choose() no longer see
  /// them. Their slots stay until replace(), so that what is mapped to them can be removed first.
  void retire(std::span<const Pool4Entry> entries);
  /// Makes the pool these entries: known addresses keep their ports in use, new ones are added.
  /// Nothing may be mapped to retired addresses any more. One bounded step; true when it is done,
  /// until then the same entries must be given. retire() begins anew.
  bool replace(std::span<const Pool4Entry> entries);
  bool isActive(uint32_t slot) const { return slots_[slot].active; }
  Ipv4Address address(uint32_t slot) const { return slots_[slot].entry.address; }

  /// The slot of an active address, kNone for others.
  uint32_t find(Ipv4Address address) const;
  bool contains(Ipv4Address address) const { return find(address) != kNone; }

  /// A slot for a new host: starts at `hint` (a hash of the host, so that a host gets the same
  /// address again) and takes the first with a free port of `proto`. kNone when all are full.
  uint32_t choose(uint64_t hint, Proto proto) const;

  /// A free port of `slot`: random, in the range class of `wanted` (below 1024 or not) and for UDP
  /// of its parity where possible (RFC 6146 §3.5.1.1). Marks it used. 0 when the address is full.
  uint16_t allocate(uint32_t slot, Proto proto, uint16_t wanted, RandomSource& random);
  /// Marks one port used, inside or outside of the handed-out range. False when it was used.
  bool reserve(uint32_t slot, Proto proto, uint16_t port);
  void release(uint32_t slot, Proto proto, uint16_t port);

  void addHost(uint32_t slot) { ++slots_[slot].hosts; }
  void removeHost(uint32_t slot) { --slots_[slot].hosts; }

  struct Usage {
    Pool4Entry entry;
    uint32_t hosts;
    uint32_t used[kProtos];
  };
  uint32_t size() const { return active_count_; }
  /// The nth active address, n below size().
  Usage usage(uint32_t n) const;

 private:
  static constexpr uint32_t kWords = 1024;  // of 64 ports

  struct Slot {
    Pool4Entry entry;
    bool active;
    uint32_t hosts;
    uint32_t used[kProtos];
    uint32_t capacity;  // ports of the range that this shard may hand out
    uint32_t used_in_range[kProtos];
  };

  uint64_t* bitmap(uint32_t slot, Proto proto) {
    return bitmaps_.data() + (size_t{slot} * kProtos + protoIndex(proto)) * kWords;
  }
  bool mine(uint32_t word) const { return word % shard_.count == shard_.index; }
  uint16_t findFree(const uint64_t* bits, uint32_t low, uint32_t high, uint64_t parity,
                    RandomSource& random) const;
  uint64_t offered(const Slot& slot, uint32_t word) const;
  bool offers(const Slot& slot, uint16_t port) const;
  uint32_t portsOffered(const Pool4Entry& entry) const;
  void countRange(uint32_t slot);
  void take(const Pool4Entry& entry);
  uint32_t indexHome(Ipv4Address address) const;
  void rebuildIndex();

  Shard shard_;
  HugeArray<uint64_t> bitmaps_;
  HugeArray<Slot> slots_;
  HugeArray<uint32_t> index_;   // open addressing by address: slot + 1, 0 for free
  HugeArray<uint32_t> active_;  // numbers of active slots, in the configuration's order
  uint32_t active_count_ = 0;
  uint32_t touched_ = 0;
  // While replace() is at work: the order to come, and the slot from which on some may be free.
  HugeArray<uint32_t> order_;
  uint32_t ordered_ = 0;
  uint32_t free_from_ = 0;
};

}  // namespace platypus
