#include "node/simulator/play.hpp"

#include <algorithm>

#include "crypto/hash.hpp"
#include "node/federation/ballot.hpp"
#include "node/simulator/founding.hpp"

namespace maillon::sim {

using namespace storage;

namespace {

constexpr std::int64_t kRedialGap = 1500;
constexpr std::int64_t kLook = 500;    ///< between looks whether all agree
constexpr std::int64_t kRetry = 1000;  ///< of what a node is not ready for yet
constexpr std::int64_t kParts = 200;   ///< after each of which progress is told
constexpr std::uint64_t kTasksMax = 2'000'000'000;
const std::vector<std::string> kFields{"commune", "horaires", "nom", "telephone"};

std::string seconds(std::int64_t ms) {
  return std::to_string(ms / 1000) + "." + std::to_string(ms % 1000 / 100);
}

class Play {
 public:
  Play(const Scenario& plan, std::uint64_t seed)
      : plan_(plan), room_(Dice{seed}, conditions(plan), {}), network_(room_, nodes_) {}

  Played run(const std::function<void(double)>& progress) {
    room_.schedule.allow(kTasksMax);
    found();
    arrange();
    room_.schedule.in(0, [this] { redial(); });
    for (std::int64_t part = 1; part <= kParts; ++part) {
      room_.schedule.run(plan_.length_ms * part / kParts);
      if (progress) progress(static_cast<double>(part) / kParts);
    }
    say("fin du scénario", "end of the scenario");
    settle();
    measure();
    return std::move(out_);
  }

 private:
  static Conditions conditions(const Scenario& plan) {
    Conditions out;
    out.latency_min = plan.latency_min;
    out.latency_max = plan.latency_max;
    out.loss = plan.loss;
    return out;
  }

  void say(std::string fr, std::string en) {
    room_.say(en);
    out_.events.push_back({room_.schedule.now(), std::move(fr), std::move(en)});
  }
  [[nodiscard]] const MemberPlan& member(int number) const {
    return plan_.members[static_cast<std::size_t>(number)];
  }
  [[nodiscard]] const std::string& name_of(int node) const {
    return plan_.nodes[static_cast<std::size_t>(node)].second;
  }
  /// Nothing while it is no member yet.
  [[nodiscard]] SimNode* at(int node) const {
    const auto found = running_.find(node);
    return found == running_.end() ? nullptr : nodes_[found->second].get();
  }

  // The beginning.

  void found() {
    std::vector<Founder> founders;
    for (std::size_t i = 0; i < plan_.nodes.size(); ++i) {
      const auto& [number, name] = plan_.nodes[i];
      const MemberPlan& plan = member(number);
      const auto sibling = first_of_.find(number);
      const auto who =
          sibling == first_of_.end()
              ? std::make_shared<const Identity>(name, plan.region, room_.dice.rng(), plan.role)
              : std::make_shared<const Identity>(*identities_[sibling->second], name,
                                                 room_.dice.rng());
      first_of_.try_emplace(number, i);
      identities_.push_back(who);
      if (!plan.founding) continue;
      running_.emplace(static_cast<int>(i), founders.size());
      founders.push_back({who, plan.delegate, !plan.dials_only});
    }
    sim::found(room_, network_, nodes_, founders);
    if (plan_.links.empty()) {
      std::vector<int> all;
      for (const auto& node : nodes_) all.push_back(node->index());
      (void)link_by_topology(room_, network_, nodes_, all);
    }
    for (const auto& [number, place] : running_) enter(number);
  }

  /// The clock and the links of a node that has just begun.
  void enter(int node) {
    at(node)->clock().set_offset(
        member(plan_.nodes[static_cast<std::size_t>(node)].first).clock_ms);
    for (const LinkPlan& link : plan_.links)
      if ((link.a == node || link.b == node) && at(link.a) != nullptr && at(link.b) != nullptr)
        network_.link(at(link.a)->index(), at(link.b)->index(),
                      {link.latency_min, link.latency_max, link.loss});
  }

