// From the objects of src/native/addon.ts to the core's types and back. Values were checked in
// TypeScript; what is still wrong here is a programming error and throws a TypeError.
#pragma once

#include <napi.h>

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "dataplane/config.h"
#include "dataplane/query.h"
#include "dataplane/worker.h"

namespace platypus::addon {

Mode modeFrom(const Napi::Object& config);
std::shared_ptr<const Config> configFrom(const Napi::Object& config);
/// `config` gives the filtering, which is fixed at start.
Nat64Limits limitsFrom(const Napi::Object& limits, const Napi::Object& config);
/// The cursor's worker is left out; `cursor` is the position inside it.
TableQuery queryFrom(const Napi::Object& query);

/// A BIB entry to add, or with only protocol, v4 and port4 to remove.
struct BibArgument {
  Proto proto = Proto::kNone;
  Ipv6Address host;
  Be16 host_port;
  Ipv4Address pool;
  Be16 pool_port;
};
BibArgument bibFrom(const Napi::Object& entry, bool withHost);

TraceFilter traceFilterFrom(const Napi::Object& filter);

std::string textOf(Ipv4Address address);
std::string textOf(const Ipv6Address& address);
Napi::Object pageTo(Napi::Env env, const SessionPage& page, double next);
Napi::Object pageTo(Napi::Env env, const BibPage& page, double next);
Napi::Array pool4To(Napi::Env env, const std::vector<Pool4::Usage>& usage);
Napi::Object sizesTo(Napi::Env env, const TableSizes& sizes);
Napi::Object tracesTo(Napi::Env env, std::span<const std::unique_ptr<TracePage>> pages);
Napi::Object eventsTo(Napi::Env env, std::span<const DropEvents> parts);
Napi::Value addResultTo(Napi::Env env, Tables::AddResult result);

}  // namespace platypus::addon
