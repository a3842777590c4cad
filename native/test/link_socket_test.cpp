#include "socket/link_socket.h"

#include <net/ethernet.h>
#include <poll.h>

#include <array>
#include <cerrno>
#include <vector>

#include "test/hex.h"
#include "test/test.h"
#include "test/tun_link.h"

namespace platypus {
namespace {

using test::Bytes;
using test::fromHex;

// An IPv6 packet with ICMPv6 of a type, and one with another type and another next header.
const char* const kAdvertisement =
    "60000000 0004 3a ff fe800000000000000000000000000002 ff020000000000000000000000000001 "
    "86000000";
const char* const kSolicitation =
    "60000000 0004 3a ff fe800000000000000000000000000002 ff020000000000000000000000000001 "
    "87000000";
const char* const kUdp =
    "60000000 0004 11 ff fe800000000000000000000000000002 ff020000000000000000000000000001 "
    "86000000";
const char* const kHeaderAlone =
    "60000000 0000 3a ff fe800000000000000000000000000002 ff020000000000000000000000000001";

const std::array kRouterAdvertisements{
    LinkSocket::Match{.offset = 4, .mask = 0x0000'ff00, .value = 58 << 8},
    LinkSocket::Match{.offset = 40, .mask = 0xff00'0000, .value = 134U << 24},
};

struct Link : test::TunLink {
  explicit Link(std::span<const LinkSocket::Match> matches, uint16_t ether_type = ETHERTYPE_IPV6) {
    if (!missing.empty()) return;
    OpenedSocket opened = LinkSocket::open("tun0", ether_type, matches);
    if (opened.error == EPERM) {
      missing = "no packet socket: CAP_NET_RAW is missing";
      return;
    }
    REQUIRE(opened.error == 0);
    socket = std::move(opened.socket);
  }

  // The next packet, empty when there is none now.
  Bytes received() {
    std::array<std::byte, LinkSocket::kMostBytes> buffer{};
    LinkAddress source{};
    const long length = LinkSocket::receive(socket.fd(), buffer, source);
    if (length <= 0) return {};
    return {buffer.begin(), buffer.begin() + length};
  }

  Descriptor socket;
};

TEST_CASE("link socket: only what fits all matches arrives, from its IP header on") {
  Link link(kRouterAdvertisements);
  if (!link.missing.empty()) SKIP(link.missing.c_str());
  for (const char* packet : {kSolicitation, kUdp, kHeaderAlone, kAdvertisement}) {
    link.arrive(fromHex(packet));
  }
  CHECK(link.received() == fromHex(kAdvertisement));
  CHECK(link.received().empty());
}

TEST_CASE("link socket: bits outside of the mask do not count, of packet and value") {
  const std::array any_type{LinkSocket::Match{.offset = 40, .mask = 0xf000'0000, .value = ~0U}};
  const std::array version{
      LinkSocket::Match{.offset = 0, .mask = 0xf000'0000, .value = 0x6fff'ffff}};
  {
    Link link(any_type);
    if (!link.missing.empty()) SKIP(link.missing.c_str());
    link.arrive(fromHex(kAdvertisement));
    CHECK(link.received().empty());
  }
  Link link(version);
  if (!link.missing.empty()) SKIP(link.missing.c_str());
  link.arrive(fromHex(kAdvertisement));
  CHECK(link.received() == fromHex(kAdvertisement));
}

TEST_CASE("link socket: the other protocol does not arrive") {
  Link link({}, ETHERTYPE_IP);
  if (!link.missing.empty()) SKIP(link.missing.c_str());
  link.arrive(fromHex(kAdvertisement));
  CHECK(link.received().empty());
}

TEST_CASE("link socket: what is too long is passed over") {
  Link link(kRouterAdvertisements);
  if (!link.missing.empty()) SKIP(link.missing.c_str());
  Bytes longest = fromHex(kAdvertisement);
  longest.resize(LinkSocket::kMostBytes);
  Bytes longer = longest;
  longer.resize(LinkSocket::kMostBytes + 1);
  link.arrive(longer);
  link.arrive(longest);
  CHECK(link.received().empty());
  CHECK(link.received() == longest);
}

TEST_CASE("link socket: a packet leaves as it is given, and does not come back") {
  Link link({});
  if (!link.missing.empty()) SKIP(link.missing.c_str());
  // The kernel sends ICMPv6 of its own.
  const Bytes packet = fromHex(kUdp);
  CHECK(LinkSocket::send(link.socket.fd(), "tun0", ETHERTYPE_IPV6, packet, {}) == 0);
  CHECK(link.leaving(17) == packet);
  for (int round = 0; round < 8; ++round) CHECK(link.received().empty());
}

TEST_CASE("link socket: no such device, and more matches than there may be") {
  Link link(kRouterAdvertisements);
  if (!link.missing.empty()) SKIP(link.missing.c_str());
  CHECK(LinkSocket::open("nobody0", ETHERTYPE_IPV6, {}).error == ENODEV);
  CHECK(LinkSocket::send(link.socket.fd(), "nobody0", ETHERTYPE_IPV6, {}, {}) == ENODEV);
  const std::vector<LinkSocket::Match> most(LinkSocket::kMostMatches);
  CHECK(LinkSocket::open("tun0", ETHERTYPE_IPV6, most).error == 0);
  const std::vector<LinkSocket::Match> more(LinkSocket::kMostMatches + 1);
  CHECK(LinkSocket::open("tun0", ETHERTYPE_IPV6, more).error == EINVAL);
}

}  // namespace
}  // namespace platypus
