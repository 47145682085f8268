#include <gtest/gtest.h>

#include <algorithm>

#include "tests/support/world.hpp"

/// What a removal leaves of its member's work, whatever comes when and by whatever way.
namespace maillon::test {
namespace {

using namespace storage;
using namespace std::chrono_literals;

HandOp naming(std::string value, std::vector<std::pair<CommitId, std::uint32_t>> replaced = {}) {
  HandOp out;
  out.record = record_number(1);
  out.field = "nom";
  out.value = "\x04" + value;
  out.field_dots = std::move(replaced);
  return out;
}

class Removed : public testing::Test {
 protected:
  /// The founder, only delegate, removes the member with what it knows of it.
  CommitPtr removal(const std::vector<CommitId>& known) {
    TestNode& node = *founder.node;
    Proposal proposal;
    proposal.remove = Removal{member.node->member};
    for (const CommitId& id : known) proposal.cut.push_back({node.space(kCatalogue), id});
    const std::vector<GovernanceOp> ops{{OpKind::proposal, encode(proposal)},
                                        {OpKind::vote, encode(Vote{std::nullopt, 1})}};
    must(node.store->begin());
    auto out = must(node.store->write_governance(ops, node.author(), kEpoch + 1min, node.rng));
    must(node.store->commit());
    return out;
  }
  /// What a fresh reader makes of the commits in each order; one outcome, or more if it matters.
  std::set<std::string> outcomes(std::vector<CommitPtr> commits, UnixMillis until) {
    std::set<std::string> out;
    std::ranges::sort(commits, {}, [](const CommitPtr& c) { return c->id; });
    do {
      Peer reader{3};
      for (const CommitPtr& commit : commits) (void)reader.node->receive(commit, kEpoch + 2min);
      must(reader.node->store->begin());
      (void)must(reader.node->store->release_held(until));
      must(reader.node->store->commit());
      EXPECT_TRUE(reader.verify().has_value());
      out.insert(reader.text() + reader.node->value(kCatalogue, "lieux", record_number(1), "nom"));
    } while (
        std::ranges::next_permutation(commits, {}, [](const CommitPtr& c) { return c->id; }).found);
    return out;
  }

