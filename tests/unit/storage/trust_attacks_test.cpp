#include <gtest/gtest.h>

#include <algorithm>

#include "tests/support/chronicle.hpp"

/// What removed members, accomplices and thieves try in annuaire, each with a past of their choice.
namespace maillon::test {
namespace {

using namespace storage;

class Attacks : public testing::Test {
 protected:
  Attacks() {
    std::vector<Words> words;
    for (Voice* one : {&b, &c, &e}) {
      Proposal admit;
      admit.admit = one->admission();
      words.push_back(propose(admit));
      words.push_back(vote_for(std::nullopt, static_cast<std::uint32_t>(words.size())));
    }
    history.say(a, words);
    alone = history.all();
    for (Voice* one : {&b, &c, &e}) hello(*one);
    for (Voice* one : {&b, &c}) {
      Proposal make;
      make.delegate = DelegateChange{one->member(), false};
      decide(make, one == &c ? std::vector{&b} : std::vector<Voice*>{});
    }
  }

  void hello(Voice& who) {
    history.say(who, {{OpKind::address, encode(Address{{"ws://" + who.name + ".test"}})}});
  }
  /// Proposed by a, voted for by as many delegates as it takes.
  ProposalId decide(const Proposal& proposal, const std::vector<Voice*>& others) {
    const ProposalId id{history.say(a, {propose(proposal), vote_for(std::nullopt)})->id, 1};
    for (Voice* other : others) history.say(*other, {vote_for(id)});
    return id;
  }
  Proposal removal(const Voice& of, const std::vector<CommitId>& tips) const {
    Proposal out;
    out.remove = Removal{of.member()};
    for (const CommitId& tip : tips) out.cut.push_back({elsewhere, tip});
    return out;
  }
  /// What the removals of a member, or its leaves, name in the other space.
  std::set<CommitId> named(const Voice& of, bool left = false) const {
    std::set<CommitId> out;
    const Trust trust = history.trust();
    for (const Limit& limit : trust.limits())
      if (limit.member == of.member() && limit.left == left)
        for (const CutOff& cut : limit.cuts)
          if (cut.space == elsewhere) out.insert(cut.commit);
    return out;
  }
  static CommitId commit_number(std::uint8_t number) {
    std::array<std::uint8_t, CommitId::kSize> raw{};
    raw.fill(number);
    return CommitId::from_array(raw);
  }
  Words taking_back(const Voice& owner, const NodeId& node, std::vector<CutOff> cut = {}) const {
    Revocation out;
    out.node = node;
    out.root = owner.root.member_id();
    out.cut = std::move(cut);
    const auto signature =
        owner.root.sign("maillon/revocation/v1", revocation_bytes(history.federation(), out));
    out.signature.assign(signature.bytes().begin(), signature.bytes().end());
    return {OpKind::revocation, encode(out)};
  }

