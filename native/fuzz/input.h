// A fuzzer's input, read octet by octet; past its end come zeros.
#pragma once

#include <cstddef>
#include <cstdint>

namespace platypus::fuzz {

class Input {
 public:
  Input(const uint8_t* data, size_t size) : data_(data), left_(size) {}
  bool empty() const { return left_ == 0; }
  uint8_t byte() {
    if (left_ == 0) return 0;
    --left_;
    return *data_++;
  }
  template <typename T, size_t N>
  const T& pick(const T (&list)[N]) {
    return list[byte() % N];
  }

 private:
  const uint8_t* data_;
  size_t left_;
};

}  // namespace platypus::fuzz