  void arrange() {
    const auto when = [this](std::int64_t time, std::function<void()> what) {
      room_.schedule.in(time, std::move(what));
    };
    for (const OutagePlan& outage : plan_.outages) {
      when(outage.when.from, [this, &outage] { stop(outage); });
      when(outage.when.to, [this, &outage] { start(outage.node); });
    }
    for (const PartitionPlan& partition : plan_.partitions) {
      when(partition.when.from, [this, &partition] { part(partition, true); });
      when(partition.when.to, [this, &partition] { part(partition, false); });
    }
    for (const ClockPlan& clock : plan_.clocks)
      when(clock.at, [this, &clock] { set_clock(clock); });
    for (const DecisionPlan& decision : plan_.decisions)
      when(decision.at, [this, &decision] { propose(decision); });
    for (const EditPlan& edit : plan_.edits) {
      std::vector<RecordId> pool;
      for (int i = 0; i < edit.records; ++i) pool.push_back(random_record_id(room_.dice.rng()));
      pools_.push_back(std::move(pool));
      when(edit.when.from + gap(edit),
           [this, &edit, &records = pools_.back()] { write(edit, records); });
    }
  }

  // What happens.

  void redial() {
    // Whoever the power left in the midst of a disk call comes back as well.
    for (const auto& [number, place] : running_)
      if (!nodes_[place]->up() && !down_.contains(number)) nodes_[place]->start();
    network_.redial();
    room_.schedule.in(kRedialGap, [this] { redial(); });
  }

  void stop(const OutagePlan& outage) {
    SimNode* node = at(outage.node);
    if (node == nullptr) return;
    down_.insert(outage.node);
    const std::string& name = name_of(outage.node);
    if (outage.power)
      say(name + " perd le courant", name + " loses power");
    else
      say(name + " s’arrête", name + " stops");
    node->stop(outage.power ? End::power_cut : End::clean);
  }
  void start(int number) {
    SimNode* node = at(number);
    if (node == nullptr) return;
    down_.erase(number);
    if (!node->up()) node->start();
    say(name_of(number) + " redémarre", name_of(number) + " starts again");
  }

  void part(const PartitionPlan& partition, bool on) {
    std::map<int, std::size_t> group;
    for (std::size_t i = 0; i < partition.groups.size(); ++i)
      for (const int node : partition.groups[i]) group[node] = i + 1;
    for (const auto& [a, place_a] : running_)
      for (const auto& [b, place_b] : running_)
        if (group[a] != group[b])
          network_.block(nodes_[place_a]->index(), nodes_[place_b]->index(), on);
    if (on)
      say("le réseau se coupe en morceaux", "the network falls into parts");
    else
      say("le réseau se rejoint", "the network is whole again");
  }

  void set_clock(const ClockPlan& clock) {
    if (SimNode* node = at(clock.node)) node->clock().set_offset(clock.clock_ms);
    const std::string& name = name_of(clock.node);
    const std::string off = seconds(std::abs(clock.clock_ms)) + " s";
    if (clock.clock_ms == 0)
      say("l’horloge de " + name + " est à l’heure", "the clock of " + name + " is right");
    else if (clock.clock_ms < 0)
      say("l’horloge de " + name + " retarde de " + off,
          "the clock of " + name + " is " + off + " behind");
    else
      say("l’horloge de " + name + " avance de " + off,
          "the clock of " + name + " is " + off + " ahead");
  }

  /// The first node of a member that is up.
  SimNode* desk_of(int number) const {
    for (std::size_t i = 0; i < plan_.nodes.size(); ++i)
      if (plan_.nodes[i].first == number)
        if (SimNode* node = at(static_cast<int>(i)); node != nullptr && node->up()) return node;
    return nullptr;
  }

