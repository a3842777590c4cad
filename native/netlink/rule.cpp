#include "netlink/rule.h"

#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>

namespace platypus::netlink {
namespace {

Status changeRule(Socket& socket, uint16_t type, uint16_t flags, const RuleSpec& rule) {
  fib_rule_hdr header{};
  header.family = rule.family;
  header.table = static_cast<uint8_t>(rule.table < 256 ? rule.table : RT_TABLE_UNSPEC);
  header.action = FR_ACT_TO_TBL;
  Request request(type, static_cast<uint16_t>(flags | NLM_F_ACK), header);
  request.addString(FRA_IIFNAME, rule.incoming);
  request.add(FRA_TABLE, rule.table);
  request.add(FRA_PRIORITY, rule.priority);
  return socket.change(request);
}

}  // namespace

Status addRule(Socket& socket, const RuleSpec& rule) {
  return changeRule(socket, RTM_NEWRULE, NLM_F_CREATE | NLM_F_EXCL, rule);
}

Status removeRule(Socket& socket, const RuleSpec& rule) {
  return changeRule(socket, RTM_DELRULE, 0, rule);
}

}  // namespace platypus::netlink
