// connectTcp(), listenTcp(), setTcpMd5(), setTcpHopLimit() and tcpPath() of src/native/addon.ts:
// descriptors for node:net.
#pragma once

#include <napi.h>

namespace platypus::addon {

Napi::Value connectTcp(const Napi::CallbackInfo& info);
Napi::Value listenTcp(const Napi::CallbackInfo& info);
void setTcpMd5(const Napi::CallbackInfo& info);
void setTcpHopLimit(const Napi::CallbackInfo& info);
Napi::Value tcpPath(const Napi::CallbackInfo& info);

}  // namespace platypus::addon
