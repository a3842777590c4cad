// The Tester object of src/native/addon.ts. Opening blocks on a thread of libuv's pool, a trial on
// threads of its own; both settle a promise on Node's thread.
#pragma once

#include <napi.h>

#include <memory>
#include <optional>

#include "tester/tester.h"

namespace platypus::addon {

class TesterObject final : public Napi::ObjectWrap<TesterObject> {
 public:
  static Napi::Function define(Napi::Env env);
  explicit TesterObject(const Napi::CallbackInfo& info);

  /// Takes what was opened.
  void use(std::unique_ptr<tester::Tester> tester) { tester_ = std::move(tester); }

 private:
  Napi::Value open(const Napi::CallbackInfo& info);
  Napi::Value run(const Napi::CallbackInfo& info);
  void abort(const Napi::CallbackInfo& info);
  void clearState(const Napi::CallbackInfo& info);
  void close(const Napi::CallbackInfo& info);
  void settle(Napi::Env env);

  std::unique_ptr<tester::Tester> tester_;
  std::optional<Napi::Promise::Deferred> running_;
  Napi::ThreadSafeFunction ended_;
  bool closing_ = false;
};

}  // namespace platypus::addon
