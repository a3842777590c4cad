#include "ospf/raw_socket.h"

#include <net/if.h>
#include <poll.h>

#include <cerrno>
#include <cstring>

#include "test/hex.h"
#include "test/test.h"
#include "test/tun_link.h"

namespace platypus {
namespace {

using test::Bytes;

HostAddress host(const char* text) {
  return HostAddress::parse(text).value();
}

struct Link : test::TunLink {
  explicit Link(uint8_t family, size_t slotBytes = 16'384) {
    if (!missing.empty()) return;
    auto opened = OspfSocket::open({.family = family, .device = "tun0", .slot_bytes = slotBytes});
    if (opened.error == EPERM) {
      missing = "no raw socket: CAP_NET_RAW is missing";
      return;
    }
    REQUIRE(opened.error == 0);
    socket = std::move(opened.socket);
  }

  Bytes received(size_t slot) {
    const auto from = socket->received().subspan(slot * socket->slotBytes());
    const auto length = static_cast<ptrdiff_t>(socket->receivedLengths()[slot]);
    return {from.begin(), from.begin() + length};
  }

  std::unique_ptr<OspfSocket> socket;
};

// To 224.0.0.5, with the header checksum; `c1` is the payload.
const char* const kHello4 = "450000180001000001 59 1785 c0000202 e0000005 c1c2c3c4";

TEST_CASE("OSPF-PKT-01 protocol 89, TTL 1, TOS 0xc0, from the interface's own address") {
  Link link(4);
  if (!link.missing.empty()) SKIP(link.missing.c_str());
  REQUIRE(link.socket->send(test::fromHex("c1c2c3c4"), host("224.0.0.5")));
  Bytes packet = link.leaving(89);
  // The kernel chooses identification, and the checksum over it.
  std::memset(packet.data() + 4, 0, 2);
  std::memset(packet.data() + 10, 0, 2);
  CHECK(packet == test::fromHex("45c00018 0000 0000 0159 0000 c0000201 e0000005 c1c2c3c4"));
  REQUIRE(link.socket->send(test::fromHex("c1c2c3c4"), host("192.0.2.2")));
  packet = link.leaving(89);
  CHECK(packet[1] == std::byte{0xc0});
  CHECK(packet[8] == std::byte{1});
  CHECK(link.socket->counters().sent == 2);
}

TEST_CASE("OSPFv3 leaves with hop limit 1, class 0xc0, from the link-local address") {
  Link link(6);
  if (!link.missing.empty()) SKIP(link.missing.c_str());
  for (const char* destination : {"ff02::5", "fe80::2"}) {
    REQUIRE(link.socket->send(test::fromHex("c1c2c3c4"), host(destination)));
    Bytes packet = link.leaving(89);
    // The flow label, which the kernel may choose.
    std::memset(packet.data() + 2, 0, 2);
    packet[1] &= std::byte{0xf0};
    Bytes expected = test::fromHex("6c000000 0004 59 01 fe800000000000000000000000000001");
    const HostAddress to = host(destination);
    expected.insert(expected.end(), to.bytes.begin(), to.bytes.end());
    const Bytes payload = test::fromHex("c1c2c3c4");
    expected.insert(expected.end(), payload.begin(), payload.end());
    CHECK(packet == expected);
  }
}

TEST_CASE("OSPF-PKT-02 what goes to a group comes in while that is joined") {
  Link link(4);
  if (!link.missing.empty()) SKIP(link.missing.c_str());
  link.arrive(test::fromHex(kHello4));
  CHECK(link.socket->receive().count == 0);
  REQUIRE(link.socket->join(host("224.0.0.5")) == 0);
  CHECK(link.socket->join(host("224.0.0.5")) == EADDRINUSE);
  link.arrive(test::fromHex(kHello4));
  const auto batch = link.socket->receive();
  REQUIRE(batch.count == 1);
  CHECK_FALSE(batch.full);
  CHECK(link.received(0) == test::fromHex("c1c2c3c4"));
  const PeerRecord& peer = link.socket->receivedPeers()[0];
  CHECK(peer.family == 4);
  CHECK(peer.address == host("192.0.2.2").bytes);
  CHECK(peer.local == host("224.0.0.5").bytes);
  CHECK(peer.interface == Be32(if_nametoindex("tun0")));
  REQUIRE(link.socket->leave(host("224.0.0.5")) == 0);
  CHECK(link.socket->leave(host("224.0.0.5")) == EADDRNOTAVAIL);
  link.arrive(test::fromHex(kHello4));
  CHECK(link.socket->receive().count == 0);
}

TEST_CASE("OSPFv3 packets come without headers, with both addresses") {
  Link link(6);
  if (!link.missing.empty()) SKIP(link.missing.c_str());
  REQUIRE(link.socket->join(host("ff02::5")) == 0);
  link.arrive(test::fromHex(
      "60000000 0004 59 01 fe800000000000000000000000000002 ff020000000000000000000000000005"
      "c1c2c3c4"));
  // IPv6 input is not done when write() returns.
  pollfd readable{link.socket->fd(), POLLIN, 0};
  REQUIRE(poll(&readable, 1, 5000) == 1);
  REQUIRE(link.socket->receive().count == 1);
  CHECK(link.received(0) == test::fromHex("c1c2c3c4"));
  const PeerRecord& peer = link.socket->receivedPeers()[0];
  CHECK(peer.family == 6);
  CHECK(peer.address == host("fe80::2").bytes);
  CHECK(peer.local == host("ff02::5").bytes);
  CHECK(peer.scope == Be32(if_nametoindex("tun0")));
}

TEST_CASE("OSPF socket: own packets to a joined group do not come back") {
  Link link(4);
  if (!link.missing.empty()) SKIP(link.missing.c_str());
  REQUIRE(link.socket->join(host("224.0.0.5")) == 0);
  REQUIRE(link.socket->send(test::fromHex("c1"), host("224.0.0.5")));
  (void)link.leaving(89);
  CHECK(link.socket->receive().count == 0);
}

TEST_CASE("OSPF socket: IPv4 options and octets past the total length are left out") {
  Link link(4);
  if (!link.missing.empty()) SKIP(link.missing.c_str());
  REQUIRE(link.socket->join(host("224.0.0.5")) == 0);
  // Router alert, RFC 2113; behind the datagram two octets of padding, which the kernel cuts off.
  link.arrive(test::fromHex("4600001c0001000001 59 827c c0000202 e0000005 94040000 c1c2c3c4 ffff"));
  REQUIRE(link.socket->receive().count == 1);
  CHECK(link.received(0) == test::fromHex("c1c2c3c4"));
}

TEST_CASE("OSPF socket: what is longer than a slot is counted, and the next packet comes") {
  Link link(4, 64);
  if (!link.missing.empty()) SKIP(link.missing.c_str());
  REQUIRE(link.socket->join(host("224.0.0.5")) == 0);
  Bytes whole = test::fromHex("450000540001000001 59 1749 c0000202 e0000005");
  whole.resize(84, std::byte{0xcc});
  Bytes longer = test::fromHex("450000550001000001 59 1748 c0000202 e0000005");
  longer.resize(85, std::byte{0xcc});
  link.arrive(longer);
  link.arrive(whole);
  REQUIRE(link.socket->receive().count == 1);
  CHECK(link.received(0) == Bytes(64, std::byte{0xcc}));
  CHECK(link.socket->counters().truncated == 1);
  CHECK(link.socket->counters().received == 1);
}

TEST_CASE("OSPF socket: what cannot be sent is counted") {
  Link link(4);
  if (!link.missing.empty()) SKIP(link.missing.c_str());
  CHECK_FALSE(link.socket->send(test::fromHex("c1"), host("ff02::5")));
  CHECK_FALSE(link.socket->send(Bytes(65'536), host("192.0.2.2")));
  CHECK(link.socket->counters().send_refused == 2);
  link.socket->close();
  CHECK_FALSE(link.socket->send(test::fromHex("c1"), host("192.0.2.2")));
  CHECK(link.socket->join(host("224.0.0.5")) == EBADF);
}

TEST_CASE("OSPF socket: wrong options are refused") {
  CHECK(OspfSocket::open({.family = 5, .device = "lo"}).error == EINVAL);
  CHECK(OspfSocket::open({.device = "lo", .slot_bytes = 65'600}).error == EINVAL);
  CHECK(OspfSocket::open({.device = "lo", .slot_bytes = 65}).error == EINVAL);
  CHECK(OspfSocket::open({.device = "nosuch0"}).error == ENODEV);
  CHECK(OspfSocket::open({.device = ""}).error == ENODEV);
}

TEST_CASE("OSPF socket: an IPv4 header whose lengths contradict is none") {
  const auto payload = [](const char* hex, size_t received) {
    return ipv4Payload(test::fromHex(hex).data(), received);
  };
  const char* const good = "450000180001000001590000c0000202e0000005";
  REQUIRE(payload(good, 24));
  CHECK(payload(good, 24)->options == 0);
  CHECK(payload(good, 24)->length == 4);
  CHECK(payload(good, 30)->length == 4);
  CHECK_FALSE(payload(good, 23));
  CHECK_FALSE(payload(good, 19));
  CHECK_FALSE(payload("650000180001000001590000c0000202e0000005", 24));
  CHECK_FALSE(payload("440000180001000001590000c0000202e0000005", 24));
  CHECK_FALSE(payload("460000170001000001590000c0000202e0000005", 24));
  CHECK(payload("460000180001000001590000c0000202e0000005", 24)->options == 4);
  CHECK(payload("460000180001000001590000c0000202e0000005", 24)->length == 0);
}

}  // namespace
}  // namespace platypus
