#include "addon/dataplane.h"

#include <string>
#include <utility>

#include "addon/convert.h"
#include "addon/error.h"

namespace platypus::addon {
namespace {

/// A request whose answer settles a promise on Node's thread.
class Ask : public Request {
 public:
  virtual void settle(Napi::Env env) = 0;
};

template <typename Step, typename Settle>
class AskOf final : public Ask {
 public:
  AskOf(Step step, Settle settle) : step_(std::move(step)), settle_(std::move(settle)) {}
  bool step(Worker& worker) override { return step_(worker); }
  void settle(Napi::Env env) override { settle_(env); }

 private:
  Step step_;
  Settle settle_;
};

template <typename Step, typename Settle>
std::unique_ptr<Request> ask(Step step, Settle settle) {
  return std::make_unique<AskOf<Step, Settle>>(std::move(step), std::move(settle));
}

Napi::Object argument(const Napi::CallbackInfo& info) {
  if (info.Length() < 1 || !info[0].IsObject()) {
    throw Napi::TypeError::New(info.Env(), "dataplane: an object expected");
  }
  return info[0].As<Napi::Object>();
}

OffloadLevel offloadFrom(const std::string& word) {
  if (word == "none") return OffloadLevel::kNone;
  if (word == "checksum") return OffloadLevel::kChecksum;
  return word == "tso" ? OffloadLevel::kTso : OffloadLevel::kAll;
}

/// What an administrator is told of a port that was not lent; kOk where it was.
Tables::AddResult refusalOf(Tables::LendResult lent) {
  switch (lent) {
    case Tables::LendResult::kV4Taken:
      return Tables::AddResult::kV4Taken;
    case Tables::LendResult::kNotInPool4:
      return Tables::AddResult::kNotInPool4;
    case Tables::LendResult::kNoRoom:
      return Tables::AddResult::kNoRoom;
    default:
      return Tables::AddResult::kOk;
  }
}

/// A cursor over several workers: which one, and where in it.
constexpr double kWorkerStride = 4294967296.0;

}  // namespace

Napi::Function DataplaneObject::define(Napi::Env env) {
  return DefineClass(env, "Dataplane",
                     {
                         InstanceMethod<&DataplaneObject::start>("start"),
                         InstanceMethod<&DataplaneObject::stop>("stop"),
                         InstanceMethod<&DataplaneObject::alive>("alive"),
                         InstanceAccessor<&DataplaneObject::device>("device"),
                         InstanceAccessor<&DataplaneObject::offload>("offload"),
                         InstanceAccessor<&DataplaneObject::workers>("workers"),
                         InstanceMethod<&DataplaneObject::counters>("counters"),
                         InstanceMethod<&DataplaneObject::configure>("configure"),
                         InstanceMethod<&DataplaneObject::sessions>("sessions"),
                         InstanceMethod<&DataplaneObject::bib>("bib"),
                         InstanceMethod<&DataplaneObject::addBib>("addBib"),
                         InstanceMethod<&DataplaneObject::removeBib>("removeBib"),
                         InstanceMethod<&DataplaneObject::pool4>("pool4"),
                         InstanceMethod<&DataplaneObject::sizes>("sizes"),
                         InstanceMethod<&DataplaneObject::trace>("trace"),
                         InstanceMethod<&DataplaneObject::readTrace>("readTrace"),
                         InstanceMethod<&DataplaneObject::readEvents>("readEvents"),
                     });
}

DataplaneObject::DataplaneObject(const Napi::CallbackInfo& info)
    : Napi::ObjectWrap<DataplaneObject>(info) {
  const Napi::Object options = argument(info);
  const auto config = options.Get("config").As<Napi::Object>();
  const std::string device = options.Get("device").As<Napi::String>().Utf8Value();
  mode_ = modeFrom(config);
  Dataplane::Options core;
  core.device = device;
  core.offload = offloadFrom(options.Get("offload").As<Napi::String>().Utf8Value());
  const auto threads = options.Get("threads").As<Napi::Object>();
  core.workers = static_cast<uint16_t>(threads.Get("workers").As<Napi::Number>().Uint32Value());
  core.subscriber_bits =
      static_cast<uint8_t>(threads.Get("subscriberBits").As<Napi::Number>().Uint32Value());
  const auto cpus = threads.Get("cpus").As<Napi::Array>();
  for (uint32_t i = 0; i < cpus.Length(); ++i) {
    core.cpus.push_back(static_cast<uint16_t>(cpus.Get(i).As<Napi::Number>().Uint32Value()));
  }
  if (core.workers == 0 || core.workers > Owners::kMost ||
      (!core.cpus.empty() && core.cpus.size() != core.workers)) {
    throw Napi::TypeError::New(info.Env(),
                               "dataplane: 1 to 16 workers expected, each with a cpu or none");
  }
  core.mode = mode_;
  core.limits = limitsFrom(options.Get("limits").As<Napi::Object>(), config);
  core.config = configFrom(config);
  // No data goes with the call: the answers wait in the outboxes.
  core.notify = [](void* context) {
    static_cast<DataplaneObject*>(context)->answered_.NonBlockingCall(
        [context](Napi::Env env, Napi::Function) {
          static_cast<DataplaneObject*>(context)->settleAnswers(env);
        });
  };
  core.context = this;
  Dataplane::Opened opened = Dataplane::open(core);
  if (opened.dataplane == nullptr) {
    throw systemError(info.Env(), opened.error, opened.syscall, device.c_str());
  }
  dataplane_ = std::move(opened.dataplane);
  answered_ = Napi::ThreadSafeFunction::New(
      info.Env(), Napi::Function::New(info.Env(), [](const Napi::CallbackInfo&) {}),
      "platypus answers", 0, 1);
}

DataplaneObject::~DataplaneObject() {
  close();
}

void DataplaneObject::close() {
  if (dataplane_ == nullptr) return;
  dataplane_->stop();
  dataplane_.reset();
  answered_.Release();
}

Dataplane& DataplaneObject::running(Napi::Env env) {
  if (dataplane_ == nullptr) throw Napi::Error::New(env, "dataplane: it was stopped");
  return *dataplane_;
}

void DataplaneObject::settleAnswers(Napi::Env env) {
  // A call may come after stop().
  while (dataplane_ != nullptr) {
    const auto request = dataplane_->answer();
    if (request == nullptr) return;
    static_cast<Ask*>(request.get())->settle(env);
  }
}

void DataplaneObject::start(const Napi::CallbackInfo& info) {
  const int error = running(info.Env()).start();
  if (error != 0) throw systemError(info.Env(), error, "pthread_create");
}

void DataplaneObject::stop(const Napi::CallbackInfo&) {
  close();
}

Napi::Value DataplaneObject::alive(const Napi::CallbackInfo& info) {
  return Napi::Boolean::New(info.Env(), dataplane_ != nullptr && dataplane_->alive());
}

Napi::Value DataplaneObject::device(const Napi::CallbackInfo& info) {
  return Napi::String::New(info.Env(), std::string(running(info.Env()).device()));
}

Napi::Value DataplaneObject::offload(const Napi::CallbackInfo& info) {
  const TunCapabilities& capabilities = running(info.Env()).capabilities();
  Napi::Object result = Napi::Object::New(info.Env());
  result.Set("checksum", capabilities.checksum);
  result.Set("tso", capabilities.tso);
  result.Set("uso", capabilities.uso);
  return result;
}

Napi::Value DataplaneObject::workers(const Napi::CallbackInfo& info) {
  const Dataplane& dataplane = running(info.Env());
  Napi::Object result = Napi::Object::New(info.Env());
  result.Set("count", static_cast<double>(dataplane.workers()));
  result.Set("steered", dataplane.isSteered());
  return result;
}

Napi::Value DataplaneObject::counters(const Napi::CallbackInfo& info) {
  std::array<uint64_t, kCounters> sums;
  running(info.Env()).readCounters(sums);
  auto result = Napi::BigUint64Array::New(info.Env(), kCounters);
  for (size_t i = 0; i < kCounters; ++i) result[i] = sums[i];
  return result;
}

Napi::Value DataplaneObject::configure(const Napi::CallbackInfo& info) {
  Dataplane& dataplane = running(info.Env());
  const Napi::Object given = argument(info);
  if (modeFrom(given) != mode_) {
    throw Napi::TypeError::New(info.Env(), "dataplane: the mode is fixed at start");
  }
  const std::shared_ptr<const Config> config = configFrom(given);
  auto deferred = Napi::Promise::Deferred::New(info.Env());
  auto left = std::make_shared<size_t>(dataplane.workers());
  for (size_t worker = 0; worker < dataplane.workers(); ++worker) {
    dataplane.ask(worker, ask(
                              [config = config, begun = false](Worker& it) mutable {
                                if (!begun) config = it.use(std::move(config));
                                begun = true;
                                return it.continueUse();
                              },
                              [deferred, left](Napi::Env env) {
                                if (--*left == 0) deferred.Resolve(env.Undefined());
                              }));
  }
  return deferred.Promise();
}

template <typename AnyPage>
Napi::Value DataplaneObject::list(const Napi::CallbackInfo& info) {
  Dataplane& dataplane = running(info.Env());
  const Napi::Object given = argument(info);
  const TableQuery query = queryFrom(given);
  const double cursor = given.Get("cursor").As<Napi::Number>().DoubleValue();
  const auto worker = static_cast<size_t>(cursor / kWorkerStride);
  auto deferred = Napi::Promise::Deferred::New(info.Env());
  const size_t workers = dataplane.workers();
  auto page = std::make_shared<AnyPage>();
  if (worker >= workers) {
    deferred.Resolve(pageTo(info.Env(), *page, 0));
    return deferred.Promise();
  }
  page->rows.reserve(query.limit);
  dataplane.ask(worker, ask(
                            [query, page](Worker& it) {
                              it.list(query, *page);
                              return true;
                            },
                            [deferred, page, worker, workers](Napi::Env env) {
                              double next = 0;
                              if (page->next != 0) {
                                next = static_cast<double>(worker) * kWorkerStride + page->next;
                              } else if (worker + 1 < workers) {
                                next = static_cast<double>(worker + 1) * kWorkerStride;
                              }
                              deferred.Resolve(pageTo(env, *page, next));
                            }));
  return deferred.Promise();
}

Napi::Value DataplaneObject::sessions(const Napi::CallbackInfo& info) {
  return list<SessionPage>(info);
}

Napi::Value DataplaneObject::bib(const Napi::CallbackInfo& info) {
  return list<BibPage>(info);
}

Napi::Value DataplaneObject::addBib(const Napi::CallbackInfo& info) {
  const BibArgument entry = bibFrom(argument(info), true);
  const Owners& owners = running(info.Env()).owners();
  auto deferred = Napi::Promise::Deferred::New(info.Env());
  const uint16_t worker = owners.ofHost(entry.host);
  const uint16_t lender = owners.ofPort(entry.pool_port);
  if (worker == lender) {
    addBibAt(worker, entry, [deferred](Napi::Env env, Tables::AddResult result) {
      deferred.Resolve(addResultTo(env, result));
    });
    return deferred.Promise();
  }
  // The host's worker has the entry; the port's worker lends it the port.
  auto lent = std::make_shared<Tables::LendResult>();
  dataplane_->ask(lender, ask(
                              [entry, lent, worker](Worker& it) {
                                *lent = it.lend(entry.proto, entry.pool, entry.pool_port, worker);
                                return true;
                              },
                              [this, entry, lent, worker, lender, deferred](Napi::Env lent_env) {
                                const auto refused = refusalOf(*lent);
                                if (refused != Tables::AddResult::kOk) {
                                  return deferred.Resolve(addResultTo(lent_env, refused));
                                }
                                const bool is_new = *lent == Tables::LendResult::kLent;
                                addBibAt(worker, entry,
                                         [this, entry, is_new, lender, deferred](
                                             Napi::Env env, Tables::AddResult result) {
                                           if (result != Tables::AddResult::kOk && is_new) {
                                             takeBack(lender, entry);
                                           }
                                           deferred.Resolve(addResultTo(env, result));
                                         });
                              }));
  return deferred.Promise();
}

template <typename Then>
void DataplaneObject::addBibAt(uint16_t worker, const BibArgument& entry, Then then) {
  auto result = std::make_shared<Tables::AddResult>();
  dataplane_->ask(worker, ask(
                              [entry, result](Worker& it) {
                                *result = it.addBib(entry.proto, entry.host, entry.host_port,
                                                    entry.pool, entry.pool_port);
                                return true;
                              },
                              [result, then](Napi::Env env) { then(env, *result); }));
}

void DataplaneObject::takeBack(uint16_t lender, const BibArgument& entry) {
  dataplane_->ask(lender, ask(
                              [entry](Worker& it) {
                                (void)it.takeBack(entry.proto, entry.pool, entry.pool_port);
                                return true;
                              },
                              [](Napi::Env) {}));
}

Napi::Value DataplaneObject::removeBib(const Napi::CallbackInfo& info) {
  const BibArgument entry = bibFrom(argument(info), false);
  const uint16_t lender = running(info.Env()).owners().ofPort(entry.pool_port);
  auto deferred = Napi::Promise::Deferred::New(info.Env());
  auto holder = std::make_shared<uint16_t>();
  dataplane_->ask(lender, ask(
                              [entry, holder](Worker& it) {
                                *holder = it.holder(entry.proto, entry.pool, entry.pool_port);
                                return true;
                              },
                              [this, entry, holder, lender, deferred](Napi::Env) {
                                removeBibAt(*holder, entry, [=, this](Napi::Env env, bool found) {
                                  if (*holder != lender) takeBack(lender, entry);
                                  deferred.Resolve(Napi::Boolean::New(env, found));
                                });
                              }));
  return deferred.Promise();
}

template <typename Then>
void DataplaneObject::removeBibAt(uint16_t worker, const BibArgument& entry, Then then) {
  // Found once, the entry is removed, however many steps its sessions take.
  auto found = std::make_shared<bool>(false);
  dataplane_->ask(worker, ask(
                              [entry, found](Worker& it) {
                                const auto step =
                                    it.removeBib(entry.proto, entry.pool, entry.pool_port);
                                if (step != Worker::RemoveResult::kNone) *found = true;
                                return step != Worker::RemoveResult::kGoOn;
                              },
                              [found, then](Napi::Env env) { then(env, *found); }));
}

/// Has every worker do `step` with a part of its own and settles with what `finish` makes of all.
template <typename Part, typename Step, typename Finish>
Napi::Value DataplaneObject::gather(const Napi::CallbackInfo& info, std::vector<Part> parts,
                                    Step step, Finish finish) {
  Dataplane& dataplane = running(info.Env());
  auto deferred = Napi::Promise::Deferred::New(info.Env());
  struct Gathered {
    size_t left;
    std::vector<Part> parts;
  };
  auto all = std::make_shared<Gathered>(Gathered{dataplane.workers(), std::move(parts)});
  for (size_t worker = 0; worker < dataplane.workers(); ++worker) {
    dataplane.ask(worker, ask(
                              [all, worker, step](Worker& it) {
                                step(it, all->parts[worker]);
                                return true;
                              },
                              [deferred, all, finish](Napi::Env env) {
                                if (--all->left == 0) deferred.Resolve(finish(env, all->parts));
                              }));
  }
  return deferred.Promise();
}

Napi::Value DataplaneObject::pool4(const Napi::CallbackInfo& info) {
  std::vector<std::vector<Pool4::Usage>> parts(running(info.Env()).workers());
  for (auto& part : parts) part.reserve(Pool4::kMost);
  return gather(
      info, std::move(parts), [](Worker& it, std::vector<Pool4::Usage>& part) { it.pool4(part); },
      [](Napi::Env env, std::vector<std::vector<Pool4::Usage>>& all) {
        std::vector<Pool4::Usage>& sum = all.front();
        for (size_t part = 1; part < all.size(); ++part) {
          for (size_t n = 0; n < sum.size(); ++n) {
            const Pool4::Usage& more = all[part][n];
            sum[n].hosts += more.hosts;
            for (size_t p = 0; p < kProtos; ++p) sum[n].used[p] += more.used[p];
          }
        }
        return pool4To(env, sum);
      });
}

Napi::Value DataplaneObject::sizes(const Napi::CallbackInfo& info) {
  return gather(
      info, std::vector<TableSizes>(running(info.Env()).workers()),
      [](Worker& it, TableSizes& part) { part = it.sizes(); },
      [](Napi::Env env, const std::vector<TableSizes>& all) {
        TableSizes sum;
        for (const TableSizes& part : all) {
          sum.sessions += part.sessions;
          sum.bib += part.bib;
          sum.static_bib += part.static_bib;
          sum.hosts += part.hosts;
          sum.reassembly += part.reassembly;
          sum.stored_syns += part.stored_syns;
          sum.path_mtus += part.path_mtus;
          sum.memory_bytes += part.memory_bytes;
        }
        return sizesTo(env, sum);
      });
}

Napi::Value DataplaneObject::trace(const Napi::CallbackInfo& info) {
  // What is swapped out is freed on Node's thread, not on the worker's.
  std::vector<std::unique_ptr<Trace>> parts(running(info.Env()).workers());
  if (info.Length() > 0 && info[0].IsObject()) {
    const TraceFilter filter = traceFilterFrom(argument(info));
    for (auto& part : parts) {
      part = std::make_unique<Trace>(filter, std::make_unique<TracePage>());
    }
  }
  return gather(
      info, std::move(parts), [](Worker& it, std::unique_ptr<Trace>& part) { it.swapTrace(part); },
      [](Napi::Env env, auto&) { return env.Undefined(); });
}

Napi::Value DataplaneObject::readTrace(const Napi::CallbackInfo& info) {
  std::vector<std::unique_ptr<TracePage>> parts(running(info.Env()).workers());
  for (auto& part : parts) part = std::make_unique<TracePage>();
  return gather(
      info, std::move(parts),
      [](Worker& it, std::unique_ptr<TracePage>& part) { it.swapTracePage(part); },
      [](Napi::Env env, const std::vector<std::unique_ptr<TracePage>>& all) {
        return tracesTo(env, all);
      });
}

Napi::Value DataplaneObject::readEvents(const Napi::CallbackInfo& info) {
  return gather(
      info, std::vector<DropEvents>(running(info.Env()).workers()),
      [](Worker& it, DropEvents& part) { it.takeEvents(part); },
      [](Napi::Env env, const std::vector<DropEvents>& all) { return eventsTo(env, all); });
}

}  // namespace platypus::addon
