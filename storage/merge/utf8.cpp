#include "storage/merge/utf8.hpp"

#include <algorithm>
#include <cstdint>

#include "proto/utf8.hpp"

namespace maillon::storage::merge {

std::size_t count_scalars(std::string_view text) noexcept {
  return static_cast<std::size_t>(std::ranges::count_if(
      text, [](char c) { return (static_cast<std::uint8_t>(c) & 0xc0) != 0x80; }));
}

void append_scalars(std::string_view text, std::u32string& out) {
  const std::size_t at = out.size();
  out.resize(at + count_scalars(text));
  char32_t* to = out.data() + at;
  for (std::size_t i = 0; i < text.size();) {
    const auto lead = static_cast<std::uint8_t>(text[i++]);
    if (lead < 0x80) {
      *to++ = lead;
      continue;
    }
    const unsigned more = lead >= 0xf0 ? 3 : lead >= 0xe0 ? 2 : 1;
    char32_t scalar = lead & (0x3fu >> more);
    for (unsigned k = 0; k < more; ++k)
      scalar = scalar << 6 | (static_cast<std::uint8_t>(text[i++]) & 0x3fu);
    *to++ = scalar;
  }
}

void append_utf8(std::u32string_view scalars, std::string& out) {
  for (const char32_t scalar : scalars) maillon::append_utf8(out, scalar);
}

}  // namespace maillon::storage::merge
