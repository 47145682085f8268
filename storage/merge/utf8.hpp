#pragma once

#include <string>
#include <string_view>

namespace maillon::storage::merge {

/// Number of scalars in well-formed UTF-8.
[[nodiscard]] std::size_t count_scalars(std::string_view text) noexcept;
/// Appends the scalars of well-formed UTF-8.
void append_scalars(std::string_view text, std::u32string& out);
void append_utf8(std::u32string_view scalars, std::string& out);

}  // namespace maillon::storage::merge
