#include <algorithm>
#include <array>

#include "node/catalogue/csv_text.hpp"
#include "node/catalogue/row_gate.hpp"
#include "proto/limits.hpp"

namespace maillon::catalogue {
namespace {

enum class After : std::uint8_t { cell, row, file };

/// Walks over the cells of a text: RFC 4180, also with lone \n or \r as line ends.
class CsvCursor {
 public:
  CsvCursor(std::string_view text, char separator) noexcept : text_(text), separator_(separator) {
    for (const char c : {separator, '\n', '\r'}) stops_[static_cast<unsigned char>(c)] = true;
  }

  [[nodiscard]] bool at_end() const noexcept { return at_ >= text_.size(); }
  [[nodiscard]] std::uint64_t line() const noexcept { return line_; }
  [[nodiscard]] std::size_t position() const noexcept { return at_; }

  /// Reads one cell and what ends it. `quoted` tells whether quotes stood around it.
  Result<After> cell(std::string& out, bool& quoted) {
    out.clear();
    quoted = !at_end() && text_[at_] == '"';
    if (quoted) {
      MAILLON_CHECK(quoted_cell(out));
    } else {
      const std::size_t from = at_;
      while (at_ < text_.size() && !stops_[static_cast<unsigned char>(text_[at_])]) ++at_;
      out.assign(text_.substr(from, at_ - from));
    }
    return ending();
  }

 private:
  Result<void> quoted_cell(std::string& out) {
    const std::uint64_t opened = line_;
    ++at_;
    for (;;) {
      const std::size_t quote = text_.find('"', at_);
      if (quote == std::string_view::npos) return unclosed(opened);
      const std::string_view part = text_.substr(at_, quote - at_);
      out += part;
      count_lines(part);
      at_ = quote + 1;
      if (at_end() || text_[at_] != '"') break;
      out.push_back('"');
      ++at_;
    }
    if (at_end() || stops_[static_cast<unsigned char>(text_[at_])]) return {};
    return stray(opened);
  }

  Result<After> ending() {
    if (at_end()) return After::file;
    const char c = text_[at_++];
    if (c == separator_) return After::cell;
    ++line_;
    if (c == '\r' && !at_end() && text_[at_] == '\n') ++at_;
    return After::row;
  }

  void count_lines(std::string_view part) noexcept {
    for (std::size_t i = 0; i < part.size(); ++i) {
      const bool lone_return = part[i] == '\r' && (i + 1 == part.size() || part[i + 1] != '\n');
      if (part[i] == '\n' || lone_return) ++line_;
    }
  }

  static Error unclosed(std::uint64_t opened) {
    const std::string line = std::to_string(opened);
    return Error{Errc::malformed, "line " + line + ": the quotes opened here are never closed",
                 "ligne " + line + " : les guillemets ouverts ici ne sont jamais fermés",
                 "close them, or double a quote that is part of the text (\"\")",
                 "fermez-les, ou doublez un guillemet qui fait partie du texte (\"\")"};
  }

