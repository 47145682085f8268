#include "node/catalogue/row_gate.hpp"

#include <algorithm>
#include <functional>

#include "proto/limits.hpp"

namespace maillon::catalogue {
namespace {

std::string_view trimmed(std::string_view text) noexcept {
  constexpr std::string_view kSpace = " \t\r\n";
  const std::size_t from = text.find_first_not_of(kSpace);
  if (from == std::string_view::npos) return {};
  return text.substr(from, text.find_last_not_of(kSpace) - from + 1);
}

/// The first column of `wanted` that the row fills with more than spaces.
const Field* first_filled(const Row& row, const std::vector<std::string>& wanted) {
  for (const std::string& name : wanted) {
    const Field* found = nullptr;
    for (const Field& field : row.fields) {
      if (!is_same_column(field.first, name)) continue;
      const Value::Kind kind = field.second.kind();
      if (kind != Value::Kind::text && kind != Value::Kind::number) continue;
      if (trimmed(field.second.text()).empty()) continue;
      if (field.first == name) return &field;
      if (found == nullptr || field.first < found->first) found = &field;
    }
    if (found != nullptr) return found;
  }
  return nullptr;
}

void keep(std::vector<Rejection>& list, Rejection&& one) {
  if (list.size() < kRejectionsKept) list.push_back(std::move(one));
}

/// Of the column that the national schema and data·inclusion name producers in.
std::size_t source_of(const Row& row) {
  constexpr std::string_view kName = "source";
  for (const auto& [name, value] : row.fields)
    if (name.size() == kName.size() && name == kName) return std::hash<std::string>{}(value.text());
  return 0;
}

}  // namespace

bool is_same_column(std::string_view a, std::string_view b) noexcept {
  const auto lower = [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  };
  return std::ranges::equal(trimmed(a), trimmed(b), {}, lower, lower);
}

std::string position_in_words(std::uint64_t line, std::uint64_t record, bool french) {
  std::string out;
  if (record > 0) out = (french ? "fiche " : "record ") + std::to_string(record) + ", ";
  out += french ? "ligne " : "line ";
  return out += std::to_string(line);
}

std::size_t ColumnTable::index_of(std::string_view name) {
  if (next_ < names_.size() && names_[next_] == name) return next_++;
  if (const auto found = index_.find(name); found != index_.end()) {
    next_ = found->second + 1;
    return found->second;
  }
  const std::size_t column = names_.size();
  names_.emplace_back(name);
  index_.emplace(names_.back(), column);
  used_in_.push_back(0);
  next_ = column + 1;
  return column;
}

bool ColumnTable::use(std::size_t column) noexcept {
  if (used_in_[column] == row_) return false;
  used_in_[column] = row_;
  return true;
}

bool is_one_of(std::string_view column, const std::vector<std::string>& wanted) {
  return std::ranges::any_of(wanted, [&](const auto& name) { return is_same_column(column, name); });
}

std::string in_words(const std::vector<std::string>& columns, bool french) {
  std::string out;
  for (const std::string& column : columns) {
    if (!out.empty()) out += french ? " ou " : " or ";
    out += french ? "« " + column + " »" : "`" + column + "`";
  }
  return out;
}

void RowGate::reject(std::uint64_t line, std::string_view field, std::string en, std::string fr) {
  keep(summary.rejections, {line, std::string{field}, std::move(en), std::move(fr), record()});
  ++summary.rows_read;
  ++summary.rows_rejected;
}

void RowGate::remark(std::uint64_t line, std::string_view field, std::string en, std::string fr) {
  keep(summary.remarks, {line, std::string{field}, std::move(en), std::move(fr), record()});
}

bool RowGate::sizes_fit(const Row& row) {
  if (row.fields.size() > limits::kFieldsMax) {
    reject(row.line, "", "more than " + std::to_string(limits::kFieldsMax) + " fields",
           "plus de " + std::to_string(limits::kFieldsMax) + " champs");
    return false;
  }
  for (const auto& [name, value] : row.fields) {
    if (name.empty() || name.size() > limits::kNameMax) {
      reject(row.line, name.substr(0, 40),
             "the name of a field has 1 to " + std::to_string(limits::kNameMax) + " bytes",
             "le nom d'un champ a de 1 à " + std::to_string(limits::kNameMax) + " octets");
      return false;
    }
    if (value.text().size() > limits::kImportCellMax) {
      const std::string size = std::to_string(value.text().size());
      const std::string max = std::to_string(limits::kImportCellMax);
      reject(row.line, name, size + " bytes in one cell; " + max + " at most: shorten it",
             size + " octets dans une cellule ; " + max + " au plus : raccourcissez-la");
      return false;
    }
  }
  return true;
}

bool RowGate::identify(Row& row) {
  if (!options_.id_columns.empty()) {
    const Field* id = first_filled(row, options_.id_columns);
    if (id == nullptr) {
      reject(row.line, options_.id_columns.front(),
             "no id: fill " + in_words(options_.id_columns, false),
             "pas d'identifiant : remplissez " + in_words(options_.id_columns, true));
      return false;
    }
    if (id->second.text().size() > limits::kExternalIdMax) {
      const std::string max = std::to_string(limits::kExternalIdMax);
      reject(row.line, id->first, "an id has at most " + max + " bytes",
             "un identifiant a " + max + " octets au plus");
      return false;
    }
    row.external_id = id->second.text();
  }
  if (!options_.name_columns.empty() && first_filled(row, options_.name_columns) == nullptr) {
    reject(row.line, options_.name_columns.front(),
           "no name: fill " + in_words(options_.name_columns, false),
           "pas de nom : remplissez " + in_words(options_.name_columns, true));
    return false;
  }
  if (!options_.source_column.empty()) {
    if (const Field* source = first_filled(row, {options_.source_column}))
      row.source = trimmed(source->second.text());
  }
  return true;
}

bool RowGate::is_first(const Row& row) {
  // A zero byte occurs in no text file, so the pair cannot be mistaken for another.
  std::string key = row.source;
  key.push_back('\0');
  key += row.external_id;
  const std::size_t source = source_of(row);
  const auto [first, fresh] =
      holders_.try_emplace(std::move(key), Holder{row.line, row.record, source});
  if (fresh) return true;
  const auto& [line, record, its_source] = first->second;
  const std::string& column = options_.id_columns.front();
  if (options_.source_column.empty() && source != its_source) {
    // The same words for each: often there are many.
    ++summary.repeats_across_sources;
    reject(row.line, column, "another row has this id already, under another `source`",
           "une autre ligne a déjà cet identifiant, sous une autre « source »");
    return false;
  }
  const std::string id = row.external_id.substr(0, 80);
  reject(row.line, column,
         "the id " + id + " is already that of " +
             position_in_words(line, record, /*french=*/false) + ": give each record its own",
         "l'identifiant " + id + " est déjà celui de la " +
             position_in_words(line, record, /*french=*/true) + " : donnez le sien à chaque fiche");
  return false;
}

Result<void> RowGate::offer(Row&& row) {
  row.record = record();
  if (!sizes_fit(row) || !identify(row)) return {};
  if (!options_.id_columns.empty() && !is_first(row)) return {};
  ++summary.rows_read;
  return on_row_(std::move(row));
}

}  // namespace maillon::catalogue
