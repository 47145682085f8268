#pragma once

#include "node/replica/reader.hpp"

namespace maillon::replica {

/// Who wrote a part of what is shown of a field.
struct Part {
  std::string text;  ///< of a text these characters, of a set or list this element, else the value
  CommitId commit = CommitId::zero();
  MemberId author = MemberId::zero();
  UnixMillis time{};
};
struct FieldAuthors {
  std::string field;
  std::uint32_t tag = 0;
  std::vector<Part> parts;  ///< in the order of the text or list; of a counter, one for each feed
};

/// Of every field that is shown; none when the record is not here.
[[nodiscard]] Result<std::vector<FieldAuthors>> authors_of(Reader& reader, const SpaceId& space,
                                                           std::string_view collection,
                                                           const RecordId& id);

}  // namespace maillon::replica
