#pragma once

#include <functional>
#include <map>

#include "node/simulator/scenario.hpp"

namespace maillon::sim {

/// Something that happened, in two languages.
struct Event {
  std::int64_t time_ms = 0;
  std::string fr;
  std::string en;
};

struct SpaceFigures {
  std::int64_t commits = 0;
  std::int64_t records = 0;
  std::int64_t conflicts = 0;
  std::size_t readers = 0;
};

struct Played {
  bool converged = false;
  std::int64_t time_ms = 0;  ///< when they agreed, or it was given up
  std::string apart_fr;      ///< when not converged: what keeps them apart
  std::string apart_en;
  Digest digest = Digest::zero();  ///< of all spaces, as their readers see them in the end
  std::vector<Event> events;
  std::map<std::string, SpaceFigures> spaces;
  std::size_t nodes = 0;
  std::uint64_t edits = 0;
  std::uint64_t bytes = 0;    ///< of all messages that were sent
  std::uint64_t commits = 0;  ///< written
  std::uint64_t copies = 0;   ///< that arrived in messages
};

/// Plays a scenario. The same scenario and seed give the same outcome, on any machine.
/// Errc::integrity when a node broke a rule of its own, which is a bug. `progress` hears which part
/// of the scenario is over.
[[nodiscard]] Result<Played> play(const Scenario& scenario, std::uint64_t seed,
                                  const std::function<void(double)>& progress = {});

}  // namespace maillon::sim
