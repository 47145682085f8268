#include <gtest/gtest.h>

#include <algorithm>

#include "tests/support/world.hpp"

namespace maillon::test {
namespace {

using namespace storage;
using namespace std::chrono_literals;
using Outcome = Received::Outcome;

HandOp op(unsigned record, std::string value) {
  HandOp out;
  out.record = record_number(record);
  out.field = "nom";
  out.value = "\x04" + value;
  return out;
}

/// The same body under a changed header, signed by whoever the key belongs to.
CommitPtr signed_again(const Commit& commit, const crypto::SigningKey& key,
                       const std::function<void(Header&)>& change) {
  Header header = commit.header;
  change(header);
  SignedCommit bytes = commit.bytes;
  bytes.header = encode_header(header);
  const auto signature = key.sign(kCommitDomain, bytes.header);
  bytes.signature.assign(signature.bytes().begin(), signature.bytes().end());
  return must(verify_commit(std::move(bytes)));
}

class Receiving : public testing::Test {
 protected:
  Receiving() {
    first = sign_by_hand(author, {op(1, "un")}, {}, kEpoch);
    (void)author.node->receive(first, kEpoch);
    (void)reader.node->receive(first, kEpoch);
    second = sign_by_hand(author, {op(1, "deux")}, {}, kEpoch + 1s);
  }
  Received refused(const std::function<void(Header&)>& change) {
    return reader.node->receive(signed_again(*second, author.node->node_key, change), kEpoch + 1s);
  }
  Log& log() { return reader.node->store->log(); }
  std::int64_t space() { return must(log().space_row(reader.node->space(kCatalogue))); }

