// A network namespace of its own for a test that needs devices.
#pragma once

#include <string>

namespace platypus::test {

/// Moves the process into a fresh network namespace, in a fresh user namespace where that takes
/// privileges it does not have, and back on destruction. Nothing is left behind: the namespace ends
/// with its last process.
class NetworkNamespace {
 public:
  NetworkNamespace();
  ~NetworkNamespace();
  NetworkNamespace(const NetworkNamespace&) = delete;
  NetworkNamespace& operator=(const NetworkNamespace&) = delete;

  /// Empty, or why there is no namespace: the reason for SKIP.
  const std::string& missing() const { return missing_; }

 private:
  int previous_fd_ = -1;
  std::string missing_;
};

}  // namespace platypus::test
