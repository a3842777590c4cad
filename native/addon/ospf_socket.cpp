#include "addon/ospf_socket.h"

#include <string>
#include <utility>

#include "addon/arguments.h"
#include "addon/array_over.h"
#include "addon/error.h"

namespace platypus::addon {
namespace {

// Full batches served before the event loop has its turn again.
constexpr int kRounds = 4;

HostAddress addressArgument(const Napi::CallbackInfo& info, size_t index) {
  const Napi::Value value = info[index];
  const std::string text = value.IsString() ? value.As<Napi::String>().Utf8Value() : "";
  const auto address = HostAddress::parse(text.c_str());
  if (!address) throw Napi::TypeError::New(info.Env(), "ospf socket: an address expected");
  return *address;
}

}  // namespace

Napi::Function OspfSocketObject::define(Napi::Env env) {
  return DefineClass(env, "OspfSocket",
                     {InstanceMethod<&OspfSocketObject::send>("send"),
                      InstanceMethod<&OspfSocketObject::join>("join"),
                      InstanceMethod<&OspfSocketObject::leave>("leave"),
                      InstanceMethod<&OspfSocketObject::counters>("counters"),
                      InstanceMethod<&OspfSocketObject::close>("close")});
}

OspfSocketObject::OspfSocketObject(const Napi::CallbackInfo& info)
    : Napi::ObjectWrap<OspfSocketObject>(info) {
  const Napi::Env env = info.Env();
  const Napi::Object given = objectArgument(info);
  if (info.Length() != 2 || !info[1].IsFunction()) {
    throw Napi::TypeError::New(env, "ospf socket: options and a function expected");
  }
  const std::string device = stringField(given, "device");
  OspfSocket::Options options;
  options.family = static_cast<uint8_t>(numberField(given, "family", 4, 6));
  options.device = device.c_str();
  if (const auto bytes = optionalNumberField(given, "slotBytes", 64, OspfSocket::kMostSlotBytes)) {
    options.slot_bytes = static_cast<size_t>(*bytes);
  }
  OspfSocket::Opened opened = OspfSocket::open(options);
  if (!opened.socket) throw systemError(env, opened.error, opened.syscall);
  socket_ = std::move(opened.socket);
  on_batch_ = Napi::Persistent(info[1].As<Napi::Function>());
  context_.emplace(env, "PlatypusOspfSocket");

  Napi::Object self = Value();
  const auto set = [&self](const char* key, const Napi::Value& value) {
    self.DefineProperty(Napi::PropertyDescriptor::Value(key, value, napi_enumerable));
  };
  set("received", arrayOver<Napi::Uint8Array>(env, socket_, socket_->received()));
  set("receivedLengths", arrayOver<Napi::Int32Array>(env, socket_, socket_->receivedLengths()));
  set("receivedPeers", arrayOver<Napi::Uint8Array>(env, socket_, socket_->receivedPeers()));
  set("slotBytes", Napi::Number::New(env, static_cast<double>(socket_->slotBytes())));

  // While the event loop watches, nobody may collect the object.
  watch_ = DescriptorWatch::start(
      env, socket_->fd(), UV_READABLE, [this] { serve(); }, [this] { stop(); });
  Ref();
}

void OspfSocketObject::serve() {
  const Napi::Env env = Env();
  for (int round = 0; round < kRounds && watch_ != nullptr; ++round) {
    const OspfSocket::Batch batch = socket_->receive();
    if (batch.count > 0) {
      const Napi::HandleScope handles(env);
      const Napi::CallbackScope callback(env, *context_);
      const auto count = Napi::Number::New(env, static_cast<double>(batch.count));
      callUncaught(env, Value(), on_batch_.Value(), {count});
    }
    if (!batch.full) return;
  }
}

void OspfSocketObject::stop() {
  DescriptorWatch* watch = std::exchange(watch_, nullptr);
  if (watch == nullptr) return;
  watch->stop();
  socket_->close();
  // The function is likely to know this object, which so would never be collected.
  on_batch_.Reset();
  Unref();
}

Napi::Value OspfSocketObject::send(const Napi::CallbackInfo& info) {
  if (info.Length() != 2 || !info[0].IsTypedArray() ||
      info[0].As<Napi::TypedArray>().TypedArrayType() != napi_uint8_array) {
    throw Napi::TypeError::New(info.Env(), "ospf socket: a Uint8Array and an address expected");
  }
  const auto packet = info[0].As<Napi::Uint8Array>();
  const HostAddress destination = addressArgument(info, 1);
  const std::span bytes(packet.Data(), packet.ByteLength());
  return Napi::Boolean::New(info.Env(), socket_->send(std::as_bytes(bytes), destination));
}

void OspfSocketObject::join(const Napi::CallbackInfo& info) {
  if (const int error = socket_->join(addressArgument(info, 0))) {
    throw systemError(info.Env(), error, "setsockopt");
  }
}

void OspfSocketObject::leave(const Napi::CallbackInfo& info) {
  if (const int error = socket_->leave(addressArgument(info, 0))) {
    throw systemError(info.Env(), error, "setsockopt");
  }
}

Napi::Value OspfSocketObject::counters(const Napi::CallbackInfo& info) {
  const OspfSocketCounters& from = socket_->counters();
  Napi::Object counters = Napi::Object::New(info.Env());
  const auto set = [&counters](const char* key, uint64_t value) {
    counters.Set(key, static_cast<double>(value));
  };
  set("received", from.received);
  set("sent", from.sent);
  set("truncated", from.truncated);
  set("bad_header", from.bad_header);
  set("send_refused", from.send_refused);
  set("send_dropped", from.send_dropped);
  return counters;
}

void OspfSocketObject::close(const Napi::CallbackInfo&) {
  stop();
}

}  // namespace platypus::addon
