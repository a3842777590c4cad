// Explicit address mapping tables under random changes, beside a slow model (test/reference_eam.h).
//
// What must hold: a change is refused if and only if the model says so, for a reason that is true
// of the entry it names; a refused change leaves the table as it was; on both columns every address
// finds the entry with the longest prefix, and becomes what the model makes of it; the list of
// entries is the model's, in order.
//
// Input: operations of one octet and what they take. Octets that are missing count as zero.
// Addresses are two fixed ones with up to two bits flipped, so that prefixes lie in each other.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "fuzz/input.h"
#include "siit/eam.h"
#include "test/reference_eam.h"

namespace {

using namespace platypus;
using fuzz::Input;
using test::reference::EamModel;
using Refusal = EamTable::Refusal;

void require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "fuzz_eam: %s\n", what);
  std::abort();
}

/// The address with bit `choice` the other way; from 128 on (IPv4: 32) as it is.
template <typename Address>
Address flipped(Address address, unsigned choice) {
  if (choice < 8 * sizeof(Address)) {
    std::as_writable_bytes(std::span(&address, 1))[choice / 8] ^=
        static_cast<std::byte>(0x80u >> (choice % 8));
  }
  return address;
}
Ipv4Address someV4(Input& in) {
  const Ipv4Address center = Ipv4Address::fromHost(0xc0a5335a);
  const uint8_t first = in.byte();
  return flipped(flipped(center, first % 40u), in.byte() % 40u);
}
Ipv6Address someV6(Input& in) {
  Ipv6Address center;
  for (size_t i = 0; i < 16; ++i) center.bytes[i] = static_cast<uint8_t>(0x35 + 0x1d * i);
  const uint8_t first = in.byte();
  return flipped(flipped(center, first), in.byte());
}
/// The address without its bits after `length`.
template <typename Address>
Address cut(Address address, unsigned length) {
  Address result{};
  for (unsigned bit = 0; bit < length && bit < 8 * sizeof(Address); ++bit) {
    if (test::reference::bitOf(address, bit)) test::reference::setBit(result, bit);
  }
  return result;
}

bool sameV4(const EamEntry& a, const EamEntry& b) {
  return a.v4 == b.v4 && a.v4_length == b.v4_length;
}
bool sameV6(const EamEntry& a, const EamEntry& b) {
  return a.v6 == b.v6 && a.v6_length == b.v6_length;
}
bool same(const EamEntry& a, const EamEntry& b) {
  return sameV4(a, b) && sameV6(a, b);
}

class Harness {
 public:
  explicit Harness(Input& input) : in_(input) {}

  void run() {
    for (int steps = 0; !in_.empty() && steps < 600; ++steps) {
      switch (in_.byte() % 8) {
        case 5:
          remove();
          break;
        case 6:
          change();
          break;
        case 7:
          lookUp(someV4(in_));
          lookUp(someV6(in_));
          break;
        default:
          add();
      }
    }
    change();
    for (const EamEntry& row : model_.rows) {
      // In every prefix its first and its last address, and those beside it.
      EamEntry last = row;
      for (unsigned bit = row.v4_length; bit < 32; ++bit) test::reference::setBit(last.v4, bit);
      for (unsigned bit = row.v6_length; bit < 128; ++bit) test::reference::setBit(last.v6, bit);
      lookUp(row.v4);
      lookUp(last.v4);
      lookUp(Ipv4Address::fromHost(row.v4.host() - 1));
      lookUp(Ipv4Address::fromHost(last.v4.host() + 1));
      lookUp(row.v6);
      lookUp(last.v6);
      lookUp(flipped(row.v6, row.v6_length == 0 ? 0 : row.v6_length - 1u));
    }
  }

 private:
  /// An entry for the next change; now and then one that is wrong in itself.
  void add() {
    const uint8_t flags = in_.byte();
    EamEntry entry;
    entry.v4_length = static_cast<uint8_t>(in_.byte() % 34);
    entry.v6_length = static_cast<uint8_t>(in_.byte() % 130);
    // Most suffixes fit.
    if ((flags & 0x0f) != 0 && entry.v4_length <= 32) {
      entry.v6_length = std::min(entry.v6_length, static_cast<uint8_t>(96 + entry.v4_length));
    }
    entry.v4 = someV4(in_);
    entry.v6 = someV6(in_);
    if ((flags & 0xf0) != 0) {
      entry.v4 = cut(entry.v4, entry.v4_length);
      entry.v6 = cut(entry.v6, entry.v6_length);
    }
    add_.push_back(entry);
  }

