#pragma once

#include "node/simulator/network.hpp"
#include "tests/sim/checks.hpp"
#include "tests/sim/workload.hpp"

namespace maillon::sim {

struct Outcome {
  std::optional<std::string> violation;
  std::string profile;
  std::uint64_t hash = 0;
  Stats stats;
};

/// One federation from its foundation to the end of one seed.
class World {
 public:
  World(std::uint64_t seed, Trace::Listener listener) : World(Dice{seed}, std::move(listener)) {}
  Outcome run();

 private:
  World(Dice dice, Trace::Listener listener);
  void found();
  SimNode& add(std::shared_ptr<const Identity> who);
  std::shared_ptr<const Identity> draw_identity();
  void weave(int node);
  void play();
  void heal();
  void admit_forgotten();
  void link_stranded();

  // Recurring.
  void redial();
  void work();
  void mischief();
  void watch();

  // Mischief.
  void partition();
  void one_way();
  void end_one(End end);
  void restart_in(int node, std::int64_t delay);
  void tear();
  void back_up();
  void restore();
  void clone();
  void fill_disk();
  void jump_clock();
  void republish();
  void bundle();
  void join();
  // Of dishonest nodes, whose keys are real.
  void fork();
  void forge();
  void flood();
  [[nodiscard]] std::optional<int> dishonest();

  [[nodiscard]] std::vector<int> living() const;
  [[nodiscard]] SimNode& at(int node) { return *nodes_[static_cast<std::size_t>(node)]; }
  [[nodiscard]] NodeList all();

  Profile profile_;
  Room room_;
  Network::Nodes nodes_;
  Network network_;
  Workload workload_;
  std::map<int, SimNode::Backup> backups_;
  std::set<int> restarting_;
  std::vector<int> dishonest_;
  int names_ = 0;
  bool healing_ = false;
};

}  // namespace maillon::sim
