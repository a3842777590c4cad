#include "socket/receive_batch.h"

#include <cstring>
#include <new>

namespace platypus {
namespace {

template <typename T>
T valueOf(const cmsghdr& message) {
  T value;
  std::memcpy(&value, CMSG_DATA(&message), sizeof value);
  return value;
}

HostAddress of(const in_addr& wire) {
  HostAddress address{.family = AF_INET};
  std::memcpy(address.bytes.data(), &wire, sizeof wire);
  return address;
}

}  // namespace

bool ReceiveBatch::take(size_t slotBytes, size_t prefixBytes) {
  slot_bytes_ = slotBytes;
  // Zeroed, so that no page fault is left for the first datagrams.
  memory_.reset(new (std::nothrow) std::byte[kSlots * slotBytes]());
  if (!memory_) return false;
  for (size_t index = 0; index < kSlots; ++index) {
    parts_[index] = {{{prefix_[index].data(), prefixBytes}, {slot(index).data(), slotBytes}}};
    msghdr& header = in_[index].msg_hdr;
    header.msg_iov = parts_[index].data() + (prefixBytes == 0 ? 1 : 0);
    header.msg_iovlen = prefixBytes == 0 ? 1 : 2;
    header.msg_name = &address_[index];
    header.msg_control = &control_[index];
  }
  return true;
}

size_t ReceiveBatch::receive(int fd) {
  // The kernel overwrites these lengths.
  for (mmsghdr& each : in_) {
    each.msg_hdr.msg_namelen = sizeof(SocketAddress);
    each.msg_hdr.msg_controllen = sizeof(Control);
  }
  const int got = recvmmsg(fd, in_.data(), kSlots, MSG_DONTWAIT, nullptr);
  return got > 0 ? static_cast<size_t>(got) : 0;
}

Arrival ReceiveBatch::arrival(size_t slot) const {
  Arrival arrival;
  // CMSG_NXTHDR takes it without const, and does not write.
  auto* header = const_cast<msghdr*>(&in_[slot].msg_hdr);
  for (cmsghdr* each = CMSG_FIRSTHDR(header); each != nullptr; each = CMSG_NXTHDR(header, each)) {
    if (each->cmsg_level == IPPROTO_IP && each->cmsg_type == IP_PKTINFO) {
      const auto info = valueOf<in_pktinfo>(*each);
      arrival.destination = of(info.ipi_addr);
      arrival.answer_from = of(info.ipi_spec_dst);
      arrival.interface = static_cast<uint32_t>(info.ipi_ifindex);
    } else if (each->cmsg_level == IPPROTO_IPV6 && each->cmsg_type == IPV6_PKTINFO) {
      const auto info = valueOf<in6_pktinfo>(*each);
      arrival.destination.family = AF_INET6;
      std::memcpy(arrival.destination.bytes.data(), &info.ipi6_addr, sizeof info.ipi6_addr);
      // A multicast address is no source: none, the kernel chooses.
      if (!arrival.destination.isMulticast()) arrival.answer_from = arrival.destination;
      arrival.interface = info.ipi6_ifindex;
    } else if ((each->cmsg_level == IPPROTO_IP && each->cmsg_type == IP_TTL) ||
               (each->cmsg_level == IPPROTO_IPV6 && each->cmsg_type == IPV6_HOPLIMIT)) {
      arrival.hop_limit = static_cast<uint8_t>(valueOf<int>(*each));
    }
  }
  return arrival;
}

}  // namespace platypus
