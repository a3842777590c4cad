#include "clat/resolv_conf.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <optional>

#include "socket/descriptor.h"

namespace platypus::clat {
namespace {

constexpr size_t kMostBytes = 8192;
constexpr std::string_view kKeyword = "nameserver";
constexpr std::string_view kBlank = " \t\r";

ResolvConf readFile(const char* path) {
  const Descriptor file(::open(path, O_RDONLY | O_CLOEXEC));
  if (!file) return {};
  char text[kMostBytes];
  const ssize_t got = ::read(file.fd(), text, sizeof text);
  return got <= 0 ? ResolvConf{} : parseResolvConf({text, static_cast<size_t>(got)});
}

// Of the address alone; nothing for what is none.
std::optional<Ipv6Address> parseAddress(std::string_view text) {
  char word[INET6_ADDRSTRLEN];
  if (text.size() >= sizeof word) return std::nullopt;
  std::memcpy(word, text.data(), text.size());
  word[text.size()] = '\0';
  Ipv6Address address;
  if (inet_pton(AF_INET6, word, address.bytes.data()) != 1) return std::nullopt;
  return address;
}

}  // namespace

ResolvConf parseResolvConf(std::string_view text) {
  ResolvConf result;
  size_t others = 0;
  size_t loopbacks = 0;
  while (!text.empty() && result.resolvers.count < result.resolvers.addresses.size()) {
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
    const auto address = parseAddress(line);
    if (line.starts_with("127.") || (address && address->isLoopback())) {
      ++loopbacks;
      continue;
    }
    ++others;
    if (!address || address->isUnspecified() || address->isMulticast()) continue;
    result.resolvers.addresses[result.resolvers.count++] = *address;
  }
  result.local = loopbacks > 0 && others == 0;
  return result;
}

ResolverList readResolvConf(const char* path, const char* behind) {
  const ResolvConf first = readFile(path);
  return first.local ? readFile(behind).resolvers : first.resolvers;
}

}  // namespace platypus::clat
