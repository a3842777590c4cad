#include "test/namespace.h"

#include <fcntl.h>
#include <sched.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace platypus::test {

NetworkNamespace::NetworkNamespace() {
  previous_fd_ = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
  if (unshare(CLONE_NEWNET) == 0) return;
  // A user namespace stays for the rest of the process (there is no way back out of it), which
  // later tests do not notice; within it the unshare above is allowed.
  if (unshare(CLONE_NEWUSER | CLONE_NEWNET) == 0) return;
  missing_ =
      std::string("no network namespace without root or user namespaces: ") + std::strerror(errno);
}

NetworkNamespace::~NetworkNamespace() {
  if (previous_fd_ < 0) return;
  // Out of a user namespace the old one is out of reach; the next test makes a fresh one anyway.
  (void)setns(previous_fd_, CLONE_NEWNET);
  close(previous_fd_);
}

}  // namespace platypus::test
