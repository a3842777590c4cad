#include "addon/tester.h"

#include <arpa/inet.h>

#include <string>
#include <utility>
#include <vector>

#include "addon/error.h"

namespace platypus::addon {
namespace {

using tester::Stream;
using tester::Trial;
using tester::TrialResult;

Napi::Object argument(const Napi::CallbackInfo& info) {
  if (info.Length() < 1 || !info[0].IsObject()) {
    throw Napi::TypeError::New(info.Env(), "tester: an object expected");
  }
  return info[0].As<Napi::Object>();
}

uint32_t number(const Napi::Object& from, const char* key) {
  return from.Get(key).As<Napi::Number>().Uint32Value();
}

std::string text(const Napi::Object& from, const char* key) {
  return from.Get(key).As<Napi::String>().Utf8Value();
}

/// Addresses one after the other, in wire order.
template <typename Address>
std::vector<Address> addresses(const Napi::Object& from, const char* key) {
  const auto bytes = from.Get(key).As<Napi::Uint8Array>();
  std::vector<Address> list(bytes.ElementLength() / sizeof(Address));
  if (!list.empty()) std::memcpy(list.data(), bytes.Data(), list.size() * sizeof(Address));
  return list;
}

tester::PortRange portsFrom(const Napi::Object& from, const char* key) {
  const auto range = from.Get(key).As<Napi::Object>();
  const uint32_t first = number(range, "first");
  const uint32_t last = number(range, "last");
  return {.first = static_cast<uint16_t>(first), .count = last < first ? 0 : last - first + 1};
}

Stream streamFrom(const Napi::Object& given) {
  Stream stream;
  stream.from = static_cast<uint8_t>(number(given, "from"));
  stream.family = number(given, "family") == 6 ? tester::Family::kV6 : tester::Family::kV4;
  const std::string kind = text(given, "kind");
  stream.kind = kind == "echo-request" ? tester::Kind::kEchoRequest
                : kind == "echo-reply" ? tester::Kind::kEchoReply
                                       : tester::Kind::kUdp;
  if (stream.family == tester::Family::kV6) {
    stream.sources6 = addresses<Ipv6Address>(given, "sources");
    stream.destinations6 = addresses<Ipv6Address>(given, "destinations");
  } else {
    stream.sources4 = addresses<Ipv4Address>(given, "sources");
    stream.destinations4 = addresses<Ipv4Address>(given, "destinations");
  }
  stream.source_ports = portsFrom(given, "sourcePorts");
  stream.destination_ports = portsFrom(given, "destinationPorts");
  stream.seed = number(given, "seed");
  stream.first_flow = number(given, "firstFlow");
  stream.flows = number(given, "flows");
  stream.order = text(given, "order") == "random" ? tester::Order::kRandom : tester::Order::kInTurn;
  const auto sizes = given.Get("frameBytes").As<Napi::Array>();
  for (uint32_t i = 0; i < sizes.Length(); ++i) {
    stream.sizes.push_back(static_cast<uint16_t>(sizes.Get(i).As<Napi::Number>().Uint32Value()));
  }
  stream.rate = number(given, "framesPerSecond");
  stream.frames = number(given, "frames");
  stream.duration_ns =
      static_cast<uint64_t>(given.Get("durationMs").As<Napi::Number>().DoubleValue() * 1e6);
  stream.burst = number(given, "burst");
  stream.gather = number(given, "gather");
  stream.samples = number(given, "delaySamples");
  const std::string state = text(given, "state");
  stream.state = state == "record"    ? Stream::State::kRecord
                 : state == "compare" ? Stream::State::kCompare
                 : state == "answer"  ? Stream::State::kAnswer
                                      : Stream::State::kNone;
  return stream;
}

tester::SideOptions sideFrom(const Napi::Object& given) {
  tester::SideOptions side;
  side.device = text(given, "device");
  side.network_namespace = text(given, "namespace");
  const Napi::Value mac = given.Get("nextHop");
  if (mac.IsTypedArray()) {
    const auto bytes = mac.As<Napi::Uint8Array>();
    tester::Mac value{};
    if (bytes.ElementLength() != value.size()) {
      throw Napi::TypeError::New(given.Env(), "tester: six octets expected");
    }
    std::memcpy(value.data(), bytes.Data(), value.size());
    side.next_hop = value;
    return side;
  }
  const std::string destination = text(given, "destination");
  std::array<std::byte, 16> bytes{};
  for (const uint8_t family : {uint8_t{AF_INET}, uint8_t{AF_INET6}}) {
    if (inet_pton(family, destination.c_str(), bytes.data()) == 1) {
      side.destination = {.family = family, .bytes = bytes};
      return side;
    }
  }
  throw Napi::TypeError::New(given.Env(), "tester: an address expected");
}

tester::Tester::Options optionsFrom(const Napi::Object& given) {
  tester::Tester::Options options;
  options.loop = given.Get("loop").As<Napi::Boolean>().Value();
  options.state_flows = number(given, "stateFlows");
  options.ring_bytes = number(given, "ringBytes");
  const auto sides = given.Get("sides").As<Napi::Array>();
  for (uint32_t i = 0; i < tester::kSides; ++i) {
    const auto side = sides.Get(i).As<Napi::Object>();
    if (!options.loop) options.sides[i] = sideFrom(side);
    options.sender_cpu[i] = side.Get("sendCpu").As<Napi::Number>().Int32Value();
    options.receiver_cpu[i] = side.Get("receiveCpu").As<Napi::Number>().Int32Value();
  }
  return options;
}

void set(Napi::Object& object, const char* key, uint64_t value) {
  object.Set(key, static_cast<double>(value));
}

Napi::Value delaysTo(Napi::Env env, const tester::DelaySummary& delays) {
  Napi::Object result = Napi::Object::New(env);
  set(result, "count", delays.count);
  set(result, "least", delays.least);
  set(result, "median", delays.median);
  set(result, "p999", delays.p999);
  set(result, "most", delays.most);
  result.Set("mean", delays.mean);
  set(result, "pairs", delays.pairs);
  result.Set("ipdvLeast", static_cast<double>(delays.ipdv_least));
  result.Set("ipdvMedian", static_cast<double>(delays.ipdv_median));
  result.Set("ipdvMost", static_cast<double>(delays.ipdv_most));
  return result;
}

Napi::Object resultTo(Napi::Env env, const TrialResult& result) {
  Napi::Object object = Napi::Object::New(env);
  Napi::Array streams = Napi::Array::New(env, result.streams.size());
  for (uint32_t i = 0; i < result.streams.size(); ++i) {
    const TrialResult::OfStream& of = result.streams[i];
    Napi::Object stream = Napi::Object::New(env);
    set(stream, "sent", of.sender.sent);
    set(stream, "refused", of.sender.refused);
    set(stream, "skipped", of.sender.skipped);
    set(stream, "elapsedNs", of.sender.elapsed_ns);
    set(stream, "lateNs", of.sender.late_ns);
    set(stream, "sendCpuNs", of.sender.cpu_ns);
    set(stream, "received", of.received);
    set(stream, "duplicates", of.duplicates);
    set(stream, "reordered", of.reordered);
    stream.Set("delays", delaysTo(env, of.delays));
    streams[i] = stream;
  }
  object.Set("streams", streams);
  Napi::Array receivers = Napi::Array::New(env, result.receivers.size());
  for (uint32_t i = 0; i < result.receivers.size(); ++i) {
    const tester::Receiver::Result& of = result.receivers[i];
    Napi::Object receiver = Napi::Object::New(env);
    set(receiver, "frames", of.frames);
    set(receiver, "foreign", of.foreign);
    set(receiver, "dropped", of.dropped);
    set(receiver, "cpuNs", of.cpu_ns);
    set(receiver, "stateNew", of.state_new);
    set(receiver, "stateSame", of.state_same);
    set(receiver, "stateChanged", of.state_changed);
    receivers[i] = receiver;
  }
  object.Set("receivers", receivers);
  set(object, "stateSize", result.state_size);
  object.Set("aborted", result.aborted);
  return object;
}

/// Opens both sides; the object lives at least as long.
class Open final : public Napi::AsyncWorker {
 public:
  Open(Napi::Env env, TesterObject& object, tester::Tester::Options options)
      : Napi::AsyncWorker(env),
        deferred_(Napi::Promise::Deferred::New(env)),
        object_(object),
        options_(std::move(options)) {
    object_.Ref();
  }