  void remove() {
    const uint8_t choice = in_.byte();
    if ((choice & 0xe0) != 0 && !model_.rows.empty()) {
      const EamEntry& row = model_.rows[choice % model_.rows.size()];
      remove_.push_back({row.v4, row.v4_length});
    } else {
      const auto length = static_cast<uint8_t>(in_.byte() % 34);
      remove_.push_back({cut(someV4(in_), length), length});
    }
  }

  /// What is wrong with an entry whatever the others are.
  static Refusal inItself(const EamEntry& entry) {
    if (entry.v4_length > 32 || entry.v6_length > 128 ||
        !(cut(entry.v4, entry.v4_length) == entry.v4) ||
        !(cut(entry.v6, entry.v6_length) == entry.v6)) {
      return Refusal::kLength;
    }
    return entry.v4_length + 128 - entry.v6_length < 32 ? Refusal::kSuffix : Refusal::kNone;
  }

  void change() {
    const EamTable::Built built = EamTable::build(table_.get(), remove_, add_);
    std::vector<EamEntry> rows = model_.rows;
    const Refusal expected = judge(rows, built);
    require(built.refusal == expected, "refused if and only if the model refuses");
    require((built.table != nullptr) == (expected == Refusal::kNone), "a table or a refusal");
    if (expected == Refusal::kNone) {
      table_ = built.table;
      model_.rows = std::move(rows);
    }
    remove_.clear();
    add_.clear();
    checkEntries();
  }

  /// Applies the change to `rows`, or says why not and holds what was `built` against it.
  Refusal judge(std::vector<EamEntry>& rows, const EamTable::Built& built) const {
    for (size_t i = 0; i < remove_.size(); ++i) {
      const auto at = std::find_if(rows.begin(), rows.end(), [&](const EamEntry& row) {
        return row.v4 == remove_[i].v4 && row.v4_length == remove_[i].v4_length;
      });
      if (at == rows.end()) {
        require(built.in_remove && built.index == i, "the first removal that finds nothing");
        return Refusal::kMissing;
      }
      rows.erase(at);
    }
    require(!built.in_remove, "nothing is wrong with the removals");
    for (size_t i = 0; i < add_.size(); ++i) {
      if (const Refusal refusal = inItself(add_[i]); refusal != Refusal::kNone) {
        require(built.index == i, "the first entry that is wrong in itself");
        return refusal;
      }
    }
    const size_t kept = rows.size();
    rows.insert(rows.end(), add_.begin(), add_.end());
    using Same = bool (*)(const EamEntry&, const EamEntry&);
    for (const auto& [refusal, taken] : {std::pair<Refusal, Same>(Refusal::kV4Taken, sameV4),
                                         std::pair<Refusal, Same>(Refusal::kV6Taken, sameV6)}) {
      bool any = false;
      bool told = false;
      for (size_t later = kept; later < rows.size(); ++later) {
        for (size_t earlier = 0; earlier < later; ++earlier) {
          if (!taken(rows[earlier], rows[later])) continue;
          any = true;
          told = told ||
                 (later - kept == built.index && built.other && same(rows[earlier], *built.other));
        }
      }
      if (!any) continue;
      require(told, "the entry in the way is there, and before the one it is in the way of");
      return refusal;
    }
    return Refusal::kNone;
  }

  void checkEntries() const {
    if (table_ == nullptr) return;
    std::vector<EamEntry> rows = model_.rows;
    std::sort(rows.begin(), rows.end(), [](const EamEntry& a, const EamEntry& b) {
      return a.v4 == b.v4 ? a.v4_length < b.v4_length : a.v4.host() < b.v4.host();
    });
    const auto entries = table_->entries();
    require(std::equal(entries.begin(), entries.end(), rows.begin(), rows.end(), same),
            "the entries, in order");
  }

  template <typename Address>
  void lookUp(const Address& address) const {
    if (table_ == nullptr) return;
    const EamEntry* expected = model_.find(address);
    const EamEntry* found = table_->entryOf(address);
    require((expected != nullptr) == (found != nullptr), "found if the model finds it");
    require(found == nullptr || same(*found, *expected), "the longest prefix");
    translate(address);
  }
  void translate(Ipv4Address address) const {
    require(table_->toV6(address) == model_.toV6(address), "IPv4 to IPv6");
    require(table_->contains(address) == (model_.find(address) != nullptr), "contains");
  }
  void translate(const Ipv6Address& address) const {
    require(table_->toV4(address) == model_.toV4(address), "IPv6 to IPv4");
  }

  Input& in_;
  EamModel model_;
  std::shared_ptr<const EamTable> table_;
  std::vector<EamKey> remove_;
  std::vector<EamEntry> add_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Input input(data, size);
  Harness(input).run();
  return 0;
}
