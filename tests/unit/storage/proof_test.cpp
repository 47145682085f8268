#include "storage/proof/record_proof.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "tests/support/oracle_store.hpp"
#include "tests/support/world.hpp"

/// Proofs of records: what they show, what they keep at home, and that nothing can be changed.
namespace maillon::test {
namespace {

using namespace storage;
using namespace std::chrono_literals;

const RecordId kRecord = record_number(1);

Value text(std::string_view t) { return Value::of_text(std::string{t}); }

bool holds(ByteView bytes, std::string_view piece) {
  return std::ranges::search(bytes, as_bytes(piece)).begin() != bytes.end();
}

RecordProof proof_of(TestNode& node, std::string_view space = kCatalogue,
                     const RecordId& id = kRecord) {
  Store& store = *node.store;
  return must(prove_record(store.log(), store.records(), store.names(), *store.trust(),
                           node.space(space), "lieux", id));
}

/// The record as a store shows it: each field with all live values, and the commits they are from.
std::string shown(Store& store, const SpaceId& space, const RecordId& id = kRecord) {
  const auto row = must(store.log().find_space(space));
  const auto collection = row ? must(store.names().find_collection(*row, "lieux")) : std::nullopt;
  const auto record = collection ? must(store.records().find(*collection, id)) : std::nullopt;
  if (!record) return "-";
  const auto state = must(merge::decode_state(record->state));
  const auto view = merge::show(state, store.records().context());
  std::string out = view.deleted ? "deleted" : view.edit_won_over_delete ? "edited " : "";
  const auto add = [&](const merge::FieldHead& head) {
    const auto entry = must(store.log().commit_id_of(state.ops[head.op].ref.commit));
    out += "=" + must(Value::decode(head.value)).display() + "@" + entry.hex().substr(0, 8);
  };
  for (const auto& field : view.fields) {
    out += std::string{must(store.names().text(field.name()))};
    if (field.shown == nullptr) out += "=" + must(field.value()).display();
    if (field.shown != nullptr) add(*field.shown);
    for (const auto* other : field.others) add(*other);
    out += " ";
  }
  return out;
}

std::string shown(const CheckedProof& checked) {
  return shown(*checked.store, checked.space, checked.id);
}

std::string checked(const RecordProof& proof) {
  const auto out = check_record_proof(encode(proof));
  if (!out.has_error()) return shown(*out);
  EXPECT_EQ(out.error().code, Errc::integrity) << out.error().detail;
  EXPECT_FALSE(out.error().fr.empty() || out.error().hint_fr.empty());
  return "refused: " + out.error().detail;
}

bool is_refused(const RecordProof& proof) { return checked(proof).starts_with("refused: "); }

class Proofs : public testing::Test {
 protected:
  void pull_all() {
    for (Peer* peer : {&a, &b})
      for (Peer* other : {&a, &b})
        if (peer != other) peer->pull(*other, now);
  }
  void write(Peer& peer, std::vector<std::pair<std::string, Value>> fields) {
    now += 1s;
    (void)peer.node->write(kCatalogue, {patch("lieux", kRecord, std::move(fields))}, now);
  }
  std::string here(Peer& peer) { return shown(*peer.node->store, peer.node->space(kCatalogue)); }

