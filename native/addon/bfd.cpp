#include "addon/bfd.h"

#include <utility>

#include "addon/arguments.h"
#include "addon/error.h"

namespace platypus::addon {
namespace {

const char* stateName(bfd::State state) {
  switch (state) {
    case bfd::State::kAdminDown:
      return "admin-down";
    case bfd::State::kDown:
      return "down";
    case bfd::State::kInit:
      return "init";
    case bfd::State::kUp:
      return "up";
  }
  return "down";
}

bfd::Timing timingFrom(const Napi::Object& given) {
  return {.interval_us = static_cast<uint32_t>(numberField(
              given, "intervalUs", bfd::Timing::kLeastIntervalUs, bfd::Timing::kMostIntervalUs)),
          .multiplier = static_cast<uint8_t>(numberField(given, "multiplier", 1, UINT8_MAX))};
}

uint32_t idArgument(const Napi::CallbackInfo& info) {
  const double id =
      info.Length() > 0 && info[0].IsNumber() ? info[0].As<Napi::Number>().DoubleValue() : -1;
  if (!(id >= 0 && id <= UINT32_MAX)) throw Napi::TypeError::New(info.Env(), "bfd: an id expected");
  return static_cast<uint32_t>(id);
}

void check(Napi::Env env, int error) {
  if (error != 0) throw systemError(env, error, "bfd");
}

}  // namespace

Napi::Function BfdObject::define(Napi::Env env) {
  return DefineClass(
      env, "Bfd",
      {InstanceMethod<&BfdObject::add>("add"), InstanceMethod<&BfdObject::change>("change"),
       InstanceMethod<&BfdObject::adminDown>("adminDown"),
       InstanceMethod<&BfdObject::remove>("remove"),
       InstanceMethod<&BfdObject::sessions>("sessions"),
       InstanceMethod<&BfdObject::counters>("counters"),
       InstanceMethod<&BfdObject::close>("close")});
}

BfdObject::BfdObject(const Napi::CallbackInfo& info) : Napi::ObjectWrap<BfdObject>(info) {
  const Napi::Env env = info.Env();
  if (info.Length() != 1 || !info[0].IsFunction()) {
    throw Napi::TypeError::New(env, "bfd: a function expected");
  }
  bfd::Engine::Opened opened = bfd::Engine::open();
  if (!opened.engine) throw systemError(env, opened.error, opened.syscall);
  engine_ = std::move(opened.engine);
  on_change_ = Napi::Persistent(info[0].As<Napi::Function>());
  context_.emplace(env, "PlatypusBfd");
  // While the event loop watches, nobody may collect the object.
  watch_ = DescriptorWatch::start(
      env, engine_->changesFd(), UV_READABLE, [this] { tell(); }, [this] { stop(); });
  Ref();
}

void BfdObject::tell() {
  const Napi::Env env = Env();
  for (const bfd::Change& change : engine_->takeChanges()) {
    // Closed by the last one's listener.
    if (watch_ == nullptr) return;
    const Napi::HandleScope handles(env);
    const Napi::CallbackScope callback(env, *context_);
    Napi::Object told = Napi::Object::New(env);
    told.Set("id", change.id);
    told.Set("state", stateName(change.state));
    told.Set("diagnostic", static_cast<uint32_t>(change.diagnostic));
    told.Set("remoteState", stateName(change.remote_state));
    callUncaught(env, Value(), on_change_.Value(), {told});
  }
}

void BfdObject::stop() {
  DescriptorWatch* watch = std::exchange(watch_, nullptr);
  if (watch == nullptr) return;
  watch->stop();
  engine_->close();
  // The function is likely to know this object, which so would never be collected.
  on_change_.Reset();
  Unref();
}

Napi::Value BfdObject::add(const Napi::CallbackInfo& info) {
  const Napi::Object given = objectArgument(info);
  const bfd::Engine::Added added =
      engine_->add({.remote = addressField(given, "remote"),
                    .local = optionalAddressField(given, "local"),
                    .device = optionalStringField(given, "device").value_or(""),
                    .timing = timingFrom(given)});
  if (added.error != 0) throw systemError(info.Env(), added.error, added.syscall);
  return Napi::Number::New(info.Env(), added.id);
}

void BfdObject::change(const Napi::CallbackInfo& info) {
  check(info.Env(), engine_->change(idArgument(info), timingFrom(objectArgument(info, 1))));
}

void BfdObject::adminDown(const Napi::CallbackInfo& info) {
  check(info.Env(), engine_->adminDown(idArgument(info)));
}

void BfdObject::remove(const Napi::CallbackInfo& info) {
  check(info.Env(), engine_->remove(idArgument(info)));
}

Napi::Value BfdObject::sessions(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const std::vector<bfd::SessionRow> rows = engine_->sessions();
  Napi::Array array = Napi::Array::New(env, rows.size());
  for (uint32_t i = 0; i < rows.size(); ++i) {
    const bfd::SessionRow& row = rows[i];
    Napi::Object object = Napi::Object::New(env);
    const auto text = [env](const std::string& value) -> Napi::Value {
      return value.empty() ? env.Null() : Napi::String::New(env, value);
    };
    const auto number = [env](uint64_t value) {
      return Napi::Number::New(env, static_cast<double>(value));
    };
    object.Set("id", row.id);
    object.Set("remote", row.options.remote.text());
    object.Set("local", text(row.options.local.value_or(HostAddress{}).text()));
    object.Set("device", text(row.options.device));
    object.Set("state", stateName(row.state));
    object.Set("diagnostic", static_cast<uint32_t>(row.diagnostic));
    object.Set("remoteState", stateName(row.remote_state));
    object.Set("remoteDiagnostic", static_cast<uint32_t>(row.remote_diagnostic));
    object.Set("localDiscriminator", row.local_discriminator);
    object.Set("remoteDiscriminator", row.remote_discriminator);
    object.Set("sendIntervalUs", number(row.send_interval_us));
    object.Set("detectionTimeUs", number(row.detection_time_us));
    object.Set("received", number(row.received));
    object.Set("sent", number(row.sent));
    object.Set("dropped", number(row.dropped));
    object.Set("upSinceMs", row.up_since_ms ? Napi::Value(number(*row.up_since_ms)) : env.Null());
    object.Set("transitions", row.transitions);
    array[i] = object;
  }
  return array;
}

Napi::Value BfdObject::counters(const Napi::CallbackInfo& info) {
  const bfd::Counters from = engine_->counters();
  Napi::Object counters = Napi::Object::New(info.Env());
  const auto set = [&counters](const char* key, uint64_t value) {
    counters.Set(key, static_cast<double>(value));
  };
  set("received", from.received);
  set("sent", from.sent);
  set("send_failed", from.send_failed);
  set("hop_limit", from.hop_limit);
  set("version", from.version);
  set("length", from.length);
  set("multiplier", from.multiplier);
  set("multipoint", from.multipoint);
  set("discriminator", from.discriminator);
  set("authentication", from.authentication);
  set("unknown_session", from.unknown_session);
  return counters;
}

void BfdObject::close(const Napi::CallbackInfo&) {
  stop();
}

}  // namespace platypus::addon
