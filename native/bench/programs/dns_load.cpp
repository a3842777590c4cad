// Asks a DNS server for the AAAA records of many names, as many at once as it is told, and looks at
// each answer.
//
//   dns_load ADDRESS PORT ZONE FIRST COUNT AT-ONCE SECONDS PREFIX
//       Asks for n<FIRST>.ZONE to n<FIRST + COUNT - 1>.ZONE; from the start again for SECONDS, or
//       with SECONDS 0 each of them once. An answer is right with NOERROR and an AAAA record whose
//       first 96 bits are those of PREFIX. What has no answer within a second is lost. Prints
//       {"asked":…,"answered":…,"wrong":…,"lost":…,"seconds":…}.
//
// One thread, one socket, recvmmsg and sendmmsg. A question's place among those open at once is in
// its id, beside how often the place was used before: a late answer is not taken for another's.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;

constexpr size_t kPlaces = 256;
constexpr size_t kBatch = 64;
constexpr size_t kHeaderBytes = 12;
constexpr size_t kMostBytes = 1500;
constexpr size_t kPrefixBytes = 12;
constexpr uint16_t kTypeAaaa = 28;
constexpr auto kPatience = std::chrono::seconds(1);
constexpr int kLookMilliseconds = 100;

using Packet = std::array<uint8_t, kMostBytes>;
using Prefix = std::array<uint8_t, kPrefixBytes>;

[[noreturn]] void fail(const char* what) {
  std::fprintf(stderr, "dns_load: %s: %s\n", what, std::strerror(errno));
  std::exit(1);
}

