#include "udp/batch_socket.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "netlink/netlink.h"
#include "test/addresses.h"
#include "test/namespace.h"
#include "test/test.h"

namespace platypus {
namespace {

using test::ip;

constexpr size_t kBatch = BatchSocket::kBatch;

UdpPeer::Address address(const char* text) {
  return ip(text).bytes;
}

// Without privileges, a test in a namespace of its own leaves the process there, where nobody has
// set up lo yet.
void setUpLoopback() {
  netlink::Netlink netlink;
  netlink::Link lo;
  REQUIRE(netlink.open().error == 0);
  REQUIRE(netlink.findLink("lo", lo).error == 0);
  if (!lo.up) REQUIRE(netlink.setLink("lo", {.up = true}).error == 0);
}

std::unique_ptr<BatchSocket> opened(const char* local, BatchSocket::Options options = {}) {
  setUpLoopback();
  const auto given = ip(local);
  options.family = given.family == AF_INET ? 4 : 6;
  options.address = given.bytes;
  auto result = BatchSocket::open(options);
  REQUIRE(result.error == 0);
  return std::move(result.socket);
}

// A client of the plain kind, bound to an address and connected to none.
class Client {
 public:
  explicit Client(const char* local) : family_(ip(local).family) {
    fd_ = socket(family_, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    REQUIRE(fd_ >= 0);
    sockaddr_in6 at = socketAddress(local, Be16(0));
    REQUIRE(bind(fd_, reinterpret_cast<sockaddr*>(&at), size()) == 0);
    socklen_t length = sizeof at;
    REQUIRE(getsockname(fd_, reinterpret_cast<sockaddr*>(&at), &length) == 0);
    // The port lies at the same place in both families.
    port_ = Be16::fromWire(at.sin6_port);
  }
  ~Client() { close(fd_); }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  Be16 port() const { return port_; }

  void send(const char* to, Be16 port, std::string_view text) {
    const sockaddr_in6 at = socketAddress(to, port);
    REQUIRE(sendto(fd_, text.data(), text.size(), 0, reinterpret_cast<const sockaddr*>(&at),
                   size()) == static_cast<ssize_t>(text.size()));
  }

  struct Answer {
    std::string text;
    std::string from;
    Be16 port;
  };
  // Waits five seconds at most.
  Answer receive() {
    pollfd readable{fd_, POLLIN, 0};
    REQUIRE(poll(&readable, 1, 5000) == 1);
    char bytes[65'536];
    sockaddr_in6 from{};
    socklen_t length = sizeof from;
    const ssize_t got =
        recvfrom(fd_, bytes, sizeof bytes, 0, reinterpret_cast<sockaddr*>(&from), &length);
    REQUIRE(got >= 0);
    char text[INET6_ADDRSTRLEN];
    const void* raw = family_ == AF_INET
                          ? static_cast<const void*>(&reinterpret_cast<sockaddr_in&>(from).sin_addr)
                          : &from.sin6_addr;
    REQUIRE(inet_ntop(family_, raw, text, sizeof text) != nullptr);
    return {{bytes, static_cast<size_t>(got)}, text, Be16::fromWire(from.sin6_port)};
  }
  bool idle() {
    pollfd readable{fd_, POLLIN, 0};
    return poll(&readable, 1, 0) == 0;
  }

 private:
  socklen_t size() const { return family_ == AF_INET ? sizeof(sockaddr_in) : sizeof(sockaddr_in6); }
  // Of either family, in the larger of the two.
  sockaddr_in6 socketAddress(const char* text, Be16 port) const {
    sockaddr_in6 result{};
    result.sin6_family = static_cast<sa_family_t>(family_);
    result.sin6_port = port.wire();
    auto* raw = family_ == AF_INET
                    ? static_cast<void*>(&reinterpret_cast<sockaddr_in&>(result).sin_addr)
                    : &result.sin6_addr;
    REQUIRE(inet_pton(family_, text, raw) == 1);
    return result;
  }

  int family_;
  int fd_ = -1;
  Be16 port_;
};

// One batch; waits five seconds at most for its first datagram.
BatchSocket::Batch receive(BatchSocket& socket) {
  pollfd readable{socket.fd(), POLLIN, 0};
  REQUIRE(poll(&readable, 1, 5000) == 1);
  return socket.receive();
}

std::string textOf(BatchSocket& socket, size_t slot) {
  const auto bytes = socket.received().subspan(slot * socket.slotBytes(),
                                               static_cast<size_t>(socket.receivedLengths()[slot]));
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

void write(BatchSocket& socket, size_t slot, const UdpPeer& peer, std::string_view text) {
  std::memcpy(socket.toSend().data() + slot * BatchSocket::kSendBytes, text.data(), text.size());
  socket.toSendLengths()[slot] = static_cast<int32_t>(text.size());
  socket.toSendPeers()[slot] = peer;
}

TEST_CASE("batch socket: 64 datagrams come in one batch and go in one, in order") {
  for (const char* local : {"127.0.0.1", "::1"}) {
    CAPTURE(local);
    const auto server = opened(local);
    Client client(local);
    for (size_t i = 0; i < kBatch + 1; ++i) {
      client.send(local, server->port(), "query " + std::to_string(i));
    }
    const auto batch = receive(*server);
    REQUIRE(batch.count == kBatch);
    CHECK(batch.full);
    for (size_t i = 0; i < kBatch; ++i) {
      REQUIRE(textOf(*server, i) == "query " + std::to_string(i));
      write(*server, i, server->receivedPeers()[i], "answer " + std::to_string(i));
    }
    server->send(kBatch);
    for (size_t i = 0; i < kBatch; ++i) {
      REQUIRE(client.receive().text == "answer " + std::to_string(i));
    }
    const auto rest = receive(*server);
    CHECK(rest.count == 1);
    CHECK_FALSE(rest.full);
    CHECK(server->receive().count == 0);
    CHECK(server->counters().received == kBatch + 1);
    CHECK(server->counters().sent == kBatch);
  }
}

TEST_CASE("batch socket: a peer record names both ends") {
  for (const char* local : {"127.0.0.1", "::1"}) {
    CAPTURE(local);
    const bool v4 = local[0] == '1';
    const auto server = opened(v4 ? "0.0.0.0" : "::");
    Client client(local);
    client.send(local, server->port(), "x");
    REQUIRE(receive(*server).count == 1);
    const UdpPeer& peer = server->receivedPeers()[0];
    CHECK(peer.family == (v4 ? 4 : 6));
    CHECK(peer.port == client.port());
    CHECK(peer.scope.host() == 0);
    CHECK(peer.address == address(local));
    CHECK(peer.local == address(local));
    // The first interface of every namespace is lo.
    CHECK(peer.interface.host() == 1);
  }
}

TEST_CASE("batch socket: a peer record's bytes lie as documented") {
  UdpPeer peer;
  peer.family = 6;
  peer.port = Be16(0x1234);
  peer.scope = Be32(0x01020304);
  peer.address = address("2001:db8::1");
  peer.local = address("2001:db8::2");
  peer.interface = Be32(0x05060708);
  std::array<uint8_t, 48> bytes;
  std::memcpy(bytes.data(), &peer, sizeof peer);
  CHECK(bytes == std::array<uint8_t, 48>{6,    0,    0x12, 0x34, 1, 2, 3, 4, 0x20, 0x01, 0x0d, 0xb8,
                                         0,    0,    0,    0,    0, 0, 0, 0, 0,    0,    0,    1,
                                         0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0,    0,    0,    0,
                                         0,    0,    0,    2,    5, 6, 7, 8, 0,    0,    0,    0});
}

TEST_CASE("batch socket: an answer leaves from the address that was asked (DNS-TCP-14)") {
  const auto server = opened("0.0.0.0");
  Client client("127.0.0.1");
  // Without help, an answer to 127.0.0.1 would come from 127.0.0.1.
  for (const char* asked : {"127.0.0.2", "127.0.0.1", "127.3.4.5"}) {
    client.send(asked, server->port(), "query");
    REQUIRE(receive(*server).count == 1);
    write(*server, 0, server->receivedPeers()[0], "answer");
    server->send(1);
    const auto answer = client.receive();
    CHECK(answer.from == asked);
    CHECK(answer.port == server->port());
  }
  // And without a local address in the record, the kernel chooses.
  client.send("127.0.0.2", server->port(), "query");
  REQUIRE(receive(*server).count == 1);
  UdpPeer peer = server->receivedPeers()[0];
  peer.local = {};
  write(*server, 0, peer, "answer");
  server->send(1);
  CHECK(client.receive().from == "127.0.0.1");
}

TEST_CASE("batch socket: what is longer than a slot is counted, and the others move together") {
  const auto server = opened("127.0.0.1", {.slot_bytes = 128});
  Client client("127.0.0.1");
  for (const size_t length : {1u, 129u, 128u, 4000u, 0u, 5u}) {
    client.send("127.0.0.1", server->port(), std::string(length, 'x'));
  }
  const auto batch = receive(*server);
  REQUIRE(batch.count == 4);
  size_t slot = 0;
  for (const size_t length : {1u, 128u, 0u, 5u}) {
    CHECK(textOf(*server, slot) == std::string(length, 'x'));
    CHECK(server->receivedPeers()[slot].port == client.port());
    ++slot;
  }
  CHECK(server->counters().truncated == 2);
  CHECK(server->counters().received == 4);
}

TEST_CASE("batch socket: a batch of nothing but long datagrams is full all the same") {
  const auto server = opened("127.0.0.1", {.slot_bytes = 64});
  Client client("127.0.0.1");
  for (size_t i = 0; i < kBatch; ++i) {
    client.send("127.0.0.1", server->port(), std::string(65, 'x'));
  }
  const auto batch = receive(*server);
  CHECK(batch.count == 0);
  CHECK(batch.full);
}

TEST_CASE("batch socket: an answer that is refused is counted, and the rest goes") {
  const auto server = opened("0.0.0.0");
  Client client("127.0.0.1");
  client.send("127.0.0.1", server->port(), "query");
  REQUIRE(receive(*server).count == 1);
  const UdpPeer good = server->receivedPeers()[0];
  UdpPeer broadcast = good;
  broadcast.address = address("255.255.255.255");
  UdpPeer portless = good;
  portless.port = Be16(0);
  UdpPeer elsewhere = good;
  elsewhere.local = address("192.0.2.1");
  UdpPeer other_family = good;
  other_family.family = 6;
  const UdpPeer none;
  const UdpPeer peers[] = {broadcast,    good, portless, portless, good, elsewhere,
                           other_family, good, none,     good,     good, broadcast};
  for (size_t slot = 0; slot < std::size(peers); ++slot) {
    write(*server, slot, peers[slot], std::to_string(slot));
  }
  server->toSendLengths()[9] = -1;
  server->toSendLengths()[10] = BatchSocket::kSendBytes + 1;
  server->send(std::size(peers));
  for (const char* text : {"1", "4", "7"}) CHECK(client.receive().text == text);
  CHECK(client.idle());
  CHECK(server->counters().sent == 3);
  CHECK(server->counters().send_refused == 9);
  CHECK(server->counters().send_dropped == 0);
}

TEST_CASE("batch socket: an answer to a port that nobody has leaves the socket working") {
  for (const char* local : {"127.0.0.1", "::1"}) {
    const auto server = opened(local);
    UdpPeer gone;
    {
      Client client(local);
      client.send(local, server->port(), "query");
      REQUIRE(receive(*server).count == 1);
      gone = server->receivedPeers()[0];
    }
    for (size_t slot = 0; slot < kBatch; ++slot) write(*server, slot, gone, "answer");
    server->send(kBatch);
    CHECK(server->counters().sent == kBatch);
    Client client(local);
    client.send(local, server->port(), "query");
    CHECK(receive(*server).count == 1);
  }
}

TEST_CASE("batch socket: when the kernel has no room, the rest of a batch is dropped") {
  // Room stays taken while the kernel looks for a neighbour: the one behind a device where nobody
  // answers.
  test::NetworkNamespace space;
  if (!space.missing().empty()) SKIP(space.missing().c_str());
  const int tap = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
  ifreq request{};
  request.ifr_flags = IFF_TAP | IFF_NO_PI;
  std::strcpy(request.ifr_name, "tap0");
  if (tap < 0 || ioctl(tap, TUNSETIFF, &request) != 0) {
    if (tap >= 0) close(tap);
    SKIP("no TAP device");
  }
  netlink::Netlink netlink;
  REQUIRE(netlink.open().error == 0);
  REQUIRE(netlink.setLink("tap0", {.up = true}).error == 0);
  REQUIRE(netlink.addAddress("tap0", ip("192.0.2.1"), 24).error == 0);
  const auto server = opened("192.0.2.1");
  const int small = 16 * 1024;
  REQUIRE(setsockopt(server->fd(), SOL_SOCKET, SO_SNDBUF, &small, sizeof small) == 0);
  UdpPeer peer;
  peer.family = 4;
  peer.port = Be16(53);
  peer.address = address("192.0.2.2");
  peer.local = address("192.0.2.1");
  for (size_t slot = 0; slot < kBatch; ++slot) {
    write(*server, slot, peer, std::string(1000, 'x'));
  }
  server->send(kBatch);
  close(tap);
  const auto& counters = server->counters();
  CHECK(counters.sent > 0);
  CHECK(counters.send_dropped > 0);
  CHECK(counters.send_refused == 0);
  CHECK(counters.sent + counters.send_dropped == kBatch);
}

TEST_CASE("batch socket: what the kernel's buffer has no room for is counted") {
  const auto server = opened("127.0.0.1");
  const int small = 16 * 1024;
  REQUIRE(setsockopt(server->fd(), SOL_SOCKET, SO_RCVBUF, &small, sizeof small) == 0);
  Client client("127.0.0.1");
  constexpr size_t kSent = 60;
  for (size_t i = 0; i < kSent; ++i) {
    client.send("127.0.0.1", server->port(), std::string(4000, 'x'));
  }
  REQUIRE(receive(*server).count > 0);
  CHECK(server->counters().receive_dropped > 0);
  CHECK(server->counters().received + server->counters().receive_dropped == kSent);
  server->close();
  CHECK(server->counters().received + server->counters().receive_dropped == kSent);
}

TEST_CASE("batch socket: a datagram from port 0 is counted and not handed on") {
  const int raw = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_UDP);
  if (raw < 0) SKIP("no raw socket: CAP_NET_RAW is missing");
  const auto server = opened("127.0.0.1");
  Client client("127.0.0.1");
  client.send("127.0.0.1", server->port(), "before");
  const struct {
    udphdr header;
    char text[4];
  } datagram{{{{0, server->port().wire(), Be16(12).wire(), 0}}}, {'f', 'a', 'k', 'e'}};
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_addr.s_addr = Be32(INADDR_LOOPBACK).wire();
  const ssize_t sent =
      sendto(raw, &datagram, sizeof datagram, 0, reinterpret_cast<const sockaddr*>(&to), sizeof to);
  close(raw);
  REQUIRE(sent == sizeof datagram);
  client.send("127.0.0.1", server->port(), "after");
  REQUIRE(receive(*server).count == 2);
  CHECK(textOf(*server, 0) == "before");
  CHECK(textOf(*server, 1) == "after");
  CHECK(server->counters().bad_source == 1);
}

TEST_CASE("batch socket: both families have the same port, each its own socket") {
  const auto v6 = opened("::");
  const auto v4 = opened("0.0.0.0", {.port = v6->port()});
  CHECK(v4->port() == v6->port());
  Client client("127.0.0.1");
  client.send("127.0.0.1", v4->port(), "query");
  CHECK(receive(*v4).count == 1);
  CHECK(v6->receive().count == 0);
}

TEST_CASE("batch socket: a port is taken, unless all its sockets share it") {
  const auto first = opened("::1");
  const auto second = BatchSocket::open(
      {.family = 6, .address = address("::1"), .port = first->port(), .reuse_port = true});
  CHECK(second.socket == nullptr);
  CHECK(second.error == EADDRINUSE);
  CHECK(std::string_view(second.syscall) == "bind");

  const auto shared = opened("::1", {.reuse_port = true});
  const auto sharing = opened("::1", {.port = shared->port(), .reuse_port = true});
  CHECK(sharing->port() == shared->port());
}

TEST_CASE("batch socket: what cannot be bound says why") {
  setUpLoopback();
  CHECK(BatchSocket::open({.family = 4, .address = address("192.0.2.1")}).error == EADDRNOTAVAIL);
  CHECK(BatchSocket::open({.family = 5}).error == EINVAL);
  CHECK(BatchSocket::open({.family = 4, .slot_bytes = 0}).error == EINVAL);
  CHECK(BatchSocket::open({.family = 4, .slot_bytes = 100}).error == EINVAL);
}

TEST_CASE("batch socket: answers obey no path MTU that ICMP told") {
  int value = -1;
  socklen_t length = sizeof value;
  const auto v4 = opened("127.0.0.1");
  REQUIRE(getsockopt(v4->fd(), IPPROTO_IP, IP_MTU_DISCOVER, &value, &length) == 0);
  CHECK(value == IP_PMTUDISC_OMIT);
  const auto v6 = opened("::1");
  REQUIRE(getsockopt(v6->fd(), IPPROTO_IPV6, IPV6_MTU_DISCOVER, &value, &length) == 0);
  CHECK(value == IPV6_PMTUDISC_OMIT);
}

TEST_CASE("batch socket: DF and no checksum for one sending, as the wire has them") {
  const int raw = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_UDP);
  if (raw < 0) SKIP("no raw socket: CAP_NET_RAW is missing");
  BatchSocket::Options options;
  options.path_mtu = true;
  const auto sender = opened("127.0.0.1", options);
  const Client peer("127.0.0.1");
  UdpPeer to;
  to.family = 4;
  to.port = peer.port();
  to.address = address("127.0.0.1");
  struct Seen {
    bool dont_fragment;
    bool checksum;
  };
  const auto sent = [&](BatchSocket::Manner manner) {
    write(*sender, 0, to, "text");
    REQUIRE(sender->send(1, manner) == 0);
    iphdr header{};
    udphdr udp{};
    // It hears of all datagrams here, of other tests' too.
    while (udp.dest != peer.port().wire()) {
      std::byte packet[sizeof header + sizeof udp];
      REQUIRE(recv(raw, packet, sizeof packet, 0) == sizeof packet);
      std::memcpy(&header, packet, sizeof header);
      std::memcpy(&udp, packet + sizeof header, sizeof udp);
    }
    return Seen{(Be16::fromWire(header.frag_off).host() & IP_DF) != 0, udp.check != 0};
  };
  const Seen whole = sent({.dont_fragment = true});
  CHECK(whole.dont_fragment);
  CHECK(whole.checksum);
  const Seen bare = sent({.no_checksum = true});
  CHECK_FALSE(bare.checksum);
  const Seen plain = sent({});
  CHECK_FALSE(plain.dont_fragment);
  CHECK(plain.checksum);
  close(raw);
}

TEST_CASE("batch socket: the path MTU to an address, from where it is asked") {
  setUpLoopback();
  const auto host = [](const char* text) {
    const auto given = ip(text);
    return HostAddress{.family = given.family, .bytes = given.bytes};
  };
  const HostAddress local = host("127.0.0.1");
  CHECK_EQ(pathMtuTo(local, nullptr, "").bytes, 65'535);
  CHECK_EQ(pathMtuTo(local, &local, "").bytes, 65'535);
  CHECK_EQ(pathMtuTo(host("::1"), nullptr, "").bytes, 65'536);
  const HostAddress stranger = host("192.0.2.1");
  CHECK_EQ(pathMtuTo(local, &stranger, "").error, EADDRNOTAVAIL);
  CHECK_EQ(pathMtuTo(local, nullptr, "nowhere").error, ENODEV);
}

TEST_CASE("batch socket: connected, it takes from its server alone, and is told of refusals") {
  setUpLoopback();
  auto server = opened("127.0.0.1");
  BatchSocket::Options options;
  options.remote = address("127.0.0.1");
  options.remote_port = server->port();
  options.memory = server->memory();
  auto client = opened("0.0.0.0", options);
  CHECK(client->address().bytes == address("127.0.0.1"));
  CHECK(client->toSend().data() == server->toSend().data());
  client->toSend()[0] = std::byte{'q'};
  client->toSendLengths()[0] = 1;
  // Left over of other uses of the memory.
  client->toSendPeers()[0].family = 6;
  CHECK_EQ(client->send(1), 0u);
  CHECK_EQ(server->receive().count, 1u);
  CHECK(server->receivedPeers()[0].port == client->port());
  Client stranger("127.0.0.1");
  stranger.send("127.0.0.1", client->port(), "forged");
  CHECK_EQ(client->receive().count, 0u);
  server->close();
  CHECK_EQ(client->send(1), 0u);
  CHECK_EQ(client->receive().error, ECONNREFUSED);
  CHECK_EQ(client->receive().error, 0);
}

TEST_CASE("batch socket: closed, it takes and gives nothing, and its memory stays") {
  const auto server = opened("127.0.0.1");
  Client client("127.0.0.1");
  client.send("127.0.0.1", server->port(), "query");
  REQUIRE(receive(*server).count == 1);
  server->close();
  server->close();
  CHECK(server->fd() == -1);
  CHECK(textOf(*server, 0) == "query");
  CHECK(server->receive().count == 0);
  write(*server, 0, server->receivedPeers()[0], "answer");
  server->send(1);
  CHECK(server->counters().sent == 0);
  CHECK(server->counters().send_refused == 0);
}

}  // namespace
}  // namespace platypus
