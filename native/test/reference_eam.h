// Explicit address mappings the plain way of RFC 7757 §3.3: every entry is looked at, every bit is
// copied by itself. A second opinion that shares only the types with siit/eam.h.
#pragma once

#include <optional>
#include <vector>

#include "siit/eam.h"

namespace platypus::test::reference {

/// Bit `at` of an address in wire order, counted from the left.
template <typename Address>
bool bitOf(const Address& address, unsigned at) {
  return (std::to_integer<unsigned>(std::as_bytes(std::span(&address, 1))[at / 8]) >>
          (7 - at % 8)) &
         1u;
}
template <typename Address>
void setBit(Address& address, unsigned at) {
  std::as_writable_bytes(std::span(&address, 1))[at / 8] |=
      static_cast<std::byte>(0x80u >> (at % 8));
}
template <typename Address>
bool isWithin(const Address& address, const Address& prefix, unsigned length) {
  for (unsigned bit = 0; bit < length; ++bit) {
    if (bitOf(address, bit) != bitOf(prefix, bit)) return false;
  }
  return true;
}

class EamModel {
 public:
  std::vector<EamEntry> rows;

  /// The entry with the longest prefix around the address; null when there is none.
  const EamEntry* find(Ipv4Address address) const {
    const EamEntry* best = nullptr;
    for (const EamEntry& row : rows) {
      if (isWithin(address, row.v4, row.v4_length) &&
          (best == nullptr || row.v4_length > best->v4_length)) {
        best = &row;
      }
    }
    return best;
  }
  const EamEntry* find(const Ipv6Address& address) const {
    const EamEntry* best = nullptr;
    for (const EamEntry& row : rows) {
      if (isWithin(address, row.v6, row.v6_length) &&
          (best == nullptr || row.v6_length > best->v6_length)) {
        best = &row;
      }
    }
    return best;
  }

  std::optional<Ipv6Address> toV6(Ipv4Address address) const {
    const EamEntry* row = find(address);
    if (row == nullptr) return std::nullopt;
    Ipv6Address result = row->v6;
    for (unsigned bit = row->v4_length; bit < 32; ++bit) {
      if (bitOf(address, bit)) setBit(result, row->v6_length + bit - row->v4_length);
    }
    return result;
  }
  std::optional<Ipv4Address> toV4(const Ipv6Address& address) const {
    const EamEntry* row = find(address);
    if (row == nullptr) return std::nullopt;
    Ipv4Address result = row->v4;
    for (unsigned bit = row->v4_length; bit < 32; ++bit) {
      if (bitOf(address, row->v6_length + bit - row->v4_length)) setBit(result, bit);
    }
    return result;
  }
};

}  // namespace platypus::test::reference
