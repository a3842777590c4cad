// A CLAT instance with its sockets: one descriptor to wait for, one call when it is ready. Sockets
// come and go with the uplink; a clock that only goes forward is the kernel's.
//
// Ownership: one thread.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "clat/attachment.h"
#include "clat/instance.h"
#include "clat/resolv_conf.h"
#include "netlink/monitor.h"
#include "socket/descriptor.h"

namespace platypus::clat {

class Client {
 public:
  /// Opens what is needed before the uplink is there. Failure: an errno and the name of the call.
  struct Opened {
    std::unique_ptr<Client> client;
    int error = 0;
    const char* syscall = "";
  };
  /// `resolv_conf`: where resolvers are looked up that the link does not name; empty for nowhere.
  static Opened open(const Settings& settings, const char* resolv_conf);

  /// For poll(2): readable when serve() has something to do.
  int fd() const { return epoll_.fd(); }
  /// Reads what came, lets time pass, sends what is due. True when plan() differs from before, or
  /// tablesRemoved().
  bool serve();
  /// Has serve() tell when a table of nftables was removed, whoever's it was: what stands between
  /// an address inside the host and the uplink's goes with a firewall that is loaded anew.
  netlink::Status watchTables();
  /// How often that was told: at most once a second.
  uint32_t tablesRemoved() const { return tables_removed_; }

  const Instance& instance() const { return instance_; }
  static uint64_t nowMs();

  /// The host's addresses and routes for the device of the translator.
  Failure attach(const DeviceName& device, uint32_t table);
  void detach() { attachment_.reset(); }

 private:
  Client(const Settings& settings, const char* resolv_conf);

  int prepare(const char*& syscall);
  bool watch(int fd, bool on);
  void followUplink(uint64_t now_ms);
  bool followTables(uint64_t now_ms);
  void readResolvers(uint64_t now_ms);
  void closeSockets();
  void readIcmp(uint64_t now_ms);
  void readDns(uint64_t now_ms);
  void act(uint64_t now_ms);
  bool awaitsResolvers(uint64_t now_ms) const;
  void ask(const Ask& ask);
  void setTimer(uint64_t now_ms);

  Settings settings_;
  std::array<char, 128> resolv_conf_{};
  uint64_t resolvers_read_ms_ = 0;
  Instance instance_;
  netlink::Netlink netlink_;
  netlink::Monitor monitor_;
  netlink::Monitor tables_;
  Descriptor epoll_;
  Descriptor timer_;
  Descriptor packet_;
  Descriptor icmp_;
  Descriptor dns_;
  uint32_t index_ = 0;
  bool look_again_ = true;
  uint64_t looked_ms_ = 0;
  bool went_down_ = false;
  uint32_t generation_ = 0;
  bool table_gone_ = false;
  uint64_t told_ms_ = 0;
  uint32_t tables_removed_ = 0;
  std::optional<Attachment> attachment_;
  DeviceName attached_;
};

}  // namespace platypus::clat
