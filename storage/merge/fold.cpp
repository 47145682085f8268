#include <algorithm>
#include <map>
#include <set>

#include "proto/fault.hpp"
#include "storage/merge/heads.hpp"

namespace maillon::storage::merge {

namespace {

/// What is superseded: whole ops, and single fields of ops.
class Superseded {
 public:
  Superseded(const History& history, const std::map<OpRef, const OpInput*>& ops)
      : history_(history), ops_(ops) {}

  /// Marks all that `op` names, and on through whatever those named, void or not.
  void spread_from(const OpInput& op) {
    name_all(op);
    while (!work_.empty()) {
      const Item item = work_.back();
      work_.pop_back();
      if (item.field ? !fields_.insert({item.ref, *item.field}).second
                     : !whole_.insert(item.ref).second)
        continue;
      // Naming an op of another record does nothing.
      const auto found = ops_.find(item.ref);
      if (found == ops_.end()) continue;
      // What supersedes a leaf supersedes the leaf that re-issues it.
      for (const auto& [old, fresh] : history_.reissues)
        if (old == item.ref.commit) work_.push_back({{fresh, item.ref.leaf}, item.field});
      if (MAILLON_FAULT("supersession_stops_at_void") && found->second->is_void) continue;
      if (item.field)
        name_field(*found->second, *item.field);
      else
        name_all(*found->second);
    }
  }

  [[nodiscard]] bool whole(const OpRef& ref) const { return whole_.contains(ref); }
  [[nodiscard]] bool field(const OpRef& ref, std::int64_t name) const {
    return whole(ref) || fields_.contains({ref, name});
  }

 private:
  struct Item {
    OpRef ref;
    std::optional<std::int64_t> field;
  };
  void name_all(const OpInput& op) {
    for (const OpRef& ref : op.replaced) work_.push_back({ref, std::nullopt});
    for (const FieldChange& change : op.fields)
      for (const OpRef& ref : change.replaced) work_.push_back({ref, change.name});
  }
  void name_field(const OpInput& op, std::int64_t name) {
    for (const FieldChange& change : op.fields)
      if (change.name == name)
        for (const OpRef& ref : change.replaced) work_.push_back({ref, name});
  }

  const History& history_;
  const std::map<OpRef, const OpInput*>& ops_;
  std::set<OpRef> whole_;
  std::set<std::pair<OpRef, std::int64_t>> fields_;
  std::vector<Item> work_;
};

}  // namespace

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
  std::map<std::pair<std::string_view, std::uint32_t>, FieldState> fields;
  for (const auto& [ref, op] : ops) {
    OpEntry entry = entry_of(*op);
    const bool listed = entry.removes || entry.bare;
    entry.superseded = listed && (op->is_void ? by_any.whole(ref) : by_valid.whole(ref));
    const auto index = static_cast<std::uint32_t>(state.ops.size());
    bool used = listed;
    for (const FieldChange& change : op->fields) {
      const bool live = !op->is_void && !by_valid.field(ref, change.name);
      const bool head = !by_any.field(ref, change.name);
      if (!live && !head) continue;
      used = true;
      auto& field = fields[{context.name(change.name), change.tag}];
      field.name = change.name;
      field.tag = change.tag;
      field.heads.push_back({index, live && !head, change.value});
    }
    if (used) state.ops.push_back(entry);
  }
  for (auto& [key, field] : fields) {
    sort_heads(state, field, context);
    state.fields.push_back(std::move(field));
  }
  return state;
}

}  // namespace maillon::storage::merge
