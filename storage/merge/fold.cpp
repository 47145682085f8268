#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include "proto/fault.hpp"
#include "storage/merge/document.hpp"
#include "storage/merge/heads.hpp"

namespace maillon::storage::merge {

namespace {

/// What is superseded: whole ops, and single fields of ops.
///
/// A change of a set, list or text goes on from those that it names, of the same type: it makes them
/// no head any more, and takes away nothing of what they brought.
class Superseded {
 public:
  Superseded(const History& history, const std::map<OpRef, const OpInput*>& ops)
      : history_(history), ops_(ops) {}

  /// Marks all that `op` names, and on through whatever those named, void or not.
  void spread_from(const OpInput& op) {
    start_from(op);
    while (!work_.empty()) {
      const Item item = work_.back();
      work_.pop_back();
      if (item.field ? !fields_.insert({item.ref, *item.field, item.goes_on}).second
                     : !whole_.insert(item.ref).second)
        continue;
      // What supersedes a leaf supersedes the leaf that re-issues it, also through one that is held.
      for (const auto& [old, fresh] : history_.reissues)
        if (old == item.ref.commit)
          work_.push_back({{fresh, item.ref.leaf}, item.field, item.goes_on});
      // Naming an op of another record does nothing.
      const auto found = ops_.find(item.ref);
      if (found == ops_.end()) continue;
      if (MAILLON_FAULT("supersession_stops_at_void") && found->second->is_void) continue;
      if (item.field)
        name_field(*found->second, *item.field, item.goes_on);
      else
        name_all(*found->second);
    }
  }

  [[nodiscard]] bool whole(const OpRef& ref) const { return whole_.contains(ref); }
  /// Whether what a change brought is taken away.
  [[nodiscard]] bool taken(const OpRef& ref, const FieldChange& change) const {
    return any(ref, change.name, [&](std::uint32_t goes_on) {
      return goes_on == 0 || goes_on != change.tag;
    });
  }
  /// Whether some op names a change, to take it away or to go on from there.
  [[nodiscard]] bool named(const OpRef& ref, const FieldChange& change) const {
    return any(ref, change.name, [](std::uint32_t) { return true; });
  }

 private:
  struct Item {
    OpRef ref;
    std::optional<std::int64_t> field;
    std::uint32_t goes_on = 0;  ///< the tag of the changes that are named to go on from there
  };
  template <class Counts>
  [[nodiscard]] bool any(const OpRef& ref, std::int64_t name, Counts counts) const {
    if (whole(ref)) return true;
    for (auto at = fields_.lower_bound({ref, name, 0});
         at != fields_.end() && std::get<0>(*at) == ref && std::get<1>(*at) == name; ++at)
      if (counts(std::get<2>(*at))) return true;
    return false;
  }
  void name_by(const FieldChange& change, std::uint32_t goes_on) {
    for (const OpRef& ref : change.replaced) work_.push_back({ref, change.name, goes_on});
  }
  void start_from(const OpInput& op) {
    for (const OpRef& ref : op.replaced) work_.push_back({ref, std::nullopt});
    for (const FieldChange& change : op.fields)
      name_by(change, has_elements(change.tag) ? change.tag : 0);
  }
  void name_all(const OpInput& op) {
    for (const OpRef& ref : op.replaced) work_.push_back({ref, std::nullopt});
    for (const FieldChange& change : op.fields) name_by(change, 0);
  }
  void name_field(const OpInput& op, std::int64_t name, std::uint32_t goes_on) {
    for (const FieldChange& change : op.fields)
      if (change.name == name) name_by(change, change.tag == goes_on ? goes_on : 0);
  }

  const History& history_;
  const std::map<OpRef, const OpInput*>& ops_;
  std::set<OpRef> whole_;
  std::set<std::tuple<OpRef, std::int64_t, std::uint32_t>> fields_;  ///< with Item::goes_on
  std::vector<Item> work_;
};

/// Follows names, as whoever reads the log does to find all ops of a record.
class Reached {
 public:
  Reached(const History& history, const std::map<OpRef, const OpInput*>& ops)
      : ops_(ops), reissues_(history.reissues) {}

  [[nodiscard]] bool contains(const OpRef& ref) const { return seen_.contains(ref); }
  void follow_from(const OpRef& start) {
    work_.push_back(start);
    while (!work_.empty()) {
      const OpRef ref = work_.back();
      work_.pop_back();
      if (!seen_.insert(ref).second) continue;
      for (const auto& [old, fresh] : reissues_) {
        if (old == ref.commit) work_.push_back({fresh, ref.leaf});
        if (fresh == ref.commit) work_.push_back({old, ref.leaf});
      }
      const auto found = ops_.find(ref);
      if (found == ops_.end()) continue;
      const OpInput& op = *found->second;
      work_.insert(work_.end(), op.replaced.begin(), op.replaced.end());
      for (const FieldChange& change : op.fields) {
        work_.insert(work_.end(), change.replaced.begin(), change.replaced.end());
        for (const ElementRange& range : change.removed) work_.push_back(range.op);
      }
    }
  }

