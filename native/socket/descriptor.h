// A file descriptor that is closed with its owner.
#pragma once

#include <unistd.h>

#include <utility>

namespace platypus {

class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(Descriptor&& from) noexcept : fd_(from.release()) {}
  Descriptor& operator=(Descriptor&& from) noexcept {
    close();
    fd_ = from.release();
    return *this;
  }
  ~Descriptor() { close(); }

  /// -1 for none.
  int fd() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }
  /// Gives it to the caller, who closes it.
  int release() { return std::exchange(fd_, -1); }
  void close() {
    if (fd_ >= 0) ::close(fd_);
    fd_ = -1;
  }

 private:
  int fd_ = -1;
};

/// An opened socket, or the errno and the name of the call that failed.
struct OpenedSocket {
  Descriptor socket;
  int error = 0;
  const char* syscall = "";
};

}  // namespace platypus