  Peer author{0};
  Peer reader{1};
  CommitPtr first;
  CommitPtr second;
};

// Whoever changed its key, and publishes that again, may be heard before what it said first.
TEST_F(Receiving, WhoBringsTheCertificateOfItsOwnKeyIsKnownByIt) {
  TestNode& node = *author.node;
  const crypto::SigningKey stranger{crypto::Secret32::random(node.rng)};
  const auto introduced = [&](const crypto::SigningKey& root) {
    const crypto::SigningKey fresh{crypto::Secret32::random(node.rng)};
    const std::vector<GovernanceOp> ops{
        {OpKind::certificate, crypto::NodeCertificate::make(root, fresh, 0).encode()}};
    must(node.store->begin());
    const auto commit = must(node.store->write_governance(ops, {node.member, 9, &fresh},
                                                          kEpoch + 1s, node.rng));
    must(node.store->commit());
    return reader.node->receive(commit, kEpoch + 1s).outcome;
  };
  EXPECT_EQ(introduced(node.root_key), Outcome::applied);
  EXPECT_EQ(introduced(stranger), Outcome::refused);
}

struct Rule {
  const char* name;
  const char* reason;
  std::function<void(Header&, Peer&)> change;
};
class Refusal : public Receiving, public testing::WithParamInterface<Rule> {};

// What a well-formed commit of a member may still get wrong. Nothing of it is kept.
TEST_P(Refusal, SaysWhyAndKeepsNothing) {
  const auto& rule = GetParam();
  const Digest frontier = reader.node->frontier(kCatalogue);
  const Received got = refused([&](Header& h) { rule.change(h, reader); });
  EXPECT_EQ(got.outcome, Outcome::refused);
  EXPECT_EQ(got.reason, rule.reason);
  EXPECT_TRUE(got.provable);
  EXPECT_EQ(reader.node->frontier(kCatalogue), frontier);
  EXPECT_EQ(reader.node->receive(second, kEpoch + 1s).outcome, Outcome::applied);
}

FederationId another_federation() {
  std::array<std::uint8_t, 32> raw{};
  raw[0] = 1;
  return FederationId::from_array(raw);
}

INSTANTIATE_TEST_SUITE_P(
    Table, Refusal,
    testing::Values(Rule{"Federation", "a commit of another federation",
                         [](Header& h, Peer&) { h.federation = another_federation(); }},
                    Rule{"NoFederation", "the genesis of another federation",
                         [](Header& h, Peer&) { h.federation = FederationId::zero(); }},
                    Rule{"Member", "its author is not a member",
                         [](Header& h, Peer& other) { h.member = other.node->member; }},
                    Rule{"Space", "its space is not declared",
                         [](Header& h, Peer&) { h.space = SpaceId::from_array({1}); }},
                    Rule{"ClockNotAfterPrevious", "its clock is not after what it depends on",
                         [](Header& h, Peer&) { h.hlc = Hlc::at(kEpoch); }},
                    Rule{"PreviousOfAnotherFeed", "its previous commit is not its feed's",
                         [](Header& h, Peer&) { h.incarnation += 1; }},
                    Rule{"SeqSkipped", "its previous commit is not its feed's",
                         [](Header& h, Peer&) { h.seq += 1; }},
                    Rule{"TotalOps", "its totals do not follow its feed's",
                         [](Header& h, Peer&) { h.total_ops += 1; }},
                    Rule{"TotalBytes", "its totals do not follow its feed's",
                         [](Header& h, Peer&) { h.total_bytes += 1; }},
                    Rule{"DepOfAnotherSpace", "it depends on another space",
                         [](Header& h, Peer&) { h.deps = h.annuaire_heads; }},
                    Rule{"AnnuaireHeadOfAnotherSpace", "its annuaire heads are of another space",
                         [](Header& h, Peer&) { h.annuaire_heads = {*h.previous}; }}),
    [](const auto& row) { return std::string{row.param.name}; });

TEST_F(Receiving, TheFirstCommitOfAFeedNamesAnnuairesHeads) {
  const auto got = reader.node->receive(signed_again(*first, author.node->node_key,
                                                     [](Header& h) {
                                                       h.incarnation += 1;
                                                       h.annuaire_heads.clear();
                                                     }),
                                        kEpoch);
  EXPECT_EQ(got.outcome, Outcome::refused);
  const auto alone = author.node->commits("annuaire").back();
  const auto got_alone = reader.node->receive(signed_again(*alone, author.node->node_key,
                                                           [](Header& h) {
                                                             h.incarnation += 1;
                                                             h.seq = 1;
                                                             h.previous.reset();
                                                             h.deps.clear();
                                                           }),
                                              kEpoch);
  EXPECT_EQ(got_alone.reason, "the first commit of a feed must name annuaire's heads");
}

TEST_F(Receiving, OpsOnRecordsDoNothingInAnnuaire) {
  const Digest before = reader.node->digest("annuaire");
  const RecordId id = record_number(7);
  const auto wrote = author.node->write(
      "annuaire", {patch("lieux", id, {{"nom", Value::of_text("chez les décisions")}})}, kEpoch + 2s);
  ASSERT_EQ(wrote.commits.size(), 1u);
  EXPECT_EQ(reader.node->receive(wrote.commits[0], kEpoch + 2s).outcome, Outcome::applied);
  for (Peer* peer : {&author, &reader}) {
    EXPECT_EQ(peer->node->value("annuaire", "lieux", id, "nom"), "-");
    EXPECT_EQ(peer->node->digest("annuaire"), before);
    EXPECT_EQ(peer->node->value(kCatalogue, "lieux", record_number(1), "nom"), "un");
  }
  EXPECT_EQ(author.node->frontier("annuaire"), reader.node->frontier("annuaire"));
}

TEST_F(Receiving, OpsMayNotNameAnotherSpaceOrTheFuture) {
  HandOp cross = op(2, "x");
  cross.whole = {{author.node->commits("annuaire")[0]->id, 1}};
  EXPECT_EQ(
      reader.node->receive(sign_by_hand(author, {cross}, {}, kEpoch + 1s), kEpoch + 1s).reason,
      "it names ops of another space");
  Peer third{3};
  const auto later = sign_by_hand(third, {op(2, "plus tard")}, {}, kEpoch + 60s);
  (void)reader.node->receive(later, kEpoch + 60s);
  HandOp early = op(2, "avant");
  early.field_dots = {{later->id, 1}};
  EXPECT_EQ(
      reader.node->receive(sign_by_hand(author, {early}, {}, kEpoch + 2s), kEpoch + 60s).reason,
      "its clock is not after what it names");
}

TEST_F(Receiving, NothingIsTakenBeforeTheFederationIsKnown) {
  const TempDir dir;
  const auto store = must(Store::open({dir / "fresh.db"}));
  must(store->begin());
  EXPECT_EQ(must(store->receive(first, kEpoch)).outcome, Outcome::refused);
  must(store->set_federation(*author.node->store->federation()));
  EXPECT_FALSE(store->set_federation(another_federation()).has_value());
  const auto genesis = author.node->commits("annuaire")[0];
  EXPECT_EQ(must(store->receive(genesis, kEpoch)).outcome, Outcome::applied);
  EXPECT_EQ(must(store->receive(genesis, kEpoch)).outcome, Outcome::duplicate);
  must(store->commit());
}

TEST_F(Receiving, AForkHasTwoTipsAndBothBranchesCount) {
  const auto twin = sign_by_hand(author, {op(2, "autre")}, {}, kEpoch + 2s);
  EXPECT_EQ(twin->header.previous, second->header.previous);
  EXPECT_EQ(reader.node->receive(second, kEpoch + 2s).outcome, Outcome::applied);
  EXPECT_EQ(reader.node->receive(twin, kEpoch + 2s).outcome, Outcome::applied);
  EXPECT_EQ(must(log().tips(space())).size(), 2u);
  EXPECT_EQ(must(log().heads(space())).size(), 2u);
  EXPECT_EQ(reader.node->value(kCatalogue, "lieux", record_number(2), "nom"), "autre");
  const auto feed = must(log().feed_row(second->header.feed(), second->header.member));
  EXPECT_EQ(must(log().at(feed.id, 2))->cid, second->id) << "the first that came";
  EXPECT_FALSE(must(log().at(feed.id, 3)));
  // The next commit of anybody joins them.
  const auto joined = reader.node->write(
      kCatalogue, {patch("lieux", record_number(3), {{"nom", Value::of_text("b")}})}, kEpoch + 3s);
  EXPECT_EQ(joined.commits[0]->header.deps.size(), 2u);
  EXPECT_EQ(must(log().heads(space())).size(), 1u);
}

TEST_F(Receiving, FrontiersTellCommitsAndNotTheOrderInWhichTheyCame) {
  const auto twin = sign_by_hand(author, {op(2, "autre")}, {}, kEpoch + 2s);
  Peer third{3};
  for (const auto& commit : {first, second, twin}) (void)third.node->receive(commit, kEpoch + 2s);
  (void)reader.node->receive(twin, kEpoch + 2s);
  EXPECT_NE(third.node->frontier(kCatalogue), reader.node->frontier(kCatalogue));
  (void)reader.node->receive(second, kEpoch + 2s);
  EXPECT_EQ(third.node->frontier(kCatalogue), reader.node->frontier(kCatalogue));
  EXPECT_NE(frontier_hash({}), reader.node->frontier(kCatalogue));
}

TEST_F(Receiving, WhatOneNodeMakesWaitIsBounded) {
  crypto::SeededRng rng{2};
  std::string noise(900'000, 0);
  rng.fill({reinterpret_cast<std::uint8_t*>(noise.data()), noise.size()});
  (void)author.node->receive(second, kEpoch + 1s);
  std::vector<CommitPtr> chain;
  for (int i = 0; i < 10; ++i) {
    chain.push_back(sign_by_hand(author, {op(4, noise)}, {}, kEpoch + (2 + i) * 1s));
    (void)author.node->receive(chain.back(), kEpoch + 20s);
  }
  std::size_t waiting = 0;
  for (const auto& commit : chain) {
    const auto got = reader.node->receive(commit, kEpoch + 20s);
    EXPECT_FALSE(got.provable);
    waiting += got.outcome == Outcome::pending;
  }
  EXPECT_LT(waiting, chain.size());
  EXPECT_EQ(must(log().pending_count(reader.node->space(kCatalogue))),
            static_cast<std::int64_t>(waiting));
  EXPECT_LE(must(log().pending_bytes(author.node->node_key.node_id())),
            limits::kPendingPerFeedBytes + 2 * limits::kHeaderMax);
  // Once what they wait for is there they follow, and the rest can come.
  EXPECT_EQ(reader.node->receive(second, kEpoch + 20s).with.size(), waiting);
  EXPECT_EQ(must(log().pending_count(reader.node->space(kCatalogue))), 0);
}

TEST_F(Receiving, PendingSurvivesARestart) {
  (void)author.node->receive(second, kEpoch + 1s);
  const auto third = sign_by_hand(author, {op(1, "trois")}, {}, kEpoch + 2s);
  EXPECT_EQ(reader.node->receive(third, kEpoch + 2s).outcome, Outcome::pending);
  reader.restart();
  EXPECT_TRUE(must(log().is_pending(third->id)));
  const auto got = reader.node->receive(second, kEpoch + 2s);
  ASSERT_EQ(got.with.size(), 1u);
  EXPECT_EQ(got.with[0]->id, third->id);
  EXPECT_FALSE(must(log().is_pending(third->id)));
}

TEST_F(Receiving, HeldCommitsAreListedAndComeInTheirTurn) {
  const auto far = signed_again(*second, author.node->node_key,
                                [](Header& h) { h.hlc = Hlc::at(kEpoch + 10min); });
  EXPECT_EQ(reader.node->receive(far, kEpoch + 1s).outcome, Outcome::held);
  EXPECT_EQ(must(log().first_held()), far->header.hlc);
  EXPECT_TRUE(must(log().held_until(Hlc::at(kEpoch + 9min))).empty());
  // A commit on top of it waits with it even when its own time, by now, has come.
  (void)author.node->receive(far, kEpoch + 10min);
  const auto next = sign_by_hand(author, {op(1, "après")}, {}, kEpoch + 10min + 1s);
  EXPECT_EQ(reader.node->receive(next, kEpoch + 11min).outcome, Outcome::held);
  must(reader.node->store->begin());
  EXPECT_EQ(must(reader.node->store->release_held(kEpoch + 11min)), 2u);
  must(reader.node->store->commit());
  EXPECT_FALSE(must(log().first_held()));
  EXPECT_EQ(reader.node->value(kCatalogue, "lieux", record_number(1), "nom"), "après");
  EXPECT_TRUE(reader.verify().has_value());
}

// After a re-issue the author goes on in the present, and everybody sees one value.
TEST_F(Receiving, AReissuedFutureDoesNotDragTheAuthorAlong) {
  const auto write = [&](const char* value, UnixMillis when) {
    return author.node->write(
        kCatalogue, {patch("lieux", record_number(1), {{"nom", Value::of_text(value)}})}, when);
  };
  write("un an d’avance", kEpoch + 365 * 24h);
  author.node->incarnation += 1;
  must(author.node->store->begin());
  const auto again =
      must(author.node->store->reissue_stranded(author.node->author(), kEpoch + 3s, author.node->rng));
  must(author.node->store->commit());
  ASSERT_EQ(again.size(), 1u);
  EXPECT_LT(again[0]->header.hlc, latest_hlc(kEpoch));
  const auto next = write("aujourd’hui", kEpoch + 4s);
  EXPECT_LT(next.commits[0]->header.hlc, latest_hlc(kEpoch));
  reader.pull(author, kEpoch + 5s);
  EXPECT_EQ(reader.node->digest(kCatalogue), author.node->digest(kCatalogue));
  EXPECT_EQ(reader.node->value(kCatalogue, "lieux", record_number(1), "nom"), "aujourd’hui");
  must(reader.node->store->begin());
  (void)must(reader.node->store->release_held(kEpoch + 366 * 24h));
  must(reader.node->store->commit());
  EXPECT_EQ(reader.node->value(kCatalogue, "lieux", record_number(1), "nom"), "aujourd’hui");
  EXPECT_TRUE(reader.verify().has_value());
  EXPECT_TRUE(author.verify().has_value());
}

// Two re-issues of one commit, as two nodes of a member may sign: what superseded the original
// supersedes both, whenever they come.
TEST_F(Receiving, ALateSecondReissueIsSupersededToo) {
  const auto again = [&](std::uint64_t incarnation) {
    author.node->incarnation = incarnation;
    return sign_by_hand(author, {op(1, "encore")}, first->id, kEpoch + 3s);
  };
  const auto one = again(101);
  const auto two = again(102);
  (void)reader.node->receive(one, kEpoch + 3s);
  reader.node->write(kCatalogue,
                     {patch("lieux", record_number(1), {{"nom", Value::of_text("fin")}})},
                     kEpoch + 4s);
  (void)reader.node->receive(two, kEpoch + 5s);
  EXPECT_EQ(reader.node->value(kCatalogue, "lieux", record_number(1), "nom"), "fin");
  EXPECT_TRUE(reader.verify().has_value());
  EXPECT_EQ(reader.text().find('|'), std::string::npos) << "no conflict";
}

}  // namespace
}  // namespace maillon::test
