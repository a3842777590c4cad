// The names of everything that is counted. They stand at the bottom of the house because every
// layer above names the reason when it drops a packet. The sentences that explain them are in
// dataplane/counters.cpp, in the same order.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <type_traits>

namespace platypus {

enum class Counter : uint8_t {
  // What came and went.
  kReceivedV6,
  kReceivedV6Bytes,
  kReceivedV4,
  kReceivedV4Bytes,
  kSentV6,
  kSentV6Bytes,
  kSentV4,
  kSentV4Bytes,
  kHairpinned,
  // Offload.
  kSuperTcpV6ToV4,
  kSuperTcpV4ToV6,
  kSuperUdpV6ToV4,
  kSuperUdpV4ToV6,
  kChecksumLeftToKernel,
  kGsoSizeLowered,
  kSuperUdpSplit,
  kSuperEcn,
  kSuperExtensionHeaders,
  kTcpCoalesced,
  kUdpCoalesced,
  // Between workers.
  kHandedOver,
  // Fragments.
  kFragmentsReceived,
  kReassembled,
  kFragmented,
  // ICMP errors.
  kIcmpErrorTranslated,
  kIcmpErrorSent,
  kIcmpErrorSuppressed,
  kIcmpSourceSubstituted,
  kPathMtuLearned,
  // State.
  kSessionCreated,
  kSessionExpired,
  kSessionRemoved,
  kBibCreated,
  kBibRemoved,
  kSynStored,
  kTcpProbeSent,
  // Packets that are nobody's fault: the kernel's own chatter on the device.
  kIgnoredLinkLocal,
  // Dropped while parsing.
  kDropNotIp,
  kDropV4Truncated,
  kDropV4HeaderLength,
  kDropV4HeaderChecksum,
  kDropV4Options,
  kDropV4SourceRoute,
  kDropV6Truncated,
  kDropV6ExtensionHeaders,
  kDropV6RoutingHeader,
  kDropFragmentExtensionHeader,
  kDropFragmentMalformed,
  kDropTransportTruncated,
  kDropOffloadMalformed,
  // Dropped by address.
  kDropV4Source,
  kDropV4Destination,
  kDropV6Source,
  kDropV6Destination,
  kDropNotPool6,
  kDropNotPool4,
  kDropSourceInPool6,
  kDropNonGlobal,
  kDropDenylist4,
  kDropSourceForged,
  kDropUnmappable,
  // Dropped by header rules.
  kDropHopLimit,
  kDropTooBigV4,
  kDropTooBigV6,
  kDropTooLongForV4,
  kDropUdpChecksumZero,
  kDropProtocol,
  kDropIgmp,
  // Dropped ICMP.
  kDropIcmpType,
  kDropIcmpChecksum,
  kDropIcmpFragment,
  kDropIcmpErrorTruncated,
  kDropIcmpErrorInner,
  kDropIcmpErrorInnerChecksum,
  kDropIcmpErrorNoSession,
  kDropIcmpPointer,
  // Dropped by state.
  kDropTcpFlags,
  kDropTcpNoSession,
  kDropTcpInbound,
  kDropSynStored,
  kDropStoredSynsFull,
  kDropNoBib,
  kDropFiltered,
  kDropSessionsFull,
  kDropBibFull,
  kDropHostsFull,
  kDropPool4Exhausted,
  // Dropped fragments.
  kDropFragmentOverlap,
  kDropFragmentTimeout,
  kDropFragmentsFull,
  kDropFragmentsFullForSource,
  // Dropped between workers.
  kDropHandoverFull,
  // Dropped by the device.
  kDropDeviceRead,
  kDropDeviceQueueFull,
  kDropDeviceRefused,
  kCount
};

inline constexpr size_t kCounters = static_cast<size_t>(Counter::kCount);

/// One worker's counters. Only the worker writes; anybody may read. Machines that have no 64-bit
/// atomics without a lock (32-bit MIPS) count to 32 bits and begin anew.
class alignas(64) Counters {
 public:
  void add(Counter counter, uint64_t by = 1) {
    auto& value = values_[static_cast<size_t>(counter)];
    // One writer: a plain add, published without a locked instruction.
    value.store(value.load(std::memory_order_relaxed) + static_cast<Word>(by),
                std::memory_order_relaxed);
  }
  uint64_t read(size_t index) const { return values_[index].load(std::memory_order_relaxed); }
  uint64_t read(Counter counter) const { return read(static_cast<size_t>(counter)); }

 private:
  using Word = std::conditional_t<std::atomic<uint64_t>::is_always_lock_free, uint64_t, uint32_t>;
  std::array<std::atomic<Word>, kCounters> values_{};
};

}  // namespace platypus
