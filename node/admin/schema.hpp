#pragma once

#include <optional>

#include "node/admin/typed_fields.hpp"
#include "node/admin/words.hpp"
#include "node/catalogue/lieux_schema.hpp"

/// What a collection's records are expected to say. A schema is a shared record like any other: it
/// guides input, checks and display, and merging never reads it.
namespace maillon::admin {

/// The collection whose records are schemas, and the id of a collection's own in its space.
inline constexpr std::string_view kSchemas = "schemas";
[[nodiscard]] RecordId schema_id(std::string_view collection);

/// What a value must look like.
enum class ValueForm : std::uint8_t { any, number, integer, boolean, date, url, email, phone };

struct FieldSchema {
  std::string name;
  FieldTag type = FieldTag::reg;
  ValueForm form = ValueForm::any;
  std::string label_fr = {};  ///< empty: the name
  std::string label_en = {};
  bool required = false;
  bool personal = false;            ///< says something of a person
  std::vector<std::string> values = {};  ///< none: any
  std::string reference = {};       ///< the collection whose records it names; empty: none
};

struct Schema {
  std::string collection;
  std::string title_fr;
  std::string title_en;
  std::vector<FieldSchema> fields;  ///< in the order in which people shall see them
  bool built_in = false;            ///< known to this version, not shared

  [[nodiscard]] const FieldSchema* field(std::string_view name) const;
  [[nodiscard]] FieldTypes types() const;
};

/// From the JSON of a file. Errc::malformed says what is wrong, where and in which field.
[[nodiscard]] Result<Schema> read_schema(std::string_view json);
/// Puts a schema into the change of its record. `before`: what the record says now, so that what is
/// gone is cleared.
void describe(const Schema& schema, const Schema* before, storage::Change& change);
/// From its record; what cannot be read of it is left out.
[[nodiscard]] Schema schema_from(std::string_view collection, const replica::RecordView& record);
/// Errc::usage for the collection of schemas, whose records only a checked schema may write.
[[nodiscard]] Result<void> not_schemas(std::string_view collection);
/// The national schema of places, for `lieux`; none for other collections.
[[nodiscard]] std::optional<Schema> built_in_schema(std::string_view collection);

/// As a schema's file writes it; `label_of`, as people read it.
[[nodiscard]] std::string_view word_for(ValueForm form);
[[nodiscard]] std::string_view label_of(ValueForm form, Language language);
[[nodiscard]] const std::string& label_of(const FieldSchema& field, Language language);

/// Why a value is not what the schema would have, in both languages; nothing when it is. An empty
/// value says nothing.
struct Misfit {
  std::string en;
  std::string fr;
};
[[nodiscard]] std::optional<Misfit> misfit(const FieldSchema& field, const Value& value);
/// A text as a number or boolean, where that is what the schema wants; any other value as it is.
[[nodiscard]] Value in_form(const FieldSchema& field, Value value);
/// Of a value that was typed as JSON: its kind as well must be what the form wants.
[[nodiscard]] std::optional<Misfit> misfit_of_kind(const FieldSchema& field, const Value& value);
/// Of a row of a file; `untyped`: of one whose cells are texts, whatever they say.
[[nodiscard]] std::vector<catalogue::Warning> judge_row(const Schema& schema,
                                                        const catalogue::Row& row, bool untyped);

/// Puts the fields of a row into a change of a source, in the types and forms of the schema. Where
/// two who import one file would count or say it twice, and for what a type cannot take, they stay
/// registers.
void take_row(const Schema& schema, catalogue::Fields&& fields, storage::Change& change);

}  // namespace maillon::admin
