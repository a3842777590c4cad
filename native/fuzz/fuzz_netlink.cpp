// Arbitrary bytes as a netlink datagram: nothing may be read past their end, and what comes out
// must keep the promises of its type.
#include <cstdlib>
#include <cstring>

#include "netlink/netlink.h"

namespace {

using namespace platypus::netlink;

void require(bool holds) {
  if (!holds) std::abort();
}

struct Parsers final : Visitor {
  void visit(const Message& message) override {
    if (const auto link = parseLink(message)) {
      require(link->index != 0 && link->name[0] != '\0' &&
              strnlen(link->name, sizeof link->name) < sizeof link->name);
    }
    if (const auto address = parseAddress(message)) {
      require(address->address.size() != 0 && address->length <= address->address.bits());
    }
    if (const auto route = parseRoute(message)) {
      require(route->destination.size() != 0 && route->length <= route->destination.bits());
      require(route->gateway.family == AF_UNSPEC || route->gateway.size() != 0);
    }
  }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Parsers parsers;
  // Sequence 0, which a fuzzer finds most easily in zeroes.
  const Progress progress = readReply(std::as_bytes(std::span(data, size)), 0, parsers);
  require(strnlen(progress.status.message, sizeof progress.status.message) <
          sizeof progress.status.message);
  require(progress.status.error >= 0 && progress.status.error <= 4095);
  return 0;
}
