// The Simulator object of src/native/addon.ts: a worker on a port in memory, the clock in the
// caller's hand.
#pragma once

#include <napi.h>

#include <memory>

#include "dataplane/worker.h"
#include "port/memory.h"

namespace platypus::addon {

class SimulatorObject final : public Napi::ObjectWrap<SimulatorObject> {
 public:
  static Napi::Function define(Napi::Env env);
  explicit SimulatorObject(const Napi::CallbackInfo& info);

 private:
  Napi::Value inject(const Napi::CallbackInfo& info);
  Napi::Value advance(const Napi::CallbackInfo& info);
  Napi::Value counters(const Napi::CallbackInfo& info);
  void configure(const Napi::CallbackInfo& info);
  Napi::Value sessions(const Napi::CallbackInfo& info);
  Napi::Value bib(const Napi::CallbackInfo& info);
  Napi::Value addBib(const Napi::CallbackInfo& info);
  Napi::Value removeBib(const Napi::CallbackInfo& info);
  Napi::Value pool4(const Napi::CallbackInfo& info);
  Napi::Value sizes(const Napi::CallbackInfo& info);
  void trace(const Napi::CallbackInfo& info);
  Napi::Value readTrace(const Napi::CallbackInfo& info);
  Napi::Value readEvents(const Napi::CallbackInfo& info);
  void use(const Napi::Object& config);
  Napi::Array takeSent(Napi::Env env);

  MemoryPort port_;
  std::unique_ptr<Worker> worker_;
};

}  // namespace platypus::addon