  void propose(const DecisionPlan& plan) {
    using Kind = DecisionPlan::Kind;
    const int proposer = plan.by.front();
    SimNode* desk = desk_of(proposer);
    if (desk == nullptr) return later([this, &plan] { propose(plan); });
    const std::string& by = member(proposer).name;
    Proposal proposal;
    if (plan.kind == Kind::charter) {
      proposal.charter = CharterChange{plan.key, plan.value};
      say(by + " propose " + plan.key + " = " + plan.value,
          by + " proposes " + plan.key + " = " + plan.value);
      return vote_with(*desk, plan, proposal, std::nullopt);
    }
    const Identity& subject = *identities_[first_of_.at(plan.member)];
    const std::string& who = subject.name;
    switch (plan.kind) {
      case Kind::admit:
        proposal.admit =
            Admission{subject.certificate(), who, subject.role, subject.region, {}, {}};
        say(by + " propose d’admettre " + who, by + " proposes to admit " + who);
        break;
      case Kind::remove:
        proposal.remove = Removal{subject.member};
        say(by + " propose d’exclure " + who, by + " proposes to remove " + who);
        break;
      case Kind::leave:
        proposal.remove = Removal{subject.member};
        say(who + " quitte la fédération", who + " leaves");
        break;
      case Kind::charter:
        break;
      case Kind::delegate:
      case Kind::drop_delegate: {
        const bool drop = plan.kind == Kind::drop_delegate;
        proposal.delegate = DelegateChange{subject.member, drop};
        say(by + (drop ? " propose de retirer la délégation de " : " propose comme délégué ") + who,
            by + (drop ? " proposes to drop as delegate " : " proposes as delegate ") + who);
        break;
      }
    }
    vote_with(*desk, plan, proposal, std::nullopt);
  }

  /// Writes a proposal with its author's vote, or the vote of another on it.
  void vote_with(SimNode& desk, const DecisionPlan& plan, const Proposal& proposal,
                 std::optional<ProposalId> id) {
    auto made = std::make_shared<std::optional<CommitId>>();
    desk.write(
        [&desk, proposal, id, made](Store& store) -> Result<std::vector<CommitPtr>> {
          const MemberId& self = desk.who().member;
          MAILLON_TRY(const auto ops, id ? federation::voting(store, *id, self, desk.clock().now())
                                         : federation::proposing(store, proposal, self));
          MAILLON_TRY(auto commit,
                      store.write_governance(ops, desk.author(), desk.clock().now(), desk.rng()));
          *made = commit->id;
          return std::vector{std::move(commit)};
        },
        [this, &plan, proposal, id, made] {
          const ProposalId proposed = id ? *id : ProposalId{**made, 1};
          if (!id)
            for (std::size_t i = 1; i < plan.by.size(); ++i) await(plan, proposal, proposed, i);
          check_passed(plan, proposed);
        });
  }

  /// Votes once the proposal has reached the voter.
  void await(const DecisionPlan& plan, const Proposal& proposal, const ProposalId& id,
             std::size_t voter) {
    SimNode* desk = desk_of(plan.by[voter]);
    const bool knows =
        desk != nullptr && desk->idle() && desk->store().trust()->decision(id) != nullptr;
    if (!knows)
      return later([this, &plan, proposal, id, voter] { await(plan, proposal, id, voter); });
    if (desk->store().trust()->decision(id)->passed) return;
    const std::string& name = member(plan.by[voter]).name;
    if (const auto ops = federation::voting(desk->store(), id, desk->who().member, desk->clock().now());
        !ops)
      return say(name + " ne vote pas : " + ops.error().fr,
                 name + " does not vote: " + ops.error().detail);
    say(name + " vote", name + " votes");
    vote_with(*desk, plan, proposal, id);
  }

  void check_passed(const DecisionPlan& plan, const ProposalId& id) {
    SimNode* desk = desk_of(plan.by.front());
    const Decision* decision = desk == nullptr ? nullptr : desk->store().trust()->decision(id);
    if (decision == nullptr || !decision->passed)
      return later([this, &plan, id] { check_passed(plan, id); });
    if (!passed_.insert(id).second) return;
    const bool charter = plan.kind == DecisionPlan::Kind::charter;
    const std::string& what = charter ? plan.key : member(plan.member).name;
    say("la décision sur " + what + " est adoptée", "the decision on " + what + " has passed");
    if (plan.kind == DecisionPlan::Kind::admit) admit(plan.member, *desk);
  }

