#include <gtest/gtest.h>

#include <set>

#include "storage/merge/differences.hpp"
#include "tests/support/world.hpp"

/// Fields that are no registers, written and read through the store.
namespace maillon::test {
namespace {

using namespace storage;
using namespace std::chrono_literals;
using How = FieldEdit::How;

const RecordId kRecord = record_number(0);

Change edits(std::vector<FieldEdit> wanted) {
  Change out = patch("lieux", kRecord, {});
  out.edits = std::move(wanted);
  return out;
}

class Fields : public testing::Test {
 protected:
  void write(Peer& peer, FieldEdit edit) {
    now += 1s;
    peer.node->write(kCatalogue, {edits({std::move(edit)})}, now);
  }
  void meet() {
    a.pull(b, now);
    b.pull(a, now);
    ASSERT_EQ(a.text(), b.text());
    ASSERT_TRUE(a.verify().has_value());
    ASSERT_TRUE(b.verify().has_value());
  }
  static std::string value(Peer& peer, std::string_view field) {
    return peer.node->value(kCatalogue, "lieux", kRecord, field);
  }

  Peer a{0};
  Peer b{1};
  UnixMillis now = kEpoch;
};

TEST_F(Fields, RowsOfASourceChangeInASetWhatTheSourceChanged) {
  const RecordId id = derived_record_id("lieux", "carte", "7");
  const auto take = [&](Peer& peer, const std::vector<std::string>& said) {
    now += 1s;
    Change row = imported("lieux", "carte", "7", {{"nom", Value::of_text("sept")}});
    FieldEdit edit{"langues", FieldTag::set};
    for (const std::string& one : said) edit.values.push_back(Value::of_text(one));
    if (!said.empty()) row.edits = {std::move(edit)};
    return peer.node->write(kCatalogue, {row}, now).commits.size();
  };
  const auto put = [&](Peer& peer, How how, const char* what) {
    now += 1s;
    Change change = patch("lieux", id, {});
    change.edits = {{"langues", FieldTag::set, how, {Value::of_text(what)}}};
    peer.node->write(kCatalogue, {change}, now);
  };
  const auto shown = [&](Peer& peer) { return peer.node->value(kCatalogue, "lieux", id, "langues"); };
  EXPECT_EQ(take(a, {"ar", "fr"}), 1u);
  EXPECT_EQ(take(b, {"ar", "fr"}), 1u);
  meet();
  EXPECT_EQ(shown(a), R"(["ar","fr"])");
  for (Peer* peer : {&a, &b}) EXPECT_EQ(take(*peer, {"ar", "fr"}), 0u);
  put(b, How::add, "es");
  put(b, How::remove, "fr");
  meet();
  EXPECT_EQ(take(a, {"ar", "fr"}), 0u);
  EXPECT_EQ(shown(a), R"(["ar","es"])");
  // What it had brought, by whomever, goes where it says no more; what others added stays.
  EXPECT_EQ(take(a, {"pt"}), 1u);
  meet();
  EXPECT_EQ(shown(b), R"(["es","pt"])");
  EXPECT_EQ(take(b, {}), 1u);
  EXPECT_EQ(take(b, {}), 0u);
  meet();
  EXPECT_EQ(shown(a), R"(["es"])");
  // Beside a register nothing else is written.
  now += 1s;
  a.node->write(kCatalogue, {imported("lieux", "carte", "8", {{"langues", Value::of_text("fr")}})}, now);
  Change row = imported("lieux", "carte", "8", {});
  row.edits = {{"langues", FieldTag::set, How::set, {Value::of_text("fr"), Value::of_text("ar")},
                Value::of_text("fr|ar")}};
  a.node->write(kCatalogue, {row}, now + 1s);
  EXPECT_EQ(a.node->value(kCatalogue, "lieux", derived_record_id("lieux", "carte", "8"), "langues"), "fr|ar");
}

/// Of words that the other kind of sentence does not use, or few of them.
std::string sentence(crypto::SeededRng& rng, bool fresh = false) {
  static constexpr std::array kWords{"le",     "lieu", "ouvre", "lundi", "mardi", "avec",  "rendez",
                                     "vous",   "pour", "tous",  "la",    "salle", "accès", "gratuit"};
  static constexpr std::array kFresh{"le",   "bus",   "cour", "clé",    "borne", "écran", "aide", "carte",
                                     "pour", "wi-fi", "prêt", "atelier", "une",  "août"};
  std::string out;
  for (auto n = 3 + rng.u64() % 8; n > 0; --n) {
    if (!out.empty()) out += ' ';
    out += (fresh ? kFresh : kWords)[rng.u64() % kWords.size()];
  }
  return out + ".";
}

using Sentences = std::vector<std::string>;

std::string paragraph(const Sentences& sentences) {
  std::string out;
  for (const std::string& one : sentences) out += (out.empty() ? "" : " ") + one;
  return out;
}

/// Some sentences go, some come in one or two places; gives those that came, place by place.
Sentences rewrite(Sentences& text, crypto::SeededRng& rng, const std::string& sign) {
  Sentences came;
  for (auto n = rng.u64() % 3; n > 0 && text.size() > 2; --n)
    text.erase(text.begin() + static_cast<std::ptrdiff_t>(rng.u64() % text.size()));
  for (auto places = 1 + rng.u64() % 2; places > 0; --places) {
    Sentences fresh;
    for (auto n = 1 + rng.u64() % 3; n > 0; --n) fresh.push_back(sign + " " + sentence(rng, true));
    const auto at = text.begin() + static_cast<std::ptrdiff_t>(rng.u64() % (text.size() + 1));
    text.insert(at, paragraph(fresh));
    came.push_back(paragraph(fresh));
  }
  return came;
}

TEST_F(Fields, TwoWhoRewriteOneParagraphKeepTheirSentencesTogether) {
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    crypto::SeededRng rng{seed};
    Sentences before;
    for (int i = 0; i < 6; ++i) before.push_back(sentence(rng));
    const std::string field = "texte " + std::to_string(seed);
    const auto edit = [&](const Sentences& text) {
      return FieldEdit{field, FieldTag::text, How::set, {Value::of_text(paragraph(text))}};
    };
    write(a, edit(before));
    b.pull(a, now);
    Sentences by_a = before;
    Sentences by_b = before;
    const Sentences of_a = rewrite(by_a, rng, "Anne :");
    const Sentences of_b = rewrite(by_b, rng, "Bruno :");
    write(a, edit(by_a));
    EXPECT_EQ(value(a, field), paragraph(by_a)) << "seed " << seed;
    write(b, edit(by_b));
    meet();
    const std::string merged = value(a, field);
    for (const Sentences* came : {&of_a, &of_b})
      for (const std::string& one : *came)
        EXPECT_NE(merged.find(one), std::string::npos)
            << "seed " << seed << ": " << one << "\nis torn in\n" << merged;
  }
}

// Words that meet do not become one word.
TEST_F(Fields, TwoWhoChangeOneSentenceLeaveWords) {
  struct Meeting {
    std::string before, by_a, by_b;
    std::vector<std::string> either;
  };
  const std::vector<Meeting> meetings{
      {"Tel 05 45 00 00 01", "Tel 05 45 00 00 02", "Tel 05 45 00 00 03",
       {"Tel 05 45 00 00 02 05 45 00 00 03", "Tel 05 45 00 00 03 05 45 00 00 02"}},
      {"Bien. Tel:05 45. Fin.", "Bien. Tel:05 46. Fin.", "Bien. Tel:05 47. Fin.",
       {"Bien. Tel:05 46. Tel:05 47. Fin.", "Bien. Tel:05 47. Tel:05 46. Fin."}},
      {"Voir www.mairie.fr ici.", "Voir www.ville.fr ici.", "Voir www.mairie.org ici.",
       {"Voir www.ville.fr www.mairie.org ici.", "Voir www.mairie.org www.ville.fr ici."}},
      {"L'atelier est celui d'Anne-Marie ici.", "L'atelier est celui d'Anne-Sophie ici.",
       "L'atelier est celui de Rose-Marie ici.",
       {"L'atelier est celui d'Anne-Sophie de Rose-Marie ici.", "L'atelier est celui de Rose-Marie d'Anne-Sophie ici."}},
      {"Coût : 5 €.", "Coût : 5,50 €.", "Coût : 6 €.", {"Coût : 5,50 6 €.", "Coût : 6 5,50 €."}},
      {"Écrire à a@b.fr.", "Écrire à a.c@b.fr.", "Écrire à a@b.org.",
       {"Écrire à a.c@b.fr a@b.org.", "Écrire à a@b.org a.c@b.fr."}},
      {"Le lundi.", "Le mardi.", "Le jeudi.", {"Le mardi jeudi.", "Le jeudi mardi."}},
      {"Ouvert le lundi matin.", "Ouvert le mardi matin.", "Ouvert le prochain lundi matin.",
       {"Ouvert le mardi prochain matin.", "Ouvert le prochain mardi matin."}},
      {"Ouvert le lundi matin.", "Ouvert le matin.", "Ouvert le mardi matin.", {"Ouvert le mardi matin."}},
      {"Ouvert le lundi.", "Ouvert le lundi matin.", "Ouvert le lundi et mardi.",
       {"Ouvert le lundi matin et mardi.", "Ouvert le lundi et mardi matin."}},
      {"Le centre est ouvert le lundi matin.", "Le centre est ouvert le mardi matin.",
       "Notre local reçoit sur rendez-vous.", {"Notre local reçoit sur rendez-vous. mardi"}},
      {"Un. Deux. Trois.", "Un. Deux.", "Un. Deux. Trois. Quatre. ", {"Un. Deux. Quatre. "}},
      {"Un. Deux.", "Un. Trois.", "Un. Quatre.", {"Un. Trois. Quatre.", "Un. Quatre. Trois."}},
      {"Un. Le parc est ouvert. Trois.", "Un. Trois.", "Un. Le parc est ouvert le lundi. Trois.",
       {"Un. le lundi Trois."}},
      {"Accueil. Le parc. Le hall.", "Accueil. Le hall. Le parc.", "Accueil. Le parc municipal. Le hall.",
       {"Accueil. municipal Le hall. Le parc.", "Accueil. Le hall. Le parc municipal."}},
      {"Un.\n\nL'atelier d'Anne, le lundi.\n\nTrois.", "Un.\n\nL'atelier d'Anne et d'Omar, le lundi.\n\nTrois.",
       "Un.\n\nL’atelier d’Anne, le lundi.\n\nTrois.", {"Un.\n\nL’atelier d’Anne et d'Omar, le lundi.\n\nTrois."}},
      {"我们的中心周一上午开放。请带身份证。", "我们的中心周二上午开放。请带身份证。",
       "我们的中心周一上午和下午开放。请带身份证。", {"我们的中心周二上午和下午开放。请带身份证。"}},
  };
  for (const Meeting& one : meetings) {
    const auto edit = [&](const std::string& text) {
      return FieldEdit{one.by_a + one.by_b, FieldTag::text, How::set, {Value::of_text(text)}};
    };
    write(a, edit(one.before));
    b.pull(a, now);
    write(a, edit(one.by_a));
    write(b, edit(one.by_b));
    meet();
    const std::string merged = value(a, one.by_a + one.by_b);
    EXPECT_NE(std::ranges::find(one.either, merged), one.either.end()) << merged;
  }
}

/// One of the small edits that people make: of words in a sentence, or of sentences. The first one stays.
void correct(std::vector<Sentences>& text, crypto::SeededRng& rng, const std::string& sign) {
  const auto pick = [&](std::size_t from, std::size_t of) { return from + rng.u64() % (of - from); };
  const auto at = [](auto& of, std::size_t i) { return of.begin() + static_cast<std::ptrdiff_t>(i); };
  const auto fresh = [&] { return sign + std::to_string(rng.u64() % 1000); };
  Sentences& words = text[pick(1, text.size())];
  switch (rng.u64() % 7) {
    case 0:
      words.insert(at(words, pick(0, words.size() + 1)), fresh());
      break;
    case 1:
      words[pick(0, words.size())] = fresh();
      break;
    case 2:
      if (words.size() > 2) words.erase(at(words, pick(0, words.size())));
      break;
    case 3:
      if (text.size() > 3) text.erase(at(text, pick(1, text.size())));
      break;
    case 4:
      text.insert(at(text, pick(1, text.size() + 1)), {fresh(), fresh(), fresh()});
      break;
    case 5:
      for (std::string& word : words) word = fresh();
      break;
    default:
      std::swap(text[pick(1, text.size())], text[pick(1, text.size())]);
  }
}

std::string written(const std::vector<Sentences>& text) {
  Sentences sentences;
  for (const Sentences& words : text) sentences.push_back(paragraph(words) + ".");
  return paragraph(sentences);
}

std::set<std::string> words_in(const std::string& text) {
  std::set<std::string> out;
  std::string word;
  for (const char c : text + ".") {
    if (std::isalnum(static_cast<unsigned char>(c)) != 0) {
      word += c;
    } else if (!word.empty()) {
      out.insert(std::exchange(word, {}));
    }
  }
  return out;
}

TEST_F(Fields, NoTwoWordsEverBecomeOne) {
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    crypto::SeededRng rng{seed};
    std::vector<Sentences> before;
    for (std::size_t i = 0; i < 5; ++i) {
      before.emplace_back();
      for (auto n = 2 + rng.u64() % 5; n > 0; --n) before.back().push_back("mot" + std::to_string(rng.u64() % 100));
    }
    const std::string field = "texte " + std::to_string(seed);
    const auto edit = [&](const std::vector<Sentences>& text) {
      return FieldEdit{field, FieldTag::text, How::set, {Value::of_text(written(text))}};
    };
    write(a, edit(before));
    b.pull(a, now);
    auto by_a = before;
    auto by_b = before;
    for (auto n = 1 + rng.u64() % 3; n > 0; --n) correct(by_a, rng, "anne");
    for (auto n = 1 + rng.u64() % 3; n > 0; --n) correct(by_b, rng, "bruno");
    write(a, edit(by_a));
    write(b, edit(by_b));
    meet();
    const std::string merged = value(a, field);
    const auto known = words_in(written(before) + written(by_a) + written(by_b));
    for (const std::string& word : words_in(merged))
      EXPECT_TRUE(known.contains(word)) << "seed " << seed << ": " << word << " in\n" << merged << "\nof\n"
                                        << written(before) << "\n" << written(by_a) << "\n" << written(by_b);
  }
}

