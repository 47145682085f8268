#pragma once

#include "proto/hlc.hpp"

namespace maillon {

/// Where time comes from. Pure code never reads time itself: it is handed one of these, or a value.
class Clock {
 public:
  virtual ~Clock() = default;
  [[nodiscard]] virtual UnixMillis now() = 0;
};

/// The machine's wall clock.
class SystemClock final : public Clock {
 public:
  [[nodiscard]] UnixMillis now() override;
};

}  // namespace maillon
