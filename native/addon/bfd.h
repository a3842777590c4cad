// The Bfd object of src/native/addon.ts: a bfd::Engine whose changes the environment's own event
// loop takes.
#pragma once

#include <napi.h>

#include <memory>
#include <optional>

#include "addon/descriptor_watch.h"
#include "bfd/engine.h"

namespace platypus::addon {

class BfdObject final : public Napi::ObjectWrap<BfdObject> {
 public:
  static Napi::Function define(Napi::Env env);
  explicit BfdObject(const Napi::CallbackInfo& info);

 private:
  Napi::Value add(const Napi::CallbackInfo& info);
  void change(const Napi::CallbackInfo& info);
  void adminDown(const Napi::CallbackInfo& info);
  void remove(const Napi::CallbackInfo& info);
  Napi::Value sessions(const Napi::CallbackInfo& info);
  Napi::Value counters(const Napi::CallbackInfo& info);
  void close(const Napi::CallbackInfo& info);

  void tell();
  void stop();

  std::unique_ptr<bfd::Engine> engine_;
  // Null once closed. The event loop owns it.
  DescriptorWatch* watch_ = nullptr;
  Napi::FunctionReference on_change_;
  std::optional<Napi::AsyncContext> context_;
};

}  // namespace platypus::addon
