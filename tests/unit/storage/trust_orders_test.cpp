#include <gtest/gtest.h>

#include <algorithm>
#include <array>

#include "tests/support/chronicle.hpp"

/// A federation of six, three of them delegates, with a quorum of two, cut in halves that decide at
/// once. When they meet, everybody knows the same, whatever came in which order.
namespace maillon::test {
namespace {

using namespace storage;

/// What a federation is, without the local numbers of its commits.
std::string federation_in_words(const Trust& trust) {
  std::string out;
  for (const auto* members : {&trust.members(), &trust.former()}) {
    for (const auto& [id, m] : *members)
      out += id.hex().substr(0, 8) + " " + m.name + " " + m.region + (m.delegate ? " delegate" : "") +
             " root " + m.root.hex().substr(0, 8) + "\n";
    out += "--\n";
  }
  for (const auto& [id, node] : trust.nodes())
    out += "node " + id.hex().substr(0, 8) + (node.revoked ? " revoked\n" : "\n");
  const Charter& charter = trust.charter();
  out += "quorum " + std::to_string(charter.quorum) + " threshold " +
         std::to_string(charter.secrecy_threshold) + "\n";
  std::set<std::string> more;
  for (const Decision& decision : trust.decisions())
    more.insert(decision.id.commit.hex().substr(0, 8) + (decision.passed ? " passed" : " open") +
                (decision.without_effect ? " without effect" : "") + " " +
                std::to_string(decision.votes.size()));
  for (const Limit& limit : trust.limits()) {
    std::string line = "limit " + limit.member.hex().substr(0, 8);
    for (const CutOff& cut : limit.cuts) line += " " + cut.commit.hex().substr(0, 8);
    more.insert(line);
  }
  for (const auto& [id, space] : trust.spaces()) more.insert("space " + id.hex());
  for (const std::string& line : more) out += line + "\n";
  return out;
}

class Halves : public testing::Test {
 protected:
  Halves() {
    std::vector<Words> words;
    for (Voice* one : {&b, &c, &d, &e, &f}) {
      Proposal admit;
      admit.admit = one->admission();
      words.push_back(propose(admit));
      words.push_back(vote_for(std::nullopt, static_cast<std::uint32_t>(words.size())));
    }
    // A founder alone is all members there are.
    history.say(a, words);
    // One delegate's second node stands in the other half.
    history.say(c, {{OpKind::certificate, c2.certificate()}});
    for (const Voice* one : {&a, &c})
      if (one->last) known.emplace(one->member(), *one->last);
    together = history.all();
    before = history.commits().size();
  }

  ProposalId say_proposal(Voice& who, const std::set<CommitId>& view, const Proposal& proposal) {
    return {history.say(who, view, {propose(proposal), vote_for(std::nullopt)})->id, 1};
  }
  CommitPtr say_vote(Voice& who, const ProposalId& what, std::vector<CutOff> cut = {}) {
    std::set<CommitId> view = together;
    view.insert(what.commit);
    return history.say(who, view, {vote_for(what, 1, std::move(cut))});
  }
  Proposal removal(const Voice& of) const {
    Proposal out;
    out.remove = Removal{of.member()};
    // What the other half says meanwhile, nobody here knows.
    if (const auto last = known.find(of.member()); last != known.end())
      out.cut = {{history.annuaire(), last->second}};
    return out;
  }
  static Proposal admission(const Voice& of) {
    Proposal out;
    out.admit = of.admission();
    return out;
  }
  static Proposal charter(const std::string& key, const std::string& value) {
    Proposal out;
    out.charter = CharterChange{key, value};
    return out;
  }

  /// All that was said apart, in every order that respects causality, each step settled as a node
  /// does when one commit after the other arrives.
  std::set<std::string> outcomes(std::size_t* orders = nullptr) {
    Trust base;
    for (std::size_t i = 0; i < before; ++i) base.add(*history.commits()[i]);
    base.settle();
    std::vector<std::size_t> order;
    for (std::size_t i = before; i < history.commits().size(); ++i) order.push_back(i);
    EXPECT_LE(order.size(), 6u);
    std::set<std::string> out;
    do {
      const auto comes_too_early = [&](std::size_t at) {
        const auto& past = history.past(history.commits()[order[at]]->id);
        return std::any_of(order.begin() + static_cast<std::ptrdiff_t>(at), order.end(),
                           [&](std::size_t later) {
                             return later != order[at] &&
                                    past.contains(history.commits()[later]->id);
                           });
      };
      bool causal = true;
      for (std::size_t i = 0; i < order.size(); ++i) causal = causal && !comes_too_early(i);
      if (!causal) continue;
      if (orders != nullptr) ++*orders;
      Trust trust = base;
      for (const std::size_t i : order) trust.apply(*history.commits()[i]);
      out.insert(federation_in_words(trust));
    } while (std::ranges::next_permutation(order).found);
    // Who joins afterwards reads it in whatever order.
    out.insert(federation_in_words(history.trust()));
    return out;
  }
  [[nodiscard]] Trust after() const { return history.trust(); }