TEST_F(Fields, WhateverAListOrTextShallBecomeItBecomes) {
  crypto::SeededRng rng{5};
  for (int i = 0; i < 60; ++i) {
    std::vector<Value> list;
    std::string array = "[";
    for (auto n = rng.u64() % 7; n > 0; --n) {
      const std::string one = std::to_string(rng.u64() % 5);
      list.push_back({Value::Kind::number, one});
      array += (array.size() > 1 ? "," : "") + one;
    }
    write(a, {"liste", FieldTag::list, How::set, list});
    EXPECT_EQ(value(a, "liste"), list.empty() ? "-" : array + "]");
    std::string text;
    for (auto n = rng.u64() % 3; n > 0; --n) text += sentence(rng);
    write(a, {"texte", FieldTag::text, How::set, {Value::of_text(text)}});
    EXPECT_EQ(value(a, "texte"), text.empty() ? "-" : text);
  }
  ASSERT_TRUE(a.verify().has_value());
  meet();
}

TEST_F(Fields, AMovedElementIsMovedAndNotWrittenAgain) {
  const auto list = [](const std::vector<std::string>& of) {
    FieldEdit out{"liste", FieldTag::list, How::set, {}};
    for (const std::string& one : of) out.values.push_back(Value::of_text(one));
    return out;
  };
  write(a, list({"a", "b", "c"}));
  b.pull(a, now);
  write(a, list({"c", "a", "b"}));
  // b renames nothing of what a moves: it takes c out, and c stays out.
  write(b, list({"a", "b"}));
  meet();
  EXPECT_EQ(value(a, "liste"), R"(["a","b"])");
}

