// A super-packet taken apart the slow and plain way: a second opinion on port/coalesce.h.
#pragma once

#include <algorithm>
#include <vector>

#include "packet/packet.h"
#include "test/hex.h"
#include "test/reference.h"

namespace platypus::test {

/// What the kernel makes of a sent packet: its segments, whole and with right checksums. Nothing of
/// the identification is kept: it is the kernel's.
inline std::vector<Bytes> segmentsOf(const Bytes& bytes, const Offload& offload) {
  constexpr size_t kNetwork4 = 20;
  constexpr size_t kNetwork6 = 40;
  const size_t network = byteAt(bytes, 0) >> 4 == 4 ? kNetwork4 : kNetwork6;
  const size_t protocol = byteAt(bytes, network == kNetwork4 ? 9 : 6);
  const size_t header = network + (protocol == 6 ? byteAt(bytes, network + 12) / 16 * 4u : 8u);
  const size_t size = offload.isGso() ? offload.gso_size : bytes.size() - header;
  std::vector<Bytes> segments;
  for (size_t at = header; at < bytes.size(); at += size) {
    const size_t end = std::min(at + size, bytes.size());
    Bytes one(bytes.begin(), bytes.begin() + static_cast<long>(header));
    one.insert(one.end(), bytes.begin() + static_cast<long>(at),
               bytes.begin() + static_cast<long>(end));
    if (network == kNetwork4) {
      putWord(one, 2, static_cast<uint32_t>(one.size()));
      putWord(one, 4, 0);
    } else {
      putWord(one, 4, static_cast<uint32_t>(one.size() - network));
    }
    if (protocol == 17) {
      putWord(one, network + 4, static_cast<uint32_t>(one.size() - network));
    } else {
      const uint32_t sequence = longAt(one, network + 4) + static_cast<uint32_t>(at - header);
      putWord(one, network + 4, sequence >> 16);
      putWord(one, network + 6, sequence & 0xffff);
      if (end != bytes.size()) one[network + 13] &= std::byte{0xf7};
    }
    if (offload.needsChecksum()) {
      reference::fill(one);
    } else if (network == kNetwork4) {
      putWord(one, 10, 0);
    }
    segments.push_back(std::move(one));
  }
  return segments;
}

}  // namespace platypus::test
