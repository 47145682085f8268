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
  std::set<std::string> deeds;
};

/// One federation from its foundation to the end of one seed.
class World {
 public:
  World(std::uint64_t seed, Trace::Listener listener)
      : World(Dice{seed}, seed, std::move(listener)) {}
  Outcome run();

 private:
  World(Dice dice, std::uint64_t seed, Trace::Listener listener);
  void found();
  SimNode& add(std::shared_ptr<const Identity> who);
  std::shared_ptr<const Identity> draw_identity();
  void weave(int node);
  void play();
  void heal();
  void admit_forgotten();
  void link_stranded();
  void link_citizens();
  /// Those who must agree in the end: members whose program is the right one.
  [[nodiscard]] NodeList citizens();

  // Recurring.
  void redial();
  void work();
  void mischief();
  void watch();

  // What members decide.
  void found_politics();
  void politics();
  void propose();
  void vote();
  void vote_twice();
  void vote_on_admissions();
  /// Their nodes that run.
  [[nodiscard]] std::vector<int> honest_delegates();
  void settle();
  /// What a node may take for the time when it settles something: days pass in a minute.
  [[nodiscard]] UnixMillis settling_time(SimNode& node) const;
  void prune(SimNode& node);
  void prune_all();
  void write_vote(SimNode& node, const storage::ProposalId& id);
  [[nodiscard]] std::optional<Proposal> draw_proposal(SimNode& by);
  /// Proposals of honest members on which this one may vote.
  [[nodiscard]] std::vector<storage::ProposalId> open_to(SimNode& node);
  [[nodiscard]] bool is_dishonest(const MemberId& member) const;
  [[nodiscard]] bool is_core(const MemberId& member) const;
  void check_decisions();

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
  void plot();
  void overdraw();
  void linger();
  void ahead();
  void replay();
  void malform();
  void tell_some(const storage::CommitPtr& commit);
  /// So many ops of `who`, or of any dishonest node, in a commit whose header was changed.
  void tell_forged(const std::string& words, const std::string& deed, std::uint64_t ops,
                   const std::function<void(Header&)>& change, std::optional<int> who = {});
  [[nodiscard]] std::vector<Bytes> tamper(SimNode& liar, Bytes message);
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
  /// What a dishonest node has besides its own key.
  struct Cheat {
    std::shared_ptr<const Identity> second;  ///< a further node of the same member, that never runs
    std::shared_ptr<const Identity> accomplice;
    std::uint64_t incarnation = 0;
    std::optional<storage::ProposalId> plot;
    /// What goes along with its next message, and which deed that is.
    std::vector<std::pair<std::string, SignedCommit>> inject;
    std::map<SpaceId, Bytes> old_frontier;
  };
  std::map<int, Cheat> cheats_;
  std::unique_ptr<SimNode> elsewhere_;  ///< of another federation, with the keys of a dishonest node
  bool removed_one_ = false;            ///< an honest member
  int names_ = 0;
  bool healing_ = false;
};

}  // namespace maillon::sim
