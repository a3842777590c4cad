// Netlink messages: building requests and taking replies apart. Everything here is pure, so that
// tests and the fuzzer reach it without a socket. RFC 3549 §2.2; linux/netlink.h.
#pragma once

#include <linux/netlink.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>

namespace platypus::netlink {

using Bytes = std::span<const std::byte>;

constexpr size_t aligned(size_t length) {
  return (length + 3) & ~size_t{3};
}

/// An address of either family; the first 4 or all 16 of `bytes`, in wire order.
struct IpAddress {
  uint8_t family = AF_UNSPEC;
  std::array<std::byte, 16> bytes{};

  size_t size() const { return family == AF_INET ? 4 : family == AF_INET6 ? 16 : 0; }
  uint8_t bits() const { return static_cast<uint8_t>(size() * 8); }
  Bytes wire() const { return {bytes.data(), size()}; }
  friend bool operator==(const IpAddress&, const IpAddress&) = default;

  /// Of `family` with the bytes of `wire`; nothing if the length is not that of the family.
  static std::optional<IpAddress> from(uint8_t family, Bytes wire) {
    IpAddress address{.family = family};
    if (address.size() == 0 || wire.size() != address.size()) return std::nullopt;
    std::memcpy(address.bytes.data(), wire.data(), wire.size());
    return address;
  }
};

/// How a request ended: 0 or an errno, and the kernel's own words where it gave some.
struct Status {
  int error = 0;
  char message[120] = {};

  explicit operator bool() const { return error == 0; }
  static Status failed(int error) { return {.error = error}; }
};

/// Reads a T from the front of `bytes`; nothing if they are too short.
template <typename T>
std::optional<T> read(Bytes bytes) {
  if (bytes.size() < sizeof(T)) return std::nullopt;
  T value;
  std::memcpy(&value, bytes.data(), sizeof value);
  return value;
}

/// One attribute of a message. A value that is too short for the type asked for reads as nothing.
struct Attribute {
  uint16_t type;
  Bytes value;

  std::optional<uint32_t> u32() const { return read<uint32_t>(value); }
};

/// Calls `visit(Attribute)` for each attribute in `bytes` and stops at the first that does not fit.
template <typename Visit>
void forEachAttribute(Bytes bytes, Visit&& visit) {
  while (const auto header = read<nlattr>(bytes)) {
    if (header->nla_len < sizeof(nlattr) || header->nla_len > bytes.size()) return;
    visit(Attribute{static_cast<uint16_t>(header->nla_type & NLA_TYPE_MASK),
                    bytes.first(header->nla_len).subspan(sizeof(nlattr))});
    bytes = bytes.subspan(std::min(aligned(header->nla_len), bytes.size()));
  }
}

/// A message of a reply: its type and what follows the header.
struct Message {
  uint16_t type;
  uint16_t flags;
  Bytes payload;
};

/// A request under construction. Fixed size: every request of this folder is far smaller.
class Request {
 public:
  template <typename Header>
  Request(uint16_t type, uint16_t flags, const Header& family_header) {
    header_ = {.nlmsg_len = sizeof(nlmsghdr),
               .nlmsg_type = type,
               .nlmsg_flags = static_cast<uint16_t>(flags | NLM_F_REQUEST),
               .nlmsg_seq = 0,
               .nlmsg_pid = 0};
    append(&family_header, sizeof family_header);
  }

  void add(uint16_t type, Bytes value) {
    const nlattr attribute{.nla_len = static_cast<uint16_t>(sizeof(nlattr) + value.size()),
                           .nla_type = type};
    append(&attribute, sizeof attribute);
    append(value.data(), value.size());
  }
  void add(uint16_t type, uint32_t value) { add(type, std::as_bytes(std::span(&value, 1))); }
  /// With the terminating zero that the kernel wants.
  void addString(uint16_t type, const char* text) {
    add(type, std::as_bytes(std::span(text, std::strlen(text) + 1)));
  }
  /// Bytes without a header of their own, such as a struct rtnexthop.
  void addRaw(Bytes bytes) { append(bytes.data(), bytes.size()); }
  /// Opens an attribute that holds attributes; close it with end().
  size_t begin(uint16_t type) {
    const size_t at = header_.nlmsg_len;
    add(type, Bytes{});
    return at;
  }
  void end(size_t at) {
    if (overflow_) return;
    const auto length = static_cast<uint16_t>(header_.nlmsg_len - at);
    std::memcpy(buffer_.data() + at, &length, sizeof length);
  }

  /// True when an attribute did not fit; such a request must not be sent.
  bool overflow() const { return overflow_; }
  uint16_t flags() const { return header_.nlmsg_flags; }
  /// The finished message with the sequence number `sequence`.
  Bytes finish(uint32_t sequence) {
    header_.nlmsg_seq = sequence;
    std::memcpy(buffer_.data(), &header_, sizeof header_);
    return {buffer_.data(), header_.nlmsg_len};
  }

 private:
  void append(const void* data, size_t length) {
    const size_t at = header_.nlmsg_len;
    if (overflow_ || at + aligned(length) > buffer_.size()) {
      overflow_ = true;
      return;
    }
    if (length != 0) std::memcpy(buffer_.data() + at, data, length);
    header_.nlmsg_len = static_cast<uint32_t>(at + aligned(length));
  }

  nlmsghdr header_{};
  bool overflow_ = false;
  alignas(nlmsghdr) std::array<std::byte, 512> buffer_{};
};

/// Called for each message of a reply that is not control (error, done, no-op).
class Visitor {
 public:
  virtual void visit(const Message& message) = 0;

 protected:
  ~Visitor() = default;
};

/// What one datagram of a reply said about the request.
struct Progress {
  bool finished = false;
  /// NLM_F_DUMP_INTR: the table changed during the dump; rows may be missing or doubled.
  bool interrupted = false;
  Status status;
};

/// Walks the messages of one datagram, skips those with another sequence number than `sequence`
/// (late answers to an earlier request), and stops at the first malformed one, which finishes the
/// request with EBADMSG.
Progress readReply(Bytes datagram, uint32_t sequence, Visitor& visitor);

}  // namespace platypus::netlink
