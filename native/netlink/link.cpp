#include "netlink/link.h"

#include <linux/if_link.h>
#include <linux/ipv6.h>
#include <linux/rtnetlink.h>

#include <cerrno>
#include <cstring>

namespace platypus::netlink {
namespace {

// IFF_LOWER_UP of linux/if.h, which cannot be included beside net/if.h.
constexpr unsigned kLowerUp = 1u << 16;

bool validName(const char* name) {
  return name[0] != '\0' && std::strlen(name) < IFNAMSIZ;
}

// Statistics are most of a link message and nobody here reads them.
void skipStatistics(Request& request) {
  request.add(IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
}

// IFLA_AF_SPEC holds attributes named after families, IFLA_INET6_CONF an array of DEVCONF_*.
uint32_t ipv6Mtu(Bytes families) {
  uint32_t mtu = 0;
  forEachAttribute(families, [&mtu](const Attribute& family) {
    if (family.type != AF_INET6) return;
    forEachAttribute(family.value, [&mtu](const Attribute& attribute) {
      constexpr size_t kOffset = DEVCONF_MTU6 * sizeof(uint32_t);
      if (attribute.type != IFLA_INET6_CONF || attribute.value.size() < kOffset) return;
      mtu = read<uint32_t>(attribute.value.subspan(kOffset)).value_or(0);
    });
  });
  return mtu;
}

}  // namespace

Status listLinks(Socket& socket, std::vector<Link>& links) {
  Request request(RTM_GETLINK, NLM_F_DUMP, ifinfomsg{});
  skipStatistics(request);
  return socket.get(request, parseLink, links);
}

Status findLink(Socket& socket, const char* name, Link& link) {
  if (!validName(name)) return Status::failed(ENODEV);
  // NLM_F_ACK, because the answer to a request for one object has no end mark of its own.
  Request request(RTM_GETLINK, NLM_F_ACK, ifinfomsg{});
  request.addString(IFLA_IFNAME, name);
  skipStatistics(request);
  std::vector<Link> found;
  const Status status = socket.get(request, parseLink, found);
  if (!status) return status;
  if (found.size() != 1) return Status::failed(ENODEV);
  link = found[0];
  return status;
}

Status setLink(Socket& socket, const char* name, const LinkChange& change) {
  if (!validName(name)) return Status::failed(ENODEV);
  ifinfomsg header{};
  if (change.up) {
    header.ifi_change = IFF_UP;
    header.ifi_flags = *change.up ? IFF_UP : 0;
  }
  // SETLINK rather than NEWLINK: it never creates a device, whatever the attributes say.
  Request request(RTM_SETLINK, NLM_F_ACK, header);
  request.addString(IFLA_IFNAME, name);
  if (change.mtu) request.add(IFLA_MTU, *change.mtu);
  if (change.tx_queue_length) request.add(IFLA_TXQLEN, *change.tx_queue_length);
  return socket.change(request);
}

std::optional<Link> parseLink(const Message& message) {
  const auto header = read<ifinfomsg>(message.payload);
  if (message.type != RTM_NEWLINK || !header || header->ifi_index <= 0) return std::nullopt;
  Link link;
  link.index = static_cast<uint32_t>(header->ifi_index);
  link.up = (header->ifi_flags & IFF_UP) != 0;
  link.running = link.up && (header->ifi_flags & kLowerUp) != 0;
  link.type = header->ifi_type;
  forEachAttribute(message.payload.subspan(aligned(sizeof(ifinfomsg))),
                   [&link](const Attribute& attribute) {
                     switch (attribute.type) {
                       case IFLA_IFNAME: {
                         const auto* text = reinterpret_cast<const char*>(attribute.value.data());
                         const size_t length = strnlen(text, attribute.value.size());
                         if (length < IFNAMSIZ) std::memcpy(link.name, text, length);
                         break;
                       }
                       case IFLA_MTU:
                         link.mtu = attribute.u32().value_or(0);
                         break;
                       case IFLA_AF_SPEC:
                         link.mtu6 = ipv6Mtu(attribute.value);
                         break;
                       case IFLA_TXQLEN:
                         link.tx_queue_length = attribute.u32().value_or(0);
                         break;
                       default:
                         break;
                     }
                   });
  if (link.name[0] == '\0') return std::nullopt;
  return link;
}

}  // namespace platypus::netlink
