#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "proto/bytes.hpp"

namespace maillon {

/// A register's value, exactly as somebody typed it: numbers keep their decimal text, nested JSON
/// its compact text. Encoded as one kind byte, then the text.
class Value {
 public:
  enum class Kind : std::uint8_t {
    null = 0,    ///< the field is cleared; no text
    no = 1,      ///< false; no text
    yes = 2,     ///< true; no text
    number = 3,  ///< JSON number grammar (RFC 8259 section 6), kept digit for digit
    text = 4,    ///< UTF-8
    json = 5,    ///< a JSON array or object, compact
  };

  Value() = default;
  Value(Kind kind, std::string text) : kind_(kind), text_(std::move(text)) {}
  [[nodiscard]] static Value of_text(std::string text) { return {Kind::text, std::move(text)}; }
  [[nodiscard]] static Value of_bool(bool on) { return {on ? Kind::yes : Kind::no, {}}; }

  /// Errc::malformed for an unknown kind, text where none belongs, bad UTF-8, or a bad number.
  /// Nested JSON is not parsed here: whoever shows it does.
  [[nodiscard]] static Result<Value> decode(ByteView encoded);
  void encode_into(Bytes& out) const;
  [[nodiscard]] Bytes encoded() const;

  [[nodiscard]] Kind kind() const noexcept { return kind_; }
  [[nodiscard]] bool is_null() const noexcept { return kind_ == Kind::null; }
  [[nodiscard]] const std::string& text() const noexcept { return text_; }
  /// What a person reads: "vrai"/"faux" are left to the caller; true/false, digits, text, JSON.
  [[nodiscard]] std::string display() const;

  friend auto operator<=>(const Value&, const Value&) = default;

 private:
  Kind kind_ = Kind::null;
  std::string text_;
};

/// Appends a text as a JSON string with its quotes.
void append_json_string(std::string& out, std::string_view text);
/// Appends a value as JSON; nested JSON as it stands, unread.
void append_json_value(std::string& out, const Value& value);

/// JSON with the escapes of its strings undone (RFC 8259, section 7), to look for words in; what is no
/// escape stays.
[[nodiscard]] std::string without_json_escapes(std::string_view json);

/// RFC 8259 number grammar.
[[nodiscard]] bool is_json_number(std::string_view text) noexcept;

}  // namespace maillon
