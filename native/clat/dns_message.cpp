#include "clat/dns_message.h"

#include <algorithm>
#include <cstring>

#include "packet/byte_order.h"

namespace platypus::clat {
namespace {

constexpr size_t kHeaderBytes = 12;
constexpr uint16_t kTypeAaaa = 28;
constexpr uint16_t kTypeSoa = 6;
constexpr uint16_t kClassIn = 1;
constexpr uint8_t kName[15] = {8, 'i', 'p', 'v', '4', 'o', 'n', 'l', 'y', 4, 'a', 'r', 'p', 'a', 0};

uint8_t octet(std::span<const std::byte> bytes, size_t at) {
  return std::to_integer<uint8_t>(bytes[at]);
}

uint16_t word(std::span<const std::byte> bytes, size_t at) {
  return load<Be16>(bytes.data() + at).host();
}

char lower(uint8_t octet) {
  return static_cast<char>(octet >= 'A' && octet <= 'Z' ? octet + 32 : octet);
}

// The place after a name; nothing when it does not end within the message. Where a pointer leads
// is of no interest here.
std::optional<size_t> skipName(std::span<const std::byte> bytes, size_t at) {
  while (at < bytes.size()) {
    const uint8_t length = octet(bytes, at);
    if (length == 0) return at + 1;
    if ((length & 0xc0) == 0xc0)
      return at + 2 <= bytes.size() ? std::optional(at + 2) : std::nullopt;
    if ((length & 0xc0) != 0) return std::nullopt;
    at += 1u + length;
  }
  return std::nullopt;
}

bool isQuestion(std::span<const std::byte> bytes) {
  if (bytes.size() < kQuestionBytes) return false;
  for (size_t i = 0; i < sizeof kName; ++i) {
    if (lower(octet(bytes, kHeaderBytes + i)) != lower(kName[i])) return false;
  }
  return word(bytes, 27) == kTypeAaaa && word(bytes, 29) == kClassIn;
}

struct Record {
  uint16_t type = 0;
  uint16_t record_class = 0;
  uint32_t ttl = 0;
  std::span<const std::byte> data;
  size_t next = 0;
};

std::optional<Record> readRecord(std::span<const std::byte> bytes, size_t at) {
  const auto after = skipName(bytes, at);
  if (!after || bytes.size() - *after < 10) return std::nullopt;
  const size_t length = word(bytes, *after + 8);
  if (bytes.size() - *after - 10 < length) return std::nullopt;
  const uint32_t ttl = load<Be32>(bytes.data() + *after + 4).host();
  // RFC 2181 §8: the highest bit is no part of it.
  return Record{.type = word(bytes, *after),
                .record_class = word(bytes, *after + 2),
                .ttl = ttl > 0x7fffffff ? 0 : ttl,
                .data = bytes.subspan(*after + 10, length),
                .next = *after + 10 + length};
}

// RFC 2308 §5: the least of the SOA's TTL and its last field.
uint32_t negativeTtl(const Record& soa) {
  if (soa.data.size() < 4) return soa.ttl;
  return std::min(soa.ttl, load<Be32>(soa.data.data() + soa.data.size() - 4).host());
}

}  // namespace

Question makeQuestion(uint16_t id) {
  Question question{};
  const Be16 wire_id(id);
  std::memcpy(question.data(), &wire_id, 2);
  question[2] = std::byte{0x01};  // RD
  question[5] = std::byte{1};
  std::memcpy(question.data() + kHeaderBytes, kName, sizeof kName);
  question[28] = std::byte{kTypeAaaa};
  question[30] = std::byte{kClassIn};
  return question;
}

std::optional<Answer> parseAnswer(std::span<const std::byte> datagram, uint16_t id) {
  if (datagram.size() < kQuestionBytes || word(datagram, 0) != id) return std::nullopt;
  const uint16_t flags = word(datagram, 2);
  const bool response = (flags & 0x8000) != 0;
  const bool query = (flags & 0x7800) == 0;
  if (!response || !query || word(datagram, 4) != 1 || !isQuestion(datagram)) return std::nullopt;

  constexpr uint16_t kNoError = 0;
  constexpr uint16_t kNxDomain = 3;
  const uint16_t code = flags & 0xf;
  Answer answer;
  if (code != kNoError && code != kNxDomain) return answer;

  size_t at = kQuestionBytes;
  const size_t answers = word(datagram, 6);
  const size_t authorities = word(datagram, 8);
  std::optional<uint32_t> negative;
  for (size_t i = 0; i < answers + authorities; ++i) {
    const auto record = readRecord(datagram, at);
    // A truncated answer ends anywhere; what came before it counts.
    if (!record) break;
    at = record->next;
    if (record->record_class != kClassIn) continue;
    if (i < answers && record->type == kTypeAaaa && record->data.size() == 16) {
      if (answer.record_count == answer.records.size()) continue;
      std::memcpy(answer.records[answer.record_count++].bytes.data(), record->data.data(), 16);
      answer.ttl_seconds = std::min(record->ttl, answer.ttl_seconds.value_or(record->ttl));
    } else if (i >= answers && record->type == kTypeSoa) {
      negative = negativeTtl(*record);
    }
  }
  if (code == kNoError && answer.record_count > 0) {
    answer.kind = AnswerKind::kRecords;
  } else {
    answer = {.kind = AnswerKind::kNone, .records = {}, .record_count = 0, .ttl_seconds = negative};
  }
  return answer;
}

}  // namespace platypus::clat
