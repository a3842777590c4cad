#include "addon/udp_socket.h"

#include <arpa/inet.h>

#include <string>
#include <utility>

#include "addon/arguments.h"
#include "addon/array_over.h"
#include "addon/error.h"

namespace platypus::addon {
namespace {

// Full batches served before the event loop has its turn again.
constexpr int kRounds = 16;

Napi::TypeError unexpected(Napi::Env env, const char* what) {
  return Napi::TypeError::New(env, std::string("udp socket: ") + what);
}

uint32_t number(const Napi::Object& from, const char* key, uint32_t most) {
  const Napi::Value value = from.Get(key);
  const double given = value.IsNumber() ? value.As<Napi::Number>().DoubleValue() : -1;
  if (!(given >= 0 && given <= most)) {
    throw unexpected(from.Env(), (std::string("no number in ") + key).c_str());
  }
  return static_cast<uint32_t>(given);
}

UdpPeer::Address addressFrom(const Napi::Object& given, uint8_t family) {
  UdpPeer::Address address{};
  const std::string text = given.Get("address").ToString().Utf8Value();
  if (inet_pton(family == 4 ? AF_INET : AF_INET6, text.c_str(), address.data()) != 1) {
    throw unexpected(given.Env(), "no address of the family in address");
  }
  return address;
}

Be16 portFrom(const Napi::Object& given) {
  return Be16(static_cast<uint16_t>(number(given, "port", UINT16_MAX)));
}

// All but the memory.
BatchSocket::Options optionsFrom(const Napi::Object& given) {
  BatchSocket::Options options;
  options.family = static_cast<uint8_t>(number(given, "family", 6));
  options.port = portFrom(given);
  options.slot_bytes = number(given, "slotBytes", 65'536);
  options.reuse_port = given.Get("reusePort").ToBoolean();
  options.address = addressFrom(given, options.family);
  options.device = optionalStringField(given, "device").value_or("");
  options.path_mtu = given.Get("pathMtu").ToBoolean();
  if (given.Get("remote").IsObject()) {
    const auto remote = given.Get("remote").As<Napi::Object>();
    options.remote = addressFrom(remote, options.family);
    options.remote_port = portFrom(remote);
    if (options.remote_port == Be16(0)) throw unexpected(given.Env(), "no port of the remote");
  }
  return options;
}

// Marks our objects, whatever else a caller may call one.
constexpr napi_type_tag kTag{0x8a3c'71de'0b52'4f96, 0x9d17'c4e2'6b08'35fa};

}  // namespace

Napi::Function UdpSocketObject::define(Napi::Env env) {
  return DefineClass(env, "UdpSocket",
                     {InstanceMethod<&UdpSocketObject::send>("send"),
                      InstanceMethod<&UdpSocketObject::counters>("counters"),
                      InstanceMethod<&UdpSocketObject::close>("close")});
}

UdpSocketObject::UdpSocketObject(const Napi::CallbackInfo& info)
    : Napi::ObjectWrap<UdpSocketObject>(info) {
  const Napi::Env env = info.Env();
  const bool tells = info.Length() == 3 && info[2].IsFunction();
  if (!(info.Length() == 2 || tells) || !info[0].IsObject() || !info[1].IsFunction()) {
    throw unexpected(env, "options and one function or two expected");
  }
  const auto given = info[0].As<Napi::Object>();
  BatchSocket::Options options = optionsFrom(given);
  const Napi::Value sharing = given.Get("memoryOf");
  if (sharing.IsObject()) {
    if (!sharing.As<Napi::Object>().CheckTypeTag(&kTag)) {
      throw unexpected(env, "no socket in memoryOf");
    }
    options.memory = Unwrap(sharing.As<Napi::Object>())->socket_->memory();
  }
  BatchSocket::Opened opened = BatchSocket::open(options);
  if (!opened.socket) throw systemError(env, opened.error, opened.syscall);
  socket_ = std::move(opened.socket);
  Value().TypeTag(&kTag);
  on_batch_ = Napi::Persistent(info[1].As<Napi::Function>());
  if (tells) on_error_ = Napi::Persistent(info[2].As<Napi::Function>());
  context_.emplace(env, "PlatypusUdpSocket");
  expose(env, sharing);
  watch(env);
}

void UdpSocketObject::expose(Napi::Env env, const Napi::Value& sharing) {
  Napi::Object self = Value();
  const auto set = [&self](const char* key, const Napi::Value& value) {
    self.DefineProperty(Napi::PropertyDescriptor::Value(key, value, napi_enumerable));
  };
  BatchSocket& socket = *socket_;
  set("address", Napi::String::New(env, socket.address().text()));
  set("port", Napi::Number::New(env, socket.port().host()));
  set("slotBytes", Napi::Number::New(env, static_cast<double>(socket.slotBytes())));
  if (sharing.IsObject()) {
    for (const char* key : {"received", "receivedLengths", "receivedPeers", "toSend",
                            "toSendLengths", "toSendPeers"}) {
      set(key, sharing.As<Napi::Object>().Get(key));
    }
    return;
  }
  set("received", arrayOver<Napi::Uint8Array>(env, socket_, socket.received()));
  set("receivedLengths", arrayOver<Napi::Int32Array>(env, socket_, socket.receivedLengths()));
  set("receivedPeers", arrayOver<Napi::Uint8Array>(env, socket_, socket.receivedPeers()));
  set("toSend", arrayOver<Napi::Uint8Array>(env, socket_, socket.toSend()));
  set("toSendLengths", arrayOver<Napi::Int32Array>(env, socket_, socket.toSendLengths()));
  set("toSendPeers", arrayOver<Napi::Uint8Array>(env, socket_, socket.toSendPeers()));
}

// While the event loop watches, nobody may collect the object.
void UdpSocketObject::watch(Napi::Env env) {
  watch_ = DescriptorWatch::start(
      env, socket_->fd(), UV_READABLE, [this] { serve(); }, [this] { stop(); });
  Ref();
}

void UdpSocketObject::serve() {
  for (int round = 0; round < kRounds && watch_ != nullptr; ++round) {
    const BatchSocket::Batch batch = socket_->receive();
    if (batch.count > 0) answer(batch.count);
    if (batch.error != 0) tellError(batch.error);
    if (!batch.full) return;
  }
}

// Calls onBatch and sends what it answers. What it throws is an uncaughtException, and none of its
// batch is sent.
void UdpSocketObject::answer(size_t count) {
  const Napi::Env env = Env();
  const Napi::HandleScope handles(env);
  // Promises and ticks run when this scope closes, so after the sending: they may fill the send
  // slots anew.
  const Napi::CallbackScope callback(env, *context_);
  const napi_value argument = Napi::Number::New(env, static_cast<double>(count));
  const napi_value result = callUncaught(env, Value(), on_batch_.Value(), {argument});
  if (result == nullptr) return;
  double answers = -1;
  (void)napi_get_value_double(env, result, &answers);
  if (answers >= 0 && answers <= double{BatchSocket::kBatch}) {
    socket_->send(static_cast<size_t>(answers));
    return;
  }
  unexpected(env, "onBatch must return 0..64").ThrowAsJavaScriptException();
  raiseUncaught(env);
}

// Calls onError with the error's name.
void UdpSocketObject::tellError(int error) {
  if (on_error_.IsEmpty()) return;
  const Napi::Env env = Env();
  const Napi::HandleScope handles(env);
  const Napi::CallbackScope callback(env, *context_);
  const napi_value name = Napi::String::New(env, uv_err_name(-error));
  (void)callUncaught(env, Value(), on_error_.Value(), {name});
}

void UdpSocketObject::stop() {
  DescriptorWatch* watch = std::exchange(watch_, nullptr);
  if (watch == nullptr) return;
  watch->stop();
  socket_->close();
  // The function is likely to know this object, which so would never be collected.
  on_batch_.Reset();
  on_error_.Reset();
  Unref();
}

Napi::Value UdpSocketObject::send(const Napi::CallbackInfo& info) {
  const double count = info[0].IsNumber() ? info[0].As<Napi::Number>().DoubleValue() : -1;
  if (!(count >= 0 && count <= double{BatchSocket::kBatch})) {
    throw unexpected(info.Env(), "send takes 0..64");
  }
  BatchSocket::Manner manner;
  if (info.Length() > 1 && info[1].IsObject()) {
    const auto given = info[1].As<Napi::Object>();
    manner.dont_fragment = given.Get("dontFragment").ToBoolean();
    manner.no_checksum = given.Get("noChecksum").ToBoolean();
  }
  const size_t refused = watch_ == nullptr ? 0 : socket_->send(static_cast<size_t>(count), manner);
  return Napi::Number::New(info.Env(), static_cast<double>(refused));
}

Napi::Value UdpSocketObject::counters(const Napi::CallbackInfo& info) {
  const BatchSocketCounters& from = socket_->counters();
  Napi::Object counters = Napi::Object::New(info.Env());
  const auto set = [&counters](const char* key, uint64_t value) {
    counters.Set(key, static_cast<double>(value));
  };
  set("received", from.received);
  set("sent", from.sent);
  set("truncated", from.truncated);
  set("send_refused", from.send_refused);
  set("send_dropped", from.send_dropped);
  set("receive_dropped", from.receive_dropped);
  set("bad_source", from.bad_source);
  return counters;
}

void UdpSocketObject::close(const Napi::CallbackInfo&) {
  stop();
}

Napi::Value pathMtuTo(const Napi::CallbackInfo& info) {
  const Napi::Object given = objectArgument(info);
  const auto local = optionalAddressField(given, "local");
  const PathMtu found =
      platypus::pathMtuTo(addressField(given, "remote"), local ? &*local : nullptr,
                          optionalStringField(given, "device").value_or(""));
  if (found.error != 0) throw systemError(info.Env(), found.error, found.syscall);
  return Napi::Number::New(info.Env(), found.bytes);
}

}  // namespace platypus::addon
