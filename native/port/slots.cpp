#include "port/slots.h"

#include <sys/mman.h>

#include <cerrno>
#include <cstring>

namespace platypus {
namespace {

// Two MiB on x86-64, arm64 and 64-bit MIPS with 4 KiB pages; elsewhere the advice is just ignored.
constexpr size_t kHugePage = 2 * 1024 * 1024;

constexpr size_t roundUp(size_t value, size_t multiple) {
  return (value + multiple - 1) / multiple * multiple;
}

}  // namespace

int Slots::map(size_t count) {
  const size_t bytes = count * kStride;
  // A huge page needs an aligned 2 MiB; mmap aligns to 4 KiB, so ask for enough to align within.
  // What the rounding leaves over is never touched and so costs address space only.
  const bool huge = bytes >= kHugePage;
  mapping_bytes_ = huge ? roundUp(bytes, kHugePage) + kHugePage : bytes;
  void* mapping = mmap(nullptr, mapping_bytes_, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (mapping == MAP_FAILED) return errno;
  mapping_ = mapping;
  auto address = reinterpret_cast<uintptr_t>(mapping);
  if (huge) {
    address = roundUp(address, kHugePage);
    // Advice only: without transparent huge pages the slots work on small ones.
    (void)madvise(reinterpret_cast<void*>(address), roundUp(bytes, kHugePage), MADV_HUGEPAGE);
  }
  first_ = reinterpret_cast<std::byte*>(address);
  count_ = count;
  // Written rather than MAP_POPULATE: the pages must appear after the advice.
  std::memset(first_, 0, bytes);
  return 0;
}

Slots::~Slots() {
  if (mapping_ != nullptr) munmap(mapping_, mapping_bytes_);
}

}  // namespace platypus
