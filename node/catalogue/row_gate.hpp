#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "node/catalogue/table_reader.hpp"

/// What the readers of the formats share. Not for use outside this folder.
namespace maillon::catalogue {

/// The column names of a file in order of appearance, and which of them the current row has used.
class ColumnTable {
 public:
  static constexpr std::size_t kMax = 4096;  ///< beyond, keys are data and the file is no table

  /// Index of a name, new or known. Rows mostly repeat the order of the row before, so the name
  /// after the last one asked for is tried first.
  std::size_t index_of(std::string_view name);
  void start_row() noexcept { ++row_, next_ = 0; }
  /// False if the current row has used the column already.
  bool use(std::size_t column) noexcept;
  [[nodiscard]] const std::string& name(std::size_t column) const { return names_[column]; }
  [[nodiscard]] std::size_t size() const noexcept { return names_.size(); }
  [[nodiscard]] std::vector<std::string> names() const { return {names_.begin(), names_.end()}; }

 private:
  std::deque<std::string> names_;  ///< a deque, so that the keys of index_ stay where they are
  std::unordered_map<std::string_view, std::size_t> index_;
  std::vector<std::uint64_t> used_in_;
  std::uint64_t row_ = 0;
  std::size_t next_ = 0;
};

/// Judges rows and hands on the good ones.
class RowGate {
 public:
  RowGate(const ReadOptions& options, const OnRow& on_row) : options_(options), on_row_(on_row) {}

  /// Takes a row that was read. An error is the listener's: stop.
  Result<void> offer(Row&& row);
  /// From here on rows are those of a JSON array, which may all stand on one line: they are told
  /// apart by number.
  void count_records() noexcept { counts_records_ = true; }
  /// Number of the next row to be offered or rejected, or 0.
  [[nodiscard]] std::uint64_t record() const noexcept {
    return counts_records_ ? summary.rows_read + 1 : 0;
  }
  /// Counts a row that could not be read.
  void reject(std::uint64_t line, std::string_view field, std::string en, std::string fr);
  /// Notes that a row differs from what the file says.
  void remark(std::uint64_t line, std::string_view field, std::string en, std::string fr);

  ReadSummary summary;

 private:
  [[nodiscard]] bool sizes_fit(const Row& row);
  [[nodiscard]] bool identify(Row& row);
  [[nodiscard]] bool is_first(const Row& row);

  /// Who has an id.
  struct Holder {
    std::uint64_t line;
    std::uint64_t record;
    std::size_t source;  ///< hash of its column `source`
  };

  const ReadOptions& options_;
  const OnRow& on_row_;
  bool counts_records_ = false;
  std::unordered_map<std::string, Holder> holders_;
};

/// Compares the name of a column with one of ReadOptions' lists.
[[nodiscard]] bool is_one_of(std::string_view column, const std::vector<std::string>& wanted);
/// "`id`" or "`nom`, `titre`", for messages.
[[nodiscard]] std::string in_words(const std::vector<std::string>& columns, bool french);

/// The readers of one format each, over UTF-8 without a byte order mark.
[[nodiscard]] Result<void> read_csv(std::string_view text, const ReadOptions& options,
                                    RowGate& gate);
/// JSON, JSON Lines and GeoJSON: told apart by content, reported in gate.summary.
[[nodiscard]] Result<void> read_json(std::string_view text, const ReadOptions& options,
                                     RowGate& gate);

}  // namespace maillon::catalogue
