// The buffers a port receives into: one mapping cut into equal slots.
//
// Ownership: the port owns the mapping; the worker that owns the port is the only one to touch it.
// A slot's bytes stay valid until the port's next receive().
#pragma once

#include <cstddef>
#include <cstdint>

#include "packet/packet.h"

namespace platypus {

class Slots {
 public:
  /// Distance between two slots, bytes. Slots a whole number of pages apart would put all headers
  /// into the same few sets of a first-level cache (64 sets of 64-byte lines repeat every 4096
  /// bytes). An odd number of lines past the page colours them: neighbours lie 7 lines apart and 64
  /// slots use each set once.
  static constexpr size_t kStride = 16 * 4096 + 7 * 64;
  static_assert(kStride >= kSlotBytes, "a slot must hold headroom, packet and tailroom");

  Slots() = default;
  Slots(const Slots&) = delete;
  Slots& operator=(const Slots&) = delete;
  ~Slots();

  /// Maps `count` slots, on huge pages where the kernel has them, and touches every page so that
  /// no page fault happens on the packet path. Returns 0 or an errno.
  int map(size_t count);

  size_t count() const { return count_; }
  std::byte* at(size_t index) const { return first_ + index * kStride; }

 private:
  std::byte* first_ = nullptr;
  void* mapping_ = nullptr;
  size_t mapping_bytes_ = 0;
  size_t count_ = 0;
};

}  // namespace platypus