  Napi::Promise promise() const { return deferred_.Promise(); }

  void Execute() override { opened_ = tester::Tester::open(options_); }

  void OnOK() override {
    object_.Unref();
    const tester::OpenFailure failure = opened_.failure;
    if (!failure) {
      object_.use(std::move(opened_.tester));
      deferred_.Resolve(Env().Undefined());
      return;
    }
    Napi::Error error = failure.error == 0 ? Napi::Error::New(Env(), failure.step)
                                           : systemError(Env(), failure.error, failure.step);
    error.Set("step", Napi::String::New(Env(), failure.step));
    error.Set("side", Napi::Number::New(Env(), static_cast<double>(opened_.side)));
    deferred_.Reject(error.Value());
  }

 private:
  Napi::Promise::Deferred deferred_;
  TesterObject& object_;
  tester::Tester::Options options_;
  tester::Tester::Opened opened_;
};

}  // namespace

Napi::Function TesterObject::define(Napi::Env env) {
  return DefineClass(env, "Tester",
                     {
                         InstanceMethod<&TesterObject::open>("open"),
                         InstanceMethod<&TesterObject::run>("run"),
                         InstanceMethod<&TesterObject::abort>("abort"),
                         InstanceMethod<&TesterObject::clearState>("clearState"),
                         InstanceMethod<&TesterObject::close>("close"),
                     });
}

TesterObject::TesterObject(const Napi::CallbackInfo& info) : Napi::ObjectWrap<TesterObject>(info) {}

Napi::Value TesterObject::open(const Napi::CallbackInfo& info) {
  if (tester_ != nullptr) throw Napi::Error::New(info.Env(), "tester: it is open");
  auto* open = new Open(info.Env(), *this, optionsFrom(argument(info)));
  const Napi::Promise promise = open->promise();
  open->Queue();
  return promise;
}

Napi::Value TesterObject::run(const Napi::CallbackInfo& info) {
  if (tester_ == nullptr) throw Napi::Error::New(info.Env(), "tester: it is not open");
  const Napi::Object given = argument(info);
  Trial trial;
  const auto streams = given.Get("streams").As<Napi::Array>();
  for (uint32_t i = 0; i < streams.Length(); ++i) {
    trial.streams.push_back(streamFrom(streams.Get(i).As<Napi::Object>()));
  }
  trial.settle_ms = number(given, "settleMs");
  ended_ = Napi::ThreadSafeFunction::New(
      info.Env(), Napi::Function::New(info.Env(), [](const Napi::CallbackInfo&) {}),
      "platypus trial", 0, 1);
  const int error = tester_->start(
      std::move(trial),
      [](void* context) {
        static_cast<TesterObject*>(context)->ended_.NonBlockingCall(
            [context](Napi::Env env, Napi::Function) {
              static_cast<TesterObject*>(context)->settle(env);
            });
      },
      this);
  if (error != 0) {
    ended_.Release();
    throw systemError(info.Env(), error, "trial");
  }
  // Until it settles, nobody may collect this object.
  Ref();
  running_ = Napi::Promise::Deferred::New(info.Env());
  return running_->Promise();
}

void TesterObject::settle(Napi::Env env) {
  const TrialResult result = tester_->finish();
  ended_.Release();
  const auto deferred = *std::exchange(running_, std::nullopt);
  if (closing_) tester_.reset();
  Unref();
  if (result.error != 0) {
    deferred.Reject(systemError(env, result.error, "trial").Value());
  } else {
    deferred.Resolve(resultTo(env, result));
  }
}

void TesterObject::abort(const Napi::CallbackInfo&) {
  if (tester_ != nullptr) tester_->abort();
}

void TesterObject::clearState(const Napi::CallbackInfo& info) {
  if (running_) throw Napi::Error::New(info.Env(), "tester: a trial is running");
  if (tester_ != nullptr) tester_->clearState();
}

void TesterObject::close(const Napi::CallbackInfo&) {
  if (running_) {
    // The trial's thread uses it; settle() closes.
    closing_ = true;
    tester_->abort();
    return;
  }
  tester_.reset();
}

}  // namespace platypus::addon
