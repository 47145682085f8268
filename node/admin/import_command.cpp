#include <algorithm>
#include <condition_variable>
#include <unordered_map>
#include <unordered_set>

#include "node/admin/call.hpp"
#include "node/admin/schema.hpp"
#include "node/catalogue/lieux_schema.hpp"

/// Files into records: rows are read and judged here while the writer takes in the batch before.
namespace maillon::admin {
namespace {

using catalogue::Rejection;
using storage::Change;
using storage::ChangeOutcome;

constexpr std::size_t kBatchRows = 2000;       ///< near what fills a commit
constexpr std::size_t kBatchBytes = 2u << 20;  ///< for files with long values
constexpr std::size_t kBatchesInFlight = 3;
constexpr std::size_t kWarningsKept = 10'000;
constexpr std::size_t kShown = 20;  ///< of each list, to people
constexpr std::size_t kLinesShown = 5;

/// Where a row stands in the file.
struct Position {
  std::uint64_t line = 0;
  std::uint64_t record = 0;
};

/// What the file says and was taken away here: it does not come back.
struct KeptOut : Position {
  bool erased = false;     ///< else deleted
  std::string field = {};  ///< of one field; else the whole row
};

struct Batch {
  std::vector<Change> changes;
  std::vector<Position> positions;  ///< one per change
  /// Of which change, and what: for people, who hear about rows that this import touched.
  std::vector<std::pair<std::size_t, catalogue::Warning>> warnings;
  std::size_t bytes = 0;
};

struct Totals {
  std::uint64_t created = 0;
  std::uint64_t changed = 0;
  std::uint64_t unchanged = 0;
  std::vector<KeptOut> kept_out;
  std::uint64_t commits = 0;
  std::vector<catalogue::Warning> shown;  ///< the first of rows created or changed
  std::uint64_t of_touched = 0;           ///< warnings
  std::uint64_t of_others = 0;
};

/// Batches on their way to the writer, a few at a time.
class Pipeline {
 public:
  Pipeline(replica::Replica& replica, const SpaceId& space, bool dry)
      : replica_(replica), space_(space), dry_(dry) {}
  Pipeline(const Pipeline&) = delete;
  Pipeline& operator=(const Pipeline&) = delete;
  ~Pipeline() { wait_for(0); }  // The jobs refer to this.

  /// Waits for room; the first failure of an earlier batch comes back here or from finish().
  Result<void> push(Batch&& batch) {
    if (batch.changes.empty()) return {};
    wait_for(kBatchesInFlight - 1);
    {
      const std::lock_guard lock{mutex_};
      if (failure_) return *failure_;
      ++in_flight_;
    }
    const auto shared = std::make_shared<Batch>(std::move(batch));
    const auto outcome = std::make_shared<storage::Written>();
    replica_.writer().submit(
        [this, shared, outcome](storage::Store& store) { return write(store, *shared, *outcome); },
        [this, shared, outcome](Result<void> result) { done(*shared, *outcome, result); });
    return {};
  }

  /// Rows that are here for good, whatever became of the others.
  std::uint64_t durable() {
    wait_for(0);
    const std::lock_guard lock{mutex_};
    return dry_ ? 0 : totals_.created + totals_.changed + totals_.unchanged;
  }

  Result<Totals> finish() {
    wait_for(0);
    const std::lock_guard lock{mutex_};
    if (failure_) return *failure_;
    return totals_;
  }

