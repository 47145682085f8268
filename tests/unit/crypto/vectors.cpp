#include "vectors.hpp"

#include <boost/json/src.hpp>
#include <fstream>
#include <iterator>
#include <string>

namespace maillon::test {

boost::json::value load_json(std::string_view name) {
  std::ifstream file(std::string(MAILLON_TEST_DATA "/").append(name), std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  MAILLON_ASSERT(!text.empty(), "the vectors lie in tests/data");
  return boost::json::parse(text);
}

Bytes hex_field(const boost::json::object& object, std::string_view field) {
  const auto* const value = object.if_contains(field);
  return value == nullptr ? Bytes{} : unhex(value->as_string());
}

Bytes unhex(std::string_view text) { return from_hex(text).value(); }

}  // namespace maillon::test
