#include "node/catalogue/encoding.hpp"

#include <algorithm>
#include <array>
#include <cstring>

#include "proto/utf8.hpp"

namespace maillon::catalogue {
namespace {

struct Utf8Count {
  std::size_t sequences = 0;  ///< well-formed, of two bytes or more
  std::size_t plain = 0;      ///< of these, such that nobody writes in Windows-1252
  std::size_t damaged = 0;    ///< bytes that belong to none
  std::size_t first_damaged = DetectedEncoding::kNowhere;
};

/// Whether a sequence is surely meant as UTF-8. Two or three letters and marks of Windows-1252 may
/// look like one ("É »" with its hard space is U+0260, "é »" U+983B); but nobody writes what the
/// letters of French, its quotes, dashes and apostrophes, and emoji look like: "Ã©", "â€™", "ðŸ˜€".
bool is_plain(const unsigned char* p, std::size_t length) noexcept {
  if (length == 2) return p[0] == 0xc2 || p[0] == 0xc3 || p[0] == 0xc5;
  if (length == 3) return p[0] == 0xe2 && p[1] < 0x90;
  return p[0] == 0xf0 && p[1] == 0x9f;
}

/// Length of the well-formed sequence of two bytes or more at `p`, or 0.
std::size_t sequence_length(const unsigned char* p, std::size_t left) noexcept {
  const auto follows = [&](std::size_t i) { return i < left && (p[i] & 0xc0) == 0x80; };
  if (p[0] >= 0xc2 && p[0] <= 0xdf) return follows(1) ? 2 : 0;
  if (p[0] >= 0xe0 && p[0] <= 0xef) {
    if (!follows(1) || !follows(2)) return 0;
    if (p[0] == 0xe0 && p[1] < 0xa0) return 0;   // overlong
    if (p[0] == 0xed && p[1] >= 0xa0) return 0;  // surrogate
    return 3;
  }
  if (p[0] >= 0xf0 && p[0] <= 0xf4) {
    if (!follows(1) || !follows(2) || !follows(3)) return 0;
    if (p[0] == 0xf0 && p[1] < 0x90) return 0;  // overlong
    if (p[0] == 0xf4 && p[1] > 0x8f) return 0;  // beyond U+10FFFF
    return 4;
  }
  return 0;
}

Utf8Count count_utf8(std::string_view text) noexcept {
  Utf8Count out;
  const auto* p = reinterpret_cast<const unsigned char*>(text.data());
  std::size_t at = 0;
  while (at < text.size()) {
    std::uint64_t word = 0;
    while (at + sizeof word <= text.size()) {
      std::memcpy(&word, p + at, sizeof word);
      if ((word & 0x8080808080808080u) != 0) break;
      at += sizeof word;
    }
    while (at < text.size() && p[at] < 0x80) ++at;
    if (at == text.size()) break;
    if (const std::size_t length = sequence_length(p + at, text.size() - at); length > 0) {
      ++out.sequences;
      if (is_plain(p + at, length)) ++out.plain;
      at += length;
      continue;
    }
    ++out.damaged;
    out.first_damaged = std::min(out.first_damaged, at);
    ++at;
  }
  return out;
}

/// Code points of bytes 0x80 to 0x9f; the rest of Windows-1252 is Latin-1.
constexpr std::array<char16_t, 32> kWindows1252 = {
    0x20ac, 0x0081, 0x201a, 0x0192, 0x201e, 0x2026, 0x2020, 0x2021, 0x02c6, 0x2030, 0x0160,
    0x2039, 0x0152, 0x008d, 0x017d, 0x008f, 0x0090, 0x2018, 0x2019, 0x201c, 0x201d, 0x2022,
    0x2013, 0x2014, 0x02dc, 0x2122, 0x0161, 0x203a, 0x0153, 0x009d, 0x017e, 0x0178};

Error not_text(std::string what_en, std::string what_fr) {
  return Error{Errc::malformed, std::move(what_en), std::move(what_fr),
               "save it as CSV UTF-8, or as JSON", "enregistrez-le en CSV UTF-8 ou en JSON"};
}

}  // namespace

std::uint64_t line_at(std::string_view text, std::size_t at) noexcept {
  const auto end = text.begin() + static_cast<std::ptrdiff_t>(std::min(at, text.size()));
  return 1 + static_cast<std::uint64_t>(std::count(text.begin(), end, '\n'));
}

Result<DetectedEncoding> detect_encoding(std::string_view text) {
  if (text.starts_with("\xff\xfe") || text.starts_with("\xfe\xff"))
    return not_text("this file is UTF-16", "ce fichier est en UTF-16");
  if (text.starts_with("PK\x03\x04"))
    return not_text("this is a ZIP archive or a spreadsheet (XLSX, ODS), not CSV or JSON",
                    "c'est une archive ZIP ou un classeur (XLSX, ODS), pas du CSV ni du JSON");
  if (const std::size_t nul = text.find('\0'); nul != std::string_view::npos) {
    const std::string line = std::to_string(line_at(text, nul));
    return not_text("line " + line + ": a zero byte, so this is not a text file",
                    "ligne " + line + " : un octet nul, ce n'est donc pas un fichier texte");
  }
  const std::size_t skip = text.starts_with("\xef\xbb\xbf") ? 3 : 0;
  const Utf8Count count = count_utf8(text);
  DetectedEncoding out{Encoding::utf8, skip, count.first_damaged};
  if (count.damaged == 0) return out;
  out.mixed = skip > 0 || count.plain > 0 || count.sequences > count.damaged;
  if (!out.mixed) out.encoding = Encoding::windows_1252;
  return out;
}

Error damaged_utf8(std::string_view text, std::size_t at) {
  const std::string line = std::to_string(line_at(text, at));
  return Error{Errc::malformed,
               "line " + line + ": damaged UTF-8 in a file that is UTF-8 elsewhere",
               "ligne " + line + " : UTF-8 abîmé, alors que le reste du fichier est en UTF-8",
               "correct that line, or save the whole file again as UTF-8",
               "corrigez cette ligne, ou enregistrez tout le fichier de nouveau en UTF-8"};
}

std::string utf8_from_windows_1252(std::string_view text) {
  std::string out;
  out.reserve(text.size() + text.size() / 16);
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x80)
      out.push_back(c);
    else
      append_utf8(out, byte < 0xa0 ? kWindows1252[byte - 0x80] : byte);
  }
  return out;
}

}  // namespace maillon::catalogue