 private:
  Result<void> write(storage::Store& store, const Batch& batch, storage::Written& out) {
    out = {};
    MAILLON_TRY(out, store.write(space_, batch.changes, replica_.author(), replica_.clock().now(),
                                 replica_.rng()));
    // A failing job is rolled back: just what a rehearsal wants. Ids are unique within a file, so
    // no batch depends on another and the figures are those of the real thing.
    if (dry_) return Error{Errc::refused, "dry run"};
    return {};
  }
  void done(Batch& batch, const storage::Written& written, const Result<void>& result) {
    const std::lock_guard lock{mutex_};
    --in_flight_;
    if (result.has_value() || (dry_ && written.outcomes.size() == batch.changes.size()))
      count(batch, written);
    else if (!failure_)
      failure_ = result.error();
    changed_.notify_all();
  }
  void count(Batch& batch, const storage::Written& written) {
    for (auto& [change, warning] : batch.warnings) {
      const ChangeOutcome outcome = written.outcomes[change];
      const bool touched = outcome == ChangeOutcome::created || outcome == ChangeOutcome::changed;
      ++(touched ? totals_.of_touched : totals_.of_others);
      if (touched && totals_.shown.size() < kShown) totals_.shown.push_back(std::move(warning));
    }
    totals_.commits += written.commits.size();
    for (std::size_t i = 0; i < written.outcomes.size(); ++i) {
      switch (written.outcomes[i]) {
        case ChangeOutcome::created:
          ++totals_.created;
          break;
        case ChangeOutcome::changed:
          ++totals_.changed;
          break;
        case ChangeOutcome::deleted_here:
        case ChangeOutcome::erased_here:
          totals_.kept_out.push_back(
              {batch.positions[i], written.outcomes[i] == ChangeOutcome::erased_here});
          [[fallthrough]];
        default:
          ++totals_.unchanged;
      }
    }
    for (const storage::Withheld& one : written.withheld)
      totals_.kept_out.push_back({batch.positions[one.change], true, one.field});
  }
  void wait_for(std::size_t at_most) {
    std::unique_lock lock{mutex_};
    changed_.wait(lock, [&] { return in_flight_ <= at_most; });
  }

  replica::Replica& replica_;
  SpaceId space_;
  bool dry_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::size_t in_flight_ = 0;     ///< protected by mutex_
  std::optional<Error> failure_;  ///< protected by mutex_
  Totals totals_;                 ///< protected by mutex_
};

/// One import from its first byte to its report.
class Import {
 public:
  explicit Import(Call& call) : call_(call) {}

  Result<Reply> run() {
    MAILLON_CHECK(prepare());
    Pipeline pipeline{call_.replica(), place_.id, dry_};
    Batch batch;
    const auto read = catalogue::read_table(bytes_, options_, [&](catalogue::Row&& row) {
      return take(std::move(row), batch, pipeline);
    });
    if (read.has_error()) return after_failure(read.error(), pipeline);
    if (const auto pushed = pipeline.push(std::move(batch)); pushed.has_error())
      return after_failure(pushed.error(), pipeline);
    auto totals = pipeline.finish();
    if (totals.has_error()) return after_failure(totals.error(), pipeline);
    totals_ = *std::move(totals);
    std::ranges::stable_sort(totals_.kept_out, {}, [](const KeptOut& one) {
      return std::pair{one.line, one.record};
    });
    summary_ = *read;
    call_.progress(1, doing());
    MAILLON_CHECK(find_missing());
    return report();
  }

 private:
  Result<void> prepare() {
    MAILLON_TRY(collection_, call_.need("collection"));
    MAILLON_TRY(source_, call_.need("source"));
    if (source_.size() > limits::kNameMax || collection_.size() > limits::kNameMax)
      return said(Errc::usage, "names of sources and collections have at most 256 bytes",
                  "les noms de sources et de collections font 256 octets au plus");
    MAILLON_CHECK(not_schemas(collection_));
    MAILLON_TRY(place_, call_.place_to_write(collection_));
    MAILLON_CHECK(call_.has("dry-run") ? call_.still_speaks() : call_.before_writing());
    MAILLON_CHECK(call_.may_write_in(place_));
    options_.file_name = call_.text("file_name");
    options_.source_column = call_.text("source-column");
    if (call_.has("format")) {
      options_.format = catalogue::format_from_name(call_.text("format"));
      if (!options_.format)
        return said(Errc::usage, "--format takes csv, json, jsonl or geojson",
                    "--format vaut csv, json, jsonl ou geojson");
    }
    dry_ = call_.has("dry-run");
    strict_ = call_.has("strict");
    if (!call_.context().input) return Error{Errc::usage, "no file was given", "aucun fichier"};
    MAILLON_TRY(bytes_, call_.context().input());
    call_.progress(0, call_.say("Vérification du fichier", "Checking the file"));
    // Before anything is written: a file that ends in a fault changes nothing.
    MAILLON_TRY(summary_, catalogue::check_table(bytes_, options_));
    MAILLON_CHECK(check_source_column());
    version_ = catalogue::detect_lieux_version(summary_.columns);
    MAILLON_TRY(schema_, call_.schema_of(place_, collection_));
    if (schema_ && schema_->built_in) schema_.reset();
    seen_.reserve(summary_.rows_read);
    return {};
  }

