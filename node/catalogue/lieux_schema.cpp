#include "node/catalogue/lieux_schema.hpp"

#include <algorithm>
#include <iterator>

#include "node/catalogue/lieux_lists.hpp"

namespace maillon::catalogue {
namespace {

bool contains(std::span<const std::string_view> list, std::string_view name) noexcept {
  return std::ranges::find(list, name) != list.end();
}

bool is_renamed_in_v1(std::string_view name) noexcept {
  return std::ranges::any_of(column_moves(),
                             [&](const ColumnMove& move) { return move.old_field == name; });
}

}  // namespace

std::string_view name_of(LieuxVersion version) noexcept {
  return version == LieuxVersion::v1 ? "v1.0.2" : "v0.1";
}

std::optional<LieuxVersion> lieux_version_from_name(std::string_view name) noexcept {
  if (name.starts_with('v') || name.starts_with('V')) name.remove_prefix(1);
  for (const std::string_view known : {"1", "1.0", "1.0.0", "1.0.1", "1.0.2"})
    if (name == known) return LieuxVersion::v1;
  for (const std::string_view known : {"0", "0.1", "0.1.0", "0.1.1"})
    if (name == known) return LieuxVersion::v0_1;
  return std::nullopt;
}

std::optional<LieuxVersion> detect_lieux_version(const std::vector<std::string>& columns) {
  const auto has = [&](std::string_view name) {
    return std::ranges::find(columns, name) != columns.end();
  };
  if (!has("nom") || !has("commune") || !has("adresse")) return std::nullopt;
  const auto v1 = lieux_columns(LieuxVersion::v1);
  const auto v01 = lieux_columns(LieuxVersion::v0_1);
  const auto only_in = [&](auto a, auto b) {
    return std::ranges::any_of(
        columns, [&](const std::string& name) { return contains(a, name) && !contains(b, name); });
  };
  if (only_in(v1, v01)) return LieuxVersion::v1;
  if (only_in(v01, v1) || std::ranges::any_of(columns, is_renamed_in_v1)) return LieuxVersion::v0_1;
  return LieuxVersion::v1;
}

std::vector<std::string> in_official_order(std::vector<std::string> columns, LieuxVersion version) {
  const auto official = lieux_columns(version);
  const auto rank = [&](const std::string& name) {
    const auto is_it = [&](std::string_view known) { return is_same_column(known, name); };
    // Unknown ones rank last, alike.
    return std::ranges::find_if(official, is_it) - official.begin();
  };
  std::ranges::stable_sort(columns, {}, rank);
  return columns;
}

std::vector<std::string> with_all_official(const std::vector<std::string>& columns,
                                           LieuxVersion version) {
  const auto official = lieux_columns(version);
  std::vector<std::string> out{official.begin(), official.end()};
  for (std::string& column : out) {
    if (std::ranges::find(columns, column) != columns.end()) continue;
    const auto as_written = std::ranges::find_if(
        columns, [&](const std::string& name) { return is_same_column(name, column); });
    if (as_written != columns.end()) column = *as_written;
  }
  const std::vector<std::string> first = out;
  std::ranges::copy_if(columns, std::back_inserter(out), [&](const std::string& name) {
    return std::ranges::find(first, name) == first.end();
  });
  return out;
}

}  // namespace maillon::catalogue
