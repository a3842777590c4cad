// Errors of system calls as Node's own modules throw them.
#pragma once

#include <napi.h>

namespace platypus::addon {

/// An Error with `code` (an errno name such as EBUSY), `errno` (negative, as in Node) and
/// `syscall`. `error` is a positive errno; `detail`, if not empty, is appended to the message.
Napi::Error systemError(Napi::Env env, int error, const char* syscall, const char* detail = "");

}  // namespace platypus::addon
