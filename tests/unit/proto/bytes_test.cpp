#include <gtest/gtest.h>

#include "proto/hlc.hpp"
#include "proto/ids.hpp"

namespace maillon {
namespace {

Bytes varint(std::uint64_t value) {
  Bytes out;
  ByteWriter{out}.varint(value);
  return out;
}

TEST(Varint, RoundTripsAndHasOneFormOnly) {
  for (const std::uint64_t value :
       {0ull, 1ull, 127ull, 128ull, 16383ull, 16384ull, 0xffffffffull, ~0ull >> 1, ~0ull}) {
    const Bytes bytes = varint(value);
    ByteReader in{bytes};
    EXPECT_EQ(in.varint(), value);
    EXPECT_TRUE(in.at_end());
  }
  EXPECT_EQ(varint(~0ull).size(), 10u);
}

TEST(Varint, RefusesSuperfluousBytesOverflowAndEnds) {
  const auto refused = [](const Bytes& bytes) {
    ByteReader in{bytes};
    return in.varint() == 0 && !in.ok();
  };
  EXPECT_TRUE(refused({}));
  EXPECT_TRUE(refused({0x80}));
  EXPECT_TRUE(refused({0x80, 0x00})) << "zero in two bytes";
  EXPECT_TRUE(refused({0xff, 0x80, 0x00}));
  EXPECT_TRUE(refused({0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02})) << "65 bits";
  EXPECT_TRUE(refused(Bytes(11, 0x80)));
}

TEST(ByteReader, StaysFailedAndNeverReadsPastItsEnd) {
  const Bytes bytes{3, 'a', 'b', 'c', 9, 'd'};
  ByteReader in{bytes};
  EXPECT_EQ(as_text(in.sized(10)), "abc");
  EXPECT_TRUE(in.sized(10).empty());
  EXPECT_FALSE(in.ok());
  EXPECT_EQ(in.u8(), 0);
  EXPECT_EQ(in.left(), 0u);
  EXPECT_FALSE(in.at_end());
  ByteReader capped{bytes};
  EXPECT_TRUE(capped.sized(2).empty());
  EXPECT_FALSE(capped.ok()) << "longer than its cap";
  ByteReader above{bytes};
  EXPECT_EQ(above.varint32(2), 0u);
  EXPECT_FALSE(above.ok());
  EXPECT_EQ(ByteReader{bytes}.le64(), 0u) << "six bytes are no 64 bits";
  EXPECT_EQ(ByteReader{bytes}.le32(), 0x63626103u);
}

TEST(Hex, RoundTripsAndRefusesOtherText) {
  const Bytes bytes{0x00, 0x7f, 0xff};
  EXPECT_EQ(to_hex(bytes), "007fff");
  EXPECT_EQ(*from_hex("007FfF"), bytes);
  for (const char* bad : {"0", "0g", "0x", " 0", "é"}) EXPECT_FALSE(from_hex(bad)) << bad;
}

TEST(Ids, HaveOneSize) {
  EXPECT_FALSE(CommitId::from_bytes(Bytes(31)));
  EXPECT_FALSE(CommitId::from_bytes(Bytes(33)));
  EXPECT_TRUE(CommitId::from_bytes(Bytes(32))->is_zero());
  EXPECT_FALSE(RecordId::from_hex("00"));
  EXPECT_EQ(RecordId::from_hex(std::string(32, 'a'))->hex(), std::string(32, 'a'));
}

struct Utf8Case {
  const char* name;
  std::string text;
  bool good;
};
class Utf8 : public testing::TestWithParam<Utf8Case> {};

TEST_P(Utf8, IsJudgedByRfc3629) { EXPECT_EQ(is_utf8(GetParam().text), GetParam().good); }

INSTANTIATE_TEST_SUITE_P(
    Table, Utf8,
    testing::Values(
        Utf8Case{"Empty", "", true}, Utf8Case{"Ascii", "abc", true},
        Utf8Case{"Nul", std::string(1, '\0'), true}, Utf8Case{"TwoBytes", "é", true},
        Utf8Case{"ThreeBytes", "€", true}, Utf8Case{"FourBytes", "\xf0\x9f\x94\x97", true},
        Utf8Case{"Last", "\xf4\x8f\xbf\xbf", true},
        Utf8Case{"BeyondLast", "\xf4\x90\x80\x80", false}, Utf8Case{"Overlong2", "\xc0\x80", false},
        Utf8Case{"Overlong3", "\xe0\x80\x80", false},
        Utf8Case{"Overlong4", "\xf0\x80\x80\x80", false},
        Utf8Case{"Surrogate", "\xed\xa0\x80", false}, Utf8Case{"LoneTail", "\x80", false},
        Utf8Case{"CutShort", "\xe2\x82", false}, Utf8Case{"NoTail", "\xc3(", false},
        Utf8Case{"FiveBytes", "\xf8\x88\x80\x80\x80", false}),
    [](const auto& row) { return std::string{row.param.name}; });

TEST(Hlc, StampIsAfterAllThatWasSeenAndNeverBeforeNow) {
  const UnixMillis now{1000};
  EXPECT_EQ(stamp(now, Hlc{}), Hlc::at(now));
  EXPECT_EQ(stamp(now, Hlc::at(now)), Hlc::at(now, 1));
  EXPECT_EQ(stamp(now, Hlc::at(UnixMillis{5000}, 7)), Hlc::at(UnixMillis{5000}, 8));
  EXPECT_EQ(Hlc::at(now, 0xffff).next(), Hlc::at(UnixMillis{1001}));
  EXPECT_EQ(Hlc::at(UnixMillis{-5}).packed, 0u);
  EXPECT_EQ(Hlc::at(UnixMillis{1001}, 3).time(), UnixMillis{1001});
  EXPECT_EQ(Hlc::at(UnixMillis{1001}, 3).counter(), 3);
}

}  // namespace
}  // namespace maillon
