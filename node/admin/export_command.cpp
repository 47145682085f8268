#include <algorithm>
#include <unordered_set>

#include "node/admin/call.hpp"
#include "node/catalogue/lieux_schema.hpp"
#include "node/catalogue/table_writer.hpp"

/// Records into files. Two passes over one snapshot: which columns there are, then the rows.
namespace maillon::admin {
namespace {

using catalogue::Fields;
using replica::RecordView;

constexpr std::string_view kPlaces = "lieux";
constexpr std::string_view kId = "id";

class Export {
 public:
  Export(Call& call, storage::Database& db) : call_(call), db_(db), reader_(db) {}

  Result<Reply> run() {
    MAILLON_CHECK(prepare());
    MAILLON_CHECK(db_.execute("BEGIN"));
    MAILLON_CHECK(each([&](const Fields& fields) -> Result<void> {
      ++total_;
      for (const auto& [name, value] : fields)
        if (known_.insert(name).second) names_.push_back(name);
      return {};
    }));
    settle_id_column();
    const auto writer = catalogue::make_table_writer(format_, call_.context().output);
    MAILLON_CHECK(writer->begin(columns()));
    std::int64_t done = 0;
    MAILLON_CHECK(each([&](const Fields& fields) -> Result<void> {
      if (++done % 1000 == 0)
        call_.progress(static_cast<double>(done) / static_cast<double>(total_),
                       call_.say("Export de {}", "Exporting {}", collection_));
      return writer->row(fields);
    }));
    MAILLON_CHECK(writer->end());
    JsonWriter json;
    json.object()
        .field("collection", collection_)
        .field("space", place_.name)
        .field("format", catalogue::name_of(format_))
        .field("records", total_)
        .field("conflicts", conflicts_ / 2)  // Counted in both passes.
        .end_object();
    std::string text =
        call_.say("{} fiche(s) exportée(s)\n", "{} record(s) exported\n", grouped(total_));
    if (conflicts_ > 0)
      text += call_.say("{} d’entre elles sont en conflit : seule la valeur montrée est exportée\n",
                        "{} of them are in conflict: only the value shown is exported\n",
                        grouped(conflicts_ / 2));
    return answer(call_, std::move(text), std::move(json));
  }

 private:
  Result<void> prepare() {
    MAILLON_TRY(collection_, call_.need("collection"));
    MAILLON_TRY(place_, call_.place(collection_));
    if (!call_.context().output) return Error{Errc::usage, "no output", "aucune sortie"};
    const auto format = catalogue::format_from_name(call_.text("format", "csv"));
    if (!format)
      return said(Errc::usage, "--format takes csv, json, jsonl or geojson",
                  "--format vaut csv, json, jsonl ou geojson");
    format_ = *format;
    if (!call_.has("schema-version")) return {};
    const auto version = catalogue::lieux_version_from_name(call_.text("schema-version"));
    if (version != catalogue::LieuxVersion::v1)
      return said(Errc::usage, "--schema-version takes 1 (v1.0.2) and no other version",
                  "--schema-version vaut 1 (v1.0.2) et rien d’autre",
                  "leave it out to export the columns as they are",
                  "omettez-la pour exporter les colonnes telles quelles");
    migrate_ = true;
    return {};
  }

  Result<void> each(const std::function<Result<void>(const Fields&)>& take) {
    const auto one = [&](RecordView&& record) -> Result<bool> {
      if (record.in_conflict) ++conflicts_;
      MAILLON_CHECK(take(fields_of(record)));
      return true;
    };
    return reader_.each_as_they_came(place_.id, collection_, one);
  }

  [[nodiscard]] Fields fields_of(RecordView& record) {
    Fields out;
    bool has_id = false;
    for (auto& field : record.fields) {
      if (!field.readable) continue;
      has_id |= catalogue::is_same_column(field.name, kId) && !field.value.is_null();
      out.emplace_back(std::move(field.name), showable(field.value));
    }
    // A record typed in here has no source that named it, and the file must name it somehow.
    any_without_id_ |= !has_id;
    if (!has_id && !id_column_.empty())
      out.emplace_back(id_column_, Value::of_text(record.id.hex()));
    return migrate_ ? catalogue::migrate_v01_to_v1(out) : out;
  }

  /// Between the passes: the column where the sources have their ids, in their way of writing it.
  void settle_id_column() {
    auto found = std::ranges::find(names_, kId);
    if (found == names_.end())
      found = std::ranges::find_if(
          names_, [](const std::string& name) { return catalogue::is_same_column(name, kId); });
    id_column_ = found == names_.end() ? std::string{kId} : *found;
    if (found == names_.end() && any_without_id_) names_.push_back(id_column_);
  }

  [[nodiscard]] std::vector<std::string> columns() const {
    std::vector<std::string> all = names_;
    const auto version = schema();
    if (!version) {
      // The column that names a record leads, as people expect.
      const auto id = std::ranges::find(all, id_column_);
      if (id != all.end()) std::rotate(all.begin(), id, id + 1);
      return all;
    }
    // A table shows its empty columns too, and who expects the schema looks for all of them.
    if (format_ == catalogue::Format::csv) return catalogue::with_all_official(all, *version);
    return catalogue::in_official_order(std::move(all), *version);
  }

  /// The national schema that the table follows, if any.
  [[nodiscard]] std::optional<catalogue::LieuxVersion> schema() const {
    if (migrate_) return catalogue::LieuxVersion::v1;
    std::vector<std::string> judged = names_;
    // The name of the collection says that these are places, even if few columns are filled.
    if (collection_ == kPlaces) judged.insert(judged.end(), {"nom", "commune", "adresse"});
    return catalogue::detect_lieux_version(judged);
  }

  Call& call_;
  storage::Database& db_;
  replica::Reader reader_;
  std::string collection_;
  Place place_;
  catalogue::Format format_ = catalogue::Format::csv;
  bool migrate_ = false;
  std::vector<std::string> names_;  ///< in order of first appearance
  std::unordered_set<std::string> known_;
  std::string id_column_;  ///< empty in the first pass
  bool any_without_id_ = false;
  std::int64_t total_ = 0;
  std::int64_t conflicts_ = 0;
};

}  // namespace

Result<Reply> export_table(Call& call) {
  // A connection of its own: a large export must not keep others from reading.
  MAILLON_TRY(auto db, call.replica().open_reader());
  Export work{call, db};
  return work.run();
}

}  // namespace maillon::admin
