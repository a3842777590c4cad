#include "addon/link_socket.h"

#include <net/ethernet.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "addon/arguments.h"
#include "addon/error.h"

namespace platypus::addon {
namespace {

// Packets handed on before the event loop has its turn again.
constexpr int kRounds = 32;

std::vector<LinkSocket::Match> matchesOf(const Napi::Object& given) {
  const Napi::Value value = given.Get("matches");
  if (!value.IsArray()) throw Napi::TypeError::New(given.Env(), "link socket: no list of matches");
  const auto array = value.As<Napi::Array>();
  std::vector<LinkSocket::Match> matches;
  for (uint32_t i = 0; i < array.Length() && i <= LinkSocket::kMostMatches; ++i) {
    const Napi::Value entry = array[i];
    if (!entry.IsObject()) throw Napi::TypeError::New(given.Env(), "link socket: no match");
    const auto object = entry.As<Napi::Object>();
    const auto number = [&object](const char* key, double most) {
      return static_cast<uint32_t>(numberField(object, key, 0, most));
    };
    matches.push_back({.offset = number("offset", 65'535),
                       .mask = number("mask", 4'294'967'295.0),
                       .value = number("value", 4'294'967'295.0)});
  }
  return matches;
}

Napi::Uint8Array bytesArgument(const Napi::CallbackInfo& info, size_t index) {
  const Napi::Value value = info[index];
  if (!value.IsTypedArray() || value.As<Napi::TypedArray>().TypedArrayType() != napi_uint8_array) {
    throw Napi::TypeError::New(info.Env(), "link socket: a Uint8Array expected");
  }
  return value.As<Napi::Uint8Array>();
}

}  // namespace

Napi::Function LinkSocketObject::define(Napi::Env env) {
  return DefineClass(env, "LinkSocket",
                     {InstanceMethod<&LinkSocketObject::send>("send"),
                      InstanceMethod<&LinkSocketObject::close>("close")});
}

LinkSocketObject::LinkSocketObject(const Napi::CallbackInfo& info)
    : Napi::ObjectWrap<LinkSocketObject>(info) {
  const Napi::Env env = info.Env();
  const Napi::Object given = objectArgument(info);
  if (info.Length() != 2 || !info[1].IsFunction()) {
    throw Napi::TypeError::New(env, "link socket: options and a function expected");
  }
  device_ = stringField(given, "device");
  ether_type_ = numberField(given, "family", 4, 6) == 6 ? ETHERTYPE_IPV6 : ETHERTYPE_IP;
  OpenedSocket opened = LinkSocket::open(device_.c_str(), ether_type_, matchesOf(given));
  if (!opened.socket) throw systemError(env, opened.error, opened.syscall);
  socket_ = std::move(opened.socket);
  on_packet_ = Napi::Persistent(info[1].As<Napi::Function>());
  context_.emplace(env, "PlatypusLinkSocket");
  // While the event loop watches, nobody may collect the object.
  watch_ = DescriptorWatch::start(
      env, socket_.fd(), UV_READABLE, [this] { serve(); }, [this] { stop(); });
  Ref();
}

void LinkSocketObject::serve() {
  const Napi::Env env = Env();
  for (int round = 0; round < kRounds && watch_ != nullptr; ++round) {
    LinkAddress source{};
    const long length = LinkSocket::receive(socket_.fd(), buffer_, source);
    if (length < 0) return;
    if (length == 0) continue;
    const Napi::HandleScope handles(env);
    const Napi::CallbackScope callback(env, *context_);
    const auto copy = [env](std::span<const std::byte> from) {
      auto to = Napi::Uint8Array::New(env, from.size());
      std::ranges::copy(from, reinterpret_cast<std::byte*>(to.Data()));
      return to;
    };
    callUncaught(env, Value(), on_packet_.Value(),
                 {copy(std::span(buffer_).first(static_cast<size_t>(length))), copy(source)});
  }
}

void LinkSocketObject::stop() {
  DescriptorWatch* watch = std::exchange(watch_, nullptr);
  if (watch == nullptr) return;
  watch->stop();
  socket_.close();
  // The function is likely to know this object, which so would never be collected.
  on_packet_.Reset();
  Unref();
}

void LinkSocketObject::send(const Napi::CallbackInfo& info) {
  const Napi::Uint8Array packet = bytesArgument(info, 0);
  const Napi::Uint8Array to = bytesArgument(info, 1);
  LinkAddress destination{};
  if (to.ByteLength() != destination.size()) {
    throw Napi::TypeError::New(info.Env(), "link socket: a link address of 6 bytes expected");
  }
  std::copy_n(reinterpret_cast<const std::byte*>(to.Data()), destination.size(),
              destination.begin());
  const std::span bytes(packet.Data(), packet.ByteLength());
  const int error = watch_ == nullptr ? EBADF
                                      : LinkSocket::send(socket_.fd(), device_.c_str(), ether_type_,
                                                         std::as_bytes(bytes), destination);
  if (error != 0) throw systemError(info.Env(), error, "sendto");
}

void LinkSocketObject::close(const Napi::CallbackInfo&) {
  stop();
}

}  // namespace platypus::addon
