#include "addon/simulator.h"

#include "addon/convert.h"
#include "nat64/random.h"

namespace platypus::addon {
namespace {

Napi::Object argument(const Napi::CallbackInfo& info, size_t index) {
  if (info.Length() <= index || !info[index].IsObject()) {
    throw Napi::TypeError::New(info.Env(), "simulator: an object expected");
  }
  return info[index].As<Napi::Object>();
}

uint64_t milliseconds(const Napi::CallbackInfo& info, size_t index) {
  const double given = info.Length() > index && info[index].IsNumber()
                           ? info[index].As<Napi::Number>().DoubleValue()
                           : -1;
  if (!(given >= 0)) throw Napi::TypeError::New(info.Env(), "simulator: a time in ms expected");
  return static_cast<uint64_t>(given);
}

uint16_t field(const Napi::Object& from, const char* key) {
  const Napi::Value value = from.Get(key);
  return value.IsNumber() ? static_cast<uint16_t>(value.As<Napi::Number>().Uint32Value())
                          : uint16_t{0};
}

Offload offloadFrom(const Napi::Object& from) {
  Offload offload;
  const Napi::Value needs = from.Get("needsChecksum");
  if (needs.IsBoolean() && needs.As<Napi::Boolean>().Value()) {
    offload.flags = Offload::kNeedsChecksum;
  }
  offload.gso_type = static_cast<uint8_t>(field(from, "gsoType"));
  offload.gso_size = field(from, "gsoSize");
  offload.header_length = field(from, "headerLength");
  offload.checksum_start = field(from, "checksumStart");
  offload.checksum_offset = field(from, "checksumOffset");
  return offload;
}

Napi::Object offloadTo(Napi::Env env, const Offload& offload) {
  Napi::Object result = Napi::Object::New(env);
  result.Set("needsChecksum", offload.needsChecksum());
  result.Set("gsoType", offload.gso_type);
  result.Set("gsoSize", offload.gso_size);
  result.Set("headerLength", offload.header_length);
  result.Set("checksumStart", offload.checksum_start);
  result.Set("checksumOffset", offload.checksum_offset);
  return result;
}

}  // namespace

Napi::Function SimulatorObject::define(Napi::Env env) {
  return DefineClass(env, "Simulator",
                     {
                         InstanceMethod<&SimulatorObject::inject>("inject"),
                         InstanceMethod<&SimulatorObject::advance>("advance"),
                         InstanceMethod<&SimulatorObject::counters>("counters"),
                         InstanceMethod<&SimulatorObject::configure>("configure"),
                         InstanceMethod<&SimulatorObject::sessions>("sessions"),
                         InstanceMethod<&SimulatorObject::bib>("bib"),
                         InstanceMethod<&SimulatorObject::addBib>("addBib"),
                         InstanceMethod<&SimulatorObject::removeBib>("removeBib"),
                         InstanceMethod<&SimulatorObject::pool4>("pool4"),
                         InstanceMethod<&SimulatorObject::sizes>("sizes"),
                         InstanceMethod<&SimulatorObject::trace>("trace"),
                         InstanceMethod<&SimulatorObject::readTrace>("readTrace"),
                         InstanceMethod<&SimulatorObject::readEvents>("readEvents"),
                     });
}

SimulatorObject::SimulatorObject(const Napi::CallbackInfo& info)
    : Napi::ObjectWrap<SimulatorObject>(info) {
  const Napi::Object options = argument(info, 0);
  const auto config = options.Get("config").As<Napi::Object>();
  Worker::Options worker;
  worker.mode = modeFrom(config);
  worker.limits = limitsFrom(options.Get("limits").As<Napi::Object>(), config);
  const Napi::Value seed = options.Get("seed");
  worker.seed[0] = seed.IsNumber() ? seed.As<Napi::Number>().Uint32Value() : 1;
  worker.identification_secret = worker.seed[0];
  worker_ = std::make_unique<Worker>(port_, worker);
  if (!worker_->ok()) throw Napi::Error::New(info.Env(), "simulator: not enough memory");
  use(config);
}

void SimulatorObject::use(const Napi::Object& config) {
  worker_->use(configFrom(config));
  while (!worker_->continueUse()) {
  }
}

Napi::Array SimulatorObject::takeSent(Napi::Env env) {
  const auto sent = port_.takeSent();
  Napi::Array list = Napi::Array::New(env, sent.size());
  for (uint32_t i = 0; i < sent.size(); ++i) {
    Napi::Object item = Napi::Object::New(env);
    item.Set("packet", Napi::Buffer<uint8_t>::Copy(
                           env, reinterpret_cast<const uint8_t*>(sent[i].bytes.data()),
                           sent[i].bytes.size()));
    item.Set("offload", offloadTo(env, sent[i].offload));
    list[i] = item;
  }
  return list;
}

Napi::Value SimulatorObject::inject(const Napi::CallbackInfo& info) {
  if (info.Length() < 2 || !info[0].IsTypedArray()) {
    throw Napi::TypeError::New(info.Env(), "simulator: a packet and a time expected");
  }
  const auto bytes = info[0].As<Napi::Uint8Array>();
  const uint64_t now = milliseconds(info, 1);
  Offload offload;
  if (info.Length() > 2 && info[2].IsObject()) offload = offloadFrom(info[2].As<Napi::Object>());
  worker_->expireAll(now);
  if (!port_.inject({reinterpret_cast<const std::byte*>(bytes.Data()), bytes.ElementLength()},
                    offload)) {
    throw Napi::RangeError::New(info.Env(), "simulator: the packet is too long");
  }
  worker_->poll(now);
  return takeSent(info.Env());
}

Napi::Value SimulatorObject::advance(const Napi::CallbackInfo& info) {
  worker_->expireAll(milliseconds(info, 0));
  return takeSent(info.Env());
}

Napi::Value SimulatorObject::counters(const Napi::CallbackInfo& info) {
  auto result = Napi::BigUint64Array::New(info.Env(), kCounters);
  for (size_t i = 0; i < kCounters; ++i) result[i] = worker_->counters().read(i);
  return result;
}

void SimulatorObject::configure(const Napi::CallbackInfo& info) {
  worker_->expireAll(milliseconds(info, 1));
  use(argument(info, 0));
}

Napi::Value SimulatorObject::sessions(const Napi::CallbackInfo& info) {
  const TableQuery query = queryFrom(argument(info, 0));
  SessionPage page;
  worker_->list(query, page);
  return pageTo(info.Env(), page, page.next);
}

Napi::Value SimulatorObject::bib(const Napi::CallbackInfo& info) {
  const TableQuery query = queryFrom(argument(info, 0));
  BibPage page;
  worker_->list(query, page);
  return pageTo(info.Env(), page, page.next);
}

Napi::Value SimulatorObject::addBib(const Napi::CallbackInfo& info) {
  const BibArgument entry = bibFrom(argument(info, 0), true);
  return addResultTo(info.Env(), worker_->addBib(entry.proto, entry.host, entry.host_port,
                                                 entry.pool, entry.pool_port));
}

Napi::Value SimulatorObject::removeBib(const Napi::CallbackInfo& info) {
  const BibArgument entry = bibFrom(argument(info, 0), false);
  auto result = Worker::RemoveResult::kGoOn;
  while (result == Worker::RemoveResult::kGoOn) {
    result = worker_->removeBib(entry.proto, entry.pool, entry.pool_port);
  }
  return Napi::Boolean::New(info.Env(), result == Worker::RemoveResult::kRemoved);
}

Napi::Value SimulatorObject::pool4(const Napi::CallbackInfo& info) {
  std::vector<Pool4::Usage> usage;
  worker_->pool4(usage);
  return pool4To(info.Env(), usage);
}

Napi::Value SimulatorObject::sizes(const Napi::CallbackInfo& info) {
  return sizesTo(info.Env(), worker_->sizes());
}

void SimulatorObject::trace(const Napi::CallbackInfo& info) {
  std::unique_ptr<Trace> trace;
  if (info.Length() > 0 && info[0].IsObject()) {
    trace =
        std::make_unique<Trace>(traceFilterFrom(argument(info, 0)), std::make_unique<TracePage>());
  }
  worker_->swapTrace(trace);
}

Napi::Value SimulatorObject::readTrace(const Napi::CallbackInfo& info) {
  auto page = std::make_unique<TracePage>();
  worker_->swapTracePage(page);
  return tracesTo(info.Env(), {&page, 1});
}

Napi::Value SimulatorObject::readEvents(const Napi::CallbackInfo& info) {
  const auto events = std::make_unique<DropEvents>();
  worker_->takeEvents(*events);
  return eventsTo(info.Env(), {events.get(), 1});
}

}  // namespace platypus::addon
