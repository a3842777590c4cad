// A link whose other end is in the test's hand: packets as they are on the wire.
#pragma once

#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cstring>
#include <string>

#include "netlink/netlink.h"
#include "socket/descriptor.h"
#include "test/addresses.h"
#include "test/hex.h"
#include "test/namespace.h"
#include "test/test.h"

namespace platypus::test {

/// The TUN device `tun0`, up, with 192.0.2.1/24, fe80::1/64 and 2001:db8::1/64, in a namespace of
/// its own.
struct TunLink {
  TunLink() {
    if (!space.missing().empty()) {
      missing = space.missing();
      return;
    }
    tun = Descriptor(open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK));
    ifreq request{};
    request.ifr_flags = IFF_TUN | IFF_NO_PI;
    std::strcpy(request.ifr_name, "tun0");
    if (!tun || ioctl(tun.fd(), TUNSETIFF, &request) != 0) {
      missing = "no TUN device";
      return;
    }
    netlink::Netlink netlink;
    REQUIRE(netlink.open().error == 0);
    REQUIRE(netlink.setLink("tun0", {.up = true}).error == 0);
    REQUIRE(netlink.addAddress("tun0", ip("192.0.2.1"), 24).error == 0);
    REQUIRE(netlink.addAddress("tun0", ip("fe80::1"), 64).error == 0);
    REQUIRE(netlink.addAddress("tun0", ip("2001:db8::1"), 64).error == 0);
    REQUIRE(waitUntilUsable(netlink));
  }

  void arrive(const Bytes& packet) {
    REQUIRE(write(tun.fd(), packet.data(), packet.size()) == static_cast<ssize_t>(packet.size()));
  }

  /// The next packet of an IP protocol that leaves; others, as the kernel's own MLD, are passed
  /// over. Waits five seconds at most.
  Bytes leaving(int protocol) {
    for (;;) {
      pollfd readable{tun.fd(), POLLIN, 0};
      REQUIRE(poll(&readable, 1, 5000) == 1);
      Bytes packet(65'536);
      const ssize_t got = read(tun.fd(), packet.data(), packet.size());
      REQUIRE(got > 0);
      packet.resize(static_cast<size_t>(got));
      const bool v4 = std::to_integer<int>(packet[0] >> 4) == 4;
      if (std::to_integer<int>(packet[v4 ? 9 : 6]) == protocol) return packet;
    }
  }

  NetworkNamespace space;
  Descriptor tun;
  /// Why there is no link: the reason for SKIP.
  std::string missing;
};

}  // namespace platypus::test