  Voice a{1, 101, "A"}, b{2, 102, "B"}, c{3, 103, "C"}, d{4, 104, "D"}, e{5, 105, "E"},
      f{6, 106, "F"}, c2{3, 203, "C"}, x{7, 107, "X"};
  Chronicle history{a, {a.member(), b.member(), c.member()}, 2};
  std::set<CommitId> together;
  std::map<MemberId, CommitId> known;  ///< last commits, before the halves parted
  std::size_t before = 0;
};

TEST_F(Halves, OneAdmitsWhileTheOtherRemovesTheProposer) {
  const auto admit = say_proposal(a, together, admission(x));
  say_vote(d, admit);
  say_vote(e, admit);
  const auto remove = say_proposal(b, together, removal(a));
  say_vote(c, remove);
  say_vote(f, remove);
  std::size_t orders = 0;
  EXPECT_EQ(outcomes(&orders).size(), 1u);
  EXPECT_GE(orders, 80u);
  EXPECT_EQ(after().member(a.member()), nullptr);
  EXPECT_NE(after().member(x.member()), nullptr) << "two others had voted for it";
}

TEST_F(Halves, TheRemovedMembersVoteBeyondItsCutOffAdmitsNobody) {
  const auto admit = say_proposal(a, together, admission(x));
  say_vote(d, admit);
  const auto remove = say_proposal(b, together, removal(a));
  say_vote(c, remove);
  EXPECT_EQ(outcomes().size(), 1u);
  EXPECT_EQ(after().member(x.member()), nullptr) << "one vote is left of two";
}

TEST_F(Halves, BothAdmitTheSameNewcomerInOtherWords) {
  const auto one = say_proposal(a, together, admission(x));
  say_vote(d, one);
  Voice renamed{7, 107, "X de l’autre moitié"};
  const auto other = say_proposal(b, together, admission(renamed));
  say_vote(c, other);
  EXPECT_EQ(outcomes().size(), 1u);
  EXPECT_NE(after().member(x.member()), nullptr);
}

TEST_F(Halves, TwoDelegatesRemoveEachOther) {
  // C has a node in either half.
  const auto one = say_proposal(a, together, removal(b));
  say_vote(c, one);
  const auto other = say_proposal(b, together, removal(a));
  say_vote(c2, other);
  EXPECT_EQ(outcomes().size(), 1u);
  EXPECT_EQ(after().member(a.member()), nullptr);
  EXPECT_EQ(after().member(b.member()), nullptr);
  EXPECT_NE(after().member(c.member()), nullptr);
}

TEST_F(Halves, TheQuorumChangesWhileSomebodyIsAdmitted) {
  const auto change = say_proposal(a, together, charter("quorum", "3"));
  say_vote(c, change);
  const auto admit = say_proposal(b, together, admission(x));
  say_vote(f, admit);
  EXPECT_EQ(outcomes().size(), 1u);
  EXPECT_EQ(after().charter().quorum, 3u);
  EXPECT_NE(after().member(x.member()), nullptr) << "it was proposed under a quorum of two";
}

TEST_F(Halves, OneThingIsChangedTwoWays) {
  const auto one = say_proposal(a, together, charter("secrecy_threshold", "15"));
  say_vote(c, one);
  const auto other = say_proposal(b, together, charter("secrecy_threshold", "20"));
  say_vote(c2, other);
  EXPECT_EQ(outcomes().size(), 1u);
  const bool first_holds = one < other;
  EXPECT_EQ(after().charter().secrecy_threshold, first_holds ? 15u : 20u);
}

TEST_F(Halves, OneWhoIsDroppedAsDelegateRemovesSomebodyMeanwhile) {
  Proposal drop;
  drop.delegate = DelegateChange{b.member(), true};
  const auto dropped = say_proposal(a, together, drop);
  say_vote(c, dropped);
  const auto remove = say_proposal(b, together, removal(d));
  say_vote(c2, remove);
  EXPECT_EQ(outcomes().size(), 1u);
  EXPECT_EQ(after().member(d.member()), nullptr) << "it passed by the delegates of its own past";
}

// One vote is a member's, whatever it repeats: by a second node, in another form, twice.
TEST_F(Halves, AVoteRepeatedIsOneVote) {
  const auto three = say_proposal(a, together, charter("quorum", "3"));
  say_vote(c, three);
  std::set<CommitId> all = history.all();
  const auto admit = say_proposal(c, all, admission(x));
  all.insert(admit.commit);
  history.say(c, all, {vote_for(admit)});
  history.say(c2, all, {vote_for(admit), vote_for(admit)});
  history.say(c2, all, {vote_for(admit, 1, {{history.annuaire(), admit.commit}})});
  EXPECT_EQ(outcomes().size(), 1u);
  EXPECT_EQ(after().member(x.member()), nullptr);
  EXPECT_EQ(after().decision(admit)->votes.size(), 1u);
}

TEST_F(Halves, AVoteForAnotherProposalOrAnotherFederationsIsNone) {
  const auto admit = say_proposal(a, together, admission(x));
  Voice y{8, 108, "Y"};
  const auto other = say_proposal(b, together, admission(y));
  say_vote(d, other);
  history.say(d, together, {vote_for(ProposalId{CommitId::from_array({7}), 1})});
  say_vote(e, {admit.commit, 2});
  EXPECT_EQ(outcomes().size(), 1u);
  EXPECT_EQ(after().member(x.member()), nullptr);
  EXPECT_NE(after().member(y.member()), nullptr);
}

TEST_F(Halves, TenInvitedAccomplicesRemoveNobody) {
  std::vector<std::unique_ptr<Voice>> accomplices;
  for (std::uint64_t i = 0; i < 10; ++i) {
    accomplices.push_back(std::make_unique<Voice>(20 + i, 120 + i, "complice"));
    const auto admit = say_proposal(d, history.all(), admission(*accomplices.back()));
    history.say(e, history.all(), {vote_for(admit)});
  }
  ASSERT_EQ(after().members().size(), 16u);
  const auto remove = say_proposal(*accomplices[0], history.all(), removal(a));
  for (const auto& one : accomplices) history.say(*one, history.all(), {vote_for(remove)});
  EXPECT_NE(after().member(a.member()), nullptr);
  EXPECT_FALSE(after().decision(remove)->passed);
}

}  // namespace
}  // namespace maillon::test
