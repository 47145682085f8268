#include <algorithm>
#include <ranges>

#include "storage/store/field_edits.hpp"
#include "storage/store/store.hpp"

/// What a source said before, and what its rows say of sets (docs/merge.md, "Imports").
namespace maillon::storage {
namespace {

constexpr auto kSet = static_cast<std::uint32_t>(FieldTag::set);
constexpr auto kRegister = static_cast<std::uint32_t>(FieldTag::reg);

bool speaks_of(const Change& change, std::string_view name) {
  return std::ranges::any_of(change.fields, [&](const auto& field) { return field.first == name; }) ||
         std::ranges::any_of(change.edits, [&](const FieldEdit& edit) { return edit.name == name; });
}

std::set<Bytes> encoded(std::span<const Value> values) {
  std::set<Bytes> out;
  for (const Value& value : values) out.insert(value.encoded());
  return out;
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
      if (fields[i].name == name && fields[i].tag == kRegister)
        return std::optional{Bytes{step.value(i).begin(), step.value(i).end()}};
  }
  return std::optional<Bytes>{};
}

Result<Change> Store::as_typed_here(const Change& change, const RecordRow& row,
                                    const merge::RecordState& state) {
  Change out = change;
  out.edits.clear();
  for (const FieldEdit& edit : change.edits) {
    bool of_type = false;
    bool of_another = false;
    const merge::FieldState* as_register = nullptr;
    for (const merge::FieldState& field : state.fields) {
      if (records_.context().name(field.name) != edit.name) continue;
      (field.tag == static_cast<std::uint32_t>(edit.tag) ? of_type : of_another) = true;
      if (field.tag == kRegister && !field.heads.empty()) as_register = &field;
    }
    if (as_register == nullptr && (of_type || !of_another)) {
      out.edits.push_back(edit);
      continue;
    }
    if (edit.tag == FieldTag::set) {
      // Somebody made a register of what it said: as long as it says the same, it says nothing new.
      MAILLON_TRY(const auto before, said_before(change, row, edit.name));
      if (!before || (!before->values.empty() && before->values == encoded(edit.values))) {
        if (as_register == nullptr) continue;
        MAILLON_TRY(auto here, Value::decode(as_register->heads.front().value));
        out.fields.emplace_back(edit.name, std::move(here));
        continue;
      }
    }
    out.fields.emplace_back(edit.name, edit.as_register);
  }
  for (const merge::FieldState& field : state.fields) {
    const std::string_view name = records_.context().name(field.name);
    if (field.tag == kSet && field.elements > 0 && !speaks_of(change, name))
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
    const bool by_source = !step.external_id().empty() && step.source() == change.source;
    // What a delete took away is said anew, and what a source says as a register replaces its set.
    const auto as_register = [&](const OpField& one) {
      return one.name == field && one.tag == kRegister;
    };
    const bool begins_anew = step.op->kind == static_cast<std::uint32_t>(OpKind::remove) ||
                             (by_source && std::ranges::any_of(fields, as_register));
    if (begins_anew && !step.is_void) {
      out.values.clear();
      brought.clear();
    }
    for (std::size_t i = 0; i < fields.size(); ++i) {
      if (fields[i].name != field || fields[i].tag != kSet) continue;
      if (step.remains && (step.remains->fields[i].erased || !step.remains->fields[i].elements.empty()))
        return std::optional<SaidBefore>{};
      if (step.is_void || !by_source) continue;
      MAILLON_TRY(const auto table, records_.resolve_names(*step.commit, *step.op, step.ref.commit));
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
