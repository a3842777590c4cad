// The LinkSocket object of src/native/addon.ts: a LinkSocket that the environment's own event loop
// watches.
#pragma once

#include <napi.h>

#include <array>
#include <optional>
#include <string>

#include "addon/descriptor_watch.h"
#include "socket/link_socket.h"

namespace platypus::addon {

class LinkSocketObject final : public Napi::ObjectWrap<LinkSocketObject> {
 public:
  static Napi::Function define(Napi::Env env);
  explicit LinkSocketObject(const Napi::CallbackInfo& info);

 private:
  void send(const Napi::CallbackInfo& info);
  void close(const Napi::CallbackInfo& info);

  void serve();
  void stop();

  std::string device_;
  uint16_t ether_type_ = 0;
  Descriptor socket_;
  std::array<std::byte, LinkSocket::kMostBytes> buffer_{};
  // Null once closed. The event loop owns it.
  DescriptorWatch* watch_ = nullptr;
  Napi::FunctionReference on_packet_;
  std::optional<Napi::AsyncContext> context_;
};

}  // namespace platypus::addon