  Peer a{0};
  Peer b{1};
  UnixMillis now = kEpoch;
};

TEST_F(Proofs, ShowWhatTheNodeShowsAndNothingOfOtherRecords) {
  (void)a.node->write(kCatalogue,
                      {patch("lieux", record_number(7), {{"nom", text("un autre lieu")}}),
                       patch("lieux", kRecord, {{"nom", text("Mairie")}, {"tel", text("01")}}),
                       patch("lieux", record_number(8), {{"nom", text("un troisième")}})},
                      now);
  pull_all();
  write(b, {{"tel", text("un ancien numéro")}});
  write(b, {{"tel", text("03")}});
  write(a, {{"site", text("x.org")}});
  pull_all();
  const RecordProof proof = proof_of(*a.node);
  const Bytes file = encode(proof);
  EXPECT_EQ(checked(proof), here(a));
  EXPECT_EQ(encode(proof_of(*b.node)), file) << "two nodes that know the same make the same proof";
  EXPECT_FALSE(holds(file, "un autre lieu") || holds(file, "un troisième"));
  EXPECT_TRUE(holds(file, "Mairie"));
  // What was written over is named, and stays at home.
  EXPECT_EQ(proof.commits.size(), 4u);
  EXPECT_FALSE(holds(file, "un ancien numéro"));
  EXPECT_EQ(encode(must(decode_record_proof(file))), file);
}

TEST_F(Proofs, ShowConcurrentValuesDeletesAndRowsOfASource) {
  write(a, {{"nom", text("Mairie")}});
  pull_all();
  write(a, {{"nom", text("Mairie d’ici")}});
  write(b, {{"nom", text("Mairie de là")}});
  pull_all();
  EXPECT_TRUE(here(a).find("Mairie d’ici") != std::string::npos &&
              here(a).find("Mairie de là") != std::string::npos);
  EXPECT_EQ(checked(proof_of(*a.node)), here(a));
  (void)a.node->write(kCatalogue, {removal("lieux", kRecord)}, now += 1s);
  EXPECT_EQ(here(a), "deleted");
  EXPECT_EQ(checked(proof_of(*a.node)), "deleted");
  write(b, {{"nom", text("encore là")}});
  pull_all();
  EXPECT_TRUE(here(a).starts_with("edited ")) << here(a);
  EXPECT_EQ(checked(proof_of(*a.node)), here(a));

  (void)b.node->write(kCatalogue,
                      {imported("lieux", "carte", "1", {{"nom", text("un")}, {"tel", text("0")}}),
                       imported("lieux", "carte", "2", {{"nom", text("deux")}})},
                      now += 1s);
  const RecordId row = derived_record_id("lieux", "carte", "1");
  (void)b.node->write(kCatalogue, {patch("lieux", row, {{"tel", text("1")}})}, now += 1s);
  const RecordProof proof = proof_of(*b.node, kCatalogue, row);
  EXPECT_EQ(checked(proof), shown(*b.node->store, b.node->space(kCatalogue), row));
  EXPECT_FALSE(holds(encode(proof), "deux"));
}

TEST_F(Proofs, ShowTextsListsAndCountersThatManyMadeTogether) {
  using How = FieldEdit::How;
  const auto edit = [&](Peer& peer, FieldEdit what) {
    Change change = patch("lieux", kRecord, {});
    change.edits.push_back(std::move(what));
    (void)peer.node->write(kCatalogue, {change}, now += 1s);
  };
  const auto number = [](int n) { return Value{Value::Kind::number, std::to_string(n)}; };
  edit(a, {"notes", FieldTag::text, How::set, {text("le chat dort ici")}});
  edit(a, {"etapes", FieldTag::list, How::set, {text("un"), text("deux"), text("trois")}});
  edit(a, {"visites", FieldTag::counter, How::add, {number(2)}});
  pull_all();
  edit(a, {"notes", FieldTag::text, How::add, {text(", secrètement")}});
  edit(a, {"notes", FieldTag::text, How::set, {text("le chat roux dort ici")}});
  edit(b, {"notes", FieldTag::text, How::set, {text("le chat dort ici et là")}});
  edit(b, {"etapes", FieldTag::list, How::set, {text("trois"), text("un")}});
  edit(b, {"visites", FieldTag::counter, How::add, {number(3)}});
  pull_all();
  for (const char* part : {"=le chat roux dort ici et là ", "[\"trois\",\"un\"]", "=5 "})
    EXPECT_NE(here(a).find(part), std::string::npos) << here(a);
  const Bytes file = encode(proof_of(*a.node));
  EXPECT_EQ(checked(proof_of(*a.node)), here(a));
  EXPECT_EQ(encode(proof_of(*b.node)), file);
  EXPECT_FALSE(holds(file, "secrètement")) << "it made a place, and is gone";
}

TEST_F(Proofs, AnErasedContentIsProvedToHaveBeenThere) {
  write(a, {{"nom", text("confidentiel")}});
  write(a, {{"tel", text("01")}});
  // As it will be once erasing is there: the payload has left the log.
  Log& log = a.node->store->log();
  const auto commits = a.node->commits(kCatalogue);
  const CommitPtr first = commits[commits.size() - 2];
  const auto entry = must(log.find(first->id));
  const std::vector<LeafCut> cuts{{1, LeafState::bare}};
  must(a.node->store->begin());
  must(log.replace_body(entry->id, must(cut_body(first->bytes.body, first->header.leaves, cuts))));
  must(a.node->store->commit());
  a.node->store->records().forget_cached();
  const RecordProof proof = proof_of(*a.node);
  EXPECT_FALSE(holds(encode(proof), "confidentiel"));
  const auto out = must(check_record_proof(encode(proof)));
  EXPECT_EQ(shown(out).find("nom="), std::string::npos);
  EXPECT_NE(shown(out).find("tel=01"), std::string::npos);
  const auto row = must(out.store->log().find_space(out.space));
  const auto state = must(out.store->records().find(
      *must(out.store->names().find_collection(*row, "lieux")), kRecord));
  const auto steps = must(out.store->records().history("lieux", kRecord, state->state));
  ASSERT_EQ(steps.size(), 2u);
  EXPECT_EQ(steps[1].op->state, LeafState::bare);
  EXPECT_EQ(steps[1].commit->body.ops.fields_of(*steps[1].op)[0].name, "nom");
}

TEST_F(Proofs, OfAReissueShowWhatNowCounts) {
  write(a, {{"nom", text("un")}});
  (void)a.node->write(kCatalogue, {patch("lieux", kRecord, {{"nom", text("demain")}})},
                      now + 400 * 24h);
  must(a.node->store->begin());
  a.node->incarnation = 99;
  (void)must(a.node->store->reissue_stranded(a.node->author(), now + 1min, a.node->rng));
  must(a.node->store->commit());
  write(a, {{"tel", text("01")}});
  EXPECT_NE(here(a).find("demain"), std::string::npos);
  EXPECT_EQ(checked(proof_of(*a.node)), here(a));
}

/// A smaller federation, so that every bit of a proof can be tried.
class Small : public testing::Test {
 protected:
  Small() {
    founder.found("28", kEpoch - 1h);
    founder.join_with(other);
    (void)founder.node.write("catalogue/28",
                             {patch("lieux", kRecord, {{"nom", text("Mairie")}}),
                              patch("lieux", record_number(2), {{"nom", text("École")}})},
                             kEpoch);
    other.node.pull(founder.node, kEpoch);
    (void)other.node.write("catalogue/28", {patch("lieux", kRecord, {{"tel", text("01")}})},
                           kEpoch + 1s);
    founder.node.pull(other.node, kEpoch + 1s);
  }
  struct Host {
    explicit Host(std::uint64_t seed)
        : disk("small-" + std::to_string(seed)),
          node("N" + std::to_string(seed), seed, {"m.db", 2048, disk.name(), true}) {}
    void found(const std::string& region, UnixMillis when) { node.found(region, when); }
    void join_with(Host& newcomer) { newcomer.node.join(node, kEpoch - 30min); }
    MemoryVfs disk;
    TestNode node;
  };

