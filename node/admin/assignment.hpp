#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "proto/result.hpp"
#include "proto/value.hpp"

namespace maillon::admin {

/// What `FIELD=VALUE` or `FIELD:=JSON` on the command line says. VALUE is text as it stands, but
/// for numbers in latitude and longitude, which imports read as numbers too; an empty VALUE clears
/// the field. JSON gives numbers, true, false, null (which clears), arrays and objects. Errc::usage
/// says which argument is wrong.
[[nodiscard]] Result<std::pair<std::string, Value>> parse_assignment(std::string_view argument);

}  // namespace maillon::admin
