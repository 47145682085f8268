#pragma once

#include <algorithm>
#include <array>
#include <boost/json/value.hpp>
#include <string_view>

#include "proto/bytes.hpp"

namespace maillon::test {

  /// A file below tests/data; ends the test binary when it cannot be read.
  boost::json::value load_json(std::string_view name);
  /// The bytes of a hex field; none when the field is absent.
  Bytes hex_field(const boost::json::object& object, std::string_view field);
  Bytes unhex(std::string_view text);

  template <std::size_t N>
  std::array<std::uint8_t, N> fixed(ByteView bytes) {
    MAILLON_ASSERT(bytes.size() == N, "a vector's field has its size");
    std::array<std::uint8_t, N> out;
    std::ranges::copy(bytes, out.begin());
    return out;
  }

}  // namespace maillon::test
