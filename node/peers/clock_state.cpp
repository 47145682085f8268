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

ClockState ToldClocks::look(std::span<const Told> told, std::int64_t base_ms) {
  std::map<std::uint64_t, std::int64_t> bases;
  std::vector<std::int64_t> offsets;
  for (const Told& one : told) {
    const auto known = bases_.find(one.session);
    const std::int64_t then = known == bases_.end() ? base_ms : known->second;
    bases.emplace(one.session, then);
    offsets.push_back(one.offset_ms - (base_ms - then));
  }
  bases_ = std::move(bases);
  return clock_state(std::move(offsets));
}

}  // namespace maillon::peers
