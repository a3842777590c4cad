// The OspfSocket object of src/native/addon.ts: an OspfSocket that the environment's own event loop
// watches.
#pragma once

#include <napi.h>

#include <memory>
#include <optional>

#include "addon/descriptor_watch.h"
#include "ospf/raw_socket.h"

namespace platypus::addon {

class OspfSocketObject final : public Napi::ObjectWrap<OspfSocketObject> {
 public:
  static Napi::Function define(Napi::Env env);
  explicit OspfSocketObject(const Napi::CallbackInfo& info);

 private:
  Napi::Value send(const Napi::CallbackInfo& info);
  void join(const Napi::CallbackInfo& info);
  void leave(const Napi::CallbackInfo& info);
  Napi::Value counters(const Napi::CallbackInfo& info);
  void close(const Napi::CallbackInfo& info);

  void serve();
  void stop();

  // Shared with the ArrayBuffers, which may outlive this object.
  std::shared_ptr<OspfSocket> socket_;
  // Null once closed. The event loop owns it.
  DescriptorWatch* watch_ = nullptr;
  Napi::FunctionReference on_batch_;
  std::optional<Napi::AsyncContext> context_;
};

}  // namespace platypus::addon
