#include "node/cli/progress.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>

namespace maillon::cli {

using namespace std::chrono_literals;

namespace {
constexpr auto kBarEvery = 100ms;
constexpr auto kLineEvery = 3s;
constexpr int kBarWidth = 30;
}  // namespace

Progress::Progress(bool quiet)
    : quiet_(quiet),
      terminal_(isatty(STDERR_FILENO) == 1),
      last_(std::chrono::steady_clock::now()) {}

void Progress::show(double fraction, const std::string& what) {
  if (quiet_) return;
  const auto now = std::chrono::steady_clock::now();
  if (now - last_ < (terminal_ ? std::chrono::milliseconds{kBarEvery} : kLineEvery)) return;
  last_ = now;
  const double part = std::clamp(fraction, 0.0, 1.0);
  const int percent = static_cast<int>(part * 100);
  if (!terminal_) {
    fmt::print(stderr, "{} — {} %\n", what, percent);
    return;
  }
  const int filled = static_cast<int>(part * kBarWidth);
  std::string bar;
  for (int i = 0; i < kBarWidth; ++i) bar += i < filled ? "█" : "░";
  fmt::print(stderr, "\r\x1b[2K{} {:3} % {}", bar, percent, what);
  std::fflush(stderr);
  drawn_ = true;
}

void Progress::clear() {
  if (!drawn_) return;
  fmt::print(stderr, "\r\x1b[2K");
  std::fflush(stderr);
  drawn_ = false;
}

}  // namespace maillon::cli
