#pragma once

#include "node/replica/replica.hpp"

/// Forgetting, as a daemon does it by itself (docs/trust.md, "Checkpoints"; docs/merge.md,
/// "Forgetting").
namespace maillon::federation {

/// Votes for checkpoints that this node agrees with, and, if it `proposes`, proposes those that are
/// due, which takes reading whole spaces; how many ops that made.
[[nodiscard]] Result<std::size_t> settle(replica::Replica& replica, bool proposes);

/// Takes from the log what checkpoints leave nobody in need of, a few records at a time.
class Pruner {
 public:
  explicit Pruner(replica::Replica& replica) : replica_(replica) {}

  /// One step; whether there is more to do now. Any thread but the writer's.
  [[nodiscard]] Result<bool> step();
  /// How many leaves it took, so far.
  [[nodiscard]] std::size_t leaves() const noexcept { return leaves_; }

 private:
  replica::Replica& replica_;
  std::optional<SpaceId> space_;  ///< under way
  std::int64_t after_ = 0;
  bool freed_ = false;  ///< pages may be given back
  std::size_t leaves_ = 0;
};

}  // namespace maillon::federation
