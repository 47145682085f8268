#include <algorithm>
#include <ranges>

#include "storage/store/field_edits.hpp"
#include "storage/store/store.hpp"

/// What a source said before, and what its rows say of sets (docs/merge.md, "Imports").
namespace maillon::storage {
namespace {

constexpr auto kSet = static_cast<std::uint32_t>(FieldTag::set);

bool speaks_of(const Change& change, std::string_view name) {
  return std::ranges::any_of(change.fields, [&](const auto& field) { return field.first == name; }) ||
         std::ranges::any_of(change.edits, [&](const FieldEdit& edit) { return edit.name == name; });
}

}  // namespace

Result<std::optional<Bytes>> Store::last_imported(const Change& change, const RecordRow& row,
                                                  const merge::RecordState& state,
                                                  const merge::FieldState& field,
                                                  std::string_view name) {
  for (const auto& head : field.heads)
    if (state.ops[head.op].imported)
      return std::optional{Bytes{head.value.begin(), head.value.end()}};
  MAILLON_TRY(const auto history, records_.history(change.collection, change.id, row.state));
  for (const HistoryOp& step : history) {
    if (step.external_id().empty() || step.source() != change.source) continue;
    const auto fields = step.commit->body.ops.fields_of(*step.op);
    for (std::size_t i = 0; i < fields.size(); ++i)
      if (fields[i].name == name)
        return std::optional{Bytes{step.value(i).begin(), step.value(i).end()}};
  }
  return std::optional<Bytes>{};
}

Result<Change> Store::as_typed_here(const Change& change, const merge::RecordState& state) {
  Change out = change;
  out.edits.clear();
  for (const FieldEdit& edit : change.edits) {
    bool of_type = false;
    bool of_another = false;
    for (const merge::FieldState& field : state.fields) {
      if (records_.context().name(field.name) != edit.name) continue;
      (field.tag == static_cast<std::uint32_t>(edit.tag) ? of_type : of_another) = true;
    }
    if (of_type || !of_another)
      out.edits.push_back(edit);
    else
      out.fields.emplace_back(edit.name, edit.as_register);
  }
  for (const merge::FieldState& field : state.fields) {
    const std::string_view name = records_.context().name(field.name);
    if (field.tag == kSet && field.elements > 0 && !speaks_of(out, name))
      out.edits.push_back({std::string{name}, FieldTag::set});
  }
  MAILLON_CHECK(records_.context().check());
  return out;
}

Result<std::optional<SaidBefore>> Store::said_before(const Change& change, const RecordRow& row,
                                                     const std::string& field) {
  SaidBefore out;
  MAILLON_TRY(const auto steps, records_.history(change.collection, change.id, row.state));
  std::map<merge::ElementRef, Bytes> brought;
  for (const HistoryOp& step : std::views::reverse(steps)) {
    const auto fields = step.commit->body.ops.fields_of(*step.op);
    for (std::size_t i = 0; i < fields.size(); ++i) {
      if (fields[i].name != field || fields[i].tag != kSet) continue;
      if (step.remains && (step.remains->fields[i].erased || !step.remains->fields[i].elements.empty()))
        return std::optional<SaidBefore>{};
      if (step.is_void || step.external_id().empty() || step.source() != change.source) continue;
      MAILLON_TRY(const auto table, records_.resolve_table(*step.commit, step.ref.commit));
      for (const DotRange& dot : step.commit->body.ops.dots_in(fields[i].replaced))
        for (std::uint32_t k = 0; k < dot.count; ++k)
          if (const auto gone = brought.find({{table[dot.index], dot.leaf}, dot.offset + k});
              gone != brought.end())
            out.values.erase(gone->second);
      const auto elements = merge::decode_elements(step.value(i));
      for (std::uint32_t k = 0; elements && k < elements->size(); ++k) {
        const Bytes value{(*elements)[k].begin(), (*elements)[k].end()};
        out.values.insert(value);
        brought.insert_or_assign({step.ref, k}, value);
      }
      out.ops.insert(step.ref);
    }
  }
  return std::optional{std::move(out)};
}

}  // namespace maillon::storage
