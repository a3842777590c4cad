// A turn of serve(): what the kernel says of the uplink, what came on the sockets, what time has
// brought, what is to be sent, and when to be woken next.
#include "clat/client.h"

#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/timerfd.h>
#include <time.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <new>

#include "clat/sockets.h"

namespace platypus::clat {
namespace {

// Messages of one kind a turn; more wait for the next.
constexpr int kMessages = 32;
// Tables of the kernel are long on some hosts, and some devices tell of themselves all the time.
constexpr uint64_t kLookMs = 100;
// Some firewalls are loaded in many steps.
constexpr uint64_t kTablesMs = 1000;
// Nobody tells when resolv.conf has changed: so often it is read while its resolvers are missed.
constexpr uint64_t kResolversMs = 2000;
// What systemd-resolved was told by the links, where resolv.conf names that alone (127.0.0.53).
constexpr const char* kBehindLocal = "/run/systemd/resolve/resolv.conf";
// ARPHRD_ETHER: links where neighbours have Ethernet addresses, wireless ones included.
constexpr uint16_t kEthernet = 1;
constexpr std::byte kRouterAdvertisement{134};

// What the notifications of a turn come to.
struct News final : netlink::Visitor {
  explicit News(uint32_t uplink) : index(uplink) {}
  void visit(const netlink::Message& message) override {
    concerns = concerns || concernsUplinks(message);
    down = down || tellsOfDown(message, index);
  }
  uint32_t index;
  bool concerns = false;
  bool down = false;
};

bool removesTable(const netlink::Message& message) {
  return message.type == (NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_DELTABLE);
}

uint64_t randomWord() {
  uint64_t word = 0;
  // Never short below 256 bytes, and never failing once the system has started.
  (void)!getrandom(&word, sizeof word, 0);
  return word;
}

}  // namespace

uint64_t Client::nowMs() {
  timespec now;
  clock_gettime(CLOCK_BOOTTIME, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1000 + static_cast<uint64_t>(now.tv_nsec) / 1'000'000;
}

Client::Client(const Settings& settings, const char* resolv_conf)
    : settings_(settings), instance_(settings, nowMs()) {
  const size_t length = std::strlen(resolv_conf);
  if (length < resolv_conf_.size()) std::memcpy(resolv_conf_.data(), resolv_conf, length);
}

Client::Opened Client::open(const Settings& settings, const char* resolv_conf) {
  std::unique_ptr<Client> client(new (std::nothrow) Client(settings, resolv_conf));
  if (!client) return {.client = nullptr, .error = ENOMEM, .syscall = "new"};
  const char* syscall = "";
  if (const int error = client->prepare(syscall)) {
    return {.client = nullptr, .error = error, .syscall = syscall};
  }
  return {.client = std::move(client)};
}

int Client::prepare(const char*& syscall) {
  syscall = "netlink";
  if (const auto status = netlink_.open(); !status) return status.error;
  if (const auto status = monitor_.open(); !status) return status.error;
  OpenedSocket packet = openPacket();
  syscall = packet.syscall;
  if (!packet.socket) return packet.error;
  packet_ = std::move(packet.socket);
  syscall = "timerfd_create";
  // A clock that also goes on while the host sleeps: lifetimes end then as well.
  timer_ = Descriptor(timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK));
  if (!timer_) return errno;
  syscall = "epoll";
  epoll_ = Descriptor(epoll_create1(EPOLL_CLOEXEC));
  if (!epoll_ || !watch(monitor_.fd(), true) || !watch(timer_.fd(), true)) return errno;
  setTimer(nowMs());
  return 0;
}

bool Client::watch(int fd, bool on) {
  struct epoll_event event = {};
  event.events = EPOLLIN;
  event.data.fd = fd;
  return epoll_ctl(epoll_.fd(), on ? EPOLL_CTL_ADD : EPOLL_CTL_DEL, fd, &event) == 0;
}

bool Client::serve() {
  const Plan before = instance_.plan();
  const uint64_t now_ms = nowMs();
  uint64_t expirations;
  (void)!::read(timer_.fd(), &expirations, sizeof expirations);
  News news(instance_.uplink().index);
  if (monitor_.drain(news) || news.concerns) look_again_ = true;
  if (news.down) went_down_ = true;
  if (look_again_ && now_ms >= looked_ms_ + kLookMs) followUplink(now_ms);
  if (icmp_) readIcmp(now_ms);
  if (dns_) readDns(now_ms);
  act(now_ms);
  const bool removed = followTables(now_ms);
  setTimer(now_ms);
  return differs(before, instance_.plan()) || removed;
}

netlink::Status Client::watchTables() {
  if (tables_.fd() >= 0) return {};
  netlink::Status status = tables_.openTables();
  if (status && !watch(tables_.fd(), true)) status = netlink::Status::failed(errno);
  return status;
}

bool Client::followTables(uint64_t now_ms) {
  if (tables_.fd() >= 0 && tables_.drain(removesTable)) table_gone_ = true;
  if (!table_gone_ || now_ms < told_ms_ + kTablesMs) return false;
  table_gone_ = false;
  told_ms_ = now_ms;
  ++tables_removed_;
  return true;
}

void Client::followUplink(uint64_t now_ms) {
  looked_ms_ = now_ms;
  Uplink uplink;
  const auto own = std::span(settings_.own).first(settings_.own_count);
  // A failed look is tried again with the next notification, or when the timer ends.
  if (!look(netlink_, settings_.uplink, own, uplink)) return;
  look_again_ = false;
  if (!uplink.running || uplink.index != index_) closeSockets();
  if (uplink.running && !icmp_) {
    index_ = uplink.index;
    OpenedSocket icmp = openIcmp6(settings_.uplink.c_str());
    if (icmp.socket && watch(icmp.socket.fd(), true)) icmp_ = std::move(icmp.socket);
    look_again_ = !icmp_;
  }
  readResolvers(now_ms);
  // The kernel took what was attached to the uplink, or somebody the default route.
  const bool leads = (uplink.own_defaults >> settings_.order & 1) != 0;
  if (attachment_ && (went_down_ || !leads)) ++generation_;
  went_down_ = false;
  uplink.generation = generation_;
  instance_.onUplink(uplink, now_ms);
}

void Client::readResolvers(uint64_t now_ms) {
  if (resolv_conf_[0] == '\0') return;
  resolvers_read_ms_ = now_ms;
  instance_.setResolvers(readResolvConf(resolv_conf_.data(), kBehindLocal));
}

bool Client::awaitsResolvers(uint64_t now_ms) const {
  return resolv_conf_[0] != '\0' && settings_.mode != Mode::kOff && instance_.uplink().running &&
         instance_.discovery().lacksDns(now_ms);
}

void Client::closeSockets() {
  // Closing takes them out of the epoll set.
  icmp_.close();
  dns_.close();
  index_ = 0;
}

void Client::readIcmp(uint64_t now_ms) {
  std::array<std::byte, 4096> buffer;
  for (int i = 0; i < kMessages; ++i) {
    Arrival arrival;
    const long got = receiveIcmp6(icmp_.fd(), buffer, arrival);
    if (got < 0) return;
    // Nobody tells of the MTU that a daemon sets for it in the kernel's place.
    if (got > 0 && buffer[0] == kRouterAdvertisement) look_again_ = true;
    instance_.onIcmp(std::span(buffer).first(static_cast<size_t>(got)), arrival, now_ms);
  }
}

void Client::readDns(uint64_t now_ms) {
  std::array<std::byte, kMostAnswerBytes> buffer;
  for (int i = 0; i < kMessages; ++i) {
    const ssize_t got = recv(dns_.fd(), buffer.data(), buffer.size(), 0);
    if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return;
    // ECONNREFUSED and the like: the next question has a socket of its own.
    if (got < 0) break;
    instance_.onAnswer(std::span(buffer).first(static_cast<size_t>(got)), now_ms);
  }
}

void Client::act(uint64_t now_ms) {
  if (awaitsResolvers(now_ms) && now_ms >= resolvers_read_ms_ + kResolversMs) readResolvers(now_ms);
  const Actions actions = instance_.advance(now_ms, randomWord());
  if (actions.ask) ask(*actions.ask);
  const Uplink& uplink = instance_.uplink();
  if (uplink.type != kEthernet) return;
  if (actions.router_solicitation) {
    (void)sendToGroup(packet_.fd(), uplink.index, makeRouterSolicitation());
  }
  if (actions.neighbour_solicitation) {
    (void)sendToGroup(packet_.fd(), uplink.index, *actions.neighbour_solicitation);
  }
}

void Client::ask(const Ask& ask) {
  dns_.close();
  // The host may have moved to other resolvers since; for the next question.
  readResolvers(Client::nowMs());
  OpenedSocket opened = openDns(settings_.uplink.c_str(), index_, ask.resolver);
  if (!opened.socket || !watch(opened.socket.fd(), true)) return;
  // Not sent or not answered: asked again when its time is up.
  (void)!send(opened.socket.fd(), ask.question.data(), ask.question.size(), MSG_NOSIGNAL);
  dns_ = std::move(opened.socket);
}

void Client::setTimer(uint64_t now_ms) {
  uint64_t wait = instance_.deadlineMs(now_ms) - now_ms;
  if (look_again_) wait = std::min(wait, kLookMs);
  if (awaitsResolvers(now_ms)) wait = std::min(wait, kResolversMs);
  if (table_gone_) wait = std::min(wait, kTablesMs);
  wait = std::max(wait, uint64_t{1});
  itimerspec when = {};
  when.it_value.tv_sec = static_cast<time_t>(wait / 1000);
  when.it_value.tv_nsec = static_cast<long>(wait % 1000 * 1'000'000);
  timerfd_settime(timer_.fd(), 0, &when, nullptr);
}

Failure Client::attach(const DeviceName& device, uint32_t table) {
  if (attachment_ && attached_ != device) attachment_.reset();
  if (!attachment_) {
    attachment_.emplace(netlink_, device, settings_.uplink, table);
    attached_ = device;
  }
  return attachment_->attach(instance_.plan());
}

}  // namespace platypus::clat
