#pragma once

#include <optional>
#include <string>
#include <vector>

#include "proto/governance.hpp"

/// A federation to be played, as a person describes it in a TOML file (docs/simulate.md).
namespace maillon::sim {

struct MemberPlan {
  std::string name;
  Role role = Role::cooperative;
  std::string region;
  bool delegate = false;
  bool founding = true;  ///< else it becomes a member when a decision admits it
  int nodes = 1;
  bool dials_only = false;
  std::int64_t clock_ms = 0;  ///< ahead of the true time
};
/// Latency in milliseconds; loss in thousandths, of messages that must be sent again.
struct LinkPlan {
  int a = 0;  ///< nodes, by number
  int b = 0;
  std::int64_t latency_min = 0;
  std::int64_t latency_max = 0;
  int loss = 0;
};
/// From and until when, in milliseconds.
struct Span {
  std::int64_t from = 0;
  std::int64_t to = 0;
};
struct OutagePlan {
  Span when;
  int node = 0;
  bool power = true;  ///< the power goes; else it is stopped in good order
};
struct PartitionPlan {
  Span when;
  std::vector<std::vector<int>> groups;  ///< of nodes; all others are one group more
};
struct ClockPlan {
  std::int64_t at = 0;
  int node = 0;
  std::int64_t clock_ms = 0;
};
struct DecisionPlan {
  enum class Kind : std::uint8_t { admit, remove, leave, delegate, drop_delegate, charter };
  std::int64_t at = 0;
  Kind kind = Kind::admit;
  int member = 0;      ///< not for a charter
  std::string key;     ///< of the charter
  std::string value;
  std::vector<int> by;  ///< members; the first proposes, the others vote as soon as they know of it
};
struct EditPlan {
  Span when;
  std::int64_t every_ms = 10'000;
  std::vector<int> by;  ///< nodes
  std::string space;    ///< empty: the catalogue of the writer's region
  int records = 20;     ///< among so many; the fewer, the more conflicts
};

struct Scenario {
  std::string name;
  std::int64_t length_ms = 0;
  std::int64_t settle_ms = 0;  ///< after that, for everybody to agree
  std::int64_t latency_min = 10;
  std::int64_t latency_max = 80;
  int loss = 0;
  std::vector<MemberPlan> members;
  std::vector<std::pair<int, std::string>> nodes;  ///< their member and name
  std::vector<LinkPlan> links;                     ///< none: as nodes choose them
  std::vector<OutagePlan> outages;
  std::vector<PartitionPlan> partitions;
  std::vector<ClockPlan> clocks;
  std::vector<DecisionPlan> decisions;
  std::vector<EditPlan> edits;
};

/// Reads a scenario. Errc::malformed says in which line of `file` what is wrong, and what would do.
[[nodiscard]] Result<Scenario> read_scenario(const std::string& text, const std::string& file);

}  // namespace maillon::sim
