#pragma once

#include "node/replica/reader.hpp"
#include "storage/store/store.hpp"

namespace maillon::federation {

/// What somebody wrote in a space and is still live, as changes that write it again under the same
/// ids; its own records stay its own. Of a record that it inherited, all that counts there. To be written in this order: what sources said, what people
/// typed over it, what they deleted.
struct OwnValues {
  std::vector<storage::Change> from_sources;
  std::vector<storage::Change> by_hand;
  std::vector<storage::Change> deletes;  ///< of rows that a source would bring back

  [[nodiscard]] bool empty() const {
    return from_sources.empty() && by_hand.empty() && deletes.empty();
  }
};
/// `as` is who the member will be where they are written again.
[[nodiscard]] Result<OwnValues> own_values(const storage::Trust& trust, replica::Reader& reader,
                                           const SpaceId& space, const MemberId& member,
                                           const MemberId& as);

}  // namespace maillon::federation
