// An attempt to connect: start it, watch the socket until it is writable, ask how it ended, and
// hand the descriptor over.
#include "addon/tcp.h"

#include <sys/socket.h>

#include <cerrno>
#include <memory>
#include <utility>

#include "addon/arguments.h"
#include "addon/descriptor_watch.h"
#include "addon/error.h"
#include "tcp/tcp_socket.h"

namespace platypus::addon {
namespace {

std::optional<uint8_t> octetField(const Napi::Object& from, const char* key, double least) {
  const auto given = optionalNumberField(from, key, least, UINT8_MAX);
  return given ? std::optional(static_cast<uint8_t>(*given)) : std::nullopt;
}

TcpLimits limitsFrom(const Napi::Object& given) {
  return {.hop_limit = octetField(given, "hopLimit", 1),
          .min_hop_limit = octetField(given, "minHopLimit", 0),
          .traffic_class = static_cast<uint8_t>(numberField(given, "trafficClass", 0, UINT8_MAX))};
}

TcpEnd endFrom(const Napi::Object& given) {
  return {.address = addressField(given, "address"),
          .port = Be16(static_cast<uint16_t>(numberField(given, "port", 0, UINT16_MAX)))};
}

TcpOptions optionsFrom(const Napi::Object& given) {
  TcpOptions options;
  if (const Napi::Value local = given.Get("local"); local.IsObject()) {
    options.local = endFrom(local.As<Napi::Object>());
  }
  options.device = optionalStringField(given, "device").value_or("");
  options.limits = limitsFrom(given);
  const Napi::Value keys = given.Get("md5");
  if (!keys.IsArray()) throw Napi::TypeError::New(given.Env(), "no array in md5");
  const auto list = keys.As<Napi::Array>();
  for (uint32_t i = 0; i < list.Length(); ++i) {
    const Napi::Value each = list.Get(i);
    if (!each.IsObject()) throw Napi::TypeError::New(given.Env(), "no object in md5");
    const auto entry = each.As<Napi::Object>();
    options.md5.push_back({addressField(entry, "address"), stringField(entry, "key")});
  }
  return options;
}

/// A connection in the making. The watch and cancel() share it.
class Attempt : public std::enable_shared_from_this<Attempt> {
 public:
  Attempt(Napi::Env env, const Napi::Function& done)
      : env_(env), done_(Napi::Persistent(done)), context_(env, "PlatypusConnect") {}

  void start(const TcpOptions& options, const TcpEnd& remote) {
    OpenedSocket opened = platypus::connectTcp(options, remote);
    if (!opened.socket) return failSoon(opened.error, opened.syscall);
    socket_ = std::move(opened.socket);
    const auto self = shared_from_this();
    watch_ = DescriptorWatch::start(
        env_, socket_.fd(), UV_WRITABLE, [self] { self->finish(); }, [self] { self->cancel(); });
  }

  void cancel() {
    over_ = true;
    if (DescriptorWatch* watch = std::exchange(watch_, nullptr)) watch->stop();
    socket_.close();
    done_.Reset();
  }

 private:
  // As late as every other result, so that the caller has what was returned to it.
  void failSoon(int error, const char* syscall) {
    const auto self = shared_from_this();
    const auto later = Napi::Function::New(env_, [self, error, syscall](const Napi::CallbackInfo&) {
      if (!self->over_) self->tell(systemError(self->env_, error, syscall).Value(), -1);
    });
    env_.Global().Get("setImmediate").As<Napi::Function>().Call({later});
  }

  void finish() {
    int error = 0;
    socklen_t length = sizeof error;
    if (getsockopt(socket_.fd(), SOL_SOCKET, SO_ERROR, &error, &length) != 0) error = errno;
    std::exchange(watch_, nullptr)->stop();
    const Napi::HandleScope handles(env_);
    const Napi::CallbackScope callback(env_, context_);
    if (error != 0) {
      socket_.close();
      tell(systemError(env_, error, "connect").Value(), -1);
    } else {
      tell(env_.Null(), socket_.release());
    }
  }

  void tell(napi_value error, int fd) {
    over_ = true;
    const napi_value done = done_.Value();
    done_.Reset();
    callUncaught(env_, env_.Undefined(), done, {error, Napi::Number::New(env_, fd)});
  }

  Napi::Env env_;
  Napi::FunctionReference done_;
  Napi::AsyncContext context_;
  Descriptor socket_;
  DescriptorWatch* watch_ = nullptr;
  bool over_ = false;
};

int descriptorArgument(const Napi::CallbackInfo& info) {
  const double fd =
      info.Length() > 0 && info[0].IsNumber() ? info[0].As<Napi::Number>().DoubleValue() : -1;
  if (!(fd >= 0 && fd <= INT32_MAX)) {
    throw Napi::TypeError::New(info.Env(), "a descriptor expected");
  }
  return static_cast<int>(fd);
}

}  // namespace

Napi::Value connectTcp(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const Napi::Object given = objectArgument(info);
  if (info.Length() != 2 || !info[1].IsFunction()) {
    throw Napi::TypeError::New(env, "options and a function expected");
  }
  const TcpOptions options = optionsFrom(given);
  const auto attempt = std::make_shared<Attempt>(env, info[1].As<Napi::Function>());
  attempt->start(options, endFrom(given));
  Napi::Object handle = Napi::Object::New(env);
  handle.Set("cancel",
             Napi::Function::New(
                 env, [attempt](const Napi::CallbackInfo&) { attempt->cancel(); }, "cancel"));
  return handle;
}

Napi::Value listenTcp(const Napi::CallbackInfo& info) {
  const Napi::Object given = objectArgument(info);
  const auto backlog = static_cast<int>(numberField(given, "backlog", 1, UINT16_MAX));
  OpenedSocket opened = platypus::listenTcp(optionsFrom(given), backlog);
  if (!opened.socket) throw systemError(info.Env(), opened.error, opened.syscall);
  return Napi::Number::New(info.Env(), opened.socket.release());
}

void setTcpMd5(const Napi::CallbackInfo& info) {
  const int fd = descriptorArgument(info);
  const Napi::Object peer = objectArgument(info, 1);
  const TcpMd5Key key{addressField(peer, "address"), optionalStringField(peer, "key").value_or("")};
  if (const int error = platypus::setTcpMd5(fd, key)) {
    throw systemError(info.Env(), error, "setsockopt");
  }
}

void setTcpHopLimit(const Napi::CallbackInfo& info) {
  const int fd = descriptorArgument(info);
  if (const int error = setTcpLimits(fd, limitsFrom(objectArgument(info, 1)))) {
    throw systemError(info.Env(), error, "setsockopt");
  }
}

Napi::Value tcpPath(const Napi::CallbackInfo& info) {
  TcpPath path;
  if (const int error = readTcpPath(descriptorArgument(info), path)) {
    throw systemError(info.Env(), error, "getsockopt");
  }
  Napi::Object result = Napi::Object::New(info.Env());
  result.Set("sendMss", path.send_mss);
  result.Set("announcedMss", path.announced_mss);
  result.Set("pathMtu", path.path_mtu);
  result.Set("timestamps", path.timestamps);
  return result;
}

}  // namespace platypus::addon
