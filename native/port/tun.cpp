// A packet's way through the TUN device:
//
//   1. open() makes the device: no packet-information bytes, a virtio header, all the offload the
//      kernel has.
//   2. wait() sleeps until the device has a packet or another thread calls wake().
//   3. receive() reads until the device is empty, the burst is full or the cache is: each read
//      lays the virtio header just below kHeadroom and the packet at receiveArea().
//   4. The header becomes Packet::offload; packets whose header does not fit them end here.
//   5. send() writes a header into the headroom before the packet and hands both to the kernel in
//      one write.
//
// Ownership: all state belongs to the worker that owns the port; wake() touches the eventfd only.
#include "port/tun.h"

#include <fcntl.h>
#include <linux/if_tun.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <new>
#include <utility>

#include "port/virtio_header.h"

namespace platypus {
namespace {

// Since Linux 6.2; the headers of Debian 12 are older. The kernel takes both or neither.
constexpr unsigned kTunFeatureUso4 = 0x20;  // TUN_F_USO4
constexpr unsigned kTunFeatureUso6 = 0x40;  // TUN_F_USO6

// A burst of super-packets stops here, so that what was read first is still in the second-level
// cache when it is translated and written.
constexpr size_t kBurstBytes = 256 * 1024;

static_assert(kVirtioHeaderBytes <= kHeadroom);

TunPort::Opened failed(int error, const char* syscall) {
  return {nullptr, error, syscall};
}

// Asks for offload from the most to the least: an unknown bit makes the kernel refuse all of them.
TunCapabilities negotiateOffload(int fd, OffloadLevel most) {
  constexpr unsigned kTso = TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_TSO_ECN;
  const struct {
    OffloadLevel level;
    unsigned features;
    TunCapabilities capabilities;
  } steps[] = {
      {OffloadLevel::kAll,
       kTso | kTunFeatureUso4 | kTunFeatureUso6,
       {.checksum = true, .tso = true, .uso = true}},
      {OffloadLevel::kTso, kTso, {.checksum = true, .tso = true, .uso = false}},
      {OffloadLevel::kChecksum, TUN_F_CSUM, {.checksum = true, .tso = false, .uso = false}},
  };
  for (const auto& step : steps) {
    if (step.level > most) continue;
    if (ioctl(fd, TUNSETOFFLOAD, step.features) == 0) return step.capabilities;
  }
  (void)ioctl(fd, TUNSETOFFLOAD, 0u);
  return {};
}

}  // namespace

TunPort::Opened TunPort::open(std::string_view name, const Options& options) {
  return openNamed(name, options, /*first=*/true);
}

TunPort::Opened TunPort::openQueue() const {
  Opened opened = openNamed(name_, options_, /*first=*/false);
  if (opened.port) opened.port->capabilities_ = capabilities_;
  return opened;
}

TunPort::Opened TunPort::openNamed(std::string_view name, const Options& options, bool first) {
  if (name.empty() || name.size() >= IFNAMSIZ) return failed(EINVAL, "TUNSETIFF");
  std::unique_ptr<TunPort> port(new (std::nothrow) TunPort());
  if (!port) return failed(ENOMEM, "new");
  port->options_ = options;

  const int slot_error = port->slots_.map(std::clamp<size_t>(options.slots, 1, 64));
  if (slot_error != 0) return failed(slot_error, "mmap");
  port->wake_fd_ = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (port->wake_fd_ < 0) return failed(errno, "eventfd");
  port->tun_fd_ = ::open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
  if (port->tun_fd_ < 0) return failed(errno, "open /dev/net/tun");

  unsigned flags = IFF_TUN | IFF_NO_PI | IFF_VNET_HDR;
  if (options.queues > 1) flags |= IFF_MULTI_QUEUE;
  // Without EXCL the kernel attaches to a persistent device of that name, with whatever settings,
  // addresses and routes its maker left on it.
  if (first) flags |= IFF_TUN_EXCL;
  struct ifreq request = {};
  std::memcpy(request.ifr_name, name.data(), name.size());
  request.ifr_flags = static_cast<short>(flags);
  if (ioctl(port->tun_fd_, TUNSETIFF, &request) != 0) return failed(errno, "TUNSETIFF");
  std::memcpy(port->name_, request.ifr_name, IFNAMSIZ - 1);

  // The header's settings and the offload belong to the device, so further queues inherit them.
  if (first) {
    int header_bytes = kVirtioHeaderBytes;
    if (ioctl(port->tun_fd_, TUNSETVNETHDRSZ, &header_bytes) != 0) {
      return failed(errno, "TUNSETVNETHDRSZ");
    }
    int little_endian = 1;
    if (ioctl(port->tun_fd_, TUNSETVNETLE, &little_endian) != 0) {
      return failed(errno, "TUNSETVNETLE");
    }
    port->capabilities_ = negotiateOffload(port->tun_fd_, options.offload);
  }
  return {std::move(port), 0, ""};
}

int TunPort::steer(int program) {
  return ioctl(tun_fd_, TUNSETSTEERINGEBPF, &program) == 0 ? 0 : errno;
}

TunPort::~TunPort() {
  if (tun_fd_ >= 0) close(tun_fd_);
  if (wake_fd_ >= 0) close(wake_fd_);
}

void TunPort::wait(int timeoutMs) {
  struct pollfd events[2] = {{wake_fd_, POLLIN, 0}, {tun_fd_, POLLIN, 0}};
  // A deleted device reports POLLERR for ever; waiting on it would spin.
  const nfds_t watched = gone_ ? 1 : 2;
  if (poll(events, watched, timeoutMs) <= 0) return;
  if ((events[0].revents & POLLIN) != 0) {
    uint64_t wakes;
    (void)!read(wake_fd_, &wakes, sizeof wakes);
  }
  if (!gone_ && (events[1].revents & (POLLERR | POLLNVAL)) != 0) gone_ = true;
}

void TunPort::wake() {
  const uint64_t one = 1;
  // EAGAIN means that 2^64-2 wakes are pending: the wait() will end.
  (void)!write(wake_fd_, &one, sizeof one);
}

size_t TunPort::receive(std::span<Packet> packets) {
  const size_t most = std::min(packets.size(), slots_.count());
  size_t filled = 0;
  size_t bytes = 0;
  bool drained = false;
  // Reads are counted rather than packets, so that a flood of bad ones ends the burst as well.
  for (size_t reads = 0; reads < most && bytes < kBurstBytes && !drained; ++reads) {
    Packet& packet = packets[filled];
    if (readOne(packet, slots_.at(filled), drained)) {
      bytes += packet.length();
      ++filled;
    }
  }
  return filled;
}

// Reads one packet into `slot`. False when there was none (`drained`) or it was dropped.
bool TunPort::readOne(Packet& packet, std::byte* slot, bool& drained) {
  packet = Packet(slot);
  std::byte* header = packet.receiveArea() - kVirtioHeaderBytes;
  // The kernel cuts off what does not fit and does not say so: one byte more than allowed tells.
  const ssize_t got = read(tun_fd_, header, kVirtioHeaderBytes + kMaxPacket + 1);
  if (got < 0) {
    if (errno == EINTR) return false;
    drained = true;
    // EBADFD: the device was deleted. EAGAIN: it is empty.
    if (errno == EBADFD) gone_ = true;
    return false;
  }
  const auto length = static_cast<size_t>(got);
  if (length <= kVirtioHeaderBytes) {
    ++stats_.short_read;
    drained = length == 0;
    return false;
  }
  if (length > kVirtioHeaderBytes + kMaxPacket) {
    ++stats_.oversize;
    return false;
  }
  packet.reset(static_cast<uint32_t>(length - kVirtioHeaderBytes));
  switch (readVirtioHeader(header, packet.bytes(), packet.offload)) {
    case VirtioVerdict::kGood:
      return true;
    case VirtioVerdict::kUnknownGso:
      ++stats_.unknown_gso;
      return false;
    case VirtioVerdict::kBadOffsets:
      ++stats_.bad_offload;
      return false;
  }
  return false;
}

bool TunPort::send(Packet& packet) {
  std::byte* header = packet.data() - kVirtioHeaderBytes;
  if (packet.headroom() < kVirtioHeaderBytes ||
      !writeVirtioHeader(header, packet.offload, packet.length())) {
    ++stats_.bad_offload;
    return false;
  }
  const size_t length = kVirtioHeaderBytes + packet.length();
  ssize_t written;
  do {
    written = write(tun_fd_, header, length);
  } while (written < 0 && errno == EINTR);
  if (written == static_cast<ssize_t>(length)) return true;
  if (written < 0 && (errno == EAGAIN || errno == ENOBUFS || errno == ENOMEM)) {
    ++stats_.send_queue_full;
  } else {
    ++stats_.send_error;
  }
  return false;
}

}  // namespace platypus