  Peer founder{0};
  Peer member{1};
};

// Its last commit was ahead of the time: what it stands on counts all the same.
TEST_F(Removed, WhatANamedCommitStandsOnCountsBeforeItsTimeHasCome) {
  const auto kept = sign_by_hand(member, {naming("gardé")}, {}, kEpoch);
  (void)member.node->receive(kept, kEpoch);
  const auto ahead = sign_by_hand(member, {naming("demain", {{kept->id, 1}})}, {}, kEpoch + 24h);
  (void)member.node->receive(ahead, kEpoch + 24h);
  const auto removed = removal({ahead->id});
  const auto soon = outcomes({kept, ahead, removed}, kEpoch + 2min);
  ASSERT_EQ(soon.size(), 1u);
  EXPECT_TRUE(soon.begin()->ends_with("gardé"));
  const auto later = outcomes({kept, ahead, removed}, kEpoch + 25h);
  ASSERT_EQ(later.size(), 1u);
  EXPECT_TRUE(later.begin()->ends_with("demain"));
}

// Nor does it help to propose oneself again in between.
TEST_F(Removed, LeavingAfterwardsSparesNothing) {
  const auto kept = sign_by_hand(member, {naming("gardé")}, {}, kEpoch);
  (void)member.node->receive(kept, kEpoch);
  const auto removed = removal({kept->id});
  TestNode& node = *member.node;
  (void)node.receive(removed, kEpoch + 1min);
  const auto late = sign_by_hand(member, {naming("tard", {{kept->id, 1}})}, {}, kEpoch + 90s);
  (void)node.receive(late, kEpoch + 90s);
  Proposal again;
  again.admit = Admission{};
  again.admit->certificate = node.certificate();
  again.admit->name = "encore";
  Proposal leave;
  leave.remove = Removal{node.member};
  leave.cut = {{node.space(kCatalogue), late->id}};
  const auto say = [&](const Proposal& proposal) {
    const std::vector<GovernanceOp> ops{{OpKind::proposal, encode(proposal)}};
    must(node.store->begin());
    auto out = must(node.store->write_governance(ops, node.author(), kEpoch + 100s, node.rng));
    must(node.store->commit());
    return out;
  };
  const auto proposed = say(again);
  const auto left = say(leave);
  const auto all = outcomes({kept, removed, late, proposed, left}, kEpoch + 2min);
  ASSERT_EQ(all.size(), 1u);
  EXPECT_TRUE(all.begin()->ends_with("gardé")) << *all.begin();
}

// A delete without effect stays so, whatever is written afterwards by those who know of it.
TEST_F(Removed, WhatItDeletesAfterwardsIsNotTakenAwayByTheNextEdit) {
  const auto kept = sign_by_hand(founder, {naming("gardé")}, {}, kEpoch);
  (void)founder.node->receive(kept, kEpoch);
  member.pull(founder, kEpoch);
  const auto removed = removal({});
  HandOp erase;
  erase.kind = static_cast<std::uint32_t>(OpKind::remove);
  erase.record = record_number(1);
  erase.whole = {{kept->id, 1}};
  const auto revenge = sign_by_hand(member, {erase}, {}, kEpoch + 1min);
  (void)founder.node->receive(revenge, kEpoch + 2min);
  EXPECT_TRUE(must(founder.node->store->log().find(revenge->id))->is_void);
  founder.node->write(kCatalogue,
                      {patch("lieux", record_number(1), {{"tel", Value::of_text("1")}})},
                      kEpoch + 3min);
  EXPECT_EQ(founder.node->value(kCatalogue, "lieux", record_number(1), "nom"), "gardé");
  EXPECT_EQ(founder.node->value(kCatalogue, "lieux", record_number(1), "tel"), "1");
  EXPECT_TRUE(founder.verify().has_value());
}

TEST_F(Removed, WhatComesBeyondTheCutOffChangesNothingInAnyOrder) {
  const auto kept = sign_by_hand(member, {naming("gardé")}, {}, kEpoch);
  (void)member.node->receive(kept, kEpoch);
  const auto decided = removal({kept->id});
  // It does not know, or says so: what it overwrites, and what it takes back, from "before".
  const auto late = sign_by_hand(member, {naming("après", {{kept->id, 1}})}, {}, kEpoch + 1s);
  (void)member.node->receive(late, kEpoch + 1s);
  member.node->incarnation = 77;
  const auto undone = sign_by_hand(member, {naming("défait")}, kept->id, kEpoch + 2s);
  const auto all = outcomes({kept, decided, late, undone}, kEpoch + 2min);
  ASSERT_EQ(all.size(), 1u);
  EXPECT_TRUE(all.begin()->ends_with("gardé")) << *all.begin();
}

TEST_F(Removed, WhereNothingIsNamedWhatOthersBuiltOnCounts) {
  Peer other{4};
  const auto first = sign_by_hand(member, {naming("vu")}, {}, kEpoch);
  (void)member.node->receive(first, kEpoch);
  (void)other.node->receive(first, kEpoch);
  const auto built = sign_by_hand(other, {}, {}, kEpoch + 1s);
  const auto unseen =
      sign_by_hand(member, {naming("jamais vu", {{first->id, 1}})}, {}, kEpoch + 1s);
  const auto decided = removal({});
  const auto all = outcomes({first, built, unseen, decided}, kEpoch + 2min);
  ASSERT_EQ(all.size(), 1u);
  EXPECT_TRUE(all.begin()->ends_with("vu") && !all.begin()->ends_with("jamais vu")) << *all.begin();
}

// What waits for its time saves nothing before that, on any node.
TEST_F(Removed, AHeldCommitSparesOnlyOnceItsTimeHasCome) {
  Peer other{4};
  const auto first = sign_by_hand(member, {naming("vu")}, {}, kEpoch);
  (void)member.node->receive(first, kEpoch);
  (void)other.node->receive(first, kEpoch);
  const auto ahead = sign_by_hand(other, {}, {}, kEpoch + 24h);
  const auto decided = removal({});
  const auto before = outcomes({first, ahead, decided}, kEpoch + 2min);
  ASSERT_EQ(before.size(), 1u);
  EXPECT_TRUE(before.begin()->ends_with("-")) << *before.begin();
  const auto after = outcomes({first, ahead, decided}, kEpoch + 48h);
  ASSERT_EQ(after.size(), 1u);
  EXPECT_TRUE(after.begin()->ends_with("vu")) << *after.begin();
}

// Whoever has not heard of it stores what is written there all the same, and may hear of it later.
TEST_F(Removed, WhatIsWrittenInASpaceThatItDeclaredMeanwhileIsStoredAndHasNoEffect) {
  Proposal declare;
  SpaceDeclaration space;
  space.federation = *founder.node->store->federation();
  space.nonce = Bytes(16, 7);
  space.name = "projets";
  space.readers = space.writers = {"all"};
  declare.space = encode(space);
  TestNode& node = *member.node;
  const std::vector<GovernanceOp> ops{{OpKind::proposal, encode(declare)},
                                      {OpKind::vote, encode(Vote{std::nullopt, 1})}};
  must(node.store->begin());
  const auto declared =
      must(node.store->write_governance(ops, node.author(), kEpoch + 1s, node.rng));
  must(node.store->commit());
  Peer other{2};
  (void)other.node->receive(declared, kEpoch + 2s);
  const auto written =
      other.node->write("projets", {patch("lieux", record_number(1), {{"nom", Value::of_text("ici")}})},
                        kEpoch + 2s);
  ASSERT_EQ(written.commits.size(), 1u);
  const auto removed = removal({});
  std::vector<CommitPtr> all{declared, written.commits.front(), removed};
  std::ranges::sort(all, {}, &Commit::id);
  do {
    Peer reader{3};
    Store& store = *reader.node->store;
    for (const CommitPtr& commit : all) (void)reader.node->receive(commit, kEpoch + 2min);
    const auto entry = must(store.log().find(written.commits.front()->id));
    ASSERT_TRUE(entry.has_value());
    EXPECT_TRUE(entry->is_void);
    EXPECT_EQ(store.trust()->space(space_id(*declare.space)), nullptr);
    EXPECT_TRUE(reader.verify().has_value());
  } while (std::ranges::next_permutation(all, {}, &Commit::id).found);
}

/// The member leaves, and names this as the end of its work.
CommitPtr leave(Peer& member, const CommitId& end) {
  TestNode& node = *member.node;
  Proposal leave;
  leave.remove = Removal{node.member};
  leave.cut = {{node.space(kCatalogue), end}};
  const std::vector<GovernanceOp> ops{{OpKind::proposal, encode(leave)}};
  must(node.store->begin());
  auto out = must(node.store->write_governance(ops, node.author(), kEpoch + 1min, node.rng));
  must(node.store->commit());
  return out;
}

TEST(Left, WithWorkThatReachedNobodyTakesNothingAlong) {
  Peer member{1};
  const auto shared = sign_by_hand(member, {naming("connu")}, {}, kEpoch);
  (void)member.node->receive(shared, kEpoch);
  const auto unsent = sign_by_hand(member, {naming("resté", {{shared->id, 1}})}, {}, kEpoch + 1s);
  (void)member.node->receive(unsent, kEpoch + 1s);
  const auto left = leave(member, unsent->id);
  const auto later = sign_by_hand(member, {naming("après", {{unsent->id, 1}})}, {}, kEpoch + 2min);
  const auto shown = [](Peer& peer) {
    EXPECT_TRUE(peer.verify().has_value());
    return peer.node->value(kCatalogue, "lieux", record_number(1), "nom");
  };
  Peer reader{3};
  (void)reader.node->receive(left, kEpoch + 3min);
  (void)reader.node->receive(shared, kEpoch + 3min);
  EXPECT_EQ(shown(reader), "connu");
  // It waits for what it stands on, and then comes too late.
  (void)reader.node->receive(later, kEpoch + 3min);
  EXPECT_EQ(shown(reader), "connu");
  (void)reader.node->receive(unsent, kEpoch + 3min);
  EXPECT_EQ(shown(reader), "resté");
}

TEST(Left, WhatItDatesAfterwardsHasNoEffectEvenIfNobodyHasTheEnd) {
  Peer member{1};
  const auto unsent = sign_by_hand(member, {naming("resté")}, {}, kEpoch);
  const auto left = leave(member, unsent->id);
  const auto later = sign_by_hand(member, {naming("après")}, {}, kEpoch + 2min);
  Peer reader{3};
  (void)reader.node->receive(left, kEpoch + 3min);
  (void)reader.node->receive(later, kEpoch + 3min);
  EXPECT_EQ(reader.node->value(kCatalogue, "lieux", record_number(1), "nom"), "-");
}

}  // namespace
}  // namespace maillon::test
