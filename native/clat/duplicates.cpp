#include "clat/duplicates.h"

#include <cstring>

#include "packet/checksum.h"

namespace platypus::clat {
namespace {

constexpr uint8_t kSolicitation = 135;
constexpr uint8_t kAdvertisement = 136;
constexpr uint8_t kOptionNonce = 14;
constexpr uint8_t kProtocolIcmp6 = 58;
constexpr size_t kHeaderBytes = 40;
constexpr size_t kMessageBytes = 24;

bool hasNonce(std::span<const std::byte> options, const Nonce& nonce) {
  while (options.size() >= 8) {
    const size_t bytes = std::to_integer<size_t>(options[1]) * 8;
    if (bytes == 0 || bytes > options.size()) return false;
    if (options[0] == std::byte{kOptionNonce} && bytes == 8 &&
        std::memcmp(options.data() + 2, nonce.data(), nonce.size()) == 0) {
      return true;
    }
    options = options.subspan(bytes);
  }
  return false;
}

}  // namespace

Ipv6Address solicitedNode(const Ipv6Address& address) {
  Ipv6Address group{{0xff, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff}};
  std::memcpy(group.bytes.data() + 13, address.bytes.data() + 13, 3);
  return group;
}

Solicitation makeSolicitation(const Ipv6Address& target, const Nonce& nonce) {
  Solicitation packet{};
  const Ipv6Address group = solicitedNode(target);
  const uint16_t payload = static_cast<uint16_t>(packet.size() - kHeaderBytes);
  packet[0] = std::byte{0x60};
  const Be16 length(payload);
  std::memcpy(packet.data() + 4, &length, 2);
  packet[6] = std::byte{kProtocolIcmp6};
  packet[7] = std::byte{255};
  std::memcpy(packet.data() + 24, group.bytes.data(), 16);
  std::byte* message = packet.data() + kHeaderBytes;
  message[0] = std::byte{kSolicitation};
  std::memcpy(message + 8, target.bytes.data(), 16);
  message[kMessageBytes] = std::byte{kOptionNonce};
  message[kMessageBytes + 1] = std::byte{1};
  std::memcpy(message + kMessageBytes + 2, nonce.data(), nonce.size());
  const Be16 checksum = finishSum(sumPseudoHeader(Ipv6Address{}, group, payload, kProtocolIcmp6) +
                                  sumBytes(std::span(packet).subspan(kHeaderBytes)));
  std::memcpy(message + 2, &checksum, 2);
  return packet;
}

bool isDuplicate(std::span<const std::byte> message, const Arrival& arrival,
                 const Ipv6Address& target, const Nonce& nonce) {
  if (arrival.hop_limit != 255 || message.size() < kMessageBytes || message[1] != std::byte{0} ||
      std::memcmp(message.data() + 8, target.bytes.data(), 16) != 0) {
    return false;
  }
  if (message[0] == std::byte{kAdvertisement}) return true;
  return message[0] == std::byte{kSolicitation} && arrival.source.isUnspecified() &&
         !hasNonce(message.subspan(kMessageBytes), nonce);
}

}  // namespace platypus::clat