TEST_F(Fields, CountersAddUpWhateverHappensToANode) {
  const auto by = [](int n) {
    return FieldEdit{"compte", FieldTag::counter, n > 0 ? How::add : How::remove,
                     {Value{Value::Kind::number, std::to_string(std::abs(n))}}};
  };
  write(a, by(5));
  b.pull(a, now);
  write(a, by(2));
  write(b, by(-1));
  // As after a restore.
  b.node->incarnation = 99;
  write(b, by(10));
  meet();
  EXPECT_EQ(value(a, "compte"), "16");
  write(b, {"compte", FieldTag::counter, How::set, {Value{Value::Kind::number, "3"}}});
  meet();
  EXPECT_EQ(value(a, "compte"), "3");
}

TEST_F(Fields, OfASetAConcurrentAdditionWins) {
  const auto set = [](How how, const char* word) {
    return FieldEdit{"ens", FieldTag::set, how, {Value::of_text(word)}};
  };
  write(a, set(How::add, "x"));
  b.pull(a, now);
  write(a, set(How::remove, "x"));
  write(b, set(How::remove, "x"));
  write(b, set(How::add, "x"));
  meet();
  EXPECT_EQ(value(a, "ens"), R"(["x"])");
  write(a, set(How::remove, "x"));
  meet();
  EXPECT_EQ(value(b, "ens"), "-");
}

