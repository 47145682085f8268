#pragma once

#include <functional>

#include "storage/merge/document.hpp"
#include "storage/store/change.hpp"

/// From what somebody wants of a field that is no register to what an op must say.
namespace maillon::storage {

/// What one op says of one field, its dots still local names.
struct FieldDraft {
  FieldTag tag = FieldTag::reg;
  std::vector<merge::OpRef> counts;  ///< of a counter: the totals that this one replaces
  std::vector<merge::ElementRange> removed = {};
  std::vector<merge::SequenceRun> runs = {};
  Bytes value = {};
};

/// The commit to be: a local name that no commit has.
inline constexpr std::int64_t kOwnCommit = std::numeric_limits<std::int64_t>::max();

/// What a source said of a set before: saying it again is nothing new.
struct SaidBefore {
  std::set<Bytes> values = {};       ///< as it said last
  std::set<merge::OpRef> ops = {};  ///< by which it ever brought some
};

/// Who writes, for counters: the rows of its feed.
struct Writing {
  std::int64_t feed = 0;
  std::uint32_t leaf = 0;  ///< of the op that will say it; further ops take the leaves behind
  bool confirms = false;   ///< an op is needed even if it changes nothing: another type is to go
  /// Of rows of sources, and asked only where a set is not what the row says. None: let it be.
  std::function<Result<std::optional<SaidBefore>>()> said_before = {};
};

/// One draft for each op that it takes, most often one; none when everybody sees this already.
/// `field` is that of the edit's name and tag, if there is one. Errc::usage for a value that the
/// field cannot have.
[[nodiscard]] Result<std::vector<FieldDraft>> draft_edit(const FieldEdit& edit,
                                                         const merge::RecordState& state,
                                                         const merge::FieldState* field,
                                                         const Writing& writing,
                                                         const merge::Context& context);

}  // namespace maillon::storage
