// Memory of the native side as a typed array.
#pragma once

#include <napi.h>

#include <memory>

namespace platypus::addon {

/// `memory`, a span, as an array of one of its elements' size or smaller; it keeps `owner`.
template <typename Array, typename Owner, typename Memory>
Array arrayOver(Napi::Env env, const std::shared_ptr<Owner>& owner, Memory memory) {
  const size_t bytes = memory.size_bytes();
  auto* share = new std::shared_ptr<Owner>(owner);
  const auto buffer = Napi::ArrayBuffer::New(
      env, memory.data(), bytes,
      [](Napi::Env, void*, std::shared_ptr<Owner>* kept) { delete kept; }, share);
  return Array::New(env, bytes / sizeof(*Array().Data()), buffer, 0);
}

}  // namespace platypus::addon
