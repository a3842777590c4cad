#include "tester/neighbour.h"

#include <arpa/inet.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <vector>

#include "netlink/socket.h"

namespace platypus::tester {
namespace {

using netlink::IpAddress;
using netlink::Message;
using netlink::Request;

constexpr int kTries = 100;
constexpr long kPauseNs = 20'000'000;
constexpr uint16_t kDiscardPort = 9;  // RFC 863

struct RouteTo {
  uint8_t type = RTN_UNSPEC;
  uint32_t index = 0;
  IpAddress gateway;
};

std::optional<RouteTo> parseRouteTo(const Message& message) {
  const auto header = netlink::read<rtmsg>(message.payload);
  if (message.type != RTM_NEWROUTE || !header) return std::nullopt;
  RouteTo route;
  route.type = header->rtm_type;
  netlink::forEachAttribute(
      message.payload.subspan(sizeof(rtmsg)), [&](const netlink::Attribute& attribute) {
        if (attribute.type == RTA_OIF) route.index = attribute.u32().value_or(0);
        if (attribute.type == RTA_GATEWAY) {
          route.gateway =
              IpAddress::from(header->rtm_family, attribute.value).value_or(IpAddress{});
        }
      });
  return route;
}

struct Neighbour {
  uint32_t index = 0;
  IpAddress address;
  Mac mac{};
};

std::optional<Neighbour> parseNeighbour(const Message& message) {
  const auto header = netlink::read<ndmsg>(message.payload);
  if (message.type != RTM_NEWNEIGH || !header) return std::nullopt;
  if ((header->ndm_state & (NUD_INCOMPLETE | NUD_FAILED)) != 0) return std::nullopt;
  Neighbour neighbour;
  bool resolved = false;
  neighbour.index = static_cast<uint32_t>(header->ndm_ifindex);
  netlink::forEachAttribute(
      message.payload.subspan(std::min(netlink::aligned(sizeof(ndmsg)), message.payload.size())),
      [&](const netlink::Attribute& attribute) {
        if (attribute.type == NDA_DST) {
          neighbour.address =
              IpAddress::from(header->ndm_family, attribute.value).value_or(IpAddress{});
        }
        if (attribute.type == NDA_LLADDR && attribute.value.size() == neighbour.mac.size()) {
          std::copy(attribute.value.begin(), attribute.value.end(), neighbour.mac.begin());
          resolved = true;
        }
      });
  if (!resolved) return std::nullopt;
  return neighbour;
}

// Any datagram makes the kernel look for its next hop; nobody need take it.
void provoke(const netlink::Link& link, const IpAddress& hop) {
  const int fd = ::socket(hop.family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return;
  const char byte = 0;
  if (hop.family == AF_INET6) {
    sockaddr_in6 to{};
    to.sin6_family = AF_INET6;
    to.sin6_port = htons(kDiscardPort);
    to.sin6_scope_id = link.index;
    std::memcpy(&to.sin6_addr, hop.bytes.data(), hop.size());
    (void)sendto(fd, &byte, 1, MSG_DONTWAIT, reinterpret_cast<sockaddr*>(&to), sizeof to);
  } else {
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(kDiscardPort);
    std::memcpy(&to.sin_addr, hop.bytes.data(), hop.size());
    (void)sendto(fd, &byte, 1, MSG_DONTWAIT, reinterpret_cast<sockaddr*>(&to), sizeof to);
  }
  ::close(fd);
}

}  // namespace

NextHop findNextHop(const netlink::Link& link, const IpAddress& destination) {
  netlink::Socket socket;
  if (const auto status = socket.open(); !status) return {.error = status.error};
  rtmsg wanted{};
  wanted.rtm_family = destination.family;
  wanted.rtm_dst_len = destination.bits();
  Request ask(RTM_GETROUTE, NLM_F_ACK, wanted);
  ask.add(RTA_DST, destination.wire());
  std::vector<RouteTo> routes;
  const auto asked = socket.get(ask, parseRouteTo, routes);
  if (!asked || routes.empty()) return {.found = Hop::kNoRoute, .error = asked.error};
  const RouteTo& route = routes.front();
  if (route.type == RTN_LOCAL) return {.found = Hop::kOwnAddress};
  if (route.type != RTN_UNICAST) return {.found = Hop::kNoRoute};
  if (route.index != link.index) return {.found = Hop::kOtherDevice};
  const IpAddress& hop = route.gateway.size() == 0 ? destination : route.gateway;

  for (int attempt = 0; attempt < kTries; ++attempt) {
    ndmsg header{};
    header.ndm_family = hop.family;
    Request list(RTM_GETNEIGH, NLM_F_DUMP, header);
    std::vector<Neighbour> neighbours;
    if (const auto status = socket.get(list, parseNeighbour, neighbours); !status) {
      return {.found = Hop::kNoAnswer, .error = status.error};
    }
    for (const Neighbour& neighbour : neighbours) {
      if (neighbour.index == link.index && neighbour.address == hop) {
        return {.found = Hop::kFound, .mac = neighbour.mac};
      }
    }
    // Anew from time to time: the first datagrams wait in a short queue and are dropped.
    if (attempt % 25 == 0) provoke(link, hop);
    const timespec pause{.tv_sec = 0, .tv_nsec = kPauseNs};
    nanosleep(&pause, nullptr);
  }
  return {.found = Hop::kNoAnswer};
}

}  // namespace platypus::tester
