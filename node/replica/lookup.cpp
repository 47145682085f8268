#include "node/replica/lookup.hpp"

namespace maillon::replica {

using namespace storage;

namespace {

Result<std::optional<std::int64_t>> row_of(Reader& reader, const SpaceId& space,
                                           std::string_view collection) {
  MAILLON_TRY(const auto row, reader.log().find_space(space));
  if (!row) return std::optional<std::int64_t>{};
  return reader.names().find_collection(*row, collection);
}

}  // namespace

Result<std::vector<Candidate>> candidates(Reader& reader, const SpaceId& space,
                                          std::string_view collection, std::string_view text) {
  std::vector<Candidate> out;
  MAILLON_TRY(const auto row, row_of(reader, space, collection));
  if (!row) return out;
  if (const auto id = RecordId::from_hex(text)) {
    MAILLON_TRY(auto known, reader.get(space, collection, *id));
    if (known) {
      out.push_back({*id, "", *std::move(known)});
      return out;
    }
  }
  MAILLON_TRY(const auto sources, reader.sources(space, collection));
  for (const std::string& source : sources) {
    const RecordId id = derived_record_id(collection, source, text);
    MAILLON_TRY(auto known, reader.get(space, collection, id));
    if (known) out.push_back({id, source, *std::move(known)});
  }
  return out;
}

Result<std::optional<RecordView>> undeleted(Reader& reader, const SpaceId& space,
                                            std::string_view collection, const RecordId& id) {
  MAILLON_TRY(const auto row, row_of(reader, space, collection));
  if (!row) return std::optional<RecordView>{};
  MAILLON_TRY(const auto record, reader.records().find(*row, id));
  if (!record) return std::optional<RecordView>{};
  std::vector<CommitPtr> keep;
  MAILLON_TRY(const auto state,
              reader.records().without_deletes(collection, id, record->state, keep));
  RecordView out;
  out.collection = collection;
  out.id = id;
  const merge::Shown shown = merge::show(state, reader.records().context());
  out.visible = shown.visible;
  for (const auto& field : shown.fields) {
    FieldView one;
    MAILLON_TRY(one.name, reader.names().text(field.name()));
    one.tag = field.tag();
    auto value = field.value();
    one.readable = value.has_value();
    if (one.readable) one.value = *std::move(value);
    out.fields.push_back(std::move(one));
  }
  return std::optional{std::move(out)};
}

Result<storage::Missing> missing_without_deletes(Reader& reader, const SpaceId& space,
                                                 std::string_view collection, const RecordId& id) {
  MAILLON_TRY(const auto row, row_of(reader, space, collection));
  if (!row) return storage::Missing{};
  MAILLON_TRY(const auto record, reader.records().find(*row, id));
  if (!record) return storage::Missing{};
  return reader.records().missing_without_deletes(collection, id, record->state);
}

Result<std::int64_t> count_visible(Reader& reader, const SpaceId& space,
                                   std::string_view collection) {
  MAILLON_TRY(const auto row, row_of(reader, space, collection));
  if (!row) return std::int64_t{0};
  MAILLON_TRY(auto get, reader.database().prepare(
                            "SELECT count(*) FROM record WHERE collection = ?1 AND flags & 1"));
  MAILLON_TRY(const bool found, get.bind(1, *row).step());
  return found ? get.integer(0) : std::int64_t{0};
}

}  // namespace maillon::replica
