// The Clat object of src/native/addon.ts: a clat::Client that the environment's own event loop
// watches.
#pragma once

#include <napi.h>

#include <memory>
#include <optional>

#include "addon/descriptor_watch.h"
#include "clat/client.h"

namespace platypus::addon {

class ClatObject final : public Napi::ObjectWrap<ClatObject> {
 public:
  static Napi::Function define(Napi::Env env);
  explicit ClatObject(const Napi::CallbackInfo& info);

 private:
  Napi::Value plan(const Napi::CallbackInfo& info);
  Napi::Value counters(const Napi::CallbackInfo& info);
  void attach(const Napi::CallbackInfo& info);
  void detach(const Napi::CallbackInfo& info);
  void watchTables(const Napi::CallbackInfo& info);
  void close(const Napi::CallbackInfo& info);

  void serve();
  void stop();

  std::unique_ptr<clat::Client> client_;
  // Null once closed. The event loop owns it.
  DescriptorWatch* watch_ = nullptr;
  Napi::FunctionReference on_change_;
  std::optional<Napi::AsyncContext> context_;
};

/// readPref64(option: Uint8Array), findPref64(addresses: string[]).
Napi::Value readPref64(const Napi::CallbackInfo& info);
Napi::Value findPref64(const Napi::CallbackInfo& info);

}  // namespace platypus::addon
