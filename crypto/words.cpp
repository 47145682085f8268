#include "crypto/words.hpp"

#include <sodium.h>

#include <algorithm>
#include <optional>

#include "crypto/aead.hpp"
#include "crypto/keys.hpp"

namespace maillon::crypto {
namespace {

constexpr std::size_t kWords = 24;
/// Room for the longest word of both lists (8 letters) and to see that one is longer.
constexpr std::size_t kLettersMax = 12;
/// A phrase is under 24 * (8 letters of up to 3 bytes + a space); beyond this it is no phrase.
constexpr std::size_t kPhraseMax = 4096;

/// A word as compared: lower-case ASCII without accents. A character that is no Latin letter, or a
/// word too long, leaves '?' in it, which no listed word has.
struct Folded {
  std::array<char, kLettersMax> letters{};
  std::size_t size = 0;

  void add(char letter) noexcept {
    if (size < letters.size()) {
      letters[size++] = letter;
    } else {
      letters.back() = '?';
    }
  }
  friend bool operator==(const Folded&, const Folded&) = default;
};

/// Decodes one character of well-formed UTF-8 off the front of `text`.
char32_t take_scalar(std::string_view& text) noexcept {
  const auto lead = static_cast<unsigned char>(text[0]);
  const std::size_t size = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
  char32_t out = size == 1 ? lead : lead & (0xffu >> (size + 1));
  for (std::size_t i = 1; i < size; ++i)
    out = (out << 6) | (static_cast<unsigned char>(text[i]) & 0x3fu);
  text.remove_prefix(size);
  return out;
}

bool is_space(char32_t c) noexcept {
  return (c >= 0x09 && c <= 0x0d) || c == ' ' || c == 0x85 || c == 0xa0 || c == 0x1680 ||
         (c >= 0x2000 && c <= 0x200b) || c == 0x2028 || c == 0x2029 || c == 0x202f || c == 0x205f ||
         c == 0x3000 || c == 0xfeff;
}

/// Adds `c` without case and accent. Only the Latin-1 letters that the lists can need are known.
void fold_into(Folded& word, char32_t c) noexcept {
  if (c >= 0x300 && c <= 0x36f) return;  // combining accents of a decomposed letter
  if (c >= 'A' && c <= 'Z') return word.add(static_cast<char>(c + ('a' - 'A')));
  if (c >= 'a' && c <= 'z') return word.add(static_cast<char>(c));
  if (c >= 0xc0 && c <= 0xff) {
    // À … ß, à … ÿ: both rows have the same letters at the same places.
    static constexpr std::string_view kBase = "aaaaaa?ceeeeiiii?nooooo?ouuuuy??";
    return word.add(kBase[(c - 0xc0) % 32]);
  }
  word.add('?');
}

Folded fold(std::string_view listed) noexcept {
  Folded out;
  while (!listed.empty()) fold_into(out, take_scalar(listed));
  return out;
}

using List = std::array<std::string_view, 2048>;

std::optional<std::uint16_t> number_of(const Folded& word, const List& list) noexcept {
  for (std::size_t i = 0; i < list.size(); ++i) {
    if (fold(list[i]) == word) return static_cast<std::uint16_t>(i);
  }
  return std::nullopt;
}

std::uint8_t checksum(std::span<const std::uint8_t> secret) noexcept {
  std::array<std::uint8_t, 32> digest;
  crypto_hash_sha256(digest.data(), secret.data(), secret.size());
  return digest[0];
}

/// What one list makes of the words.
struct Reading {
  std::size_t unknown = 0;        ///< words not in the list
  std::size_t first_unknown = 0;  ///< position of the first of them, from 1
  bool checks = false;            ///< all known, and the checksum fits
  std::array<std::uint8_t, 33> bytes{};
};

void read_as(const std::array<Folded, kWords>& words, const List& list, Reading& out) noexcept {
  for (std::size_t i = 0; i < kWords; ++i) {
    const auto number = number_of(words[i], list);
    if (!number) {
      if (out.unknown++ == 0) out.first_unknown = i + 1;
      continue;
    }
    for (std::size_t bit = 0; bit < 11; ++bit) {
      const std::size_t at = i * 11 + bit;
      if (((*number >> (10 - bit)) & 1) != 0)
        out.bytes[at / 8] = static_cast<std::uint8_t>(out.bytes[at / 8] | (0x80u >> (at % 8)));
    }
  }
  out.checks = out.unknown == 0 && checksum(std::span{out.bytes}.first<32>()) == out.bytes[32];
}

Error wrong_count(std::size_t count) {
  return {Errc::refused, "the phrase has " + std::to_string(count) + " words, not 24",
          "la phrase compte " + std::to_string(count) + " mots au lieu de 24",
          "type all 24 words in their order, separated by spaces",
          "saisissez les 24 mots dans l’ordre, séparés par des espaces"};
}

Error wrong_word(std::size_t position, bool french) {
  const std::string at = std::to_string(position);
  return {Errc::refused,
          "word " + at + " of 24 is not in the " + (french ? "French" : "English") + " word list",
          "le mot " + at + " sur 24 n’est pas dans la liste " + (french ? "française" : "anglaise"),
          "check the spelling of word " + at + " against the paper; accents may be left out",
          "comparez le mot " + at + " avec le papier ; les accents sont facultatifs"};
}

Error wrong_checksum() {
  return {Errc::refused, "all 24 words exist, but their checksum does not fit",
          "les 24 mots existent, mais leur somme de contrôle est fausse",
          "one word was taken for another of the list, or two are swapped: compare with the paper",
          "un mot a été pris pour un autre, ou deux sont intervertis : comparez avec le papier"};
}

Result<Secret32> decide(const Reading& english, const Reading& french) {
  // Some words stand in both lists; only the whole phrase tells the language.
  if (english.checks && french.checks)
    return Error{Errc::refused, "the phrase is valid in English and in French",
                 "la phrase est valide en anglais et en français"};
  if (english.checks || french.checks)
    return Secret32{std::span{english.checks ? english.bytes : french.bytes}.first<32>()};
  if (english.unknown == 0 || french.unknown == 0) return wrong_checksum();
  const bool as_french = french.unknown < english.unknown;
  return wrong_word(as_french ? french.first_unknown : english.first_unknown, as_french);
}

}  // namespace

std::vector<std::string> to_words(const Secret32& secret, WordLanguage language) {
  const List& list = language == WordLanguage::french ? kFrenchWords : kEnglishWords;
  std::array<std::uint8_t, 33> bytes;
  std::ranges::copy(secret.bytes(), bytes.begin());
  bytes[32] = checksum(secret.bytes());
  std::vector<std::string> out;
  out.reserve(kWords);
  for (std::size_t i = 0; i < kWords; ++i) {
    std::size_t number = 0;
    for (std::size_t at = i * 11; at < (i + 1) * 11; ++at)
      number = (number << 1) | ((bytes[at / 8] >> (7 - at % 8)) & 1u);
    out.emplace_back(list[number]);
  }
  wipe(bytes);
  return out;
}

Result<Secret32> from_words(std::string_view text) {
  if (text.size() > kPhraseMax || !is_utf8(text))
    return Error{Errc::refused, "this is no phrase of 24 words",
                 "ce n’est pas une phrase de 24 mots"};
  std::array<Folded, kWords> words;
  std::size_t count = 0;
  for (bool inside = false; !text.empty();) {
    const char32_t c = take_scalar(text);
    if (!is_space(c) && !inside) ++count;
    inside = !is_space(c);
    if (inside && count <= kWords) fold_into(words[count - 1], c);
  }
  if (count != kWords) {
    sodium_memzero(&words, sizeof words);
    return wrong_count(count);
  }
  Reading english;
  Reading french;
  read_as(words, kEnglishWords, english);
  read_as(words, kFrenchWords, french);
  auto out = decide(english, french);
  sodium_memzero(&words, sizeof words);
  wipe(english.bytes);
  wipe(french.bytes);
  return out;
}

}  // namespace maillon::crypto
