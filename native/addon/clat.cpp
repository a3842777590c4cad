#include "addon/clat.h"

#include <arpa/inet.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "addon/arguments.h"
#include "addon/error.h"

namespace platypus::addon {
namespace {

using clat::Mode;
using clat::Source;
using clat::State;

constexpr const char* kStates[] = {"off",        "no-uplink", "uplink-down", "native-ipv4",
                                   "other-clat", "searching", "no-prefix",   "unsteady",
                                   "no-network", "duplicate", "no-ipv4",     "running"};
constexpr const char* kSources[] = {"none", "router", "dns", "static", "fallback"};

Napi::Value textOf(Napi::Env env, const Ipv6Address& address) {
  char buffer[INET6_ADDRSTRLEN];
  if (address.isUnspecified()) return env.Null();
  return Napi::String::New(env, inet_ntop(AF_INET6, address.bytes.data(), buffer, sizeof buffer));
}

Napi::Value textOf(Napi::Env env, Ipv4Address address) {
  char buffer[INET_ADDRSTRLEN];
  return Napi::String::New(env, inet_ntop(AF_INET, &address, buffer, sizeof buffer));
}

Napi::Object prefixObject(Napi::Env env, const Pref64& prefix) {
  Napi::Object object = Napi::Object::New(env);
  object.Set("address", textOf(env, prefix.address()));
  object.Set("length", uint32_t{prefix.length()});
  return object;
}

Napi::Array prefixArray(Napi::Env env, const clat::PrefixList& list) {
  Napi::Array array = Napi::Array::New(env, list.count);
  for (uint32_t i = 0; i < list.count; ++i) array[i] = prefixObject(env, list.prefixes[i]);
  return array;
}

Ipv6Address address6(Napi::Env env, const std::string& text) {
  Ipv6Address address;
  if (inet_pton(AF_INET6, text.c_str(), address.bytes.data()) != 1) {
    throw Napi::TypeError::New(env, "clat: no IPv6 address");
  }
  return address;
}

Napi::Array arrayField(const Napi::Object& from, const char* key) {
  const Napi::Value value = from.Get(key);
  if (!value.IsArray()) throw Napi::TypeError::New(from.Env(), std::string("no list in ") + key);
  return value.As<Napi::Array>();
}

clat::PrefixList prefixField(const Napi::Object& from, const char* key) {
  const Napi::Array array = arrayField(from, key);
  clat::PrefixList list;
  for (uint32_t i = 0; i < array.Length(); ++i) {
    const Napi::Value entry = array[i];
    if (!entry.IsObject()) throw Napi::TypeError::New(from.Env(), "clat: no prefix");
    const auto object = entry.As<Napi::Object>();
    const Ipv6Address address = address6(from.Env(), stringField(object, "address"));
    const auto length = static_cast<uint8_t>(numberField(object, "length", 32, 96));
    if (!clat::isUsablePrefix(address, length)) {
      throw Napi::TypeError::New(from.Env(), "clat: no RFC 6052 prefix");
    }
    list.add(Pref64(address, length));
  }
  return list;
}

std::vector<std::string> stringsField(const Napi::Object& from, const char* key, size_t most) {
  const Napi::Array array = arrayField(from, key);
  std::vector<std::string> list;
  for (uint32_t i = 0; i < array.Length() && i < most; ++i) {
    const Napi::Value entry = array[i];
    list.push_back(entry.ToString().Utf8Value());
  }
  return list;
}

clat::Settings settingsOf(const Napi::Object& given) {
  clat::Settings settings;
  settings.uplink = clat::DeviceName(stringField(given, "uplink"));
  for (const std::string& name : stringsField(given, "own", settings.own.size())) {
    settings.own[settings.own_count++] = clat::DeviceName(name);
  }
  const std::string mode = stringField(given, "mode");
  settings.mode = mode == "off" ? Mode::kOff : mode == "force" ? Mode::kForce : Mode::kAuto;
  settings.order = static_cast<uint8_t>(numberField(given, "order", 0, clat::kMostUplinks - 1));
  clat::DiscoverySettings& discovery = settings.discovery;
  discovery.router = given.Get("router").ToBoolean();
  discovery.dns = given.Get("dns").ToBoolean();
  discovery.statics = prefixField(given, "statics");
  discovery.fallbacks = prefixField(given, "fallbacks");
  for (const std::string& resolver : stringsField(given, "resolvers", clat::kMostResolvers)) {
    discovery.resolvers.addresses[discovery.resolvers.count++] = address6(given.Env(), resolver);
  }
  const Napi::Value key = given.Get("key");
  if (!key.IsTypedArray() || key.As<Napi::TypedArray>().ByteLength() != settings.key.size()) {
    throw Napi::TypeError::New(given.Env(), "clat: a key of 16 bytes expected");
  }
  const auto bytes = key.As<Napi::Uint8Array>();
  std::copy_n(bytes.Data(), settings.key.size(), settings.key.begin());
  const std::string from = stringField(given, "addressFrom");
  if (from == "shared") {
    settings.address_from = clat::AddressFrom::kShared;
  } else if (from != "uplink") {
    settings.address_from =
        from == "delegated" ? clat::AddressFrom::kDelegated : clat::AddressFrom::kExplicit;
    settings.address = address6(given.Env(), stringField(given, "address"));
  }
  if (const auto ipv4 = optionalAddressField(given, "ipv4")) {
    Ipv4Address address;
    std::memcpy(&address, ipv4->bytes.data(), 4);
    settings.ipv4 = address;
  }
  const auto number = [&](const char* name, double least, double most) {
    const auto value = optionalNumberField(given, name, least, most);
    return value ? std::optional(static_cast<uint32_t>(*value)) : std::nullopt;
  };
  settings.metric = number("metric", 1, UINT32_MAX);
  settings.mtu = number("mtuBytes", 1280, 65535);
  return settings;
}

}  // namespace

Napi::Function ClatObject::define(Napi::Env env) {
  return DefineClass(
      env, "Clat",
      {InstanceMethod<&ClatObject::plan>("plan"), InstanceMethod<&ClatObject::counters>("counters"),
       InstanceMethod<&ClatObject::attach>("attach"), InstanceMethod<&ClatObject::detach>("detach"),
       InstanceMethod<&ClatObject::watchTables>("watchTables"),
       InstanceMethod<&ClatObject::close>("close")});
}

ClatObject::ClatObject(const Napi::CallbackInfo& info) : Napi::ObjectWrap<ClatObject>(info) {
  const Napi::Env env = info.Env();
  const Napi::Object given = objectArgument(info);
  if (info.Length() != 2 || !info[1].IsFunction()) {
    throw Napi::TypeError::New(env, "clat: options and a function expected");
  }
  const std::string resolv_conf = optionalStringField(given, "resolvConf").value_or("");
  clat::Client::Opened opened = clat::Client::open(settingsOf(given), resolv_conf.c_str());
  if (!opened.client) throw systemError(env, opened.error, opened.syscall);
  client_ = std::move(opened.client);
  on_change_ = Napi::Persistent(info[1].As<Napi::Function>());
  context_.emplace(env, "PlatypusClat");
  // While the event loop watches, nobody may collect the object.
  watch_ = DescriptorWatch::start(
      env, client_->fd(), UV_READABLE, [this] { serve(); }, [this] { stop(); });
  Ref();
}

void ClatObject::serve() {
  if (!client_->serve()) return;
  const Napi::Env env = Env();
  const Napi::HandleScope handles(env);
  const Napi::CallbackScope callback(env, *context_);
  callUncaught(env, Value(), on_change_.Value(), {});
}

void ClatObject::stop() {
  DescriptorWatch* watch = std::exchange(watch_, nullptr);
  if (watch == nullptr) return;
  watch->stop();
  client_->detach();
  // The function is likely to know this object, which so would never be collected.
  on_change_.Reset();
  Unref();
}

Napi::Value ClatObject::plan(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const clat::Instance& instance = client_->instance();
  const clat::Plan& plan = instance.plan();
  const bool running = plan.state == State::kRunning;
  Napi::Object object = Napi::Object::New(env);
  object.Set("state", kStates[static_cast<size_t>(plan.state)]);
  object.Set("source", kSources[static_cast<size_t>(plan.prefixes.source)]);
  object.Set("prefixes", prefixArray(env, plan.prefixes.list));
  object.Set("router", textOf(env, plan.prefixes.router));
  Napi::Value expires = env.Null();
  // Of the machine, which knows of every advertisement; the plan only of what changed it.
  if (const auto at = instance.discovery().current().expires_ms) {
    const uint64_t now_ms = clat::Client::nowMs();
    const uint64_t left_ms = *at > now_ms ? *at - now_ms : 0;
    expires = Napi::Number::New(env, static_cast<double>((left_ms + 999) / 1000));
  }
  object.Set("expiresInSeconds", expires);
  object.Set("address", running ? textOf(env, plan.address) : env.Null());
  object.Set("sharedAddress", running ? textOf(env, plan.shared) : env.Null());
  object.Set("neighbour", running && plan.neighbour);
  object.Set("ipv4", running ? textOf(env, plan.ipv4) : env.Null());
  object.Set("mtu6", plan.mtu6);
  object.Set("mtu4", plan.mtu4);
  object.Set("metric", plan.metric);
  object.Set("gateway", textOf(env, plan.gateway));
  Napi::Value other = env.Null();
  if (const auto& name = instance.uplink().other_clat; !name.empty()) {
    other = Napi::String::New(env, name.c_str());
  }
  object.Set("otherClat", other);
  object.Set("tablesRemoved", client_->tablesRemoved());
  return object;
}

Napi::Value ClatObject::counters(const Napi::CallbackInfo& info) {
  const clat::Instance& instance = client_->instance();
  const clat::DiscoveryCounters& from = instance.discovery().counters();
  Napi::Object counters = Napi::Object::New(info.Env());
  const auto set = [&counters](const char* key, uint64_t value) {
    counters.Set(key, static_cast<double>(value));
  };
  set("advertisements", from.advertisements);
  set("advertisements_refused", instance.advertisementsRefused());
  set("prefixes_refused", from.prefixes_refused);
  set("routers_differ", from.routers_differ);
  set("questions", from.questions);
  set("answers", from.answers);
  set("answers_refused", from.answers_refused);
  set("damped", from.damped);
  set("duplicates", instance.duplicates());
  return counters;
}

void ClatObject::attach(const Napi::CallbackInfo& info) {
  const Napi::Object given = objectArgument(info);
  const clat::DeviceName device(stringField(given, "device"));
  const auto table = static_cast<uint32_t>(numberField(given, "table", 0, UINT32_MAX));
  if (watch_ == nullptr) throw Napi::Error::New(info.Env(), "clat: closed");
  const clat::Failure failure = client_->attach(device, table);
  if (failure.error != 0) throw systemError(info.Env(), failure.error, failure.doing);
}

void ClatObject::detach(const Napi::CallbackInfo&) {
  client_->detach();
}

void ClatObject::watchTables(const Napi::CallbackInfo& info) {
  const netlink::Status status = client_->watchTables();
  if (!status) throw systemError(info.Env(), status.error, "watch nftables");
}

void ClatObject::close(const Napi::CallbackInfo&) {
  stop();
}

Napi::Value readPref64(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  if (info.Length() != 1 || !info[0].IsTypedArray()) {
    throw Napi::TypeError::New(env, "clat: a Uint8Array expected");
  }
  const auto bytes = info[0].As<Napi::Uint8Array>();
  const auto option = clat::parsePref64(std::as_bytes(std::span(bytes.Data(), bytes.ByteLength())));
  if (!option) return env.Null();
  Napi::Object object = Napi::Object::New(env);
  object.Set("prefix", prefixObject(env, option->prefix));
  object.Set("lifetimeSeconds", option->lifetime_seconds);
  return object;
}

Napi::Value findPref64(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  if (info.Length() != 1 || !info[0].IsArray()) {
    throw Napi::TypeError::New(env, "clat: a list of addresses expected");
  }
  const auto given = info[0].As<Napi::Array>();
  std::vector<Ipv6Address> records;
  for (uint32_t i = 0; i < given.Length() && i < clat::kMostRecords; ++i) {
    const Napi::Value entry = given[i];
    records.push_back(address6(env, entry.ToString().Utf8Value()));
  }
  return prefixArray(env, clat::findPrefixes(records));
}

}  // namespace platypus::addon
