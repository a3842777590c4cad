// A datagram's way: cut it into messages, drop foreign ones, tell the end of the reply from its
// rows, and take errno and words from an error message.
#include "netlink/message.h"

#include <cerrno>

namespace platypus::netlink {
namespace {

// The payload of NLMSG_ERROR and of the NLMSG_DONE of a dump: an errno, negative, then for
// NLMSG_ERROR the request (its header only with NETLINK_CAP_ACK) and, when NLM_F_ACK_TLVS says so,
// attributes with the kernel's words.
Status readStatus(const Message& message) {
  const auto code = read<int32_t>(message.payload);
  if (!code) return Status::failed(message.type == NLMSG_DONE ? 0 : EBADMSG);
  if (*code > 0 || *code < -4095) return Status::failed(EBADMSG);
  Status status = Status::failed(-*code);
  if ((message.flags & NLM_F_ACK_TLVS) == 0) return status;

  Bytes rest = message.payload.subspan(sizeof(int32_t));
  if (message.type == NLMSG_ERROR) {
    const auto request = read<nlmsghdr>(rest);
    if (!request) return status;
    const bool capped = (message.flags & NLM_F_CAPPED) != 0;
    const size_t skip = capped ? sizeof(nlmsghdr) : aligned(request->nlmsg_len);
    if (skip > rest.size()) return status;
    rest = rest.subspan(skip);
  }
  forEachAttribute(rest, [&status](const Attribute& attribute) {
    if (attribute.type != NLMSGERR_ATTR_MSG) return;
    const size_t length = std::min(attribute.value.size(), sizeof status.message - 1);
    if (length == 0) return;
    std::memcpy(status.message, attribute.value.data(), length);
    status.message[length] = '\0';
  });
  return status;
}

}  // namespace

Progress readReply(Bytes datagram, uint32_t sequence, Visitor& visitor) {
  Progress progress;
  const auto finish = [&progress](const Status& status) {
    progress.finished = true;
    progress.status = status;
    return progress;
  };
  while (!datagram.empty()) {
    const auto header = read<nlmsghdr>(datagram);
    if (!header || header->nlmsg_len < sizeof(nlmsghdr) || header->nlmsg_len > datagram.size()) {
      return finish(Status::failed(EBADMSG));
    }
    const Message message{header->nlmsg_type, header->nlmsg_flags,
                          datagram.first(header->nlmsg_len).subspan(sizeof(nlmsghdr))};
    datagram = datagram.subspan(std::min(aligned(header->nlmsg_len), datagram.size()));
    if (header->nlmsg_seq != sequence) continue;
    if ((message.flags & NLM_F_DUMP_INTR) != 0) progress.interrupted = true;
    switch (message.type) {
      case NLMSG_ERROR:
      case NLMSG_DONE:
        return finish(readStatus(message));
      case NLMSG_OVERRUN:
        return finish(Status::failed(ENOBUFS));
      case NLMSG_NOOP:
        break;
      default:
        visitor.visit(message);
    }
  }
  return progress;
}

}  // namespace platypus::netlink
