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

std::size_t unseen_at(std::string_view text, std::size_t i) {
  const auto byte = [&](std::size_t at) {
    return at < text.size() ? static_cast<unsigned char>(text[at]) : 0;
  };
  const int c = byte(i);
  const int second = byte(i + 1);
  const int third = byte(i + 2);
  if (c < 0x20 || c == 0x7f) return 1;
  // The C1 controls, and the Arabic letter mark.
  if ((c == 0xc2 && second < 0xa0) || (c == 0xd8 && second == 0x9c)) return 2;
  const bool in_200x =
      c == 0xe2 && second == 0x80 &&
      (third == 0x8b || third == 0x8e || third == 0x8f || (third >= 0xa8 && third <= 0xae));
  const bool in_206x = c == 0xe2 && second == 0x81 && third >= 0xa0 && third <= 0xaf;
  const bool byte_order = c == 0xef && second == 0xbb && third == 0xbf;
  return in_200x || in_206x || byte_order ? 3 : 0;
}

std::string for_terminal(std::string_view text, std::size_t max) {
  std::string out{text.substr(0, max)};
  if (text.size() > max) {
    while (!out.empty() && (static_cast<unsigned char>(text[out.size()]) & 0xc0) == 0x80)
      out.pop_back();
    out += "…";
  }
  if (!is_utf8(out)) return "?";
  for (std::size_t i = 0; i < out.size(); ++i)
    if (const std::size_t bytes = unseen_at(out, i); bytes > 0)
      out.replace(i, bytes, std::string(bytes, ' '));
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
