// The EamTable object of src/native/addon.ts: a share in a table that never changes.
#pragma once

#include <napi.h>

#include <memory>

#include "siit/eam.h"

namespace platypus::addon {

class EamTableObject final : public Napi::ObjectWrap<EamTableObject> {
 public:
  static Napi::Function define(Napi::Env env);
  /// Takes the table out of a Napi::External; only buildEamTable() makes these.
  explicit EamTableObject(const Napi::CallbackInfo& info);
  ~EamTableObject() override;

  /// The table behind `value`: null for null. Throws a TypeError for anything else.
  static std::shared_ptr<const EamTable> from(const Napi::Value& value);

 private:
  Napi::Value size(const Napi::CallbackInfo& info);
  Napi::Value memoryBytes(const Napi::CallbackInfo& info);
  Napi::Value list(const Napi::CallbackInfo& info);
  Napi::Value lookup(const Napi::CallbackInfo& info);
  Napi::Value networks4(const Napi::CallbackInfo& info);

  std::shared_ptr<const EamTable> table_;
};

/// `buildEamTable(base, { remove, add })`: a promise, settled when another thread has built it.
Napi::Value buildEamTable(const Napi::CallbackInfo& info);

}  // namespace platypus::addon
