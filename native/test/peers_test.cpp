#include "nat64/peers.h"

#include "test/nat64_packets.h"
#include "test/test.h"

namespace platypus {
namespace {

using test::v4;

TEST_CASE("N64-UDP-03 peers: known as long as one session of the BIB entry is left, any port") {
  Peers peers(8, HashKey{});
  const Ipv4Address remote = v4(8, 8, 8, 8);
  CHECK_FALSE(peers.knows(1, remote));
  CHECK(peers.add(1, remote));
  CHECK(peers.add(1, remote));
  CHECK(peers.knows(1, remote));
  CHECK_FALSE(peers.knows(2, remote));
  CHECK_FALSE(peers.knows(1, v4(8, 8, 8, 9)));
  peers.remove(1, remote);
  CHECK(peers.knows(1, remote));
  peers.remove(1, remote);
  CHECK_FALSE(peers.knows(1, remote));
}

TEST_CASE("peers: full is said, known ones still count, and room comes back") {
  Peers peers(2, HashKey{});
  CHECK(peers.add(1, v4(8, 8, 8, 1)));
  CHECK(peers.add(1, v4(8, 8, 8, 2)));
  CHECK_FALSE(peers.add(1, v4(8, 8, 8, 3)));
  CHECK_FALSE(peers.knows(1, v4(8, 8, 8, 3)));
  CHECK(peers.add(1, v4(8, 8, 8, 1)));
  peers.remove(1, v4(8, 8, 8, 2));
  CHECK(peers.add(1, v4(8, 8, 8, 3)));
}

}  // namespace
}  // namespace platypus
