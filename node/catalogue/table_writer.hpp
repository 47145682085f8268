#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "node/catalogue/table_reader.hpp"
#include "proto/bytes.hpp"
#include "proto/result.hpp"

namespace maillon::catalogue {

/// Receives the file, some 64 KiB at a time; its error ends the writing and is passed on.
using Sink = std::function<Result<void>(ByteView)>;

/// Writes rows in one of the formats that read_table() reads. Order of calls: begin, any number of
/// rows, end. Rows are written as they come; memory is one buffer.
///
/// What comes back from reading it: from JSON, JSON Lines and GeoJSON the same fields with the same
/// values, numbers digit for digit and nested JSON byte for byte; from CSV the same texts, where a
/// number, boolean or nested value reads as the text that it shows (see csv_text.hpp). Null values
/// are written as absent fields.
class TableWriter {
 public:
  virtual ~TableWriter() = default;
  /// `columns` names every field that the rows will hold, in the order to write them.
  virtual Result<void> begin(std::vector<std::string> columns) = 0;
  /// Errc::usage for a field that begin() did not name: nothing is left out silently.
  virtual Result<void> row(const Fields& fields) = 0;
  virtual Result<void> end() = 0;
};

/// csv: UTF-8, comma, RFC 4180 quoting, line feeds, a guard against formulas.
/// json: an array, one record a line. jsonl: one record a line.
/// geojson: features whose Point comes from the fields latitude and longitude, which also stay
/// among the properties; a record without usable ones has a null geometry.
[[nodiscard]] std::unique_ptr<TableWriter> make_table_writer(Format format, Sink sink);

}  // namespace maillon::catalogue
