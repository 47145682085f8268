#include <gtest/gtest.h>

#include <algorithm>

#include "tests/support/world.hpp"

/// Records that belong to a member: what others write into them, and what an heir does.
namespace maillon::test {
namespace {

using namespace storage;
using namespace std::chrono_literals;

class Owned : public testing::Test {
 protected:
  Owned() {
    Change change = patch("lieux", RecordId::zero(), {{"nom", Value::of_text("à moi")}});
    change.form = IdForm::owned;
    change.key = "1";
    change.id = record = owned_record_id("lieux", owner.node->member, "1");
    made = owner.node->write(kCatalogue, {change}, kEpoch).commits.at(0);
  }
  /// What only a faulty program writes: it names what it replaces, but not whose the record is.
  CommitPtr forced(Peer& by, UnixMillis when) {
    (void)by.node->receive(made, when);
    HandOp op;
    op.record = record;
    op.field = "nom";
    op.value = "\x04pris";
    op.field_dots = {{made->id, 1}};
    return sign_by_hand(by, {op}, {}, when);
  }
  CommitPtr inherits(Peer& heir) {
    TestNode& node = *founder.node;
    Proposal proposal;
    proposal.succession = Succession{owner.node->member, heir.node->member};
    const std::vector<GovernanceOp> ops{{OpKind::proposal, encode(proposal)},
                                        {OpKind::vote, encode(Vote{std::nullopt, 1})}};
    must(node.store->begin());
    auto out = must(node.store->write_governance(ops, node.author(), kEpoch + 1min, node.rng));
    must(node.store->commit());
    return out;
  }
  /// What a fresh reader sees, whatever came first.
  std::set<std::string> shown(std::vector<CommitPtr> commits) {
    std::set<std::string> out;
    std::ranges::sort(commits, {}, [](const CommitPtr& c) { return c->id; });
    do {
      Peer reader{0};
      for (const CommitPtr& commit : commits) (void)reader.node->receive(commit, kEpoch + 1h);
      EXPECT_TRUE(reader.verify().has_value());
      out.insert(reader.node->value(kCatalogue, "lieux", record, "nom") +
                 reader.node->digest(kCatalogue).hex());
    } while (
        std::ranges::next_permutation(commits, {}, [](const CommitPtr& c) { return c->id; }).found);
    return out;
  }

  Peer founder{0};
  Peer owner{1};
  Peer other{3};
  RecordId record = RecordId::zero();
  CommitPtr made;
};

TEST_F(Owned, WhatOthersForceIntoItHasNoEffectAndIsNoConflict) {
  const auto alone = shown({made});
  const auto all = shown({made, forced(other, kEpoch + 1s)});
  EXPECT_EQ(all, alone);
  EXPECT_TRUE(all.begin()->starts_with("à moi"));
}

// Without the dots that would make it wait for the owner's own op.
TEST_F(Owned, AForgeryThatComesFirstIsVoidOnceTheOwnerSpeaks) {
  HandOp op;
  op.record = record;
  op.field = "nom";
  op.value = "\x04avant";
  const auto forged = sign_by_hand(other, {op}, {}, kEpoch + 1s);
  const auto all = shown({made, forged});
  ASSERT_EQ(all.size(), 1u);
  EXPECT_TRUE(all.begin()->starts_with("à moi"));
}

TEST_F(Owned, AnHeirsWordsCountInAnyOrder) {
  const auto written = forced(other, kEpoch + 1s);
  const auto all = shown({made, written, inherits(other)});
  ASSERT_EQ(all.size(), 1u);
  EXPECT_TRUE(all.begin()->starts_with("pris"));
}

TEST_F(Owned, OnesOwnNodeRefusesToWriteIntoIt) {
  (void)other.node->receive(made, kEpoch + 1s);
  const std::vector change{patch("lieux", record, {{"nom", Value::of_text("pris")}})};
  const auto write = [&](Peer& who) {
    must(who.node->store->begin());
    auto out = who.node->store->write(who.node->space(kCatalogue), change, who.node->author(),
                                      kEpoch + 2min, who.node->rng);
    must(out.has_error() ? who.node->store->rollback() : who.node->store->commit());
    return out.has_error() ? std::optional{out.error()} : std::nullopt;
  };
  const auto refused = write(other);
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->code, Errc::not_allowed);
  EXPECT_NE(refused->detail.find("belongs to B"), std::string::npos) << refused->detail;
  EXPECT_FALSE(write(owner)) << "an edit by id, without the key";
  (void)other.node->receive(inherits(other), kEpoch + 2min);
  EXPECT_FALSE(write(other)) << "after the succession";
}

}  // namespace
}  // namespace maillon::test
