#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "proto/result.hpp"
#include "proto/value.hpp"

namespace maillon::catalogue {

/// A strict RFC 8259 scanner over UTF-8 that stays in memory. It builds no tree: the caller walks
/// objects and arrays, and takes values as Value, numbers digit for digit and nested values as
/// their compact text. Calls return false at the first fault, which error() then describes.
class JsonScanner {
 public:
  /// `first_line` is the line number of the first byte.
  explicit JsonScanner(std::string_view text, std::uint64_t first_line = 1) noexcept
      : text_(text), counted_line_(first_line) {}

  void skip_space() noexcept;
  [[nodiscard]] bool at_end() const noexcept { return at_ >= text_.size(); }
  /// The next byte, or 0 at the end. (A text file has no zero byte.)
  [[nodiscard]] char peek() const noexcept { return at_end() ? '\0' : text_[at_]; }
  /// Takes `c` if it comes next.
  bool take(char c) noexcept;
  [[nodiscard]] std::size_t position() const noexcept { return at_; }
  /// Line of the next byte. Amortised: positions only grow.
  [[nodiscard]] std::uint64_t line() noexcept;

  /// A string, its quotes included in the source. `raw` is the slice between the quotes when it
  /// holds no escape; otherwise `out` holds the text and `raw` views it. Lone surrogates, which
  /// UTF-8 cannot hold, become U+FFFD and set replaced().
  bool string(std::string& out, std::string_view& raw);
  /// Any value. `depth` counts the arrays and objects already open.
  bool value(Value& out, std::size_t depth);
  /// Checks any value and forgets it.
  bool skip_value(std::size_t depth);

  [[nodiscard]] bool replaced() const noexcept { return replaced_; }
  void forget_replaced() noexcept { replaced_ = false; }

  /// Records a fault at the current position, unless there is one already; gives false.
  bool fail(const char* en, const char* fr) noexcept;
  /// The same, but at the end of the text the fault is that it was cut short.
  bool unexpected(const char* en, const char* fr) noexcept;
  [[nodiscard]] Error error() const;

 private:
  bool escape(std::string& out);
  bool hex4(std::uint32_t& out);
  bool number(std::string_view& out);
  bool word(std::string_view expected);
  bool raw_string(std::string* compact);
  bool compact_value(std::string* compact, std::size_t depth);
  bool compact_members(std::string* compact, std::size_t depth, char close);

  std::string_view text_;
  std::size_t at_ = 0;
  std::size_t counted_at_ = 0;
  std::uint64_t counted_line_;
  bool replaced_ = false;
  const char* fault_en_ = nullptr;
  const char* fault_fr_ = nullptr;
  std::uint64_t fault_line_ = 0;
};

}  // namespace maillon::catalogue
