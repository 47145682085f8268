#include <gtest/gtest.h>

#include <algorithm>

#include "storage/store/erase.hpp"
#include "tests/support/world.hpp"

/// What is settled in a space, what comes too late for it, and what may be forgotten then.
namespace maillon::test {
namespace {

using namespace storage;
using namespace std::chrono_literals;

constexpr UnixMillis day(int number) { return kEpoch + number * 24h; }

Change say(unsigned record, const std::string& field, const std::string& value) {
  return patch("lieux", record_number(record), {{field, Value::of_text(value)}});
}

/// Of three members, the founder alone decides.
class Settling : public testing::Test {
 protected:
  /// The founder settles what it has from before some day, on another.
  std::optional<CommitPtr> settle(int before, int on) {
    TestNode& node = *founder.node;
    must(node.store->begin());
    auto checkpoint = must(node.store->draft_checkpoint(space(), Hlc::at(day(before), 0)));
    must(node.store->commit());
    if (!checkpoint) return std::nullopt;
    Proposal proposal;
    proposal.checkpoint = *std::move(checkpoint);
    return decide(proposal, on);
  }
  CommitPtr decide(const Proposal& proposal, int on) {
    TestNode& node = *founder.node;
    const std::vector<GovernanceOp> ops{{OpKind::proposal, encode(proposal)},
                                        {OpKind::vote, encode(Vote{std::nullopt, 1, {}})}};
    must(node.store->begin());
    auto out = must(node.store->write_governance(ops, node.author(), day(on), node.rng));
    must(node.store->commit());
    return out;
  }
  static void write(Peer& peer, Change change, int on) {
    (void)peer.node->write(kCatalogue, {std::move(change)}, day(on));
  }
  /// Somebody else than the founder builds on all that the founder has.
  void build_on(Peer& other, int on) {
    exchange(founder, other, on);
    write(other, say(9, "nom", std::to_string(on)), on);
    exchange(founder, other, on);
  }
  /// Both spaces, both ways.
  static void exchange(Peer& a, Peer& b, int on) {
    for (const std::string_view where : {kAnnuaire, kCatalogue}) {
      a.pull(b, day(on), SIZE_MAX, where);
      b.pull(a, day(on), SIZE_MAX, where);
    }
  }
  static std::string named(Peer& peer, unsigned record, std::string_view field = "nom") {
    return peer.node->value(kCatalogue, "lieux", record_number(record), field);
  }
  [[nodiscard]] SpaceId space() const { return founder.node->space(kCatalogue); }
  static std::vector<LeafState> leaves(Peer& peer) {
    std::vector<LeafState> out;
    for (const CommitPtr& commit : peer.node->commits(kCatalogue))
      for (const Op& op : commit->body.ops.ops) out.push_back(op.state);
    return out;
  }
  static std::size_t bytes(Peer& peer) {
    std::size_t out = 0;
    for (const CommitPtr& commit : peer.node->commits(kCatalogue)) out += commit->bytes.body.size();
    return out;
  }
  static std::vector<LogEntry> stranded(Peer& peer, int on) {
    TestNode& node = *peer.node;
    return must(node.store->stranded(node.member, node.node_key.node_id(), day(on))).own;
  }
  static bool counts(Peer& peer, const CommitId& id) {
    const auto entry = must(peer.node->store->log().find(id));
    return entry && !entry->is_void;
  }

