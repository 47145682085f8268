#include "node/catalogue/table_writer.hpp"

#include <unordered_map>

#include "node/catalogue/csv_text.hpp"

namespace maillon::catalogue {
namespace {

constexpr std::size_t kBufferSize = 64u << 10;

/// Buffers, and puts the fields of a row in the order of the columns.
class BufferedWriter : public TableWriter {
 public:
  explicit BufferedWriter(Sink sink) : sink_(std::move(sink)) {}

  Result<void> begin(std::vector<std::string> columns) final {
    columns_ = std::move(columns);
    for (std::size_t i = 0; i < columns_.size(); ++i) index_.emplace(columns_[i], i);
    values_.assign(columns_.size(), nullptr);
    write_begin();
    return flush_if_full();
  }

  Result<void> row(const Fields& fields) final {
    values_.assign(columns_.size(), nullptr);
    for (const auto& [name, value] : fields) {
      const auto found = index_.find(name);
      if (found == index_.end())
        return Error{Errc::usage, "export: a record has the field `" + name + "`, not announced",
                     "export : une fiche porte le champ « " + name + " », qui n'était pas annoncé"};
      values_[found->second] = &value;
    }
    write_row();
    ++rows_;
    return flush_if_full();
  }

  Result<void> end() final {
    write_end();
    return flush();
  }

 protected:
  virtual void write_begin() = 0;
  virtual void write_row() = 0;
  virtual void write_end() = 0;

  /// The row as a JSON object.
  void append_object() {
    out_.push_back('{');
    bool first = true;
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      if (values_[i] == nullptr || values_[i]->is_null()) continue;
      if (!first) out_.push_back(',');
      first = false;
      append_json_string(out_, columns_[i]);
      out_.push_back(':');
      append_json_value(out_, *values_[i]);
    }
    out_.push_back('}');
  }

  [[nodiscard]] const Value* value_of(const std::string& column) const {
    const auto found = index_.find(column);
    return found == index_.end() ? nullptr : values_[found->second];
  }

  std::string out_;
  std::vector<std::string> columns_;
  std::vector<const Value*> values_;  ///< of the current row, by column; null where absent
  std::uint64_t rows_ = 0;            ///< written before the current one

 private:
  Result<void> flush() {
    if (out_.empty()) return {};
    MAILLON_CHECK(sink_(as_bytes(out_)));
    out_.clear();
    return {};
  }
  Result<void> flush_if_full() {
    if (out_.size() < kBufferSize) return {};
    return flush();
  }

  Sink sink_;
  std::unordered_map<std::string, std::size_t> index_;
};

class CsvWriter final : public BufferedWriter {
 public:
  using BufferedWriter::BufferedWriter;

 private:
  void write_begin() override {
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      if (i > 0) out_.push_back(',');
      // Quotes around the first name alone are the mark that Maillon wrote the file.
      const std::string name = csv_cell(Value::of_text(columns_[i]));
      append_csv_cell(out_, name, /*always=*/i == 0 || name_needs_quotes(name));
    }
    out_.push_back('\n');
  }
  void write_row() override {
    const std::size_t from = out_.size();
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      if (i > 0) out_.push_back(',');
      if (values_[i] != nullptr) append_csv_cell(out_, csv_cell(*values_[i]));
    }
    if (out_.size() == from) out_ += "\"\"";  // Else a lone empty cell would be a blank line.
    out_.push_back('\n');
  }
  void write_end() override {}
};

class JsonWriter final : public BufferedWriter {
 public:
  using BufferedWriter::BufferedWriter;

 private:
  void write_begin() override { out_ += "["; }
  void write_row() override {
    out_ += rows_ == 0 ? "\n" : ",\n";
    append_object();
  }
  void write_end() override { out_ += rows_ == 0 ? "]\n" : "\n]\n"; }
};

class JsonLinesWriter final : public BufferedWriter {
 public:
  using BufferedWriter::BufferedWriter;

 private:
  void write_begin() override {}
  void write_row() override {
    append_object();
    out_.push_back('\n');
  }
  void write_end() override {}
};

/// The digits of a coordinate within its bounds, or nothing.
std::string_view coordinate(const Value* value, double bound) noexcept {
  if (value == nullptr) return {};
  const std::string& text = value->text();
  if (text.size() > 40 || !is_json_number(text)) return {};
  const double number = std::strtod(text.c_str(), nullptr);
  return number >= -bound && number <= bound ? std::string_view{text} : std::string_view{};
}

class GeoJsonWriter final : public BufferedWriter {
 public:
  using BufferedWriter::BufferedWriter;

 private:
  void write_begin() override { out_ += R"({"type":"FeatureCollection","features":[)"; }
  void write_row() override {
    out_ += rows_ == 0 ? "\n" : ",\n";
    out_ += R"({"type":"Feature","geometry":)";
    const std::string_view latitude = coordinate(value_of("latitude"), 90);
    const std::string_view longitude = coordinate(value_of("longitude"), 180);
    if (latitude.empty() || longitude.empty()) {
      out_ += "null";
    } else {
      out_ += R"({"type":"Point","coordinates":[)";
      out_ += longitude;
      out_.push_back(',');
      out_ += latitude;
      out_ += "]}";
    }
    out_ += R"(,"properties":)";
    append_object();
    out_.push_back('}');
  }
  void write_end() override { out_ += rows_ == 0 ? "]}\n" : "\n]}\n"; }
};

}  // namespace

std::unique_ptr<TableWriter> make_table_writer(Format format, Sink sink) {
  switch (format) {
    case Format::csv:
      return std::make_unique<CsvWriter>(std::move(sink));
    case Format::json:
      return std::make_unique<JsonWriter>(std::move(sink));
    case Format::jsonl:
      return std::make_unique<JsonLinesWriter>(std::move(sink));
    case Format::geojson:
      break;
  }
  return std::make_unique<GeoJsonWriter>(std::move(sink));
}

}  // namespace maillon::catalogue
