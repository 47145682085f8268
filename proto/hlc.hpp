#pragma once

#include <chrono>
#include <compare>
#include <cstdint>

namespace maillon {

/// Wall time in milliseconds since the Unix epoch, as clocks report it and commits carry it.
using UnixMillis = std::chrono::duration<std::int64_t, std::milli>;

/// Hybrid logical clock value (Kulkarni et al. 2014): 48 bits of Unix milliseconds, 16 of counter.
struct Hlc {
  std::uint64_t packed = 0;

  [[nodiscard]] static constexpr Hlc at(UnixMillis time, std::uint16_t counter = 0) noexcept {
    const auto ms = time.count() < 0 ? 0u : static_cast<std::uint64_t>(time.count());
    return Hlc{((ms & 0xffff'ffff'ffffull) << 16) | counter};
  }
  [[nodiscard]] constexpr UnixMillis time() const noexcept {
    return UnixMillis{static_cast<std::int64_t>(packed >> 16)};
  }
  [[nodiscard]] constexpr std::uint16_t counter() const noexcept {
    return static_cast<std::uint16_t>(packed & 0xffff);
  }
  /// The smallest value above this one; a full counter carries into the milliseconds.
  [[nodiscard]] constexpr Hlc next() const noexcept { return Hlc{packed + 1}; }

  friend constexpr auto operator<=>(const Hlc&, const Hlc&) noexcept = default;
};

/// The stamp of a new commit: at least now, and above everything it depends on.
[[nodiscard]] constexpr Hlc stamp(UnixMillis now, Hlc highest_seen) noexcept {
  const Hlc wall = Hlc::at(now);
  return wall > highest_seen ? wall : highest_seen.next();
}

}  // namespace maillon
