#include "addon/udp_socket.h"

#include <arpa/inet.h>
#include <uv.h>

#include <string>
#include <utility>

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

BatchSocket::Options optionsFrom(const Napi::Object& given) {
  BatchSocket::Options options;
  options.family = static_cast<uint8_t>(number(given, "family", 6));
  options.port = Be16(static_cast<uint16_t>(number(given, "port", UINT16_MAX)));
  options.slot_bytes = number(given, "slotBytes", 65'536);
  options.reuse_port = given.Get("reusePort").ToBoolean();
  const std::string address = given.Get("address").ToString().Utf8Value();
  const int family = options.family == 4 ? AF_INET : AF_INET6;
  if (inet_pton(family, address.c_str(), options.address.data()) != 1) {
    throw unexpected(given.Env(), "no address of the family in address");
  }
  return options;
}

// `memory` of the socket as a typed array, which keeps the socket's memory.
template <typename Array, typename Memory>
Array arrayOver(Napi::Env env, const std::shared_ptr<BatchSocket>& socket, Memory memory) {
  const size_t bytes = memory.size_bytes();
  auto* share = new std::shared_ptr<BatchSocket>(socket);
  const auto buffer = Napi::ArrayBuffer::New(
      env, memory.data(), bytes,
      [](Napi::Env, void*, std::shared_ptr<BatchSocket>* kept) { delete kept; }, share);
  return Array::New(env, bytes / sizeof(*Array().Data()), buffer, 0);
}

}  // namespace

/// The event loop's handle. It may outlive the object: a loop lets go of a handle a turn late.
struct UdpSocketObject::Watch {
  static void onReadable(uv_poll_t* poll, int status, int events);
  static void onClosed(uv_handle_t* handle);
  static void onEnvironmentEnds(napi_async_cleanup_hook_handle hook, void* data);

  uv_poll_t poll{};
  // Null once it is being closed.
  UdpSocketObject* object = nullptr;
  napi_async_cleanup_hook_handle hook = nullptr;
};

Napi::Function UdpSocketObject::define(Napi::Env env) {
  return DefineClass(env, "UdpSocket",
                     {InstanceMethod<&UdpSocketObject::send>("send"),
                      InstanceMethod<&UdpSocketObject::counters>("counters"),
                      InstanceMethod<&UdpSocketObject::close>("close")});
}

UdpSocketObject::UdpSocketObject(const Napi::CallbackInfo& info)
    : Napi::ObjectWrap<UdpSocketObject>(info) {
  const Napi::Env env = info.Env();
  if (info.Length() != 2 || !info[0].IsObject() || !info[1].IsFunction()) {
    throw unexpected(env, "options and a function expected");
  }
  const auto given = info[0].As<Napi::Object>();
  BatchSocket::Opened opened = BatchSocket::open(optionsFrom(given));
  if (!opened.socket) throw systemError(env, opened.error, opened.syscall);
  socket_ = std::move(opened.socket);
  on_batch_ = Napi::Persistent(info[1].As<Napi::Function>());
  context_.emplace(env, "PlatypusUdpSocket");
  expose(env);
  watch(env);
}

void UdpSocketObject::expose(Napi::Env env) {
  Napi::Object self = Value();
  const auto set = [&self](const char* key, const Napi::Value& value) {
    self.DefineProperty(Napi::PropertyDescriptor::Value(key, value, napi_enumerable));
  };
  BatchSocket& socket = *socket_;
  set("received", arrayOver<Napi::Uint8Array>(env, socket_, socket.received()));
  set("receivedLengths", arrayOver<Napi::Int32Array>(env, socket_, socket.receivedLengths()));
  set("receivedPeers", arrayOver<Napi::Uint8Array>(env, socket_, socket.receivedPeers()));
  set("toSend", arrayOver<Napi::Uint8Array>(env, socket_, socket.toSend()));
  set("toSendLengths", arrayOver<Napi::Int32Array>(env, socket_, socket.toSendLengths()));
  set("toSendPeers", arrayOver<Napi::Uint8Array>(env, socket_, socket.toSendPeers()));
  set("port", Napi::Number::New(env, socket.port().host()));
  set("slotBytes", Napi::Number::New(env, static_cast<double>(socket.slotBytes())));
}