  void admit(int number, SimNode& inviter) {
    const int node = static_cast<int>(first_of_.at(number));
    if (at(node) != nullptr) return;
    running_.emplace(node, nodes_.size());
    nodes_.push_back(std::make_unique<SimNode>(room_, network_, static_cast<int>(nodes_.size()),
                                               identities_[static_cast<std::size_t>(node)]));
    SimNode& fresh = *nodes_.back();
    fresh.follow(*inviter.store().federation(), inviter.store().trust()->annuaire());
    fresh.start();
    network_.link(fresh.index(), inviter.index());
    enter(node);
  }

  void later(std::function<void()> what) {
    if (room_.schedule.now() < plan_.length_ms + plan_.settle_ms)
      room_.schedule.in(kRetry, std::move(what));
  }

  std::int64_t gap(const EditPlan& plan) {
    return room_.dice.between(plan.every_ms / 2, plan.every_ms + plan.every_ms / 2);
  }
  void write(const EditPlan& plan, const std::vector<RecordId>& pool) {
    SimNode* node = at(room_.dice.pick(plan.by));
    const RecordId& record = room_.dice.pick(pool);
    if (node != nullptr && node->up()) edit(*node, plan, record);
    const std::int64_t next = gap(plan);
    if (room_.schedule.now() + next < plan.when.to)
      room_.schedule.in(next, [this, &plan, &pool] { write(plan, pool); });
  }
  void edit(SimNode& node, const EditPlan& plan, const RecordId& record) {
    const auto trust = node.store().trust();
    const auto space =
        node.space(plan.space.empty() ? "catalogue/" + node.who().region : plan.space);
    if (!space || !trust->may_write(node.who().member, *space)) return;
    Change change;
    change.collection = "lieux";
    change.id = record;
    change.fields.emplace_back(room_.dice.pick(kFields),
                               Value::of_text("valeur " + std::to_string(room_.dice.below(1000))));
    ++out_.edits;
    node.write([&node, space = *space, change](Store& store) -> Result<std::vector<CommitPtr>> {
      MAILLON_TRY(auto written, store.write(space, std::span{&change, 1}, node.author(),
                                            node.clock().now(), node.rng()));
      return std::move(written.commits);
    });
  }

  // The end.

  void settle() {
    const std::int64_t end = plan_.length_ms + plan_.settle_ms;
    for (;;) {
      if (agree()) {
        out_.converged = true;
        break;
      }
      if (room_.schedule.now() >= end) break;
      room_.schedule.run(std::min(end, room_.schedule.now() + kLook));
    }
    out_.time_ms = room_.schedule.now();
    if (out_.converged)
      say("tous sont d’accord", "all agree");
    else
      say("ils ne sont pas d’accord : " + out_.apart_fr, "they do not agree: " + out_.apart_en);
  }

  bool apart(std::string fr, std::string en) {
    out_.apart_fr = std::move(fr);
    out_.apart_en = std::move(en);
    return false;
  }

  /// As whoever has heard most sees the federation: who was removed may not know.
  [[nodiscard]] std::shared_ptr<const Trust> newest() const {
    std::shared_ptr<const Trust> out;
    for (const auto& node : nodes_) {
      if (!node->up()) continue;
      auto trust = node->store().trust();
      if (out == nullptr || trust->graph().size() > out->graph().size()) out = std::move(trust);
    }
    return out;
  }

