#pragma once

#include "node/federation/federation.hpp"

/// Beginning again when the delegates are lost: a new federation that continues the old one, and
/// what each member brings along into it (docs/trust.md).
namespace maillon::federation {

struct RefoundOptions {
  std::optional<std::string> name;    ///< none: as before
  std::optional<std::string> quorum;  ///< likewise
};

/// What a member wrote, and what of it is in the new federation.
struct Brought {
  std::uint64_t values = 0;
  std::uint64_t deletes = 0;
  std::vector<std::string>
      left;  ///< spaces that the new federation has not, or not for this member
};

struct Refounded {
  FederationId federation = FederationId::zero();
  FederationId former = FederationId::zero();
  std::filesystem::path former_data;  ///< where all of the former federation stays readable
  Brought brought;
};

/// Founds a federation that names the replica's as the one it continues, with its charter and
/// spaces and with what this member wrote and is still live, in a database beside. Once the replica
/// is closed, replica::take_next() puts it in place.
[[nodiscard]] Result<Refounded> refound(replica::Replica& old, const RefoundOptions& options);

/// Makes a database beside for joining a federation that may_move() allows, and notes that what this
/// member wrote is to be brought along. As with refound(), then take_next(). Errc::refused when
/// there is no room beside for the present one.
[[nodiscard]] Result<void> prepare_move(replica::Replica& old, const std::string& code);

/// Once this node is a member: writes again what it is to bring along, before anything of the other
/// spaces comes in, so that others' values stand beside it. Nothing when there is nothing to bring.
[[nodiscard]] Result<std::optional<Brought>> bring_along(replica::Replica& replica);

/// The federations that this store's one continues, the latest first.
[[nodiscard]] Result<std::vector<FederationId>> continued_by(storage::Log& log,
                                                             const FederationId& federation);
/// This node's federation, if it has one, and those that it continues.
[[nodiscard]] Result<std::vector<FederationId>> line_of(replica::Replica& replica);
/// Whether a node whose federation has that line can go on in one that continues `continues`: both
/// continue the same one, or the other continues its own.
[[nodiscard]] bool may_move(const std::vector<FederationId>& line,
                            const std::vector<FederationId>& continues);

}  // namespace maillon::federation
