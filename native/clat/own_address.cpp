#include "clat/own_address.h"

#include <cstring>

#include "packet/checksum.h"

namespace platypus::clat {
namespace {

// Octets of the identifier that make up for the rest; an even place.
constexpr size_t kAdjusted = 10;

Ipv6Address candidate(const AddressInput& input, uint32_t salt) {
  std::array<uint8_t, 8 + 16 + 1 + 4 + 8> text{};
  std::memcpy(text.data(), input.network.bytes.data(), 8);
  std::memcpy(text.data() + 8, input.pref64.address().bytes.data(), 16);
  text[24] = input.pref64.length();
  std::memcpy(text.data() + 25, &input.ipv4, 4);
  const Be32 attempt(input.attempt);
  const Be32 wire_salt(salt);
  std::memcpy(text.data() + 29, &attempt, 4);
  std::memcpy(text.data() + 33, &wire_salt, 4);
  uint64_t hash = sipHash(input.key, text);
  Ipv6Address address = input.network;
  for (size_t i = 8; i < 16; ++i) {
    address.bytes[i] = static_cast<uint8_t>(hash);
    hash >>= 8;
  }
  address.bytes[kAdjusted] = address.bytes[kAdjusted + 1] = 0;
  // own + pref64 = ipv4 (mod 0xffff): the embedded destination is the same on either side.
  ChecksumDelta delta;
  delta.add(input.ipv4);
  delta.remove(address);
  delta.remove(input.pref64.address());
  const uint16_t word = delta.folded();
  std::memcpy(address.bytes.data() + kAdjusted, &word, 2);
  return address;
}

// RFC 5453: subnet router anycast, and the 128 anycast identifiers of RFC 2526.
bool isReserved(const Ipv6Address& address) {
  const uint8_t* id = address.bytes.data() + 8;
  bool zero = true;
  for (size_t i = 0; i < 8; ++i) zero = zero && id[i] == 0;
  static constexpr uint8_t kAnycast[7] = {0xfd, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
  return zero || (std::memcmp(id, kAnycast, 7) == 0 && id[7] >= 0x80);
}

}  // namespace

Ipv6Address makeOwnAddress(const AddressInput& input) {
  uint32_t salt = 0;
  Ipv6Address address = candidate(input, salt);
  while (isReserved(address)) address = candidate(input, ++salt);
  return address;
}

Ipv6Address makeInternalNetwork(const HashKey& key, const Ipv6Address& shared) {
  uint64_t hash = sipHash(key, shared.bytes);
  Ipv6Address network{{0xfd}};
  for (size_t i = 1; i < 8; ++i) {
    network.bytes[i] = static_cast<uint8_t>(hash);
    hash >>= 8;
  }
  return network;
}

bool isChecksumNeutral(const Ipv6Address& own, const Pref64& pref64, Ipv4Address ipv4) {
  return foldSum(sumOf(own) + sumOf(pref64.address())) == foldSum(sumOf(ipv4));
}

}  // namespace platypus::clat
