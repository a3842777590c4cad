#include "nat64/tcp_fsm.h"

namespace platypus {

TcpEvent tcpEvent(uint8_t flags) {
  if ((flags & TcpHeader::kRst) != 0) return TcpEvent::kRst;
  if ((flags & TcpHeader::kSyn) != 0) return TcpEvent::kSyn;
  if ((flags & TcpHeader::kFin) != 0) return TcpEvent::kFin;
  return TcpEvent::kOther;
}

TcpStep tcpStep(TcpState state, Side from, TcpEvent event) {
  const bool v6 = from == Side::kV6;
  switch (state) {
    case TcpState::kV4Init:
      if (v6 && event == TcpEvent::kSyn) return {TcpState::kEstablished, TcpTimer::kEstablished};
      break;
    case TcpState::kV6Init:
      if (!v6 && event == TcpEvent::kSyn) return {TcpState::kEstablished, TcpTimer::kEstablished};
      if (v6 && event == TcpEvent::kSyn) return {TcpState::kV6Init, TcpTimer::kTransitory};
      break;
    case TcpState::kEstablished:
      if (event == TcpEvent::kFin) {
        return {v6 ? TcpState::kV6FinRcv : TcpState::kV4FinRcv, TcpTimer::kUnchanged};
      }
      // RFC 7857 §2.2: never straight to closed, the RST may be forged.
      if (event == TcpEvent::kRst) return {TcpState::kTrans, TcpTimer::kTransitory};
      return {TcpState::kEstablished, TcpTimer::kEstablished};
    case TcpState::kV4FinRcv:
      if (v6 && event == TcpEvent::kFin) {
        return {TcpState::kV4FinV6FinRcv, TcpTimer::kTransitory};
      }
      return {TcpState::kV4FinRcv, TcpTimer::kEstablished};
    case TcpState::kV6FinRcv:
      if (!v6 && event == TcpEvent::kFin) {
        return {TcpState::kV4FinV6FinRcv, TcpTimer::kTransitory};
      }
      return {TcpState::kV6FinRcv, TcpTimer::kEstablished};
    case TcpState::kTrans:
      if (event == TcpEvent::kRst) break;
      return {TcpState::kEstablished, TcpTimer::kEstablished};
    case TcpState::kClosed:
    case TcpState::kV4FinV6FinRcv:
      break;
  }
  return {state, TcpTimer::kUnchanged};
}

}  // namespace platypus
