#include "proto/clock.hpp"

#include "proto/fault.hpp"

namespace maillon {

UnixMillis SystemClock::now() {
  const auto since = std::chrono::system_clock::now().time_since_epoch();
  const auto now = std::chrono::duration_cast<UnixMillis>(since);
  return MAILLON_FAULT("clock_behind")      ? now - std::chrono::minutes{3}
         : MAILLON_FAULT("clock_far_ahead") ? now + std::chrono::days{400}
                                            : now;
}

}  // namespace maillon
