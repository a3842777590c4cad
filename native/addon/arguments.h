// Fields of a JavaScript object as C++ values. What is not of the type is a TypeError that names
// the field; words for people are TypeScript's.
#pragma once

#include <napi.h>

#include <optional>
#include <string>

#include "socket/address.h"

namespace platypus::addon {

/// The one object, or the first of several arguments.
Napi::Object objectArgument(const Napi::CallbackInfo& info, size_t index = 0);

std::string stringField(const Napi::Object& from, const char* key);
/// Nothing for null and for a field that is absent.
std::optional<std::string> optionalStringField(const Napi::Object& from, const char* key);

/// An integer of `least` to `most`.
double numberField(const Napi::Object& from, const char* key, double least, double most);
std::optional<double> optionalNumberField(const Napi::Object& from, const char* key, double least,
                                          double most);

/// An address without a zone.
HostAddress addressField(const Napi::Object& from, const char* key);
std::optional<HostAddress> optionalAddressField(const Napi::Object& from, const char* key);

}  // namespace platypus::addon
