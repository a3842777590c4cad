// Arbitrary bytes with arbitrary offload into the parsers. Nothing past the packet is read (the
// rest of its slot is poisoned), and what a view says lies inside the packet.
//
// Input: flags, gso type, gso size (2), checksum start (2), checksum offset (2), then the packet.
// Bit 6 of the flags puts right checksums into it first, which a fuzzer hardly finds.
#include <sanitizer/asan_interface.h>

#include <algorithm>
#include <cstdlib>

#include "packet/parse.h"
#include "siit/icmp_error.h"
#include "test/reference.h"

namespace {

using namespace platypus;

void require(bool holds) {
  if (!holds) std::abort();
}

uint16_t word(const uint8_t* at) {
  return static_cast<uint16_t>(at[0] << 8 | at[1]);
}

void checkView(const Packet& packet, const PacketView& view) {
  require(view.version == 4 || view.version == 6);
  require(view.transport_offset + view.payload_length == packet.length());
  require(view.transport_offset >= (view.version == 4 ? 20 : 40));
  require(view.fragmented == (view.more_fragments || view.fragment_offset != 0));
  require(view.fragment_offset % 8 == 0);
  require((view.transport == Transport::kNone) == (view.fragment_offset != 0));
  // A first fragment may hold less of TCP's options than its header says.
  if (!view.fragmented || view.transport != Transport::kTcp) {
    require(view.transport_header <= view.payload_length);
  }
  const Offload& offload = packet.offload;
  if (offload.needsChecksum()) {
    require(offload.checksum_start + offload.checksum_offset + 2u <= packet.length());
  }
  if (offload.isGso()) {
    require(offload.gso_size != 0 && offload.needsChecksum() && !view.fragmented);
    require(view.transport_header + uint32_t{offload.gso_size} < view.payload_length);
  }
}

void checkError(const Packet& packet, const PacketView& view) {
  ErrorView error;
  const Verdict verdict =
      view.version == 4 ? openErrorV4(packet, view, error) : openErrorV6(packet, view, error);
  if (!verdict.pass) return;
  require(error.original_offset + error.original_length + error.extension_length ==
          packet.length());
  require(error.quoted.transport_offset + error.quoted.quoted_payload <= error.original_length);
  require(error.quoted.quoted_payload <= error.quoted.claimed_payload);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  constexpr size_t kControl = 8;
  if (size < kControl || size - kControl > kMaxPacket) return 0;
  static std::byte* const slot = new std::byte[kSlotBytes];
  const auto length = static_cast<uint32_t>(size - kControl);
  Packet packet(slot);
  packet.reset(length);
  std::transform(data + kControl, data + size, packet.data(),
                 [](uint8_t value) { return std::byte{value}; });
  if ((data[0] & 0x40) != 0 && length >= 40 && std::to_integer<uint8_t>(*packet.data()) >= 0x45) {
    test::reference::fill(packet.bytes());
  }
  packet.offload = {.flags = static_cast<uint8_t>(data[0] & Offload::kNeedsChecksum),
                    .gso_type = data[1],
                    .gso_size = word(data + 2),
                    .checksum_start = word(data + 4),
                    .checksum_offset = word(data + 6)};

  __asan_poison_memory_region(slot + kHeadroom + length, kSlotBytes - kHeadroom - length);
  PacketView view;
  if (parse(packet, view).pass) {
    checkView(packet, view);
    if (view.transport == Transport::kIcmpError) checkError(packet, view);
  }
  QuotedView quoted;
  for (const Verdict& verdict :
       {parseQuotedV4(packet.bytes(), quoted), parseQuotedV6(packet.bytes(), quoted)}) {
    if (verdict.pass) {
      require(quoted.transport_offset + quoted.quoted_payload <= packet.length());
    }
  }
  __asan_unpoison_memory_region(slot, kSlotBytes);
  return 0;
}
