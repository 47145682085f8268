#include "proto/clock.hpp"

namespace maillon {

UnixMillis SystemClock::now() {
  return std::chrono::duration_cast<UnixMillis>(std::chrono::system_clock::now().time_since_epoch());
}

}  // namespace maillon
