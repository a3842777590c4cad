#include "addon/netlink.h"

#include <arpa/inet.h>
#include <linux/rtnetlink.h>

#include <optional>
#include <string>
#include <vector>

#include "addon/error.h"

namespace platypus::addon {
namespace {

using netlink::IpAddress;
using netlink::Status;

void check(Napi::Env env, const Status& status) {
  if (!status) throw systemError(env, status.error, "netlink", status.message);
}

Napi::Object argument(const Napi::CallbackInfo& info) {
  if (info.Length() != 1 || !info[0].IsObject()) {
    throw Napi::TypeError::New(info.Env(), "netlink: one object expected");
  }
  return info[0].As<Napi::Object>();
}

std::string text(const Napi::Object& object, const char* key) {
  const Napi::Value value = object.Get(key);
  if (!value.IsString()) {
    throw Napi::TypeError::New(object.Env(), std::string("netlink: no string in ") + key);
  }
  return value.As<Napi::String>().Utf8Value();
}

// Nothing where the field is absent or undefined.
std::optional<uint32_t> number(const Napi::Object& object, const char* key) {
  const Napi::Value value = object.Get(key);
  if (value.IsUndefined()) return std::nullopt;
  const double given = value.IsNumber() ? value.As<Napi::Number>().DoubleValue() : -1;
  if (!(given >= 0 && given <= UINT32_MAX)) {
    throw Napi::TypeError::New(object.Env(), std::string("netlink: no unsigned number in ") + key);
  }
  return static_cast<uint32_t>(given);
}

IpAddress address(const Napi::Object& object, const char* key) {
  const std::string given = text(object, key);
  IpAddress result;
  const uint8_t family = given.find(':') == std::string::npos ? AF_INET : AF_INET6;
  if (inet_pton(family, given.c_str(), result.bytes.data()) != 1) {
    throw Napi::TypeError::New(object.Env(), std::string("netlink: no address in ") + key);
  }
  result.family = family;
  return result;
}

uint8_t prefixLength(const Napi::Object& object) {
  const uint32_t length = number(object, "length").value_or(UINT32_MAX);
  if (length > 128) throw Napi::TypeError::New(object.Env(), "netlink: no prefix length in length");
  return static_cast<uint8_t>(length);
}

std::optional<uint8_t> protocol(const Napi::Object& object) {
  const auto given = number(object, "protocol");
  if (given && *given > UINT8_MAX) {
    throw Napi::TypeError::New(object.Env(), "netlink: no protocol number in protocol");
  }
  return given ? std::optional(static_cast<uint8_t>(*given)) : std::nullopt;
}

Napi::Value toText(Napi::Env env, const IpAddress& from) {
  char buffer[INET6_ADDRSTRLEN];
  if (from.size() == 0 || !inet_ntop(from.family, from.bytes.data(), buffer, sizeof buffer)) {
    return env.Null();
  }
  return Napi::String::New(env, buffer);
}

struct AddressArguments {
  explicit AddressArguments(const Napi::Object& object)
      : link(text(object, "name")),
        address(addon::address(object, "address")),
        length(prefixLength(object)) {}
  std::string link;
  IpAddress address;
  uint8_t length;
};

struct RouteArguments {
  explicit RouteArguments(const Napi::Object& object) {
    const auto given = [&object](const char* key) { return !object.Get(key).IsUndefined(); };
    if (given("name")) link = text(object, "name");
    route.link = link.c_str();
    route.destination = address(object, "destination");
    route.length = prefixLength(object);
    route.metric = number(object, "metric");
    route.mtu = number(object, "mtuBytes");
    if (given("gateway")) route.gateway = address(object, "gateway");
    route.onlink = object.Get("onlink").ToBoolean();
    route.table = number(object, "table").value_or(route.table);
    route.protocol = protocol(object).value_or(route.protocol);
    if (given("kind") && text(object, "kind") == "blackhole") {
      route.kind = netlink::RouteKind::kBlackhole;
    }
    route.replace = object.Get("replace").ToBoolean();
  }
  RouteArguments(const RouteArguments&) = delete;
  std::string link;
  netlink::RouteSpec route;
};

const char* kindName(uint8_t type) {
  return type == RTN_UNICAST ? "unicast" : type == RTN_BLACKHOLE ? "blackhole" : "other";
}

// Rows to a JavaScript array; `fill` sets the fields of one object.
template <typename Row, typename Fill>
Napi::Array toArray(Napi::Env env, const std::vector<Row>& rows, Fill&& fill) {
  Napi::Array array = Napi::Array::New(env, rows.size());
  for (uint32_t i = 0; i < rows.size(); ++i) {
    // A scope for each row: a full routing table has a million.
    const Napi::HandleScope scope(env);
    Napi::Object object = Napi::Object::New(env);
    fill(object, rows[i]);
    array[i] = object;
  }
  return array;
}

}  // namespace

Napi::Function NetlinkObject::define(Napi::Env env) {
  return DefineClass(env, "Netlink",
                     {InstanceMethod<&NetlinkObject::links>("links"),
                      InstanceMethod<&NetlinkObject::addresses>("addresses"),
                      InstanceMethod<&NetlinkObject::routes>("routes"),
                      InstanceMethod<&NetlinkObject::setLink>("setLink"),
                      InstanceMethod<&NetlinkObject::addAddress>("addAddress"),
                      InstanceMethod<&NetlinkObject::removeAddress>("removeAddress"),
                      InstanceMethod<&NetlinkObject::addRoute>("addRoute"),
                      InstanceMethod<&NetlinkObject::removeRoute>("removeRoute"),
                      InstanceMethod<&NetlinkObject::close>("close")});
}

NetlinkObject::NetlinkObject(const Napi::CallbackInfo& info)
    : Napi::ObjectWrap<NetlinkObject>(info) {
  check(info.Env(), netlink_.open());
}

Napi::Value NetlinkObject::links(const Napi::CallbackInfo& info) {
  std::vector<netlink::Link> rows;
  check(info.Env(), netlink_.links(rows));
  return toArray(info.Env(), rows, [](Napi::Object& object, const netlink::Link& row) {
    object.Set("index", row.index);
    object.Set("name", row.name);
    object.Set("mtu", row.mtu);
    object.Set("up", row.up);
  });
}

Napi::Value NetlinkObject::addresses(const Napi::CallbackInfo& info) {
  std::vector<netlink::InterfaceAddress> rows;
  check(info.Env(), netlink_.addresses(rows));
  return toArray(info.Env(), rows, [](Napi::Object& object, const netlink::InterfaceAddress& row) {
    object.Set("index", row.index);
    object.Set("address", toText(object.Env(), row.address));
    object.Set("length", uint32_t{row.length});
    object.Set("scope", uint32_t{row.scope});
    object.Set("tentative", row.tentative);
  });
}

Napi::Value NetlinkObject::routes(const Napi::CallbackInfo& info) {
  std::vector<netlink::Route> rows;
  netlink::RouteFilter filter{.table = netlink::RouteSpec::kMainTable};
  if (info.Length() > 0 && !info[0].IsUndefined()) {
    const Napi::Object given = argument(info);
    filter = {.table = number(given, "table"), .protocol = protocol(given)};
  }
  check(info.Env(), netlink_.routes(filter, rows));
  return toArray(info.Env(), rows, [](Napi::Object& object, const netlink::Route& row) {
    object.Set("destination", toText(object.Env(), row.destination));
    object.Set("length", uint32_t{row.length});
    object.Set("index", row.index);
    object.Set("gateway", toText(object.Env(), row.gateway));
    object.Set("table", row.table);
    object.Set("protocol", uint32_t{row.protocol});
    object.Set("metric", row.metric);
    object.Set("kind", kindName(row.type));
  });
}

void NetlinkObject::setLink(const Napi::CallbackInfo& info) {
  const Napi::Object given = argument(info);
  netlink::LinkChange change;
  if (const Napi::Value up = given.Get("up"); !up.IsUndefined()) change.up = up.ToBoolean();
  change.mtu = number(given, "mtuBytes");
  change.tx_queue_length = number(given, "txQueueLength");
  check(info.Env(), netlink_.setLink(text(given, "name").c_str(), change));
}

void NetlinkObject::addAddress(const Napi::CallbackInfo& info) {
  const AddressArguments given(argument(info));
  check(info.Env(), netlink_.addAddress(given.link.c_str(), given.address, given.length));
}

void NetlinkObject::removeAddress(const Napi::CallbackInfo& info) {
  const AddressArguments given(argument(info));
  check(info.Env(), netlink_.removeAddress(given.link.c_str(), given.address, given.length));
}

void NetlinkObject::addRoute(const Napi::CallbackInfo& info) {
  const RouteArguments given(argument(info));
  check(info.Env(), netlink_.addRoute(given.route));
}

void NetlinkObject::removeRoute(const Napi::CallbackInfo& info) {
  const RouteArguments given(argument(info));
  check(info.Env(), netlink_.removeRoute(given.route));
}

void NetlinkObject::close(const Napi::CallbackInfo&) {
  netlink_.close();
}

}  // namespace platypus::addon
