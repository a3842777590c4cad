#include "tester/side.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if_arp.h>
#include <poll.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "netlink/link.h"
#include "netlink/socket.h"
#include "tester/neighbour.h"

namespace platypus::tester {
namespace {

constexpr int kSendBufferBytes = 8 << 20;
constexpr unsigned kBlockBytes = 256 << 10;
/// Given to the reader though not full, so that the end of a trial is seen, ms.
constexpr unsigned kRetireMs = 2;
/// All of a frame: a translator may hand over many as one (UDP segmentation offload), with a tag in
/// each of its segments.
constexpr unsigned kSnapBytes = 0x10000;
// Absent from headers before Linux 4.20.
constexpr int kPacketIgnoreOutgoing = 23;

// Test frames of either family, by the magic number at its fixed place; see frame.h.
constexpr unsigned kTag4 = kEthernetBytes + 20 + 8;
constexpr unsigned kTag6 = kEthernetBytes + 40 + 8;
const sock_filter kOnlyTestFrames[] = {
    BPF_STMT(BPF_LD | BPF_B | BPF_ABS, static_cast<uint32_t>(SKF_AD_OFF + SKF_AD_PKTTYPE)),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, PACKET_OUTGOING, 15, 0),
    BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 12),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ETH_P_IPV6, 0, 5),
    BPF_STMT(BPF_LD | BPF_B | BPF_ABS, kEthernetBytes + 6),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_UDP, 1, 0),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_ICMPV6, 0, 10),
    BPF_STMT(BPF_LD | BPF_H | BPF_ABS, kTag6),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, kMagic, 9, 8),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ETH_P_IP, 0, 7),
    BPF_STMT(BPF_LD | BPF_B | BPF_ABS, kEthernetBytes),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0x45, 0, 5),
    BPF_STMT(BPF_LD | BPF_B | BPF_ABS, kEthernetBytes + 9),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_UDP, 1, 0),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_ICMP, 0, 2),
    BPF_STMT(BPF_LD | BPF_H | BPF_ABS, kTag4),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, kMagic, 1, 0),
    BPF_STMT(BPF_RET | BPF_K, 0),
    BPF_STMT(BPF_RET | BPF_K, kSnapBytes),
};

OpenFailure failed(const char* step) {
  return {.step = step, .error = errno};
}

const char* stepOf(Hop hop) {
  switch (hop) {
    case Hop::kNoRoute:
      return "route";
    case Hop::kOwnAddress:
      return "own-address";
    case Hop::kOtherDevice:
      return "other-device";
    default:
      return "neighbour";
  }
}

}  // namespace

OpenFailure Side::open(const SideOptions& options, size_t ring_bytes) {
  netlink::Socket rtnetlink;
  if (const auto status = rtnetlink.open(); !status) {
    return {.step = "netlink", .error = status.error};
  }
  netlink::Link link;
  if (const auto status = netlink::findLink(rtnetlink, options.device.c_str(), link); !status) {
    return {.step = "device", .error = status.error};
  }
  if (!link.up) return {.step = "down"};
  mtu_ = link.mtu;
  if (const auto failure = openSender(link.index)) return failure;
  ifreq request{};
  std::memcpy(request.ifr_name, link.name, sizeof request.ifr_name);
  if (ioctl(send_fd_, SIOCGIFHWADDR, &request) != 0) return failed("device");
  if (request.ifr_hwaddr.sa_family != ARPHRD_ETHER) return {.step = "not-ethernet"};
  std::memcpy(mac_.data(), request.ifr_hwaddr.sa_data, mac_.size());
  if (options.next_hop) {
    next_hop_ = *options.next_hop;
  } else {
    const NextHop hop = findNextHop(link, options.destination);
    if (hop.found != Hop::kFound) return {.step = stepOf(hop.found), .error = hop.error};
    next_hop_ = hop.mac;
  }
  return openReceiver(link.index, ring_bytes);
}

OpenFailure Side::openSender(uint32_t index) {
  // Protocol 0: this socket receives nothing.
  send_fd_ = ::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
  if (send_fd_ < 0) return failed("socket");
  const int on = 1;
  // Without it each frame also passes the device's queueing discipline, which may drop for reasons
  // of its own. Older kernels do without.
  (void)setsockopt(send_fd_, SOL_PACKET, PACKET_QDISC_BYPASS, &on, sizeof on);
  (void)setsockopt(send_fd_, SOL_SOCKET, SO_SNDBUFFORCE, &kSendBufferBytes,
                   sizeof kSendBufferBytes);
  sockaddr_ll self{};
  self.sll_family = AF_PACKET;
  self.sll_ifindex = static_cast<int>(index);
  if (bind(send_fd_, reinterpret_cast<sockaddr*>(&self), sizeof self) != 0) return failed("socket");
  return {};
}

