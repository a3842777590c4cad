#include "addon/eam_table.h"

#include <arpa/inet.h>

#include <algorithm>
#include <string>
#include <vector>

#include "addon/convert.h"

namespace platypus::addon {
namespace {

using Shared = std::shared_ptr<const EamTable>;

// Records of `add` and `remove` (EAM_ADD_BYTES, EAM_REMOVE_BYTES).
constexpr size_t kAddBytes = 22;
constexpr size_t kRemoveBytes = 5;
/// Entries looked at for one page: a listing with a filter holds Node's thread no longer.
constexpr size_t kLooks = 65'536;

/// The constructor, kept with the environment: each worker thread of Node has its own.
struct Instance {
  Napi::FunctionReference constructor;
};

Instance& instance(Napi::Env env) {
  return *env.GetInstanceData<Instance>();
}

std::vector<EamEntry> addedFrom(const Napi::Uint8Array& bytes) {
  std::vector<EamEntry> entries(bytes.ElementLength() / kAddBytes);
  const uint8_t* at = bytes.Data();
  for (EamEntry& entry : entries) {
    std::memcpy(&entry.v4, at, 4);
    entry.v4_length = at[4];
    std::memcpy(entry.v6.bytes.data(), at + 5, 16);
    entry.v6_length = at[21];
    at += kAddBytes;
  }
  return entries;
}

std::vector<EamKey> removedFrom(const Napi::Uint8Array& bytes) {
  std::vector<EamKey> keys(bytes.ElementLength() / kRemoveBytes);
  const uint8_t* at = bytes.Data();
  for (EamKey& key : keys) {
    std::memcpy(&key.v4, at, 4);
    key.v4_length = at[4];
    at += kRemoveBytes;
  }
  return keys;
}

Napi::Uint8Array recordsFrom(const Napi::Object& change, const char* key, size_t size) {
  const Napi::Value value = change.Get(key);
  if (!value.IsTypedArray() || value.As<Napi::TypedArray>().TypedArrayType() != napi_uint8_array ||
      value.As<Napi::Uint8Array>().ElementLength() % size != 0) {
    throw Napi::TypeError::New(change.Env(),
                               std::string("native core: ") + key + " must be whole records");
  }
  return value.As<Napi::Uint8Array>();
}

std::string toText(Ipv4Address address, uint8_t length) {
  return textOf(address) + "/" + std::to_string(length);
}
std::string toText(const Ipv6Address& address, uint8_t length) {
  return textOf(address) + "/" + std::to_string(length);
}

Napi::Object rowTo(Napi::Env env, const EamEntry& entry) {
  Napi::Object row = Napi::Object::New(env);
  row.Set("v4", toText(entry.v4, entry.v4_length));
  row.Set("v6", toText(entry.v6, entry.v6_length));
  return row;
}

const char* nameOf(EamTable::Refusal refusal) {
  switch (refusal) {
    case EamTable::Refusal::kLength:
      return "length";
    case EamTable::Refusal::kSuffix:
      return "suffix";
    case EamTable::Refusal::kV4Taken:
      return "v4-taken";
    case EamTable::Refusal::kV6Taken:
      return "v6-taken";
    case EamTable::Refusal::kMissing:
      return "missing";
    default:
      return "no-room";
  }
}

/// Builds on a thread of libuv's pool; what it reads was copied before.
class Build final : public Napi::AsyncWorker {
 public:
  Build(Napi::Env env, Shared base, std::vector<EamKey> remove, std::vector<EamEntry> add)
      : Napi::AsyncWorker(env),
        deferred_(Napi::Promise::Deferred::New(env)),
        base_(std::move(base)),
        remove_(std::move(remove)),
        add_(std::move(add)) {}

  Napi::Promise promise() const { return deferred_.Promise(); }

  void Execute() override { built_ = EamTable::build(base_.get(), remove_, add_); }

  void OnOK() override {
    const Napi::Env env = Env();
    Napi::Object result = Napi::Object::New(env);
    if (built_.table != nullptr) {
      const auto external = Napi::External<Shared>::New(env, &built_.table);
      result.Set("table", instance(env).constructor.New({external}));
    } else {
      result.Set("refused", nameOf(built_.refusal));
      result.Set("list", built_.in_remove ? "remove" : "add");
      result.Set("index", static_cast<double>(built_.index));
      result.Set("other", built_.other ? rowTo(env, *built_.other).As<Napi::Value>() : env.Null());
    }
    deferred_.Resolve(result);
  }
  void OnError(const Napi::Error& error) override { deferred_.Reject(error.Value()); }

