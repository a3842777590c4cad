// Listings: what is asked and what comes back. A page is one bounded look by the worker.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "nat64/bib.h"
#include "nat64/pool4.h"
#include "nat64/session.h"
#include "packet/address.h"

namespace platypus {

/// All that is given must match.
struct TableQuery {
  Proto proto = Proto::kNone;
  std::optional<Ipv6Prefix> v6;
  std::optional<uint16_t> port6;
  std::optional<Ipv4Prefix> v4;
  std::optional<uint16_t> port4;
  std::optional<Ipv4Prefix> remote4;
  uint32_t cursor = 0;
  uint32_t limit = 1000;
};

/// Records looked at for one page; bounds the time a worker spends between two bursts.
inline constexpr uint32_t kPageLooks = 8192;

template <typename Row>
struct Page {
  std::vector<Row> rows;  // reserved by who asks, so that the worker does not allocate
  uint32_t next = 0;      // 0 at the end
};

struct SessionRow {
  Session session;
  Ipv6Address remote6;
  uint32_t remaining_ticks;
};
using SessionPage = Page<SessionRow>;
using BibPage = Page<Bib>;

struct TableSizes {
  uint64_t sessions = 0;
  uint64_t bib = 0;
  uint64_t static_bib = 0;
  uint64_t hosts = 0;
  uint64_t reassembly = 0;
  uint64_t stored_syns = 0;
  uint64_t path_mtus = 0;
  uint64_t memory_bytes = 0;
};

}  // namespace platypus
