// The addon's front door: classes, functions and the list of counters, as src/native/addon.ts says.
#include <napi.h>

#include "addon/bfd.h"
#include "addon/clat.h"
#include "addon/dataplane.h"
#include "addon/eam_table.h"
#include "addon/link_socket.h"
#include "addon/netlink.h"
#include "addon/ospf_socket.h"
#include "addon/simulator.h"
#include "addon/tcp.h"
#include "addon/tester.h"
#include "addon/udp_socket.h"
#include "dataplane/counters.h"

namespace platypus::addon {
namespace {

Napi::Array counterList(Napi::Env env) {
  const auto infos = counterInfos();
  Napi::Array list = Napi::Array::New(env, infos.size());
  for (uint32_t i = 0; i < infos.size(); ++i) {
    Napi::Object info = Napi::Object::New(env);
    info.Set("name", Napi::String::New(env, infos[i].name));
    info.Set("explain", Napi::String::New(env, infos[i].explain));
    list[i] = info;
  }
  return list;
}

Napi::Object init(Napi::Env env, Napi::Object exports) {
  exports.Set("Dataplane", DataplaneObject::define(env));
  exports.Set("Simulator", SimulatorObject::define(env));
  exports.Set("Netlink", NetlinkObject::define(env));
  exports.Set("Tester", TesterObject::define(env));
  exports.Set("UdpSocket", UdpSocketObject::define(env));
  exports.Set("OspfSocket", OspfSocketObject::define(env));
  exports.Set("LinkSocket", LinkSocketObject::define(env));
  exports.Set("Bfd", BfdObject::define(env));
  exports.Set("Clat", ClatObject::define(env));
  exports.Set("readPref64", Napi::Function::New(env, readPref64, "readPref64"));
  exports.Set("findPref64", Napi::Function::New(env, findPref64, "findPref64"));
  exports.Set("connectTcp", Napi::Function::New(env, connectTcp, "connectTcp"));
  exports.Set("listenTcp", Napi::Function::New(env, listenTcp, "listenTcp"));
  exports.Set("setTcpMd5", Napi::Function::New(env, setTcpMd5, "setTcpMd5"));
  exports.Set("setTcpHopLimit", Napi::Function::New(env, setTcpHopLimit, "setTcpHopLimit"));
  exports.Set("tcpPath", Napi::Function::New(env, tcpPath, "tcpPath"));
  exports.Set("pathMtu", Napi::Function::New(env, pathMtuTo, "pathMtu"));
  EamTableObject::define(env);
  exports.Set("buildEamTable", Napi::Function::New(env, buildEamTable, "buildEamTable"));
  exports.Set("counters", counterList(env));
  return exports;
}

}  // namespace
}  // namespace platypus::addon

// Outside of the namespaces: an entry point within an unnamed one would not be visible to Node. The
// macro pastes the function's name and so wants it bare.
using platypus::addon::init;
NODE_API_MODULE(platypus, init)
