#include "netlink/neighbour.h"

#include <linux/neighbour.h>
#include <linux/rtnetlink.h>

#include <cerrno>

#include "netlink/link.h"

namespace platypus::netlink {
namespace {

Status changeProxy(Socket& socket, uint16_t type, uint16_t flags, const char* name,
                   const IpAddress& address) {
  if (address.size() == 0) return Status::failed(EINVAL);
  Link link;
  const Status found = findLink(socket, name, link);
  if (!found) return found;
  ndmsg header{};
  header.ndm_family = address.family;
  header.ndm_ifindex = static_cast<int32_t>(link.index);
  header.ndm_state = NUD_PERMANENT;
  header.ndm_flags = NTF_PROXY;
  Request request(type, static_cast<uint16_t>(flags | NLM_F_ACK), header);
  request.add(NDA_DST, address.wire());
  return socket.change(request);
}

}  // namespace

Status addProxyNeighbour(Socket& socket, const char* link, const IpAddress& address) {
  return changeProxy(socket, RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE, link, address);
}

Status removeProxyNeighbour(Socket& socket, const char* link, const IpAddress& address) {
  return changeProxy(socket, RTM_DELNEIGH, 0, link, address);
}

}  // namespace platypus::netlink