  Result<void> check_source_column() const {
    const std::string& column = options_.source_column;
    const auto& columns = summary_.columns;
    if (column.empty() || std::ranges::find(columns, column) != columns.end()) return {};
    return said(Errc::refused, "the file has no column `" + column + "`",
                "le fichier n’a pas de colonne « " + column + " »",
                "--source-column takes the name of a column",
                "--source-column vaut le nom d’une colonne");
  }

  /// What the ids of the row are those of.
  [[nodiscard]] std::string source_of(const catalogue::Row& row) const {
    return row.source.empty() ? source_ : source_ + "/" + row.source;
  }

  Result<void> take(catalogue::Row&& row, Batch& batch, Pipeline& pipeline) {
    Change change;
    change.source = source_of(row);
    if (change.source.size() > limits::kNameMax) {
      refuse({row.line, options_.source_column, "names of sources have at most 256 bytes",
              "les noms de sources font 256 octets au plus", row.record});
      ++rows_refused_;
      return {};
    }
    change.id = storage::derived_record_id(collection_, change.source, row.external_id);
    seen_.insert(change.id);
    if ((version_ || schema_) && !judge(row, batch)) return {};
    change.collection = collection_;
    change.form = IdForm::derived;
    change.untyped = is_untyped();
    change.external_id = std::move(row.external_id);
    for (const auto& [name, value] : row.fields) batch.bytes += name.size() + value.text().size();
    if (schema_)
      take_row(*schema_, std::move(row.fields), change);
    else
      change.fields = std::move(row.fields);
    batch.changes.push_back(std::move(change));
    batch.positions.push_back({row.line, row.record});
    if (batch.changes.size() < kBatchRows && batch.bytes < kBatchBytes) return {};
    handed_ += batch.changes.size();
    MAILLON_CHECK(pipeline.push(std::move(batch)));
    batch = {};
    call_.progress(static_cast<double>(handed_) /
                       static_cast<double>(std::max<std::uint64_t>(1, summary_.rows_read)),
                   doing());
    return {};
  }

  [[nodiscard]] bool is_untyped() const { return summary_.format == catalogue::Format::csv; }

  /// False when --strict refuses the row.
  bool judge(const catalogue::Row& row, Batch& batch) {
    auto found = schema_ ? judge_row(*schema_, row, is_untyped()) : catalogue::validate_lieu(row, *version_);
    if (strict_ && !found.empty()) {
      for (auto& warning : found)
        refuse({warning.line, std::move(warning.field), std::move(warning.reason_en),
                std::move(warning.reason_fr), warning.record});
      ++rows_refused_;
      return false;
    }
    warnings_total_ += found.size();
    for (auto& warning : found) {
      if (!call_.wants_json())
        batch.warnings.emplace_back(batch.changes.size(), std::move(warning));
      else if (warnings_.size() < kWarningsKept)
        warnings_.push_back(std::move(warning));
    }
    return true;
  }
  void refuse(Rejection&& one) {
    if (refused_.size() < catalogue::kRejectionsKept) refused_.push_back(std::move(one));
  }

