#pragma once

#include <functional>
#include <set>

#include "storage/state/commit_cache.hpp"
#include "storage/state/erasures.hpp"
#include "storage/state/names.hpp"

namespace maillon::storage {

/// One row of the table of records.
struct RecordRow {
  std::int64_t id = 0;
  std::int64_t collection = 0;
  std::int64_t flags = 0;
  std::optional<std::int64_t> source;
  Bytes state;
};
inline constexpr std::int64_t kFlagVisible = 1;
inline constexpr std::int64_t kFlagConflict = 2;
inline constexpr std::int64_t kFlagVoid = 4;
inline constexpr std::int64_t kFlagOwned = 8;  ///< only its owner's ops, and its heirs', count

/// Where a record is found.
struct RecordPlace {
  std::int64_t row = 0;
  std::int64_t collection = 0;
  std::string name;  ///< of the collection
  RecordId rid = RecordId::zero();
};

/// Whether a member may change an owner's records: it is the owner, or an heir.
using OwnerRule = std::function<bool(const MemberId& owner, const MemberId& author)>;

/// One step of a record's history, newest first.
struct HistoryOp {
  merge::OpRef ref;
  CommitPtr commit;
  bool is_void = false;
  const Op* op = nullptr;  ///< in `commit`
  std::optional<Remains> remains = {};  ///< where somebody asked to erase of it

  [[nodiscard]] std::string_view source() const noexcept {
    return remains ? remains->source : op->source;
  }
  [[nodiscard]] std::string_view external_id() const noexcept {
    return remains ? remains->external_id : op->external_id;
  }
  /// What it says of its field number `i`; nothing where that was erased.
  [[nodiscard]] ByteView value(std::size_t i) const noexcept {
    return remains ? remains->fields[i].value : commit->body.ops.fields_of(*op)[i].value;
  }
  [[nodiscard]] bool readable() const noexcept {
    return remains ? remains->readable : op->payload_ok;
  }
};

[[nodiscard]] std::int64_t flags_of(const merge::RecordState& state, const merge::Context& context);
/// Fields of which something is not to be had.
struct Missing {
  std::set<std::string> forgotten = {};  ///< it was pruned
  std::set<std::string> hidden = {};     ///< until an erasure is decided
};

/// The deletes that hold.
[[nodiscard]] std::vector<merge::OpRef> live_deletes(const merge::RecordState& state);
/// Ops that say something of a record; the others govern, erase, or are pruned away.
[[nodiscard]] bool touches_records(const Op& op);

/// The records folded from applied commits. Writing belongs to the writer, inside its transaction.
class Records {
 public:
  Records(Database& db, Log& log, Names& names) noexcept
      : db_(db), log_(log), names_(names), context_(log, names), commits_(log),
        erasures_(db, log, commits_) {}

  void set_owner_rule(OwnerRule rule) { may_change_ = std::move(rule); }

  /// The next records of a space, after a row; at most `count`.
  Result<std::vector<RecordPlace>> after(std::int64_t space, std::int64_t row, std::size_t count);
  Result<std::optional<RecordRow>> find(std::int64_t collection, const RecordId& rid);
  /// Writes what apply() keeps open: many ops of one text make one row. Before a transaction ends.
  Result<void> flush();
  /// Applies the record ops of one commit at `log_id` of `space`.
  Result<void> apply(const Commit& commit, std::int64_t log_id, std::int64_t space, bool is_void);
  /// Folds again every record that the commit touched, because its standing changed.
  Result<void> refold(const Commit& commit, std::int64_t space);
  Result<void> refold_record(std::int64_t collection, const RecordId& rid);
  /// Folds every owned record again, because somebody inherited.
  Result<void> refold_owned();
  /// Whose record it is, if it is anybody's.
  Result<std::optional<MemberId>> owner(std::string_view collection, const RecordId& rid,
                                        ByteView state);
  /// Everything that ever happened to a record and is still in the log.
  Result<std::vector<HistoryOp>> history(std::string_view collection, const RecordId& rid,
                                         ByteView state);

  /// Leaves of a record whose payload nobody needs any more: commits that are `settled`, for they
  /// count for good, have replaced it.
  Result<std::vector<merge::OpRef>> spent(std::string_view collection, const RecordId& rid,
                                          ByteView state, const std::set<std::int64_t>& settled);

  /// The record as it would be had nobody deleted it. `keep` holds what the state points into.
  Result<merge::RecordState> without_deletes(std::string_view collection, const RecordId& rid,
                                             ByteView state, std::vector<CommitPtr>& keep);

  /// Fields of which that record would say something that is not to be had.
  Result<Missing> missing_without_deletes(std::string_view collection, const RecordId& rid,
                                          ByteView state);

