#include "netlink/address.h"

#include <linux/if_addr.h>
#include <linux/rtnetlink.h>

#include <cerrno>

#include "netlink/link.h"

namespace platypus::netlink {
namespace {

Status changeAddress(Socket& socket, uint16_t type, uint16_t flags, const char* name,
                     const IpAddress& address, uint8_t length) {
  if (address.size() == 0 || length > address.bits()) return Status::failed(EINVAL);
  Link link;
  const Status found = findLink(socket, name, link);
  if (!found) return found;
  const ifaddrmsg header{.ifa_family = address.family,
                         .ifa_prefixlen = length,
                         .ifa_flags = 0,
                         .ifa_scope = RT_SCOPE_UNIVERSE,
                         .ifa_index = link.index};
  Request request(type, static_cast<uint16_t>(flags | NLM_F_ACK), header);
  request.add(IFA_LOCAL, address.wire());
  request.add(IFA_ADDRESS, address.wire());
  return socket.change(request);
}

}  // namespace

Status listAddresses(Socket& socket, std::vector<InterfaceAddress>& addresses) {
  Request request(RTM_GETADDR, NLM_F_DUMP, ifaddrmsg{});
  return socket.get(request, parseAddress, addresses);
}

Status addAddress(Socket& socket, const char* link, const IpAddress& address, uint8_t length) {
  return changeAddress(socket, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, link, address, length);
}

Status removeAddress(Socket& socket, const char* link, const IpAddress& address, uint8_t length) {
  return changeAddress(socket, RTM_DELADDR, 0, link, address, length);
}

std::optional<InterfaceAddress> parseAddress(const Message& message) {
  const auto header = read<ifaddrmsg>(message.payload);
  if (message.type != RTM_NEWADDR || !header) return std::nullopt;
  uint32_t flags = header->ifa_flags;
  std::optional<IpAddress> local;
  std::optional<IpAddress> address;
  forEachAttribute(message.payload.subspan(aligned(sizeof(ifaddrmsg))),
                   [&](const Attribute& attribute) {
                     switch (attribute.type) {
                       case IFA_LOCAL:
                         local = IpAddress::from(header->ifa_family, attribute.value);
                         break;
                       case IFA_ADDRESS:
                         address = IpAddress::from(header->ifa_family, attribute.value);
                         break;
                       case IFA_FLAGS:
                         flags = attribute.u32().value_or(flags);
                         break;
                       default:
                         break;
                     }
                   });
  // On a point-to-point device IFA_ADDRESS is the other end; then IFA_LOCAL is this one.
  if (!local) local = address;
  if (!local || header->ifa_prefixlen > local->bits()) return std::nullopt;
  return InterfaceAddress{
      .index = header->ifa_index,
      .address = *local,
      .length = header->ifa_prefixlen,
      .scope = header->ifa_scope,
      .tentative = (flags & IFA_F_TENTATIVE) != 0,
      .deprecated = (flags & IFA_F_DEPRECATED) != 0,
      .temporary = header->ifa_family == AF_INET6 && (flags & IFA_F_TEMPORARY) != 0};
}

}  // namespace platypus::netlink