// From here on the event loop frees the handle; and while it watches, nobody may collect the
// object.
void UdpSocketObject::watch(Napi::Env env) {
  uv_loop_t* loop = nullptr;
  if (napi_get_uv_event_loop(env, &loop) != napi_ok) throw unexpected(env, "no event loop");
  auto watch = std::make_unique<Watch>();
  if (const int error = uv_poll_init(loop, &watch->poll, socket_->fd()); error != 0) {
    throw systemError(env, -error, "uv_poll_init");
  }
  watch_ = watch.release();
  watch_->poll.data = watch_;
  watch_->object = this;
  Ref();
  // A worker thread may end with its socket open. The hook keeps the environment until the handle
  // is closed, for which the loop has to turn once more.
  (void)napi_add_async_cleanup_hook(env, Watch::onEnvironmentEnds, watch_, &watch_->hook);
  uv_poll_start(&watch_->poll, UV_READABLE, Watch::onReadable);
}

void UdpSocketObject::Watch::onEnvironmentEnds(napi_async_cleanup_hook_handle, void* data) {
  UdpSocketObject* object = static_cast<Watch*>(data)->object;
  if (object != nullptr) object->stop();
}

void UdpSocketObject::Watch::onReadable(uv_poll_t* poll, int status, int) {
  Watch& watch = *static_cast<Watch*>(poll->data);
  watch.object->serve();
  // libuv stops watching a descriptor that has an error to tell. To receive has taken the error.
  if (status < 0 && watch.object != nullptr) uv_poll_start(poll, UV_READABLE, onReadable);
}

void UdpSocketObject::Watch::onClosed(uv_handle_t* handle) {
  const std::unique_ptr<Watch> watch(static_cast<Watch*>(handle->data));
  (void)napi_remove_async_cleanup_hook(watch->hook);
}

void UdpSocketObject::serve() {
  for (int round = 0; round < kRounds && watch_ != nullptr; ++round) {
    const BatchSocket::Batch batch = socket_->receive();
    if (batch.count > 0) answer(batch.count);
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
  napi_value result = nullptr;
  double answers = -1;
  // Not Function::Call: the environment of a thread that is being terminated has no exception to
  // make a C++ one of.
  if (napi_call_function(env, Value(), on_batch_.Value(), 1, &argument, &result) == napi_ok) {
    (void)napi_get_value_double(env, result, &answers);
    if (answers >= 0 && answers <= double{BatchSocket::kBatch}) {
      socket_->send(static_cast<size_t>(answers));
      return;
    }
    unexpected(env, "onBatch must return 0..64").ThrowAsJavaScriptException();
  }
  bool pending = false;
  napi_value error = nullptr;
  if (napi_is_exception_pending(env, &pending) == napi_ok && pending &&
      napi_get_and_clear_last_exception(env, &error) == napi_ok) {
    (void)napi_fatal_exception(env, error);
  }
}

void UdpSocketObject::stop() {
  Watch* watch = std::exchange(watch_, nullptr);
  if (watch == nullptr) return;
  watch->object = nullptr;
  uv_close(reinterpret_cast<uv_handle_t*>(&watch->poll), Watch::onClosed);
  socket_->close();
  // The function is likely to know this object, which so would never be collected.
  on_batch_.Reset();
  Unref();
}

void UdpSocketObject::send(const Napi::CallbackInfo& info) {
  const double count = info[0].IsNumber() ? info[0].As<Napi::Number>().DoubleValue() : -1;
  if (!(count >= 0 && count <= double{BatchSocket::kBatch})) {
    throw unexpected(info.Env(), "send takes 0..64");
  }
  if (watch_ != nullptr) socket_->send(static_cast<size_t>(count));
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
  set("bad_source", from.bad_source);
  return counters;
}

void UdpSocketObject::close(const Napi::CallbackInfo&) {
  stop();
}

}  // namespace platypus::addon
