#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "node/catalogue/table_reader.hpp"
#include "proto/result.hpp"

namespace maillon::catalogue {

struct DetectedEncoding {
  static constexpr std::size_t kNowhere = static_cast<std::size_t>(-1);

  Encoding encoding = Encoding::utf8;
  std::size_t skip = 0;                 ///< bytes of a byte order mark
  std::size_t first_damage = kNowhere;  ///< the first byte that UTF-8 does not allow
  /// UTF-8 elsewhere: read as Windows-1252, every accent of it would turn into two wrong letters.
  bool mixed = false;
};

/// UTF-8 if it is; else Windows-1252, what French spreadsheets write, unless it is mixed.
/// Errc::malformed with the line for what is no text: UTF-16, archives.
[[nodiscard]] Result<DetectedEncoding> detect_encoding(std::string_view text);

/// What is wrong with a mixed text.
[[nodiscard]] Error damaged_utf8(std::string_view text, std::size_t at);

/// UTF-8 of Windows-1252 bytes; the five bytes that it leaves undefined become C1 controls.
[[nodiscard]] std::string utf8_from_windows_1252(std::string_view text);

/// One plus the newlines before `at`.
[[nodiscard]] std::uint64_t line_at(std::string_view text, std::size_t at) noexcept;

}  // namespace maillon::catalogue