  Voice a{1, 11, "A"}, b{2, 12, "B"}, c{3, 13, "C"}, e{4, 14, "E"};
  Chronicle history{a, {a.member()}, 1};
  std::set<CommitId> alone;  ///< when a was the only delegate
  const SpaceId elsewhere = SpaceId::from_array([] {
    std::array<std::uint8_t, SpaceId::kSize> raw{};
    raw.fill(7);
    return raw;
  }());
  const CommitId t1 = commit_number(1);
  const CommitId t2 = commit_number(2);
};

TEST_F(Attacks, WhoIsRemovedCannotSpareItsLaterCommitsByLeaving) {
  decide(removal(e, {t1}), {&b});
  EXPECT_EQ(named(e), std::set{t1});
  history.say(e, {propose(removal(e, {t2}))});
  EXPECT_EQ(history.trust().member(e.member()), nullptr);
  EXPECT_EQ(named(e), std::set{t1}) << "and what a leave names adds nothing to it";
}

TEST_F(Attacks, WhatAnHonestLeaveNamesStands) {
  history.say(e, {propose(removal(e, {t2}))});
  EXPECT_EQ(named(e, true), std::set{t2});
  // Whoever removes it afterwards knew of the leave.
  decide(removal(e, {t1}), {&b});
  EXPECT_EQ(named(e), (std::set{t1, t2}));
}

TEST_F(Attacks, WhoCameBackLeavesByItsOwnWord) {
  decide(removal(e, {t1}), {&b});
  Proposal again;
  again.admit = e.admission();
  history.say(a, {propose(again), vote_for(std::nullopt)});
  hello(e);
  EXPECT_NE(history.trust().member(e.member()), nullptr);
  history.say(e, {propose(removal(e, {t2}))});
  EXPECT_EQ(history.trust().member(e.member()), nullptr);
  EXPECT_EQ(named(e), std::set{t1});
  EXPECT_EQ(named(e, true), std::set{t2});
  const Trust trust = history.trust();
  for (const Limit& limit : trust.limits())
    EXPECT_EQ(limit.lifted.empty(), limit.left) << "the return ends the removal's limit";
}

TEST_F(Attacks, WhoIsToGoNamesNothingByItsOwnVoteAndOthersNameOnce) {
  const ProposalId id = decide(removal(c, {t1}), {&b});
  EXPECT_EQ(history.trust().member(c.member()), nullptr);
  history.say(c, {vote_for(id, 1, {{elsewhere, t2}})});
  EXPECT_EQ(named(c), std::set{t1});
  history.say(b, {vote_for(id, 1, {{elsewhere, t2}})});
  EXPECT_EQ(named(c), std::set{t1}) << "b had voted, and named nothing then";
}

TEST_F(Attacks, AnOldBackupDecidesNothingOnceItsKeyIsTakenBack) {
  Voice fresh{1, 21, "A"};
  history.say(a, {{OpKind::certificate, fresh.certificate()},
                  taking_back(a, a.node_id(), {{history.annuaire(), *a.last}})});
  hello(b);
  // The thief goes on from the time when a was the only delegate.
  Voice backup{1, 11, "A"};
  const Proposal out = removal(b, {});
  history.say(backup, alone, {propose(out), vote_for(std::nullopt)});
  Proposal root;
  const Voice thief{9, 29, "Voleur"};
  root.root_key = RootKeyChange{a.member(), thief.root.member_id()};
  history.say(backup, alone, {propose(root), vote_for(std::nullopt)});
  const Trust trust = history.trust();
  EXPECT_NE(trust.member(b.member()), nullptr);
  EXPECT_EQ(trust.member(a.member())->root, a.member());
  // What a decided before stands.
  EXPECT_TRUE(trust.member(c.member())->delegate);
}

TEST_F(Attacks, AVoteStandsIfOthersBuiltOnItBeforeTheyKnewThatItsKeyWasTakenBack) {
  const std::set<CommitId> before = history.all();
  const CommitId admitted = *a.last;
  const ProposalId id = decide(removal(e, {t1}), {&b});
  // It takes its key back with a past in which it had not voted: no vote is withdrawn like that.
  Voice other{1, 22, "A"};
  history.say(other, before,
              {{OpKind::certificate, other.certificate()},
               taking_back(a, a.node_id(), {{history.annuaire(), admitted}})});
  const Trust trust = history.trust();
  EXPECT_TRUE(trust.decision(id)->passed);
  EXPECT_EQ(trust.member(e.member()), nullptr);
}

TEST_F(Attacks, AKeyTakenBackMakesNobodyLeave) {
  Voice laptop{2, 32, "B"};
  history.say(b, {{OpKind::certificate, laptop.certificate()}});
  const std::set<CommitId> before = history.all();
  history.say(b, {taking_back(b, laptop.node_id())});
  history.say(laptop, before, {propose(removal(b, {}))});
  EXPECT_NE(history.trust().member(b.member()), nullptr);
}

TEST_F(Attacks, OneVoteRenamesAndMovesNobody) {
  Proposal again;
  again.admit = b.admission();
  again.admit->name = "Zorro";
  again.admit->region = "99";
  again.admit->role = Role::hub;
  history.say(e, {propose(again), vote_for(std::nullopt)});
  // Nor one who had not seen that b is a member: b's first word stands on its true admission.
  Proposal before = again;
  before.admit->name = "Aaa";
  Voice old{1, 11, "A"};
  history.say(old, {history.commits().front()->id}, {propose(before), vote_for(std::nullopt)});
  const Trust trust = history.trust();
  const Member* member = trust.member(b.member());
  ASSERT_NE(member, nullptr);
  EXPECT_EQ(member->name, "B");
  EXPECT_EQ(member->region, "28");
  EXPECT_EQ(member->role, Role::cooperative);
  EXPECT_FALSE(trust.matches("region:99", e.member()));
}

TEST_F(Attacks, ASpaceOfTheSameNameTakesNobodysPlace) {
  const auto declare = [&](Voice& who, const std::string& name, std::uint8_t nonce) {
    SpaceDeclaration space;
    space.federation = history.federation();
    space.name = name;
    space.readers = {"all"};
    space.writers = {"member:" + who.member().hex()};
    space.nonce.assign(16, nonce);
    Proposal out;
    out.space = encode(space);
    history.say(who, {propose(out), vote_for(std::nullopt)});
    return space_id(*out.space);
  };
  Proposal common;
  common.space = common_spaces(history.federation())[0];
  history.say(a, {propose(common), vote_for(std::nullopt)});
  const SpaceId notes = declare(b, "notes", 1);
  bool smaller = false;
  for (std::uint8_t nonce = 2; nonce < 12; ++nonce) {
    smaller |= declare(e, "notes", nonce) < notes;
    declare(e, "formation", nonce);
  }
  ASSERT_TRUE(smaller) << "else this shows nothing";
  const Trust trust = history.trust();
  EXPECT_EQ(trust.space_named("notes")->id, notes);
  EXPECT_EQ(trust.space_named("formation")->id, space_id(*common.space));
  for (const auto& [id, space] : trust.spaces())
    EXPECT_EQ(space.is_default, id == space_id(*common.space) || id == trust.annuaire());
}

}  // namespace
}  // namespace maillon::test
