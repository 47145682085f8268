#pragma once

#include "proto/clock.hpp"

namespace maillon::sync {

inline constexpr std::chrono::seconds kRound{30};  ///< of anti-entropy, whatever the links did

inline constexpr std::chrono::seconds kPatience{1};  ///< with an announced commit, at first

/// Whether `span` went by; so it is taken to have when the clock was set back.
inline bool went_by(UnixMillis since, UnixMillis now, UnixMillis span) {
  return now < since || now - since >= span;
}

}  // namespace maillon::sync
