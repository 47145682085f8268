#include "proto/value.hpp"

#include <charconv>
#include <optional>

#include "proto/utf8.hpp"

namespace maillon {

Result<Value> Value::decode(ByteView encoded) {
  if (encoded.empty() || encoded[0] > static_cast<std::uint8_t>(Kind::json))
    return Error{Errc::malformed, "value: unknown kind"};
  const auto kind = static_cast<Kind>(encoded[0]);
  const std::string_view text = as_text(encoded.subspan(1));
  const bool bare = kind == Kind::null || kind == Kind::no || kind == Kind::yes;
  if (bare && !text.empty()) return Error{Errc::malformed, "value: text where none belongs"};
  if (kind == Kind::number && !is_json_number(text))
    return Error{Errc::malformed, "value: not a number"};
  if (!is_utf8(text)) return Error{Errc::malformed, "value: not UTF-8"};
  return Value{kind, std::string{text}};
}

void Value::encode_into(Bytes& out) const {
  out.push_back(static_cast<std::uint8_t>(kind_));
  const ByteView text = as_bytes(text_);
  out.insert(out.end(), text.begin(), text.end());
}

Bytes Value::encoded() const {
  Bytes out;
  out.reserve(text_.size() + 1);
  encode_into(out);
  return out;
}

std::string Value::display() const {
  switch (kind_) {
    case Kind::null:
      return {};
    case Kind::no:
      return "false";
    case Kind::yes:
      return "true";
    case Kind::number:
    case Kind::text:
    case Kind::json:
      break;
  }
  return text_;
}

void append_json_string(std::string& out, std::string_view text) {
  static constexpr char kDigits[] = "0123456789abcdef";
  out.push_back('"');
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out.push_back('\\');
      out.push_back(c);
    } else if (byte >= 0x20) {
      out.push_back(c);
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\r') {
      out += "\\r";
    } else if (c == '\t') {
      out += "\\t";
    } else {
      out += "\\u00";
      out.push_back(kDigits[byte >> 4]);
      out.push_back(kDigits[byte & 15]);
    }
  }
  out.push_back('"');
}

void append_json_value(std::string& out, const Value& value) {
  switch (value.kind()) {
    case Value::Kind::null:
      out += "null";
      return;
    case Value::Kind::text:
      append_json_string(out, value.text());
      return;
    case Value::Kind::no:
    case Value::Kind::yes:
    case Value::Kind::number:
    case Value::Kind::json:
      out += value.display();
      return;
  }
}

namespace {

/// The UTF-16 code unit of the escape with four hexadecimal digits that begins at `at`.
std::optional<std::uint32_t> unit_at(std::string_view json, std::size_t at) {
  if (at + 6 > json.size() || json[at] != '\\' || json[at + 1] != 'u') return std::nullopt;
  std::uint32_t unit = 0;
  const auto [end, error] = std::from_chars(&json[at + 2], &json[at + 2] + 4, unit, 16);
  if (error != std::errc{} || end != &json[at + 2] + 4) return std::nullopt;
  return unit;
}

}  // namespace

std::string without_json_escapes(std::string_view json) {
  static constexpr std::string_view kLetters = "\"\\/bfnrt";
  static constexpr std::string_view kMeanings = "\"\\/\b\f\n\r\t";
  std::string out;
  for (std::size_t at = 0; at < json.size(); ++at) {
    const bool escaped = json[at] == '\\' && at + 1 < json.size();
    const std::size_t letter = escaped ? kLetters.find(json[at + 1]) : kLetters.npos;
    if (letter != kLetters.npos) {
      out.push_back(kMeanings[letter]);
      ++at;
    } else if (const auto unit = unit_at(json, at)) {
      const auto low = unit_at(json, at + 6);
      const bool pair = *unit >= 0xd800 && *unit < 0xdc00 && low && *low >= 0xdc00 && *low < 0xe000;
      append_utf8(out, pair ? 0x1'0000 + ((*unit - 0xd800) << 10) + (*low - 0xdc00) : *unit);
      at += pair ? 11 : 5;
    } else {
      out.push_back(json[at]);
    }
  }
  return out;
}

bool is_json_number(std::string_view text) noexcept {
  std::size_t at = 0;
  const auto digits = [&] {
    const std::size_t from = at;
    while (at < text.size() && text[at] >= '0' && text[at] <= '9') ++at;
    return at - from;
  };
  if (at < text.size() && text[at] == '-') ++at;
  const std::size_t whole = at;
  const std::size_t count = digits();
  if (count == 0 || (count > 1 && text[whole] == '0')) return false;
  if (at < text.size() && text[at] == '.') {
    ++at;
    if (digits() == 0) return false;
  }
  if (at < text.size() && (text[at] == 'e' || text[at] == 'E')) {
    ++at;
    if (at < text.size() && (text[at] == '+' || text[at] == '-')) ++at;
    if (digits() == 0) return false;
  }
  return at == text.size();
}

}  // namespace maillon
