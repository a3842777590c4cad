#include "port/tun.h"

#include <fcntl.h>
#include <linux/if_tun.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "netlink/netlink.h"
#include "test/addresses.h"
#include "test/namespace.h"
#include "test/test.h"

namespace platypus {
namespace {

using namespace std::chrono_literals;
using test::ip;

// The two ends of the tests: this host, and one that only exists in what we write to the device.
struct Ends {
  const char* here;
  const char* there;
  uint8_t length;
};
constexpr Ends kV4{"192.0.2.1", "192.0.2.2", 24};
constexpr Ends kV6{"2001:db8::1", "2001:db8::2", 64};

struct Fixture {
  Fixture() : Fixture(TunPort::Options{}) {}
  explicit Fixture(const TunPort::Options& options) {
    if (!space.missing().empty()) {
      missing = space.missing();
      return;
    }
    auto opened = TunPort::open("plat%d", options);
    if (!opened.port) {
      missing = std::string("no TUN device: ") + opened.syscall + ": " + strerror(opened.error);
      return;
    }
    port = std::move(opened.port);
    name = port->name();
    REQUIRE(netlink.open().error == 0);
    REQUIRE(netlink.setLink(name.c_str(), {.up = true, .mtu = 1500}).error == 0);
    for (const Ends& ends : {kV4, kV6}) {
      REQUIRE(netlink.addAddress(name.c_str(), ip(ends.here), ends.length).error == 0);
    }
    REQUIRE(test::waitUntilUsable(netlink));
  }

  // Receives until `wanted` took a packet or two seconds passed; the kernel's own IPv6 chatter
  // comes along.
  bool receiveUntil(const std::function<bool(Packet&)>& wanted) {
    const auto end = std::chrono::steady_clock::now() + 2s;
    while (std::chrono::steady_clock::now() < end) {
      std::array<Packet, 64> burst;
      const size_t count = port->receive(burst);
      for (size_t i = 0; i < count; ++i) {
        if (wanted(burst[i])) return true;
      }
      if (count == 0) port->wait(100);
    }
    return false;
  }

