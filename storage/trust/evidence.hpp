#pragma once

#include <optional>
#include <span>

#include "proto/governance.hpp"
#include "storage/log/commit.hpp"

/// What signed headers prove of whoever signed them. Anyone can check it, with nothing else at hand.
namespace maillon::storage {

/// A node key that misbehaved: it signed two commits of one number, or wrote as too many
/// incarnations.
struct Proof {
  NodeId node = NodeId::zero();
  std::optional<FeedKey> fork;  ///< the feed with two commits of one number; else it is a flood
  std::uint64_t seq = 0;        ///< of the two
  friend bool operator==(const Proof&, const Proof&) = default;
};

/// Errc::refused says why the headers prove nothing in this federation.
[[nodiscard]] Result<Proof> check_evidence(const FederationId& federation,
                                           const Evidence& evidence);

}  // namespace maillon::storage