  /// Hash of all visible records and conflicts of a space, in order of collection and id.
  Result<Digest> digest(std::int64_t space);
  /// What `log_id`s a commit's leaf 0 names; index 0 is the commit itself. Unknown ones are 0.
  /// `names_void` becomes true when one of them is void.
  Result<std::vector<std::int64_t>> resolve_table(const Commit& commit, std::int64_t log_id,
                                                  bool* names_void = nullptr);
  /// The same, but 0 for all that one op does not name: of a large commit the whole table is long.
  Result<std::vector<std::int64_t>> resolve_names(const Commit& commit, const Op& op,
                                                  std::int64_t log_id);

  /// Folds every record of a space from the log alone and compares with what is stored: slow.
  /// Errc::integrity names the first that differs.
  Result<void> verify(std::int64_t space);

  [[nodiscard]] const LogContext& context() const noexcept { return context_; }
  [[nodiscard]] Erasures& erasures() noexcept { return erasures_; }
  [[nodiscard]] CommitCache& commits() noexcept { return commits_; }
  void forget_cached() {
    commits_.clear();
    shape_.clear();
    open_.clear();
  }

 private:
  struct Resolved {
    std::vector<merge::OpRef> refs;
    std::vector<merge::ElementRange> removed;
    std::vector<merge::SequenceRun> runs;
    std::vector<merge::FieldChange> fields;
    merge::OpInput input;
  };
  /// A record of which a set, list or text is being changed, op by op.
  struct OpenRecord {
    RecordRow row;
    merge::RecordState state;  ///< views into `row`
    bool changed = false;
  };
  static constexpr std::size_t kOpenMax = 4;  ///< a long text takes some MiB
  struct Standing {
    bool is_void = false;
    bool fold_whole = false;  ///< one more op does not merely add to the state
  };
  Result<void> apply_op(const Commit& commit, const Op& op, const merge::OpRef& ref,
                        std::span<const std::int64_t> table, std::int64_t space, Standing standing);
  /// Applies an op that changes sets, lists and texts alone, where that is simple; says whether.
  Result<bool> apply_to_open(std::int64_t collection, const Op& op, const merge::OpInput& input);
  Result<void> close(std::int64_t collection, const RecordId& rid);
  Result<void> insert_fresh(std::int64_t collection, const Op& op, const merge::OpInput& input,
                            bool& inserted);
  Result<void> refold_row(std::string_view collection, const RecordId& rid, const RecordRow& row);
  /// `remains` must outlive `out`.
  Result<void> fill(const Commit& commit, const Op& op, std::span<const std::int64_t> table,
                    const Remains* remains, Resolved& out);
  static void fill_elements(const Commit& commit, const OpField& field,
                            std::span<const std::int64_t> table, Resolved& out,
                            merge::FieldChange& change);
  Result<merge::RecordState> fold_all(std::string_view collection, const RecordId& rid,
                                      ByteView state, std::optional<merge::OpRef> also,
                                      std::vector<CommitPtr>& keep);
  /// Folds all that is reached from these ops. `keep` holds what the state points into.
  Result<merge::RecordState> fold_from(std::string_view collection, const RecordId& rid,
                                       std::vector<merge::OpRef> from, std::vector<CommitPtr>& keep,
                                       std::span<const merge::OpRef> without = {});
  /// All ops of a record as merging sees them; views into `found` and `parts`.
  Result<void> as_inputs(std::span<const HistoryOp> found, std::vector<Resolved>& parts,
                         std::span<const merge::OpRef> without, merge::History& out);
  Result<std::vector<HistoryOp>> walk(std::string_view collection, const RecordId& rid,
                                      std::vector<merge::OpRef> from,
                                      std::vector<std::pair<std::int64_t, std::int64_t>>& reissues);
  /// The commit at a place (not 0) of a commit's table, if it is here and may be named so.
  Result<std::optional<LogEntry>> named(const Commit& commit, std::size_t index);
  Result<void> store(const RecordRow& row, const merge::RecordState& state,
                     std::optional<std::int64_t> source);
  Result<std::int64_t> field_name(std::size_t position, std::string_view text);

  Database& db_;
  Log& log_;
  Names& names_;
  LogContext context_;
  CommitCache commits_;
  Erasures erasures_;
  OwnerRule may_change_ = [](const MemberId& owner, const MemberId& author) {
    return owner == author;
  };
  std::map<std::pair<std::int64_t, RecordId>, OpenRecord> open_;
  std::vector<std::pair<std::string, std::int64_t>> shape_;  ///< names of the last op, by position
  Resolved resolved_;
  Bytes blob_;
};

}  // namespace maillon::storage