  Result<void> find_missing() {
    const auto known = call_.replica().read<std::vector<RecordId>>(
        [&](replica::Reader& reader) { return known_records(reader); });
    if (known.has_error()) return known.error();
    for (const RecordId& id : *known)
      if (!seen_.contains(id)) missing_.push_back(id);
    return {};
  }
  /// Those that the source listed before; with --source-column, each of the sources below it, one
  /// that the file does not name any more as well.
  Result<std::vector<RecordId>> known_records(replica::Reader& reader) const {
    if (options_.source_column.empty()) return reader.of_source(place_.id, collection_, source_);
    std::vector<RecordId> out;
    MAILLON_TRY(const auto sources, reader.sources(place_.id, collection_));
    for (const std::string& source : sources) {
      if (source != source_ && !source.starts_with(source_ + "/")) continue;
      MAILLON_TRY(const auto ids, reader.of_source(place_.id, collection_, source));
      out.insert(out.end(), ids.begin(), ids.end());
    }
    return out;
  }

  /// Batches before the failure are durable, and importing again goes on from there.
  [[nodiscard]] Error after_failure(Error error, Pipeline& pipeline) const {
    const std::uint64_t here = pipeline.durable();
    if (here == 0) return error;
    error.fr = what(error, Language::french);
    error.detail += fmt::format(
        "; {} of the {} rows are imported and stay, each of them whole, and the same import again "
        "goes on from there",
        grouped_(here), grouped_(summary_.rows_read));
    error.fr += fmt::format(
        " ; {} des {} lignes sont importées et le restent, chacune entière, et le même import "
        "lancé à nouveau reprend de là",
        grouped_(here), grouped_(summary_.rows_read));
    if (error.hint.empty()) error.hint = "see to the cause, then import the file again";
    if (error.hint_fr.empty()) error.hint_fr = "voyez la cause, puis importez le fichier à nouveau";
    return error;
  }

  [[nodiscard]] std::string doing() const {
    return call_.say("Import de {}", "Importing {}", source_);
  }
  [[nodiscard]] const std::string& reason(const std::string& fr, const std::string& en) const {
    return call_.french() ? fr : en;
  }
  [[nodiscard]] std::uint64_t rejected() const { return summary_.rows_rejected + rows_refused_; }

  Reply report() {
    Reply out = call_.wants_json() ? answer(call_, {}, json_report())
                                   : answer(call_, text_report(), JsonWriter{});
    if (rejected() == 0) return out;
    const Error why = refusal();
    if (rejected() == summary_.rows_read || strict_) return with_error(call_, std::move(out), why);
    // The rest is imported, but whoever reads neither report nor JSON must not take it for all.
    out.error = sentence(why, call_.language());
    return out;
  }
  [[nodiscard]] Error refusal() const {
    const Rejection& first =
        summary_.rejections.empty() ? refused_.front() : summary_.rejections.front();
    const auto words = [&](const char* counted, const std::string& why, bool french) {
      return fmt::format(fmt::runtime(counted), grouped_(rejected()), position(first, french),
                         first.field.empty() ? "" : " " + first.field, why);
    };
    Error out = said(Errc::refused,
                     words("{} row(s) are refused; {}{}: {}", first.reason_en, /*french=*/false),
                     words("{} ligne(s) sont refusées ; {}{} : {}", first.reason_fr, true),
                     "correct them, then import again", "corrigez-les, puis importez à nouveau");
    if (summary_.repeats_across_sources > 0) {
      out.hint = "the ids repeat under different `source`: import with --source-column source";
      out.hint_fr =
          "les identifiants se répètent sous différentes « source » : importez avec "
          "--source-column source";
    }
    return out;
  }
  template <class Where>
  [[nodiscard]] static std::string position(const Where& where, bool french) {
    return catalogue::position_in_words(where.line, where.record, french);
  }
  template <class Where>
  static JsonWriter& open_entry(JsonWriter& json, const Where& where) {
    json.object().field("line", where.line);
    if (where.record > 0) json.field("record", where.record);
    return json;
  }

