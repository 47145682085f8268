#include "node/admin/words.hpp"

#include <gtest/gtest.h>

namespace maillon::admin {
namespace {

TEST(Words, CannotDriveATerminal) {
  EXPECT_EQ(for_terminal("a\x1b[2Jb\nc"), "a [2Jb c");
  EXPECT_EQ(for_terminal("x\u009b1my"), "x  1my");
  EXPECT_EQ(for_terminal("\xff"), "?");
  EXPECT_EQ(for_terminal("ééé", 3), "é…");
  EXPECT_EQ(for_terminal("\xc2"), "?");
}

TEST(Words, SayNumbersAndTimes) {
  EXPECT_EQ(grouped(1234567), "1\u202f234\u202f567");
  EXPECT_EQ(grouped(-1234), "-1\u202f234");
  EXPECT_EQ(grouped(0), "0");
  EXPECT_EQ(bytes_in_words(999, Language::french), "999 o");
  EXPECT_EQ(bytes_in_words(1'400'000, Language::french), "1,4 Mo");
  EXPECT_EQ(bytes_in_words(1'400'000, Language::english), "1.4 MB");
  EXPECT_EQ(utc(UnixMillis{1'700'000'000'123}), "2023-11-14T22:13:20.123Z");
}

TEST(Words, ErrorsAreOneSentenceInTheReadersLanguage) {
  const Error both = said(Errc::refused, "no", "non", "do this", "faites ceci");
  EXPECT_EQ(sentence(both, Language::english), "no — do this");
  EXPECT_EQ(sentence(both, Language::french), "non — faites ceci");
  const Error technical{Errc::io, "disk I/O error"};
  EXPECT_EQ(sentence(technical, Language::french),
            "le système a refusé une opération (disk I/O error)");
}

TEST(Words, DamageNeverComesWithoutAWayOut) {
  const Error bare{Errc::integrity, "log: no such place"};
  EXPECT_NE(sentence(bare, Language::english).find(" — `maillon verify` says"), std::string::npos);
  EXPECT_NE(sentence(bare, Language::french).find(" — « maillon verify » dit"), std::string::npos);
  Request request;
  request.language = Language::english;
  request.json = true;
  EXPECT_NE(failure(request, bare).json.find("restore a backup"), std::string::npos);
  const Error told = said(Errc::integrity, "cut", "coupé", "fetch it again", "reprenez-le");
  EXPECT_EQ(sentence(told, Language::english), "cut — fetch it again");
  EXPECT_EQ(what_to_do(Error{Errc::io, "disk"}, Language::english), "");
}

TEST(Words, ExitCodesFollowTheKind) {
  EXPECT_EQ(exit_code_of(Errc::refused), 1);
  EXPECT_EQ(exit_code_of(Errc::busy), 1);
  EXPECT_EQ(exit_code_of(Errc::usage), 2);
  EXPECT_EQ(exit_code_of(Errc::not_found), 3);
  EXPECT_EQ(exit_code_of(Errc::not_allowed), 4);
  EXPECT_EQ(exit_code_of(Errc::unavailable), 5);
  EXPECT_EQ(exit_code_of(Errc::integrity), 6);
}

}  // namespace
}  // namespace maillon::admin