  Host founder{41};
  Host other{42};
};

TEST_F(Small, AnyFlippedBitIsRefused) {
  const Bytes file = encode(proof_of(founder.node, "catalogue/28"));
  ASSERT_TRUE(check_record_proof(file).has_value());
  Bytes changed = file;
  for (std::size_t bit = 0; bit < 8 * file.size(); ++bit) {
    changed[bit / 8] ^= static_cast<std::uint8_t>(1u << (bit % 8));
    const auto out = check_record_proof(changed);
    ASSERT_TRUE(out.has_error()) << "bit " << bit;
    ASSERT_EQ(out.error().code, Errc::integrity) << "bit " << bit;
    changed[bit / 8] = file[bit / 8];
  }
  for (std::size_t size = 0; size < file.size(); ++size)
    ASSERT_TRUE(check_record_proof(ByteView{file}.first(size)).has_error()) << size;
  changed.push_back(0);
  EXPECT_TRUE(check_record_proof(changed).has_error());
}

/// Whoever changes a bit may compute the hash at the end anew.
TEST_F(Small, AnyFlippedBitIsRefusedWithoutTheHashAtTheEnd) {
  Bytes file = encode(proof_of(founder.node, "catalogue/28"));
  const std::size_t covered = file.size() - Digest::kSize;
  const auto sealed = [&] {
    std::ranges::copy(crypto::hash(ByteView{file}.first(file.size() - Digest::kSize)).bytes(),
                      file.end() - Digest::kSize);
    return check_record_proof(file);
  };
  ASSERT_TRUE(sealed().has_value());
  for (std::size_t bit = 0; bit < 8 * covered; ++bit) {
    file[bit / 8] ^= static_cast<std::uint8_t>(1u << (bit % 8));
    ASSERT_TRUE(sealed().has_error()) << "bit " << bit << " of byte " << bit / 8;
    file[bit / 8] ^= static_cast<std::uint8_t>(1u << (bit % 8));
  }
  for (const std::size_t at : {covered, covered - 1, covered - 100}) {
    const Bytes whole = file;
    file.insert(file.begin() + static_cast<std::ptrdiff_t>(at), 0);
    EXPECT_TRUE(sealed().has_error());
    file = whole;
    file.erase(file.begin() + static_cast<std::ptrdiff_t>(at) - 1);
    EXPECT_TRUE(sealed().has_error());
    file = whole;
  }
}

TEST_F(Small, WhatIsPutTogetherOtherwiseIsRefused) {
  const RecordProof sound = proof_of(founder.node, "catalogue/28");
  const RecordProof second = proof_of(founder.node, "catalogue/28", record_number(2));
  ASSERT_EQ(sound.commits.size(), 2u);
  const auto changed = [&](const auto& change) {
    RecordProof out = sound;
    change(out);
    return is_refused(out);
  };
  EXPECT_TRUE(changed([](RecordProof& p) { std::swap(p.commits[0], p.commits[1]); }));
  EXPECT_TRUE(changed([](RecordProof& p) { p.commits.push_back(p.commits[1]); }));
  EXPECT_TRUE(changed([](RecordProof& p) { p.commits.clear(); }));
  EXPECT_TRUE(changed([](RecordProof& p) { p.annuaire.clear(); }));
  EXPECT_TRUE(changed([](RecordProof& p) { p.annuaire.pop_back(); })) << "its admission";
  EXPECT_TRUE(changed([](RecordProof& p) { std::swap(p.annuaire[1], p.annuaire[2]); }));
  EXPECT_TRUE(changed([](RecordProof& p) { p.annuaire.erase(p.annuaire.begin() + 1); }));
  // Leaves under another header, or of another record.
  EXPECT_TRUE(changed([](RecordProof& p) { std::swap(p.commits[0].body, p.commits[1].body); }));
  EXPECT_TRUE(changed([&](RecordProof& p) { p.commits[0].body = second.commits[0].body; }));
  EXPECT_TRUE(changed([&](RecordProof& p) { p.id = second.id; }));
  EXPECT_TRUE(changed([&](RecordProof& p) { p.space = founder.node.space("formation"); }));
  EXPECT_TRUE(changed([&](RecordProof& p) { p.space = founder.node.space("annuaire"); }));
  // Headers alone prove no value.
  EXPECT_TRUE(changed([](RecordProof& p) {
    for (SignedCommit& commit : p.commits) commit.body.clear();
  }));
  // Without one author's commits the other's still hold: no proof says that there is nothing else.
  EXPECT_FALSE(changed([](RecordProof& p) { p.commits.pop_back(); }));
}

TEST_F(Small, WhatANonMemberSignedIsRefused) {
  RecordProof proof = proof_of(founder.node, "catalogue/28");
  Host stranger{43};
  Header header = must(decode_header(proof.commits[1].header));
  header.member = stranger.node.member;
  header.node = stranger.node.node_key.node_id();
  CommitDraft draft;
  OpTable table;
  Op op;
  op.kind = 1;
  op.collection = "lieux";
  op.id = kRecord;
  const std::string value = "\x04" "faux";
  table.fields.push_back({"nom", 1, {}, {}, as_bytes(value)});
  op.fields = {0, 1};
  draft.add(table, op);
  header.seq = 1;
  header.previous.reset();
  const auto forge = [&] {
    const auto commit =
        must(draft.seal(header, 0, 0, stranger.node.node_key, stranger.node.rng));
    RecordProof out = proof;
    out.commits[1] = {commit->bytes.header, commit->bytes.signature, commit->body.raw};
    return checked(out);
  };
  EXPECT_NE(forge().find("not signed by a node of a member"), std::string::npos);
  // Nor under a member's name.
  header.member = other.node.member;
  EXPECT_NE(forge().find("not signed by a node of a member"), std::string::npos);
}

class Judged : public Proofs {
 protected:
  void remove(Peer& who, const std::vector<CommitId>& known) {
    Proposal proposal;
    proposal.remove = Removal{who.node->member};
    for (const CommitId& id : known) proposal.cut.push_back({a.node->space(kCatalogue), id});
    const std::vector<GovernanceOp> ops{{OpKind::proposal, encode(proposal)},
                                        {OpKind::vote, encode(Vote{std::nullopt, 1})}};
    now += 1s;
    must(a.node->store->begin());
    (void)must(a.node->store->write_governance(ops, a.node->author(), now, a.node->rng));
    must(a.node->store->commit());
  }
  void deliver(const std::vector<CommitPtr>& commits) {
    for (const CommitPtr& commit : commits) (void)a.node->receive(commit, now);
  }
};

TEST_F(Judged, WhatAMemberWroteBeforeItsRemovalIsShownToCount) {
  write(b, {{"nom", text("un")}});
  for (int i = 0; i < 3; ++i)
    (void)b.node->write(
        kCatalogue, {patch("lieux", record_number(5), {{"nom", text(std::to_string(i))}})},
        now += 1s);
  const auto before = b.node->commits(kCatalogue);
  write(b, {{"nom", text("trop tard")}});
  const auto all = b.node->commits(kCatalogue);
  deliver(all);
  remove(b, {before.back()->id});
  EXPECT_NE(here(a).find("nom=un"), std::string::npos) << here(a);
  RecordProof proof = proof_of(*a.node);
  EXPECT_EQ(checked(proof), here(a));
  // The way from what it wrote to what the cut-off names travels along, without a body.
  const auto headers = std::ranges::count_if(
      proof.commits, [](const SignedCommit& c) { return c.body.empty(); });
  EXPECT_EQ(headers, 3);
  std::erase_if(proof.commits, [](const SignedCommit& c) { return c.body.empty(); });
  EXPECT_TRUE(is_refused(proof));
}

TEST_F(Judged, WhatOthersBuiltOnIsShownToCount) {
  write(b, {{"nom", text("vu")}});
  deliver(b.node->commits(kCatalogue));
  write(a, {{"tel", text("01")}});
  remove(b, {});
  EXPECT_NE(here(a).find("nom=vu"), std::string::npos) << here(a);
  EXPECT_EQ(checked(proof_of(*a.node)), here(a));
}

TEST_F(Judged, WhatIsCutOffProvesNothing) {
  write(b, {{"nom", text("un")}});
  const RecordProof early = proof_of(*b.node);
  EXPECT_FALSE(is_refused(early));
  remove(b, {});
  deliver(b.node->commits(kCatalogue));
  EXPECT_EQ(here(a), "");
  EXPECT_NE(checked(proof_of(*a.node)).find("nothing that the proof holds counts"),
            std::string::npos);
  // Whoever knows of the removal is not shown the author as a member in good standing.
  RecordProof late = early;
  late.annuaire = proof_of(*a.node).annuaire;
  EXPECT_TRUE(is_refused(late));
}

TEST_F(Proofs, WhatIsBeyondALimitIsRefusedBeforeAnyWork) {
  write(a, {{"nom", text("un")}});
  RecordProof many = proof_of(*a.node);
  many.commits.assign(limits::kProofCommitsMax + 1, {});
  EXPECT_TRUE(check_record_proof(encode(many)).has_error());
  EXPECT_TRUE(check_record_proof({}).has_error());
  EXPECT_TRUE(check_record_proof(as_bytes("maillon-proof/1\n")).has_error());
}

}  // namespace
}  // namespace maillon::test
