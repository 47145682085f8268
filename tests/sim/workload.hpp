#pragma once

#include "node/simulator/sim_node.hpp"
#include "tests/sim/profile.hpp"

namespace maillon::sim {

inline constexpr std::string_view kCatalogue = "catalogue/28";
inline constexpr std::string_view kTraining = "formation";
inline constexpr std::string_view kReserve = "reserve";  ///< only region 28 may write here
/// All spaces of a simulated federation, annuaire included.
[[nodiscard]] const std::vector<std::string>& space_names();
/// Encoded declarations of those that the founder declares.
[[nodiscard]] std::vector<Bytes> declarations(const FederationId& federation);

/// What people do with a small pool of records, by chance.
class Workload {
 public:
  Workload(Room& room, const Profile& profile);
  /// One deed at a node that is up.
  void act(SimNode& node);

 private:
  struct Place {
    std::string space;
    std::string collection;
  };
  void write(SimNode& node, const Place& place, std::vector<storage::Change> changes);
  void patch(SimNode& node);
  void import(SimNode& node);
  void remove(SimNode& node);
  void resolve(SimNode& node);
  void unknown(SimNode& node);
  void trespass(SimNode& node);
  void bulky(SimNode& node);
  void erase(SimNode& node);
  /// As whose ops are to go, or as a delegate; or as nobody, which counts for nothing.
  void speak_of_erasure(SimNode& node);
  [[nodiscard]] storage::FieldEdit edit();
  [[nodiscard]] Place place();
  [[nodiscard]] Value value();
  [[nodiscard]] std::vector<std::pair<std::string, Value>> fields();

  const Profile& profile_;
  Dice dice_;
  Dice edits_;  ///< of fields that are no registers
  std::vector<RecordId> pool_;
};

}  // namespace maillon::sim
