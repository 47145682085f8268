#include "node/peers/clock_state.hpp"

#include <algorithm>

namespace maillon::peers {

ClockState clock_state(std::vector<std::int64_t> offsets_ms) {
  ClockState out{offsets_ms.size()};
  if (offsets_ms.empty()) return out;
  std::ranges::sort(offsets_ms);
  const std::int64_t low = offsets_ms[(offsets_ms.size() - 1) / 2];
  const std::int64_t high = offsets_ms[offsets_ms.size() / 2];
  // Of opposite signs, our own time lies between them.
  const std::int64_t nearer = low > 0 ? low : high < 0 ? high : 0;
  out.offset = std::chrono::milliseconds{nearer};
  return out;
}

}  // namespace maillon::peers
