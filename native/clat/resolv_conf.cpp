#include "clat/resolv_conf.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "socket/descriptor.h"

namespace platypus::clat {
namespace {

constexpr size_t kMostBytes = 8192;
constexpr std::string_view kKeyword = "nameserver";
constexpr std::string_view kBlank = " \t\r";

}  // namespace

ResolverList parseResolvConf(std::string_view text) {
  ResolverList list;
  while (!text.empty() && list.count < list.addresses.size()) {
    const size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (!line.starts_with(kKeyword)) continue;
    line.remove_prefix(kKeyword.size());
    const size_t start = line.find_first_not_of(kBlank);
    if (start == 0 || start == std::string_view::npos) continue;
    line.remove_prefix(start);
    // A zone is that of another link, or the uplink's, which is meant anyway.
    line = line.substr(0, line.find_first_of(" \t\r%#"));
    char word[INET6_ADDRSTRLEN];
    if (line.size() >= sizeof word) continue;
    std::memcpy(word, line.data(), line.size());
    word[line.size()] = '\0';
    Ipv6Address address;
    if (inet_pton(AF_INET6, word, address.bytes.data()) != 1) continue;
    if (address.isLoopback() || address.isUnspecified() || address.isMulticast()) continue;
    list.addresses[list.count++] = address;
  }
  return list;
}

ResolverList readResolvConf(const char* path) {
  const Descriptor file(::open(path, O_RDONLY | O_CLOEXEC));
  if (!file) return {};
  char text[kMostBytes];
  const ssize_t got = ::read(file.fd(), text, sizeof text);
  return got <= 0 ? ResolverList{} : parseResolvConf({text, static_cast<size_t>(got)});
}

}  // namespace platypus::clat
