#include "siit/eam.h"

#include <random>
#include <string>

#include "test/reference_eam.h"
#include "test/siit_packets.h"
#include "test/test.h"

namespace platypus::test {
namespace {

using Refusal = EamTable::Refusal;

EamEntry eam(const char* ipv4, uint8_t v4_length, const char* ipv6, uint8_t v6_length) {
  return {v4(ipv4), v6(ipv6), v4_length, v6_length};
}

/// RFC 7757 figure 1.
std::vector<EamEntry> figure1() {
  return {eam("192.0.2.1", 32, "2001:db8:aaaa::", 128),
          eam("192.0.2.2", 32, "2001:db8:bbbb::b", 128),
          eam("192.0.2.16", 28, "2001:db8:cccc::", 124),
          eam("192.0.2.128", 26, "2001:db8:dddd::", 64),
          eam("192.0.2.192", 29, "2001:db8:eeee:8::", 62),
          eam("192.0.2.224", 31, "64:ff9b::", 127)};
}

EamTable::Built built(const std::vector<EamEntry>& add, const EamTable* base = nullptr,
                      const std::vector<EamKey>& remove = {}) {
  return EamTable::build(base, remove, add);
}
std::shared_ptr<const EamTable> table(const std::vector<EamEntry>& add) {
  const EamTable::Built result = built(add);
  REQUIRE(result.refusal == Refusal::kNone);
  REQUIRE(result.table != nullptr);
  return result.table;
}

std::string text(const std::optional<Ipv6Address>& address) {
  char buffer[INET6_ADDRSTRLEN];
  return address ? inet_ntop(AF_INET6, address->bytes.data(), buffer, sizeof buffer) : "none";
}
std::string text(const std::optional<Ipv4Address>& address) {
  char buffer[INET_ADDRSTRLEN];
  return address ? inet_ntop(AF_INET, &*address, buffer, sizeof buffer) : "none";
}
std::string text(const EamEntry* entry) {
  if (entry == nullptr) return "none";
  return text(std::optional(entry->v4)) + '/' + std::to_string(entry->v4_length) + ' ' +
         text(std::optional(entry->v6)) + '/' + std::to_string(entry->v6_length);
}
std::string text(const std::optional<EamEntry>& entry) {
  return text(entry ? &*entry : nullptr);
}

// --- Look-ups ------------------------------------------------------------------------------------

TEST_CASE("SIIT-EAM-03, SIIT-EAM-04 RFC 7757 appendix B: every address of it, both ways") {
  const auto eamt = table(figure1());
  const struct {
    const char* ipv4;
    const char* ipv6;
  } translations[] = {{"192.0.2.1", "2001:db8:aaaa::"},
                      {"192.0.2.2", "2001:db8:bbbb::b"},
                      {"192.0.2.16", "2001:db8:cccc::"},
                      {"192.0.2.24", "2001:db8:cccc::8"},
                      {"192.0.2.31", "2001:db8:cccc::f"},
                      {"192.0.2.128", "2001:db8:dddd::"},
                      {"192.0.2.152", "2001:db8:dddd:0:6000::"},
                      {"192.0.2.183", "2001:db8:dddd:0:dc00::"},
                      {"192.0.2.191", "2001:db8:dddd:0:fc00::"},
                      {"192.0.2.195", "2001:db8:eeee:9:8000::"},
                      {"192.0.2.225", "64:ff9b::1"}};
  for (const auto& translation : translations) {
    CAPTURE(translation.ipv4);
    CHECK(text(eamt->toV6(v4(translation.ipv4))) == translation.ipv6);
    CHECK(text(eamt->toV4(v6(translation.ipv6))) == translation.ipv4);
    CHECK(eamt->contains(v4(translation.ipv4)));
  }
}

TEST_CASE("SIIT-EAM-05 what no entry covers has no counterpart in the table") {
  const auto eamt = table(figure1());
  for (const char* ipv4 : {"192.0.2.248", "192.0.2.0", "192.0.2.3", "192.0.2.32", "192.0.2.200"}) {
    CAPTURE(ipv4);
    CHECK_FALSE(eamt->toV6(v4(ipv4)));
    CHECK_FALSE(eamt->contains(v4(ipv4)));
    CHECK(eamt->entryOf(v4(ipv4)) == nullptr);
  }
  for (const char* ipv6 : {"64:ff9b::c000:2f8", "64:ff9b::2", "2001:db8:aaaa::1", "2001:db8::"}) {
    CAPTURE(ipv6);
    CHECK_FALSE(eamt->toV4(v6(ipv6)));
    CHECK(eamt->entryOf(v6(ipv6)) == nullptr);
  }
}

TEST_CASE("SIIT-EAM-04 bits of an IPv6 address behind the IPv4 suffix are ignored") {
  const auto eamt = table(figure1());
  CHECK(text(eamt->toV4(v6("2001:db8:dddd:0:6000::ffff"))) == "192.0.2.152");
  CHECK(text(eamt->toV4(v6("2001:db8:dddd:0:63ff:ffff:ffff:ffff"))) == "192.0.2.152");
  CHECK(text(eamt->toV4(v6("2001:db8:eeee:b:ffff::"))) == "192.0.2.199");
}

TEST_CASE("SIIT-EAM-03, SIIT-EAM-04 lengths at their ends: /0, /32 and /128") {
  SUBCASE("all of IPv4 in a /96") {
    const auto eamt = table({eam("0.0.0.0", 0, "2001:db8:1:2::", 96)});
    CHECK(text(eamt->toV6(v4("203.0.113.7"))) == "2001:db8:1:2::cb00:7107");
    CHECK(text(eamt->toV4(v6("2001:db8:1:2::cb00:7107"))) == "203.0.113.7");
    CHECK(text(eamt->toV6(v4("0.0.0.0"))) == "2001:db8:1:2::");
  }
  SUBCASE("all of IPv4 in all of IPv6") {
    const auto eamt = table({eam("0.0.0.0", 0, "::", 0)});
    CHECK(text(eamt->toV6(v4("203.0.113.7"))) == "cb00:7107::");
    CHECK(text(eamt->toV4(v6("cb00:7107:1::1"))) == "203.0.113.7");
  }
  SUBCASE("one IPv4 address for all of IPv6") {
    const auto eamt = table({eam("192.0.2.1", 32, "::", 0)});
    CHECK(text(eamt->toV6(v4("192.0.2.1"))) == "::");
    CHECK(text(eamt->toV4(v6("2001:db8::1"))) == "192.0.2.1");
    CHECK_FALSE(eamt->toV6(v4("192.0.2.2")));
  }
  SUBCASE("a suffix across the middle of the IPv6 address") {
    const auto eamt = table({eam("10.0.0.0", 8, "2001:db8:0:abc0::", 58)});
    CHECK(text(eamt->toV6(v4("10.255.128.1"))) == "2001:db8:0:abff:e000:4000::");
    CHECK(text(eamt->toV4(v6("2001:db8:0:abff:e000:4000::"))) == "10.255.128.1");
  }
  SUBCASE("a suffix that ends with the IPv6 address") {
    const auto eamt = table({eam("192.0.2.128", 25, "2001:db8::80", 121)});
    CHECK(text(eamt->toV6(v4("192.0.2.255"))) == "2001:db8::ff");
    CHECK(text(eamt->toV4(v6("2001:db8::ff"))) == "192.0.2.255");
  }
}

TEST_CASE("SIIT-EAM-03, SIIT-EAM-04 where entries overlap the longest prefix wins, by column") {
  const auto eamt = table(
      {eam("0.0.0.0", 0, "2001:db8::", 32), eam("10.0.0.0", 8, "2001:db8:1::", 48),
       eam("10.1.0.0", 16, "2001:db8:1:1::", 64), eam("10.1.2.3", 32, "2001:db8:ffff::", 128)});
  CHECK(text(eamt->entryOf(v4("11.0.0.0"))) == "0.0.0.0/0 2001:db8::/32");
  CHECK(text(eamt->entryOf(v4("10.2.0.0"))) == "10.0.0.0/8 2001:db8:1::/48");
  CHECK(text(eamt->entryOf(v4("10.1.2.2"))) == "10.1.0.0/16 2001:db8:1:1::/64");
  CHECK(text(eamt->entryOf(v4("10.1.2.3"))) == "10.1.2.3/32 2001:db8:ffff::/128");
  CHECK(text(eamt->entryOf(v6("2001:db8:2::"))) == "0.0.0.0/0 2001:db8::/32");
  CHECK(text(eamt->entryOf(v6("2001:db8:1:2::"))) == "10.0.0.0/8 2001:db8:1::/48");
  CHECK(text(eamt->entryOf(v6("2001:db8:1:1::5"))) == "10.1.0.0/16 2001:db8:1:1::/64");
  CHECK(text(eamt->entryOf(v6("2001:db8:ffff::"))) == "10.1.2.3/32 2001:db8:ffff::/128");
  CHECK(text(eamt->toV6(v4("10.1.2.2"))) == "2001:db8:1:1:202::");
  // The other column has its own order: the address of one entry may be another's the way back.
  CHECK(text(eamt->toV6(v4("0.1.0.1"))) == "2001:db8:1:1::");
  CHECK(text(eamt->toV4(v6("2001:db8:1:1::"))) == "10.1.0.0");
}

TEST_CASE("SIIT-EAM-03, SIIT-EAM-04 random tables answer like a look at every entry") {
  std::mt19937 random(20251);
  for (int round = 0; round < 200; ++round) {
    CAPTURE(round);
    reference::EamModel model;
    for (int tries = 0; tries < 40; ++tries) {
      EamEntry entry;
      entry.v4_length = static_cast<uint8_t>(random() % 33);
      const unsigned most = 96u + entry.v4_length;
      entry.v6_length = static_cast<uint8_t>(random() % (most + 1));
      // Few bits vary, so that prefixes lie in each other.
      const uint32_t mask = Ipv4Prefix{{}, entry.v4_length}.mask();
      entry.v4 = Ipv4Address::fromHost((0x0a000000u | (random() & 0x01010103u)) & mask);
      for (unsigned bit = 0; bit < entry.v6_length; ++bit) {
        if (bit % 16 == 2 || (bit % 24 == 7 && random() % 2 != 0)) reference::setBit(entry.v6, bit);
      }
      std::vector<EamEntry> more = model.rows;
      more.push_back(entry);
      if (built(more).refusal == Refusal::kNone) model.rows = more;
    }
    const auto eamt = table(model.rows);
    for (int look = 0; look < 200; ++look) {
      const Ipv4Address four = Ipv4Address::fromHost(0x0a000000u | (random() & 0x0101ff03u));
      CHECK(text(eamt->toV6(four)) == text(model.toV6(four)));
      CHECK(text(eamt->entryOf(four)) == text(model.find(four)));
      Ipv6Address six = model.rows[random() % model.rows.size()].v6;
      reference::setBit(six, random() % 128);
      CHECK(text(eamt->toV4(six)) == text(model.toV4(six)));
      CHECK(text(eamt->entryOf(six)) == text(model.find(six)));
    }
  }
}

// --- Building ------------------------------------------------------------------------------------

TEST_CASE("SIIT-EAM-02 an IPv4 suffix longer than the IPv6 suffix is refused") {
  const auto result =
      built({eam("192.0.2.1", 32, "2001:db8::1", 128), eam("192.0.2.0", 24, "2001:db8::", 121)});
  CHECK(result.table == nullptr);
  CHECK(result.refusal == Refusal::kSuffix);
  CHECK_FALSE(result.in_remove);
  CHECK(result.index == 1);
  CHECK(built({eam("192.0.2.0", 24, "2001:db8::", 120)}).refusal == Refusal::kNone);
}

TEST_CASE("SIIT-EAM-02 lengths out of range and bits behind the length are refused") {
  for (const EamEntry& entry :
       {eam("192.0.2.1", 33, "2001:db8::", 128), eam("192.0.2.1", 32, "2001:db8::", 129),
        eam("192.0.2.1", 31, "2001:db8::", 64), eam("192.0.2.0", 24, "2001:db8::1", 120),
        eam("0.0.0.1", 0, "::", 0), eam("0.0.0.0", 0, "8000::", 0)}) {
    CAPTURE(text(&entry));
    const auto result = built({eam("10.0.0.0", 8, "2001:db8:1::", 64), entry});
    CHECK(result.refusal == Refusal::kLength);
    CHECK(result.index == 1);
    CHECK_FALSE(result.in_remove);
  }
}

TEST_CASE("SIIT-EAM-13 an IPv4 prefix that an entry has is refused, with that entry") {
  const auto base = table(figure1());
  const auto result = built(
      {eam("198.51.100.1", 32, "2001:db8:1::1", 128), eam("192.0.2.16", 28, "2001:db8:2::", 64)},
      base.get());
  CHECK(result.table == nullptr);
  CHECK(result.refusal == Refusal::kV4Taken);
  CHECK(result.index == 1);
  CHECK_FALSE(result.in_remove);
  CHECK(text(result.other) == "192.0.2.16/28 2001:db8:cccc::/124");
}

TEST_CASE("SIIT-EAM-13 of two equal IPv4 prefixes in one change the later is told about") {
  const auto result =
      built({eam("192.0.2.1", 32, "2001:db8::1", 128), eam("192.0.2.9", 32, "2001:db8::9", 128),
             eam("192.0.2.1", 32, "2001:db8::2", 128)});
  CHECK(result.refusal == Refusal::kV4Taken);
  CHECK(result.index == 2);
  CHECK(text(result.other) == "192.0.2.1/32 2001:db8::1/128");
}

TEST_CASE("SIIT-EAM-13 an IPv6 prefix that an entry has is refused, with that entry") {
  const auto base = table(figure1());
  // Below and above the entry in the order of IPv4 prefixes.
  for (const char* ipv4 : {"10.0.0.0", "223.0.0.0"}) {
    CAPTURE(ipv4);
    const auto result = built(
        {eam("198.51.100.1", 32, "2001:db8:1::1", 128), eam(ipv4, 28, "2001:db8:cccc::", 124)},
        base.get());
    CHECK(result.table == nullptr);
    CHECK(result.refusal == Refusal::kV6Taken);
    CHECK(result.index == 1);
    CHECK_FALSE(result.in_remove);
    CHECK(text(result.other) == "192.0.2.16/28 2001:db8:cccc::/124");
  }
}

TEST_CASE("SIIT-EAM-13 of two equal IPv6 prefixes in one change the later is told about") {
  const auto up =
      built({eam("192.0.2.1", 32, "2001:db8::1", 128), eam("192.0.2.9", 32, "2001:db8::1", 128)});
  CHECK(up.refusal == Refusal::kV6Taken);
  CHECK(up.index == 1);
  CHECK(text(up.other) == "192.0.2.1/32 2001:db8::1/128");
  const auto down =
      built({eam("192.0.2.9", 32, "2001:db8::1", 128), eam("192.0.2.1", 32, "2001:db8::1", 128)});
  CHECK(down.index == 1);
  CHECK(text(down.other) == "192.0.2.9/32 2001:db8::1/128");
}

TEST_CASE("SIIT-EAM-13 the same address with another length is another prefix") {
  const auto eamt =
      table({eam("192.0.2.0", 24, "2001:db8::", 64), eam("192.0.2.0", 25, "2001:db8::", 65),
             eam("192.0.2.0", 32, "2001:db8::", 128)});
  CHECK(text(eamt->entryOf(v4("192.0.2.0"))) == "192.0.2.0/32 2001:db8::/128");
  CHECK(text(eamt->entryOf(v4("192.0.2.1"))) == "192.0.2.0/25 2001:db8::/65");
  CHECK(text(eamt->entryOf(v4("192.0.2.128"))) == "192.0.2.0/24 2001:db8::/64");
}

TEST_CASE("EAM table: a removal that finds nothing is refused with its index") {
  const auto base = table(figure1());
  const auto refused = [&](const std::vector<EamKey>& remove) {
    const auto result = built({}, base.get(), remove);
    CHECK(result.table == nullptr);
    CHECK(result.refusal == Refusal::kMissing);
    CHECK(result.in_remove);
    return result.index;
  };
  CHECK(refused({{v4("192.0.2.1"), 32}, {v4("192.0.2.16"), 27}}) == 1);
  CHECK(refused({{v4("192.0.2.3"), 32}}) == 0);
  CHECK(refused({{v4("192.0.2.1"), 200}}) == 0);
  // The same entry cannot go twice.
  CHECK(refused({{v4("192.0.2.1"), 32}, {v4("192.0.2.2"), 32}, {v4("192.0.2.1"), 32}}) == 2);
  CHECK(built({}, nullptr, {{v4("192.0.2.1"), 32}}).refusal == Refusal::kMissing);
}

TEST_CASE("EAM table: more removals than entries: the first that finds nothing is told about") {
  const auto base = table({eam("192.0.2.1", 32, "2001:db8::1", 128)});
  const auto result = built({}, base.get(), {{v4("192.0.2.7"), 32}, {v4("192.0.2.1"), 32}});
  CHECK(result.refusal == Refusal::kMissing);
  CHECK(result.in_remove);
  CHECK(result.index == 0);
}

TEST_CASE("EAM table: a change removes and adds, and leaves the table it came from as it was") {
  const auto base = table(figure1());
  const auto result = built(
      {eam("192.0.2.1", 32, "2001:db8:abcd::", 128), eam("192.0.2.9", 32, "2001:db8:aaaa::", 128)},
      base.get(), {{v4("192.0.2.1"), 32}, {v4("192.0.2.224"), 31}});
  REQUIRE(result.table != nullptr);
  const EamTable& changed = *result.table;
  CHECK(changed.entries().size() == 6);
  CHECK(text(changed.toV6(v4("192.0.2.1"))) == "2001:db8:abcd::");
  CHECK(text(changed.toV4(v6("2001:db8:aaaa::"))) == "192.0.2.9");
  CHECK_FALSE(changed.toV4(v6("64:ff9b::1")));
  CHECK(text(changed.toV6(v4("192.0.2.24"))) == "2001:db8:cccc::8");
  CHECK(text(base->toV6(v4("192.0.2.1"))) == "2001:db8:aaaa::");
  CHECK(text(base->toV4(v6("64:ff9b::1"))) == "192.0.2.225");
}

TEST_CASE("EAM table: entries stand in the order of their IPv4 prefixes, shorter ones first") {
  const auto eamt =
      table({eam("192.0.2.0", 32, "2001:db8::1", 128), eam("10.0.0.0", 8, "2001:db8:1::", 64),
             eam("192.0.2.0", 24, "2001:db8:2::", 64), eam("0.0.0.0", 0, "2001:db8:3::", 64)});
  REQUIRE(eamt->entries().size() == 4);
  CHECK(text(&eamt->entries()[0]) == "0.0.0.0/0 2001:db8:3::/64");
  CHECK(text(&eamt->entries()[1]) == "10.0.0.0/8 2001:db8:1::/64");
  CHECK(text(&eamt->entries()[2]) == "192.0.2.0/24 2001:db8:2::/64");
  CHECK(text(&eamt->entries()[3]) == "192.0.2.0/32 2001:db8::1/128");
}

TEST_CASE("EAM table: emptied or never filled it covers nothing") {
  const auto empty = table({});
  CHECK(empty->entries().empty());
  CHECK_FALSE(empty->toV6(v4("0.0.0.0")));
  CHECK_FALSE(empty->toV4(v6("::")));
  empty->prefetch(v4("192.0.2.1"));
  empty->prefetch(v6("2001:db8::"));
  const auto base = table({eam("0.0.0.0", 0, "::", 0)});
  const auto flushed = built({}, base.get(), {{v4("0.0.0.0"), 0}});
  REQUIRE(flushed.table != nullptr);
  CHECK(flushed.table->entries().empty());
  CHECK_FALSE(flushed.table->toV6(v4("192.0.2.1")));
}

TEST_CASE("EAM table: more than the most entries are refused before memory is taken") {
  const auto base = table(figure1());
  // Never read: the count is enough.
  const std::span<const EamEntry> many(base->entries().data(), EamTable::kMost + 1);
  CHECK(EamTable::build(nullptr, {}, many).refusal == Refusal::kNoRoom);
  CHECK(EamTable::build(base.get(), {}, many.first(EamTable::kMost - 5)).refusal ==
        Refusal::kNoRoom);
}

TEST_CASE("EAM table: an entry takes 24 bytes and a share of each index") {
  std::vector<EamEntry> entries;
  for (uint32_t i = 0; i < 10'000; ++i) {
    EamEntry entry = eam("10.0.0.0", 32, "2001:db8::", 128);
    entry.v4 = Ipv4Address::fromHost(0x0a000000u + i);
    entry.v6.bytes[14] = static_cast<uint8_t>(i >> 8);
    entry.v6.bytes[15] = static_cast<uint8_t>(i);
    entries.push_back(entry);
  }
  const auto eamt = table(entries);
  CHECK(eamt->bytes() > 10'000 * sizeof(EamEntry));
  CHECK(eamt->bytes() < 10'000 * 200);
}

}  // namespace
}  // namespace platypus::test
