#pragma once

#include <map>
#include <string>
#include <unordered_map>
#include <vector>

#include "storage/merge/record_state.hpp"
#include "storage/log/log.hpp"

namespace maillon::storage {

/// Field, source and collection names by small numbers, cached per connection. Texts stay where
/// they are, so views of them last as long as this object or until clear().
class Names {
 public:
  explicit Names(Database& db) noexcept : db_(db) {}
  Result<std::int64_t> intern(std::string_view text);  ///< writer only
  Result<std::optional<std::int64_t>> find(std::string_view text);
  /// Errc::integrity for a number that no name has: some row of the table is lost.
  Result<std::string_view> text(std::int64_t id);
  Result<std::int64_t> collection(std::int64_t space, std::string_view name);  ///< writer only
  Result<std::optional<std::int64_t>> find_collection(std::int64_t space, std::string_view name);
  void clear();

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view v) const noexcept {
      return std::hash<std::string_view>{}(v);
    }
  };
  void remember(std::int64_t id, std::string_view text);
  Database& db_;
  std::unordered_map<std::string, std::int64_t, Hash, std::equal_to<>> ids_;
  std::vector<std::string_view> texts_;  ///< by id, which SQLite counts from 1
  std::map<std::pair<std::int64_t, std::string>, std::int64_t> collections_;
};

/// What merging asks, answered from the database. Merging takes no errors: after a failed read it
/// goes on with a zero id or an empty name, and whoever called it must ask check() before using
/// the outcome.
class LogContext final : public merge::Context {
 public:
  LogContext(Log& log, Names& names) noexcept : log_(log), names_(names) {}
  [[nodiscard]] CommitId commit_id(std::int64_t commit) const override;
  [[nodiscard]] std::string_view name(std::int64_t id) const override;
  [[nodiscard]] std::int64_t feed(std::int64_t commit) const override;
  /// The first failure since the last call, if any.
  Result<void> check() const;

 private:
  Log& log_;
  Names& names_;
  mutable std::optional<Error> failed_;
};

}  // namespace maillon::storage
