// Both ends of the measurements that need a kernel's own TCP and UDP: connections a second, and how
// long an answer takes.
//
//   endpoint serve ADDRESS PORT
//       TCP: takes connections and closes each when the other side has. UDP: sends each datagram
//       back. Prints "listening"; runs until it is killed.
//   endpoint connect ADDRESS PORT SOURCE COUNT SECONDS AT-ONCE
//       Opens and closes TCP connections, AT-ONCE of them at any time, from COUNT addresses from
//       SOURCE on, in turn: so many that no pair of ports waits for its TIME-WAIT to end. Prints
//       {"opened":…,"failed":…,"seconds":…}.
//   endpoint ask ADDRESS PORT SECONDS BYTES EVERY-MICROSECONDS
//       Sends a datagram, waits for it to come back, and so on; never two at once. Prints
//       {"asked":…,"lost":…,"microseconds":{"p50":…,"p90":…,"p99":…,"p99.9":…,"max":…}}.
//
// One thread, epoll. Each run is bounded by SECONDS.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string_view>
#include <thread>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;

struct Address {
  sockaddr_storage storage = {};
  socklen_t length = 0;

  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
  int family() const { return storage.ss_family; }
};

[[noreturn]] void fail(const char* what) {
  std::fprintf(stderr, "endpoint: %s: %s\n", what, std::strerror(errno));
  std::exit(1);
}

Address parse(const char* text, uint16_t port) {
  Address result;
  auto* v4 = reinterpret_cast<sockaddr_in*>(&result.storage);
  auto* v6 = reinterpret_cast<sockaddr_in6*>(&result.storage);
  if (inet_pton(AF_INET, text, &v4->sin_addr) == 1) {
    v4->sin_family = AF_INET;
    v4->sin_port = htons(port);
    result.length = sizeof *v4;
  } else if (inet_pton(AF_INET6, text, &v6->sin6_addr) == 1) {
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(port);
    result.length = sizeof *v6;
  } else {
    std::fprintf(stderr, "endpoint: \"%s\" is no address\n", text);
    std::exit(2);
  }
  return result;
}

/// The n-th address from `first` on; only the last byte counts.
Address following(Address first, unsigned n) {
  if (first.family() == AF_INET) {
    auto* v4 = reinterpret_cast<sockaddr_in*>(&first.storage);
    v4->sin_addr.s_addr = htonl(ntohl(v4->sin_addr.s_addr) + n);
  } else {
    auto* v6 = reinterpret_cast<sockaddr_in6*>(&first.storage);
    v6->sin6_addr.s6_addr[15] = static_cast<uint8_t>(v6->sin6_addr.s6_addr[15] + n);
  }
  return first;
}

void setOption(int fd, int level, int name, int value) {
  if (setsockopt(fd, level, name, &value, sizeof value) != 0) fail("setsockopt");
}

void watch(int poller, int fd, uint32_t events) {
  struct epoll_event event = {};
  event.events = events;
  event.data.fd = fd;
  if (epoll_ctl(poller, EPOLL_CTL_ADD, fd, &event) != 0) fail("epoll_ctl");
}

void allowManyFiles() {
  struct rlimit limit = {};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  (void)setrlimit(RLIMIT_NOFILE, &limit);
}

