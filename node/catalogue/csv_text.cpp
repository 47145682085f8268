#include "node/catalogue/csv_text.hpp"

namespace maillon::catalogue {
namespace {

constexpr std::string_view kDangerous = "=+-@\t\r\n";

/// Any number of apostrophes, then a dangerous character.
bool is_dangerous(std::string_view text) noexcept {
  const std::size_t at = text.find_first_not_of('\'');
  return at != std::string_view::npos && kDangerous.find(text[at]) != std::string_view::npos;
}

/// ^\+?[0-9 .-]+$
bool is_harmless(std::string_view text) noexcept {
  if (text.starts_with('+')) text.remove_prefix(1);
  return !text.empty() && text.find_first_not_of("0123456789 .-") == std::string_view::npos;
}

}  // namespace

std::string csv_cell(const Value& value) {
  std::string cell = value.display();
  if (value.kind() == Value::Kind::text && is_dangerous(cell) && !is_harmless(cell))
    cell.insert(cell.begin(), '\'');
  return cell;
}

bool same_in_csv(const Value& stored, const Value& incoming) {
  if (stored == incoming) return true;
  const Value::Kind kind = incoming.kind();
  if (kind != Value::Kind::text && kind != Value::Kind::number) return false;
  return incoming.text() == stored.display() || incoming.text() == csv_cell(stored);
}

bool is_guarded(std::string_view cell) noexcept {
  return cell.starts_with('\'') && is_dangerous(cell);
}

bool needs_quotes(std::string_view cell) noexcept {
  if (cell.empty()) return false;
  return cell.find_first_of(",\"\r\n") != std::string_view::npos || cell.front() == ' ' ||
         cell.back() == ' ' || cell.front() == '\t' || cell.back() == '\t';
}

void append_csv_cell(std::string& out, std::string_view cell, bool always) {
  if (!always && !needs_quotes(cell)) {
    out += cell;
    return;
  }
  out.push_back('"');
  for (std::size_t at = 0; at < cell.size();) {
    const std::size_t quote = cell.find('"', at);
    if (quote == std::string_view::npos) {
      out += cell.substr(at);
      break;
    }
    out += cell.substr(at, quote + 1 - at);
    out.push_back('"');
    at = quote + 1;
  }
  out.push_back('"');
}

}  // namespace maillon::catalogue
