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

/// Else one op would make everybody's record somebody's, and void what the others wrote.
TEST_F(Owned, NobodyClaimsARecordUnderAnIdOfAnotherMaking) {
  OpTable table;
  Op op;
  op.kind = static_cast<std::uint32_t>(OpKind::patch);
  op.collection = "lieux";
  op.id_form = IdForm::owned;
  op.key = "1";
  LeafTable leaf0;
  leaf0.members.push_back(other.node->member);
  const auto body = [&](const RecordId& id) {
    op.id = id;
    Bytes names;
    leaf0.encode_into(names);
    Bytes skeleton;
    encode_skeleton(table, op, /*omit_id=*/false, skeleton);
    Bytes payload;
    encode_payload(table, op, payload);
    Bytes raw;
    ByteWriter out{raw};
    out.u8(1);
    out.sized(names);
    for (const unsigned one : {1u, 1u, 0u, 1u}) out.varint(one);  // One op, in one run, full.
    out.raw(crypto::Seed{});
    out.sized(skeleton);
    out.sized(payload);
    return parse_body(std::move(raw), /*leaves=*/2, /*trusted=*/false);
  };
  EXPECT_TRUE(body(owned_record_id("lieux", other.node->member, "1")).has_value());
  for (const RecordId& id : {record, record_number(1)}) {
    const auto claimed = body(id);
    ASSERT_TRUE(claimed.has_error());
    EXPECT_EQ(claimed.error().code, Errc::malformed);
  }
}

}  // namespace
}  // namespace maillon::test
