// A fixed array in memory of its own: taken whole at start, in huge pages where the kernel has
// them.
#pragma once

#include <sys/mman.h>

#include <cstddef>
#include <utility>

namespace platypus {

/// Zero-filled at first. `T` must be usable when all its bytes are zero.
template <typename T>
class HugeArray {
 public:
  enum class Take {
    kNow,       // the memory is there when the constructor returns
    kWhenUsed,  // for sparse use: the kernel gives pages at first touch
  };

  HugeArray() = default;
  /// Check ok() afterwards: false when the kernel has not enough memory.
  HugeArray(size_t count, Take take) : count_(count), bytes_(count * sizeof(T)) {
    if (count == 0) return;
    int flags = MAP_PRIVATE | MAP_ANONYMOUS;
    if (take == Take::kWhenUsed) flags |= MAP_NORESERVE;
    void* memory = mmap(nullptr, bytes_, PROT_READ | PROT_WRITE, flags, -1, 0);
    if (memory == MAP_FAILED) {
      failed_ = true;
      return;
    }
    data_ = static_cast<T*>(memory);
    if (take == Take::kNow) {
      // Advice, not a demand: without huge pages it is slower, not wrong.
      madvise(memory, bytes_, MADV_HUGEPAGE);
#ifdef MADV_POPULATE_WRITE
      madvise(memory, bytes_, MADV_POPULATE_WRITE);
#endif
    }
  }
  ~HugeArray() {
    if (data_ != nullptr) munmap(data_, bytes_);
  }
  HugeArray(HugeArray&& other) noexcept {
    swap(other);
  }
  HugeArray& operator=(HugeArray&& other) noexcept {
    swap(other);
    return *this;
  }

  bool ok() const {
    return !failed_;
  }
  size_t size() const {
    return count_;
  }
  size_t bytes() const {
    return bytes_;
  }
  T& operator[](size_t index) {
    return data_[index];
  }
  const T& operator[](size_t index) const {
    return data_[index];
  }
  T* data() {
    return data_;
  }
  const T* data() const {
    return data_;
  }

 private:
  void swap(HugeArray& other) {
    std::swap(data_, other.data_);
    std::swap(count_, other.count_);
    std::swap(bytes_, other.bytes_);
    std::swap(failed_, other.failed_);
  }

  T* data_ = nullptr;
  size_t count_ = 0;
  size_t bytes_ = 0;
  bool failed_ = false;
};

}  // namespace platypus
