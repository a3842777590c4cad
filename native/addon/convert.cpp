#include "addon/convert.h"

#include <arpa/inet.h>

#include <limits>

#include "addon/eam_table.h"
#include "dataplane/counters.h"

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

/// A list of prefixes of one family, at most `most`.
template <typename Prefix, typename Read>
std::vector<Prefix> prefixes(const Napi::Object& from, const char* key, uint32_t most, Read read) {
  const Napi::Value value = from.Get(key);
  if (!value.IsArray() || value.As<Napi::Array>().Length() > most) {
    wrong(from.Env(), key, "a list of prefixes, not too long");
  }
  const auto list = value.As<Napi::Array>();
  std::vector<Prefix> result;
  for (uint32_t i = 0; i < list.Length(); ++i)
    result.push_back(read(list.Get(i).As<Napi::Object>()));
  return result;
}

Ipv6Prefix prefix6(const Napi::Object& from) {
  return {address6(from, "address"), static_cast<uint8_t>(number(from, "length", 0, 128))};
}

SiitConfig siitFrom(const Napi::Object& from) {
  constexpr uint32_t kMostPrefixes = 1024;
  constexpr uint32_t kMostSources = 16;
  SiitConfig config;
  config.eamt = EamTableObject::from(from.Get("eamt"));
  const std::string hairpin = text(from, "hairpin");
  config.hairpin = hairpin == "none"     ? Hairpin::kNone
                   : hairpin == "simple" ? Hairpin::kSimple
                                         : Hairpin::kIntrinsic;
  config.denylist4 = PrefixSet4(prefixes<Ipv4Prefix>(from, "denylist4", kMostPrefixes, prefix4));
  if (isGiven(from, "sources4")) {
    config.sources4 = PrefixSet4(prefixes<Ipv4Prefix>(from, "sources4", kMostPrefixes, prefix4));
  }
  config.eam_sources = flag(from, "eamSources");
  IcmpSources& sources = config.icmp_sources;
  sources.v4 = prefixes<Ipv4Prefix>(from, "rfc6791v4", kMostSources, prefix4);
  if (isGiven(from, "rfc6791v6")) sources.v6 = prefix6(object(from, "rfc6791v6"));
  sources.pick =
      text(from, "rfc6791Pick") == "hop" ? IcmpSources::Pick::kHop : IcmpSources::Pick::kRandom;
  const std::string extension = text(from, "rfc6791Extension");
  sources.extension = extension == "interface" ? IcmpSources::Extension::kInterface
                      : extension == "node"    ? IcmpSources::Extension::kNode
                                               : IcmpSources::Extension::kNone;
  return config;
}

Plateaus plateausFrom(const Napi::Object& from) {
  const Napi::Value value = from.Get("plateaus");
  const uint32_t count = value.IsArray() ? value.As<Napi::Array>().Length() : 0;
  if (count == 0 || count > Plateaus::kMost) wrong(from.Env(), "plateaus", "1 to 32 numbers");
  Plateaus plateaus;
  plateaus.count = static_cast<uint8_t>(count);
  for (uint32_t i = 0; i < count; ++i) {
    const Napi::Value item = value.As<Napi::Array>().Get(i);
    const double mtu = item.IsNumber() ? item.As<Napi::Number>().DoubleValue() : 0;
    if (!(mtu >= 68 && mtu <= 65'535) || (i != 0 && mtu >= plateaus.values[i - 1])) {
      wrong(from.Env(), "plateaus", "descending numbers of 68..65535");
    }
    plateaus.values[i] = static_cast<uint16_t>(mtu);
  }
  return plateaus;
}

/// RFC 6146 §3.4: the stateful translator computes what it can.
UdpZeroChecksum udpZeroChecksumFrom(const Napi::Object& from, Mode mode) {
  const std::string word = text(from, "udpZeroChecksum");
  if (mode == Mode::kNat64 || word == "compute") return UdpZeroChecksum::kCompute;
  return word == "reassemble" ? UdpZeroChecksum::kReassemble : UdpZeroChecksum::kDrop;
}

}  // namespace

std::string textOf(const Ipv6Address& address) {
  char buffer[INET6_ADDRSTRLEN];
  inet_ntop(AF_INET6, address.bytes.data(), buffer, sizeof buffer);
  return buffer;
}

