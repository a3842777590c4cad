// The Netlink object of src/native/addon.ts.
#pragma once

#include <napi.h>

#include "netlink/netlink.h"

namespace platypus::addon {

class NetlinkObject final : public Napi::ObjectWrap<NetlinkObject> {
 public:
  static Napi::Function define(Napi::Env env);
  explicit NetlinkObject(const Napi::CallbackInfo& info);

 private:
  Napi::Value links(const Napi::CallbackInfo& info);
  Napi::Value addresses(const Napi::CallbackInfo& info);
  Napi::Value routes(const Napi::CallbackInfo& info);
  void setLink(const Napi::CallbackInfo& info);
  void addAddress(const Napi::CallbackInfo& info);
  void removeAddress(const Napi::CallbackInfo& info);
  void addRoute(const Napi::CallbackInfo& info);
  void removeRoute(const Napi::CallbackInfo& info);
  void close(const Napi::CallbackInfo& info);

  netlink::Netlink netlink_;
};

}  // namespace platypus::addon
