#include <gtest/gtest.h>

#include <algorithm>

#include "tests/support/world.hpp"

/// Node keys that sign what no honest node signs: proof, what it costs, and the way out.
namespace maillon::test {
namespace {

using namespace storage;
using namespace std::chrono_literals;
using Outcome = Received::Outcome;

HandOp saying(unsigned record, std::string value,
              std::vector<std::pair<CommitId, std::uint32_t>> replaced = {}) {
  HandOp out;
  out.record = record_number(record);
  out.field = "nom";
  out.value = "\x04" + value;
  out.field_dots = std::move(replaced);
  return out;
}

std::vector<CommitPtr> publish(Peer& peer, UnixMillis now) {
  TestNode& node = *peer.node;
  must(node.store->begin());
  auto out = must(node.store->publish_evidence(node.author(), now, node.rng));
  must(node.store->commit());
  return out;
}

/// How each commit stands, and what the records say.
std::string standing(Peer& peer, const std::vector<CommitPtr>& commits) {
  std::string out = peer.text() + "\n" + peer.node->frontier(kCatalogue).hex() + "\n";
  for (const CommitPtr& commit : commits) {
    const auto entry = must(peer.node->store->log().find(commit->id));
    out += !entry ? "-" : std::to_string(static_cast<int>(entry->status)) +
                              (entry->is_void ? "v " : "  ");
  }
  EXPECT_TRUE(peer.verify().has_value());
  return out;
}

void release(Peer& peer, UnixMillis until) {
  must(peer.node->store->begin());
  (void)must(peer.node->store->release_held(until));
  must(peer.node->store->commit());
}

/// What a reader that has `before` makes of the commits, in each order.
std::set<std::string> outcomes(std::vector<CommitPtr> commits,
                               const std::vector<CommitPtr>& before = {}) {
  std::set<std::string> out;
  const auto listed = commits;
  std::ranges::sort(commits, {}, [](const CommitPtr& c) { return c->id; });
  do {
    Peer reader{3};
    for (const CommitPtr& commit : before) (void)reader.node->receive(commit, kEpoch + 1min);
    for (const CommitPtr& commit : commits) (void)reader.node->receive(commit, kEpoch + 1h);
    release(reader, kEpoch + 1h);
    out.insert(standing(reader, listed));
  } while (
      std::ranges::next_permutation(commits, {}, [](const CommitPtr& c) { return c->id; }).found);
  return out;
}

class Forked : public testing::Test {
 protected:
  Forked() {
    one = sign_by_hand(forker, {saying(1, "un")}, {}, kEpoch);
    other = sign_by_hand(forker, {saying(2, "autre")}, {}, kEpoch + 1s);
  }
  CommitPtr proved() {
    (void)witness.node->receive(one, kEpoch + 1min);
    (void)witness.node->receive(other, kEpoch + 1min);
    const auto out = publish(witness, kEpoch + 2min);
    EXPECT_EQ(out.size(), 1u);
    return out.at(0);
  }
  Peer forker{1};
  Peer witness{0};
  CommitPtr one;
  CommitPtr other;
};

TEST_F(Forked, IsProvedOnceAndEverybodyKnowsWhoDidIt) {
  const auto proof = proved();
  EXPECT_TRUE(publish(witness, kEpoch + 3min).empty());
  Peer late{4};
  (void)late.node->receive(proof, kEpoch + 3min);
  (void)late.node->receive(one, kEpoch + 3min);
  (void)late.node->receive(other, kEpoch + 3min);
  EXPECT_TRUE(publish(late, kEpoch + 4min).empty()) << "somebody was faster";
  const auto trust = late.node->store->trust();
  ASSERT_EQ(trust->charges().size(), 1u);
  EXPECT_EQ(trust->charges()[0].node, forker.node->node_key.node_id());
  EXPECT_EQ(trust->charges()[0].fork, one->header.feed());
  EXPECT_EQ(trust->charges()[0].from, 1u);
  EXPECT_TRUE(trust->charged(forker.node->member));
  EXPECT_FALSE(trust->charged(witness.node->member));
}

TEST_F(Forked, WhatNobodyVouchesForLeavesTheFrontierInAnyOrder) {
  const Digest empty = Peer{3}.node->frontier(kCatalogue);
  const auto all = outcomes({one, other, proved()});
  ASSERT_EQ(all.size(), 1u) << *all.begin() << "\n" << *all.rbegin();
  EXPECT_NE(all.begin()->find(empty.hex()), std::string::npos) << *all.begin();
  EXPECT_TRUE(all.begin()->ends_with("2v 2v 0  ")) << *all.begin();
}

TEST_F(Forked, TwoOthersThatBuiltOnACommitMakeItCountInAnyOrder) {
  Peer second{4};
  (void)second.node->receive(one, kEpoch + 1s);
  const auto built = sign_by_hand(second, {}, {}, kEpoch + 2s);
  Peer third{3};
  (void)third.node->receive(one, kEpoch + 1s);
  const auto again = sign_by_hand(third, {}, {}, kEpoch + 2s);
  const auto all = outcomes({one, other, built, again, proved()});
  ASSERT_EQ(all.size(), 1u) << *all.begin() << "\n" << *all.rbegin();
  EXPECT_TRUE(all.begin()->ends_with("0  2v 0  0  0  ")) << *all.begin();
}

TEST_F(Forked, OneOtherKeepsItInTheLogWithoutEffect) {
  Peer second{4};
  (void)second.node->receive(one, kEpoch + 1s);
  const auto built = sign_by_hand(second, {saying(1, "corrigé", {{one->id, 1}})}, {}, kEpoch + 2s);
  const auto all = outcomes({one, other, built, proved()});
  ASSERT_EQ(all.size(), 1u) << *all.begin() << "\n" << *all.rbegin();
  EXPECT_TRUE(all.begin()->ends_with("0v 2v 0  0  ")) << *all.begin();
}

// What a removed member wrote counts because somebody built on it, as long as that stands itself.
TEST_F(Forked, WhatItAloneSparedFallsWithItInAnyOrder) {
  Peer removed{4};
  Peer second{1};
  const auto work = sign_by_hand(removed, {saying(3, "avant")}, {}, kEpoch);
  (void)second.node->receive(work, kEpoch);
  const auto built = sign_by_hand(second, {saying(1, "un")}, {}, kEpoch + 1s);
  const auto again = sign_by_hand(second, {saying(2, "autre")}, {}, kEpoch + 2s);
  for (const CommitPtr& commit : {work, built, again})
    (void)witness.node->receive(commit, kEpoch + 1min);
  TestNode& founder = *witness.node;
  Proposal removal;
  removal.remove = Removal{removed.node->member};
  const std::vector<GovernanceOp> ops{{OpKind::proposal, encode(removal)},
                                      {OpKind::vote, encode(Vote{std::nullopt, 1})}};
  must(founder.store->begin());
  const auto decided =
      must(founder.store->write_governance(ops, founder.author(), kEpoch + 2min, founder.rng));
  must(founder.store->commit());
  const auto proof = publish(witness, kEpoch + 3min).at(0);
  const auto all = outcomes({work, built, again, decided, proof});
  ASSERT_EQ(all.size(), 1u) << *all.begin() << "\n" << *all.rbegin();
  EXPECT_TRUE(all.begin()->ends_with("0v 2v 2v 0  0  ")) << *all.begin();
}

TEST_F(Forked, WhoKnewTheProofVouchesForNothing) {
  const auto proof = proved();
  std::vector<CommitPtr> builds;
  for (const unsigned who : {3u, 4u}) {
    Peer late{who};
    (void)late.node->receive(one, kEpoch + 1s);
    (void)late.node->receive(proof, kEpoch + 2min);
    // A faulty program builds on it all the same.
    late.node->receive(one, kEpoch + 2min);
    Header header = sign_by_hand(late, {}, {}, kEpoch + 3min)->header;
    header.deps.push_back(one->id);
    CommitDraft draft;
    builds.push_back(must(draft.seal(header, 0, 0, late.node->node_key, late.node->rng)));
  }
  const auto all = outcomes({one, other, proof, builds[0], builds[1]});
  ASSERT_EQ(all.size(), 1u) << *all.begin() << "\n" << *all.rbegin();
  EXPECT_TRUE(all.begin()->ends_with("0v 2v 0  0  0  ")) << *all.begin();
}

// What is not the forker's own, and stands on a fork that nobody else saw, stands again once
// somebody vouches for the fork.
TEST_F(Forked, ACommitThatArrivesLateSavesWhatItStandsOn) {
  const auto proof = proved();
  Peer second{4};
  (void)second.node->receive(one, kEpoch + 1s);
  const auto built = sign_by_hand(second, {saying(3, "neuf")}, {}, kEpoch + 2s);
  Peer reader{3};
  (void)reader.node->receive(proof, kEpoch + 2min);
  EXPECT_EQ(reader.node->receive(one, kEpoch + 2min).outcome, Outcome::aside);
  EXPECT_EQ(reader.node->receive(built, kEpoch + 2min).outcome, Outcome::applied);
  EXPECT_EQ(reader.node->value(kCatalogue, "lieux", record_number(3), "nom"), "neuf");
  EXPECT_EQ(reader.node->value(kCatalogue, "lieux", record_number(1), "nom"), "-");
}

// Both wait for one hour, and the proof comes into effect first.
TEST_F(Forked, WhatAProofSetsAsideWhileItIsReleasedStaysAside) {
  const UnixMillis later = kEpoch + 24h;
  Peer ahead{1};
  const auto first = sign_by_hand(ahead, {saying(1, "un")}, {}, later);
  const auto second = sign_by_hand(ahead, {saying(2, "autre")}, {}, later + 1s);
  (void)witness.node->receive(first, later);
  (void)witness.node->receive(second, later);
  const auto proof = publish(witness, later).at(0);
  Peer reader{3};
  for (const CommitPtr& commit : {proof, first, second})
    EXPECT_EQ(reader.node->receive(commit, kEpoch).outcome, Outcome::held);
  release(reader, later + 1min);
  EXPECT_TRUE(standing(reader, {first, second}).ends_with("2v 2v "));
  EXPECT_EQ(reader.node->value(kCatalogue, "lieux", record_number(1), "nom"), "-");
}

TEST_F(Forked, AFreshKeyAndAReissueBringEverythingBack) {
  const auto proof = proved();
  // Two machines that believed to be the same one.
  for (const CommitPtr& commit : {one, other, proof})
    (void)forker.node->receive(commit, kEpoch + 2min);
  EXPECT_EQ(forker.node->value(kCatalogue, "lieux", record_number(1), "nom"), "-");
  must(forker.node->store->begin());
  const auto refused = forker.node->store->write(
      forker.node->space(kCatalogue),
      std::vector{patch("lieux", record_number(3), {{"nom", Value::of_text("suite")}})},
      forker.node->author(), kEpoch + 3min, forker.node->rng);
  ASSERT_TRUE(refused.has_error());
  EXPECT_EQ(refused.error().code, Errc::not_allowed);
  must(forker.node->store->rollback());
  forker.node->incarnation = 99;
  must(forker.node->store->begin());
  const auto again = must(forker.node->store->reissue_stranded(forker.node->author(), kEpoch + 4min,
                                                               forker.node->rng));
  const auto twice = must(forker.node->store->reissue_stranded(forker.node->author(), kEpoch + 4min,
                                                               forker.node->rng));
  must(forker.node->store->commit());
  EXPECT_EQ(again.size(), 2u);
  EXPECT_TRUE(twice.empty());
  Peer reader{3};
  (void)reader.node->receive(proof, kEpoch + 5min);
  for (const CommitPtr& commit : again)
    EXPECT_EQ(reader.node->receive(commit, kEpoch + 5min).outcome, Outcome::applied);
  EXPECT_EQ(reader.node->value(kCatalogue, "lieux", record_number(1), "nom"), "un");
  EXPECT_EQ(reader.node->value(kCatalogue, "lieux", record_number(2), "nom"), "autre");
  EXPECT_EQ(reader.node->frontier(kCatalogue), forker.node->frontier(kCatalogue));
  EXPECT_EQ(reader.node->digest(kCatalogue), forker.node->digest(kCatalogue));
}

// A copy under another incarnation, whose own feed nobody forked.
TEST_F(Forked, WhatStandsOnABranchIsNotGoneOnFrom) {
  Peer copy{1};
  copy.node->incarnation = 77;
  (void)copy.node->receive(one, kEpoch + 1s);
  copy.node->write(kCatalogue, {patch("lieux", record_number(3), {{"nom", Value::of_text("trois")}})},
                   kEpoch + 2s);
  (void)copy.node->receive(other, kEpoch + 1min);
  (void)copy.node->receive(proved(), kEpoch + 2min);
  EXPECT_EQ(copy.node->value(kCatalogue, "lieux", record_number(3), "nom"), "-");
  const auto write = [&] {
    TestNode& node = *copy.node;
    must(node.store->begin());
    auto out = node.store->write(
        node.space(kCatalogue),
        std::vector{patch("lieux", record_number(3), {{"nom", Value::of_text("suite")}})},
        node.author(), kEpoch + 3min, node.rng);
    must(out.has_error() ? node.store->rollback() : node.store->commit());
    return out;
  };
  const auto refused = write();
  ASSERT_TRUE(refused.has_error());
  EXPECT_EQ(refused.error().code, Errc::not_allowed);
  copy.node->incarnation = 78;
  EXPECT_FALSE(write().has_error());
}

CommitPtr govern(Peer& by, const std::vector<GovernanceOp>& ops, UnixMillis now) {
  TestNode& node = *by.node;
  must(node.store->begin());
  auto out = must(node.store->write_governance(ops, node.author(), now, node.rng));
  must(node.store->commit());
  return out;
}

/// The member's own root key takes the node key back, naming `known`.
CommitPtr take_back(Peer& by, Peer& member, const std::vector<CommitId>& known, UnixMillis now) {
  Revocation revocation;
  revocation.node = member.node->node_key.node_id();
  revocation.root = member.node->member;
  for (const CommitId& id : known) revocation.cut.push_back({by.node->space(kCatalogue), id});
  const auto signature = member.node->root_key.sign(
      "maillon/revocation/v1", revocation_bytes(*by.node->store->federation(), revocation));
  revocation.signature.assign(signature.bytes().begin(), signature.bytes().end());
  return govern(by, {{OpKind::revocation, encode(revocation)}}, now);
}

/// The founder, only delegate, removes the member.
CommitPtr remove(Peer& founder, Peer& member, const std::vector<CommitId>& known, UnixMillis now) {
  Proposal proposal;
  proposal.remove = Removal{member.node->member};
  for (const CommitId& id : known) proposal.cut.push_back({founder.node->space(kCatalogue), id});
  return govern(founder,
                {{OpKind::proposal, encode(proposal)}, {OpKind::vote, encode(Vote{std::nullopt, 1})}},
                now);
}

/// A feed of three, and one more for the third place, signed by whoever has the key by then.
class ForkedLater : public testing::Test {
 protected:
  ForkedLater() {
    first = next("avant", 1);
    second = next("avec", 2);
    forged = sign_by_hand(owner, {saying(3, "voleur")}, {}, kEpoch + 2s);
    third = next("encore", 3);
  }
  CommitPtr next(const std::string& value, unsigned record) {
    auto out = sign_by_hand(owner, {saying(record, value)}, {}, kEpoch + 1s * record);
    (void)owner.node->receive(out, kEpoch + 1min);
    return out;
  }
  CommitPtr proved(Peer& witness) {
    for (const auto& commit : {first, second, third, forged})
      (void)witness.node->receive(commit, kEpoch + 1min);
    const auto out = publish(witness, kEpoch + 2min);
    EXPECT_EQ(out.size(), 1u);
    return out.at(0);
  }
  Peer owner{1};
  Peer founder{0};
  CommitPtr first, second, third, forged;
};

TEST_F(ForkedLater, WhatARemovalNamedCountsWhateverTheKeySignsAfterwards) {
  const auto removed = remove(founder, owner, {third->id}, kEpoch + 10s);
  Peer witness{4};
  const auto all = outcomes({third, forged, removed, proved(witness)}, {first, second});
  ASSERT_EQ(all.size(), 1u) << *all.begin() << "\n" << *all.rbegin();
  EXPECT_TRUE(all.begin()->ends_with("0  2v 0  0  ")) << *all.begin();
}

TEST_F(ForkedLater, WhatTheMemberNamedWhenItTookItsKeyBackCountsWhateverAThiefSigns) {
  const auto taken = take_back(founder, owner, {third->id}, kEpoch + 10s);
  Peer witness{4};
  const auto all = outcomes({third, forged, taken, proved(witness)}, {first, second});
  ASSERT_EQ(all.size(), 1u) << *all.begin() << "\n" << *all.rbegin();
  EXPECT_TRUE(all.begin()->ends_with("0  2v 0  0  ")) << *all.begin();
}

TEST_F(ForkedLater, WhoTakesAKeyBackKnowingTheProofPublishesAgainWhatItNames) {
  const auto proof = proved(founder);
  const auto taken = take_back(founder, owner, {third->id}, kEpoch + 3min);
  const auto all = outcomes({third, forged, taken, proof}, {first, second});
  ASSERT_EQ(all.size(), 1u) << *all.begin() << "\n" << *all.rbegin();
  EXPECT_TRUE(all.begin()->ends_with("0v 2v 0  0  ")) << *all.begin();
}

TEST_F(ForkedLater, WhatAThiefSignedIsPublishedAgainOnlyWhenAskedFor) {
  const auto proof = proved(founder);
  const auto taken = take_back(founder, owner, {third->id}, kEpoch + 3min);
  Store& store = *owner.node->store;
  crypto::SeededRng rng{77};
  owner.node->node_key = crypto::SigningKey{crypto::Secret32::random(rng)};
  const auto fresh =
      govern(founder, {{OpKind::certificate, owner.node->certificate()}}, kEpoch + 3min);
  for (const auto& commit : {forged, proof, taken, fresh})
    (void)owner.node->receive(commit, kEpoch + 4min);
  const auto stranded = must(store.stranded(owner.node->member, owner.node->node_key.node_id(), kEpoch + 5min));
  ASSERT_EQ(stranded.own.size(), 1u);
  EXPECT_EQ(stranded.own[0].cid, third->id);
  ASSERT_EQ(stranded.disputed.size(), 1u);
  EXPECT_EQ(stranded.disputed[0].cid, forged->id);
  const auto again = [&](bool disputed) {
    must(store.begin());
    owner.node->incarnation += 1;
    const auto out = must(store.reissue_stranded(owner.node->author(), kEpoch + 6min,
                                                 owner.node->rng, disputed));
    must(store.commit());
    return out.size();
  };
  EXPECT_EQ(again(false), 1u);
  EXPECT_EQ(again(false), 0u);
  EXPECT_EQ(again(true), 1u);
}

TEST(Flood, MoreIncarnationsThanAllowedIsProvedFromTheirFirstCommits) {
  Peer flooder{1};
  Peer witness{0};
  std::vector<CommitPtr> all;
  for (std::uint64_t i = 0; i <= limits::kIncarnationsMax; ++i) {
    // annuaire knows one incarnation of it already.
    EXPECT_TRUE(publish(witness, kEpoch + 1h).empty()) << i;
    flooder.node->incarnation = 1000 + i;
    all.push_back(sign_by_hand(flooder, {saying(1, std::to_string(i))}, {}, kEpoch + 1s * i));
    (void)witness.node->receive(all.back(), kEpoch + 1h);
    if (must(witness.node->store->log().incarnations_of(flooder.node->node_key.node_id())) >
        limits::kIncarnationsMax)
      break;
  }
  ASSERT_EQ(publish(witness, kEpoch + 2h).size(), 1u);
  const auto trust = witness.node->store->trust();
  ASSERT_EQ(trust->charges().size(), 1u);
  EXPECT_FALSE(trust->charges()[0].fork);
  EXPECT_EQ(witness.node->value(kCatalogue, "lieux", record_number(1), "nom"), "-");
  EXPECT_TRUE(witness.verify().has_value());
}

TEST(Evidence, ProvesNothingWithoutTwoSignedHeadersForOnePlace) {
  Peer forker{1};
  const auto one = sign_by_hand(forker, {saying(1, "un")}, {}, kEpoch);
  const auto other = sign_by_hand(forker, {saying(1, "autre")}, {}, kEpoch + 1s);
  (void)forker.node->receive(one, kEpoch);
  const auto next = sign_by_hand(forker, {saying(1, "suite")}, {}, kEpoch + 2s);
  const FederationId federation = *forker.node->store->federation();
  const auto of = [](const CommitPtr& a, const CommitPtr& b) {
    return maillon::Evidence{
        {{a->bytes.header, a->bytes.signature}, {b->bytes.header, b->bytes.signature}}};
  };
  EXPECT_TRUE(check_evidence(federation, of(one, other)).has_value());
  forker.node->incarnation += 1;
  const auto elsewhere = sign_by_hand(forker, {saying(1, "ailleurs")}, {}, kEpoch + 3s);
  auto forged = of(one, other);
  forged.headers[1].signature[3] ^= 1;
  auto cut_short = of(one, other);
  cut_short.headers[0].header.pop_back();
  const auto refuses = [&](const maillon::Evidence& evidence, std::string_view en,
                           std::string_view fr) {
    const auto checked = check_evidence(federation, evidence);
    ASSERT_TRUE(checked.has_error()) << en;
    EXPECT_NE(checked.error().detail.find(en), std::string::npos) << checked.error().detail;
    EXPECT_NE(checked.error().fr.find(fr), std::string::npos) << checked.error().fr;
  };
  refuses(of(one, one), "the same commit", "même commit");
  refuses(of(one, next), "different numbers (1, 2)", "numéros différents (1, 2)");
  refuses(of(one, elsewhere), "different feeds", "flux différents");
  refuses(maillon::Evidence{}, "neither two headers", "ni deux en-têtes");
  refuses(forged, "did not sign", "n’a pas signé");
  refuses(cut_short, "cannot be read", "illisible");
  const auto foreign = check_evidence(FederationId::from_array({1}), of(one, other));
  ASSERT_TRUE(foreign.has_error());
  EXPECT_NE(foreign.error().fr.find("autre fédération"), std::string::npos);
  const auto decoded = decode_evidence(encode(of(one, other)));
  ASSERT_TRUE(decoded.has_value());
  EXPECT_EQ(check_evidence(federation, *decoded)->seq, 1u);
}

class Quota : public testing::Test {
 protected:
  CommitPtr limit(std::uint64_t ops) {
    TestNode& node = *founder.node;
    Proposal proposal;
    proposal.charter = CharterChange{"feed_ops_max", std::to_string(ops)};
    const std::vector<GovernanceOp> said{{OpKind::proposal, encode(proposal)},
                                         {OpKind::vote, encode(Vote{std::nullopt, 1})}};
    must(node.store->begin());
    auto out = must(node.store->write_governance(said, node.author(), kEpoch + 1min, node.rng));
    must(node.store->commit());
    return out;
  }
  CommitPtr next(Peer& peer, std::string value, UnixMillis when) {
    auto out = sign_by_hand(peer, {saying(1, std::move(value))}, {}, when);
    (void)peer.node->receive(out, when);
    return out;
  }
  Peer founder{0};
  Peer member{1};
};

TEST_F(Quota, WhatIsBeyondItStandsOnlyWhereAnotherMemberBuiltOnItInAnyOrder) {
  const auto first = next(member, "un", kEpoch);
  const auto second = next(member, "deux", kEpoch + 1s);
  Peer other{4};
  for (const auto& commit : {first, second}) (void)other.node->receive(commit, kEpoch + 1s);
  const auto built = next(other, "autre", kEpoch + 2s);
  const auto third = next(member, "trois", kEpoch + 3s);
  const auto all = outcomes({first, second, third, built, limit(1)});
  ASSERT_EQ(all.size(), 1u) << *all.begin() << "\n" << *all.rbegin();
  EXPECT_TRUE(all.begin()->ends_with("0  0v 2v 0  0  ")) << *all.begin();
}

TEST_F(Quota, ARaisedQuotaLetsInWhatWasKeptApart) {
  const auto decided = limit(1);
  const auto first = next(member, "un", kEpoch);
  const auto second = next(member, "deux", kEpoch + 1s);
  Peer reader{3};
  for (const auto& commit : {decided, first, second})
    (void)reader.node->receive(commit, kEpoch + 1min);
  EXPECT_EQ(reader.node->value(kCatalogue, "lieux", record_number(1), "nom"), "un");
  (void)reader.node->receive(limit(2), kEpoch + 2min);
  release(reader, kEpoch + 2min);
  EXPECT_EQ(reader.node->value(kCatalogue, "lieux", record_number(1), "nom"), "deux");
  EXPECT_EQ(reader.node->frontier(kCatalogue), member.node->frontier(kCatalogue));
  EXPECT_TRUE(reader.verify().has_value());
}

TEST_F(Quota, OnesOwnWritingIsRefusedWithAWayOut) {
  (void)member.node->receive(limit(1), kEpoch + 1min);
  const auto write = [&](const char* value) {
    must(member.node->store->begin());
    auto out = member.node->store->write(
        member.node->space(kCatalogue),
        std::vector{patch("lieux", record_number(1), {{"nom", Value::of_text(value)}})},
        member.node->author(), kEpoch + 2min, member.node->rng);
    must(out.has_error() ? member.node->store->rollback() : member.node->store->commit());
    return out;
  };
  EXPECT_FALSE(write("un").has_error());
  const auto refused = write("deux");
  ASSERT_TRUE(refused.has_error());
  EXPECT_EQ(refused.error().code, Errc::not_allowed);
  member.node->incarnation += 1;
  EXPECT_FALSE(write("deux").has_error());
}

TEST_F(Quota, AFloodIsBoundedOnDiskAndComesBackWhenSomebodyBuiltOnIt) {
  const auto decided = limit(1);
  std::vector<CommitPtr> flood{next(member, "un", kEpoch)};
  // Text that hardly compresses.
  std::string big(900'000, ' ');
  std::uint32_t state = 5;
  for (char& c : big) c = static_cast<char>('0' + ((state = state * 1664525 + 1013904223) >> 26));
  for (int i = 0; i < 14; ++i) flood.push_back(next(member, big, kEpoch + 1s * (i + 1)));
  Peer other{4};
  for (const auto& commit : flood) (void)other.node->receive(commit, kEpoch + 1min);
  const auto built = next(other, "fin", kEpoch + 2min);
  Peer reader{3};
  (void)reader.node->receive(decided, kEpoch + 2min);
  std::size_t refused = 0;
  for (const auto& commit : flood)
    refused += reader.node->receive(commit, kEpoch + 2min).outcome == Outcome::refused ? 1 : 0;
  EXPECT_GT(refused, 0u);
  EXPECT_LE(must(reader.node->store->log().aside_bytes(member.node->node_key.node_id())),
            limits::kAsidePerNodeBytes);
  // Once somebody else's commit waits for it, the rest is taken in after all.
  EXPECT_EQ(reader.node->receive(built, kEpoch + 2min).outcome, Outcome::pending);
  for (int round = 0; round < 2; ++round)
    for (const auto& commit : flood) (void)reader.node->receive(commit, kEpoch + 2min);
  release(reader, kEpoch + 2min);
  EXPECT_EQ(reader.node->value(kCatalogue, "lieux", record_number(1), "nom"), "fin");
  EXPECT_TRUE(reader.verify().has_value());
}

}  // namespace
}  // namespace maillon::test
