#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "node/catalogue/table_reader.hpp"
#include "proto/result.hpp"

namespace maillon::catalogue {

struct DetectedEncoding {
  Encoding encoding = Encoding::utf8;
  std::size_t skip = 0;  ///< bytes of a byte order mark
};

/// UTF-8 if it is; else Windows-1252, what French spreadsheets write. Errc::malformed with the line
/// for what is neither: UTF-16, archives, and UTF-8 with a few damaged bytes in it, which read as
/// Windows-1252 would turn every accent of the file into two wrong letters.
[[nodiscard]] Result<DetectedEncoding> detect_encoding(std::string_view text);

/// UTF-8 of Windows-1252 bytes; the five bytes that it leaves undefined become C1 controls.
[[nodiscard]] std::string utf8_from_windows_1252(std::string_view text);

/// Appends the UTF-8 of a code point at most U+10FFFF that is no surrogate.
void append_utf8(std::string& out, char32_t code);

/// One plus the newlines before `at`.
[[nodiscard]] std::uint64_t line_at(std::string_view text, std::size_t at) noexcept;

}  // namespace maillon::catalogue