  test::NetworkNamespace space;
  std::unique_ptr<TunPort> port;
  netlink::Netlink netlink;
  std::string name;
  std::string missing;
};

class Socket {
 public:
  Socket(int family, int type) : fd(socket(family, type | SOCK_CLOEXEC, 0)) {}
  explicit Socket(int accepted) : fd(accepted) {}
  ~Socket() {
    if (fd >= 0) close(fd);
  }
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;
  const int fd;
};

sockaddr_storage endpoint(const char* address, uint16_t port) {
  const netlink::IpAddress parsed = ip(address);
  sockaddr_storage storage{};
  if (parsed.family == AF_INET) {
    auto* v4 = reinterpret_cast<sockaddr_in*>(&storage);
    v4->sin_family = AF_INET;
    v4->sin_port = htons(port);
    std::memcpy(&v4->sin_addr, parsed.bytes.data(), 4);
  } else {
    auto* v6 = reinterpret_cast<sockaddr_in6*>(&storage);
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(port);
    std::memcpy(&v6->sin6_addr, parsed.bytes.data(), 16);
  }
  return storage;
}

int bindTo(const Socket& socket, const char* address, uint16_t port) {
  const auto name = endpoint(address, port);
  return bind(socket.fd, reinterpret_cast<const sockaddr*>(&name), sizeof name);
}

int connectTo(const Socket& socket, const char* address, uint16_t port) {
  const auto name = endpoint(address, port);
  return connect(socket.fd, reinterpret_cast<const sockaddr*>(&name), sizeof name);
}

bool isV6(const Packet& packet) {
  return std::to_integer<int>(packet.data()[0]) >> 4 == 6;
}
size_t transportAt(const Packet& packet) {
  return isV6(packet) ? 40 : 20;
}
int protocolOf(const Packet& packet) {
  return std::to_integer<int>(packet.data()[isV6(packet) ? 6 : 9]);
}

// Sends a packet back with its addresses exchanged, so that it seems to come from its destination.
// The sum over a pseudo-header does not change by that, and so no checksum does.
bool reflect(Fixture& f, Packet& packet) {
  const size_t at = isV6(packet) ? 8 : 12;
  const size_t size = isV6(packet) ? 16 : 4;
  std::swap_ranges(packet.data() + at, packet.data() + at + size, packet.data() + at + size);
  return f.port->send(packet);
}

void swapPorts(Packet& packet) {
  std::byte* ports = packet.data() + transportAt(packet);
  std::swap_ranges(ports, ports + 2, ports + 2);
}

TEST_CASE("tun: opens with checksum and TSO offload and tells the name the kernel chose") {
  Fixture f;
  if (!f.missing.empty()) SKIP(f.missing.c_str());
  CHECK(f.name == "plat0");
  CHECK(f.port->capabilities().checksum);
  CHECK(f.port->capabilities().tso);
  MESSAGE("UDP segmentation offload (Linux 6.2): ", f.port->capabilities().uso);
}

TEST_CASE("tun: a taken name is EBUSY, be it a TUN device of ours, a persistent one or lo") {
  Fixture f;
  if (!f.missing.empty()) SKIP(f.missing.c_str());
  CHECK(TunPort::open(f.name, {}).error == EBUSY);
  CHECK(TunPort::open("lo", {}).error == EBUSY);

  const Socket control(::open("/dev/net/tun", O_RDWR | O_CLOEXEC));
  ifreq request{};
  std::strcpy(request.ifr_name, "kept0");
  request.ifr_flags = IFF_TUN | IFF_NO_PI | IFF_VNET_HDR;
  REQUIRE(ioctl(control.fd, TUNSETIFF, &request) == 0);
  REQUIRE(ioctl(control.fd, TUNSETPERSIST, 1) == 0);
  {
    const auto opened = TunPort::open("kept0", {});
    CHECK(opened.error == EBUSY);
    CHECK(std::string(opened.syscall) == "TUNSETIFF");
    CHECK_FALSE(opened.port);
  }
  REQUIRE(ioctl(control.fd, TUNSETPERSIST, 0) == 0);
}

TEST_CASE("tun: a name no device can have is EINVAL") {
  Fixture f;
  if (!f.missing.empty()) SKIP(f.missing.c_str());
  CHECK(TunPort::open("", {}).error == EINVAL);
  CHECK(TunPort::open("sixteen-letters-", {}).error == EINVAL);
  CHECK(TunPort::open("a/b", {}).error == EINVAL);
}

TEST_CASE("tun: without offload nothing is promised") {
  Fixture f(TunPort::Options{.offload = OffloadLevel::kNone});
  if (!f.missing.empty()) SKIP(f.missing.c_str());
  CHECK_FALSE(f.port->capabilities().checksum);
  CHECK_FALSE(f.port->capabilities().tso);
  CHECK_FALSE(f.port->capabilities().uso);
}

TEST_CASE("tun: the device is gone as soon as the port is") {
  Fixture f;
  if (!f.missing.empty()) SKIP(f.missing.c_str());
  f.port.reset();
  const auto again = TunPort::open(f.name, {});
  CHECK(again.error == 0);
}

TEST_CASE("tun: further queues take the same device, and only with queues > 1") {
  Fixture f(TunPort::Options{.queues = 2});
  if (!f.missing.empty()) SKIP(f.missing.c_str());
  const auto second = f.port->openQueue();
  REQUIRE(second.error == 0);
  CHECK(second.port->name() == f.name);
  CHECK(second.port->capabilities().tso);
  Fixture single;
  CHECK(single.port->openQueue().error != 0);
}

TEST_CASE("tun: a UDP datagram and its answer pass, checksum left to the kernel") {
  Fixture f;
  if (!f.missing.empty()) SKIP(f.missing.c_str());
  for (const Ends& ends : {kV4, kV6}) {
    INFO(std::string(ends.here));
    const Socket client(ip(ends.here).family, SOCK_DGRAM);
    REQUIRE(connectTo(client, ends.there, 9) == 0);
    REQUIRE(send(client.fd, "hello", 5, 0) == 5);
    REQUIRE(f.receiveUntil([&](Packet& packet) {
      if (protocolOf(packet) != IPPROTO_UDP) return false;
      CHECK(packet.length() == transportAt(packet) + 8 + 5);
      CHECK(packet.headroom() == kHeadroom);
      CHECK(packet.offload.needsChecksum());
      CHECK(packet.offload.checksum_start == transportAt(packet));
      CHECK(packet.offload.checksum_offset == offsetof(udphdr, check));
      CHECK_FALSE(packet.offload.isGso());
      CHECK(std::memcmp(packet.data() + packet.length() - 5, "hello", 5) == 0);
      std::memcpy(packet.data() + packet.length() - 5, "world", 5);
      swapPorts(packet);
      CHECK(reflect(f, packet));
      return true;
    }));
    char answer[16] = {};
    CHECK(recv(client.fd, answer, sizeof answer, MSG_DONTWAIT) == 5);
    CHECK(std::string(answer) == "world");
  }
}

TEST_CASE("tun: a UDP super-packet arrives whole and is segmented when sent") {
  Fixture f;
  if (!f.missing.empty()) SKIP(f.missing.c_str());
  if (!f.port->capabilities().uso) SKIP("this kernel's TUN has no USO (Linux 6.2)");
  for (const Ends& ends : {kV4, kV6}) {
    INFO(std::string(ends.here));
    const Socket client(ip(ends.here).family, SOCK_DGRAM);
    const int segment = 1000;
    REQUIRE(setsockopt(client.fd, SOL_UDP, UDP_SEGMENT, &segment, sizeof segment) == 0);
    REQUIRE(connectTo(client, ends.there, 9) == 0);
    const std::string payload(4500, 'x');
    REQUIRE(send(client.fd, payload.data(), payload.size(), 0) == 4500);
    REQUIRE(f.receiveUntil([&](Packet& packet) {
      if (protocolOf(packet) != IPPROTO_UDP) return false;
      CHECK(packet.offload.gsoKind() == Offload::kGsoUdp);
      CHECK(packet.offload.gso_size == 1000);
      CHECK(packet.offload.header_length == transportAt(packet) + 8);
      CHECK(packet.length() == transportAt(packet) + 8 + 4500);
      swapPorts(packet);
      CHECK(reflect(f, packet));
      return true;
    }));
    std::vector<ssize_t> lengths;
    char datagram[8192];
    ssize_t got;
    while ((got = recv(client.fd, datagram, sizeof datagram, MSG_DONTWAIT)) >= 0) {
      lengths.push_back(got);
    }
    CHECK(lengths == std::vector<ssize_t>{1000, 1000, 1000, 1000, 500});
  }
}

TEST_CASE("tun: a TCP connection runs through, in super-packets both ways") {
  Fixture f;
  if (!f.missing.empty()) SKIP(f.missing.c_str());
  // The client talks to "there"; with addresses exchanged its packets come in from "there" and
  // reach the server here, whose answers go the same way back.
  for (const Ends& ends : {kV4, kV6}) {
    INFO(std::string(ends.here));
    const Socket listener(ip(ends.here).family, SOCK_STREAM);
    REQUIRE(bindTo(listener, ends.here, 7777) == 0);
    REQUIRE(listen(listener.fd, 1) == 0);
    constexpr size_t kBytes = 2'000'000;
    size_t received = 0;
    bool intact = true;
    // Both sockets exist before the threads do, and a time-out bounds a broken connection.
    const Socket client(ip(ends.here).family, SOCK_STREAM);
    const timeval limit{.tv_sec = 5, .tv_usec = 0};
    for (const int fd : {listener.fd, client.fd}) {
      REQUIRE(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) == 0);
      REQUIRE(setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit) == 0);
    }
    std::thread server([&] {
      const Socket peer(accept(listener.fd, nullptr, nullptr));
      std::vector<char> buffer(65536);
      ssize_t got;
      while ((got = recv(peer.fd, buffer.data(), buffer.size(), 0)) > 0) {
        for (ssize_t i = 0; i < got; ++i) {
          intact = intact && buffer[static_cast<size_t>(i)] ==
                                 static_cast<char>((received + static_cast<size_t>(i)) % 251);
        }
        received += static_cast<size_t>(got);
      }
      f.port->wake();
    });
    std::thread sender([&] {
      std::vector<char> payload(kBytes);
      for (size_t i = 0; i < kBytes; ++i) payload[i] = static_cast<char>(i % 251);
      if (connectTo(client, ends.there, 7777) == 0) {
        for (size_t sent = 0; sent < kBytes;) {
          const ssize_t now = send(client.fd, payload.data() + sent, kBytes - sent, MSG_NOSIGNAL);
          if (now <= 0) break;
          sent += static_cast<size_t>(now);
        }
      }
      shutdown(client.fd, SHUT_WR);
    });