int connectTo(const char* address, uint16_t port) {
  sockaddr_in v4 = {};
  sockaddr_in6 v6 = {};
  v4.sin_family = AF_INET;
  v4.sin_port = htons(port);
  v6.sin6_family = AF_INET6;
  v6.sin6_port = htons(port);
  const bool is4 = inet_pton(AF_INET, address, &v4.sin_addr) == 1;
  if (!is4 && inet_pton(AF_INET6, address, &v6.sin6_addr) != 1) {
    std::fprintf(stderr, "dns_load: \"%s\" is no address\n", address);
    std::exit(2);
  }
  const int fd = socket(is4 ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) fail("socket");
  const int bytes = 4 << 20;
  (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
  const int done = is4 ? connect(fd, reinterpret_cast<const sockaddr*>(&v4), sizeof v4)
                       : connect(fd, reinterpret_cast<const sockaddr*>(&v6), sizeof v6);
  if (done != 0) fail("connect");
  return fd;
}

uint16_t wordAt(std::span<const uint8_t> bytes, size_t at) {
  return static_cast<uint16_t>(bytes[at] << 8 | bytes[at + 1]);
}

/// The zone in wire form, its root label included.
std::vector<uint8_t> wireName(std::string_view text) {
  std::vector<uint8_t> name;
  while (!text.empty()) {
    const std::string_view label = text.substr(0, text.find('.'));
    name.push_back(static_cast<uint8_t>(label.size()));
    name.insert(name.end(), label.begin(), label.end());
    text.remove_prefix(std::min(text.size(), label.size() + 1));
  }
  name.push_back(0);
  return name;
}

/// Where the message goes on after a name, or its end.
size_t afterName(std::span<const uint8_t> message, size_t at) {
  while (at < message.size()) {
    const size_t octet = message[at];
    if (octet == 0) return at + 1;
    if (octet >= 0xc0) return at + 2;
    at += octet + 1;
  }
  return message.size();
}

bool isRight(std::span<const uint8_t> answer, const Prefix& prefix) {
  if ((answer[2] & 0x80) == 0 || (answer[3] & 15) != 0) return false;
  size_t at = afterName(answer, kHeaderBytes) + 4;
  for (unsigned left = wordAt(answer, 6); left > 0; --left) {
    const size_t fixed = afterName(answer, at);
    if (fixed + 10 > answer.size()) return false;
    const size_t data = fixed + 10;
    at = data + wordAt(answer, fixed + 8);
    if (at > answer.size()) return false;
    if (wordAt(answer, fixed) == kTypeAaaa && at - data == 16 &&
        std::equal(prefix.begin(), prefix.end(), answer.begin() + static_cast<ptrdiff_t>(data))) {
      return true;
    }
  }
  return false;
}

class Load {
 public:
  struct Plan {
    std::string_view zone;
    uint64_t first;
    uint64_t count;
    size_t at_once;
    std::chrono::duration<double> time;
    Prefix prefix;
  };

  Load(int fd, const Plan& plan) : fd_(fd), plan_(plan), zone_(wireName(plan.zone)) {
    for (size_t i = plan.at_once; i > 0; --i) free_.push_back(static_cast<uint8_t>(i - 1));
    for (size_t i = 0; i < kBatch; ++i) {
      in_[i].msg_hdr.msg_iov = &in_bytes_[i];
      in_[i].msg_hdr.msg_iovlen = 1;
      in_bytes_[i] = {received_[i].data(), kMostBytes};
      out_[i].msg_hdr.msg_iov = &out_bytes_[i];
      out_[i].msg_hdr.msg_iovlen = 1;
    }
  }

  void run() {
    const Clock::time_point start = Clock::now();
    Clock::time_point now = start;
    Clock::time_point looked = start;
    for (;;) {
      ask(now, now - start);
      if (free_.size() == plan_.at_once) break;
      pollfd ready = {.fd = fd_, .events = POLLIN, .revents = 0};
      if (poll(&ready, 1, kLookMilliseconds) < 0 && errno != EINTR) fail("poll");
      receive();
      now = Clock::now();
      if (now - looked < std::chrono::milliseconds(kLookMilliseconds)) continue;
      looked = now;
      giveUp(now);
    }
    const std::chrono::duration<double> took = now - start;
    std::printf(
        "{\"asked\":%llu,\"answered\":%llu,\"wrong\":%llu,\"lost\":%llu,\"seconds\":%.6f}\n",
        static_cast<unsigned long long>(asked_), static_cast<unsigned long long>(answered_),
        static_cast<unsigned long long>(wrong_), static_cast<unsigned long long>(lost_),
        took.count());
  }

 private:
  struct Place {
    uint8_t uses = 0;
    bool open = false;
    Clock::time_point since;
  };

  bool isOver(Clock::duration passed) const {
    return plan_.time.count() > 0 ? passed >= plan_.time : asked_ >= plan_.count;
  }

  void ask(Clock::time_point now, Clock::duration passed) {
    while (!free_.empty() && !isOver(passed)) {
      unsigned filled = 0;
      for (; filled < kBatch && !free_.empty() && !isOver(passed); ++filled) {
        const uint8_t at = free_.back();
        free_.pop_back();
        places_[at] = {.uses = ++places_[at].uses, .open = true, .since = now};
        const auto id = static_cast<uint16_t>(places_[at].uses << 8 | at);
        out_bytes_[filled] = {sent_[filled].data(), write(sent_[filled], id)};
        ++asked_;
      }
      for (unsigned done = 0; done < filled;) {
        const int sent = sendmmsg(fd_, &out_[done], filled - done, 0);
        // A queue that is full loses a question, which is then lost as any other.
        done += sent > 0 ? static_cast<unsigned>(sent) : 1;
      }
    }
  }

  size_t write(Packet& packet, uint16_t id) const {
    const uint64_t number = plan_.first + asked_ % plan_.count;
    const std::string label = "n" + std::to_string(number);
    packet.fill(0);
    packet[0] = static_cast<uint8_t>(id >> 8);
    packet[1] = static_cast<uint8_t>(id);
    packet[2] = 1;  // RD
    packet[5] = 1;
    size_t at = kHeaderBytes;
    packet[at++] = static_cast<uint8_t>(label.size());
    std::memcpy(&packet[at], label.data(), label.size());
    at += label.size();
    std::memcpy(&packet[at], zone_.data(), zone_.size());
    at += zone_.size();
    packet[at + 1] = kTypeAaaa;
    packet[at + 3] = 1;
    return at + 4;
  }

  void receive() {
    for (;;) {
      const int got = recvmmsg(fd_, in_.data(), kBatch, MSG_DONTWAIT, nullptr);
      for (int i = 0; i < got; ++i) {
        const auto slot = static_cast<size_t>(i);
        take(std::span(received_[slot]).first(in_[slot].msg_len));
      }
      if (got < static_cast<int>(kBatch)) return;
    }
  }

  void take(std::span<const uint8_t> answer) {
    if (answer.size() < kHeaderBytes) return;
    Place& place = places_[answer[1]];
    if (!place.open || place.uses != answer[0]) return;
    place.open = false;
    free_.push_back(answer[1]);
    ++(isRight(answer, plan_.prefix) ? answered_ : wrong_);
  }

  void giveUp(Clock::time_point now) {
    for (size_t at = 0; at < plan_.at_once; ++at) {
      if (!places_[at].open || now - places_[at].since < kPatience) continue;
      places_[at].open = false;
      free_.push_back(static_cast<uint8_t>(at));
      ++lost_;
    }
  }

  int fd_;
  Plan plan_;
  std::vector<uint8_t> zone_;
  std::vector<uint8_t> free_;
  std::array<Place, kPlaces> places_ = {};
  std::array<Packet, kBatch> sent_ = {};
  std::array<Packet, kBatch> received_ = {};
  std::array<iovec, kBatch> out_bytes_ = {};
  std::array<iovec, kBatch> in_bytes_ = {};
  std::array<mmsghdr, kBatch> out_ = {};
  std::array<mmsghdr, kBatch> in_ = {};
  uint64_t asked_ = 0;
  uint64_t answered_ = 0;
  uint64_t wrong_ = 0;
  uint64_t lost_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
  const auto whole = [&](int at) { return std::strtoull(argv[at], nullptr, 10); };
  in6_addr prefix = {};
  if (argc != 9 || whole(5) == 0 || whole(6) == 0 || whole(6) > kPlaces ||
      inet_pton(AF_INET6, argv[8], &prefix) != 1) {
    std::fprintf(stderr,
                 "usage: dns_load ADDRESS PORT ZONE FIRST COUNT AT-ONCE SECONDS PREFIX\n"
                 "       COUNT at least 1, AT-ONCE 1 to 256, PREFIX an IPv6 address\n");
    return 2;
  }
  Load::Plan plan = {.zone = argv[3],
                     .first = whole(4),
                     .count = whole(5),
                     .at_once = whole(6),
                     .time = std::chrono::duration<double>(std::strtod(argv[7], nullptr)),
                     .prefix = {}};
  std::memcpy(plan.prefix.data(), &prefix, kPrefixBytes);
  const int fd = connectTo(argv[1], static_cast<uint16_t>(whole(2)));
  static Load load(fd, plan);
  load.run();
  close(fd);
  return 0;
}
