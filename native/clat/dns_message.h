// The one question of RFC 7050 and its answers (RFC 1035 §4). Pure: dns_socket.h sends and
// receives.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "packet/address.h"

namespace platypus::clat {

/// Largest answer that is read, bytes; AAAA records of this name are few.
inline constexpr size_t kMostAnswerBytes = 4096;
inline constexpr size_t kMostRecords = 16;

/// Header, name, type and class.
inline constexpr size_t kQuestionBytes = 12 + 15 + 4;
using Question = std::array<std::byte, kQuestionBytes>;

/// AAAA ipv4only.arpa., recursion desired, CD zero (RFC 7050 §3), no EDNS.
Question makeQuestion(uint16_t id);

enum class AnswerKind : uint8_t {
  /// AAAA records.
  kRecords,
  /// NOERROR without AAAA, or NXDOMAIN: there is no DNS64.
  kNone,
  /// SERVFAIL, REFUSED and the like: another resolver may know.
  kFailed,
};

struct Answer {
  AnswerKind kind = AnswerKind::kFailed;
  std::array<Ipv6Address, kMostRecords> records;
  size_t record_count = 0;
  /// The least TTL of the records; for kNone that of the negative answer (RFC 2308 §5), nothing
  /// without an SOA.
  std::optional<uint32_t> ttl_seconds;
};

/// Takes a datagram apart; nothing where it is no answer to the question with this id.
std::optional<Answer> parseAnswer(std::span<const std::byte> datagram, uint16_t id);

}  // namespace platypus::clat
