// The least that a translator with a TUN device can do: the yardstick for what Platypus adds to it.
//
//   tun_loop DEVICE POOL6 HOSTS6 HOSTS4
//   tun_loop bare 2001:db8:64:: 2001:db8:1:: 192.0.2.0
//
//   1. Opens DEVICE as Platypus opens its own: virtio header, checksum offload, TSO and, where the
//      kernel has it, USO.
//   2. Blocking read, one packet.
//   3. Other header in front: HOSTS6/120 and HOSTS4/24 stand for each other by their last byte,
//      POOL6/96 carries all other IPv4 addresses in its last four bytes.
//   4. The transport checksum by its difference, the offload fields to the other family.
//   5. Write.
//
// No check, no state, no ICMP, no fragment, no options, no error message: it is no translator and
// must not be used as one. What is not TCP or UDP without options is let go silently.
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "packet/checksum.h"
#include "packet/ipv4.h"
#include "packet/ipv6.h"
#include "packet/packet.h"
#include "packet/protocol.h"
#include "port/virtio_header.h"

namespace {

using namespace platypus;

constexpr size_t kGrowth = Ipv6Header::kSize - Ipv4Header::kSize;

struct Addresses {
  Ipv6Address pool6;
  Ipv6Address hosts6;
  Ipv4Address hosts4;

