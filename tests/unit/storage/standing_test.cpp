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

}  // namespace
}  // namespace maillon::test