std::string textOf(Ipv4Address address) {
  char buffer[INET_ADDRSTRLEN];
  inet_ntop(AF_INET, &address, buffer, sizeof buffer);
  return buffer;
}

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
  core.policy.udp_zero_checksum = udpZeroChecksumFrom(from, config->mode);
  core.policy.mss_clamp = integer<uint16_t>(from, "mssClamp");
  core.policy.plateaus = plateausFrom(from);
  if (config->mode == Mode::kSiit) config->siit = siitFrom(object(from, "siit"));
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
  limits.path_mtus = integer<uint32_t>(from, "pathMtus");
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
    result.Set("v6", textOf(session.host));
  }
  result.Set("port6", session.host_port.host());
  result.Set("remote6", textOf(row.remote6));
  result.Set("v4", textOf(session.pool));
  result.Set("port4", session.pool_port.host());
  result.Set("remote4", textOf(session.remote));
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
  result.Set("v6", textOf(bib.host));
  result.Set("port6", bib.host_port.host());
  result.Set("v4", textOf(bib.pool));
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
    row.Set("v4", textOf(usage[i].entry.address));
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
  result.Set("pathMtus", static_cast<double>(sizes.path_mtus));
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

TraceFilter traceFilterFrom(const Napi::Object& from) {
  TraceFilter filter;
  if (isGiven(from, "v6")) filter.v6 = prefix6(object(from, "v6"));
  if (isGiven(from, "v4")) filter.v4 = prefix4(object(from, "v4"));
  if (isGiven(from, "protocol")) filter.protocol = integer<uint8_t>(from, "protocol");
  if (isGiven(from, "port")) filter.port = integer<uint16_t>(from, "port");
  filter.drops_only = flag(from, "dropsOnly");
  filter.snap_bytes = static_cast<uint16_t>(number(from, "snapBytes", 64, 2048));
  return filter;
}

Napi::Object tracesTo(Napi::Env env, std::span<const std::unique_ptr<TracePage>> pages) {
  Napi::Array records = Napi::Array::New(env);
  double lost = 0;
  for (const auto& page : pages) {
    lost += static_cast<double>(page->lost);
    size_t packet = 0;
    for (uint32_t i = 0; i < page->records.size(); ++i) {
      Napi::HandleScope scope(env);
      Napi::Object record = Napi::Object::New(env);
      const Counter reason = page->records[i].reason;
      record.Set("timeMs", static_cast<double>(page->records[i].time_ms));
      record.Set("reason",
                 reason == Counter::kCount
                     ? env.Null()
                     : Napi::String::New(env, counterInfos()[static_cast<size_t>(reason)].name)
                           .As<Napi::Value>());
      Napi::Array packets = Napi::Array::New(env);
      for (; packet < page->packets.size() && page->packets[packet].record == i; ++packet) {
        const TracedPacket& traced = page->packets[packet];
        Napi::Object item = Napi::Object::New(env);
        item.Set("direction", traced.out ? "out" : "in");
        item.Set("length", traced.length);
        item.Set("bytes", Napi::Buffer<uint8_t>::Copy(
                              env, reinterpret_cast<const uint8_t*>(page->bytes.data() + traced.at),
                              traced.kept));
        packets[packets.Length()] = item;
      }
      record.Set("packets", packets);
      records[records.Length()] = record;
    }
  }
  Napi::Object result = Napi::Object::New(env);
  result.Set("records", records);
  result.Set("lost", lost);
  return result;
}

Napi::Object eventsTo(Napi::Env env, std::span<const DropEvents> parts) {
  Napi::Array events = Napi::Array::New(env);
  double lost = 0;
  for (const DropEvents& part : parts) {
    lost += static_cast<double>(part.lost);
    for (size_t i = 0; i < part.count; ++i) {
      const DropEvent& event = part.events[i];
      const bool v4 = event.version == 4;
      const auto port = [&](uint16_t value) {
        return event.has_ports ? Napi::Number::New(env, value).As<Napi::Value>() : env.Null();
      };
      Napi::Object item = Napi::Object::New(env);
      item.Set("timeMs", static_cast<double>(event.time_ms));
      item.Set("reason", counterInfos()[static_cast<size_t>(event.reason)].name);
      item.Set("protocol", event.protocol);
      item.Set("source", v4 ? textOf(event.source4) : textOf(event.source6));
      item.Set("destination", v4 ? textOf(event.destination4) : textOf(event.destination6));
      item.Set("sourcePort", port(event.source_port));
      item.Set("destinationPort", port(event.destination_port));
      events[events.Length()] = item;
    }
  }
  Napi::Object result = Napi::Object::New(env);
  result.Set("events", events);
  result.Set("lost", lost);
  return result;
}

}  // namespace platypus::addon
