#include "node/admin/words.hpp"

#include <algorithm>
#include <ctime>

namespace maillon::admin {
namespace {

/// Characters, not bytes: what a column is wide.
std::size_t width(std::string_view text) {
  return static_cast<std::size_t>(std::ranges::count_if(
      text, [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

}  // namespace

std::string utc(UnixMillis time) {
  const auto seconds = static_cast<std::time_t>(time.count() / 1000);
  std::tm parts{};
  if (gmtime_r(&seconds, &parts) == nullptr) return std::to_string(time.count());
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", parts.tm_year + 1900,
                     parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec,
                     time.count() % 1000);
}

std::string local(UnixMillis time) {
  const auto seconds = static_cast<std::time_t>(time.count() / 1000);
  std::tm parts{};
  if (localtime_r(&seconds, &parts) == nullptr) return std::to_string(time.count());
  return fmt::format("{:04}-{:02}-{:02} {:02}:{:02}", parts.tm_year + 1900, parts.tm_mon + 1,
                     parts.tm_mday, parts.tm_hour, parts.tm_min);
}

std::string grouped(std::int64_t number) {
  const std::string digits = std::to_string(number);
  std::string out;
  for (std::size_t i = 0; i < digits.size(); ++i) {
    const std::size_t left = digits.size() - i;
    if (i > 0 && digits[i - 1] != '-' && left % 3 == 0) out += "\u202f";
    out += digits[i];
  }
  return out;
}

std::string bytes_in_words(std::uint64_t bytes, Language language) {
  const bool french = language == Language::french;
  if (bytes < 1000) return fmt::format("{} {}", bytes, french ? "o" : "B");
  double size = static_cast<double>(bytes);
  std::size_t unit = 0;
  for (; size >= 999.95 && unit < 4; ++unit) size /= 1000;
  constexpr std::array<const char*, 5> kFrench{"o", "ko", "Mo", "Go", "To"};
  constexpr std::array<const char*, 5> kEnglish{"B", "kB", "MB", "GB", "TB"};
  std::string out = fmt::format("{:.1f} {}", size, french ? kFrench[unit] : kEnglish[unit]);
  if (french) std::ranges::replace(out, '.', ',');
  return out;
}

std::string for_terminal(std::string_view text, std::size_t max) {
  std::string out{text.substr(0, max)};
  if (text.size() > max) {
    while (!out.empty() && (static_cast<unsigned char>(text[out.size()]) & 0xc0) == 0x80)
      out.pop_back();
    out += "…";
  }
  if (!is_utf8(out)) return "?";
  // C0, DEL, and the C1 controls, which UTF-8 writes as C2 80 … C2 9F.
  for (std::size_t i = 0; i < out.size(); ++i) {
    const auto c = static_cast<unsigned char>(out[i]);
    if (c < 0x20 || c == 0x7f) out[i] = ' ';
    if (c == 0xc2 && static_cast<unsigned char>(out[i + 1]) < 0xa0) out.replace(i, 2, "  ");
  }
  return out;
}

std::string role_in_words(Role role, Language language) {
  if (role == Role::hub) return "hub";
  return language == Language::french ? "coopérative" : "cooperative";
}

std::string table(const std::vector<std::vector<std::string>>& rows) {
  std::vector<std::size_t> widths;
  for (const auto& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], width(row[i]));
  }
  std::string out;
  for (const auto& row : rows) {
    std::string line = " ";
    for (std::size_t i = 0; i < row.size(); ++i) {
      line += ' ' + row[i];
      if (i + 1 < row.size()) line.append(widths[i] - width(row[i]) + 1, ' ');
    }
    out += line + '\n';
  }
  return out;
}

}  // namespace maillon::admin
