#include "addon/convert.h"

#include <arpa/inet.h>

#include <limits>

namespace platypus::addon {
namespace {

[[noreturn]] void wrong(Napi::Env env, const std::string& key, const char* expected) {
  throw Napi::TypeError::New(env, "native core: " + key + " must be " + expected);
}

Napi::Object object(const Napi::Object& from, const char* key) {
  const Napi::Value value = from.Get(key);
  if (!value.IsObject()) wrong(from.Env(), key, "an object");
  return value.As<Napi::Object>();
}

double number(const Napi::Object& from, const char* key, double least, double most) {
  const Napi::Value value = from.Get(key);
  const double given = value.IsNumber() ? value.As<Napi::Number>().DoubleValue() : -1;
  if (!(given >= least && given <= most)) wrong(from.Env(), key, "a number in range");
  return given;
}

template <typename T>
T integer(const Napi::Object& from, const char* key) {
  return static_cast<T>(number(from, key, 0, static_cast<double>(std::numeric_limits<T>::max())));
}

bool flag(const Napi::Object& from, const char* key) {
  const Napi::Value value = from.Get(key);
  if (!value.IsBoolean()) wrong(from.Env(), key, "a boolean");
  return value.As<Napi::Boolean>().Value();
}

bool isGiven(const Napi::Object& from, const char* key) {
  const Napi::Value value = from.Get(key);
  return !value.IsUndefined() && !value.IsNull();
}

std::string text(const Napi::Object& from, const char* key) {
  const Napi::Value value = from.Get(key);
  if (!value.IsString()) wrong(from.Env(), key, "a string");
  return value.As<Napi::String>().Utf8Value();
}

Ipv4Address address4(const Napi::Object& from, const char* key) {
  Ipv4Address address;
  if (inet_pton(AF_INET, text(from, key).c_str(), &address) != 1) {
    wrong(from.Env(), key, "an IPv4 address");
  }
  return address;
}

Ipv6Address address6(const Napi::Object& from, const char* key) {
  Ipv6Address address;
  if (inet_pton(AF_INET6, text(from, key).c_str(), address.bytes.data()) != 1) {
    wrong(from.Env(), key, "an IPv6 address");
  }
  return address;
}

Proto proto(const Napi::Object& from, const char* key) {
  const std::string name = text(from, key);
  if (name == "tcp") return Proto::kTcp;
  if (name == "udp") return Proto::kUdp;
  if (name == "icmp") return Proto::kIcmp;
  wrong(from.Env(), key, "tcp, udp or icmp");
}

const char* nameOf(Proto proto) {
  switch (proto) {
    case Proto::kTcp:
      return "tcp";
    case Proto::kUdp:
      return "udp";
    default:
      return "icmp";
  }
}

const char* nameOf(TcpState state) {
  switch (state) {
    case TcpState::kClosed:
      return "CLOSED";
    case TcpState::kV4Init:
      return "V4_INIT";
    case TcpState::kV6Init:
      return "V6_INIT";
    case TcpState::kEstablished:
      return "ESTABLISHED";
    case TcpState::kV4FinRcv:
      return "V4_FIN_RCV";
    case TcpState::kV6FinRcv:
      return "V6_FIN_RCV";
    case TcpState::kV4FinV6FinRcv:
      return "V4_FIN_V6_FIN_RCV";
    case TcpState::kTrans:
      return "TRANS";
  }
  return "CLOSED";
}

std::string toText(const Ipv6Address& address) {
  char buffer[INET6_ADDRSTRLEN];
  inet_ntop(AF_INET6, address.bytes.data(), buffer, sizeof buffer);
  return buffer;
}

std::string toText(Ipv4Address address) {
  char buffer[INET_ADDRSTRLEN];
  inet_ntop(AF_INET, &address, buffer, sizeof buffer);
  return buffer;
}

Ipv4Prefix prefix4(const Napi::Object& from) {
  return {address4(from, "address"), static_cast<uint8_t>(number(from, "length", 0, 32))};
}

uint32_t ticks(const Napi::Object& from, const char* key) {
  constexpr double kTicksPerSecond = 10;
  return static_cast<uint32_t>(number(from, key, 0, 1e8) * kTicksPerSecond);
}

int16_t octetOrCopy(const Napi::Object& from, const char* key) {
  return isGiven(from, key) ? static_cast<int16_t>(number(from, key, 0, 255)) : int16_t{-1};
}

/// Every address of the prefixes, in the order given.
std::vector<Pool4Entry> pool4From(const Napi::Array& list) {
  std::vector<Pool4Entry> entries;
  for (uint32_t i = 0; i < list.Length(); ++i) {
    const auto item = list.Get(i).As<Napi::Object>();
    const Ipv4Prefix prefix = prefix4(item);
    const auto port_min = integer<uint16_t>(item, "portMin");
    const auto port_max = integer<uint16_t>(item, "portMax");
    const uint64_t count = uint64_t{1} << (32 - prefix.length);
    if (entries.size() + count > Pool4::kMost) {
      wrong(list.Env(), "pool4", "at most 4096 addresses");
    }
    const uint32_t first = prefix.address.host() & prefix.mask();
    for (uint32_t n = 0; n < count; ++n) {
      entries.push_back({Ipv4Address::fromHost(first + n), port_min, port_max});
    }
  }
  return entries;
}

}  // namespace

Mode modeFrom(const Napi::Object& config) {
  return text(config, "mode") == "siit" ? Mode::kSiit : Mode::kNat64;
}

std::shared_ptr<const Config> configFrom(const Napi::Object& from) {
  auto config = std::make_shared<Config>();
  config->mode = modeFrom(from);
  Nat64Config& core = config->translation;
  const auto prefixes = from.Get("pool6").As<Napi::Array>();
  for (uint32_t i = 0; i < prefixes.Length(); ++i) {
    const auto item = prefixes.Get(i).As<Napi::Object>();
    const Ipv6Address address = address6(item, "address");
    const auto length = integer<uint8_t>(item, "length");
    if (!Pref64::isValid(address, length) || !core.pool6.add(Pref64(address, length))) {
      wrong(from.Env(), "pool6", "up to 8 prefixes of 32, 40, 48, 56, 64 or 96 bits");
    }
  }
  if (core.pool6.size() == 0) wrong(from.Env(), "pool6", "at least one prefix");
  if (config->mode == Mode::kNat64) core.pool4 = pool4From(from.Get("pool4").As<Napi::Array>());
  core.policy.mtu6 = integer<uint16_t>(from, "mtu6");
  core.policy.mtu4 = integer<uint16_t>(from, "mtu4");
  core.policy.lowest_ipv6_mtu = integer<uint16_t>(from, "lowestIpv6Mtu");
  // Below these the fragmenters would have no room for data.
  if (core.policy.mtu6 < 1280 || core.policy.mtu4 < 68 || core.policy.lowest_ipv6_mtu < 1280) {
    wrong(from.Env(), "mtu6, mtu4, lowestIpv6Mtu", "at least 1280, 68 and 1280");
  }
  core.policy.traffic_class = octetOrCopy(from, "trafficClass");
  core.policy.tos = octetOrCopy(from, "tos");
  // RFC 6146 §3.4: the stateful translator computes what it can.
  core.policy.compute_udp_checksum =
      config->mode == Mode::kNat64 || text(from, "udpZeroChecksum") == "compute";
  core.policy.allow_non_global = flag(from, "allowNonGlobal");
  core.drop_inbound_tcp = flag(from, "dropInboundTcp");
  const Napi::Object timeouts = object(from, "timeoutsSeconds");
  core.timeouts.udp = ticks(timeouts, "udp");
  core.timeouts.tcp_established = ticks(timeouts, "tcpEstablished");
  core.timeouts.tcp_transitory = ticks(timeouts, "tcpTransitory");
  core.timeouts.tcp_incoming_syn = ticks(timeouts, "tcpIncomingSyn");
  core.timeouts.icmp = ticks(timeouts, "icmp");
  core.timeouts.fragment = ticks(timeouts, "fragment");
  const Napi::Object errors = object(from, "icmpErrors");
  config->icmp_rate_per_second = integer<uint32_t>(errors, "ratePerSecond");
  config->icmp_burst = integer<uint32_t>(errors, "burst");
  if (isGiven(from, "icmpSource4")) config->icmp_source4 = address4(from, "icmpSource4");
  if (isGiven(from, "icmpSource6")) config->icmp_source6 = address6(from, "icmpSource6");
  return config;
}

Nat64Limits limitsFrom(const Napi::Object& from, const Napi::Object& config) {
  Nat64Limits limits;
  limits.sessions = integer<uint32_t>(from, "sessions");
  limits.bib = integer<uint32_t>(from, "bib");
  limits.hosts = integer<uint32_t>(from, "hosts");
  limits.reassembly = integer<uint32_t>(from, "reassembly");
  limits.stored_syns = integer<uint32_t>(from, "storedSyns");
  const Napi::Object filtering = object(config, "addressDependentFiltering");
  limits.filtering = {flag(filtering, "tcp"), flag(filtering, "udp"), flag(filtering, "icmp")};
  return limits;
}

TableQuery queryFrom(const Napi::Object& from) {
  TableQuery query;
  if (isGiven(from, "protocol")) query.proto = proto(from, "protocol");
  if (isGiven(from, "v6")) {
    const Napi::Object prefix = object(from, "v6");
    query.v6 = Ipv6Prefix{address6(prefix, "address"),
                          static_cast<uint8_t>(number(prefix, "length", 0, 128))};
  }
  if (isGiven(from, "port6")) query.port6 = integer<uint16_t>(from, "port6");
  if (isGiven(from, "v4")) query.v4 = prefix4(object(from, "v4"));
  if (isGiven(from, "port4")) query.port4 = integer<uint16_t>(from, "port4");
  if (isGiven(from, "remote4")) query.remote4 = prefix4(object(from, "remote4"));
  constexpr double kLargestCursor = 9007199254740991;
  query.cursor =
      static_cast<uint32_t>(static_cast<uint64_t>(number(from, "cursor", 0, kLargestCursor)));
  query.limit = static_cast<uint32_t>(number(from, "limit", 1, 4096));
  return query;
}

BibArgument bibFrom(const Napi::Object& from, bool withHost) {
  BibArgument entry;
  entry.proto = proto(from, "protocol");
  entry.pool = address4(from, "v4");
  entry.pool_port = Be16(static_cast<uint16_t>(number(from, "port4", 1, 65'535)));
  if (withHost) {
    entry.host = address6(from, "v6");
    entry.host_port = Be16(static_cast<uint16_t>(number(from, "port6", 1, 65'535)));
  }
  return entry;
}

namespace {

Napi::Object rowTo(Napi::Env env, const SessionRow& row) {
  constexpr uint32_t kTicksPerSecond = 10;
  const Session& session = row.session;
  Napi::Object result = Napi::Object::New(env);
  result.Set("protocol", nameOf(session.proto));
  if (session.isHalf()) {
    result.Set("v6", env.Null());
  } else {
    result.Set("v6", toText(session.host));
  }
  result.Set("port6", session.host_port.host());
  result.Set("remote6", toText(row.remote6));
  result.Set("v4", toText(session.pool));
  result.Set("port4", session.pool_port.host());
  result.Set("remote4", toText(session.remote));
  result.Set("remotePort", session.remote_port.host());
  if (session.proto == Proto::kTcp) {
    result.Set("state", nameOf(session.state));
  } else {
    result.Set("state", env.Null());
  }
  result.Set("expiresInSeconds", row.remaining_ticks / kTicksPerSecond);
  return result;
}

Napi::Object rowTo(Napi::Env env, const Bib& bib) {
  Napi::Object result = Napi::Object::New(env);
  result.Set("protocol", nameOf(bib.proto));
  result.Set("v6", toText(bib.host));
  result.Set("port6", bib.host_port.host());
  result.Set("v4", toText(bib.pool));
  result.Set("port4", bib.pool_port.host());
  result.Set("static", bib.is_static);
  result.Set("sessions", bib.session_count);
  return result;
}

template <typename Row>
Napi::Object pageOf(Napi::Env env, const Page<Row>& page, double next) {
  Napi::Array rows = Napi::Array::New(env, page.rows.size());
  for (uint32_t i = 0; i < page.rows.size(); ++i) {
    // Each row's handles are let go, or a page of thousands would keep them all.
    Napi::HandleScope scope(env);
    rows[i] = rowTo(env, page.rows[i]);
  }
  Napi::Object result = Napi::Object::New(env);
  result.Set("rows", rows);
  result.Set("next", next == 0 ? env.Null() : Napi::Number::New(env, next).As<Napi::Value>());
  return result;
}

}  // namespace

Napi::Object pageTo(Napi::Env env, const SessionPage& page, double next) {
  return pageOf(env, page, next);
}
Napi::Object pageTo(Napi::Env env, const BibPage& page, double next) {
  return pageOf(env, page, next);
}

Napi::Array pool4To(Napi::Env env, const std::vector<Pool4::Usage>& usage) {
  Napi::Array rows = Napi::Array::New(env, usage.size());
  for (uint32_t i = 0; i < usage.size(); ++i) {
    Napi::HandleScope scope(env);
    Napi::Object used = Napi::Object::New(env);
    used.Set("tcp", usage[i].used[protoIndex(Proto::kTcp)]);
    used.Set("udp", usage[i].used[protoIndex(Proto::kUdp)]);
    used.Set("icmp", usage[i].used[protoIndex(Proto::kIcmp)]);
    Napi::Object row = Napi::Object::New(env);
    row.Set("v4", toText(usage[i].entry.address));
    row.Set("portMin", usage[i].entry.port_min);
    row.Set("portMax", usage[i].entry.port_max);
    row.Set("hosts", usage[i].hosts);
    row.Set("used", used);
    rows[i] = row;
  }
  return rows;
}

Napi::Object sizesTo(Napi::Env env, const TableSizes& sizes) {
  Napi::Object result = Napi::Object::New(env);
  result.Set("sessions", static_cast<double>(sizes.sessions));
  result.Set("bib", static_cast<double>(sizes.bib));
  result.Set("staticBib", static_cast<double>(sizes.static_bib));
  result.Set("hosts", static_cast<double>(sizes.hosts));
  result.Set("reassembly", static_cast<double>(sizes.reassembly));
  result.Set("storedSyns", static_cast<double>(sizes.stored_syns));
  result.Set("memoryBytes", static_cast<double>(sizes.memory_bytes));
  return result;
}

Napi::Value addResultTo(Napi::Env env, Tables::AddResult result) {
  const char* name = "no-room";
  switch (result) {
    case Tables::AddResult::kOk:
      name = "ok";
      break;
    case Tables::AddResult::kExists:
      name = "exists";
      break;
    case Tables::AddResult::kV6Taken:
      name = "v6-taken";
      break;
    case Tables::AddResult::kV4Taken:
      name = "v4-taken";
      break;
    case Tables::AddResult::kNotInPool4:
      name = "not-in-pool4";
      break;
    case Tables::AddResult::kNoRoom:
      break;
  }
  return Napi::String::New(env, name);
}

}  // namespace platypus::addon
