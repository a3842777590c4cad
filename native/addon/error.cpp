#include "addon/error.h"

#include <uv.h>

#include <string>

namespace platypus::addon {

Napi::Error systemError(Napi::Env env, int error, const char* syscall, const char* detail) {
  // libuv's negative error numbers are the system's on every Unix.
  const std::string code = uv_err_name(-error);
  std::string message = code + ": " + uv_strerror(-error) + ", " + syscall;
  if (detail[0] != '\0') message += std::string(" (") + detail + ")";
  Napi::Error result = Napi::Error::New(env, message);
  result.Set("code", Napi::String::New(env, code));
  result.Set("errno", Napi::Number::New(env, -error));
  result.Set("syscall", Napi::String::New(env, syscall));
  return result;
}

}  // namespace platypus::addon
