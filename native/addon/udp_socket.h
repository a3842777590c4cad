// The UdpSocket object of src/native/addon.ts: a BatchSocket that the environment's own event loop
// watches, so that it works in Node's worker threads as on the main one.
#pragma once

#include <napi.h>

#include <memory>
#include <optional>

#include "addon/descriptor_watch.h"
#include "udp/batch_socket.h"

namespace platypus::addon {

class UdpSocketObject final : public Napi::ObjectWrap<UdpSocketObject> {
 public:
  static Napi::Function define(Napi::Env env);
  explicit UdpSocketObject(const Napi::CallbackInfo& info);

 private:
  Napi::Value send(const Napi::CallbackInfo& info);
  Napi::Value counters(const Napi::CallbackInfo& info);
  void close(const Napi::CallbackInfo& info);

  void expose(Napi::Env env, const Napi::Value& sharing);
  void watch(Napi::Env env);
  void serve();
  void answer(size_t count);
  void tellError(int error);
  void stop();

  // Shared with the ArrayBuffers, which may outlive this object.
  std::shared_ptr<BatchSocket> socket_;
  // Null once closed. The event loop owns it.
  DescriptorWatch* watch_ = nullptr;
  Napi::FunctionReference on_batch_;
  // Empty when nobody wants to know.
  Napi::FunctionReference on_error_;
  std::optional<Napi::AsyncContext> context_;
};

/// pathMtu() of src/native/addon.ts.
Napi::Value pathMtuTo(const Napi::CallbackInfo& info);

}  // namespace platypus::addon