  void list_rejections(JsonWriter& json) const {
    json.key("rejections").array();
    for (const auto* list : {&summary_.rejections, &refused_})
      for (const Rejection& one : *list)
        open_entry(json, one)
            .field("field", one.field)
            .field("reason", reason(one.reason_fr, one.reason_en))
            .end_object();
    json.end_array();
  }
  void list_warnings(JsonWriter& json) const {
    json.key("warnings").array();
    for (const auto& one : warnings_)
      open_entry(json, one)
          .field("field", one.field)
          .field("value", one.value)
          .field("proposal", one.proposal)
          .field("reason", reason(one.reason_fr, one.reason_en))
          .end_object();
    for (const Rejection& one : summary_.remarks)
      open_entry(json, one)
          .field("field", one.field)
          .field("reason", reason(one.reason_fr, one.reason_en))
          .end_object();
    for (const KeptOut& where : totals_.kept_out)
      open_entry(json, where)
          .field("field", where.field)
          .field("reason", kept_out(where))
          .end_object();
    json.end_array();
  }
  [[nodiscard]] std::string kept_out(const KeptOut& what) const {
    if (!what.erased)
      return call_.say("supprimée ici : la ligne ne la rétablit pas",
                       "deleted here: the row does not bring it back");
    return what.field.empty() ? call_.say("effacée ici : la ligne ne la rétablit pas",
                                          "erased here: the row does not bring it back")
                              : call_.say("effacé ici : le fichier ne le rétablit pas",
                                          "erased here: the file does not bring it back");
  }
  [[nodiscard]] std::uint64_t warnings_total() const {
    return warnings_total_ + summary_.remarks.size() + totals_.kept_out.size();
  }

  JsonWriter json_report() const {
    JsonWriter json;
    json.object()
        .field("collection", collection_)
        .field("space", place_.name)
        .field("source", source_)
        .field("source_column", options_.source_column)
        .field("format", catalogue::name_of(summary_.format))
        .field("encoding",
               summary_.encoding == catalogue::Encoding::utf8 ? "utf-8" : "windows-1252")
        .field("schema", version_ ? catalogue::name_of(*version_) : "")
        .field("dry_run", dry_)
        .field("read", summary_.rows_read)
        .field("created", totals_.created)
        .field("changed", totals_.changed)
        .field("unchanged", totals_.unchanged)
        .field("rejected", rejected())
        .field("commits", totals_.commits);
    list_rejections(json);
    list_warnings(json);
    json.field("warnings_total", warnings_total()).key("missing").array();
    for (const RecordId& id : missing_) json.text(id.hex());
    json.end_array().end_object();
    return json;
  }

  std::string text_report() const {
    std::string out =
        call_.say("{} lignes lues : {} créées, {} modifiées, {} inchangées, {} refusées\n",
                  "{} rows read: {} created, {} changed, {} unchanged, {} refused\n",
                  grouped_(summary_.rows_read), grouped_(totals_.created),
                  grouped_(totals_.changed), grouped_(totals_.unchanged), grouped_(rejected()));
    if (dry_) out += call_.say("Essai : rien n’est écrit.\n", "Rehearsal: nothing was written.\n");
    if (summary_.encoding == catalogue::Encoding::windows_1252)
      out += call_.say("Lu comme du Windows-1252 : le fichier n’est pas en UTF-8.\n",
                       "Read as Windows-1252: the file is not UTF-8.\n");
    out += refusals_in_words();
    if (!call_.has("quiet")) out += warnings_in_words();
    if (!missing_.empty())
      out += call_.say("{} fiche(s) de « {} » ne sont plus dans le fichier ; elles sont gardées\n",
                       "{} record(s) of `{}` are no longer in the file; they are kept\n",
                       grouped_(missing_.size()), source_);
    return out;
  }

