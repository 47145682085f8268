#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "proto/bytes.hpp"
#include "proto/result.hpp"
#include "proto/value.hpp"

/// Reads the files that cooperatives exchange into rows. Pure: bytes in, rows out.
namespace maillon::catalogue {

enum class Format : std::uint8_t { csv, json, jsonl, geojson };
enum class Encoding : std::uint8_t { utf8, windows_1252 };

/// "csv", "json", "jsonl" or "geojson".
[[nodiscard]] std::string_view name_of(Format format) noexcept;
/// Also takes the names of files: "lieux.csv", "LIEUX.GEOJSON". Nothing for anything else.
[[nodiscard]] std::optional<Format> format_from_name(std::string_view name) noexcept;

using Field = std::pair<std::string, Value>;
using Fields = std::vector<Field>;

/// Whether both name one column to people: without regard to case and surrounding spaces.
[[nodiscard]] bool is_same_column(std::string_view a, std::string_view b) noexcept;

/// One record. A field that the file leaves out or sets to null is absent, and so is an empty cell
/// of CSV, which cannot say which of these it is. The empty text of JSON is a value.
struct Row {
  std::uint64_t line = 0;    ///< where the record starts, from 1
  std::string external_id;   ///< text of the id column, which also stays among the fields
  std::string source;        ///< text of ReadOptions::source_column, trimmed; empty if none
  Fields fields;             ///< in file order; no name twice
  std::uint64_t record = 0;  ///< which record of a JSON array it is, from 1; 0 in other formats
};

/// Why a row was left out, or (in ReadSummary::remarks) what was read otherwise than written.
struct Rejection {
  std::uint64_t line = 0;
  std::string field;
  std::string reason_en;
  std::string reason_fr;
  std::uint64_t record = 0;  ///< as Row::record
};

/// "line 3", or where lines may hold many records "record 17, line 1".
[[nodiscard]] std::string position_in_words(std::uint64_t line, std::uint64_t record, bool french);

struct ReadOptions {
  std::optional<Format> format;  ///< otherwise from `file_name` and the content
  std::string file_name;         ///< only its extension counts
  /// The first of these columns that a row fills is its id, or its name. Compared without regard
  /// to case and surrounding spaces; of several that differ in these alone, the one written as here
  /// counts first, then by name, since the order of columns says nothing. An empty list: nothing is
  /// required.
  std::vector<std::string> id_columns = {"id"};
  std::vector<std::string> name_columns = {"nom", "titre", "name"};
  /// If set, ids are unique within one value of this column, which Row::source then carries: files
  /// that gather several producers' records repeat ids (data·inclusion names a record
  /// `source--id`). Whoever sets it must tell records apart by (source, external_id).
  std::string source_column;
  /// CSV has text only; cells of these columns that are JSON numbers are read as numbers, so that
  /// the same place read from CSV and from JSON has the same values.
  std::vector<std::string> number_columns = {"latitude", "longitude"};
};

/// What was found in a file.
struct ReadSummary {
  Format format = Format::csv;
  Encoding encoding = Encoding::utf8;
  bool byte_order_mark = false;
  char separator = 0;                ///< CSV only: ',', ';' or tab
  std::vector<std::string> columns;  ///< with at least one value, or named in a CSV header
  std::uint64_t rows_read = 0;       ///< records in the file, rejected ones included
  std::uint64_t rows_rejected = 0;
  /// Rejected ones that repeat an id under another value of the column `source`: a file of several
  /// producers, to be read with ReadOptions::source_column.
  std::uint64_t repeats_across_sources = 0;
  std::vector<Rejection> rejections;  ///< the first kRejectionsKept
  std::vector<Rejection> remarks;     ///< rows kept, with something replaced; equally bounded
};
inline constexpr std::size_t kRejectionsKept = 10'000;  ///< more help nobody and fill memory

using OnRow = std::function<Result<void>(Row&&)>;

/// Calls `on_row` for each record, in file order; an error from it ends the reading and is
/// returned. Memory: one record, the ids seen, and for Windows-1252 one converted copy.
/// A file that cannot be read as a whole gives one Errc::malformed that names the line, possibly
/// after rows before that line were handed out: call check_table() first, or hold them back.
[[nodiscard]] Result<ReadSummary> read_table(ByteView bytes, const ReadOptions& options,
                                             const OnRow& on_row);

/// The same reading with nobody listening: tells whether read_table() will get to the end.
[[nodiscard]] Result<ReadSummary> check_table(ByteView bytes, const ReadOptions& options);

}  // namespace maillon::catalogue
