#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "node/catalogue/lieux_schema.hpp"

/// Vocabulary of the national schema. Not for use outside this folder.
///
/// Columns, closed lists and their spelling: "Lieux de médiation numérique" v1.0.2 and v0.1.1, by
/// Datactivist, la MedNum and the team of the Cartographie nationale (ANCT),
/// https://github.com/LaMednum/standard-mediation-num, Licence Ouverte 2.0.
/// Codes of `typologie`: the structure types of data·inclusion (Licence Ouverte 2.0) with those
/// that the national map has added.
namespace maillon::catalogue {

struct ClosedList {
  std::string_view field;
  std::span<const std::string_view> terms;
};

/// The closed list of a field in a version, or null.
[[nodiscard]] const ClosedList* closed_list(LieuxVersion version, std::string_view field) noexcept;

/// What a term of v0.1 is called in v1; some terms become two.
struct TermMove {
  std::string_view old_field;
  std::string_view old_term;
  std::string_view new_field;
  std::string_view new_term;
};
[[nodiscard]] std::span<const TermMove> term_moves() noexcept;

/// Columns whose content moves as a whole. `list`: several values, separated by | in v1.
struct ColumnMove {
  std::string_view old_field;
  std::string_view new_field;
};
[[nodiscard]] std::span<const ColumnMove> column_moves() noexcept;

[[nodiscard]] bool is_typology(std::string_view code) noexcept;

/// What remains of a term when case, accents, spaces and punctuation do not count: the spellings of
/// one term that real files hold (curly apostrophes, missing spaces) fold to one text.
[[nodiscard]] std::string folded(std::string_view term);

/// The same for a term of this file's tables, folded once.
[[nodiscard]] const std::string& folded_known(std::string_view known);

/// True if two folded terms are one, a single typing mistake in a long one allowed.
[[nodiscard]] bool is_same_folded(std::string_view a, std::string_view b) noexcept;

/// The term of `list` that folds like `term`, or nothing.
[[nodiscard]] std::string_view same_term(const ClosedList& list, std::string_view term);

using IsTerm = std::function<bool(std::string_view)>;

/// The terms of a cell, trimmed, none empty. Separators are ; | and line breaks. Where `known` does
/// not take a piece, commas and slashes are tried too: real files separate with them, and the
/// official terms hold them.
[[nodiscard]] std::vector<std::string> split_terms(std::string_view cell, const IsTerm& known);

/// Pieces of `text` between any of `separators`, trimmed, none empty.
[[nodiscard]] std::vector<std::string_view> pieces(std::string_view text,
                                                   std::span<const std::string_view> separators);

}  // namespace maillon::catalogue