TEST_F(Fields, GreatestAndLeastValuesNeedNobodyToDecide) {
  const auto keep = [](FieldTag tag, const char* digits) {
    return FieldEdit{tag == FieldTag::max ? "max" : "min", tag, How::set,
                     {Value{Value::Kind::number, digits}}};
  };
  for (const FieldTag tag : {FieldTag::max, FieldTag::min}) {
    write(a, keep(tag, "9"));
    write(b, keep(tag, "10.5"));
  }
  meet();
  EXPECT_EQ(value(a, "max"), "10.5");
  EXPECT_EQ(value(a, "min"), "9");
}

TEST_F(Fields, TwoTypesUnderOneNameAreAConflict) {
  write(a, {"x", FieldTag::set, How::add, {Value::of_text("un")}});
  b.node->write(kCatalogue, {patch("lieux", kRecord, {{"x", Value::of_text("deux")}})}, now);
  meet();
  const auto row = must(a.node->store->records().find(
      *must(a.node->store->names().find_collection(
          must(a.node->store->log().space_row(a.node->space(kCatalogue))), "lieux")),
      kRecord));
  EXPECT_NE(row->flags & kFlagConflict, 0);
}

TEST(Differences, AreFewAndLeadFromOneToTheOther) {
  crypto::SeededRng rng{3};
  for (int i = 0; i < 300; ++i) {
    const auto words = [&] {
      std::string out;
      for (auto n = rng.u64() % 12; n > 0; --n) out += std::array{"un ", "deux ", "a", ". ", "!", "\n"}[rng.u64() % 6];
      return out;
    };
    const std::string before = words();
    const std::string after = words();
    std::string got;
    std::size_t at = 0;
    for (const merge::Difference& d : merge::text_differences(before, after)) {
      EXPECT_GT(d.removed + d.added, 0u);
      got += before.substr(at, d.before - at) + after.substr(d.after, d.added);
      at = d.before + d.removed;
    }
    EXPECT_EQ(got + before.substr(at), after);
  }
}

}  // namespace
}  // namespace maillon::test
