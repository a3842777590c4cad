// The TCP state machine of RFC 6146 §3.5.2.2 as a table: pure, without packets or clocks.
#pragma once

#include <cstdint>

#include "packet/tcp.h"

namespace platypus {

enum class TcpState : uint8_t {
  kClosed,
  kV4Init,
  kV6Init,
  kEstablished,
  kV4FinRcv,
  kV6FinRcv,
  kV4FinV6FinRcv,
  kTrans,
};

enum class TcpEvent : uint8_t { kSyn, kFin, kRst, kOther };
enum class Side : uint8_t { kV6, kV4 };

/// Which lifetime the segment gives the session.
enum class TcpTimer : uint8_t { kUnchanged, kTransitory, kEstablished };

struct TcpStep {
  TcpState next;
  TcpTimer timer;
};

/// What the flags of a segment mean to the state machine; a FIN with RST counts as RST.
TcpEvent tcpEvent(uint8_t flags);
/// SYN together with FIN or RST belongs to no connection.
constexpr bool isImpossibleTcp(uint8_t flags) {
  return (flags & TcpHeader::kSyn) != 0 && (flags & (TcpHeader::kFin | TcpHeader::kRst)) != 0;
}

/// A segment of an existing session. kClosed has none; creation is the machine's (nat64.h).
TcpStep tcpStep(TcpState state, Side from, TcpEvent event);

}  // namespace platypus
