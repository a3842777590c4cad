#include "test/reference.h"

#include <cstdint>

namespace platypus::test::reference {
namespace {

using View = std::span<const std::byte>;

uint32_t at(View bytes, size_t index) {
  return index < bytes.size() ? std::to_integer<uint32_t>(bytes[index]) : 0;
}
uint32_t word(View bytes, size_t index) {
  return at(bytes, index) * 256 + at(bytes, index + 1);
}

/// One's complement sum of big-endian words, folded at every step.
uint32_t sum(View bytes, uint32_t start = 0) {
  uint32_t total = start;
  for (size_t i = 0; i < bytes.size(); i += 2) {
    total += word(bytes, i);
    if (total > 0xffff) total -= 0xffff;
  }
  return total;
}

/// Where the upper-layer message of a packet lies and what it is.
struct Upper {
  uint32_t protocol = 0;
  size_t offset = 0;
  bool fragment = false;
  View message;
};

Upper find(View packet) {
  Upper upper;
  if (at(packet, 0) >> 4 == 4) {
    upper.offset = (at(packet, 0) & 15) * 4;
    upper.protocol = at(packet, 9);
    upper.fragment = (word(packet, 6) & 0x3fff) != 0;
    upper.message = packet.first(word(packet, 2) < packet.size() ? word(packet, 2) : packet.size());
  } else {
    upper.offset = 40;
    upper.protocol = at(packet, 6);
    upper.message =
        packet.first(40 + word(packet, 4) < packet.size() ? 40 + word(packet, 4) : packet.size());
    for (bool more = true; more && upper.offset < packet.size();) {
      switch (upper.protocol) {
        case 0:
        case 43:
        case 60:
          upper.protocol = at(packet, upper.offset);
          upper.offset += 8 + 8 * at(packet, upper.offset + 1);
          break;
        case 44:
          upper.fragment = (word(packet, upper.offset + 2) & 0xfff9) != 0;
          upper.protocol = at(packet, upper.offset);
          upper.offset += 8;
          more = false;
          break;
        default:
          more = false;
      }
    }
  }
  upper.message =
      upper.offset <= upper.message.size() ? upper.message.subspan(upper.offset) : View();
  return upper;
}

/// Where the checksum field stands in a message, or -1.
int fieldOf(View packet, const Upper& upper) {
  const bool v4 = at(packet, 0) >> 4 == 4;
  switch (upper.protocol) {
    case 6:
      return upper.message.size() >= 20 ? 16 : -1;
    case 17:
      return upper.message.size() >= 8 ? 6 : -1;
    case 1:
      return v4 && upper.message.size() >= 8 ? 2 : -1;
    case 58:
      return !v4 && upper.message.size() >= 8 ? 2 : -1;
    default:
      return -1;
  }
}

/// What a checksum covers: UDP's own length counts, not the packet's.
View covered(const Upper& upper) {
  const size_t length = word(upper.message, 4);
  const bool shorter = upper.protocol == 17 && length >= 8 && length < upper.message.size();
  return shorter ? upper.message.first(length) : upper.message;
}

uint32_t pseudo(View packet, const Upper& upper, size_t length) {
  if (upper.protocol == 1) return 0;
  const bool v4 = at(packet, 0) >> 4 == 4;
  uint32_t total = sum(v4 ? packet.subspan(12, 8) : packet.subspan(8, 32));
  total += static_cast<uint32_t>(length % 65536 + length / 65536) + upper.protocol;
  return total % 0xffff == 0 ? 0xffff : total % 0xffff;
}

}  // namespace

Sum header(View packet) {
  if (at(packet, 0) >> 4 != 4) return Sum::kNone;
  return sum(packet.first((at(packet, 0) & 15) * 4)) == 0xffff ? Sum::kGood : Sum::kBad;
}

Sum transport(View packet) {
  const Upper upper = find(packet);
  const int field = fieldOf(packet, upper);
  if (field < 0 || upper.fragment) return Sum::kNone;
  if (upper.protocol == 17 && word(upper.message, 6) == 0) {
    return at(packet, 0) >> 4 == 4 ? Sum::kNone : Sum::kBad;
  }
  const View bytes = covered(upper);
  return sum(bytes, pseudo(packet, upper, bytes.size())) == 0xffff ? Sum::kGood : Sum::kBad;
}

void fill(std::span<std::byte> packet) {
  const Upper upper = find(packet);
  const auto put = [packet](size_t index, uint32_t value) {
    packet[index] = static_cast<std::byte>(value / 256);
    packet[index + 1] = static_cast<std::byte>(value % 256);
  };
  if (at(packet, 0) >> 4 == 4) {
    put(10, 0);
    put(10, 0xffff - sum(packet.first((at(packet, 0) & 15) * 4)));
  }
  const int field = fieldOf(packet, upper);
  if (field < 0 || upper.fragment) return;
  const size_t index = upper.offset + static_cast<size_t>(field);
  put(index, 0);
  const View bytes = covered(upper);
  const uint32_t value = 0xffff - sum(bytes, pseudo(packet, upper, bytes.size()));
  put(index, upper.protocol == 17 && value == 0 ? 0xffff : value);
}

}  // namespace platypus::test::reference
