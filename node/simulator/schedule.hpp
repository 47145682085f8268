#pragma once

#include <cstdint>
#include <functional>
#include <map>

#include "node/simulator/violation.hpp"

namespace maillon::sim {

/// Virtual milliseconds; tasks run in order of (time, order of being asked for).
class Schedule {
 public:
  using Task = std::function<void()>;
  [[nodiscard]] std::int64_t now() const noexcept { return now_; }
  void in(std::int64_t delay, Task task) {
    tasks_.emplace(std::pair{now_ + (delay < 0 ? 0 : delay), next_++}, std::move(task));
  }
  /// After so many tasks a run is taken to go round in circles.
  void allow(std::uint64_t tasks) noexcept { tasks_max_ = tasks; }
  /// Runs everything up to `until`, which is the time afterwards.
  void run(std::int64_t until) {
    while (!tasks_.empty() && tasks_.begin()->first.first <= until) {
      const auto first = tasks_.begin();
      now_ = first->first.first;
      const Task task = std::move(first->second);
      tasks_.erase(first);
      if (++done_ > tasks_max_) throw Violation{"the run never comes to rest"};
      task();
    }
    now_ = until;
  }

 private:
  std::map<std::pair<std::int64_t, std::uint64_t>, Task> tasks_;
  std::int64_t now_ = 0;
  std::uint64_t next_ = 0;
  std::uint64_t done_ = 0;
  std::uint64_t tasks_max_ = 3'000'000;
};

}  // namespace maillon::sim
