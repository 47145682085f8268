#include "crypto/hash.hpp"

#include <gtest/gtest.h>

#include "crypto/sign.hpp"

namespace maillon::crypto {
namespace {

TEST(Hash, IsBlake2bOf32Bytes) {
  // From Python's hashlib.blake2b(…, digest_size=32).
  EXPECT_EQ(hash({}).hex(), "0e5751c026e543b2e8ab2eb06099daa1d1e5df47778f7787faab45cdf12fe3a8");
  EXPECT_EQ(hash(as_bytes("abc")).hex(),
            "bddd813c634239723171ef3fee98579b94964e3bb1cb3e427262c8c068d52319");
}

TEST(Hash, PiecesGiveTheSameAsTheWhole) {
  Bytes data(1000);
  SeededRng{1}.fill(data);
  for (std::size_t cut = 0; cut <= data.size(); cut += 37) {
    const auto view = ByteView{data};
    EXPECT_EQ(Hasher{}.update(view.first(cut)).update(view.subspan(cut)).finish(), hash(data));
  }
  EXPECT_EQ(Hasher{}.finish(), hash({}));
}

}  // namespace
}  // namespace maillon::crypto
