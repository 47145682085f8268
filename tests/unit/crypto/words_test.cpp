#include "crypto/words.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "crypto/keys.hpp"

namespace maillon::crypto {
namespace {

std::string join(const std::vector<std::string>& words, std::string_view between = " ") {
  std::string out;
  for (const auto& word : words) {
    if (!out.empty()) out += between;
    out += word;
  }
  return out;
}

bool same(const Result<Secret32>& read, const Secret32& secret) {
  return read.has_value() && std::ranges::equal(read->bytes(), secret.bytes());
}

void replace_all(std::string& text, std::string_view from, std::string_view to) {
  for (auto at = text.find(from); at != text.npos; at = text.find(from, at + to.size()))
    text.replace(at, from.size(), to);
}

/// "abaisser abaisser … académie": a French phrase with accents, by its secret.
Secret32 french_with_accents() {
  for (std::uint64_t seed = 0;; ++seed) {
    SeededRng rng{seed};
    Secret32 secret = Secret32::random(rng);
    const auto phrase = join(to_words(secret, WordLanguage::french));
    if (phrase.find("é") != phrase.npos && phrase.find("è") != phrase.npos) return secret;
  }
}

TEST(Words, KnownPhrases) {
  const auto words_of = [](std::uint8_t byte) {
    std::array<std::uint8_t, 32> raw;
    raw.fill(byte);
    return join(to_words(Secret32{raw}, WordLanguage::english));
  };
  // Trezor's test vectors, which BIP-39 names.
  const auto times23 = [](std::string_view word, std::string_view last) {
    std::string out;
    for (int i = 0; i < 23; ++i) out.append(word).append(" ");
    return out.append(last);
  };
  EXPECT_EQ(words_of(0x00), times23("abandon", "art"));
  EXPECT_EQ(words_of(0xff), times23("zoo", "vote"));
  EXPECT_EQ(
      words_of(0x7f),
      "legal winner thank year wave sausage worth useful legal winner thank year wave sausage "
      "worth useful legal winner thank year wave sausage worth title");
}

TEST(Words, RoundTripInBothLanguages) {
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    SeededRng rng{seed};
    const Secret32 secret = Secret32::random(rng);
    for (const auto language : {WordLanguage::english, WordLanguage::french}) {
      const auto words = to_words(secret, language);
      ASSERT_EQ(words.size(), 24u);
      EXPECT_TRUE(same(from_words(join(words)), secret)) << join(words);
    }
  }
}

TEST(Words, AnyCaseSpacesAndAccents) {
  const Secret32 secret = french_with_accents();
  const auto words = to_words(secret, WordLanguage::french);
  const auto composed = join(words);
  auto decomposed = composed;
  replace_all(decomposed, "é", "e\u0301");
  replace_all(decomposed, "è", "e\u0300");
  auto bare = composed;
  replace_all(bare, "é", "e");
  replace_all(bare, "è", "e");
  auto capitals = bare;
  std::ranges::transform(capitals, capitals.begin(), [](char c) {
    return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c;
  });
  auto accented_capitals = composed;
  replace_all(accented_capitals, "é", "É");
  replace_all(accented_capitals, "è", "È");
  EXPECT_TRUE(same(from_words(decomposed), secret));
  EXPECT_TRUE(same(from_words(bare), secret));
  EXPECT_TRUE(same(from_words(capitals), secret));
  EXPECT_TRUE(same(from_words(accented_capitals), secret));
  EXPECT_TRUE(same(from_words("\r\n\t " + join(words, " \u00a0\n\u3000") + "\n"), secret));
}

TEST(Words, WrongWordIsNamedByPlaceAndNotRepeated) {
  SeededRng rng{9};
  for (const auto language : {WordLanguage::english, WordLanguage::french}) {
    const auto genuine = to_words(Secret32::random(rng), language);
    for (const std::size_t at : {0u, 6u, 23u}) {
      auto words = genuine;
      words[at] = "qwertz";
      const auto error = from_words(join(words)).error();
      const auto place = std::to_string(at + 1);
      EXPECT_EQ(error.code, Errc::refused);
      EXPECT_NE(error.detail.find("word " + place + " of 24"), std::string::npos) << error.detail;
      EXPECT_NE(error.fr.find("le mot " + place + " sur 24"), std::string::npos) << error.fr;
      EXPECT_FALSE(error.hint.empty() || error.hint_fr.empty());
      for (const auto& word : words) {
        EXPECT_TRUE(word.size() < 6 || error.detail.find(word) == std::string::npos);
      }
    }
  }
}

TEST(Words, HostileWordsAreNoWords) {
  SeededRng rng{9};
  const auto genuine = to_words(Secret32::random(rng), WordLanguage::english);
  for (const std::string wrong :
       {"a", "abandonabandonabandon", "аbandon" /* Cyrillic а */, "zoo?", "\u0301", "1", "zoo,"}) {
    auto words = genuine;
    words[3] = wrong;
    EXPECT_NE(from_words(join(words)).error().detail.find("word 4 of 24"), std::string::npos);
  }
  EXPECT_EQ(from_words("\xff\xfe").error().code, Errc::refused);
  EXPECT_EQ(from_words(std::string(100000, 'a')).error().code, Errc::refused);
}

TEST(Words, ChecksumFindsExchangedWords) {
  SeededRng rng{4};
  int refused = 0;
  for (int i = 0; i < 50; ++i) {
    auto words = to_words(Secret32::random(rng), WordLanguage::french);
    std::swap(words[0], words[1]);
    const auto read = from_words(join(words));
    if (read) continue;  // one in 256 exchanges keeps the checksum
    ++refused;
    EXPECT_EQ(read.error().code, Errc::refused);
    EXPECT_NE(read.error().detail.find("checksum"), std::string::npos);
    EXPECT_FALSE(read.error().fr.empty() || read.error().hint_fr.empty());
  }
  EXPECT_GE(refused, 45);
}

TEST(Words, OtherCountsAreToldSo) {
  SeededRng rng{4};
  auto words = to_words(Secret32::random(rng), WordLanguage::english);
  words.pop_back();
  EXPECT_NE(from_words(join(words)).error().detail.find("23 words"), std::string::npos);
  words.insert(words.end(), {"zoo", "zoo"});
  EXPECT_NE(from_words(join(words)).error().fr.find("25 mots"), std::string::npos);
  EXPECT_NE(from_words("").error().detail.find("0 words"), std::string::npos);
}

TEST(Words, ListsAreThoseOfBip39) {
  EXPECT_TRUE(std::ranges::is_sorted(kEnglishWords));
  EXPECT_EQ(kEnglishWords[2047], "zoo");
  EXPECT_EQ(kFrenchWords[0], "abaisser");
  EXPECT_EQ(kFrenchWords[18], "académie");
  EXPECT_EQ(kFrenchWords[2047], "zoologie");
}

}  // namespace
}  // namespace maillon::crypto
