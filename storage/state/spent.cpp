#include <algorithm>

#include "storage/merge/document.hpp"
#include "storage/state/records.hpp"

/// What may be pruned of a record, and what is missing where it was (docs/merge.md, "Forgetting").
namespace maillon::storage {
namespace {

/// Steps that say last what a source said of some field: the next import is compared with that.
std::set<merge::OpRef> last_imports(std::span<const HistoryOp> newest_first) {
  std::set<std::pair<std::string, std::string>> known;
  std::set<merge::OpRef> out;
  for (const HistoryOp& step : newest_first) {
    if (step.external_id().empty()) continue;
    for (const OpField& field : step.commit->body.ops.fields_of(*step.op))
      if (known.emplace(step.source(), field.name).second) out.insert(step.ref);
  }
  return out;
}

/// Whether an op leads to no other.
bool names_nothing(const OpTable& table, const Op& op) {
  return op.replaced.count == 0 && std::ranges::all_of(table.fields_of(op), [](const OpField& field) {
    return field.replaced.count == 0 && field.runs.count == 0;
  });
}

/// Whether something is hidden of a field besides what was destroyed of it.
bool says_less(const FieldRemains& shown, const FieldRemains* left) {
  const auto count = [](const FieldRemains& field) {
    std::uint64_t out = 0;
    for (const merge::OffsetRange& range : field.elements) out += range.count;
    return out;
  };
  if (left == nullptr) return shown.erased || count(shown) > 0;
  return !left->erased && (shown.erased || count(shown) > count(*left));
}

}  // namespace

std::vector<merge::OpRef> live_deletes(const merge::RecordState& state) {
  std::vector<merge::OpRef> out;
  // A delete that was written over is past: what it took away has been gone since.
  for (const merge::OpEntry& op : state.ops)
    if (op.removes && !op.superseded) out.push_back(op.ref);
  return out;
}

Result<std::vector<merge::OpRef>> Records::spent(std::string_view collection, const RecordId& rid,
                                                 ByteView state,
                                                 const std::set<std::int64_t>& settled) {
  MAILLON_TRY(const auto heads, merge::decode_state(state));
  if (heads.ops.size() == 1) {
    // Most records were written once.
    const merge::OpRef only = heads.ops.front().ref;
    MAILLON_TRY(const CommitPtr commit, commits_.get(only.commit));
    const OpTable& table = commit->body.ops;
    if (only.leaf == 0 || only.leaf > table.ops.size() ||
        names_nothing(table, table.ops[only.leaf - 1]))
      return std::vector<merge::OpRef>{};
  }
  // What was deleted while somebody edited may be brought back until somebody decides.
  const bool undecided = merge::show(heads, context_).edit_won_over_delete;
  const auto deletes = undecided ? live_deletes(heads) : std::vector<merge::OpRef>{};
  MAILLON_TRY(const auto steps, history(collection, rid, state));
  std::vector<Resolved> parts;
  merge::History all;
  MAILLON_CHECK(as_inputs(steps, parts, deletes, all));
  std::optional<MemberId> owner;
  for (const HistoryOp& step : steps)
    if (step.op->id_form == IdForm::owned) owner = step.commit->body.table.members[step.op->owner];
  std::set<merge::OpRef> by;
  for (const HistoryOp& step : steps) {
    // What is published again, or publishes again, stands for two.
    MAILLON_TRY(const auto again, log_.reissues_of(step.commit->id));
    if (!again.empty() || step.commit->header.reissues) return std::vector<merge::OpRef>{};
    // Who inherits may change; what the owner itself wrote counts in any case.
    if (settled.contains(step.ref.commit) && !step.is_void &&
        (!owner || *owner == step.commit->header.member))
      by.insert(step.ref);
  }
  const auto found = merge::spent(all, by);
  const bool deleted = std::ranges::all_of(steps, [&](const HistoryOp& step) {
    return step.op->kind == static_cast<std::uint32_t>(OpKind::remove) || found.contains(step.ref);
  });
  const auto imports = deleted ? std::set<merge::OpRef>{} : last_imports(steps);
  std::vector<merge::OpRef> out;
  for (const HistoryOp& step : steps)
    // What somebody asked to erase has its own way to go; deletes, and what is not known here and has
    // no fields, stay listed as they are.
    if (step.op->fields.count > 0 && found.contains(step.ref) && by.contains(step.ref) && !imports.contains(step.ref) &&
        !step.remains && step.op->state == LeafState::full)
      out.push_back(step.ref);
  return out;
}

Result<Missing> Records::missing_without_deletes(std::string_view collection, const RecordId& rid,
                                                 ByteView state) {
  MAILLON_TRY(const auto heads, merge::decode_state(state));
  MAILLON_TRY(const auto steps, history(collection, rid, state));
  std::vector<Resolved> parts;
  merge::History undeleted;
  MAILLON_CHECK(as_inputs(steps, parts, live_deletes(heads), undeleted));
  const auto standing = merge::standing(undeleted);
  Missing out;
  for (const HistoryOp& step : steps) {
    if (!step.remains && step.op->state != LeafState::bare) continue;
    std::optional<Remains> destroyed;
    if (step.remains) {
      MAILLON_TRY(destroyed, erasures_.remains(step.ref, step.commit, *step.op, Erasures::By::destroying));
    }
    const auto fields = step.commit->body.ops.fields_of(*step.op);
    for (std::size_t i = 0; i < fields.size(); ++i) {
      // Whoever only took something out brought nothing that could be missing.
      if (merge::has_elements(fields[i].tag) && fields[i].runs.count == 0) continue;
      MAILLON_TRY(const auto name, names_.find(fields[i].name));
      if (!name || !standing.contains({step.ref, *name})) continue;
      if (!step.remains || step.remains->fields[i].lost)
        out.forgotten.emplace(fields[i].name);
      else if (says_less(step.remains->fields[i], destroyed ? &destroyed->fields[i] : nullptr))
        out.hidden.emplace(fields[i].name);
    }
  }
  return out;
}

}  // namespace maillon::storage
