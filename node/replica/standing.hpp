#pragma once

#include "node/replica/reader.hpp"
#include "node/replica/replica.hpp"

namespace maillon::replica {

/// Why a record is here, or is not.
struct Standing {
  enum class State {
    here,
    conflicting,  ///< here, with more than one value somewhere
    deleted,
    erased,  ///< somebody asked to forget it
    voided,   ///< all that was ever written of it is without effect
    held,     ///< written under a time that has not come yet
    pending,  ///< what it depends on has not come yet
    absent,
  };
  /// The commit that the state comes from, where one can be named.
  struct Cause {
    CommitId commit = CommitId::zero();
    MemberId author = MemberId::zero();
    UnixMillis time{};
  };
  State state = State::absent;
  std::optional<RecordId> id;
  std::optional<Cause> cause;
  std::optional<Cause> without_effect;  ///< written to the record since, and void
  std::int64_t waiting = 0;  ///< commits of the space that wait for others
};

/// `text` is a record id in hexadecimal, or an external id.
[[nodiscard]] Result<Standing> standing_of(Reader& reader, const SpaceId& space,
                                           std::string_view collection, std::string_view text);

/// How many commits of this node's, or of one of its member whose key is good no more, have no effect
/// because the others settled something that they had not seen. `in`: of that space alone.
[[nodiscard]] Result<std::size_t> late_commits(storage::Log& log, const storage::Trust& trust,
                                               const Identity& self, UnixMillis now,
                                               const std::optional<SpaceId>& in = std::nullopt);

/// How many commits of the member, outside annuaire, no peer has ever agreed to have. A stick may have
/// carried them all the same. `in`: of that space alone.
[[nodiscard]] Result<std::int64_t> unsent_commits(Reader& reader, const storage::Trust& trust,
                                                  const MemberId& self,
                                                  const std::optional<SpaceId>& in = std::nullopt);

}  // namespace maillon::replica
