#pragma once

#include "node/replica/reader.hpp"

/// Questions that people ask of the records besides reading them.
namespace maillon::replica {

struct Candidate {
  RecordId id = RecordId::zero();
  std::string source;  ///< empty when the text was the record's own id
  RecordView record;
};
/// Every record that a text may mean: the one with this id in hexadecimal, and nothing else when
/// there is one; otherwise one for each source of the collection that knows this external id.
[[nodiscard]] Result<std::vector<Candidate>> candidates(Reader& reader, const SpaceId& space,
                                                        std::string_view collection,
                                                        std::string_view text);

/// The record with what its deletes took away; none when nothing of it is here.
[[nodiscard]] Result<std::optional<RecordView>> undeleted(Reader& reader, const SpaceId& space,
                                                          std::string_view collection,
                                                          const RecordId& id);

/// What that record cannot show of what was deleted.
[[nodiscard]] Result<storage::Missing> missing_without_deletes(Reader& reader, const SpaceId& space,
                                                               std::string_view collection,
                                                               const RecordId& id);

/// How many records of the collection are visible in the space.
[[nodiscard]] Result<std::int64_t> count_visible(Reader& reader, const SpaceId& space,
                                                 std::string_view collection);

}  // namespace maillon::replica
