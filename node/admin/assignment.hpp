#pragma once

#include <string>
#include <string_view>

#include "storage/store/change.hpp"

namespace maillon::admin {

/// One FIELD=VALUE of the command line.
struct Assignment {
  std::string name;
  storage::FieldEdit::How how = storage::FieldEdit::How::set;
  Value value = {};
  bool typed = false;  ///< as JSON: a number is meant as one, a text as one
};

/// What `FIELD=VALUE`, `FIELD+=VALUE` or `FIELD-=VALUE` on the command line says, or one of them with
/// `:=JSON` in place of `=VALUE`.
/// VALUE is text as it stands, but for numbers in latitude and longitude, which imports read as
/// numbers too; an empty VALUE clears the field. JSON gives numbers, true, false, null (which
/// clears), arrays and objects. += adds to a set, list, text or counter, -= takes from a set, list or counter.
/// Errc::usage says which argument is wrong.
[[nodiscard]] Result<Assignment> parse_assignment(std::string_view argument);

}  // namespace maillon::admin
