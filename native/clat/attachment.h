// What a running CLAT adds to the host: the IPv4 address and default route, the route of its IPv6
// address to the translator, and the answers to its neighbours. Added and taken away as one.
//
// The kernel's own way for an address like this, IPV6_JOIN_ANYCAST, answers solicitations too, but
// it delivers the packets to this host, where a translator behind a TUN device never sees them. A
// proxied neighbour is answered for by the kernel as well, solicitations by unicast included, and
// its packets are forwarded.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "clat/instance.h"
#include "netlink/netlink.h"

namespace platypus::clat {

/// An errno and what was being done; error 0 for none.
struct Failure {
  int error = 0;
  const char* doing = "";
};

class Attachment {
 public:
  /// `table`: of policy routing for what comes from the device, where several uplinks have to be
  /// kept apart; 0 for none.
  Attachment(netlink::Netlink& netlink, const DeviceName& device, const DeviceName& uplink,
             uint32_t table)
      : netlink_(netlink), device_(device), uplink_(uplink), table_(table) {}
  Attachment(const Attachment&) = delete;
  Attachment& operator=(const Attachment&) = delete;
  ~Attachment() { detach(); }

  /// Makes the host as the running `plan` says; what an earlier plan made otherwise goes, after
  /// that which takes its place has come. Of another generation all goes before. After a failure
  /// everything is taken away.
  Failure attach(const Plan& plan);
  /// Takes everything away; what is gone already is no failure.
  void detach();

 private:
  // A setting of the kernel below /proc/sys/net, with what to write back.
  struct Sysctl {
    std::array<char, 80> path{};
    std::array<char, 16> before{};
  };

  Failure make(const Plan& plan);
  Failure makeSysctls(const Plan& plan);
  Failure makeIpv4(const Plan& plan);
  Failure makeIpv6(const Plan& plan);
  void removeIpv4(const Plan& plan, const Plan* next);
  void removeIpv6(const Plan& plan, const Plan* next);
  Failure setSysctl(const char* family, const char* folder, const DeviceName& device,
                    const char* name, const char* value);
  netlink::RouteSpec defaultRoute(const Plan& plan) const;
  netlink::RouteSpec ownRoute(const Plan& plan) const;
  netlink::RouteSpec uplinkRoute(const Plan& plan) const;

  netlink::Netlink& netlink_;
  DeviceName device_;
  DeviceName uplink_;
  uint32_t table_;
  std::optional<Plan> made_;
  std::array<Sysctl, 4> sysctls_{};
  size_t sysctl_count_ = 0;
};

}  // namespace platypus::clat
