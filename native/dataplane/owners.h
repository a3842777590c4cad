// Which worker owns a packet's state: IPv6 subscribers by their prefix, pool4 ports by blocks of 64
// (nat64/pool4.h), and what has no state by its addresses.
//
// The same arithmetic runs in the kernel, as a program that chooses the queue (steering.h).
//
// Ownership: never changed after start; shared by all workers.
#pragma once

#include <array>
#include <cstdint>

#include "packet/address.h"
#include "packet/byte_order.h"

namespace platypus {

class Owners {
 public:
  /// Most workers of a device.
  static constexpr uint16_t kMost = 16;
  static constexpr size_t kWords = 8;
  /// Secret multipliers for each 32-bit word of the addresses: a sum of products, of which the
  /// upper half is used (multilinear hashing), because the kernel can do it in few instructions.
  using Keys = std::array<uint64_t, kWords>;

  /// `subscriber_bits`: leading bits of an IPv6 address that name a subscriber, 1 to 128.
  Owners(uint16_t workers, uint8_t subscriber_bits, const Keys& keys)
      : workers_(workers), keys_(keys) {
    for (unsigned word = 0; word < masks_.size(); ++word) {
      const int bits = int{subscriber_bits} - static_cast<int>(word * 32);
      masks_[word] = bits >= 32 ? 0xffffffff : bits <= 0 ? 0 : ~uint32_t{0} << (32 - bits);
    }
  }

  uint16_t workers() const { return workers_; }
  const Keys& keys() const { return keys_; }
  const std::array<uint32_t, 4>& masks() const { return masks_; }

  /// The owner of a subscriber.
  uint16_t ofHost(const Ipv6Address& host) const {
    const auto words = wordsOf(host);
    uint64_t sum = 0;
    for (size_t i = 0; i < words.size(); ++i) sum += (words[i] & masks_[i]) * keys_[i];
    return spread(sum);
  }
  /// The owner of a pool4 port, or of an ICMP identifier.
  uint16_t ofPort(Be16 port) const { return static_cast<uint16_t>((port.host() / 64) % workers_); }
  /// Where fragments of one datagram meet, and where packets without state go.
  uint16_t ofAddresses(Ipv4Address source, Ipv4Address destination) const {
    return spread(source.host() * keys_[0] + destination.host() * keys_[1]);
  }
  uint16_t ofAddresses(const Ipv6Address& source, const Ipv6Address& destination) const {
    const auto from = wordsOf(source);
    const auto to = wordsOf(destination);
    uint64_t sum = 0;
    for (size_t i = 0; i < 4; ++i) sum += from[i] * keys_[i] + to[i] * keys_[i + 4];
    return spread(sum);
  }

 private:
  static std::array<uint64_t, 4> wordsOf(const Ipv6Address& address) {
    const auto word = [&](size_t n) -> uint64_t {
      return load<Be32>(reinterpret_cast<const std::byte*>(address.bytes.data()) + n * 4).host();
    };
    return {word(0), word(1), word(2), word(3)};
  }
  uint16_t spread(uint64_t sum) const {
    return static_cast<uint16_t>(((sum >> 32) * workers_) >> 32);
  }

  uint16_t workers_;
  std::array<uint32_t, 4> masks_{};
  Keys keys_;
};

}  // namespace platypus
