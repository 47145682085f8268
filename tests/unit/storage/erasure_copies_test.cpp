#include "tests/unit/storage/erasure_fixture.hpp"

/// What somebody wrote again before it heard of an erasure goes as well, and nothing else.
namespace maillon::test {
namespace {

const std::pair<std::string, Value> kTel{"tel", Value::of_text(std::string{kPhone})};
const std::pair<std::string, Value> kNom{"nom", Value::of_text("Mairie")};

/// Somebody writes again what is being erased, before it hears of that.
class WrittenAgain : public AskedByOthers {
 protected:
  /// `b` erases what it wrote; `a` has written meanwhile, and meets it then.
  void erased_by_author(ErasureWish wish, Change meanwhile) {
    wish.id = meanwhile.id;
    write(a, std::move(meanwhile));
    EXPECT_GT(erase(b, wish).own, 0u);
    meet_all();
    complete(a);
    meet_all();
  }
  /// Ops that say these values, though others were the same before: unchanged ones are not written.
  void write_anew(Peer& peer, const std::vector<std::pair<std::string, Value>>& fields) {
    auto others = fields;
    for (auto& [name, other] : others) other = Value::of_text("autre");
    write(peer, patch("lieux", kRecord, others));
    write(peer, patch("lieux", kRecord, fields));
    ASSERT_TRUE(holds(peer, fields[0].second.text()));
  }
  /// What the first erasure says would remain is gone by the second, which says it again.
  void erased_twice_meanwhile(bool heard_of_the_first) {
    erase(b, {"", kRecord, {"courriel"}});
    if (heard_of_the_first) meet_all();
    erase(b, {"", kRecord, {"tel"}});
    write_anew(a, {kTel, kNom});
    meet_all();
    complete(a);
    meet_all();
    gone(kPhone);
    EXPECT_EQ(value(c, kRecord, "nom"), "Mairie");
  }
  void gone(std::string_view what) {
    for (Peer* peer : {&a, &b, &c}) EXPECT_FALSE(holds(*peer, what)) << what;
  }
  static Change text(const std::string& words, const RecordId& id = kRecord) {
    Change change = patch("lieux", id, {});
    change.edits.push_back({"notes", FieldTag::text, FieldEdit::How::set, {Value::of_text(words)}});
    return change;
  }
};

TEST_F(WrittenAgain, ACopyGoesWithWhatItCopies) {
  erase(b, {"", kRecord, {"tel"}});
  write_anew(a, {kTel, kNom});
  meet_all();
  EXPECT_EQ(value(a, kRecord, "tel"), kPhone);
  complete(a);
  meet_all();
  gone(kPhone);
  EXPECT_EQ(value(c, kRecord, "nom"), "Mairie");
  EXPECT_EQ(value(c, kRecord, "courriel"), kMail);
}

TEST_F(WrittenAgain, ACopyWaitsUntilItsAuthorKeepsTheSpaceAgain) {
  erase(b, {"", kRecord, {"tel"}});
  write_anew(a, {kTel, kNom});
  meet_all();
  must(a.node->store->set_unwanted({{}, {a.node->space(kCatalogue)}}));
  complete(a);
  must(a.node->store->set_unwanted({}));
  EXPECT_EQ(value(a, kRecord, "tel"), kPhone);
  complete(a);
  meet_all();
  gone(kPhone);
}

TEST_F(WrittenAgain, WhatIsSaidToRemainStaysThoughTheWordOfItIsErased) {
  erased_twice_meanwhile(/*heard_of_the_first=*/false);
  gone(kMail);
}

TEST_F(WrittenAgain, ACopyOfWhatRemainedGoesWithThat) { erased_twice_meanwhile(/*heard_of_the_first=*/true); }

TEST_F(WrittenAgain, WhatTheAskingNodeKnewOfWaitsForItsAuthorsWord) {
  write_anew(a, {kTel});
  meet_all();
  // It has not heard of all, though of this.
  write(a, patch("lieux", record_number(1), {{"nom", Value::of_text("Halle")}}));
  const auto asked = erase(b, {"", kRecord, {"tel"}}).commits[0]->id;
  meet_all();
  complete(a);
  meet_all();
  EXPECT_EQ(value(c, kRecord, "tel"), "-");
  EXPECT_TRUE(holds(c, kPhone));
  say(a, asked, /*lift=*/true);
  meet_all();
  EXPECT_EQ(value(c, kRecord, "tel"), kPhone);
}

TEST_F(WrittenAgain, AnotherValueStays) {
  erased_by_author({"", kRecord, {"tel"}}, patch("lieux", kRecord, {{"tel", Value::of_text("0600000000")}}));
  gone(kPhone);
  EXPECT_EQ(value(c, kRecord, "tel"), "0600000000");
}

TEST_F(WrittenAgain, WhoeverKnowsOfItMayTypeTheValueAgain) {
  erase(b, {"", kRecord, {"tel"}});
  meet_all();
  write(a, patch("lieux", kRecord, {{"tel", Value::of_text(std::string{kPhone})}}));
  complete(a);
  meet_all();
  EXPECT_EQ(value(c, kRecord, "tel"), kPhone);
}

TEST_F(WrittenAgain, WordsThatWereMovedGo) {
  write(b, text("Voir Mme Iznogoud. Ouvert le lundi."));
  meet_all();
  ErasureWish wish;
  wish.words = "Iznogoud";
  erased_by_author(wish, text("Ouvert le lundi. Voir Mme Iznogoud."));
  gone("Iznogoud");
  EXPECT_NE(value(c, kRecord, "notes").find("Ouvert le lundi."), std::string::npos);
}

/// A place with a name, a telephone and notes, written at once.
Change place(const RecordId& id) {
  Change change = patch("lieux", id, {{"nom", Value::of_text("N")}, {"tel", Value::of_text(std::string{kPhone})}});
  change.edits.push_back({"notes", FieldTag::text, FieldEdit::How::set,
                          {Value::of_text("Un Zalpha début. Deux. Trois Zbeta fin. Quatre.")}});
  return change;
}

TEST_F(WrittenAgain, MovedWordsGoThoughSomethingElseWasErasedBefore) {
  const RecordId id = record_number(7);
  write(b, place(id));
  meet_all();
  write(a, text("Deux. Trois Zbeta fin. Quatre. Un Zalpha début.", id));
  erase(b, {"", id, {"tel"}});
  erase(b, {"", id, {}, "Zalpha"});
  meet_all();
  complete(a);
  meet_all();
  gone("Zalpha");
  EXPECT_NE(value(c, id, "notes").find("Zbeta"), std::string::npos);
}

TEST_F(WrittenAgain, NamesInOtherWordsGoOneAfterTheOther) {
  for (const bool heard_of_the_first : {false, true}) {
    const RecordId id = record_number(heard_of_the_first ? 8 : 9);
    write(b, text("Voir Zalpha et Zbeta demain.", id));
    meet_all();
    write(a, text("Voir Zalpha et Zbeta demain. Note : Zalpha et Zbeta sont venus lundi.", id));
    erase(b, {"", id, {}, "Zalpha"});
    if (heard_of_the_first) {
      a.pull(b, now);
      complete(a);
    }
    erase(b, {"", id, {}, "Zbeta"});
    for (int round = 0; round < 3; ++round) {
      meet_all();
      complete(a);
    }
    meet_all();
    for (const std::string_view one : {"Zalpha", "Zbeta"}) gone(one);
    EXPECT_NE(value(c, id, "notes").find("sont venus lundi"), std::string::npos);
  }
}

// Texts and lists that are the same over and over, as somebody may write them to keep everybody's node busy.
TEST_F(WrittenAgain, NobodyIsKeptBusyByWhatRepeatsItself) {
  const RecordId id = record_number(7);
  std::string words;
  for (int i = 0; i < 4'000; ++i) words += "a ";
  std::vector<Value> elements(4'000, Value::of_text("a"));
  Change all = text(words, id);
  all.edits.push_back({"etapes", FieldTag::list, FieldEdit::How::set, elements});
  write(b, all);
  meet_all();
  all = text(words + "Zalpha " + words, id);
  all.edits.push_back({"etapes", FieldTag::list, FieldEdit::How::add, elements});
  write(a, all);
  erase(b, {"", id, {}});
  meet_all();
  complete(a);
  meet_all();
  EXPECT_EQ(value(c, id, "etapes"), "-");
}

TEST_F(WrittenAgain, WhatWasNotErasedStaysWhateverElseWas) {
  const RecordId id = record_number(7);
  const auto add = [](Change& change, const char* what) {
    change.edits.push_back({"etapes", FieldTag::list, FieldEdit::How::add, {Value::of_text(what)}});
  };
  Change first = place(id);
  add(first, "Accueil");
  write(b, first);
  meet_all();
  Change again = patch("lieux", id, {});
  add(again, "Accueil");
  write(a, again);
  write(a, text("Deux. Trois Zbeta fin. Quatre. Un Zalpha début. Venez le lundi.", id));
  erase(b, {"", id, {"tel"}});
  erase(b, {"", id, {"nom"}});
  meet_all();
  complete(a);
  meet_all();
  EXPECT_EQ(value(c, id, "etapes"), "[\"Accueil\",\"Accueil\"]");
  EXPECT_EQ(value(c, id, "notes"), "Deux. Trois Zbeta fin. Quatre. Un Zalpha début. Venez le lundi.");
}

TEST_F(WrittenAgain, AllSentencesThatWereMovedGoWithTheText) {
  const RecordId id = record_number(7);
  write(b, place(id));
  meet_all();
  write(a, text("Trois Zbeta fin. Deux. Quatre. Un Zalpha début. Venez le lundi, au début.", id));
  erase(b, {"", id, {"notes"}});
  meet_all();
  complete(a);
  meet_all();
  for (const std::string_view one : {"Zalpha", "Zbeta", "Deux", "Quatre"}) gone(one);
  EXPECT_NE(value(c, id, "notes").find("Venez le lundi, au début."), std::string::npos);
}

TEST_F(WrittenAgain, ASentenceOfATextGoesWithTheText) {
  write(b, text("Voir Mme Iznogoud. Ouvert le lundi."));
  meet_all();
  erased_by_author({"", kRecord, {"notes"}}, text("Ouvert le lundi. Voir Mme Iznogoud."));
  gone("Iznogoud");
}

TEST_F(WrittenAgain, AnElementOfAListGoes) {
  const auto list = [](std::vector<std::string> values) {
    Change change = patch("lieux", kRecord, {});
    change.edits.push_back({"etapes", FieldTag::list, FieldEdit::How::set, {}});
    for (std::string& value : values)
      change.edits[0].values.push_back(Value::of_text(std::move(value)));
    return change;
  };
  write(b, list({"Appeler Mme Iznogoud", "Signer"}));
  meet_all();
  ErasureWish wish{"", kRecord, {}};
  wish.words = "Iznogoud";
  erased_by_author(wish, list({"Appeler Mme Iznogoud", "Signer", "Relire", "Appeler Mme Iznogoud"}));
  gone("Iznogoud");
  EXPECT_EQ(value(c, kRecord, "etapes"), "[\"Signer\",\"Relire\"]");
}

TEST_F(WrittenAgain, ACounterGoesWithWhatItWentOnFrom) {
  const auto count = [&](Peer& peer, std::string by) {
    Change change = patch("lieux", kRecord, {});
    change.edits.push_back({"visites", FieldTag::counter, FieldEdit::How::add,
                            {Value{Value::Kind::number, std::move(by)}}});
    write(peer, std::move(change));
  };
  count(b, "37777");
  meet_all();
  const auto asked = erase(c, {"", kRecord, {"visites"}}).commits[0]->id;
  count(b, "1");
  meet_all();
  say(b, asked, /*lift=*/false);
  complete(b);
  meet_all();
  for (Peer* peer : {&a, &b, &c}) EXPECT_EQ(value(*peer, kRecord, "visites"), "-");
}

TEST_F(WrittenAgain, RowsOfASourceAreNotTakenAgain) {
  // Neither of them has seen the other's row.
  write(b, row("0600000002"));
  write(a, row("0600000001"));
  erase(b, {"", kRow, {"tel"}});
  meet_all();
  complete(a);
  meet_all();
  gone("0600000002");
  gone("0600000001");
  EXPECT_EQ(value(c, kRow, "champ3"), "valeur 3");
  EXPECT_EQ(value(c, kRow, "courriel"), kMail);
}

TEST_F(WrittenAgain, ARowOfASourceGoesWithItsRecord) {
  write(b, row("0600000001"));
  write(a, row("0600000001"));
  erase(b, {"", kRow, {}});
  meet_all();
  complete(a);
  meet_all();
  gone("0600000001");
  gone("valeur 3");
}

}  // namespace
}  // namespace maillon::test
