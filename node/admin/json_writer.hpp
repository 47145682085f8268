#pragma once

#include <concepts>
#include <string>
#include <string_view>

#include "proto/value.hpp"

namespace maillon::admin {

/// Writes one JSON document, piece by piece, with commas where they belong. Values keep the digits
/// that somebody typed, which is why no tree of numbers is built.
class JsonWriter {
 public:
  JsonWriter& object() { return open('{'); }
  JsonWriter& array() { return open('['); }
  JsonWriter& end_object() { return close('}'); }
  JsonWriter& end_array() { return close(']'); }
  JsonWriter& key(std::string_view name);

  JsonWriter& text(std::string_view text);
  JsonWriter& number(std::int64_t number);
  JsonWriter& boolean(bool on);
  JsonWriter& null();
  /// Nested JSON of a peer that is none is written as a text.
  JsonWriter& value(const Value& value);

  JsonWriter& field(std::string_view name, std::string_view content) {
    return key(name).text(content);
  }
  JsonWriter& field(std::string_view name, const char* content) { return key(name).text(content); }
  JsonWriter& field(std::string_view name, const std::string& content) {
    return key(name).text(content);
  }
  JsonWriter& field(std::string_view name, std::same_as<bool> auto on) {
    return key(name).boolean(on);
  }
  template <std::integral T>
  requires(!std::same_as<T, bool>) JsonWriter& field(std::string_view name, T content) {
    return key(name).number(static_cast<std::int64_t>(content));
  }

  [[nodiscard]] const std::string& document() const noexcept { return out_; }
  [[nodiscard]] std::string take() noexcept { return std::move(out_); }

 private:
  JsonWriter& open(char bracket);
  JsonWriter& close(char bracket);
  void separate();

  std::string out_;
  bool comma_ = false;
};

/// The value with nested JSON that is none turned into text.
[[nodiscard]] Value showable(const Value& value);

}  // namespace maillon::admin
