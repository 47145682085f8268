#pragma once

#include "storage/trust/trust.hpp"

/// Rights that a member of today had in a space, and has no more.
namespace maillon::federation {

struct TakenRight {
  SpaceId space = SpaceId::zero();
  bool write = false;                     ///< else to read
  const storage::Decision* by = nullptr;  ///< for as long as the Trust lives
};
[[nodiscard]] std::vector<TakenRight> rights_taken_from(const storage::Trust& trust,
                                                        const MemberId& member);

}  // namespace maillon::federation