  /// Rows that are refused for one reason together, in the order of the first of each.
  [[nodiscard]] std::string refusals_in_words() const {
    struct Group {
      const Rejection* first;
      std::vector<const Rejection*> shown;
      std::uint64_t rows = 0;
    };
    std::vector<Group> groups;
    std::unordered_map<std::string_view, std::size_t> by_reason;
    for (const auto* list : {&summary_.rejections, &refused_})
      for (const Rejection& one : *list) {
        const auto [at, fresh] = by_reason.try_emplace(one.reason_en, groups.size());
        if (fresh) groups.push_back({&one, {}});
        Group& group = groups[at->second];
        ++group.rows;
        if (group.shown.size() < kLinesShown) group.shown.push_back(&one);
      }
    std::string out;
    for (std::size_t i = 0; i < groups.size() && i < kShown; ++i) {
      const auto& [first, shown, rows] = groups[i];
      std::string where = position(*first, call_.french());
      if (rows > 1) where = several(shown, rows);
      out += call_.say("  refusée, {} {} : {}\n", "  refused, {} {}: {}\n", where,
                       for_terminal(first->field, 60),
                       for_terminal(reason(first->reason_fr, first->reason_en), 400));
    }
    if (groups.size() > kShown)
      out += call_.say("  … {} lignes refusées en tout ; --json les donne\n",
                       "  … {} rows refused in all; --json gives them\n", grouped_(rejected()));
    return out;
  }

  /// "30 rows (lines 3, 4, …)"
  [[nodiscard]] std::string several(const std::vector<const Rejection*>& shown,
                                    std::uint64_t rows) const {
    const bool numbered = shown.front()->record > 0;
    std::string list;
    for (const Rejection* one : shown)
      list += (list.empty() ? "" : ", ") + std::to_string(numbered ? one->record : one->line);
    if (rows > shown.size()) list += ", …";
    return numbered ? call_.say("{} fois (fiches {})", "{} rows (records {})", grouped_(rows), list)
                    : call_.say("{} fois (lignes {})", "{} rows (lines {})", grouped_(rows), list);
  }

  /// Of the rows that this import touched: the others were said when they were.
  [[nodiscard]] std::string warnings_in_words() const {
    std::string out;
    std::size_t shown = 0;
    const auto line = [&](const auto& where, const std::string& field, const std::string& why) {
      if (shown++ < kShown)
        out += call_.say("  à vérifier, {} {} : {}\n", "  to check, {} {}: {}\n",
                         position(where, call_.french()), for_terminal(field, 60),
                         for_terminal(why, 400));
    };
    for (const Rejection& one : summary_.remarks)
      line(one, one.field, reason(one.reason_fr, one.reason_en));
    for (const KeptOut& where : totals_.kept_out) line(where, where.field, kept_out(where));
    for (const auto& one : totals_.shown)
      line(one, one.field, reason(one.reason_fr, one.reason_en));
    const std::uint64_t all =
        summary_.remarks.size() + totals_.kept_out.size() + totals_.of_touched;
    if (all > kShown)
      out += call_.say("  … {} points à vérifier en tout ; --json les donne tous\n",
                       "  … {} points to check in all; --json gives them all\n", grouped_(all));
    if (totals_.of_others > 0)
      out +=
          call_.say("  {} points à vérifier dans des lignes inchangées ; --json les donne tous\n",
                    "  {} points to check in rows that are unchanged; --json gives them all\n",
                    grouped_(totals_.of_others));
    return out;
  }
  static std::string grouped_(std::uint64_t number) {
    return grouped(static_cast<std::int64_t>(number));
  }

  Call& call_;
  std::string collection_;
  std::string source_;
  Place place_;
  catalogue::ReadOptions options_;
  bool dry_ = false;
  bool strict_ = false;
  Bytes bytes_;
  catalogue::ReadSummary summary_;
  std::optional<catalogue::LieuxVersion> version_;
  std::optional<Schema> schema_;  ///< shared; of places the national one is known without
  std::unordered_set<RecordId, IdHash> seen_;
  std::uint64_t handed_ = 0;
  std::vector<catalogue::Warning> warnings_;
  std::uint64_t warnings_total_ = 0;
  std::vector<Rejection> refused_;
  std::uint64_t rows_refused_ = 0;
  Totals totals_;
  std::vector<RecordId> missing_;
};

}  // namespace

Result<Reply> import_table(Call& call) {
  Import import{call};
  return import.run();
}

}  // namespace maillon::admin
