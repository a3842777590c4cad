#include "nat64/hash.h"

#include <bit>

#include "test/test.h"

namespace platypus {
namespace {

TEST_CASE("hash: every input bit turns about half of the output bits") {
  const HashKey key{0x0123456789abcdef, 0xfedcba9876543210, 0x5555aaaa3333cccc};
  for (int word = 0; word < 4; ++word) {
    for (int bit = 0; bit < 64; ++bit) {
      int turned = 0;
      for (uint64_t trial = 1; trial <= 64; ++trial) {
        uint64_t in[4] = {trial * 0x9e3779b97f4a7c15u, trial * 3, trial << 40, ~trial};
        const uint64_t before = hashWords(key, in[0], in[1], in[2], in[3]);
        in[word] ^= uint64_t{1} << bit;
        turned += std::popcount(before ^ hashWords(key, in[0], in[1], in[2], in[3]));
      }
      CHECK(turned > 64 * 20);
      CHECK(turned < 64 * 44);
    }
  }
}

TEST_CASE("hash: another key gives another hash") {
  HashKey other;
  other.c ^= 1;
  CHECK(hashWords(HashKey{}, 1, 2) != hashWords(other, 1, 2));
  CHECK(hashWords(HashKey{}, 1, 2, 3, 4) != hashWords(other, 1, 2, 3, 4));
}

}  // namespace
}  // namespace platypus