  Peer founder{0};
  Peer member{1};
  Peer absent{3};
};

TEST_F(Settling, TakesWhatIsOldAndLeavesTheRest) {
  write(founder, say(1, "nom", "un"), 1);
  EXPECT_FALSE(settle(1, 2).has_value());  // Nothing is from before that.
  EXPECT_FALSE(settle(2, 2).has_value());  // Nobody else has it.
  build_on(member, 2);
  write(founder, say(1, "nom", "deux"), 5);
  ASSERT_TRUE(settle(3, 6).has_value());
  const auto checkpoints = founder.node->store->trust()->checkpoints(space());
  ASSERT_EQ(checkpoints.size(), 1u);
  EXPECT_EQ(checkpoints[0]->heads,
            std::vector{founder.node->commits(kCatalogue).front()->id});
  EXPECT_FALSE(settle(4, 7).has_value());  // Nothing new.
}

TEST_F(Settling, WhoeverWasAwayComesLateAndPublishesAgain) {
  write(founder, say(1, "nom", "un"), 1);
  exchange(founder, absent, 2);
  build_on(member, 3);
  write(absent, say(2, "nom", "au retour"), 10);
  exchange(founder, member, 40);
  ASSERT_TRUE(settle(5, 41).has_value());
  // It had seen what was settled: being away is no fault.
  exchange(founder, absent, 50);
  EXPECT_EQ(named(founder, 2), "au retour");

  write(founder, say(3, "nom", "trois"), 51);
  build_on(member, 51);
  write(absent, say(2, "nom", "trop tard"), 52);
  ASSERT_TRUE(settle(52, 90).has_value());
  exchange(founder, absent, 91);
  exchange(founder, member, 91);
  for (Peer* peer : {&founder, &member, &absent}) {
    EXPECT_EQ(named(*peer, 2), "au retour");
    EXPECT_TRUE(peer->verify().has_value());
  }
  const auto late = stranded(absent, 91);
  ASSERT_EQ(late.size(), 1u);
  absent.node->incarnation = 77;
  must(absent.node->store->begin());
  ASSERT_EQ(must(absent.node->store->reissue_stranded(absent.node->author(), day(92), absent.node->rng))
                .size(),
            1u);
  must(absent.node->store->commit());
  exchange(founder, absent, 93);
  exchange(founder, member, 93);
  for (Peer* peer : {&founder, &member, &absent}) {
    EXPECT_EQ(named(*peer, 2), "trop tard");
    EXPECT_EQ(peer->node->digest(kCatalogue), founder.node->digest(kCatalogue));
  }
  EXPECT_TRUE(stranded(absent, 93).empty());
}

TEST_F(Settling, WhatIsDeletedDoesNotComeBackThroughWhoDidNotKnow) {
  write(founder, say(1, "nom", "un"), 1);
  exchange(founder, absent, 2);
  write(founder, removal("lieux", record_number(1)), 3);
  build_on(member, 4);
  ASSERT_TRUE(settle(30, 31).has_value());
  ASSERT_EQ(founder.prune(), 1u);
  EXPECT_EQ(leaves(founder), (std::vector{LeafState::bare, LeafState::full, LeafState::full}));
  write(absent, say(1, "tel", "05"), 40);
  exchange(founder, absent, 50);
  for (Peer* peer : {&founder, &absent}) {
    EXPECT_EQ(named(*peer, 1), "-");
    EXPECT_EQ(named(*peer, 1, "tel"), "-");
    EXPECT_TRUE(peer->verify().has_value());
  }
  EXPECT_EQ(founder.node->digest(kCatalogue), absent.node->digest(kCatalogue));
}

// A hash would take the place of each.
TEST_F(Settling, ManySmallChangesOfOneCommitStay) {
  crypto::SeededRng rng{1};
  constexpr unsigned kRecords = 50;
  for (int on = 1; on <= 3; ++on) {
    std::vector<Change> changes;
    for (unsigned record = 1; record <= kRecords; ++record) {
      const auto value = to_hex(rng.bytes<100>());
      changes.push_back(say(record, "nom", on == 1 ? value : value.substr(0, 4)));
    }
    (void)founder.node->write(kCatalogue, std::move(changes), day(on));
  }
  build_on(member, 4);
  ASSERT_TRUE(settle(30, 31).has_value());
  const std::size_t before = bytes(founder);
  EXPECT_EQ(founder.prune(/*all=*/false), kRecords);
  EXPECT_LT(bytes(founder), before);
  const auto states = leaves(founder);
  EXPECT_EQ(std::ranges::count(states, LeafState::bare), kRecords);
  EXPECT_EQ(states.front(), LeafState::bare);
  EXPECT_TRUE(founder.verify().has_value());
}

TEST_F(Settling, WhatAnEditWonBesideStaysUntilSomebodyDecides) {
  write(founder, patch("lieux", record_number(1), {{"nom", Value::of_text("un")},
                                                   {"tel", Value::of_text("05")}}), 1);
  write(founder, say(1, "site", "ancien"), 1);
  exchange(founder, absent, 2);
  write(founder, removal("lieux", record_number(1)), 3);
  write(absent, patch("lieux", record_number(1), {{"nom", Value::of_text("deux")},
                                                  {"site", Value::of_text("nouveau")}}), 3);
  exchange(founder, absent, 4);
  build_on(member, 5);
  ASSERT_TRUE(settle(30, 31).has_value());
  // The telephone would come back, the old site would not.
  EXPECT_EQ(founder.prune(), 1u);
  EXPECT_EQ(leaves(founder)[0], LeafState::full);
  EXPECT_EQ(leaves(founder)[1], LeafState::bare);
  write(founder, say(1, "nom", "trois"), 32);
  build_on(member, 33);
  ASSERT_TRUE(settle(50, 51).has_value());
  EXPECT_GE(founder.prune(), 1u);
  EXPECT_EQ(leaves(founder)[0], LeafState::bare);
  EXPECT_EQ(named(founder, 1), "trois");
  EXPECT_TRUE(founder.verify().has_value());
}

TEST_F(Settling, ASourceDoesNotBringBackWhatWasDeleted) {
  const auto row = [] {
    return imported("lieux", "carte", "7", {{"nom", Value::of_text("Maison des services au public")}});
  };
  write(founder, row(), 1);
  write(founder, removal("lieux", derived_record_id("lieux", "carte", "7")), 2);
  build_on(member, 3);
  ASSERT_TRUE(settle(30, 31).has_value());
  EXPECT_EQ(founder.prune(), 1u);
  const auto again = founder.node->write(kCatalogue, {row()}, day(32));
  EXPECT_EQ(again.outcomes, std::vector{ChangeOutcome::deleted_here});
}

TEST_F(Settling, ReplacedVersionsGoAndNothingElseChanges) {
  for (int i = 1; i <= 40; ++i)
    write(i % 2 == 0 ? founder : member,
          say(1, i % 3 == 0 ? "tel" : "nom", to_hex(founder.node->rng.bytes<200>())), i),
        exchange(founder, member, i);
  const std::string nom = named(member, 1);
  build_on(member, 41);
  const Digest digest = founder.node->digest(kCatalogue);
  ASSERT_TRUE(settle(42, 42).has_value());
  exchange(founder, member, 43);
  const std::size_t before = bytes(founder);
  EXPECT_EQ(founder.prune(), 38u);
  EXPECT_LT(2 * bytes(founder), before);
  EXPECT_EQ(founder.prune(), 0u);
  EXPECT_TRUE(founder.verify().has_value());
  EXPECT_EQ(founder.node->digest(kCatalogue), digest);
  // One who comes later gets what is left, and agrees with one who has everything.
  for (const std::string_view where : {kAnnuaire, kCatalogue})
    absent.pull(founder, day(44), SIZE_MAX, where);
  EXPECT_TRUE(absent.verify().has_value());
  EXPECT_EQ(absent.node->digest(kCatalogue), digest);
  write(absent, say(1, "nom", "après"), 45);
  write(member, say(1, "tel", "après"), 45);
  exchange(founder, absent, 46);
  exchange(founder, member, 46);
  exchange(founder, absent, 46);
  EXPECT_EQ(absent.node->digest(kCatalogue), member.node->digest(kCatalogue));
  EXPECT_EQ(founder.node->digest(kCatalogue), member.node->digest(kCatalogue));
  EXPECT_NE(named(founder, 1), nom);
}

TEST_F(Settling, AnOldBodyDoesNotComeBackWhole) {
  write(founder, say(1, "nom", "ancien"), 1);
  const auto whole = founder.node->commits(kCatalogue).front();
  write(founder, say(1, "nom", "nouveau"), 2);
  build_on(member, 3);
  ASSERT_TRUE(settle(30, 31).has_value());
  ASSERT_EQ(founder.prune(), 1u);
  EXPECT_EQ(founder.node->receive(whole, day(32)).outcome, Received::Outcome::duplicate);
  EXPECT_EQ(leaves(founder), (std::vector{LeafState::bare, LeafState::full, LeafState::full}));
}

TEST_F(Settling, AVersionThatHoldsAnotherBackKeepsItsSkeleton) {
  write(founder, patch("lieux", record_number(1), {{"nom", Value::of_text("un")},
                                                   {"tel", Value::of_text("05")}}), 1);
  write(founder, say(1, "nom", "deux"), 2);
  write(founder, say(1, "nom", "trois"), 3);
  build_on(member, 4);
  ASSERT_TRUE(settle(30, 31).has_value());
  EXPECT_EQ(founder.prune(), 1u);
  EXPECT_EQ(leaves(founder), (std::vector{LeafState::full, LeafState::bare, LeafState::full, LeafState::full}));
  EXPECT_EQ(named(founder, 1), "trois");
  EXPECT_TRUE(founder.verify().has_value());
}

TEST_F(Settling, TheLastImportStaysForTheNextToBeComparedWith) {
  const auto row = [](const char* nom) {
    return imported("lieux", "carte", "7", {{"nom", Value::of_text(nom)}});
  };
  const RecordId id = derived_record_id("lieux", "carte", "7");
  write(founder, row("de la source"), 1);
  write(founder, row("corrigé là-bas"), 2);
  write(founder, patch("lieux", id, {{"nom", Value::of_text("corrigé ici")}}), 3);
  build_on(member, 4);
  ASSERT_TRUE(settle(30, 31).has_value());
  EXPECT_EQ(founder.prune(), 1u);
  (void)founder.node->write(kCatalogue, {row("corrigé là-bas")}, day(32));
  EXPECT_EQ(founder.node->value(kCatalogue, "lieux", id, "nom"), "corrigé ici");
}

/// The fields of a commit's first op that asks to erase, and whether each is to go.
std::map<std::string, bool> fields_asked(const CommitPtr& commit) {
  std::map<std::string, bool> out;
  const OpTable& table = commit->body.ops;
  for (const OpField& field : table.fields_of(table.ops.at(0)))
    out.emplace(field.name, field.replaced.count > 0);
  return out;
}

// What a node has forgotten it erases unseen: what it does not mean by name is lost, but nobody asked for
// that, and what others say of it stays.
TEST_F(Settling, WhatIsErasedUnseenIsNotTakenForMore) {
  using Fields = std::map<std::string, bool>;
  const std::string description(200, 'd');
  write(founder, patch("lieux", record_number(1), {{"nom", Value::of_text("un")}, {"tel", Value::of_text("05")},
                                                   {"note", Value::of_text(description)}}), 1);
  build_on(member, 2);
  write(member, patch("lieux", record_number(1), {{"nom", Value::of_text("deux")}, {"tel", Value::of_text("06")},
                                                  {"note", Value::of_text("rien")}}), 3);
  build_on(member, 4);
  build_on(absent, 5);
  ASSERT_TRUE(settle(10, 40).has_value());
  ASSERT_GT(founder.prune(), 0u);
  const auto erase = [&](Peer& peer, const std::string& field, int on) {
    TestNode& node = *peer.node;
    const ErasureWish wish{"lieux", record_number(1), {field}};
    must(node.store->begin());
    auto out = must(node.store->erase(space(), std::span{&wish, 1}, node.author(), day(on), node.rng));
    must(node.store->commit());
    EXPECT_EQ(out.commits.size(), 1u);
    return out;
  };
  const auto complete = [&](int on) {
    TestNode& node = *founder.node;
    must(node.store->begin());
    auto out = must(node.store->complete_erasures(node.author(), day(on), node.rng));
    must(node.store->commit());
    return out;
  };
  exchange(founder, absent, 41);
  // Somebody who has not forgotten it asks, and says the rest; the author means the same.
  erase(absent, "tel", 42);
  const auto done = erase(founder, "tel", 43);
  EXPECT_EQ(done.forgotten, 1u);
  EXPECT_EQ(done.fields, std::set<std::string>{"tel"});
  EXPECT_EQ(fields_asked(done.commits[0]), (Fields{{"nom", false}, {"tel", true}, {"note", false}}));
  exchange(founder, absent, 44);
  EXPECT_TRUE(complete(45).empty());
  // It means another, which only its own first wish still said.
  EXPECT_EQ(fields_asked(erase(absent, "note", 46).commits[0]),
            (Fields{{"nom", false}, {"tel", true}, {"note", false}}));
  exchange(founder, absent, 47);
  for (Peer* peer : {&founder, &absent}) EXPECT_TRUE(peer->verify().has_value());
}

TEST_F(Settling, NothingGoesWhereWhatSettlesItIsMissing) {
  write(founder, say(1, "nom", "un"), 1);
  write(founder, say(1, "nom", "deux"), 2);
  write(founder, say(2, "nom", "trois"), 3);
  build_on(absent, 4);
  const auto checkpoint = settle(10, 31);
  ASSERT_TRUE(checkpoint.has_value());
  member.pull(founder, day(32), SIZE_MAX, kAnnuaire);
  member.pull(founder, day(32), 2);
  EXPECT_EQ(member.prune(), 0u);
  EXPECT_FALSE(must(to_prune(member.node->store->database(), member.node->store->log(),
                             *member.node->store->trust()))
                   .size() > 0);
  member.pull(founder, day(32));
  EXPECT_EQ(must(to_prune(member.node->store->database(), member.node->store->log(),
                          *member.node->store->trust())),
            std::vector{space()});
  EXPECT_EQ(member.prune(), 1u);
  EXPECT_TRUE(must(to_prune(member.node->store->database(), member.node->store->log(),
                            *member.node->store->trust()))
                  .empty());
}

// One who was removed without the checkpoint knowing: what was settled of it stays.
TEST_F(Settling, WhatIsSettledStandsWhateverIsDecidedSince) {
  write(member, say(1, "nom", "un"), 1);
  write(member, say(1, "nom", "deux"), 2);
  exchange(founder, member, 3);
  const auto known = founder.node->commits(kCatalogue);
  write(founder, say(9, "nom", "quatre"), 4);
  ASSERT_TRUE(settle(30, 31).has_value());
  ASSERT_EQ(founder.prune(), 1u);
  Proposal removed;
  removed.remove = Removal{member.node->member};
  removed.cut = {{space(), known.front()->id}};
  (void)decide(removed, 32);
  EXPECT_TRUE(counts(founder, known.back()->id));
  EXPECT_EQ(named(founder, 1), "deux");
  exchange(founder, absent, 33);
  EXPECT_EQ(named(absent, 1), "deux");
  EXPECT_EQ(absent.node->digest(kCatalogue), founder.node->digest(kCatalogue));
}

TEST_F(Settling, WhatWasVoidWhenItWasSettledStaysSo) {
  Peer outsider{kOutsider};
  write(founder, say(1, "nom", "un"), 1);
  exchange(founder, outsider, 2);
  HandOp op;
  op.record = record_number(1);
  op.field = "nom";
  op.value = "\x04" "sans droit";
  const auto commit = sign_by_hand(outsider, {op}, {}, day(3));
  (void)founder.node->receive(commit, day(3));
  build_on(member, 4);
  const auto checkpoint = settle(30, 31);
  ASSERT_TRUE(checkpoint.has_value());
  EXPECT_FALSE(counts(founder, commit->id));
  EXPECT_EQ(founder.node->store->trust()->checkpoints(space())[0]->without_effect.size(), 1u);
  EXPECT_EQ(named(founder, 1), "un");
}

TEST_F(Settling, ABranchOfAForkedFeedThatNobodyKnewIsLate) {
  write(member, say(1, "nom", "un"), 1);
  Peer copy{1, member.disk->current(), member.node->incarnation};
  write(member, say(1, "nom", "deux"), 2);
  write(member, say(1, "nom", "trois"), 3);
  write(copy, say(1, "tel", "ailleurs"), 2);
  exchange(founder, member, 4);
  write(founder, say(9, "nom", "cinq"), 5);
  ASSERT_TRUE(settle(30, 31).has_value());
  const auto branch = copy.node->commits(kCatalogue).back();
  (void)founder.node->receive(branch, day(32));
  EXPECT_FALSE(counts(founder, branch->id));
  // In whatever order they come.
  for (const std::string_view where : {kAnnuaire, kCatalogue})
    absent.pull(copy, day(33), SIZE_MAX, where);
  exchange(founder, absent, 33);
  EXPECT_FALSE(counts(absent, branch->id));
  EXPECT_EQ(absent.node->digest(kCatalogue), founder.node->digest(kCatalogue));
}

TEST_F(Settling, AVoterLooksForItself) {
  write(founder, say(1, "nom", "un"), 1);
  exchange(founder, member, 2);
  write(founder, say(1, "nom", "deux"), 3);
  build_on(absent, 5);
  must(founder.node->store->begin());
  const auto checkpoint =
      must(founder.node->store->draft_checkpoint(space(), Hlc::at(day(10), 0)));
  must(founder.node->store->commit());
  ASSERT_TRUE(checkpoint.has_value());
  const auto agrees = [&](const Checkpoint& what, int before) {
    return must(member.node->store->agrees_with(what, Hlc::at(day(before), 0)));
  };
  EXPECT_EQ(agrees(*checkpoint, 10), Agreement::misses);
  exchange(founder, member, 11);
  EXPECT_EQ(agrees(*checkpoint, 10), Agreement::agrees);
  EXPECT_EQ(agrees(*checkpoint, 2), Agreement::too_young);
  Checkpoint other = *checkpoint;
  other.without_effect = {{founder.node->node_key.node_id(), founder.node->incarnation, 1, 1}};
  EXPECT_EQ(agrees(other, 10), Agreement::differs);
  Peer away{4};
  write(away, say(2, "nom", "ailleurs"), 12);
  member.pull(away, day(13));
  EXPECT_EQ(agrees(*checkpoint, 10), Agreement::would_be_late);
}

TEST_F(Settling, AClockThatIsAheadSettlesNothing) {
  write(founder, say(1, "nom", "un"), 1);
  write(founder, say(1, "nom", "deux"), 60);
  build_on(member, 60);
  ASSERT_TRUE(settle(61, 20).has_value());  // Its clock was set in between.
  EXPECT_EQ(founder.node->store->trust()->checkpoints(space()).size(), 1u);
  EXPECT_EQ(founder.prune(), 0u);
  write(absent, say(2, "nom", "ailleurs"), 21);
  exchange(founder, absent, 61);
  EXPECT_EQ(named(founder, 2), "ailleurs");
  EXPECT_EQ(absent.node->digest(kCatalogue), founder.node->digest(kCatalogue));
}

TEST_F(Settling, NothingIsWrittenThatWouldBeLate) {
  write(founder, say(1, "nom", "un"), 1);
  build_on(absent, 2);
  ASSERT_TRUE(settle(30, 31).has_value());
  member.pull(founder, day(32), SIZE_MAX, kAnnuaire);
  const auto wrote = member.node->write(kCatalogue, {say(2, "nom", "deux")}, day(32));
  EXPECT_TRUE(wrote.commits.empty());
  member.pull(founder, day(32));
  EXPECT_EQ(member.node->write(kCatalogue, {say(2, "nom", "deux")}, day(32)).commits.size(), 1u);
}

}  // namespace
}  // namespace maillon::test
