#include "node/catalogue/csv_text.hpp"

#include <algorithm>

namespace maillon::catalogue {
namespace {

bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }
bool is_letter(char c) noexcept { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

/// How many of the characters at the start `fits` takes.
template <class Fits>
std::size_t run(std::string_view text, const Fits& fits) noexcept {
  return static_cast<std::size_t>(std::ranges::find_if_not(text, fits) - text.begin());
}

/// ^\+[0-9 .-]*(\(0\))?[0-9 .-]*$
bool is_telephone(std::string_view text) noexcept {
  constexpr std::string_view kDigits = "0123456789 .-";
  if (!text.starts_with('+')) return false;
  const std::size_t at = text.find_first_not_of(kDigits, 1);
  if (at == std::string_view::npos) return true;
  text.remove_prefix(at);
  return text.starts_with("(0)") && text.find_first_not_of(kDigits, 3) == std::string_view::npos;
}

/// 12, 1.5, 1,5 or 2e9.
bool is_number(std::string_view token) noexcept {
  const auto skip = [&] {
    const std::size_t digits = run(token, is_digit);
    token.remove_prefix(digits);
    return digits;
  };
  std::size_t digits = skip();
  if (token.starts_with('.') || token.starts_with(',')) {
    token.remove_prefix(1);
    digits += skip();
  }
  if (digits > 0 && (token.starts_with('e') || token.starts_with('E'))) {
    token.remove_prefix(1);
    if (skip() == 0) return false;
  }
  return digits > 0 && token.empty();
}

/// A1, $AB$12, and Sheet.A1 as LibreOffice has it.
bool is_reference(std::string_view token) noexcept {
  token.remove_prefix(token.rfind('.') + 1);  // npos + 1 is 0: all of it
  const auto drop_dollar = [&] {
    if (token.starts_with('$')) token.remove_prefix(1);
  };
  drop_dollar();
  const std::size_t letters = run(token, is_letter);
  if (letters < 1 || letters > 3) return false;
  token.remove_prefix(letters);
  drop_dollar();
  return token.size() >= 1 && token.size() <= 7 && run(token, is_digit) == token.size();
}

/// Nothing but numbers, cells and operators, with something to compute.
bool is_arithmetic(std::string_view text) noexcept {
  constexpr std::string_view kOperators = "+-*/^&<>:;";
  const auto in_token = [](char c) {
    return is_digit(c) || is_letter(c) || c == '$' || c == '.' || c == ',' || c == '_';
  };
  bool refers = false;
  bool joins = false;
  std::size_t operands = 0;
  bool operator_before = false;
  while (!text.empty()) {
    const std::size_t size = run(text, in_token);
    if (size == 0) {
      const char c = text.front();
      const bool joining = kOperators.find(c) != std::string_view::npos;
      if (!joining && c != ' ' && c != '%' && c != '\n' && c != '\r' && c != '\t') return false;
      operator_before |= joining;
      text.remove_prefix(1);
      continue;
    }
    const std::string_view token = text.substr(0, size);
    const bool reference = is_reference(token);
    if (!reference && !is_number(token)) return false;
    refers |= reference;
    joins |= operands > 0 && operator_before;
    ++operands;
    operator_before = false;
    text.remove_prefix(size);
  }
  return refers || joins;
}

/// Whether a spreadsheet might evaluate the text. Apostrophes before it do not count here.
bool is_formula(std::string_view text) noexcept {
  text.remove_prefix(std::min(text.find_first_not_of('\''), text.size()));
  text.remove_prefix(std::min(text.find_first_not_of('\n'), text.size()));
  if (text.empty()) return false;
  const char first = text.front();
  if (first == '=' || first == '@' || first == '\t' || first == '\r') return true;
  if (first != '+' && first != '-') return false;
  if (is_json_number(text.substr(first == '+' ? 1 : 0)) || is_telephone(text)) return false;
  return text.find_first_of("(|!=@\"'") != std::string_view::npos || is_arithmetic(text);
}

}  // namespace

std::string csv_cell(const Value& value) {
  std::string cell = value.display();
  if (value.kind() == Value::Kind::text && is_formula(cell)) cell.insert(cell.begin(), '\'');
  return cell;
}

bool is_guarded(std::string_view cell) noexcept {
  return cell.starts_with('\'') && is_formula(cell);
}

bool needs_quotes(std::string_view cell) noexcept {
  if (cell.empty()) return false;
  return cell.find_first_of(",\"\r\n") != std::string_view::npos || cell.front() == ' ' ||
         cell.back() == ' ' || cell.front() == '\t' || cell.back() == '\t';
}

bool name_needs_quotes(std::string_view name) noexcept {
  return needs_quotes(name) || name.find_first_of(";\t") != std::string_view::npos;
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
