#include "clat/attachment.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>

#include "socket/descriptor.h"

namespace platypus::clat {
namespace {

// Before the main table (32766), after the kernel's own.
constexpr uint32_t kRulePriority = 30'000;

netlink::IpAddress wire(const Ipv6Address& address) {
  netlink::IpAddress result{.family = AF_INET6};
  std::memcpy(result.bytes.data(), address.bytes.data(), 16);
  return result;
}

netlink::IpAddress wire(Ipv4Address address) {
  netlink::IpAddress result{.family = AF_INET};
  std::memcpy(result.bytes.data(), &address, 4);
  return result;
}

// What is there already is as wanted.
Failure outcome(const netlink::Status& status, const char* doing) {
  if (status || status.error == EEXIST) return {};
  return {.error = status.error, .doing = doing};
}

}  // namespace

netlink::RouteSpec Attachment::defaultRoute(const Plan& plan) const {
  return {.link = device_.c_str(),
          .destination = {.family = AF_INET},
          .metric = plan.metric,
          .mtu = plan.mtu4};
}

netlink::RouteSpec Attachment::ownRoute(const Plan& plan) const {
  return {.link = device_.c_str(), .destination = wire(plan.address), .length = 128};
}

netlink::RouteSpec Attachment::uplinkRoute(const Plan& plan) const {
  // Point-to-point lines have none.
  const bool direct = plan.gateway.isUnspecified();
  return {.link = uplink_.c_str(),
          .destination = {.family = AF_INET6},
          .gateway = direct ? netlink::IpAddress{} : wire(plan.gateway),
          .table = table_,
          .replace = true};
}

Failure Attachment::attach(const Plan& plan) {
  if (made_ && made_->generation != plan.generation) detach();
  const Failure failure = make(plan);
  if (failure.error != 0) {
    // What was made of the new plan goes as well.
    const auto before = made_;
    made_ = plan;
    detach();
    made_ = before;
    detach();
    return failure;
  }
  if (made_) {
    const Plan before = *made_;
    removeIpv4(before, &plan);
    removeIpv6(before, &plan);
  }
  made_ = plan;
  return {};
}

Failure Attachment::make(const Plan& plan) {
  Failure failure = makeSysctls(plan);
  if (failure.error == 0) failure = makeIpv6(plan);
  // Last, so that nothing is sent before the answers find their way.
  if (failure.error == 0) failure = makeIpv4(plan);
  return failure;
}

Failure Attachment::makeSysctls(const Plan& plan) {
  // Answers come from anywhere, also where another default route is better.
  Failure failure = setSysctl("ipv4", "conf", device_, "rp_filter", "2");
  if (failure.error != 0 || !plan.neighbour) return failure;
  failure = setSysctl("ipv6", "conf", uplink_, "proxy_ndp", "1");
  if (failure.error != 0) return failure;
  // RFC 4861 §7.2.7 has proxies wait up to a second for the owner; there is none.
  return setSysctl("ipv6", "neigh", uplink_, "proxy_delay", "0");
}

Failure Attachment::setSysctl(const char* family, const char* folder, const DeviceName& device,
                              const char* name, const char* value) {
  Sysctl& entry = sysctls_[sysctl_count_];
  std::snprintf(entry.path.data(), entry.path.size(), "/proc/sys/net/%s/%s/%s/%s", family, folder,
                device.c_str(), name);
  // Made for an earlier plan.
  for (size_t i = 0; i < sysctl_count_; ++i) {
    if (std::strcmp(sysctls_[i].path.data(), entry.path.data()) == 0) return {};
  }
  const Descriptor reading(::open(entry.path.data(), O_RDONLY | O_CLOEXEC));
  if (!reading) return {.error = errno, .doing = "read a setting below /proc/sys/net"};
  const ssize_t got = ::read(reading.fd(), entry.before.data(), entry.before.size() - 1);
  if (got <= 0) return {.error = EIO, .doing = "read a setting below /proc/sys/net"};
  size_t length = static_cast<size_t>(got);
  while (length > 0 && entry.before[length - 1] == '\n') --length;
  entry.before[length] = '\0';
  if (std::strcmp(entry.before.data(), value) == 0) return {};
  const Descriptor writing(::open(entry.path.data(), O_WRONLY | O_CLOEXEC));
  if (!writing || ::write(writing.fd(), value, std::strlen(value)) < 0) {
    return {.error = errno, .doing = "change a setting below /proc/sys/net"};
  }
  ++sysctl_count_;
  return {};
}

Failure Attachment::makeIpv4(const Plan& plan) {
  const bool same_address = made_ && made_->ipv4 == plan.ipv4;
  if (!same_address) {
    const Failure failure =
        outcome(netlink_.addAddress(device_.c_str(), wire(plan.ipv4), 32), "add the IPv4 address");
    if (failure.error != 0) return failure;
  }
  netlink::RouteSpec route = defaultRoute(plan);
  if (made_ && made_->metric == plan.metric && made_->mtu4 == plan.mtu4 && same_address) return {};
  // Another MTU takes the place of ours; a foreign route is left alone.
  route.replace = made_ && made_->metric == plan.metric;
  const netlink::Status status = netlink_.addRoute(route);
  if (status) return {};
  return {.error = status.error, .doing = "add the IPv4 default route"};
}

Failure Attachment::makeIpv6(const Plan& plan) {
  const bool same_address = made_ && made_->address == plan.address;
  if (!same_address) {
    const Failure failure = outcome(netlink_.addRoute(ownRoute(plan)), "route the IPv6 address");
    if (failure.error != 0) return failure;
  }
  if (plan.neighbour) {
    const Failure failure = outcome(netlink_.addProxyNeighbour(uplink_.c_str(), wire(plan.address)),
                                    "answer for the IPv6 address");
    if (failure.error != 0) return failure;
  }
  if (table_ == 0) return {};
  const Failure failure = outcome(netlink_.addRoute(uplinkRoute(plan)), "route to the uplink");
  if (failure.error != 0) return failure;
  return outcome(netlink_.addRule({.family = AF_INET6,
                                   .incoming = device_.c_str(),
                                   .table = table_,
                                   .priority = kRulePriority}),
                 "add a routing rule");
}

void Attachment::removeIpv4(const Plan& plan, const Plan* next) {
  if (next == nullptr || next->metric != plan.metric) {
    (void)netlink_.removeRoute(defaultRoute(plan));
  }
  if (next == nullptr || next->ipv4 != plan.ipv4) {
    (void)netlink_.removeAddress(device_.c_str(), wire(plan.ipv4), 32);
  }
}

void Attachment::removeIpv6(const Plan& plan, const Plan* next) {
  const bool stays = next != nullptr && next->address == plan.address;
  if (plan.neighbour && !(stays && next->neighbour)) {
    (void)netlink_.removeProxyNeighbour(uplink_.c_str(), wire(plan.address));
  }
  if (!stays) (void)netlink_.removeRoute(ownRoute(plan));
  if (next != nullptr || table_ == 0) return;
  (void)netlink_.removeRule({.family = AF_INET6,
                             .incoming = device_.c_str(),
                             .table = table_,
                             .priority = kRulePriority});
  netlink::RouteSpec route = uplinkRoute(plan);
  route.gateway = {};
  (void)netlink_.removeRoute(route);
}

void Attachment::detach() {
  if (made_) {
    const Plan plan = *made_;
    removeIpv4(plan, nullptr);
    removeIpv6(plan, nullptr);
    made_.reset();
  }
  while (sysctl_count_ > 0) {
    const Sysctl& entry = sysctls_[--sysctl_count_];
    // A device that is gone has taken its settings along.
    const Descriptor file(::open(entry.path.data(), O_WRONLY | O_CLOEXEC));
    if (file && ::write(file.fd(), entry.before.data(), std::strlen(entry.before.data())) < 0) {
      continue;
    }
  }
}

}  // namespace platypus::clat