  Ipv4Address host4(const Ipv6Address& host) const {
    return Ipv4Address::fromHost((hosts4.host() & 0xffffff00) | host.bytes[15]);
  }
  Ipv6Address host6(Ipv4Address host) const {
    Ipv6Address result = hosts6;
    result.bytes[15] = static_cast<uint8_t>(host.host());
    return result;
  }
  static Ipv4Address inside(const Ipv6Address& address) {
    return load<Ipv4Address>(address.at(12));
  }
  Ipv6Address outside(Ipv4Address address) const {
    Ipv6Address result = pool6;
    std::memcpy(result.bytes.data() + 12, &address, sizeof address);
    return result;
  }
};

[[noreturn]] void fail(const char* what) {
  std::fprintf(stderr, "tun_loop: %s: %s\n", what, std::strerror(errno));
  std::exit(1);
}

int openTun(const char* name) {
  const int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
  if (fd < 0) fail("/dev/net/tun");
  struct ifreq request = {};
  std::strncpy(request.ifr_name, name, IFNAMSIZ - 1);
  request.ifr_flags = static_cast<short>(IFF_TUN | IFF_NO_PI | IFF_VNET_HDR | IFF_TUN_EXCL);
  if (ioctl(fd, TUNSETIFF, &request) != 0) fail("TUNSETIFF");
  int header_bytes = kVirtioHeaderBytes;
  int little_endian = 1;
  if (ioctl(fd, TUNSETVNETHDRSZ, &header_bytes) != 0) fail("TUNSETVNETHDRSZ");
  if (ioctl(fd, TUNSETVNETLE, &little_endian) != 0) fail("TUNSETVNETLE");
  // As native/port/tun.cpp: all that the kernel has. 0x60 is USO for both families.
  constexpr unsigned kTso = TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_TSO_ECN;
  if (ioctl(fd, TUNSETOFFLOAD, kTso | 0x60u) != 0 && ioctl(fd, TUNSETOFFLOAD, kTso) != 0) {
    fail("TUNSETOFFLOAD");
  }
  return fd;
}

/// Moves hdr_len and csum_start, both little-endian, and turns the TCP kind of GSO round.
void rewriteOffload(std::byte* header, int moved) {
  const auto move = [&](size_t at) {
    const int old = std::to_integer<int>(header[at]) | (std::to_integer<int>(header[at + 1]) << 8);
    if (old == 0) return;
    header[at] = static_cast<std::byte>((old + moved) & 0xff);
    header[at + 1] = static_cast<std::byte>((old + moved) >> 8);
  };
  move(2);
  move(6);
  const auto kind = std::to_integer<uint8_t>(header[1]);
  if ((kind & ~Offload::kGsoEcn) == Offload::kGsoTcp4)
    header[1] = static_cast<std::byte>((kind & Offload::kGsoEcn) | Offload::kGsoTcp6);
  if ((kind & ~Offload::kGsoEcn) == Offload::kGsoTcp6)
    header[1] = static_cast<std::byte>((kind & Offload::kGsoEcn) | Offload::kGsoTcp4);
}

void rewriteChecksum(std::byte* transport, uint8_t protocol, bool partial,
                     const ChecksumDelta& delta) {
  std::byte* field = transport + (protocol == protocol::kTcp ? 16 : 6);
  const Be16 old = load<Be16>(field);
  store(field, partial ? delta.applyPartial(old) : delta.apply(old));
}

/// Returns where the virtio header of the translated packet begins, or null.
std::byte* translate(std::byte* virtio, size_t& bytes, const Addresses& addresses) {
  std::byte* packet = virtio + kVirtioHeaderBytes;
  const bool partial = (std::to_integer<uint8_t>(virtio[0]) & 1) != 0;
  std::byte saved[kVirtioHeaderBytes];
  std::memcpy(saved, virtio, kVirtioHeaderBytes);
  ChecksumDelta delta;

  if ((std::to_integer<uint8_t>(packet[0]) >> 4) == 6) {
    const auto v6 = load<Ipv6Header>(packet);
    if (v6.next_header != protocol::kTcp && v6.next_header != protocol::kUdp) return nullptr;
    Ipv4Header v4;
    v4.total_length = Be16(static_cast<uint16_t>(v6.payload_length.host() + Ipv4Header::kSize));
    v4.flags_offset = Be16(Ipv4Header::kDontFragment);
    v4.ttl = static_cast<uint8_t>(v6.hop_limit - 1);
    v4.protocol = v6.next_header;
    v4.source = addresses.host4(v6.source);
    v4.destination = Addresses::inside(v6.destination);
    v4.computeChecksum();
    delta.remove(v6.source);
    delta.remove(v6.destination);
    delta.add(v4.source);
    delta.add(v4.destination);
    rewriteChecksum(packet + Ipv6Header::kSize, v4.protocol, partial, delta);
    v4.writeTo(packet + kGrowth);
    std::memcpy(virtio + kGrowth, saved, kVirtioHeaderBytes);
    rewriteOffload(virtio + kGrowth, -static_cast<int>(kGrowth));
    bytes -= kGrowth;
    return virtio + kGrowth;
  }

  const auto v4 = load<Ipv4Header>(packet);
  if (v4.version_ihl != 0x45) return nullptr;
  if (v4.protocol != protocol::kTcp && v4.protocol != protocol::kUdp) return nullptr;
  Ipv6Header v6;
  v6.payload_length = Be16(static_cast<uint16_t>(v4.total_length.host() - Ipv4Header::kSize));
  v6.next_header = v4.protocol;
  v6.hop_limit = static_cast<uint8_t>(v4.ttl - 1);
  v6.source = addresses.outside(v4.source);
  v6.destination = addresses.host6(v4.destination);
  delta.remove(v4.source);
  delta.remove(v4.destination);
  delta.add(v6.source);
  delta.add(v6.destination);
  rewriteChecksum(packet + Ipv4Header::kSize, v4.protocol, partial, delta);
  v6.writeTo(packet - kGrowth);
  std::memcpy(virtio - kGrowth, saved, kVirtioHeaderBytes);
  rewriteOffload(virtio - kGrowth, static_cast<int>(kGrowth));
  bytes += kGrowth;
  return virtio - kGrowth;
}

}  // namespace

int main(int argc, char** argv) {
  Addresses addresses;
  if (argc != 5 || inet_pton(AF_INET6, argv[2], addresses.pool6.bytes.data()) != 1 ||
      inet_pton(AF_INET6, argv[3], addresses.hosts6.bytes.data()) != 1 ||
      inet_pton(AF_INET, argv[4], &addresses.hosts4) != 1) {
    std::fprintf(stderr, "usage: tun_loop DEVICE POOL6 HOSTS6 HOSTS4\n");
    return 2;
  }
  const int fd = openTun(argv[1]);
  std::puts("open");
  std::fflush(stdout);

  static std::byte slot[64 + kVirtioHeaderBytes + 65'600];
  std::byte* const at = slot + 64 - kVirtioHeaderBytes;
  for (;;) {
    const ssize_t got = read(fd, at, kVirtioHeaderBytes + 65'575);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) fail("read");
    auto bytes = static_cast<size_t>(got);
    if (bytes < kVirtioHeaderBytes + Ipv6Header::kSize && bytes < kVirtioHeaderBytes + 28) continue;
    const std::byte* out = translate(at, bytes, addresses);
    // A full queue loses the packet, as anywhere.
    if (out != nullptr) (void)!write(fd, out, bytes);
  }
}
