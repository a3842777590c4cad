// Arbitrary bytes into the receiver of the tester. Nothing past the frame is read, no frame is
// counted twice as new, and what is counted adds up.
//
// Input: segment bytes (2), then the frame from its Ethernet header on.
#include <cstdlib>
#include <cstring>
#include <memory>

#include "tester/receiver.h"

namespace {

using namespace platypus;
using namespace platypus::tester;

void require(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  const auto segment = static_cast<uint16_t>(data[0] << 8 | data[1]);
  // Exactly as large as the frame, so that a byte too far is seen.
  const size_t length = size - 2;
  const std::unique_ptr<std::byte[]> bytes(new std::byte[length]);
  std::memcpy(bytes.get(), data + 2, length);
  const std::span<const std::byte> frame(bytes.get(), length);

  constexpr uint16_t kTrial = 1;
  constexpr uint32_t kFrames = 256;
  static Side side;
  StateTable table(64);
  Arrivals arrivals(kFrames, 16);
  Receiver receiver(side, kTrial,
                    {Receiver::Expected{&arrivals, Stream::State::kRecord}, Receiver::Expected{}},
                    &table);
  receiver.take(frame, segment, 1'000'000);
  receiver.take(frame, segment, 2'000'000);
  const Receiver::Result& result = receiver.result();
  require(result.frames == result.foreign + arrivals.received + arrivals.duplicates);
  require(arrivals.received <= arrivals.duplicates);
  require(arrivals.reordered <= arrivals.received);
  require(result.state_new == table.size());
  return 0;
}
