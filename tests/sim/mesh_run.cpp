#include "tests/sim/mesh_run.hpp"

#include <algorithm>

#include "node/simulator/founding.hpp"
#include "tests/support/federation.hpp"

namespace maillon::sim {

using namespace storage;

namespace {

constexpr std::size_t kRegion = 9;  ///< members, of whom one is the hub
constexpr std::int64_t kRedialGap = 1500;
constexpr std::int64_t kMeet = 30'000;        ///< for all links to stand
constexpr std::int64_t kPartition = 120'000;  ///< longer than a connection survives
constexpr std::int64_t kAgreeMax = 300'000;

Conditions conditions() {
  Conditions out;
  out.latency_min = 10;
  out.latency_max = 80;
  return out;
}

class MeshRun {
 public:
  MeshRun(std::size_t nodes, std::uint64_t seed, Trace::Listener listener)
      : room_(Dice{seed}, conditions(), std::move(listener)), network_(room_, nodes_) {
    for (std::size_t i = 0; i < nodes; ++i)
      members_.push_back(std::make_shared<const Identity>(
          "M" + std::to_string(i), std::to_string(10 + i / kRegion), room_.dice.rng(),
          i % kRegion == 0 ? Role::hub : Role::cooperative));
  }

  MeshFigures run() {
    MeshFigures out;
    std::vector<Founder> founders;
    for (std::size_t i = 0; i < members_.size(); ++i)
      founders.push_back({members_[i], false, i % 4 != 3});
    found(room_, network_, nodes_, founders);
    std::vector<int> all;
    for (const auto& node : nodes_) {
      stored_.push_back(count(*node));
      all.push_back(node->index());
    }
    out.nodes = nodes_.size();
    out.links = link_by_topology(room_, network_, nodes_, all);
    redial();
    run_for(kMeet);
    out.copies_early = live(60'000, 1'000, true);
    const std::uint64_t bytes = room_.stats.bytes;
    (void)network_.take_commit_bytes();
    out.copies = live(120'000, 1'000, true);
    out.bytes_per_copy = static_cast<double>(room_.stats.bytes - bytes) / static_cast<double>(due_);
    out.payload_bytes =
        static_cast<double>(network_.take_commit_bytes()) / static_cast<double>(due_);
    out.spread_ms = agreed_in_;
    part(true);
    (void)live(kPartition, 2'000, false);
    part(false);
    out.copies_heal = agree();
    out.heal_ms = agreed_in_;
    return out;
  }

 private:
  void redial() {
    network_.redial();
    room_.schedule.in(kRedialGap, [this] { redial(); });
  }
  void run_for(std::int64_t time) { room_.schedule.run(room_.schedule.now() + time); }

  /// Commits for so long, one every `gap`; the payloads that each reader was sent for each of them.
  double live(std::int64_t length, std::int64_t gap, bool then_agree) {
    copies_ = room_.stats.copies;
    due_ = 0;
    const std::int64_t end = room_.schedule.now() + length;
    while (room_.schedule.now() < end) {
      write(*nodes_[room_.dice.below(nodes_.size())]);
      run_for(room_.dice.between(1, 2 * gap));
    }
    return then_agree ? agree() : 0;
  }

  void write(SimNode& node) {
    const bool local = room_.dice.chance(400);
    const std::string name = local ? "catalogue/" + node.who().region : "formation";
    const SpaceId space = *node.space(name);
    for (std::size_t i = 0; i < nodes_.size(); ++i)
      if (!local || nodes_[i]->who().region == node.who().region) {
        ++stored_[i];
        due_ += nodes_[i].get() == &node ? 0 : 1;
      }
    const auto change = test::patch("lieux", random_record_id(room_.dice.rng()),
                                    {{"nom", Value::of_text("Médiathèque")},
                                     {"horaires", Value::of_text("lundi au samedi, 9 h à 18 h")}});
    node.write([&node, space, change](Store& store) -> Result<std::vector<CommitPtr>> {
      MAILLON_TRY(auto written, store.write(space, std::span{&change, 1}, node.author(),
                                            node.clock().now(), node.rng()));
      return std::move(written.commits);
    });
  }

  static std::int64_t count(SimNode& node) { return sure(node.store().log().last_id(), "log"); }

  /// Waits until everybody has all that it may read.
  double agree() {
    const std::int64_t start = room_.schedule.now();
    const auto behind = [&] {
      for (std::size_t i = 0; i < nodes_.size(); ++i)
        if (count(*nodes_[i]) != stored_[i]) return true;
      return false;
    };
    while (behind()) {
      if (room_.schedule.now() - start > kAgreeMax) throw Violation{"the nodes do not agree"};
      run_for(100);
    }
    agreed_in_ = room_.schedule.now() - start;
    run_for(5'000);  // What is still under way is a copy as well.
    return static_cast<double>(room_.stats.copies - copies_) / static_cast<double>(due_);
  }

  void part(bool on) {
    for (const auto& a : nodes_)
      for (const auto& b : nodes_)
        if (a->index() % 2 != b->index() % 2) network_.block(a->index(), b->index(), on);
  }

  Room room_;
  Network::Nodes nodes_;
  Network network_;
  std::vector<std::shared_ptr<const Identity>> members_;
  std::vector<std::int64_t> stored_;  ///< by node, what it must have in the end
  std::uint64_t copies_ = 0;
  std::uint64_t due_ = 0;
  std::int64_t agreed_in_ = 0;
};

}  // namespace

MeshFigures run_mesh(std::size_t nodes, std::uint64_t seed, Trace::Listener listener) {
  return MeshRun{nodes, seed, std::move(listener)}.run();
}

}  // namespace maillon::sim