int serve(const Address& address) {
  const int listener = socket(address.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  const int echo = socket(address.family(), SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  const int poller = epoll_create1(EPOLL_CLOEXEC);
  if (listener < 0 || echo < 0 || poller < 0) fail("socket");
  setOption(listener, SOL_SOCKET, SO_REUSEADDR, 1);
  if (bind(listener, address.get(), address.length) != 0) fail("bind");
  if (bind(echo, address.get(), address.length) != 0) fail("bind");
  if (listen(listener, 4096) != 0) fail("listen");
  watch(poller, listener, EPOLLIN);
  watch(poller, echo, EPOLLIN);
  std::puts("listening");
  std::fflush(stdout);

  static char buffer[65'536];
  struct epoll_event events[256];
  for (;;) {
    const int count = epoll_wait(poller, events, 256, -1);
    for (int i = 0; i < count; ++i) {
      const int fd = events[i].data.fd;
      if (fd == listener) {
        int taken;
        while ((taken = accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
          watch(poller, taken, EPOLLIN | EPOLLRDHUP);
        }
      } else if (fd == echo) {
        Address from;
        from.length = sizeof from.storage;
        ssize_t got;
        while ((got = recvfrom(echo, buffer, sizeof buffer, 0,
                               reinterpret_cast<sockaddr*>(&from.storage), &from.length)) >= 0) {
          (void)sendto(echo, buffer, static_cast<size_t>(got), 0, from.get(), from.length);
          from.length = sizeof from.storage;
        }
      } else if (read(fd, buffer, sizeof buffer) <= 0) {
        close(fd);
      }
    }
  }
}

/// Starts one connection; false when the kernel refused at once.
bool open(int poller, const Address& to, const Address& from) {
  const int fd = socket(to.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) fail("socket");
  // The port is chosen at connect(), by the whole pair of addresses.
  setOption(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1);
  if (bind(fd, from.get(), from.length) != 0) fail("bind");
  if (connect(fd, to.get(), to.length) != 0 && errno != EINPROGRESS) {
    close(fd);
    return false;
  }
  watch(poller, fd, EPOLLOUT);
  return true;
}

int connectMany(const Address& to, const Address& source, unsigned count, double seconds,
                unsigned atOnce) {
  const int poller = epoll_create1(EPOLL_CLOEXEC);
  if (poller < 0) fail("epoll_create1");
  uint64_t opened = 0;
  uint64_t failed = 0;
  unsigned turn = 0;
  unsigned waiting = 0;
  const auto start = Clock::now();
  const auto end = start + std::chrono::duration<double>(seconds);
  struct epoll_event events[256];
  while (Clock::now() < end) {
    // At most one look a connection: an address that refuses cannot hold up the clock.
    for (unsigned looks = 0; waiting < atOnce && looks < atOnce; ++looks) {
      if (open(poller, to, following(source, turn++ % count))) {
        ++waiting;
      } else {
        ++failed;
      }
    }
    const int ready = epoll_wait(poller, events, 256, 50);
    for (int i = 0; i < ready; ++i) {
      const int fd = events[i].data.fd;
      int error = 0;
      socklen_t length = sizeof error;
      (void)getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length);
      if (error == 0) {
        ++opened;
      } else {
        ++failed;
      }
      close(fd);
      --waiting;
    }
  }
  const std::chrono::duration<double> took = Clock::now() - start;
  std::printf("{\"opened\":%llu,\"failed\":%llu,\"seconds\":%.6f}\n",
              static_cast<unsigned long long>(opened), static_cast<unsigned long long>(failed),
              took.count());
  return 0;
}

int ask(const Address& to, double seconds, size_t bytes, unsigned everyMicroseconds) {
  const int fd = socket(to.family(), SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) fail("socket");
  if (connect(fd, to.get(), to.length) != 0) fail("connect");
  struct timeval patience = {0, 200'000};
  if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) != 0) fail("setsockopt");

  std::vector<char> buffer(std::max<size_t>(bytes, sizeof(uint64_t)));
  std::vector<double> times;
  uint64_t asked = 0;
  uint64_t lost = 0;
  const auto end = Clock::now() + std::chrono::duration<double>(seconds);
  while (Clock::now() < end) {
    const uint64_t number = ++asked;
    std::memcpy(buffer.data(), &number, sizeof number);
    const auto start = Clock::now();
    if (send(fd, buffer.data(), buffer.size(), 0) < 0) {
      ++lost;
      continue;
    }
    // An answer that comes after its time belongs to no question.
    uint64_t answered = 0;
    ssize_t got;
    do {
      got = recv(fd, buffer.data(), buffer.size(), 0);
      if (got >= static_cast<ssize_t>(sizeof answered)) {
        std::memcpy(&answered, buffer.data(), sizeof answered);
      }
    } while (got >= 0 && answered != number);
    const auto back = Clock::now();
    if (got < 0) {
      ++lost;
    } else {
      times.push_back(std::chrono::duration<double, std::micro>(back - start).count());
    }
    if (everyMicroseconds > 0) {
      std::this_thread::sleep_until(start + std::chrono::microseconds(everyMicroseconds));
    }
  }
  std::sort(times.begin(), times.end());
  const auto at = [&](double share) {
    if (times.empty()) return 0.0;
    const auto index = static_cast<size_t>(share * static_cast<double>(times.size()));
    return times[std::min(index, times.size() - 1)];
  };
  std::printf(
      "{\"asked\":%llu,\"lost\":%llu,\"microseconds\":{\"p50\":%.2f,\"p90\":%.2f,\"p99\":%.2f,"
      "\"p99.9\":%.2f,\"max\":%.2f}}\n",
      static_cast<unsigned long long>(asked), static_cast<unsigned long long>(lost), at(0.5),
      at(0.9), at(0.99), at(0.999), at(1));
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view what = argc > 1 ? argv[1] : "";
  const auto number = [&](int at) { return std::strtod(argv[at], nullptr); };
  const auto to = [&] { return parse(argv[2], static_cast<uint16_t>(number(3))); };
  allowManyFiles();
  if (what == "serve" && argc == 4) return serve(to());
  if (what == "connect" && argc == 8) {
    return connectMany(to(), parse(argv[4], 0), static_cast<unsigned>(number(5)), number(6),
                       static_cast<unsigned>(number(7)));
  }
  if (what == "ask" && argc == 7) {
    return ask(to(), number(4), static_cast<size_t>(number(5)), static_cast<unsigned>(number(6)));
  }
  std::fprintf(stderr,
               "usage: endpoint serve ADDRESS PORT\n"
               "       endpoint connect ADDRESS PORT SOURCE COUNT SECONDS AT-ONCE\n"
               "       endpoint ask ADDRESS PORT SECONDS BYTES EVERY-MICROSECONDS\n");
  return 2;
}
