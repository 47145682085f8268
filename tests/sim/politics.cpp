#include <algorithm>

#include "node/federation/ballot.hpp"
#include "node/federation/checkpoints.hpp"
#include "tests/sim/world.hpp"

/// What members decide while the network fails and some of them cheat. Honest delegates never vote
/// for what a dishonest member proposes, and are always the majority: the first two are neither
/// dropped nor removed.
namespace maillon::sim {

using namespace storage;

namespace {

constexpr int kFirstTwo = 2;
constexpr std::string_view kOtherRegion = "region:35";

bool is_restrictive(DecisionKind kind) {
  return !is_additive(kind) && kind != DecisionKind::leave && kind != DecisionKind::unknown;
}

/// Nobody is admitted again in these worlds.
void check_removal(const Trust& trust, const Decision& removal) {
  const MemberId& who = removal.proposal->remove->member;
  if (trust.member(who) != nullptr) throw Violation{"a removed member is a member still"};
  const auto number = trust.graph().find(removal.id.commit);
  const auto limit = std::ranges::find_if(trust.limits(), [&](const Limit& one) {
    return one.member == who && !one.node && !one.space && one.since == number;
  });
  if (limit == trust.limits().end()) throw Violation{"a removal cuts nothing off"};
  for (const KnownProposal& known : trust.graph().proposals()) {
    if (known.id != removal.id) continue;
    const auto voter = [&](const CastVote& vote) { return trust.graph().at(vote.number).member; };
    // A member names by its first vote, and nothing for itself.
    const auto names = [&](const CastVote& vote) {
      return voter(vote) != who && removal.votes.contains(voter(vote)) &&
             std::ranges::none_of(known.votes, [&](const CastVote& other) {
               return other.number != vote.number && voter(other) == voter(vote) &&
                      trust.graph().reaches(vote.number, other.number);
             });
    };
    for (const CastVote& vote : known.votes)
      if (names(vote))
        for (const CutOff& cut : vote.vote->cut)
          if (!limit->cuts.contains(cut)) throw Violation{"what a vote names is cut off all the same"};
  }
}

}  // namespace

bool World::is_dishonest(const MemberId& member) const {
  const auto owns = [&](const auto& identity) { return identity->member == member; };
  return std::ranges::any_of(
             dishonest_,
             [&](int node) { return owns(nodes_[static_cast<std::size_t>(node)]->identity()); }) ||
         std::ranges::any_of(cheats_,
                             [&](const auto& cheat) { return owns(cheat.second.accomplice); });
}

bool World::is_core(const MemberId& member) const {
  return nodes_[0]->who().member == member || nodes_[1]->who().member == member;
}

/// Delegates, and a second node for an honest member.
void World::found_politics() {
  const Profile& p = profile_;
  if (p.politics_gap == 0) return;
  std::vector<GovernanceOp> ops;
  const auto add_delegate = [&](const SimNode& node) {
    Proposal proposal;
    proposal.delegate = DelegateChange{node.who().member, false};
    ops.push_back({OpKind::proposal, encode(proposal)});
    ops.push_back(
        {OpKind::vote, encode(Vote{std::nullopt, static_cast<std::uint32_t>(ops.size()), {}})});
  };
  add_delegate(at(1));
  if (p.nodes - p.dishonest > kFirstTwo) add_delegate(at(2));
  if (p.dishonest != 0 && room_.dice.chance(700)) add_delegate(at(p.nodes - 1));
  const auto second =
      std::make_shared<const Identity>(at(1).who(), at(1).who().name + "b", room_.dice.rng());
  ops.push_back({OpKind::certificate, second->certificate()});
  at(0).decide(std::move(ops), [] {});
  SimNode& node = add(second);
  node.follow(*at(0).store().federation(), at(0).store().trust()->annuaire());
  node.start();
  weave(node.index());
  for (const int liar : dishonest_) {
    Cheat& cheat = cheats_[liar];
    const Identity& who = at(liar).who();
    cheat.second = std::make_shared<const Identity>(who, who.name + "b", room_.dice.rng());
    cheat.accomplice =
        std::make_shared<const Identity>("ami de " + who.name, "28", room_.dice.rng());
    cheat.incarnation = room_.dice.u64();
    for (const auto& other : {cheat.second, cheat.accomplice}) room_.feeds.excuse(other->node);
    at(liar).set_tamper([this, liar](Bytes message) { return tamper(at(liar), std::move(message)); });
  }
}

void World::politics() {
  if (healing_) return;
  const Profile& p = profile_;
  const std::vector<std::pair<int, std::function<void()>>> deeds{
      {p.propose, [this] { propose(); }},       {p.vote, [this] { vote(); }},
      {p.vote_twice, [this] { vote_twice(); }}, {p.plot, [this] { plot(); }},
      {p.overdraw, [this] { overdraw(); }},     {p.linger, [this] { linger(); }},
      {p.ahead, [this] { ahead(); }},           {p.replay, [this] { replay(); }},
      {p.malform, [this] { malform(); }},       {p.settle, [this] { settle(); }}};
  std::vector<int> weights;
  for (const auto& [weight, deed] : deeds) weights.push_back(weight);
  deeds[room_.dice.weighted(weights)].second();
  room_.schedule.in(room_.dice.between(1, 2 * p.politics_gap), [this] { politics(); });
}

std::optional<Proposal> World::draw_proposal(SimNode& by) {
  Dice& dice = room_.dice;
  const auto trust = by.store().trust();
  std::vector<const Member*> others;
  for (const auto& [id, member] : trust->members())
    if (!is_core(id)) others.push_back(&member);
  Proposal out;
  switch (dice.below(6)) {
    case 0:
    case 1: {
      if (others.empty()) return std::nullopt;
      auto cheats = others;
      std::erase_if(cheats, [&](const Member* member) { return !is_dishonest(member->id); });
      const bool known = !cheats.empty() && dice.chance(700);
      const MemberId who = dice.pick(known ? cheats : others)->id;
      if (!is_dishonest(who) && std::exchange(removed_one_, true)) return std::nullopt;
      out.remove = Removal{who};
      return out;
    }
    case 2: {
      if (others.empty()) return std::nullopt;
      const Member& who = *dice.pick(others);
      if (is_dishonest(who.id) && !who.delegate) return std::nullopt;
      out.delegate = DelegateChange{who.id, who.delegate};
      return out;
    }
    case 3:
      out.charter = dice.chance(600)
                        ? CharterChange{"quorum", std::to_string(dice.between(1, 2))}
                        : CharterChange{"settlement_days", std::to_string(dice.between(30, 400))};
      return out;
    default: {
      const Space* space = trust->space_named(kReserve);
      if (space == nullptr) return std::nullopt;
      AccessChange change;
      change.space = space->id;
      change.narrow = dice.chance(500);
      change.writers = {std::string{dice.chance(800) ? kOtherRegion : "region:28"}};
      out.access = change;
      return out;
    }
  }
}

std::vector<int> World::honest_delegates() {
  std::vector<int> out;
  for (const int node : living()) {
    const Member* member = at(node).store().trust()->member(at(node).who().member);
    if (member != nullptr && member->delegate && !is_dishonest(member->id)) out.push_back(node);
  }
  return out;
}

void World::propose() {
  const auto desks = honest_delegates();
  if (desks.empty()) return;
  SimNode& desk = at(room_.dice.pick(desks));
  desk.look([&] {
    const auto proposal = draw_proposal(desk);
    if (!proposal) return;
    desk.write([&desk, proposal = *proposal](Store& store) -> Result<std::vector<CommitPtr>> {
      MAILLON_TRY(const auto ops, federation::proposing(store, proposal, desk.who().member));
      MAILLON_TRY(auto commit,
                  store.write_governance(ops, desk.author(), desk.clock().now(), desk.rng()));
      return std::vector{std::move(commit)};
    });
    room_.say(desk.name() + (proposal->remove     ? " proposes a removal"
                             : proposal->delegate ? " proposes to change the delegates"
                             : proposal->charter  ? " proposes to change the charter"
                                                  : " proposes to change who writes"));
  });
}

std::vector<ProposalId> World::open_to(SimNode& node) {
  std::vector<ProposalId> out;
  const auto trust = node.store().trust();
  const MemberId& self = node.who().member;
  for (const Decision& decision : trust->decisions())
    if (!decision.passed && decision.voters.contains(self) && !decision.votes.contains(self) &&
        !is_dishonest(decision.proposer))
      out.push_back(decision.id);
  return out;
}

void World::write_vote(SimNode& node, const ProposalId& id) {
  node.write([this, &node, id](Store& store) -> Result<std::vector<CommitPtr>> {
    MAILLON_TRY(const auto ops,
                federation::voting(store, id, node.who().member, settling_time(node)));
    MAILLON_TRY(auto commit,
                store.write_governance(ops, node.author(), node.clock().now(), node.rng()));
    return std::vector{std::move(commit)};
  });
}

void World::vote() {
  std::vector<std::pair<int, ProposalId>> choices;
  for (const int node : living())
    if (!is_dishonest(at(node).who().member))
      for (const ProposalId& id : open_to(at(node))) choices.emplace_back(node, id);
  if (choices.empty()) return;
  const auto& [node, id] = room_.dice.pick(choices);
  room_.say(at(node).name() + " votes on " + id.commit.hex().substr(0, 8));
  write_vote(at(node), id);
}

/// Both nodes of the second member vote before either hears of the other's vote.
void World::vote_twice() {
  std::vector<SimNode*> desks;
  for (const int node : living())
    if (at(node).who().member == at(1).who().member) desks.push_back(&at(node));
  if (desks.size() < 2) return;
  const auto here = open_to(*desks.front());
  const auto there = open_to(*desks.back());
  for (const ProposalId& id : here) {
    if (std::ranges::find(there, id) == there.end()) continue;
    room_.say("both nodes of " + at(1).who().name + " vote on " + id.commit.hex().substr(0, 8));
    room_.deeds.insert("two nodes vote at once");
    write_vote(*desks.front(), id);
    write_vote(*desks.back(), id);
    return;
  }
}

/// In the end nobody waits for a vote that honest members would give.
void World::vote_on_admissions() {
  for (SimNode* node : citizens()) {
    if (!node->up() || !node->idle()) continue;
    node->look([&] {
      for (const ProposalId& id : open_to(*node))
        if (is_additive(node->store().trust()->decision(id)->kind)) write_vote(*node, id);
    });
  }
}

UnixMillis World::settling_time(SimNode& node) const {
  const std::chrono::days days{node.store().trust()->charter().settlement_days};
  return node.clock().now() + days - std::chrono::milliseconds{profile_.settled_after};
}

/// An honest delegate proposes to settle a space.
void World::settle() {
  const auto desks = honest_delegates();
  if (desks.empty()) return;
  SimNode& desk = at(room_.dice.pick(desks));
  const auto space = desk.space(room_.dice.pick(space_names()));
  if (!space || *space == desk.store().trust()->annuaire()) return;
  room_.say(desk.name() + " proposes to settle a space");
  desk.write([this, &desk, space = *space](Store& store) -> Result<std::vector<CommitPtr>> {
    const auto proposal = federation::checkpoint_of(store, space, settling_time(desk));
    if (proposal.has_error() && proposal.error().code == Errc::refused)
      return std::vector<CommitPtr>{};
    if (proposal.has_error()) return proposal.error();
    MAILLON_TRY(const auto ops, federation::proposing(store, *proposal, desk.who().member));
    MAILLON_TRY(auto commit,
                store.write_governance(ops, desk.author(), desk.clock().now(), desk.rng()));
    room_.deeds.insert("something is settled");
    return std::vector{std::move(commit)};
  });
}

void World::prune(SimNode& node) {
  node.write([this](Store& store) -> Result<std::vector<CommitPtr>> {
    MAILLON_TRY(const auto due, to_prune(store.database(), store.log(), *store.trust()));
    for (const SpaceId& space : due)
      for (Pruned done{0, 0, true}; done.more;) {
        MAILLON_TRY(done, store.prune(space, done.last, 50, /*all=*/true));
        room_.stats.pruned += done.leaves;
      }
    return std::vector<CommitPtr>{};
  });
}

/// In the end all forget alike, so that even what nobody sees can be compared.
void World::prune_all() {
  for (SimNode* node : citizens()) {
    Store& store = node->store();
    for (const std::string& name : space_names()) {
      const auto space = node->space(name);
      sure(store.begin(), "prune");
      for (Pruned done{0, 0, true}; space && done.more;) done = sure(store.prune(*space, done.last, 50, /*all=*/true), "prune");
      sure(store.commit(), "prune");
    }
  }
}

NodeList World::citizens() {
  if (profile_.politics_gap == 0) return all();
  NodeList out;
  const auto trust = at(0).store().trust();
  for (const auto& node : nodes_)
    if (!is_dishonest(node->who().member) && trust->member_of(node->who().node) != nullptr)
      out.push_back(node.get());
  return out;
}

/// Whom dishonest or former members alone connect is linked with the founder.
void World::link_citizens() {
  const NodeList all = citizens();
  std::set<int> reached;
  const std::function<void(int)> spread = [&](int from) {
    if (!reached.insert(from).second) return;
    for (const SimNode* other : all)
      if (network_.linked(from, other->index())) spread(other->index());
  };
  spread(0);
  for (const SimNode* node : all) {
    if (reached.contains(node->index())) continue;
    // A copy of the founder cannot be linked with it.
    network_.link(node->index(), node->who().node == at(0).who().node ? 1 : 0);
    spread(node->index());
  }
}

void World::check_decisions() {
  if (profile_.politics_gap == 0) return;
  const auto trust = at(0).store().trust();
  for (const Decision& decision : trust->decisions())
    if (decision.passed && is_restrictive(decision.kind)) {
      if (is_dishonest(decision.proposer))
        throw Violation{"a minority that cheats decides: " + decision.id.commit.hex().substr(0, 8)};
      if (decision.kind == DecisionKind::remove) check_removal(*trust, decision);
    }
  for (int first = 0; first < kFirstTwo; ++first) {
    const Member* member = trust->member(at(first).who().member);
    if (member == nullptr || !member->delegate)
      throw Violation{at(first).name() + " lost what nobody took from it"};
  }
}

}  // namespace maillon::sim
