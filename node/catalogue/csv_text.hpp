#pragma once

#include <string>
#include <string_view>

#include "proto/value.hpp"

/// How a value stands in a CSV cell.
///
/// Spreadsheets run cells as formulas, so the writer puts an apostrophe before a text that might be
/// one, as OWASP advises, and before no other: the cell of "- Avenue Paul Mairat" is that text.
/// Three rules:
/// 1. A text that begins with = @ tab or carriage return might be a formula. One that begins with +
///    or - might be if it holds any of ( | ! = @ " ' or only numbers, cells and operators, such as
///    -2+3 or +A1. Numbers and telephone numbers are none. Line feeds before all that do not count.
/// 2. Apostrophes already there before such a text count too: '=x is written ''=x. So taking one
///    apostrophe off undoes exactly what the writer did.
/// 3. The reader takes it off only in files that Maillon wrote, told by their header: the first
///    name is in quotes, the others only where they must be. No known program quotes like that (the
///    quotes also keep Excel from taking a file that begins with ID for SYLK). In anybody else's
///    file an apostrophe is what somebody typed, and stays.
namespace maillon::catalogue {

/// The cell of a value, guarded, before quoting. CSV knows texts only: booleans are true and false,
/// numbers their digits, nested JSON its compact text.
[[nodiscard]] std::string csv_cell(const Value& value);

/// True if the first character is the guard of what follows.
[[nodiscard]] bool is_guarded(std::string_view cell) noexcept;

/// True if RFC 4180 asks for quotes around the cell, or if spaces at its ends might be lost.
[[nodiscard]] bool needs_quotes(std::string_view cell) noexcept;
/// The same of a column's name: readers find out what separates names by counting, outside quotes.
[[nodiscard]] bool name_needs_quotes(std::string_view name) noexcept;

/// Appends the cell, quoted if it must be or if `always`.
void append_csv_cell(std::string& out, std::string_view cell, bool always = false);

}  // namespace maillon::catalogue
