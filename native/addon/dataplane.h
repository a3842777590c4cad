// The Dataplane object of src/native/addon.ts. Calls that need a worker return promises; they are
// settled on Node's thread when the worker's answers come back.
#pragma once

#include <napi.h>

#include <memory>

#include "addon/convert.h"
#include "dataplane/dataplane.h"

namespace platypus::addon {

class DataplaneObject final : public Napi::ObjectWrap<DataplaneObject> {
 public:
  static Napi::Function define(Napi::Env env);
  explicit DataplaneObject(const Napi::CallbackInfo& info);
  ~DataplaneObject() override;

 private:
  void start(const Napi::CallbackInfo& info);
  void stop(const Napi::CallbackInfo& info);
  Napi::Value alive(const Napi::CallbackInfo& info);
  Napi::Value device(const Napi::CallbackInfo& info);
  Napi::Value offload(const Napi::CallbackInfo& info);
  Napi::Value workers(const Napi::CallbackInfo& info);
  Napi::Value counters(const Napi::CallbackInfo& info);
  Napi::Value configure(const Napi::CallbackInfo& info);
  Napi::Value sessions(const Napi::CallbackInfo& info);
  Napi::Value bib(const Napi::CallbackInfo& info);
  Napi::Value addBib(const Napi::CallbackInfo& info);
  Napi::Value removeBib(const Napi::CallbackInfo& info);
  Napi::Value pool4(const Napi::CallbackInfo& info);
  Napi::Value sizes(const Napi::CallbackInfo& info);
  Napi::Value trace(const Napi::CallbackInfo& info);
  Napi::Value readTrace(const Napi::CallbackInfo& info);
  Napi::Value readEvents(const Napi::CallbackInfo& info);

  template <typename AnyPage>
  Napi::Value list(const Napi::CallbackInfo& info);
  template <typename Part, typename Step, typename Finish>
  Napi::Value gather(const Napi::CallbackInfo& info, std::vector<Part> parts, Step step,
                     Finish finish);
  Dataplane& running(Napi::Env env);
  template <typename Then>
  void addBibAt(uint16_t worker, const BibArgument& entry, Then then);
  template <typename Then>
  void removeBibAt(uint16_t worker, const BibArgument& entry, Then then);
  void takeBack(uint16_t lender, const BibArgument& entry);
  void settleAnswers(Napi::Env env);
  void close();

  std::unique_ptr<Dataplane> dataplane_;
  Napi::ThreadSafeFunction answered_;
  Mode mode_ = Mode::kNat64;
};

}  // namespace platypus::addon