  /// Whether the nodes of today's members hold the same commits, in each space those that may read.
  bool agree() {
    std::vector<SimNode*> members;
    for (const auto& [number, place] : running_) {
      SimNode& node = *nodes_[place];
      const std::string& name = name_of(number);
      if (!node.up()) return apart(name + " est arrêté", name + " is down");
      if (!node.idle()) return apart(name + " écrit encore", name + " still writes");
    }
    const auto trust = newest();
    for (const auto& [number, place] : running_)
      if (trust->member_of(nodes_[place]->who().node) != nullptr)
        members.push_back(nodes_[place].get());
    if (members.empty()) return apart("il n’y a plus de membre", "no member is left");
    for (const auto& [id, space] : trust->spaces()) {
      const SimNode* first = nullptr;
      std::pair<Digest, std::optional<Digest>> have{Digest::zero(), std::nullopt};
      for (SimNode* node : members) {
        if (!trust->may_read(node->who().member, id)) continue;
        const auto row = sure(node->store().log().find_space(id), "space");
        std::pair<Digest, std::optional<Digest>> its{frontier_hash({}), std::nullopt};
        if (row) {
          its.first = sure(node->store().log().frontier(*row), "frontier");
          its.second = sure(node->store().log().held_hash(*row), "held");
        }
        if (first != nullptr && its != have)
          return apart(first->who().name + " et " + node->who().name + " diffèrent dans " +
                           space.declaration.name,
                       first->who().name + " and " + node->who().name + " differ in " +
                           space.declaration.name);
        first = node;
        have = its;
      }
    }
    return true;
  }

  void measure() {
    out_.nodes = nodes_.size();
    out_.bytes = room_.stats.bytes;
    out_.commits = room_.stats.commits;
    out_.copies = room_.stats.copies;
    std::map<std::string, Digest> digests;
    const auto trust = newest();
    if (trust == nullptr) return;
    for (const auto& [id, space] : trust->spaces())
      for (const auto& node : nodes_) {
        if (!node->up() || !trust->may_read(node->who().member, id)) continue;
        SpaceFigures& figures = out_.spaces[space.declaration.name];
        if (figures.readers++ != 0) continue;
        const auto row = sure(node->store().log().find_space(id), "space");
        if (!row) continue;
        digests.emplace(space.declaration.name,
                        sure(node->store().records().digest(*row), "digest"));
        count(node->store(), *row, figures);
      }
    crypto::Hasher hasher;
    for (const auto& [name, digest] : digests) hasher.update(name).update(digest.bytes());
    out_.digest = hasher.finish();
  }

  static void count(Store& store, std::int64_t space, SpaceFigures& figures) {
    const auto number = [&](const char* sql) {
      auto get = sure(store.database().prepare(sql), "count");
      get.bind(1, space);
      return sure(get.step(), "count") ? get.integer(0) : 0;
    };
    figures.commits =
        number("SELECT count(*) FROM log l JOIN feed f ON f.id = l.feed WHERE f.space = ?1");
    figures.records = number(
        "SELECT count(*) FROM record r JOIN collection c ON c.id = r.collection"
        " WHERE c.space = ?1 AND r.flags & 1");
    figures.conflicts = number(
        "SELECT count(*) FROM record r JOIN collection c ON c.id = r.collection"
        " WHERE c.space = ?1 AND r.flags & 2");
  }

  const Scenario& plan_;
  Room room_;
  Network::Nodes nodes_;
  Network network_;
  std::vector<std::shared_ptr<const Identity>> identities_;  ///< by number of the node in the plan
  std::map<int, std::size_t> first_of_;                      ///< a member's first node in the plan
  std::map<int, std::size_t> running_;  ///< place in nodes_, by number in the plan
  std::set<int> down_;
  std::set<ProposalId> passed_;
  std::deque<std::vector<RecordId>> pools_;
  Played out_;
};

}  // namespace

Result<Played> play(const Scenario& scenario, std::uint64_t seed,
                    const std::function<void(double)>& progress) {
  try {
    return Play{scenario, seed}.run(progress);
  } catch (const Violation& violation) {
    return Error{Errc::integrity, "a rule was broken: " + violation.what,
                 "une règle a été enfreinte : " + violation.what,
                 "this is a bug: report it with the file and the seed",
                 "c’est un défaut de Maillon : signalez-le avec le fichier et la graine"};
  }
}

}  // namespace maillon::sim