OpenFailure Side::openReceiver(uint32_t index, size_t ring_bytes) {
  receive_fd_ = ::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
  if (receive_fd_ < 0) return failed("socket");
  const int version = TPACKET_V3;
  if (setsockopt(receive_fd_, SOL_PACKET, PACKET_VERSION, &version, sizeof version) != 0) {
    return failed("ring");
  }
  const int on = 1;
  if (setsockopt(receive_fd_, SOL_PACKET, PACKET_VNET_HDR, &on, sizeof on) != 0) {
    return failed("ring");
  }
  (void)setsockopt(receive_fd_, SOL_PACKET, kPacketIgnoreOutgoing, &on, sizeof on);
  const sock_fprog program{.len = std::size(kOnlyTestFrames),
                           .filter = const_cast<sock_filter*>(kOnlyTestFrames)};
  if (setsockopt(receive_fd_, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) != 0) {
    return failed("filter");
  }
  blocks_ = ring_bytes / kBlockBytes < 4 ? 4 : ring_bytes / kBlockBytes;
  constexpr unsigned kFrameBytes = 2048;  // formal: blocks are filled without gaps
  tpacket_req3 ring{};
  ring.tp_block_size = kBlockBytes;
  ring.tp_block_nr = static_cast<unsigned>(blocks_);
  ring.tp_frame_size = kFrameBytes;
  ring.tp_frame_nr = static_cast<unsigned>(blocks_) * (kBlockBytes / kFrameBytes);
  ring.tp_retire_blk_tov = kRetireMs;
  if (setsockopt(receive_fd_, SOL_PACKET, PACKET_RX_RING, &ring, sizeof ring) != 0) {
    return failed("ring");
  }
  const size_t bytes = blocks_ * kBlockBytes;
  void* memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, receive_fd_, 0);
  if (memory == MAP_FAILED) return failed("ring");
  ring_ = static_cast<std::byte*>(memory);
  ring_bytes_ = bytes;
  sockaddr_ll self{};
  self.sll_family = AF_PACKET;
  self.sll_protocol = htons(ETH_P_ALL);
  self.sll_ifindex = static_cast<int>(index);
  if (bind(receive_fd_, reinterpret_cast<sockaddr*>(&self), sizeof self) != 0) {
    return failed("socket");
  }
  return {};
}

void Side::close() {
  if (ring_ != nullptr) munmap(ring_, ring_bytes_);
  if (receive_fd_ >= 0) ::close(receive_fd_);
  if (send_fd_ >= 0) ::close(send_fd_);
  ring_ = nullptr;
  receive_fd_ = send_fd_ = -1;
}

int Side::send(mmsghdr* messages, unsigned count, unsigned& refused) {
  int sent = sendmmsg(send_fd_, messages, count, 0);
  if (sent == static_cast<int>(count)) return sent;
  if (sent < 0) {
    if (errno == EINTR) return 0;
    if (errno != ENOBUFS && errno != EAGAIN && errno != ENOMEM) return -1;
    ++refused;
    return 1;
  }
  // The one after the last that was sent failed; its error is lost (sendmmsg(2)), and so is the
  // frame.
  ++refused;
  return sent + 1;
}

tpacket_block_desc* Side::receive(int timeout_ms) {
  auto* block = reinterpret_cast<tpacket_block_desc*>(ring_ + next_block_ * kBlockBytes);
  const auto ready = [block] {
    return (__atomic_load_n(&block->hdr.bh1.block_status, __ATOMIC_ACQUIRE) & TP_STATUS_USER) != 0;
  };
  if (!ready()) {
    if (timeout_ms == 0) return nullptr;
    pollfd readable{.fd = receive_fd_, .events = POLLIN, .revents = 0};
    (void)poll(&readable, 1, timeout_ms);
    if (!ready()) return nullptr;
  }
  next_block_ = (next_block_ + 1) % blocks_;
  return block;
}

void Side::giveBack(tpacket_block_desc* block) {
  __atomic_store_n(&block->hdr.bh1.block_status, uint32_t{TP_STATUS_KERNEL}, __ATOMIC_RELEASE);
}

uint64_t Side::takeDrops() {
  tpacket_stats_v3 stats{};
  socklen_t length = sizeof stats;
  if (getsockopt(receive_fd_, SOL_PACKET, PACKET_STATISTICS, &stats, &length) != 0) return 0;
  return stats.tp_drops;
}

void Side::drain() {
  for (size_t left = blocks_; left != 0; --left) {
    tpacket_block_desc* block = receive(0);
    if (block == nullptr) break;
    giveBack(block);
  }
  (void)takeDrops();
}

int enterNamespace(const std::string& name) {
  std::string path = name;
  if (name.find('/') == std::string::npos) {
    const bool process = !name.empty() && name[0] >= '0' && name[0] <= '9';
    path = process ? "/proc/" + name + "/ns/net" : "/run/netns/" + name;
  }
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return errno;
  const int error = setns(fd, CLONE_NEWNET) == 0 ? 0 : errno;
  ::close(fd);
  return error;
}

int makeCable(const char* a, const char* b) {
  if (unshare(CLONE_NEWNET) != 0) return errno;
  netlink::Socket socket;
  if (const auto status = socket.open(); !status) return status.error;
  netlink::Request request(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK, ifinfomsg{});
  request.addString(IFLA_IFNAME, a);
  const size_t info = request.begin(IFLA_LINKINFO);
  request.addString(IFLA_INFO_KIND, "veth");
  const size_t data = request.begin(IFLA_INFO_DATA);
  const size_t peer = request.begin(VETH_INFO_PEER);
  const ifinfomsg header{};
  request.addRaw(std::as_bytes(std::span(&header, 1)));
  request.addString(IFLA_IFNAME, b);
  request.end(peer);
  request.end(data);
  request.end(info);
  if (const auto status = socket.change(request); !status) return status.error;
  for (const char* name : {a, b}) {
    const auto status = netlink::setLink(socket, name, {.up = true, .mtu = kMostFrame});
    if (!status) return status.error;
  }
  return 0;
}

}  // namespace platypus::tester
