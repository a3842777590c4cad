// One NETLINK_ROUTE socket: a request goes out, its whole reply comes back, then the next.
//
// Ownership: a Socket and everything above it in this folder belongs to one thread.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "netlink/message.h"

namespace platypus::netlink {

class Socket {
 public:
  Socket() = default;
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;
  ~Socket() { close(); }

  /// Opens the socket in the network namespace of the calling thread. Works without privileges;
  /// changing anything then fails with EPERM.
  Status open();
  void close();
  bool isOpen() const { return fd_ >= 0; }

  /// Sends a request that changes something and waits for its acknowledgement, 5 s at most.
  /// Errors: what the kernel answered; ETIMEDOUT; EBADMSG for a reply that is not netlink; EBADF
  /// when the socket is not open.
  Status change(Request& request);

  /// Sends a request for one object or, with NLM_F_DUMP, for a table, and appends a row for each
  /// message that `parse` understands. On failure `rows` is as it was. Errors as change(); EAGAIN
  /// when the table changed during each of several dumps.
  template <typename Row>
  Status get(Request& request, std::optional<Row> (*parse)(const Message&),
             std::vector<Row>& rows) {
    struct Collector final : Visitor {
      void visit(const Message& message) override {
        if (auto row = parse(message)) rows.push_back(*row);
      }
      std::optional<Row> (*parse)(const Message&);
      std::vector<Row> rows;
    } collector;
    collector.parse = parse;
    for (int attempt = 0; attempt < kDumpAttempts; ++attempt) {
      bool interrupted = false;
      const Status status = exchange(request, collector, interrupted);
      if (!status) return status;
      if (!interrupted) {
        rows.insert(rows.end(), collector.rows.begin(), collector.rows.end());
        return status;
      }
      collector.rows.clear();
    }
    return Status::failed(EAGAIN);
  }

 private:
  static constexpr int kDumpAttempts = 8;

  Status exchange(Request& request, Visitor& visitor, bool& interrupted);
  Status receive(Bytes& datagram);

  int fd_ = -1;
  uint32_t sequence_ = 0;
  std::unique_ptr<std::byte[]> buffer_;
};

}  // namespace platypus::netlink
