#include "nat64/tcp_fsm.h"

#include <initializer_list>
#include <utility>

#include "packet/tcp.h"
#include "test/test.h"

namespace platypus {
namespace {

using enum TcpState;
constexpr TcpEvent kEvents[] = {TcpEvent::kSyn, TcpEvent::kFin, TcpEvent::kRst, TcpEvent::kOther};

/// What every event not named in `named` does in `state`.
void checkOthers(TcpState state, std::initializer_list<std::pair<Side, TcpEvent>> named,
                 TcpStep expected) {
  for (const Side side : {Side::kV6, Side::kV4}) {
    for (const TcpEvent event : kEvents) {
      bool skip = false;
      for (const auto& pair : named) skip |= pair.first == side && pair.second == event;
      if (skip) continue;
      const TcpStep step = tcpStep(state, side, event);
      CHECK(step.next == expected.next);
      CHECK(step.timer == expected.timer);
    }
  }
}

void checkStep(TcpState state, Side side, TcpEvent event, TcpState next, TcpTimer timer) {
  const TcpStep step = tcpStep(state, side, event);
  CHECK(step.next == next);
  CHECK(step.timer == timer);
}

TEST_CASE("N64-TCP-08 V4 INIT: a SYN from the IPv6 side establishes") {
  checkStep(kV4Init, Side::kV6, TcpEvent::kSyn, kEstablished, TcpTimer::kEstablished);
}

TEST_CASE("N64-TCP-11 V4 INIT: everything else changes neither state nor timer") {
  checkOthers(kV4Init, {{Side::kV6, TcpEvent::kSyn}}, {kV4Init, TcpTimer::kUnchanged});
}

TEST_CASE("N64-TCP-12 V6 INIT: a SYN from the IPv4 side establishes") {
  checkStep(kV6Init, Side::kV4, TcpEvent::kSyn, kEstablished, TcpTimer::kEstablished);
}

TEST_CASE("N64-TCP-13 V6 INIT: a SYN again starts the transitory timer again") {
  checkStep(kV6Init, Side::kV6, TcpEvent::kSyn, kV6Init, TcpTimer::kTransitory);
}

TEST_CASE("N64-TCP-14 V6 INIT: everything else changes neither state nor timer") {
  checkOthers(kV6Init, {{Side::kV6, TcpEvent::kSyn}, {Side::kV4, TcpEvent::kSyn}},
              {kV6Init, TcpTimer::kUnchanged});
}

TEST_CASE("N64-TCP-15 ESTABLISHED: a FIN half-closes and leaves the timer alone") {
  checkStep(kEstablished, Side::kV4, TcpEvent::kFin, kV4FinRcv, TcpTimer::kUnchanged);
  checkStep(kEstablished, Side::kV6, TcpEvent::kFin, kV6FinRcv, TcpTimer::kUnchanged);
}

TEST_CASE("N64-TCP-16 ESTABLISHED: a RST of either side goes to TRANS") {
  checkStep(kEstablished, Side::kV4, TcpEvent::kRst, kTrans, TcpTimer::kTransitory);
  checkStep(kEstablished, Side::kV6, TcpEvent::kRst, kTrans, TcpTimer::kTransitory);
}

TEST_CASE("N64-TCP-17 ESTABLISHED: everything else starts the long timer again") {
  checkOthers(kEstablished,
              {{Side::kV4, TcpEvent::kFin},
               {Side::kV6, TcpEvent::kFin},
               {Side::kV4, TcpEvent::kRst},
               {Side::kV6, TcpEvent::kRst}},
              {kEstablished, TcpTimer::kEstablished});
}

TEST_CASE("N64-TCP-19 the second FIN closes both directions, with the transitory timer") {
  checkStep(kV4FinRcv, Side::kV6, TcpEvent::kFin, kV4FinV6FinRcv, TcpTimer::kTransitory);
  checkStep(kV6FinRcv, Side::kV4, TcpEvent::kFin, kV4FinV6FinRcv, TcpTimer::kTransitory);
}

TEST_CASE("N64-TCP-20 half-closed: everything else, RST included, keeps the long timer") {
  checkOthers(kV4FinRcv, {{Side::kV6, TcpEvent::kFin}}, {kV4FinRcv, TcpTimer::kEstablished});
  checkOthers(kV6FinRcv, {{Side::kV4, TcpEvent::kFin}}, {kV6FinRcv, TcpTimer::kEstablished});
}

TEST_CASE("N64-TCP-22 V4 FIN + V6 FIN RCV: nothing changes the state or the timer") {
  checkOthers(kV4FinV6FinRcv, {}, {kV4FinV6FinRcv, TcpTimer::kUnchanged});
}

TEST_CASE("N64-TCP-23 TRANS: everything but RST establishes again, RST changes nothing") {
  checkOthers(kTrans, {{Side::kV4, TcpEvent::kRst}, {Side::kV6, TcpEvent::kRst}},
              {kEstablished, TcpTimer::kEstablished});
  checkStep(kTrans, Side::kV4, TcpEvent::kRst, kTrans, TcpTimer::kUnchanged);
  checkStep(kTrans, Side::kV6, TcpEvent::kRst, kTrans, TcpTimer::kUnchanged);
}

TEST_CASE("N64-TCP-30 all 256 flag octets: RST before SYN before FIN; SYN with either is refused") {
  for (unsigned flags = 0; flags < 256; ++flags) {
    const bool fin = (flags & 1) != 0;
    const bool syn = (flags & 2) != 0;
    const bool rst = (flags & 4) != 0;
    const TcpEvent expected = rst   ? TcpEvent::kRst
                              : syn ? TcpEvent::kSyn
                              : fin ? TcpEvent::kFin
                                    : TcpEvent::kOther;
    CHECK(tcpEvent(static_cast<uint8_t>(flags)) == expected);
    CHECK(isImpossibleTcp(static_cast<uint8_t>(flags)) == (syn && (rst || fin)));
  }
}

}  // namespace
}  // namespace platypus
