#include "storage/state/records.hpp"

#include <algorithm>
#include <set>

#include "proto/fault.hpp"
#include "proto/value.hpp"
#include "storage/merge/document.hpp"

namespace maillon::storage {
namespace {

bool is_known(const Op& op) {
  return op.kind == static_cast<std::uint32_t>(OpKind::patch) ||
         op.kind == static_cast<std::uint32_t>(OpKind::remove);
}

std::optional<MemberId> owner_in(const Commit& commit, const Op& op) {
  if (op.id_form != IdForm::owned) return std::nullopt;
  return commit.body.table.members[op.owner];
}

bool names_nothing(const Commit& commit, const Op& op) {
  const auto fields = commit.body.ops.fields_of(op);
  return op.replaced.count == 0 &&
         std::ranges::all_of(fields, [](const OpField& f) { return f.replaced.count == 0; });
}

}  // namespace

std::int64_t flags_of(const merge::RecordState& state, const merge::Context& context) {
  const merge::Shown shown = merge::show(state, context);
  return (shown.visible ? kFlagVisible : 0) | (shown.in_conflict ? kFlagConflict : 0) |
         (state.touched_by_void() ? kFlagVoid : 0);
}

bool touches_records(const Op& op) {
  return op.state != LeafState::gone && !is_governance(op.kind) &&
         op.kind != static_cast<std::uint32_t>(OpKind::erase);
}

Result<std::optional<RecordRow>> Records::find(std::int64_t collection, const RecordId& rid) {
  if (const auto open = open_.find({collection, rid}); open != open_.end() && open->second.changed)
    MAILLON_CHECK(flush());
  MAILLON_TRY(auto get, db_.prepare("SELECT id, flags, source, state FROM record"
                                    " WHERE collection = ?1 AND rid = ?2"));
  MAILLON_TRY(const bool found, get.bind(1, collection).bind(2, rid.bytes()).step());
  if (!found) return std::optional<RecordRow>{};
  RecordRow row{get.integer(0), collection, get.integer(1), std::nullopt, {}};
  if (!get.is_null(2)) row.source = get.integer(2);
  const ByteView state = get.blob(3);
  row.state.assign(state.begin(), state.end());
  return std::optional{std::move(row)};
}

Result<std::vector<RecordPlace>> Records::after(std::int64_t space, std::int64_t row,
                                                std::size_t count) {
  MAILLON_CHECK(flush());
  // Records first: collection by collection, each call would sort all that are left.
  MAILLON_TRY(auto get, db_.prepare("SELECT r.id, r.collection, c.name, r.rid FROM record r"
                                    " CROSS JOIN collection c ON c.id = r.collection"
                                    " WHERE c.space = ?1 AND r.id > ?2 ORDER BY r.id LIMIT ?3"));
  get.bind(1, space).bind(2, row).bind(3, static_cast<std::int64_t>(count));
  std::vector<RecordPlace> out;
  for (;;) {
    MAILLON_TRY(const bool more, get.step());
    if (!more) return out;
    MAILLON_TRY(const RecordId rid, RecordId::from_bytes(get.blob(3)));
    out.push_back({get.integer(0), get.integer(1), std::string{get.text(2)}, rid});
  }
}

Result<std::optional<LogEntry>> Records::named(const Commit& commit, std::size_t index) {
  const CommitId& id = commit.body.table.commits[index - 1];
  MAILLON_TRY(auto entry, log_.find(id));
  // A re-issue may come before its original, and any commit may claim to be one; its dots count
  // only if it is.
  if (entry && id == commit.header.reissues) {
    MAILLON_TRY(const bool true_one, log_.replaces(commit.header, *entry));
    if (!true_one) entry.reset();
  }
  return entry;
}

Result<std::vector<std::int64_t>> Records::resolve_table(const Commit& commit, std::int64_t log_id,
                                                         bool* names_void) {
  std::vector<std::int64_t> out(commit.body.table.commits.size() + 1);
  out[0] = log_id;
  for (std::size_t index = 1; index < out.size(); ++index) {
    MAILLON_TRY(const auto entry, named(commit, index));
    if (entry) out[index] = entry->id;
    if (entry && entry->is_void && names_void != nullptr) *names_void = true;
  }
  return out;
}

Result<std::vector<std::int64_t>> Records::resolve_names(const Commit& commit, const Op& op,
                                                         std::int64_t log_id) {
  const OpTable& ops = commit.body.ops;
  std::set<std::uint32_t> indexes;
  const auto note = [&](const auto& one) { indexes.insert(one.index); };
  const auto note_anchor = [&](const auto& dot) {
    if (dot) indexes.insert(dot->index);
  };
  std::ranges::for_each(ops.dots_in(op.replaced), note);
  for (const OpField& field : ops.fields_of(op)) {
    std::ranges::for_each(ops.dots_in(field.replaced), note);
    for (const Run& run : ops.runs_in(field.runs)) {
      note_anchor(run.left);
      note_anchor(run.right);
      note_anchor(run.moved);
    }
  }
  std::vector<std::int64_t> out(commit.body.table.commits.size() + 1);
  out[0] = log_id;
  for (const std::uint32_t index : indexes) {
    if (index == 0) continue;
    MAILLON_TRY(const auto entry, named(commit, index));
    if (entry) out[index] = entry->id;
  }
  return out;
}

Result<std::int64_t> Records::field_name(std::size_t position, std::string_view text) {
  // Bulk commits repeat one shape thousands of times: a comparison beats a hash.
  if (position < shape_.size() && shape_[position].first == text) return shape_[position].second;
  MAILLON_TRY(const std::int64_t id, names_.intern(text));
  if (position >= shape_.size()) shape_.resize(position + 1);
  shape_[position] = {std::string{text}, id};
  return id;
}

Result<void> Records::fill(const Commit& commit, const Op& op, std::span<const std::int64_t> table,
                           const Remains* remains, Resolved& out) {
  const OpTable& ops = commit.body.ops;
  out.refs.clear();
  out.removed.clear();
  out.runs.clear();
  out.fields.clear();
  const auto fields = ops.fields_of(op);
  std::size_t dots = op.replaced.count;
  std::size_t runs = 0;
  for (const OpField& field : fields) {
    dots += field.replaced.count;
    runs += field.runs.count;
  }
  // Spans into these are taken below: they must not move.
  out.refs.reserve(dots);
  out.removed.reserve(dots);
  out.runs.reserve(runs);
  const auto resolve = [&](Slice slice) {
    const std::size_t from = out.refs.size();
    for (const DotRange& dot : ops.dots_in(slice))
      if (dot.count == 0 && table[dot.index] != 0)
        out.refs.push_back({table[dot.index], dot.leaf});
    return std::span<const merge::OpRef>{out.refs.data() + from, out.refs.size() - from};
  };
  out.input.replaced = resolve(op.replaced);
  for (std::size_t i = 0; i < fields.size(); ++i) {
    MAILLON_TRY(const std::int64_t name, field_name(i, fields[i].name));
    out.fields.push_back(
        {name, fields[i].tag, resolve(fields[i].replaced), fields[i].value, {}, {}});
    merge::FieldChange& change = out.fields.back();
    if (remains != nullptr) {
      change.value = remains->fields[i].value;
      change.erased = remains->fields[i].erased;
      change.erased_elements = remains->fields[i].elements;
    }
    if (merge::has_elements(fields[i].tag)) fill_elements(commit, fields[i], table, out, change);
  }
  out.input.fields = out.fields;
  out.input.hlc = commit.header.hlc;
  out.input.kind = op.kind;
  out.input.imported = !(remains != nullptr ? remains->external_id : op.external_id).empty();
  out.input.readable = (remains != nullptr ? remains->readable : op.payload_ok) && is_known(op);
  return {};
}

void Records::fill_elements(const Commit& commit, const OpField& field,
                            std::span<const std::int64_t> table, Resolved& out,
                            merge::FieldChange& change) {
  // What an op says of the commit that its own re-issues is nothing: that one may come later.
  const std::uint32_t replaced = commit.body.table.reissues;
  const auto place_of = [&](std::uint32_t index) {
    return index != 0 && index == replaced ? 0 : table[index];
  };
  const auto anchor = [&](const std::optional<ElementDot>& dot) {
    std::optional<merge::ElementRef> to;
    if (dot && place_of(dot->index) != 0) to = {{place_of(dot->index), dot->leaf}, dot->offset};
    return to;
  };
  const std::size_t from = out.removed.size();
  for (const DotRange& dot : commit.body.ops.dots_in(field.replaced))
    if (dot.count != 0 && place_of(dot.index) != 0)
      out.removed.push_back({{place_of(dot.index), dot.leaf}, dot.offset, dot.count});
  change.removed = std::span{out.removed}.subspan(from);
  const std::size_t first = out.runs.size();
  for (const Run& run : commit.body.ops.runs_in(field.runs)) {
    // What moves nothing that is here brings no value either.
    auto moved = anchor(run.moved);
    if (run.moved && !moved) moved.emplace();
    out.runs.push_back({anchor(run.left), anchor(run.right), moved, run.length});
  }
  change.runs = std::span{out.runs}.subspan(first);
}

Result<void> Records::flush() {
  for (auto& [key, open] : open_) {
    if (!open.changed) continue;
    MAILLON_CHECK(store(open.row, open.state, open.row.source));
    open.row.flags = flags_of(open.state, context_) | (open.row.flags & kFlagOwned);
    open.changed = false;
  }
  return context_.check();
}

Result<void> Records::close(std::int64_t collection, const RecordId& rid) {
  const auto open = open_.find({collection, rid});
  if (open == open_.end()) return {};
  MAILLON_CHECK(flush());
  open_.erase(open);
  return {};
}

Result<bool> Records::apply_to_open(std::int64_t collection, const Op& op,
                                    const merge::OpInput& input) {
  if (input.fields.empty() || !std::ranges::all_of(input.fields, [](const auto& change) {
        return merge::has_elements(change.tag);
      }))
    return false;
  auto open = open_.find({collection, op.id});
  if (open == open_.end()) {
    MAILLON_TRY(auto row, find(collection, op.id));
    if (!row) return false;
    if (open_.size() == kOpenMax) {
      MAILLON_CHECK(flush());
      open_.clear();
    }
    open = open_.emplace(std::pair{collection, op.id}, OpenRecord{*std::move(row), {}, false}).first;
    MAILLON_TRY(open->second.state, merge::decode_state(open->second.row.state));
  }
  OpenRecord& record = open->second;
  const bool owned = (record.row.flags & kFlagOwned) != 0;
  const bool first_of_source = !op.source.empty() && !record.row.source;
  if ((record.row.flags & kFlagVoid) != 0 || owned != (op.id_form == IdForm::owned) || first_of_source ||
      !merge::adds_simply(record.state, input))
    return false;
  record.changed = true;
  MAILLON_CHECK(merge::apply(record.state, input, context_));
  MAILLON_CHECK(context_.check());
  return true;
}

Result<void> Records::apply(const Commit& commit, std::int64_t log_id, std::int64_t space,
                            bool is_void) {
  bool names_void = false;
  MAILLON_TRY(const auto table, resolve_table(commit, log_id, &names_void));
  // Beside void commits, and those that publish them again, what an op supersedes is more than
  // what it names.
  const bool whole = is_void || names_void || commit.header.reissues.has_value();
  std::uint32_t leaf = 0;
  for (const Op& op : commit.body.ops.ops) {
    ++leaf;
    if (touches_records(op))
      MAILLON_CHECK(apply_op(commit, op, {log_id, leaf}, table, space, {is_void, whole}));
  }
  return {};
}

Result<void> Records::insert_fresh(std::int64_t collection, const Op& op,
                                   const merge::OpInput& input, bool& inserted) {
  merge::RecordState state;
  MAILLON_CHECK(merge::apply(state, input, context_));
  MAILLON_CHECK(context_.check());
  blob_.clear();
  merge::encode_state(state, blob_);
  std::optional<std::int64_t> source;
  if (!op.source.empty()) {
    MAILLON_TRY(source, names_.intern(op.source));
  }
  MAILLON_TRY(auto put, db_.prepare("INSERT INTO record(collection, rid, flags, source, state)"
                                    " VALUES(?1,?2,?3,?4,?5) ON CONFLICT DO NOTHING"));
  const std::int64_t owned = op.id_form == IdForm::owned ? kFlagOwned : 0;
  put.bind(1, collection)
      .bind(2, op.id.bytes())
      .bind(3, flags_of(state, context_) | owned)
      .bind(5, ByteView{blob_});
  if (source)
    put.bind(4, *source);
  else
    put.bind_null(4);
  MAILLON_CHECK(put.run());
  inserted = db_.changes() == 1;
  return {};
}

Result<void> Records::apply_op(const Commit& commit, const Op& op, const merge::OpRef& ref,
                               std::span<const std::int64_t> table, std::int64_t space,
                               Standing standing) {
  MAILLON_TRY(const std::int64_t collection, names_.collection(space, op.collection));
  MAILLON_CHECK(fill(commit, op, table, nullptr, resolved_));
  merge::OpInput& input = resolved_.input;
  input.ref = ref;
  input.is_void = standing.is_void;
  const auto owner = owner_in(commit, op);
  const bool foreign = owner && !may_change_(*owner, commit.header.member);
  if (!standing.is_void && !standing.fold_whole && !foreign && names_nothing(commit, op)) {
    bool inserted = false;
    MAILLON_CHECK(insert_fresh(collection, op, input, inserted));
    if (inserted) return {};
  }
  if (!standing.fold_whole && !foreign) {
    MAILLON_TRY(const bool applied, apply_to_open(collection, op, input));
    if (applied) return {};
  }
  MAILLON_CHECK(close(collection, op.id));
  MAILLON_TRY(auto row, find(collection, op.id));
  if (!row) row = RecordRow{0, collection, 0, std::nullopt, {0, 0}};
  // Whose record it is, some op says that shows how the id was made.
  const bool was_owned = (row->flags & kFlagOwned) != 0;
  if (foreign || owner.has_value() != was_owned) standing.fold_whole = true;
  if (owner) row->flags |= kFlagOwned;
  std::vector<CommitPtr> keep;
  merge::RecordState state;
  if (!standing.fold_whole && (row->flags & kFlagVoid) == 0) {
    MAILLON_TRY(state, merge::decode_state(row->state));
    standing.fold_whole = !merge::adds_simply(state, input);
  } else {
    standing.fold_whole = true;
  }
  if (standing.fold_whole) {
    MAILLON_TRY(state, fold_all(op.collection, op.id, row->state, input.ref, keep));
  } else {
    MAILLON_CHECK(merge::apply(state, input, context_));
    MAILLON_CHECK(context_.check());
  }
  std::optional<std::int64_t> source = row->source;
  if (!source && !op.source.empty()) {
    MAILLON_TRY(source, names_.intern(op.source));
  }
  if (row->id != 0) return store(*row, state, source);
  MAILLON_TRY(auto put, db_.prepare("INSERT INTO record(collection, rid, flags, source, state)"
                                    " VALUES(?1,?2,0,NULL,x'')"));
  MAILLON_CHECK(put.bind(1, collection).bind(2, op.id.bytes()).run());
  row->id = db_.last_rowid();
  return store(*row, state, source);
}

Result<void> Records::store(const RecordRow& row, const merge::RecordState& state,
                            std::optional<std::int64_t> source) {
  blob_.clear();
  merge::encode_state(state, blob_);
  MAILLON_TRY(auto put, db_.prepare("UPDATE record SET flags = ?2, source = ?3, state = ?4,"
                                    " doc = NULL WHERE id = ?1"));
  put.bind(1, row.id)
      .bind(2, flags_of(state, context_) | (row.flags & kFlagOwned))
      .bind(4, ByteView{blob_});
  if (source)
    put.bind(3, *source);
  else
    put.bind_null(3);
  return put.run();
}

Result<void> Records::refold(const Commit& commit, std::int64_t space) {
  if (MAILLON_FAULT("void_not_folded_again")) return {};
  for (const Op& op : commit.body.ops.ops) {
    if (!touches_records(op)) continue;
    MAILLON_TRY(const auto collection, names_.find_collection(space, op.collection));
    if (!collection) continue;
    MAILLON_TRY(const auto row, find(*collection, op.id));
    if (!row) continue;
    MAILLON_CHECK(refold_row(op.collection, op.id, *row));
  }
  return {};
}

Result<void> Records::refold_record(std::int64_t collection, const RecordId& rid) {
  MAILLON_TRY(const auto row, find(collection, rid));
  if (!row) return {};
  MAILLON_TRY(auto get, db_.prepare("SELECT name FROM collection WHERE id = ?1"));
  MAILLON_TRY(const bool known, get.bind(1, collection).step());
  if (!known) return Error{Errc::integrity, "a record of an unknown collection"};
  const std::string name{get.text(0)};
  get.reset();
  return refold_row(name, rid, *row);
}

Result<void> Records::refold_row(std::string_view collection, const RecordId& rid,
                                 const RecordRow& row) {
  MAILLON_CHECK(close(row.collection, rid));
  std::vector<CommitPtr> keep;
  MAILLON_TRY(const auto state, fold_all(collection, rid, row.state, std::nullopt, keep));
  RecordRow left = row;
  if ((row.flags & kFlagOwned) != 0) {
    // The op that showed whose it is may have been put aside.
    MAILLON_TRY(const auto whose, owner(collection, rid, row.state));
    if (!whose) left.flags &= ~kFlagOwned;
  }
  if (!state.ops.empty()) return store(left, state, row.source);
  MAILLON_TRY(auto drop, db_.prepare("DELETE FROM record WHERE id = ?1"));
  return drop.bind(1, row.id).run();
}

Result<void> Records::refold_owned() {
  std::vector<std::pair<std::string, RecordId>> owned;
  std::vector<std::int64_t> collections;
  {
    MAILLON_TRY(auto get, db_.prepare("SELECT c.name, r.rid, c.id FROM record r INDEXED BY"
                                      " record_owned CROSS JOIN collection c ON c.id = r.collection"
                                      " WHERE r.flags & 8"));
    for (;;) {
      MAILLON_TRY(const bool more, get.step());
      if (!more) break;
      MAILLON_TRY(const RecordId rid, RecordId::from_bytes(get.blob(1)));
      owned.emplace_back(get.text(0), rid);
      collections.push_back(get.integer(2));
    }
  }
  for (std::size_t i = 0; i < owned.size(); ++i) {
    MAILLON_TRY(const auto row, find(collections[i], owned[i].second));
    if (row) MAILLON_CHECK(refold_row(owned[i].first, owned[i].second, *row));
  }
  return {};
}

Result<std::optional<MemberId>> Records::owner(std::string_view collection, const RecordId& rid,
                                               ByteView state) {
  MAILLON_TRY(const auto steps, history(collection, rid, state));
  for (const HistoryOp& step : steps)
    if (const auto found = owner_in(*step.commit, *step.op)) return found;
  return std::optional<MemberId>{};
}

Result<std::vector<HistoryOp>> Records::walk(
    std::string_view collection, const RecordId& rid, std::vector<merge::OpRef> from,
    std::vector<std::pair<std::int64_t, std::int64_t>>& reissues) {
  std::vector<HistoryOp> out;
  std::set<merge::OpRef> seen;
  while (!from.empty()) {
    const merge::OpRef ref = from.back();
    from.pop_back();
    if (!seen.insert(ref).second) continue;
    MAILLON_TRY(const CommitPtr commit, commits_.get(ref.commit));
    const auto& ops = commit->body.ops.ops;
    // A name may be of a leaf that is not there, and lead on through re-issues all the same.
    const Op* const op = ref.leaf != 0 && ref.leaf <= ops.size() ? &ops[ref.leaf - 1] : nullptr;
    MAILLON_TRY(const auto entry, log_.find(commit->id));
    if (!entry) return damaged_commit(commit->id);
    const bool held = entry->status == CommitStatus::held;
    if (!held && op != nullptr && touches_records(*op) && op->id == rid &&
        op->collection == collection) {
      // What was put aside is passed over: it leads to what it stood on.
      if (entry->status == CommitStatus::applied) {
        MAILLON_TRY(auto remains, erasures_.remains(ref, commit, *op));
        out.push_back({ref, commit, entry->is_void, op, std::move(remains)});
      }
      MAILLON_TRY(const auto table, resolve_names(*commit, *op, ref.commit));
      const auto follow = [&](Slice slice) {
        for (const DotRange& dot : commit->body.ops.dots_in(slice))
          if (table[dot.index] != 0) from.push_back({table[dot.index], dot.leaf});
      };
      follow(op->replaced);
      for (const OpField& field : commit->body.ops.fields_of(*op)) follow(field.replaced);
    }
    MAILLON_TRY(const auto later, log_.reissues_of(commit->id));
    for (const std::int64_t fresh : later) {
      MAILLON_TRY(const auto by, commits_.get(fresh));
      MAILLON_TRY(const bool true_one, log_.replaces(by->header, *entry));
      if (!true_one) continue;
      from.push_back({fresh, ref.leaf});
      // What is aside, or about to be, leads on and says nothing else.
      MAILLON_TRY(const auto its, log_.find(by->id));
      if (entry->status != CommitStatus::aside && its && its->status != CommitStatus::aside)
        reissues.emplace_back(ref.commit, fresh);
    }
    if (commit->header.reissues) {
      MAILLON_TRY(const auto old, log_.find(*commit->header.reissues));
      if (!old) continue;
      MAILLON_TRY(const bool true_one, log_.replaces(commit->header, *old));
      if (true_one) from.push_back({old->id, ref.leaf});
    }
  }
  std::optional<MemberId> owner;
  for (const HistoryOp& step : out)
    if (const auto found = owner_in(*step.commit, *step.op)) owner = found;
  if (owner && !MAILLON_FAULT("owner_not_asked"))
    for (HistoryOp& step : out)
      step.is_void = step.is_void || !may_change_(*owner, step.commit->header.member);
  return out;
}

Result<merge::RecordState> Records::fold_all(std::string_view collection, const RecordId& rid,
                                             ByteView state, std::optional<merge::OpRef> also,
                                             std::vector<CommitPtr>& keep) {
  std::vector<merge::OpRef> from;
  MAILLON_TRY(const auto heads, merge::decode_state(state));
  for (const auto& op : heads.ops) from.push_back(op.ref);
  if (also) from.push_back(*also);
  return fold_from(collection, rid, std::move(from), keep);
}

Result<merge::RecordState> Records::fold_from(std::string_view collection, const RecordId& rid,
                                              std::vector<merge::OpRef> from,
                                              std::vector<CommitPtr>& keep,
                                              std::span<const merge::OpRef> without) {
  merge::History history;
  MAILLON_TRY(const auto found, walk(collection, rid, std::move(from), history.reissues));
  std::vector<Resolved> parts;
  MAILLON_CHECK(as_inputs(found, parts, without, history));
  for (const HistoryOp& step : found) {
    keep.push_back(step.commit);
    if (step.remains) keep.insert(keep.end(), step.remains->keep.begin(), step.remains->keep.end());
  }
  merge::RecordState folded = merge::fold(history, context_);
  MAILLON_CHECK(context_.check());
  return folded;
}

Result<void> Records::as_inputs(std::span<const HistoryOp> found, std::vector<Resolved>& parts,
                                std::span<const merge::OpRef> without, merge::History& out) {
  parts.resize(found.size());
  for (std::size_t i = 0; i < found.size(); ++i) {
    const HistoryOp& step = found[i];
    if (std::ranges::find(without, step.ref) != without.end()) continue;
    MAILLON_TRY(const auto table, resolve_names(*step.commit, *step.op, step.ref.commit));
    MAILLON_CHECK(fill(*step.commit, *step.op, table, step.remains ? &*step.remains : nullptr,
                       parts[i]));
    parts[i].input.ref = step.ref;
    parts[i].input.is_void = step.is_void;
    out.ops.push_back(parts[i].input);
  }
  return {};
}

Result<merge::RecordState> Records::without_deletes(std::string_view collection,
                                                    const RecordId& rid, ByteView state,
                                                    std::vector<CommitPtr>& keep) {
  std::vector<merge::OpRef> from;
  MAILLON_TRY(const auto heads, merge::decode_state(state));
  for (const auto& op : heads.ops) from.push_back(op.ref);
  return fold_from(collection, rid, std::move(from), keep, live_deletes(heads));
}

Result<std::vector<HistoryOp>> Records::history(std::string_view collection, const RecordId& rid,
                                                ByteView state) {
  std::vector<merge::OpRef> from;
  MAILLON_TRY(const auto heads, merge::decode_state(state));
  for (const auto& op : heads.ops) from.push_back(op.ref);
  std::vector<std::pair<std::int64_t, std::int64_t>> reissues;
  MAILLON_TRY(auto out, walk(collection, rid, std::move(from), reissues));
  std::ranges::sort(out, [](const HistoryOp& a, const HistoryOp& b) {
    return std::tie(a.commit->header.hlc, a.commit->id, a.ref.leaf) >
           std::tie(b.commit->header.hlc, b.commit->id, b.ref.leaf);
  });
  return out;
}

Result<Digest> Records::digest(std::int64_t space) {
  MAILLON_CHECK(flush());
  crypto::Hasher hasher;
  hasher.update("maillon/digest/v1");
  Bytes version;
  ByteWriter{version}.le32(merge::kMergeVersion);
  hasher.update(version);
  MAILLON_TRY(auto collections,
              db_.prepare("SELECT id, name FROM collection WHERE space = ?1 ORDER BY name"));
  collections.bind(1, space);
  for (;;) {
    MAILLON_TRY(const bool more, collections.step());
    if (!more) return hasher.finish();
    const std::string name{collections.text(1)};
    MAILLON_TRY(auto rows, db_.prepare("SELECT rid, state FROM record WHERE collection = ?1"
                                       " ORDER BY rid"));
    rows.bind(1, collections.integer(0));
    for (;;) {
      MAILLON_TRY(const bool row, rows.step());
      if (!row) break;
      MAILLON_TRY(const RecordId rid, RecordId::from_bytes(rows.blob(0)));
      MAILLON_TRY(const auto state, merge::decode_state(rows.blob(1)));
      MAILLON_CHECK(merge::digest_into(hasher, name, rid, state, context_));
      MAILLON_CHECK(context_.check());
    }
  }
}

}  // namespace maillon::storage