 private:
  Napi::Promise::Deferred deferred_;
  Shared base_;
  std::vector<EamKey> remove_;
  std::vector<EamEntry> add_;
  EamTable::Built built_;
};

template <typename Prefix>
bool overlap(const Prefix& a, const Prefix& b) {
  return a.length <= b.length ? a.contains(b.address) : b.contains(a.address);
}

}  // namespace

Napi::Function EamTableObject::define(Napi::Env env) {
  Napi::Function constructor =
      DefineClass(env, "EamTable",
                  {
                      InstanceAccessor<&EamTableObject::size>("size"),
                      InstanceAccessor<&EamTableObject::memoryBytes>("memoryBytes"),
                      InstanceMethod<&EamTableObject::list>("list"),
                      InstanceMethod<&EamTableObject::lookup>("lookup"),
                      InstanceMethod<&EamTableObject::networks4>("networks4"),
                  });
  auto* data = new Instance{Napi::Persistent(constructor)};
  env.SetInstanceData<Instance>(data);
  return constructor;
}

EamTableObject::EamTableObject(const Napi::CallbackInfo& info)
    : Napi::ObjectWrap<EamTableObject>(info) {
  if (info.Length() != 1 || !info[0].IsExternal()) {
    throw Napi::TypeError::New(info.Env(), "EamTable: made by buildEamTable only");
  }
  table_ = *info[0].As<Napi::External<Shared>>().Data();
  Napi::MemoryManagement::AdjustExternalMemory(info.Env(), static_cast<int64_t>(table_->bytes()));
}

EamTableObject::~EamTableObject() {
  Napi::MemoryManagement::AdjustExternalMemory(Env(), -static_cast<int64_t>(table_->bytes()));
}

std::shared_ptr<const EamTable> EamTableObject::from(const Napi::Value& value) {
  if (value.IsNull()) return nullptr;
  if (!value.IsObject() ||
      !value.As<Napi::Object>().InstanceOf(instance(value.Env()).constructor.Value())) {
    throw Napi::TypeError::New(value.Env(), "native core: eamt must be an EamTable or null");
  }
  return Unwrap(value.As<Napi::Object>())->table_;
}

Napi::Value EamTableObject::size(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), static_cast<double>(table_->entries().size()));
}

Napi::Value EamTableObject::memoryBytes(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), static_cast<double>(table_->bytes()));
}

Napi::Value EamTableObject::list(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const TableQuery query = queryFrom(info[0].As<Napi::Object>());
  const auto entries = table_->entries();
  Napi::Array rows = Napi::Array::New(env);
  size_t at = std::min<size_t>(query.cursor, entries.size());
  const size_t stop = std::min(at + kLooks, entries.size());
  for (; at < stop && rows.Length() < query.limit; ++at) {
    const EamEntry& entry = entries[at];
    if (query.v4 && !overlap(Ipv4Prefix{entry.v4, entry.v4_length}, *query.v4)) continue;
    if (query.v6 && !overlap(Ipv6Prefix{entry.v6, entry.v6_length}, *query.v6)) continue;
    Napi::HandleScope scope(env);
    rows[rows.Length()] = rowTo(env, entry);
  }
  Napi::Object page = Napi::Object::New(env);
  page.Set("rows", rows);
  page.Set("next",
           at == entries.size() ? env.Null() : Napi::Number::New(env, static_cast<double>(at)));
  return page;
}

Napi::Value EamTableObject::lookup(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const std::string text = info[0].As<Napi::String>().Utf8Value();
  const EamEntry* entry = nullptr;
  std::string counterpart;
  Ipv4Address v4;
  Ipv6Address v6;
  if (inet_pton(AF_INET, text.c_str(), &v4) == 1) {
    entry = table_->entryOf(v4);
    if (entry != nullptr) counterpart = textOf(*table_->toV6(v4));
  } else if (inet_pton(AF_INET6, text.c_str(), v6.bytes.data()) == 1) {
    entry = table_->entryOf(v6);
    if (entry != nullptr) counterpart = textOf(*table_->toV4(v6));
  } else {
    throw Napi::TypeError::New(env, "native core: lookup wants an address");
  }
  if (entry == nullptr) return env.Null();
  Napi::Object result = Napi::Object::New(env);
  result.Set("entry", rowTo(env, *entry));
  result.Set("counterpart", counterpart);
  return result;
}

Napi::Value EamTableObject::networks4(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const uint32_t limit = info[0].As<Napi::Number>().Uint32Value();
  Napi::Array networks = Napi::Array::New(env);
  const auto entries = table_->entries();
  size_t at = 0;
  while (at < entries.size()) {
    // Entries that touch or overlap, as one range; sorted they follow each other.
    uint64_t next = entries[at].v4.host();
    uint64_t end = next;
    for (; at < entries.size() && entries[at].v4.host() <= end; ++at) {
      const uint64_t size = uint64_t{1} << (32 - entries[at].v4_length);
      end = std::max(end, entries[at].v4.host() + size);
    }
    // A range as its largest aligned blocks.
    while (next < end) {
      unsigned bits = next == 0 ? 32 : static_cast<unsigned>(__builtin_ctzll(next));
      bits = std::min(bits, 32u);
      while ((uint64_t{1} << bits) > end - next) --bits;
      if (networks.Length() == limit) return env.Null();
      Napi::HandleScope scope(env);
      Napi::Object network = Napi::Object::New(env);
      network.Set("address", textOf(Ipv4Address::fromHost(static_cast<uint32_t>(next))));
      network.Set("length", 32 - bits);
      networks[networks.Length()] = network;
      next += uint64_t{1} << bits;
    }
  }
  return networks;
}

Napi::Value buildEamTable(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  if (info.Length() < 2 || !info[1].IsObject()) {
    throw Napi::TypeError::New(env, "native core: a table or null, and a change expected");
  }
  const auto change = info[1].As<Napi::Object>();
  auto* build = new Build(env, EamTableObject::from(info[0]),
                          removedFrom(recordsFrom(change, "remove", kRemoveBytes)),
                          addedFrom(recordsFrom(change, "add", kAddBytes)));
  const Napi::Promise promise = build->promise();
  build->Queue();
  return promise;
}

}  // namespace platypus::addon
