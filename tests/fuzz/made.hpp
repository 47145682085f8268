#pragma once

#include "storage/log/commit.hpp"

/// A small federation, made from seeds once per process: what targets tamper with, and where the
/// corpus comes from.
namespace maillon::fuzz {

struct Made {
  FederationId federation = FederationId::zero();
  /// Of all its spaces, in an order that respects causality.
  std::vector<storage::CommitPtr> commits;
  UnixMillis now{};           ///< just after the last of them
  Bytes proof;                ///< of a record that several members wrote
  std::vector<Bytes> states;  ///< of records, as they are stored
};
[[nodiscard]] const Made& made();

}  // namespace maillon::fuzz