 private:
  const std::map<OpRef, const OpInput*>& ops_;
  const Reissues& reissues_;
  std::set<OpRef> seen_;
  std::vector<OpRef> work_;
};

/// Names lead back to everything, but where re-issues let ops name each other in a circle.
void list_strays(RecordState& state, const History& history,
                 const std::map<OpRef, const OpInput*>& ops) {
  Reached reached{history, ops};
  for (const OpEntry& entry : state.ops) reached.follow_from(entry.ref);
  // Those that lead to others come after them.
  for (auto at = ops.rbegin(); at != ops.rend(); ++at) {
    if (reached.contains(at->first)) continue;
    OpEntry entry = entry_of(*at->second);
    entry.stray = true;
    const auto place = std::ranges::upper_bound(state.ops, entry.ref, {}, &OpEntry::ref);
    const auto index = static_cast<std::uint32_t>(place - state.ops.begin());
    for (FieldState& field : state.fields)
      for (FieldHead& head : field.heads)
        if (head.op >= index) ++head.op;
    state.ops.insert(place, entry);
    reached.follow_from(at->first);
  }
}

/// A field while all its changes are gathered.
struct Folding {
  FieldState state;
  std::vector<DocumentOp> ops;  ///< of a field with elements, in the order of the log
  std::vector<OpRef> taken;     ///< those of them whose elements are taken away
};

}  // namespace

std::set<OpRef> spent(const History& history, const std::set<OpRef>& by) {
  std::map<OpRef, const OpInput*> ops;
  for (const OpInput& op : history.ops) ops.emplace(op.ref, &op);
  Superseded superseded{history, ops};
  for (const OpRef& ref : by)
    if (const auto found = ops.find(ref); found != ops.end()) superseded.spread_from(*found->second);
  std::set<OpRef> out;
  for (const auto& [ref, op] : ops) {
    const bool all = superseded.whole(ref) ||
                     (!op->fields.empty() &&
                      std::ranges::all_of(op->fields, [&](const FieldChange& change) {
                        return superseded.taken(ref, change);
                      }));
    if (all) out.insert(ref);
  }
  return out;
}

std::set<std::pair<OpRef, std::int64_t>> standing(const History& history) {
  std::map<OpRef, const OpInput*> ops;
  for (const OpInput& op : history.ops) ops.emplace(op.ref, &op);
  Superseded superseded{history, ops};
  for (const auto& [ref, op] : ops)
    if (!op->is_void) superseded.spread_from(*op);
  std::set<std::pair<OpRef, std::int64_t>> out;
  for (const auto& [ref, op] : ops)
    for (const FieldChange& change : op->fields)
      if (!op->is_void && !superseded.taken(ref, change)) out.emplace(ref, change.name);
  return out;
}

RecordState fold(const History& history, const Context& context) {
  std::map<OpRef, const OpInput*> ops;
  for (const OpInput& op : history.ops) ops.emplace(op.ref, &op);
  Superseded by_valid{history, ops};
  Superseded by_any{history, ops};
  for (const auto& [ref, op] : ops) {
    if (!op->is_void) by_valid.spread_from(*op);
    by_any.spread_from(*op);
  }

  RecordState state;
  std::map<std::pair<std::string_view, std::uint32_t>, Folding> fields;
  for (const auto& [ref, op] : ops) {
    OpEntry entry = entry_of(*op);
    const bool listed = entry.removes || entry.bare;
    entry.superseded = listed && (op->is_void ? by_any.whole(ref) : by_valid.whole(ref));
    const auto index = static_cast<std::uint32_t>(state.ops.size());
    bool used = listed;
    for (const FieldChange& change : op->fields) {
      const bool elements = has_elements(change.tag);
      const bool live = !elements && !op->is_void && !by_valid.taken(ref, change);
      const bool head = !by_any.named(ref, change);
      if (!live && !head && !elements) continue;
      auto& field = fields[{context.name(change.name), change.tag}];
      field.state.name = change.name;
      field.state.tag = change.tag;
      if (elements) field.ops.push_back({op, &change});
      if (elements && by_valid.taken(ref, change)) field.taken.push_back(ref);
      if (!live && !head) continue;
      used = true;
      field.state.heads.push_back({index, live && !head, elements ? ByteView{} : change.value});
    }
    if (used) state.ops.push_back(entry);
  }
  for (auto& [key, field] : fields) {
    sort_heads(state, field.state, context);
    if (has_elements(field.state.tag)) {
      field.state.document = std::make_shared<Document>(Document::build(
          field.state.tag, field.ops, field.taken, history.reissues, context));
      field.state.elements = field.state.document->size();
    }
    state.fields.push_back(std::move(field.state));
  }
  if (!history.reissues.empty()) list_strays(state, history, ops);
  return state;
}

}  // namespace maillon::storage::merge
