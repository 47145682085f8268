#pragma once

#include "storage/trust/trust.hpp"

/// What stood when somebody proposed something, as whoever did it knew it. It follows from the past
/// of that commit, so it is the same for everybody and does not change with what is decided later.
namespace maillon::federation {

class BackThen {
 public:
  /// `commit`: by its number in annuaire; none for a proposal that is not written yet: all that is
  /// known.
  BackThen(const storage::Trust& trust, std::optional<std::uint32_t> commit)
      : trust_(trust), commit_(commit) {}

  [[nodiscard]] bool was_member(const MemberId& member) const;
  /// Whether the member might read, or write, in a space.
  [[nodiscard]] bool might(const MemberId& member, const SpaceId& space, bool write) const;
  /// The spaces other than annuaire in which the member might write, or had been given to.
  [[nodiscard]] std::vector<SpaceId> written_by(const MemberId& member) const;
  /// What the charter said under a key that holds a number.
  [[nodiscard]] std::uint64_t charter(std::string_view key) const;
  [[nodiscard]] MemberId root_of(const MemberId& member) const;

 private:
  using Known = storage::KnownProposal;
  [[nodiscard]] bool seen(std::uint32_t number) const;
  /// Those of its past that have passed.
  template <class Which>
  [[nodiscard]] std::vector<const Known*> passed(Which which) const;
  /// Of changes of one thing, the one that held; nullptr of none.
  [[nodiscard]] const Known* holding(const std::vector<const Known*>& changes) const;
  [[nodiscard]] bool granted(const MemberId& member, const storage::Space& space, bool write) const;

  const storage::Trust& trust_;
  std::optional<std::uint32_t> commit_;
};

}  // namespace maillon::federation
