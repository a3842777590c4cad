#include "addon/descriptor_watch.h"

#include <memory>
#include <utility>

#include "addon/error.h"

namespace platypus::addon {

DescriptorWatch* DescriptorWatch::start(Napi::Env env, int fd, int events,
                                        std::function<void()> ready,
                                        std::function<void()> environmentEnds) {
  uv_loop_t* loop = nullptr;
  if (napi_get_uv_event_loop(env, &loop) != napi_ok) {
    throw Napi::Error::New(env, "no event loop");
  }
  std::unique_ptr<DescriptorWatch> watch(new DescriptorWatch());
  if (const int error = uv_poll_init(loop, &watch->poll_, fd); error != 0) {
    throw systemError(env, -error, "uv_poll_init");
  }
  // From here on the event loop frees the handle.
  DescriptorWatch* started = watch.release();
  started->poll_.data = started;
  started->events_ = events;
  started->ready_ = std::move(ready);
  started->environment_ends_ = std::move(environmentEnds);
  // A worker thread may end with its socket open. The hook keeps the environment until the handle
  // is closed, for which the loop has to turn once more.
  (void)napi_add_async_cleanup_hook(env, onEnvironmentEnds, started, &started->hook_);
  uv_poll_start(&started->poll_, events, onReady);
  return started;
}

void DescriptorWatch::stop() {
  if (stopped_) return;
  stopped_ = true;
  uv_close(reinterpret_cast<uv_handle_t*>(&poll_), onClosed);
}

void DescriptorWatch::onReady(uv_poll_t* poll, int status, int) {
  auto& watch = *static_cast<DescriptorWatch*>(poll->data);
  watch.ready_();
  // libuv stops watching a descriptor that has an error to tell. To receive has taken the error.
  if (status < 0 && !watch.stopped_) uv_poll_start(poll, watch.events_, onReady);
}

void DescriptorWatch::onClosed(uv_handle_t* handle) {
  const std::unique_ptr<DescriptorWatch> watch(static_cast<DescriptorWatch*>(handle->data));
  (void)napi_remove_async_cleanup_hook(watch->hook_);
}

void DescriptorWatch::onEnvironmentEnds(napi_async_cleanup_hook_handle, void* data) {
  auto& watch = *static_cast<DescriptorWatch*>(data);
  if (!watch.stopped_) watch.environment_ends_();
}

napi_value callUncaught(Napi::Env env, napi_value self, napi_value function,
                        std::initializer_list<napi_value> arguments) {
  napi_value result = nullptr;
  // Not Function::Call: the environment of a thread that is being terminated has no exception to
  // make a C++ one of.
  if (napi_call_function(env, self, function, arguments.size(), arguments.begin(), &result) ==
      napi_ok) {
    return result;
  }
  raiseUncaught(env);
  return nullptr;
}

void raiseUncaught(Napi::Env env) {
  bool pending = false;
  napi_value error = nullptr;
  if (napi_is_exception_pending(env, &pending) == napi_ok && pending &&
      napi_get_and_clear_last_exception(env, &error) == napi_ok) {
    (void)napi_fatal_exception(env, error);
  }
}

}  // namespace platypus::addon
