// A descriptor that the environment's own event loop watches, so that it works in Node's worker
// threads as on the main one.
#pragma once

#include <napi.h>
#include <uv.h>

#include <functional>

namespace platypus::addon {

/// The event loop's handle; it frees itself a turn after stop(), as loops let go of handles late.
class DescriptorWatch {
 public:
  /// `ready` is called whenever `fd` is ready for `events` (UV_READABLE, UV_WRITABLE) or has an
  /// error to tell; `environmentEnds` when a worker thread ends with the watch running, and has to
  /// call stop(). Throws an Error with code and syscall.
  static DescriptorWatch* start(Napi::Env env, int fd, int events, std::function<void()> ready,
                                std::function<void()> environmentEnds);

  /// No call comes afterwards, and the descriptor may be closed or handed on.
  void stop();

 private:
  DescriptorWatch() = default;
  static void onReady(uv_poll_t* poll, int status, int events);
  static void onClosed(uv_handle_t* handle);
  static void onEnvironmentEnds(napi_async_cleanup_hook_handle hook, void* data);

  uv_poll_t poll_{};
  int events_ = 0;
  bool stopped_ = false;
  std::function<void()> ready_;
  std::function<void()> environment_ends_;
  napi_async_cleanup_hook_handle hook_ = nullptr;
};

/// Calls a function of JavaScript from the event loop, where nobody would catch: what it throws is
/// an uncaughtException, and the result is then empty. Call it within a CallbackScope.
napi_value callUncaught(Napi::Env env, napi_value self, napi_value function,
                        std::initializer_list<napi_value> arguments);

/// Makes the pending exception, if there is one, an uncaughtException.
void raiseUncaught(Napi::Env env);

}  // namespace platypus::addon
