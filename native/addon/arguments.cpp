#include "addon/arguments.h"

#include <cmath>

namespace platypus::addon {
namespace {

Napi::TypeError unexpected(Napi::Env env, const char* what, const char* key) {
  return Napi::TypeError::New(env, std::string("no ") + what + " in " + key);
}

bool absent(const Napi::Value& value) {
  return value.IsUndefined() || value.IsNull();
}

}  // namespace

Napi::Object objectArgument(const Napi::CallbackInfo& info, size_t index) {
  if (info.Length() <= index || !info[index].IsObject()) {
    throw Napi::TypeError::New(info.Env(), "an object expected");
  }
  return info[index].As<Napi::Object>();
}

std::string stringField(const Napi::Object& from, const char* key) {
  const Napi::Value value = from.Get(key);
  if (!value.IsString()) throw unexpected(from.Env(), "string", key);
  return value.As<Napi::String>().Utf8Value();
}

std::optional<std::string> optionalStringField(const Napi::Object& from, const char* key) {
  if (absent(from.Get(key))) return std::nullopt;
  return stringField(from, key);
}

double numberField(const Napi::Object& from, const char* key, double least, double most) {
  const Napi::Value value = from.Get(key);
  if (!value.IsNumber()) throw unexpected(from.Env(), "number", key);
  const double given = value.As<Napi::Number>().DoubleValue();
  if (!(given >= least && given <= most) || given != std::floor(given)) {
    throw unexpected(from.Env(), "number of the range", key);
  }
  return given;
}

std::optional<double> optionalNumberField(const Napi::Object& from, const char* key, double least,
                                          double most) {
  if (absent(from.Get(key))) return std::nullopt;
  return numberField(from, key, least, most);
}

HostAddress addressField(const Napi::Object& from, const char* key) {
  const auto address = HostAddress::parse(stringField(from, key).c_str());
  if (!address) throw unexpected(from.Env(), "address", key);
  return *address;
}

std::optional<HostAddress> optionalAddressField(const Napi::Object& from, const char* key) {
  if (absent(from.Get(key))) return std::nullopt;
  return addressField(from, key);
}

}  // namespace platypus::addon