  [[nodiscard]] Error stray(std::uint64_t opened) const {
    const std::string line = std::to_string(line_);
    const std::string from = opened == line_ ? "" : std::to_string(opened);
    return Error{Errc::malformed,
                 "line " + line + ": text right after closing quotes" +
                     (from.empty() ? "" : " (opened in line " + from + ")"),
                 "ligne " + line + " : du texte juste après des guillemets fermants" +
                     (from.empty() ? "" : " (ouverts ligne " + from + ")"),
                 "double a quote that is part of the text (\"\")",
                 "doublez un guillemet qui fait partie du texte (\"\")"};
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::uint64_t line_ = 1;
  char separator_;
  std::array<bool, 256> stops_{};
};

/// The candidate that occurs most in the first line that says something, outside quotes.
char detect_separator(std::string_view text) noexcept {
  text.remove_prefix(std::min(text.find_first_not_of("\r\n"), text.size()));
  std::array<std::size_t, 3> counts{};
  constexpr std::string_view kCandidates = ",;\t";
  bool inside = false;
  for (const char c : text) {
    if (c == '"') inside = !inside;
    if (inside) continue;
    if (c == '\n' || c == '\r') break;
    if (const std::size_t i = kCandidates.find(c); i != std::string_view::npos) ++counts[i];
  }
  const auto most = std::ranges::max_element(counts);
  return kCandidates[static_cast<std::size_t>(most - counts.begin())];
}

struct Header {
  std::vector<std::string> names;
  std::vector<bool> number;   ///< cells may be read as numbers
  std::vector<bool> unnamed;  ///< without a name in the file, and so far without a value
  std::size_t cells = 0;      ///< up to the last one with a name
  bool guarded = false;       ///< Maillon wrote the file
};

Error header_error(std::uint64_t line, const std::string& en, const std::string& fr,
                   std::string hint, std::string hint_fr) {
  return Error{Errc::malformed, "line " + std::to_string(line) + ": " + en,
               "ligne " + std::to_string(line) + " : " + fr, std::move(hint), std::move(hint_fr)};
}

Result<void> check_header(const Header& header, std::uint64_t line, const ReadOptions& options) {
  if (header.names.size() > limits::kFieldsMax) {
    const std::string max = std::to_string(limits::kFieldsMax);
    return header_error(line, "more than " + max + " columns", "plus de " + max + " colonnes",
                        "is this the header?", "est-ce bien la ligne d'en-tête ?");
  }
  for (std::size_t i = 0; i < header.names.size(); ++i) {
    const std::string& name = header.names[i];
    if (name.size() > limits::kNameMax)
      return header_error(line, "a column name is too long", "un nom de colonne est trop long",
                          "is this the header?", "est-ce bien la ligne d'en-tête ?");
    const auto begin = header.names.begin();
    if (std::find(begin, begin + static_cast<std::ptrdiff_t>(i), name) !=
        begin + static_cast<std::ptrdiff_t>(i))
      return header_error(line, "two columns are called `" + name + "`",
                          "deux colonnes s'appellent « " + name + " »", "rename one of them",
                          "renommez l'une des deux");
  }
  const auto missing = [&](const std::vector<std::string>& wanted) {
    return !wanted.empty() && std::ranges::none_of(header.names, [&](const std::string& name) {
      return is_one_of(name, wanted);
    });
  };
  for (const auto* wanted : {&options.id_columns, &options.name_columns}) {
    if (missing(*wanted))
      return header_error(line, "there is no column " + in_words(*wanted, false),
                          "il n'y a pas de colonne " + in_words(*wanted, true),
                          "name the columns in the first line",
                          "nommez les colonnes dans la première ligne");
  }
  return {};
}

Result<Header> read_header(CsvCursor& cursor, const ReadOptions& options, char separator) {
  Header header;
  std::vector<bool> quoted;
  std::string cell;
  std::uint64_t line = 0;
  for (bool blank = true; blank && !cursor.at_end();) {
    header.names.clear();
    quoted.clear();
    line = cursor.line();
    After after = After::cell;
    while (after == After::cell) {
      bool in_quotes = false;
      MAILLON_TRY(after, cursor.cell(cell, in_quotes));
      header.names.push_back(cell);
      quoted.push_back(in_quotes);
      // A megabyte of commas must not become a megabyte of strings.
      if (header.names.size() > limits::kFieldsMax + 1) break;
    }
    blank = std::ranges::all_of(header.names, [](const auto& name) { return name.empty(); });
  }
  header.guarded = separator == ',' && !quoted.empty() && quoted.front();
  for (std::size_t i = 1; i < quoted.size(); ++i)
    if (quoted[i] && !name_needs_quotes(header.names[i])) header.guarded = false;
  // Spreadsheets leave empty columns at the end; a value in one still has to have a name.
  for (std::size_t i = 0; i < header.names.size(); ++i) {
    std::string& name = header.names[i];
    header.unnamed.push_back(name.empty());
    if (!name.empty()) header.cells = i + 1;
    if (name.empty()) name = "colonne_" + std::to_string(i + 1);
    if (header.guarded && is_guarded(name)) name.erase(0, 1);
    header.number.push_back(is_one_of(name, options.number_columns));
  }
  MAILLON_CHECK(check_header(header, line, options));
  return header;
}

Value cell_value(std::string&& cell, bool number, bool guarded) {
  if (number && is_json_number(cell)) return Value{Value::Kind::number, std::move(cell)};
  if (guarded && is_guarded(cell)) cell.erase(0, 1);
  return Value::of_text(std::move(cell));
}

struct Record {
  Row row;
  bool fits = true;  ///< no filled cells beyond the header's columns
  bool cut = false;  ///< the file ends before its last cell
};

bool is_blank(std::string_view text) noexcept {
  return text.find_first_not_of(" \t") == std::string_view::npos;
}

Result<Record> read_record(CsvCursor& cursor, Header& header, std::size_t expected) {
  Record out;
  Row& row = out.row;
  row.line = cursor.line();
  row.fields.reserve(expected);
  std::string cell;
  After after = After::cell;
  std::size_t column = 0;
  for (; after == After::cell; ++column) {
    bool quoted = false;
    MAILLON_TRY(after, cursor.cell(cell, quoted));
    if (cell.empty()) continue;
    if (column >= header.names.size()) {
      out.fits = false;
      continue;
    }
    header.unnamed[column] = false;
    row.fields.emplace_back(header.names[column],
                            cell_value(std::move(cell), header.number[column], header.guarded));
  }
  // Spaces after the last line are an editor's, not half a row.
  out.cut =
      after == After::file && column < header.cells &&
      std::ranges::any_of(row.fields, [](const Field& f) { return !is_blank(f.second.text()); });
  return out;
}

Error cut_short(std::uint64_t line, std::size_t columns) {
  const std::string number = std::to_string(line);
  const std::string cells = std::to_string(columns);
  return Error{Errc::malformed,
               "line " + number + ": the file ends in the middle of a row, which has fewer than " +
                   cells + " cells and no line end",
               "ligne " + number + " : le fichier s'arrête au milieu d'une ligne, qui a moins de " +
                   cells + " cellules et pas de fin de ligne",
               "fetch or export it again", "téléchargez-le ou exportez-le de nouveau"};
}

/// Excel's first line "sep=;".
char take_separator_line(std::string_view& text, std::uint64_t& lines) noexcept {
  if (text.size() < 6 || !text.starts_with("sep=")) return 0;
  const char separator = text[4];
  const std::size_t end = text.find_first_not_of("\r\n", 5);
  if (end == 5 || std::string_view{",;\t"}.find(separator) == std::string_view::npos) return 0;
  const std::size_t taken = std::min(end, text.size());
  lines = static_cast<std::uint64_t>(std::ranges::count(text.substr(0, taken), '\n'));
  text.remove_prefix(taken);
  return separator;
}

}  // namespace

Result<void> read_csv(std::string_view text, const ReadOptions& options, RowGate& gate) {
  std::uint64_t skipped_lines = 0;
  char separator = take_separator_line(text, skipped_lines);
  if (separator == 0) separator = detect_separator(text);
  gate.summary.format = Format::csv;
  gate.summary.separator = separator;
  CsvCursor cursor{text, separator};
  MAILLON_TRY(Header header, read_header(cursor, options, separator));
  std::size_t expected = header.names.size();
  while (!cursor.at_end()) {
    MAILLON_TRY(Record record, read_record(cursor, header, expected));
    Row& row = record.row;
    row.line += skipped_lines;
    if (record.cut) return cut_short(row.line, header.cells);
    if (!record.fits) {
      gate.reject(row.line, "",
                  "more cells than the header has columns: a text holding the "
                  "separator must stand in quotes",
                  "plus de cellules que de colonnes dans l'en-tête : un texte qui contient le "
                  "séparateur doit être entre guillemets");
      continue;
    }
    if (row.fields.empty()) continue;  // A blank line, or a spreadsheet's empty rows at the end.
    expected = row.fields.size() + 1;
    MAILLON_CHECK(gate.offer(std::move(row)));
  }
  for (std::size_t i = 0; i < header.names.size(); ++i)
    if (!header.unnamed[i]) gate.summary.columns.push_back(std::move(header.names[i]));
  return {};
}

}  // namespace maillon::catalogue
