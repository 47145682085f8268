#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <vector>

#include "proto/limits.hpp"

namespace maillon::peers {

/// How this machine's clock stands to those of its peers.
struct ClockState {
  /// Beyond this, people should look: commits over 5 minutes ahead wait at every peer.
  static constexpr std::chrono::milliseconds kLoud = std::chrono::minutes{1};

  std::size_t peers = 0;                                 ///< that told their time
  std::optional<std::chrono::milliseconds> offset = {};  ///< median of theirs minus ours

  [[nodiscard]] bool is_off() const noexcept {
    return offset && (*offset > kLoud || *offset < -kLoud);
  }
  /// So far that peers would hold what is written now.
  [[nodiscard]] bool is_ahead() const noexcept {
    return offset && *offset < -limits::kClockAheadMax;
  }
};

/// From each peer's time minus ours. Of an even number the middle one nearer to ours counts: when
/// half of the peers agree with this clock, it is not the one to blame.
[[nodiscard]] ClockState clock_state(std::vector<std::int64_t> offsets_ms);

/// What peers said of their clocks, each once, kept right when this machine's clock is set since.
class ToldClocks {
 public:
  struct Told {
    std::uint64_t session = 0;
    std::int64_t offset_ms = 0;  ///< theirs minus ours, when it was told
  };
  /// `told`: of all sessions there are. `base_ms`: this machine's clock less the time since it
  /// booted, which only setting the clock changes.
  [[nodiscard]] ClockState look(std::span<const Told> told, std::int64_t base_ms);

 private:
  std::map<std::uint64_t, std::int64_t> bases_;  ///< by session, when it was told
};

}  // namespace maillon::peers
