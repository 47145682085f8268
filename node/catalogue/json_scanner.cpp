#include "node/catalogue/json_scanner.hpp"

#include <algorithm>
#include <cstring>

#include "node/catalogue/encoding.hpp"
#include "proto/limits.hpp"
#include "proto/utf8.hpp"

namespace maillon::catalogue {
namespace {

constexpr const char* kCutEn = "the file ends in the middle of a record";
constexpr const char* kCutFr = "le fichier s'arrête au milieu d'une fiche";

/// Offset of the first quote, backslash or control character at or after `at`. Eight bytes at a
/// time: strings are most of a file.
std::size_t find_special(std::string_view text, std::size_t at) noexcept {
  constexpr std::uint64_t kOnes = 0x0101010101010101u;
  constexpr std::uint64_t kHighs = 0x8080808080808080u;
  const auto has_zero = [](std::uint64_t v) { return (v - kOnes) & ~v & kHighs; };
  std::uint64_t word = 0;
  while (at + sizeof word <= text.size()) {
    std::memcpy(&word, text.data() + at, sizeof word);
    const std::uint64_t quote = has_zero(word ^ (kOnes * '"'));
    const std::uint64_t slash = has_zero(word ^ (kOnes * '\\'));
    const std::uint64_t control = (word - kOnes * 0x20) & ~word & kHighs;
    if ((quote | slash | control) != 0) break;
    at += sizeof word;
  }
  while (at < text.size()) {
    const auto c = static_cast<unsigned char>(text[at]);
    if (c == '"' || c == '\\' || c < 0x20) break;
    ++at;
  }
  return at;
}

bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }

}  // namespace

void JsonScanner::skip_space() noexcept {
  while (at_ < text_.size()) {
    const char c = text_[at_];
    if (c != ' ' && c != '\n' && c != '\r' && c != '\t') return;
    ++at_;
  }
}

bool JsonScanner::take(char c) noexcept {
  if (peek() != c || at_end()) return false;
  ++at_;
  return true;
}

std::uint64_t JsonScanner::line() noexcept {
  // Lines are long: looking for the next end of one beats comparing each byte.
  const std::string_view passed = text_.substr(0, at_);
  for (;;) {
    const std::size_t end = passed.find('\n', counted_at_);
    if (end == std::string_view::npos) break;
    ++counted_line_;
    counted_at_ = end + 1;
  }
  counted_at_ = at_;
  return counted_line_;
}

bool JsonScanner::fail(const char* en, const char* fr) noexcept {
  if (fault_en_ == nullptr) {
    fault_en_ = en;
    fault_fr_ = fr;
    fault_line_ = line();
  }
  return false;
}

bool JsonScanner::unexpected(const char* en, const char* fr) noexcept {
  return at_end() ? fail(kCutEn, kCutFr) : fail(en, fr);
}

Error JsonScanner::error() const {
  MAILLON_ASSERT(fault_en_ != nullptr, "error() without a fault");
  const std::string line = std::to_string(fault_line_);
  Error out{Errc::malformed, "line " + line + ": " + fault_en_,
            "ligne " + line + " : " + fault_fr_};
  const bool cut = fault_en_ == kCutEn;
  out.hint = cut ? "fetch or export it again" : "correct that line, or export the file again";
  out.hint_fr = cut ? "téléchargez-le ou exportez-le de nouveau"
                    : "corrigez cette ligne, ou exportez le fichier de nouveau";
  return out;
}

bool JsonScanner::hex4(std::uint32_t& out) {
  out = 0;
  for (int i = 0; i < 4; ++i, ++at_) {
    if (at_end()) return fail(kCutEn, kCutFr);
    const char c = text_[at_];
    std::uint32_t digit = 0;
    if (is_digit(c))
      digit = static_cast<std::uint32_t>(c - '0');
    else if (c >= 'a' && c <= 'f')
      digit = static_cast<std::uint32_t>(c - 'a' + 10);
    else if (c >= 'A' && c <= 'F')
      digit = static_cast<std::uint32_t>(c - 'A' + 10);
    else
      return fail("\\u must be followed by four hexadecimal digits",
                  "\\u doit être suivi de quatre chiffres hexadécimaux");
    out = out * 16 + digit;
  }
  return true;
}

bool JsonScanner::escape(std::string& out) {
  if (at_end()) return fail(kCutEn, kCutFr);
  const char c = text_[at_++];
  constexpr std::string_view kFrom = "\"\\/bfnrt";
  constexpr std::string_view kTo = "\"\\/\b\f\n\r\t";
  if (const std::size_t i = kFrom.find(c); i != std::string_view::npos) {
    out.push_back(kTo[i]);
    return true;
  }
  if (c != 'u')
    return fail("unknown escape after a backslash; write \\\\ for a backslash",
                "échappement inconnu après une barre oblique inverse ; écrivez \\\\ pour celle-ci");
  std::uint32_t code = 0;
  if (!hex4(code)) return false;
  if (code >= 0xd800 && code <= 0xdbff && text_.substr(at_).starts_with("\\u")) {
    const std::size_t back = at_;
    std::uint32_t low = 0;
    at_ += 2;
    if (!hex4(low)) return false;
    if (low >= 0xdc00 && low <= 0xdfff) {
      append_utf8(out, 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00));
      return true;
    }
    at_ = back;
  }
  if (code == 0 || (code >= 0xd800 && code <= 0xdfff)) {
    replaced_ = true;
    code = 0xfffd;
  }
  append_utf8(out, code);
  return true;
}

