#include "siit/originate.h"

#include "packet/icmp4.h"
#include "packet/icmp6.h"
#include "test/siit_packets.h"
#include "test/test.h"

namespace platypus::test {
namespace {

constexpr Counter kAny = Counter::kDropHopLimit;

/// The error about `bytes`; empty where none may be sent.
Bytes error4(const Bytes& bytes, const Verdict& verdict) {
  Loaded about(bytes);
  PacketView view;
  (void)parse(*about, view);
  Loaded out{Bytes()};
  return originateV4(*about, view, verdict, v4("192.0.2.1"), 0x1234, *out) ? copyOf(*out) : Bytes();
}
Bytes error6(const Bytes& bytes, const Verdict& verdict) {
  Loaded about(bytes);
  PacketView view;
  (void)parse(*about, view);
  Loaded out{Bytes()};
  return originateV6(*about, view, verdict, v6("2001:db8::1"), *out) ? copyOf(*out) : Bytes();
}

const Verdict kExpired4 = Verdict::refuse(kAny, icmp4::kTimeExceeded, 0);
const Verdict kExpired6 = Verdict::refuse(kAny, icmp6::kTimeExceeded, 0);
const Verdict kProhibited6 = Verdict::refuse(kAny, icmp6::kUnreachable, icmp6::kProhibited);

TEST_CASE("SIIT-ERR-01, -08 ICMPv4: from the translator to the source, quoting the packet") {
  const Bytes about = packet4(17, udp(5), {.hops = 1});
  const Bytes error = error4(about, Verdict::refuse(kAny, icmp4::kUnreachable, icmp4::kProhibited));
  CHECK(toHex(error, 0, 10) == "45c0003d123400004001");
  CHECK(toHex(error, 12, 8) == "c0000201c0000221");
  CHECK(toHex(error, 20, 2) == "030d");
  CHECK(toHex(error, 24, 4) == "00000000");
  CHECK(toHex(error, 28) == toHex(about));
  CHECK(reference::header(error) == reference::Sum::kGood);
  CHECK(reference::transport(error) == reference::Sum::kGood);
}

TEST_CASE("SIIT-ERR-02, -08 ICMPv6: from the translator to the source, quoting the packet") {
  const Bytes about = packet6(17, udp(5));
  const Bytes error = error6(about, kProhibited6);
  CHECK(toHex(error, 0, 8) == "60000000003d3a40");
  CHECK(toHex(error, 8, 32) ==
        "20010db8000000000000000000000001"
        "20010db80064000000000000c0000221");
  CHECK(toHex(error, 40, 2) == "0101");
  CHECK(toHex(error, 44, 4) == "00000000");
  CHECK(toHex(error, 48) == toHex(about));
  CHECK(reference::transport(error) == reference::Sum::kGood);
}

TEST_CASE("SIIT-4to6-16 the MTU stands in the low half of ICMPv4's second word") {
  const Bytes error =
      error4(packet4(17, udp(5)),
             Verdict::refuse(kAny, icmp4::kUnreachable, icmp4::kFragmentationNeeded, 1480));
  CHECK(toHex(error, 20, 2) == "0304");
  CHECK(toHex(error, 24, 4) == "000005c8");
}

TEST_CASE("SIIT-6to4-18 the MTU of Packet Too Big has 32 bits") {
  const Bytes error =
      error6(packet6(17, udp(5)), Verdict::refuse(kAny, icmp6::kPacketTooBig, 0, 1520));
  CHECK(toHex(error, 40, 2) == "0200");
  CHECK(toHex(error, 44, 4) == "000005f0");
}

TEST_CASE("SIIT-6to4-13 a packet refused for its routing header is answered with its pointer") {
  const Bytes about =
      packet6(17, udp(5), {.options = fromHex("1100000100000000"), .first_header = 43});
  const Bytes error = error6(about, parsed(about).verdict);
  CHECK(toHex(error, 40, 2) == "0400");
  CHECK(longAt(error, 44) == 43);
}

TEST_CASE("SIIT-4to6-12 a packet refused for its source route is answered with 3/5") {
  const Bytes about = packet4(17, udp(5), {.options = fromHex("8307040a00000100")});
  CHECK(toHex(error4(about, parsed(about).verdict), 20, 2) == "0305");
}

TEST_CASE("SIIT-INNER-09 own errors are at most 576 and 1280 octets") {
  CHECK(error4(packet4(17, udp(1400)), kExpired4).size() == 576);
  CHECK(error6(packet6(17, udp(1400)), kExpired6).size() == 1280);
}

TEST_CASE("SIIT-ERR-07 none about ICMPv4 errors") {
  for (const uint8_t type : Octets{3, 4, 5, 11, 12}) {
    CAPTURE(type);
    CHECK(error4(packet4(1, icmp(type, 0, 0, packet4(17, udp(5)))), kExpired4).empty());
  }
}

TEST_CASE("SIIT-ERR-07 one about an ICMPv4 query") {
  CHECK_FALSE(error4(packet4(1, icmp(8, 0, 1, {})), kExpired4).empty());
}

TEST_CASE("SIIT-ERR-07 none about fragments other than the first") {
  CHECK(error4(packet4(17, pattern(16), {.offset = 8}), kExpired4).empty());
  CHECK_FALSE(error4(packet4(17, udp(8), {.more = true}), kExpired4).empty());
}

TEST_CASE("SIIT-ERR-07 none to or about broadcast and multicast") {
  for (const char* source : {"0.0.0.0", "127.0.0.1", "224.0.0.1", "255.255.255.255"}) {
    CHECK(error4(packet4(17, udp(5), {.source4 = source}), kExpired4).empty());
  }
  for (const char* destination : {"224.0.0.1", "255.255.255.255"}) {
    CHECK(error4(packet4(17, udp(5), {.destination4 = destination}), kExpired4).empty());
  }
}

TEST_CASE("SIIT-ERR-07 none about an ICMPv4 error with a source route") {
  const Bytes about =
      packet4(1, icmp(3, 3, 0, packet4(17, udp(5))), {.options = fromHex("8307040a00000100")});
  CHECK(error4(about, parsed(about).verdict).empty());
}

TEST_CASE("SIIT-ERR-06 none about ICMPv6 errors, redirects or anything multicast") {
  for (const uint8_t type : Octets{1, 2, 3, 4, 100, 127}) {
    CAPTURE(type);
    CHECK(error6(packet6(58, icmp(type, 0, 0, packet6(17, udp(5)))), kExpired6).empty());
  }
  CHECK(error6(packet6(58, icmp(137, 0, 0, Bytes(32))), kExpired6).empty());
  CHECK(error6(packet6(17, udp(5), {.destination6 = "ff02::1"}), kExpired6).empty());
}

TEST_CASE("SIIT-ERR-06 Packet Too Big is sent about multicast") {
  CHECK_FALSE(error6(packet6(17, udp(5), {.destination6 = "ff0e::1"}),
                     Verdict::refuse(kAny, icmp6::kPacketTooBig, 0, 1280))
                  .empty());
}

TEST_CASE("SIIT-ERR-06 none to a source that is not one node") {
  for (const char* source : {"::", "::1", "ff02::1"}) {
    CHECK(error6(packet6(17, udp(5), {.source6 = source}), kExpired6).empty());
  }
}

TEST_CASE("SIIT-ERR-03 no 1/1 about any ICMPv6 message, but 3/0 about an echo") {
  const Bytes echo = packet6(58, icmp(128, 0, 1, {}));
  CHECK(error6(echo, kProhibited6).empty());
  CHECK_FALSE(error6(echo, kExpired6).empty());
}

TEST_CASE("SIIT-ERR-06 none about an ICMPv6 error behind a routing header") {
  const Bytes about = packet6(58, icmp(1, 4, 0, packet6(17, udp(5))),
                              {.options = fromHex("3a00000100000000"), .first_header = 43});
  CHECK(error6(about, parsed(about).verdict).empty());
}

// --- Rate --------------------------------------------------------------------------------------

int taken(TokenBucket& bucket, uint64_t from, uint64_t to, int tries) {
  int count = 0;
  for (int i = 0; i < tries; ++i) {
    if (bucket.take(from + (to - from) * static_cast<uint64_t>(i) / static_cast<uint64_t>(tries))) {
      ++count;
    }
  }
  return count;
}

TEST_CASE("SIIT-ERR-05 1000 tries in a second at 10 per second, burst 10: about 20") {
  TokenBucket bucket;
  bucket.configure(10, 10);
  CHECK(taken(bucket, 5000, 6000, 1000) == 19);
}

TEST_CASE("SIIT-ERR-05 an idle hour leaves no more than the burst") {
  TokenBucket bucket;
  bucket.configure(10, 10);
  CHECK(taken(bucket, 0, 0, 100) == 10);
  CHECK(taken(bucket, 3'600'000, 3'600'000, 100) == 10);
}

TEST_CASE("SIIT-ERR-05 a clock that steps back gives nothing") {
  TokenBucket bucket;
  bucket.configure(10, 2);
  CHECK(taken(bucket, 10'000, 10'000, 5) == 2);
  CHECK(taken(bucket, 0, 0, 5) == 0);
  CHECK(bucket.take(10'100));
}

TEST_CASE("SIIT-ERR-05 a lower burst takes effect at once") {
  TokenBucket bucket;
  bucket.configure(10, 100);
  CHECK(bucket.take(1));
  bucket.configure(10, 3);
  CHECK(taken(bucket, 1, 1, 100) == 3);
}

TEST_CASE("SIIT-ERR-04 a rate of zero sends none") {
  TokenBucket bucket;
  bucket.configure(0, 10);
  CHECK_FALSE(bucket.take(0));
  CHECK_FALSE(bucket.take(100'000));
}

}  // namespace
}  // namespace platypus::test
