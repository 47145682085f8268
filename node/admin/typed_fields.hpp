#pragma once

#include <map>

#include "node/admin/assignment.hpp"
#include "node/replica/reader.hpp"

/// Which type a field has, and what an assignment to one of that type asks for.
namespace maillon::admin {

/// Types by field name, as a schema or the command line gives them.
using FieldTypes = std::map<std::string, FieldTag, std::less<>>;

/// register, set, counter, list, text, max, min; nothing for another word.
[[nodiscard]] std::optional<FieldTag> field_type(std::string_view word);
[[nodiscard]] std::string_view word_for(FieldTag tag);
/// The elements of a JSON array that was read before; none of anything else.
[[nodiscard]] std::vector<Value> elements_of(const Value& array);
/// The parts of a list as the national schema writes one, `a|b`; empty ones are none.
[[nodiscard]] std::vector<std::string> between_bars(std::string_view text);
/// From FIELD=TYPE. Errc::usage.
[[nodiscard]] Result<FieldTypes> parse_types(std::span<const std::string> arguments);

/// Puts a value of a known type into a change, as all that the field is to say.
[[nodiscard]] Result<void> assign_one(const std::string& field, const replica::TypedValue& value,
                                      storage::Change& change);

/// Puts the assignments into a change. A field has the type that it has in `record`, else the one
/// that `types` gives, else it is a register. Errc::usage for what a type cannot take.
[[nodiscard]] Result<void> assign(std::span<const Assignment> assignments,
                                  const replica::RecordView* record, const FieldTypes& types,
                                  storage::Change& change);

}  // namespace maillon::admin