    size_t super_packets = 0;
    size_t packets = 0;
    bool all_sent = true;
    const auto end = std::chrono::steady_clock::now() + 10s;
    bool closing = false;
    while (!closing && std::chrono::steady_clock::now() < end) {
      std::array<Packet, 64> burst;
      const size_t count = f.port->receive(burst);
      for (size_t i = 0; i < count; ++i) {
        Packet& packet = burst[i];
        if (protocolOf(packet) != IPPROTO_TCP) continue;
        ++packets;
        if (packet.offload.isGso()) {
          ++super_packets;
          CHECK(packet.offload.gsoKind() == (isV6(packet) ? Offload::kGsoTcp6 : Offload::kGsoTcp4));
          CHECK(packet.offload.gso_size <= 1460);
          CHECK(packet.offload.header_length >= transportAt(packet) + 20);
          CHECK(packet.length() > 1500);
        }
        const auto flags = std::to_integer<uint8_t>(packet.data()[transportAt(packet) + 13]);
        // The server closes after it has read everything and the client's FIN.
        const bool from_server = packet.data()[transportAt(packet)] == std::byte{7777 >> 8} &&
                                 packet.data()[transportAt(packet) + 1] == std::byte{7777 & 0xff};
        if (from_server && (flags & TH_FIN) != 0) closing = true;
        all_sent = reflect(f, packet) && all_sent;
      }
      if (count == 0) f.port->wait(50);
    }
    server.join();
    sender.join();
    CHECK(closing);
    CHECK(all_sent);
    CHECK(received == kBytes);
    CHECK(intact);
    CHECK(super_packets > 10);
    CHECK(packets < kBytes / 1460);
  }
  CHECK(f.port->stats().send_error == 0);
  CHECK(f.port->stats().bad_offload == 0);
}

