#include <gtest/gtest.h>

#include "tests/support/federation.hpp"

namespace maillon::test {
namespace {

using namespace storage;
using namespace std::chrono_literals;

constexpr UnixMillis kNow{1'790'000'000'000};
constexpr std::string_view kSpace = "catalogue/28";

Value text(std::string_view t) { return Value::of_text(std::string{t}); }

class TwoNodes : public testing::Test {
 protected:
  TwoNodes() : a{"A", 1, {dir / "a.db"}}, b{"B", 2, {dir / "b.db"}} {
    a.found("28", kNow);
    b.join(a, kNow + 1s);
  }
  void sync(UnixMillis now) {
    b.pull(a, now);
    a.pull(b, now);
    EXPECT_EQ(a.frontier(kSpace), b.frontier(kSpace));
    EXPECT_EQ(a.digest(kSpace), b.digest(kSpace));
  }
  TempDir dir;
  TestNode a;
  TestNode b;
};

TEST_F(TwoNodes, ImportedRowsMeetInOneRecord) {
  const auto row = imported("lieux", "carte", "1", {{"nom", text("Mairie")}});
  EXPECT_EQ(a.write(kSpace, {row}, kNow + 2s).outcomes[0], ChangeOutcome::created);
  EXPECT_EQ(b.write(kSpace, {row}, kNow + 3s).outcomes[0], ChangeOutcome::created);
  sync(kNow + 4s);
  EXPECT_EQ(a.value(kSpace, "lieux", row.id, "nom"), "Mairie");
  EXPECT_EQ(a.write(kSpace, {row}, kNow + 5s).outcomes[0], ChangeOutcome::unchanged);
}

TEST_F(TwoNodes, UntypedRowsSayNothingOfTypes) {
  const auto typed = imported("lieux", "carte", "1",
                              {{"nom", text("Mairie")},
                               {"etages", Value{Value::Kind::number, "3"}},
                               {"ouvert", Value::of_bool(true)},
                               {"aidants", Value{Value::Kind::json, "[1]"}},
                               {"horaires", text("")}});
  a.write(kSpace, {typed}, kNow + 2s);
  auto row = imported("lieux", "carte", "1",
                      {{"nom", text("Mairie")},
                       {"etages", text("3")},
                       {"ouvert", text("true")},
                       {"aidants", text("[1]")}});
  row.untyped = true;
  EXPECT_EQ(a.write(kSpace, {row}, kNow + 3s).outcomes[0], ChangeOutcome::unchanged);
  // What is corrected here stays, as long as the source says the same in whatever type.
  a.write(kSpace, {patch("lieux", row.id, {{"etages", text("4")}})}, kNow + 4s);
  EXPECT_EQ(a.write(kSpace, {row}, kNow + 5s).outcomes[0], ChangeOutcome::unchanged);
  // A new number is a number, and a field that went is cleared.
  row.fields = {{"nom", text("Mairie")}, {"ouvert", text("false")}, {"aidants", text("[1]")}};
  EXPECT_EQ(a.write(kSpace, {row}, kNow + 6s).outcomes[0], ChangeOutcome::changed);
  auto now = typed;
  now.fields = {{"nom", text("Mairie")},
                {"ouvert", Value::of_bool(false)},
                {"aidants", Value{Value::Kind::json, "[1]"}},
                {"horaires", text("")}};
  EXPECT_EQ(a.write(kSpace, {now}, kNow + 7s).outcomes[0], ChangeOutcome::unchanged);
  // With types, a text is no number.
  row.untyped = false;
  EXPECT_EQ(a.write(kSpace, {row}, kNow + 8s).outcomes[0], ChangeOutcome::changed);
}

TEST_F(TwoNodes, ConcurrentEditsKeepBothAndAnyOrderOfDeliveryAgrees) {
  const RecordId id = random_record_id(a.rng);
  a.write(kSpace, {patch("lieux", id, {{"nom", text("un")}, {"tel", text("1")}})}, kNow + 2s);
  sync(kNow + 2s);
  a.write(kSpace, {patch("lieux", id, {{"nom", text("deux")}})}, kNow + 3s);
  b.write(kSpace, {patch("lieux", id, {{"nom", text("trois")}})}, kNow + 4s);
  sync(kNow + 5s);
  EXPECT_EQ(a.value(kSpace, "lieux", id, "nom"), "trois");
  EXPECT_EQ(b.value(kSpace, "lieux", id, "nom"), "trois");
  EXPECT_EQ(b.value(kSpace, "lieux", id, "tel"), "1");
  b.write(kSpace, {patch("lieux", id, {{"nom", text("trois")}})}, kNow + 6s);
  sync(kNow + 6s);
  EXPECT_EQ(a.value(kSpace, "lieux", id, "nom"), "trois");
}

TEST_F(TwoNodes, EditWinsOverConcurrentDelete) {
  const RecordId id = random_record_id(a.rng);
  a.write(kSpace, {patch("lieux", id, {{"nom", text("un")}})}, kNow + 2s);
  sync(kNow + 2s);
  a.write(kSpace, {removal("lieux", id)}, kNow + 3s);
  b.write(kSpace, {patch("lieux", id, {{"nom", text("deux")}})}, kNow + 3s);
  EXPECT_EQ(a.value(kSpace, "lieux", id, "nom"), "-");
  sync(kNow + 5s);
  EXPECT_EQ(a.value(kSpace, "lieux", id, "nom"), "deux");
}

TEST_F(TwoNodes, PendingFollowsWhatItWaitedFor) {
  const RecordId id = random_record_id(a.rng);
  const auto one = a.write(kSpace, {patch("lieux", id, {{"nom", text("un")}})}, kNow + 2s);
  const auto two = a.write(kSpace, {patch("lieux", id, {{"nom", text("deux")}})}, kNow + 3s);
  EXPECT_EQ(b.receive(two.commits[0], kNow + 3s).outcome, Received::Outcome::pending);
  EXPECT_EQ(b.receive(two.commits[0], kNow + 3s).outcome, Received::Outcome::pending);
  EXPECT_EQ(b.receive(one.commits[0], kNow + 3s).with.size(), 1u);
  EXPECT_EQ(a.digest(kSpace), b.digest(kSpace));
}

TEST_F(TwoNodes, CommitsFromTheFutureAreHeldThenReissued) {
  const RecordId id = random_record_id(a.rng);
  const auto far = kNow + 400 * 24h;
  a.write(kSpace, {patch("lieux", id, {{"nom", text("loin")}})}, far);
  b.pull(a, kNow + 2s);
  EXPECT_EQ(b.value(kSpace, "lieux", id, "nom"), "-");
  EXPECT_EQ(a.frontier(kSpace), b.frontier(kSpace));
  must(b.store->begin());
  EXPECT_EQ(must(b.store->release_held(far)), 1u);
  must(b.store->commit());
  EXPECT_EQ(a.digest(kSpace), b.digest(kSpace));
}

// Admitted under a clock far ahead, a member publishes its only word in annuaire again.
TEST_F(TwoNodes, AReissueStandsOnWhatTheOriginalStoodOn) {
  const auto far = kNow + 400 * 24h;
  TestNode c{"C", 3, {dir / "c.db"}};
  c.join(a, far);
  const CommitId admission = a.commits("annuaire").back()->id;
  must(c.store->begin());
  const GovernanceOp word{OpKind::address, encode(Address{{"ws://c.example"}})};
  (void)must(c.store->write_governance({&word, 1}, c.author(), far, c.rng));
  c.incarnation += 1;
  const auto again = must(c.store->reissue_stranded(c.author(), kNow, c.rng));
  must(c.store->commit());
  ASSERT_EQ(again.size(), 1u);
  EXPECT_EQ(again[0]->header.deps, std::vector{admission});
  // Who hears of it first waits for the admission, and accuses nobody.
  EXPECT_EQ(b.receive(again[0], kNow).outcome, Received::Outcome::pending);
}

TEST_F(TwoNodes, StateSurvivesReopening) {
  const auto row = imported("lieux", "carte", "1", {{"nom", text("Mairie")}});
  a.write(kSpace, {row}, kNow + 2s);
  const Digest before = a.digest(kSpace);
  a.store.reset();
  a.store = must(Store::open(a.options));
  EXPECT_EQ(a.digest(kSpace), before);
}

TEST_F(TwoNodes, RolledBackWorkLeavesNothing) {
  const Digest before = a.digest(kSpace);
  const auto row = imported("lieux", "carte", "1", {{"nom", text("Mairie")}});
  must(a.store->begin());
  must(a.store->write(a.space(kSpace), std::vector{row}, a.author(), kNow + 2s, a.rng));
  must(a.store->rollback());
  EXPECT_EQ(a.digest(kSpace), before);
  EXPECT_EQ(a.write(kSpace, {row}, kNow + 2s).outcomes[0], ChangeOutcome::created);
}

}  // namespace
}  // namespace maillon::test
