#include "tests/unit/storage/erasure_fixture.hpp"

/// What must be forgotten is, everywhere and for good, and nothing else.
namespace maillon::test {
namespace {

TEST_F(Erasures, OneFieldGoesFromEveryByteAndTheOthersStay) {
  write(a, row(kPhone));
  meet();
  ASSERT_TRUE(holds(a, kPhone));
  ASSERT_TRUE(holds(b, kPhone));
  const auto done = erase(a, {"", kRow, {"tel"}, "", "demande"});
  EXPECT_EQ(done.own, 1u);
  EXPECT_EQ(done.fields, std::set<std::string>{"tel"});
  meet();
  for (Peer* peer : {&a, &b}) {
    EXPECT_EQ(value(*peer, kRow, "tel"), "-");
    EXPECT_EQ(value(*peer, kRow, "courriel"), kMail);
    for (int i = 0; i < 18; ++i)
      EXPECT_EQ(value(*peer, kRow, "champ" + std::to_string(i)), "valeur " + std::to_string(i));
    EXPECT_FALSE(holds(*peer, kPhone));
    EXPECT_TRUE(holds(*peer, kMail));
  }
}

// Erasing of many records whose versions lie in some commits reads each of those a few times.
TEST_F(Erasures, CommitsThatWereReadStayAtHandUntilTheyChangeOrTakeTooMuch) {
  CommitCache& commits = a.node->store->records().commits();
  const auto wrote = [&](const std::string& value) {
    now += 1s;
    const auto done = a.node->write(
        kCatalogue, {patch("lieux", kRecord, {{"tel", Value::of_text(value)}})}, now);
    return must(a.node->store->log().find(done.commits.at(0)->id))->id;
  };
  std::vector<std::pair<std::int64_t, CommitPtr>> known;
  for (int i = 0; i < 12; ++i) known.emplace_back(wrote(std::string{kPhone} + std::to_string(i)), nullptr);
  for (auto& [id, commit] : known) commit = must(commits.get(id));
  for (const auto& [id, commit] : known) EXPECT_EQ(must(commits.get(id)), commit);
  const std::int64_t other = wrote("autre");
  const CommitPtr kept = must(commits.get(other));
  EXPECT_EQ(erase(a, {"", kRecord, {}, std::string{kPhone}}).own, 12u);
  for (const auto& [id, commit] : known) EXPECT_EQ(must(commits.get(id))->body.ops.ops[0].state, LeafState::bare);
  EXPECT_EQ(must(commits.get(other)), kept);
  for (int i = 0; i < 16; ++i) (void)must(commits.get(wrote(to_hex(a.node->rng.bytes<400'000>()))));
  EXPECT_NE(must(commits.get(other)), kept);
}

TEST_F(Erasures, FormerValuesGoAsWell) {
  write(a, row(kPhone));
  write(a, patch("lieux", kRow, {{"tel", Value::of_text("0545111111")}}));
  ASSERT_TRUE(holds(a, kPhone));
  erase(a, {"", kRow, {"tel"}});
  EXPECT_FALSE(holds(a, kPhone));
  EXPECT_FALSE(holds(a, "0545111111"));
  EXPECT_EQ(value(a, kRow, "courriel"), kMail);
}

TEST_F(Erasures, NothingBringsItBack) {
  write(a, row(kPhone));
  meet();
  const auto old = b.node->commits(kCatalogue);
  const DiskImage backup = b.disk->current();
  erase(a, {"", kRow, {"tel"}});
  meet();
  // An old bundle, or a hostile peer.
  for (const CommitPtr& commit : old)
    EXPECT_EQ(b.node->receive(commit, now).outcome, Received::Outcome::duplicate);
  EXPECT_FALSE(holds(b, kPhone));
  // An old backup, at its first contact.
  Peer restored{1, backup, 77};
  restored.pull(a, now);
  EXPECT_FALSE(holds(restored, kPhone));
  EXPECT_EQ(restored.text(), a.text());
  // The source, as it was and as it is.
  for (const std::string_view phone : {kPhone, std::string_view{"0545000000"}}) {
    now += 1s;
    const auto written = b.node->write(kCatalogue, {row(phone)}, now);
    EXPECT_TRUE(written.commits.empty());
    ASSERT_EQ(written.withheld.size(), 1u);
    EXPECT_EQ(written.withheld[0].field, "tel");
  }
  // Whoever types it does so knowingly, and may.
  write(b, patch("lieux", kRow, {{"tel", Value::of_text("0545222222")}}));
  EXPECT_EQ(value(b, kRow, "tel"), "0545222222");
  meet();
}

TEST_F(Erasures, AWholeRecordGoesAndItsSourceIsNotHeardAgain) {
  write(a, row(kPhone));
  meet();
  erase(a, {"", kRow});
  meet();
  for (Peer* peer : {&a, &b}) {
    EXPECT_EQ(value(*peer, kRow, "courriel"), "-");
    for (const std::string_view gone : {kPhone, kMail, std::string_view{"valeur 3"}})
      EXPECT_FALSE(holds(*peer, gone)) << gone;
  }
  now += 1s;
  EXPECT_EQ(b.node->write(kCatalogue, {row(kPhone)}, now).outcomes[0], ChangeOutcome::erased_here);
  EXPECT_TRUE(erase(a, {"", kRow}).ops.empty());
}

TEST_F(Erasures, WhatOthersWroteIsHiddenUntilTheyAgree) {
  write(a, patch("lieux", kRecord, {{"nom", Value::of_text("Mairie")},
                                    {"tel", Value::of_text(std::string{kPhone})}}));
  meet();
  const auto asked = erase(b, {"", kRecord, {"tel"}});
  EXPECT_EQ(asked.own, 0u);
  meet();
  for (Peer* peer : {&a, &b}) {
    EXPECT_EQ(value(*peer, kRecord, "tel"), "-");
    EXPECT_EQ(value(*peer, kRecord, "nom"), "Mairie");
    EXPECT_TRUE(holds(*peer, kPhone));
  }
  say(a, asked.commits[0]->id, /*lift=*/false);
  meet();
  for (Peer* peer : {&a, &b}) {
    EXPECT_EQ(value(*peer, kRecord, "nom"), "Mairie");
    EXPECT_FALSE(holds(*peer, kPhone));
  }
}

TEST_F(Erasures, WhatIsRefusedShowsAgain) {
  write(a, patch("lieux", kRecord, {{"tel", Value::of_text(std::string{kPhone})}}));
  meet();
  const auto asked = erase(b, {"", kRecord, {"tel"}});
  meet();
  ASSERT_EQ(value(b, kRecord, "tel"), "-");
  say(a, asked.commits[0]->id, /*lift=*/true);
  meet();
  EXPECT_EQ(value(a, kRecord, "tel"), kPhone);
  EXPECT_EQ(value(b, kRecord, "tel"), kPhone);
  // What a member said to destroy is not taken back.
  say(a, asked.commits[0]->id, /*lift=*/false);
  say(a, asked.commits[0]->id, /*lift=*/true);
  meet();
  EXPECT_FALSE(holds(a, kPhone));
}

TEST_F(Erasures, TheOnlyDelegateDecidesForOthersAndNobodyElseDoes) {
  write(b, patch("lieux", kRecord, {{"tel", Value::of_text(std::string{kPhone})}}));
  meet();
  c.pull(a, now);
  const auto asked = erase(c, {"", kRecord, {"tel"}});
  say(c, asked.commits[0]->id, /*lift=*/false);
  a.pull(c, now, SIZE_MAX, kAnnuaire);
  a.pull(c, now);
  EXPECT_EQ(value(a, kRecord, "tel"), "-");
  EXPECT_TRUE(holds(a, kPhone));
  say(a, asked.commits[0]->id, /*lift=*/false);
  meet();
  EXPECT_FALSE(holds(a, kPhone));
  EXPECT_FALSE(holds(b, kPhone));
}

TEST_F(Erasures, AWordThatCameBeforeWhatItSpeaksOfCounts) {
  write(a, patch("lieux", kRecord, {{"tel", Value::of_text(std::string{kPhone})}}));
  meet();
  c.pull(a, now);
  const auto asked = erase(b, {"", kRecord, {"tel"}});
  a.pull(b, now);
  say(a, asked.commits[0]->id, /*lift=*/false);
  c.pull(a, now, SIZE_MAX, kAnnuaire);
  EXPECT_TRUE(holds(c, kPhone));
  c.pull(a, now);
  EXPECT_FALSE(holds(c, kPhone));
  EXPECT_EQ(c.text(), a.text());
}

TEST_F(Erasures, WhoMayNotWriteHidesNothing) {
  write(a, patch("lieux", kRecord, {{"tel", Value::of_text(std::string{kPhone})}}));
  Peer outsider{kOutsider};
  outsider.pull(a, now);
  const CommitPtr target = a.node->commits(kCatalogue).back();
  HandOp op;
  op.kind = static_cast<std::uint32_t>(OpKind::erase);
  op.record = kRecord;
  op.whole = {{target->id, 1}};
  const CommitPtr asked = sign_by_hand(outsider, {op}, {}, now += 1s);
  EXPECT_TRUE(a.node->receive(asked, now).is_void);
  EXPECT_EQ(value(a, kRecord, "tel"), kPhone);
  EXPECT_TRUE(a.verify().has_value());
}

TEST_F(Erasures, ANameInsideATextGoesWhoeverTypedPartsOfIt) {
  write_text(a, "Appeler Jeanne Dupont le lundi.");
  meet();
  write_text(b, "Appeler Jeanne Marie Dupont le lundi matin.");
  meet();
  const auto asked = erase(a, {"", kRecord, {"notes"}, "Jeanne Marie Dupont"});
  EXPECT_EQ(asked.ops.size(), 2u);
  meet();
  EXPECT_EQ(value(a, kRecord, "notes"), "Appeler  le lundi matin.");
  EXPECT_FALSE(holds(a, "Jeanne"));
  EXPECT_TRUE(holds(a, "Marie"));
  say(b, asked.commits[0]->id, /*lift=*/false);
  meet();
  EXPECT_EQ(value(b, kRecord, "notes"), "Appeler  le lundi matin.");
  EXPECT_FALSE(holds(b, "Marie"));
  // The text goes on from there.
  write_text(b, "Appeler le standard le lundi matin.");
  meet();
  EXPECT_EQ(value(a, kRecord, "notes"), "Appeler le standard le lundi matin.");
}

TEST_F(Erasures, OfASetAndAListTheElementsThatSayItGo) {
  Change change = patch("lieux", kRecord, {});
  const auto texts = [](std::initializer_list<const char*> all) {
    std::vector<Value> out;
    for (const char* one : all) out.push_back(Value::of_text(one));
    return out;
  };
  change.edits.push_back({"publics", FieldTag::set, FieldEdit::How::set, texts({"a", "Dupont", "b"})});
  change.edits.push_back({"étapes", FieldTag::list, FieldEdit::How::set, texts({"x", "M. Dupont", "y"})});
  write(a, change);
  meet();
  erase(a, {"", kRecord, {}, "Dupont"});
  meet();
  EXPECT_EQ(value(b, kRecord, "publics"), "[\"a\",\"b\"]");
  EXPECT_EQ(value(b, kRecord, "étapes"), "[\"x\",\"y\"]");
  EXPECT_FALSE(holds(a, "Dupont"));
  EXPECT_FALSE(holds(b, "Dupont"));
}

TEST_F(Erasures, MasksUniteAndNobodyKeepsWhatAnotherErased) {
  write(a, row(kPhone));
  meet();
  // Two nodes of one member, at the same time: a copy of its folder.
  Peer twin{0, a.disk->current(), 99};
  erase(a, {"", kRow, {"tel"}});
  erase(twin, {"", kRow, {"courriel"}});
  a.pull(twin, now);
  twin.pull(a, now);
  EXPECT_EQ(a.text(), twin.text());
  EXPECT_EQ(value(a, kRow, "tel"), "-");
  EXPECT_EQ(value(a, kRow, "courriel"), "-");
  EXPECT_EQ(value(a, kRow, "champ3"), "valeur 3");
  // Each holds what the other erased, in what it said would remain.
  EXPECT_TRUE(holds(a, kPhone));
  for (Peer* peer : {&a, &twin}) {
    TestNode& node = *peer->node;
    must(node.store->begin());
    EXPECT_FALSE(must(node.store->complete_erasures(node.author(), now += 1s, node.rng)).empty());
    must(node.store->commit());
  }
  a.pull(twin, now);
  twin.pull(a, now);
  meet();
  EXPECT_EQ(a.text(), twin.text());
  for (Peer* peer : {&a, &twin, &b}) {
    EXPECT_FALSE(holds(*peer, kPhone));
    EXPECT_FALSE(holds(*peer, kMail));
    EXPECT_EQ(value(*peer, kRow, "champ3"), "valeur 3");
    TestNode& node = *peer->node;
    must(node.store->begin());
    EXPECT_TRUE(must(node.store->complete_erasures(node.author(), now += 1s, node.rng)).empty());
    must(node.store->commit());
    // Nor is it looked for again: what has ever been erased twice grows.
    EXPECT_EQ(must(node.store->database().integer("SELECT count(*) FROM erased_again")), 0);
  }
}

/// How many ops of a commit ask to erase.
std::size_t asking_ops(const ErasureOutcome& done) {
  EXPECT_EQ(done.commits.size(), 1u);
  return static_cast<std::size_t>(std::ranges::count_if(done.commits[0]->body.ops.ops, [&](const Op& op) {
    return erased_by(done.commits[0]->body.ops, op).has_value();
  }));
}

TEST_F(Erasures, OneOpSaysTheRestHoweverOftenSomebodyErases) {
  write(a, row(kPhone));
  write_text(a, "Anne, Bruno, Chloé, David, Emma, Farid, Gilles et Hélène");
  meet();
  std::vector<CommitId> commits;
  for (int i = 0; i < 18; ++i) {
    const auto done = erase(a, {"", kRow, {"champ" + std::to_string(i)}, "", "demande " + std::to_string(i)});
    EXPECT_EQ(asking_ops(done), i == 0 ? 1u : 2u);
    EXPECT_EQ(done.own, 1u);
    commits.push_back(done.commits[0]->id);
  }
  erase(a, {"", kRow, {"tel"}});
  for (const char* name : {"Anne", "Bruno", "Chloé", "David", "Emma", "Farid", "Gilles"})
    EXPECT_LE(asking_ops(erase(a, {"", kRecord, {}, name})), 2u);
  meet();
  for (Peer* peer : {&a, &b}) {
    EXPECT_EQ(value(*peer, kRow, "courriel"), kMail);
    EXPECT_EQ(value(*peer, kRow, "champ17"), "-");
    EXPECT_TRUE(holds(*peer, kMail));
    EXPECT_TRUE(holds(*peer, "Hélène"));
    for (const std::string_view gone : {"valeur", "Anne", "Chloé", "Gilles"}) EXPECT_FALSE(holds(*peer, gone)) << gone;
    EXPECT_FALSE(holds(*peer, kPhone));
    // Why it was asked stays, whatever became of what it said.
    EXPECT_TRUE(holds(*peer, "demande 0"));
    EXPECT_TRUE(holds(*peer, "demande 17"));
  }
}

// What it says again is decided on together with what goes for it.
TEST_F(AskedByOthers, ManyWishesGrantedInAnyOrderLeaveTheRest) {
  std::vector<CommitId> asked;
  for (const char* field : {"tel", "courriel"}) {
    const auto done = erase(c, {"", kRecord, {field}});
    EXPECT_EQ(asking_ops(done), asked.empty() ? 1u : 2u);
    asked.push_back(done.commits[0]->id);
  }
  meet_all();
  EXPECT_EQ(value(a, kRecord, "nom"), "Mairie");
  EXPECT_EQ(value(a, kRecord, "tel"), "-");
  for (const CommitId& id : {asked[1], asked[0]}) {
    say(b, id, /*lift=*/false);
    complete(b);
    meet_all();
    for (Peer* peer : {&a, &b, &c}) {
      EXPECT_EQ(value(*peer, kRecord, "nom"), "Mairie");
      EXPECT_FALSE(holds(*peer, kMail));
      EXPECT_EQ(holds(*peer, kPhone), id == asked[1]);
    }
  }
}

// Those who agree one by one make no more of it each time.
TEST_F(AskedByOthers, WhatIsCompletedDoesNotGrow) {
  write(b, patch("lieux", kRecord, {{"a", Value::of_text("un")}, {"b", Value::of_text("deux")},
                                    {"c", Value::of_text("trois")}, {"d", Value::of_text("quatre")},
                                    {"e", Value::of_text("cinq")}, {"f", Value::of_text("six")},
                                    {"g", Value::of_text("sept")}}));
  meet_all();
  std::vector<CommitId> asked;
  for (const char* field : {"a", "b", "c", "d", "e", "f"}) asked.push_back(erase(c, {"", kRecord, {field}}).commits[0]->id);
  meet_all();
  for (const CommitId& id : asked) {
    say(b, id, /*lift=*/false);
    TestNode& node = *b.node;
    must(node.store->begin());
    const auto done = must(node.store->complete_erasures(node.author(), now += 1s, node.rng));
    must(node.store->commit());
    std::size_t ops = 0;
    for (const CommitPtr& commit : done) ops += commit->body.ops.ops.size();
    EXPECT_LE(ops, 8u);
  }
  meet_all();
  for (Peer* peer : {&a, &b, &c}) {
    EXPECT_EQ(value(*peer, kRecord, "g"), "sept");
    for (const std::string_view gone : {"deux", "trois", "quatre", "cinq"}) EXPECT_FALSE(holds(*peer, gone)) << gone;
  }
}

TEST_F(AskedByOthers, TheAuthorsOwnWordReachesTheCopyInWhatWasRefused) {
  const CommitId asked = ask({"nom"});
  say(b, asked, /*lift=*/true);
  meet_all();
  EXPECT_EQ(erase(b, {"", kRecord, {"tel"}}).own, 1u);
  meet_all();
  for (Peer* peer : {&a, &b, &c}) {
    EXPECT_FALSE(holds(*peer, kPhone));
    EXPECT_EQ(value(*peer, kRecord, "nom"), "Mairie");
  }
}

TEST_F(AskedByOthers, TheAuthorErasesWhatIsMerelyHidden) {
  ask({"tel"});
  EXPECT_EQ(erase(a, {"", kRecord, {"tel"}}).asked_before, 1u);
  EXPECT_EQ(erase(b, {"", kRecord, {"tel"}}).own, 1u);
  meet_all();
  for (Peer* peer : {&a, &b, &c}) EXPECT_FALSE(holds(*peer, kPhone));
}

TEST_F(AskedByOthers, TheAuthorErasesNoMoreThanItSays) {
  const CommitId asked = ask({});
  erase(b, {"", kRecord, {"tel"}});
  complete(b);
  meet_all();
  EXPECT_EQ(value(a, kRecord, "nom"), "-");
  say(b, asked, /*lift=*/true);
  meet_all();
  for (Peer* peer : {&a, &b, &c}) {
    EXPECT_EQ(value(*peer, kRecord, "nom"), "Mairie");
    EXPECT_EQ(value(*peer, kRecord, "courriel"), kMail);
    EXPECT_FALSE(holds(*peer, kPhone));
  }
}

TEST_F(AskedByOthers, OfTwoWishesOneIsGrantedAndOneRefused) {
  const CommitId granted = ask({"tel"});
  const CommitId refused = ask({"courriel"});
  say(b, granted, /*lift=*/false);
  say(b, refused, /*lift=*/true);
  complete(b);
  meet_all();
  for (Peer* peer : {&a, &b, &c}) {
    EXPECT_EQ(value(*peer, kRecord, "nom"), "Mairie");
    EXPECT_EQ(value(*peer, kRecord, "courriel"), kMail);
    EXPECT_FALSE(holds(*peer, kPhone));
  }
}

TEST_F(AskedByOthers, WhoAskedDestroysNoCopyByItself) {
  const CommitId first = ask({"tel"});
  ask({"nom"});
  say(b, first, /*lift=*/false);
  meet_all();
  for (Peer* peer : {&a, &b, &c}) {
    EXPECT_EQ(value(*peer, kRecord, "nom"), "-");
    EXPECT_EQ(value(*peer, kRecord, "courriel"), kMail);
    EXPECT_TRUE(holds(*peer, "Mairie"));
  }
}

TEST_F(Erasures, WhatIsPublishedAgainGoesAsWell) {
  // Written under a clock that was ahead, and published again before the erasure is heard of.
  now += 1s;
  a.node->write(kCatalogue, {row(kPhone)}, now + 400 * 24h);
  b.pull(a, now);
  Peer twin{0, a.disk->current(), 99};
  erase(a, {"", kRow, {"tel"}});
  twin.node->incarnation = 100;
  must(twin.node->store->begin());
  must(twin.node->store->reissue_stranded(twin.node->author(), now += 1s, twin.node->rng));
  must(twin.node->store->commit());
  EXPECT_EQ(value(twin, kRow, "tel"), kPhone);
  const UnixMillis later = now + 500 * 24h;
  for (Peer* peer : {&a, &twin, &b})
    for (Peer* other : {&a, &twin, &b}) peer->pull(*other, later);
  for (Peer* peer : {&a, &twin, &b}) {
    must(peer->node->store->begin());
    must(peer->node->store->release_held(later));
    must(peer->node->store->commit());
    EXPECT_EQ(value(*peer, kRow, "tel"), "-");
    EXPECT_EQ(value(*peer, kRow, "champ3"), "valeur 3");
    EXPECT_FALSE(holds(*peer, kPhone));
    EXPECT_TRUE(peer->verify().has_value());
  }
  EXPECT_EQ(a.text(), b.text());
}

TEST_F(Erasures, AnOriginalThatComesLastGoesAsWell) {
  now += 1s;
  a.node->write(kCatalogue, {row(kPhone)}, now + 400 * 24h);
  const CommitPtr original = a.node->commits(kCatalogue).back();
  a.node->incarnation = 100;
  must(a.node->store->begin());
  must(a.node->store->reissue_stranded(a.node->author(), now += 1s, a.node->rng));
  must(a.node->store->commit());
  // Who never saw the original asks to erase, and its author agrees before it has seen that.
  for (const CommitPtr& commit : a.node->commits(kCatalogue))
    if (commit->id != original->id) (void)b.node->receive(commit, now);
  const auto asked = erase(b, {"", kRow, {"tel"}});
  say(a, asked.commits[0]->id, /*lift=*/false);
  b.pull(a, now, SIZE_MAX, kAnnuaire);
  EXPECT_FALSE(holds(b, kPhone));
  (void)b.node->receive(original, now + 500 * 24h);
  EXPECT_FALSE(holds(b, kPhone));
  EXPECT_TRUE(b.verify().has_value());
  a.pull(b, now);
  EXPECT_FALSE(holds(a, kPhone));
}

TEST_F(Erasures, WhatIsLeftCanBePublishedAgain) {
  now += 1s;
  a.node->write(kCatalogue, {row(kPhone)}, now + 400 * 24h);
  erase(a, {"", kRow, {"tel"}});
  a.node->incarnation = 100;
  must(a.node->store->begin());
  EXPECT_FALSE(must(a.node->store->reissue_stranded(a.node->author(), now += 1s, a.node->rng)).empty());
  must(a.node->store->commit());
  b.pull(a, now);
  EXPECT_EQ(value(b, kRow, "champ3"), "valeur 3");
  EXPECT_EQ(value(b, kRow, "tel"), "-");
  EXPECT_FALSE(holds(b, kPhone));
  EXPECT_TRUE(b.verify().has_value());
}

TEST_F(Erasures, AFalseRemainderShowsToWhoeverIsAsked) {
  write(a, patch("lieux", kRecord, {{"nom", Value::of_text("Mairie")},
                                    {"tel", Value::of_text(std::string{kPhone})}}));
  meet();
  const CommitPtr target = b.node->commits(kCatalogue).back();
  HandOp op;
  op.kind = static_cast<std::uint32_t>(OpKind::erase);
  op.record = kRecord;
  op.whole = {{target->id, 1}};
  op.field = "nom";
  op.value = "\x04Prison";
  const CommitPtr asked = sign_by_hand(b, {op}, {}, now += 1s);
  (void)b.node->receive(asked, now);
  meet();
  // As long as the op itself is there, it says what it says.
  EXPECT_EQ(value(a, kRecord, "nom"), "Mairie");
  const auto place = must(a.node->store->log().find(asked->id))->id;
  EXPECT_EQ(must(a.node->store->false_remainder(place)), "nom");
  const auto honest = erase(b, {"", kRecord, {"tel"}});
  a.pull(b, now);
  const auto other = must(a.node->store->log().find(honest.commits[0]->id))->id;
  EXPECT_EQ(must(a.node->store->false_remainder(other)), std::nullopt);
}

TEST_F(Erasures, EachNodeKnowsWhatItHasNotConfirmed) {
  write(a, row(kPhone));
  meet();
  const auto asked = erase(a, {"", kRow, {"tel"}});
  meet();
  TestNode& node = *b.node;
  const NodeId self = node.author().node();
  const auto left = must(node.store->unconfirmed(self));
  ASSERT_EQ(left.size(), 1u);
  EXPECT_EQ(left[0].commit, asked.commits[0]->id);
  EXPECT_GT(must(node.store->scrub_due()), 0u);
  must(node.store->begin());
  const std::vector<GovernanceOp> ops{
      {OpKind::erasure_receipt, encode(ErasureReceipt{{left[0]}})}};
  must(node.store->write_governance(ops, node.author(), now += 1s, node.rng));
  must(node.store->commit());
  EXPECT_TRUE(must(node.store->unconfirmed(self)).empty());
  meet();
  EXPECT_EQ(a.node->store->trust()->receipts().at(asked.commits[0]->id).at(self), 1u);
}

// Whoever heard of the erasure before the proof has destroyed what it names; without it, the others
// would go on showing that.
TEST_F(Erasures, WhatOthersHaveCarriedOutIsNeverAside) {
  write(b, row(kPhone));
  meet();
  c.pull(b, now);
  const DiskImage before = b.disk->current();
  const auto asked = erase(b, {"", kRow, {"tel"}}).commits.at(0);
  a.pull(b, now);
  Peer twin{1, before, b.node->incarnation};
  const auto other = sign_by_hand(twin, {}, {}, now += 1s);
  a.node->receive(other, now);
  TestNode& node = *a.node;
  must(node.store->begin());
  ASSERT_EQ(must(node.store->publish_evidence(node.author(), now += 1s, node.rng)).size(), 1u);
  must(node.store->commit());
  const auto status = [&](Peer& peer) {
    return must(peer.node->store->log().find(asked->id))->status;
  };
  ASSERT_EQ(status(a), CommitStatus::aside);
  c.pull(a, now, SIZE_MAX, kAnnuaire);
  c.node->receive(asked, now);
  ASSERT_EQ(status(c), CommitStatus::aside);
  EXPECT_EQ(value(c, kRow, "tel"), kPhone);
  must(node.store->begin());
  EXPECT_EQ(must(node.store->confirm_erasures(node.author(), now += 1s, node.rng)).size(), 1u);
  must(node.store->commit());
  for (const std::string_view space : {kAnnuaire, kCatalogue}) c.pull(a, now, SIZE_MAX, space);
  for (Peer* peer : {&a, &c}) {
    EXPECT_EQ(status(*peer), CommitStatus::applied);
    EXPECT_EQ(value(*peer, kRow, "tel"), "-");
    EXPECT_FALSE(holds(*peer, kPhone));
    EXPECT_TRUE(peer->verify().has_value());
  }
  EXPECT_EQ(a.text(), c.text());
}

}  // namespace
}  // namespace maillon::test