TEST_CASE("tun: what the kernel refuses and what must not be sent is counted, not sent") {
  Fixture f;
  if (!f.missing.empty()) SKIP(f.missing.c_str());
  std::vector<std::byte> slot(kSlotBytes);
  Packet packet(slot.data());
  packet.reset(60);
  CHECK_FALSE(f.port->send(packet));  // IP version 0
  CHECK(f.port->stats().send_error == 1);
  packet.data()[0] = std::byte{0x45};
  packet.offload = {.gso_type = Offload::kGsoTcp4, .gso_size = 100};
  CHECK_FALSE(f.port->send(packet));
  CHECK(f.port->stats().bad_offload == 1);
  packet.offload = {};
  packet.moveStart(-static_cast<int32_t>(kHeadroom) + 4);
  CHECK_FALSE(f.port->send(packet));
  CHECK(f.port->stats().bad_offload == 2);
  REQUIRE(f.netlink.setLink(f.name.c_str(), {.up = false}).error == 0);
  packet.reset(60);
  packet.data()[0] = std::byte{0x45};
  CHECK_FALSE(f.port->send(packet));
  CHECK(f.port->stats().send_error == 2);
}

TEST_CASE("tun: wake() ends a wait() from another thread, and one that comes later") {
  Fixture f;
  if (!f.missing.empty()) SKIP(f.missing.c_str());
  std::thread other([&f] { f.port->wake(); });
  f.port->wait(-1);
  other.join();
  f.port->wake();
  f.port->wake();
  f.port->wait(-1);
}

TEST_CASE("tun: after `ip link del` the port says so and wait() still waits") {
  Fixture f;
  if (!f.missing.empty()) SKIP(f.missing.c_str());
  // What `ip link del` does.
  netlink::Link link;
  REQUIRE(f.netlink.findLink(f.name.c_str(), link).error == 0);
  netlink::Socket socket;
  REQUIRE(socket.open().error == 0);
  ifinfomsg header{};
  header.ifi_index = static_cast<int>(link.index);
  netlink::Request request(RTM_DELLINK, NLM_F_ACK, header);
  REQUIRE(socket.change(request).error == 0);

  std::array<Packet, 8> burst;
  f.port->wait(10);
  CHECK(f.port->receive(burst) == 0);
  CHECK(f.port->gone());
  const auto start = std::chrono::steady_clock::now();
  f.port->wait(20);
  CHECK(std::chrono::steady_clock::now() - start >= 15ms);
  f.port->wake();
  f.port->wait(-1);
}

}  // namespace
}  // namespace platypus
