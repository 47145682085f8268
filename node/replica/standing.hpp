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
    hidden,  ///< somebody asked to forget it, and that is not decided
    erased,  ///< forgotten for ever
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
  std::optional<Cause> without_effect;  ///< written to the record since, void, and not published again
  std::optional<CommitId> hidden_by;    ///< of a hidden one: the commit that asks
  std::int64_t waiting = 0;  ///< commits of the space that wait for others
};

/// `text` is a record id in hexadecimal, or an external id.
[[nodiscard]] Result<Standing> standing_of(Reader& reader, const SpaceId& space,
                                           std::string_view collection, std::string_view text);

/// What waits to be applied, or is void though it came with a time ahead, and writes to the record, or to
/// that field of it; its state is held, pending, voided, or absent when there is none.
[[nodiscard]] Result<Standing> waiting_for(Reader& reader, const SpaceId& space,
                                           std::string_view collection, std::string_view text,
                                           std::string_view field = {});

/// The commit that asks to erase something of the record, or of that field of it, and is not decided on.
[[nodiscard]] Result<std::optional<CommitId>> hidden_by(Reader& reader, const SpaceId& space,
                                                        std::string_view collection, const RecordId& id,
                                                        std::string_view field = {});

/// The first of these that is void and was not published again: its author may.
[[nodiscard]] Result<std::optional<Standing::Cause>> without_effect(
    Reader& reader, std::span<const HistoryEntry> entries);

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
