#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "node/catalogue/table_reader.hpp"

/// The national schema of places of digital inclusion ("lieux de médiation numérique"), versions
/// v1.0.2 and v0.1. Values are never altered here: they are judged, or read into another version
/// for an export.
namespace maillon::catalogue {

enum class LieuxVersion : std::uint8_t { v0_1, v1 };

/// "v0.1" or "v1.0.2".
[[nodiscard]] std::string_view name_of(LieuxVersion version) noexcept;
/// Takes "1", "v1", "1.0", "1.0.2", "v0.1", "0.1.1" and the like.
[[nodiscard]] std::optional<LieuxVersion> lieux_version_from_name(std::string_view name) noexcept;

/// The columns of a version, in the official order.
[[nodiscard]] std::span<const std::string_view> lieux_columns(LieuxVersion version) noexcept;

/// The version that a file follows, judged by its columns; nothing if it is not about places. Files
/// that mix both, as the national map itself has published, count as v1.
[[nodiscard]] std::optional<LieuxVersion> detect_lieux_version(
    const std::vector<std::string>& columns);

/// Puts the columns of the version first, in the official order and only those that are given, then
/// the others in the order given. One that differs by case alone stands where the official one would.
[[nodiscard]] std::vector<std::string> in_official_order(std::vector<std::string> columns,
                                                         LieuxVersion version);

/// All columns of the version in the official order, then the others of `columns` in theirs: a
/// table that a reader who expects the schema can take, whatever is empty in it. Where one of
/// `columns` differs from an official one by case alone, it stands in its place.
[[nodiscard]] std::vector<std::string> with_all_official(const std::vector<std::string>& columns,
                                                         LieuxVersion version);

/// Why a value is not what the schema would have. The value stays as it is.
struct Warning {
  std::uint64_t line = 0;
  std::string field;
  std::string value;     ///< as given, shortened to 200 bytes
  std::string proposal;  ///< what the schema would have instead, where that is clear
  std::string reason_en;
  std::string reason_fr;
  std::uint64_t record = 0;  ///< as Row::record
};

/// Judges one row; empty if it conforms. A column that v1 has renamed is reported too, unknown
/// columns are not: the schema allows them. An empty text says as little as an absent field: only
/// where the schema requires one is it reported, and there spaces do not count.
[[nodiscard]] std::vector<Warning> validate_lieu(const Row& row, LieuxVersion version);

/// The row as v1.0.2 says it, its columns in the official order, then the others: renamed columns,
/// lists separated by | , and the terms of v0.1 in the words of v1. What has no counterpart stays
/// under its old column (within `services` and `modalites_accompagnement`, which keep their name,
/// at its place in the list). Rows that are v1 already come out as they are, in order.
[[nodiscard]] Fields migrate_v01_to_v1(const Fields& fields);

}  // namespace maillon::catalogue
