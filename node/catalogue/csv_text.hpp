#pragma once

#include <string>
#include <string_view>

#include "proto/value.hpp"

/// How a value stands in a CSV cell.
///
/// Spreadsheets run a cell that begins with = + - @ or a tab, carriage return or line feed as a
/// formula, so the writer puts an apostrophe before it, as OWASP advises. Three rules make that
/// lossless:
/// 1. Numbers and texts of only digits, spaces, points and hyphens after an optional + (telephone
///    numbers, longitudes) are harmless and stay as they are.
/// 2. Apostrophes already there before such a character count too: '=x is written ''=x. So taking
///    one apostrophe off undoes exactly what the writer did.
/// 3. The reader takes it off only in files that Maillon wrote, told by their header: the first
///    name is in quotes, the others only where they must be. No known program quotes like that (the
///    quotes also keep Excel from taking a file that begins with ID for SYLK). In anybody else's
///    file an apostrophe is what somebody typed, and stays.
/// A spreadsheet that saves such a file drops the mark and keeps the apostrophes: same_in_csv()
/// lets an import see that such a cell still says what the record says.
namespace maillon::catalogue {

/// The cell of a value, guarded, before quoting. CSV knows texts only: booleans are true and false,
/// numbers their digits, nested JSON its compact text.
[[nodiscard]] std::string csv_cell(const Value& value);

/// True if `incoming`, read from CSV, is what `stored` looks like in CSV: nothing has changed.
[[nodiscard]] bool same_in_csv(const Value& stored, const Value& incoming);

/// True if a text that begins with apostrophes, then a dangerous character, carries the guard.
[[nodiscard]] bool is_guarded(std::string_view cell) noexcept;

/// True if RFC 4180 asks for quotes around the cell, or if spaces at its ends might be lost.
[[nodiscard]] bool needs_quotes(std::string_view cell) noexcept;

/// Appends the cell, quoted if it must be or if `always`.
void append_csv_cell(std::string& out, std::string_view cell, bool always = false);

}  // namespace maillon::catalogue