bool JsonScanner::string(std::string& out, std::string_view& raw) {
  if (!take('"'))
    return unexpected("a text in double quotes is missing here",
                      "il manque ici un texte entre guillemets doubles");
  const std::size_t from = at_;
  at_ = find_special(text_, at_);
  if (peek() == '"') {
    raw = text_.substr(from, at_ - from);
    ++at_;
    return true;
  }
  out.assign(text_.substr(from, at_ - from));
  while (!at_end()) {
    const char c = text_[at_];
    if (c == '"') {
      ++at_;
      raw = out;
      return true;
    }
    if (c != '\\')
      return fail(
          "a line break or control character inside a text; write it as \\n or \\u00XX, or "
          "close the quotes",
          "un saut de ligne ou caractère de contrôle dans un texte ; écrivez-le \\n ou "
          "\\u00XX, ou fermez les guillemets");
    ++at_;
    if (!escape(out)) return false;
    const std::size_t next = find_special(text_, at_);
    out.append(text_.substr(at_, next - at_));
    at_ = next;
  }
  return fail(kCutEn, kCutFr);
}

bool JsonScanner::number(std::string_view& out) {
  const std::size_t from = at_;
  const auto digits = [&] {
    const std::size_t start = at_;
    while (!at_end() && is_digit(text_[at_])) ++at_;
    return at_ - start;
  };
  const auto wrong = [&] {
    return unexpected("this is not a JSON number (digits, a point for decimals, no leading zero)",
                      "ce n'est pas un nombre JSON (des chiffres, un point décimal, pas de zéro "
                      "initial)");
  };
  take('-');
  const char first = peek();
  const std::size_t whole = digits();
  if (whole == 0 || (whole > 1 && first == '0')) return wrong();
  if (take('.') && digits() == 0) return wrong();
  if (peek() == 'e' || peek() == 'E') {
    ++at_;
    if (peek() == '+' || peek() == '-') ++at_;
    if (digits() == 0) return wrong();
  }
  out = text_.substr(from, at_ - from);
  return true;
}

bool JsonScanner::word(std::string_view expected) {
  if (!text_.substr(at_).starts_with(expected))
    return fail("this is not a JSON value; texts go in double quotes, an unknown value is null",
                "ce n'est pas une valeur JSON ; un texte va entre guillemets doubles, une valeur "
                "inconnue s'écrit null");
  at_ += expected.size();
  return true;
}

bool JsonScanner::value(Value& out, std::size_t depth) {
  skip_space();
  switch (peek()) {
    case '"': {
      std::string text;
      std::string_view raw;
      if (!string(text, raw)) return false;
      if (text.empty()) text.assign(raw);
      out = Value::of_text(std::move(text));
      return true;
    }
    case '[':
    case '{': {
      std::string compact;
      if (!compact_value(&compact, depth)) return false;
      out = Value{Value::Kind::json, std::move(compact)};
      return true;
    }
    case 't':
      out = Value::of_bool(true);
      return word("true");
    case 'f':
      out = Value::of_bool(false);
      return word("false");
    case 'n':
      out = Value{};
      return word("null");
    default:
      break;
  }
  if (peek() != '-' && !is_digit(peek())) return at_end() ? fail(kCutEn, kCutFr) : word("null");
  std::string_view digits;
  if (!number(digits)) return false;
  out = Value{Value::Kind::number, std::string{digits}};
  return true;
}

bool JsonScanner::skip_value(std::size_t depth) { return compact_value(nullptr, depth); }

/// Escapes are checked, then copied as they stand, so that nested text comes back byte for byte.
bool JsonScanner::raw_string(std::string* compact) {
  const std::size_t from = at_;
  std::string scratch;
  std::string_view raw;
  const bool lone = replaced_;
  if (!string(scratch, raw)) return false;
  replaced_ = lone;  // The escape itself survives here, so nothing was replaced.
  if (compact != nullptr) compact->append(text_.substr(from, at_ - from));
  return true;
}

bool JsonScanner::compact_value(std::string* compact, std::size_t depth) {
  skip_space();
  const char c = peek();
  if (c == '"') return raw_string(compact);
  if (c == '{' || c == '[') {
    if (depth >= limits::kJsonDepthMax)
      return fail("lists and objects are nested too deeply (32 levels at most)",
                  "listes et objets imbriqués trop profondément (32 niveaux au plus)");
    ++at_;
    if (compact != nullptr) compact->push_back(c);
    return compact_members(compact, depth + 1, c == '{' ? '}' : ']');
  }
  Value plain;
  if (!value(plain, depth)) return false;
  if (compact != nullptr) compact->append(plain.is_null() ? "null" : plain.display());
  return true;
}

bool JsonScanner::compact_members(std::string* compact, std::size_t depth, char close) {
  const auto put = [&](char c) {
    if (compact != nullptr) compact->push_back(c);
  };
  skip_space();
  if (take(close)) return put(close), true;
  for (;;) {
    if (close == '}') {
      skip_space();
      if (!raw_string(compact)) return false;
      skip_space();
      if (!take(':')) return unexpected("a colon is missing", "il manque un deux-points");
      put(':');
    }
    if (!compact_value(compact, depth)) return false;
    skip_space();
    if (take(close)) return put(close), true;
    if (!take(',')) return unexpected("a comma is missing", "il manque une virgule");
    put(',');
  }
}

}  // namespace maillon::catalogue
