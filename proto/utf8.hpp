#pragma once

#include <string>

namespace maillon {

/// Appends a scalar as UTF-8 (RFC 3629).
inline void append_utf8(std::string& out, char32_t scalar) {
  const auto put = [&](char32_t bits) { out.push_back(static_cast<char>(bits)); };
  if (scalar < 0x80) return put(scalar);
  if (scalar < 0x800) {
    put(0xc0 | scalar >> 6);
  } else if (scalar < 0x1'0000) {
    put(0xe0 | scalar >> 12);
    put(0x80 | (scalar >> 6 & 0x3f));
  } else {
    put(0xf0 | scalar >> 18);
    put(0x80 | (scalar >> 12 & 0x3f));
    put(0x80 | (scalar >> 6 & 0x3f));
  }
  put(0x80 | (scalar & 0x3f));
}

}  // namespace maillon
