#include <gtest/gtest.h>

#include <algorithm>

#include "tests/support/oracle_store.hpp"
#include "tests/support/world.hpp"

namespace maillon::test {
namespace {

using namespace storage;
using namespace std::chrono_literals;

Value text(std::string_view t) { return Value::of_text(std::string{t}); }

bool holds(ByteView bytes, ByteView piece) {
  return std::ranges::search(bytes, piece).begin() != bytes.end();
}

/// A federation of two, and one commit of seven leaves: six rows of a source, and an op of a kind
/// that nobody knows.
class CutBody : public testing::Test {
 protected:
  CutBody() {
    std::vector<Change> rows;
    for (int i = 0; i < 6; ++i)
      rows.push_back(imported("lieux", "carte", "ext-" + std::to_string(i),
                              {{"nom", text("secret-" + std::to_string(i))}}));
    author.node->write(kCatalogue, rows, kEpoch);
    rows_ = author.node->commits(kCatalogue).back();
    HandOp unknown;
    unknown.kind = 99;
    unknown.record = record_number(1);
    unknown.field = "nom";
    unknown.value = "whatever";
    mixed_ = sign_by_hand(author, {unknown, unknown, unknown}, {}, kEpoch + 1s);
    (void)author.node->receive(mixed_, kEpoch + 1s);
  }

  static SignedCommit cut(const Commit& commit, std::vector<LeafCut> cuts) {
    SignedCommit out = commit.bytes;
    out.body = must(cut_body(out.body, commit.header.leaves, cuts));
    return out;
  }

  Peer author{0};
  Peer reader{1};
  CommitPtr rows_;
  CommitPtr mixed_;
};

std::vector<crypto::Salt> salts_of(const Body& body) {
  std::vector<crypto::Salt> salts(body.ops.ops.size());
  crypto::expand_salts(body.seeds, static_cast<std::uint32_t>(salts.size()), salts);
  return salts;
}

TEST_F(CutBody, EveryChoiceOfStatesVerifiesAndForgets) {
  const auto salts = salts_of(rows_->body);
  // Three states for each of six leaves.
  for (int choice = 0; choice < 729; ++choice) {
    std::vector<LeafCut> cuts;
    int digits = choice;
    for (std::uint32_t leaf = 1; leaf <= 6; ++leaf, digits /= 3)
      if (digits % 3 != 0) cuts.push_back({leaf, static_cast<LeafState>(digits % 3)});
    const auto got = verify_commit(cut(*rows_, cuts));
    ASSERT_TRUE(got.has_value()) << choice << ": " << got.error().detail;
    const Body& body = (*got)->body;
    EXPECT_EQ(body.root, rows_->header.root);
    for (std::uint32_t k = 0; k < 6; ++k) {
      const auto& op = body.ops.ops[k];
      const auto hit = std::ranges::find(cuts, k + 1, &LeafCut::leaf);
      ASSERT_EQ(op.state, hit == cuts.end() ? LeafState::full : hit->to) << choice;
      EXPECT_TRUE(op.state == LeafState::gone || op.id == rows_->body.ops.ops[k].id);
      const bool full = op.state == LeafState::full;
      EXPECT_EQ(holds(body.raw, as_bytes("secret-" + std::to_string(k))), full);
      EXPECT_EQ(op.payload_ok, full);
      EXPECT_EQ(salts_of(body)[k] == salts[k], full) << "the salt can be computed still";
      EXPECT_FALSE(!full && holds(body.raw, salts[k]));
    }
  }
}

TEST_F(CutBody, CuttingAgainIsCuttingOnce) {
  crypto::SeededRng rng{4};
  for (int round = 0; round < 60; ++round) {
    std::map<std::uint32_t, LeafState> all;
    SignedCommit bytes = rows_->bytes;
    for (int step = 0; step < 4; ++step) {
      std::map<std::uint32_t, LeafState> some;
      for (std::uint64_t i = rng.u64() % 3; i > 0; --i)
        some[static_cast<std::uint32_t>(1 + rng.u64() % 6)] =
            rng.u64() % 2 == 0 ? LeafState::bare : LeafState::gone;
      std::vector<LeafCut> cuts;
      for (const auto& [leaf, to] : some) {
        cuts.push_back({leaf, to});
        all[leaf] = std::max(all[leaf], to);
      }
      bytes.body = must(cut_body(bytes.body, rows_->header.leaves, cuts));
    }
    std::vector<LeafCut> at_once;
    for (const auto& [leaf, to] : all) at_once.push_back({leaf, to});
    EXPECT_EQ(bytes.body, cut(*rows_, at_once).body);
  }
}

TEST_F(CutBody, RefusesWhatIsNoListOfLeaves) {
  const auto refused = [&](std::vector<LeafCut> cuts) {
    const auto got = cut_body(rows_->bytes.body, rows_->header.leaves, cuts);
    return got.has_error() && got.error().code == Errc::usage;
  };
  EXPECT_TRUE(refused({{0, LeafState::bare}}));
  EXPECT_TRUE(refused({{7, LeafState::bare}}));
  EXPECT_TRUE(refused({{2, LeafState::bare}, {1, LeafState::bare}}));
  EXPECT_TRUE(refused({{1, LeafState::bare}, {1, LeafState::gone}}));
  EXPECT_TRUE(refused({{1, LeafState::full}}));
  EXPECT_FALSE(refused({}));
  EXPECT_FALSE(cut_body(rows_->bytes.body, rows_->header.leaves + 1, {}).has_value());
}

// An uncut body has exactly the signed size; a cut one may have any.
TEST_F(CutBody, OnlyWholeBodiesMustHaveTheSignedSize) {
  EXPECT_EQ(cut(*rows_, {}).body, rows_->bytes.body);
  CommitPtr one =
      author.node->write(kCatalogue, {removal("lieux", rows_->body.ops.ops[0].id)}, kEpoch + 2s)
          .commits[0];
  const auto bare = must(verify_commit(cut(*one, {{1, LeafState::bare}})));
  EXPECT_NE(bare->body.raw.size(), one->header.body_size);
  // The same ops with the size left out of the header's account: signed, yet refused.
  Header wrong = one->header;
  wrong.body_size += 1;
  wrong.total_bytes += 1;
  SignedCommit bytes = one->bytes;
  bytes.header = encode_header(wrong);
  const auto signature = author.node->node_key.sign(kCommitDomain, bytes.header);
  bytes.signature.assign(signature.bytes().begin(), signature.bytes().end());
  const auto got = verify_commit(bytes);
  ASSERT_TRUE(got.has_error());
  EXPECT_EQ(got.error().code, Errc::malformed);
}

// What a cut body lacks has no effect on a reader's records; the rest has, and travels on.
TEST_F(CutBody, IsReceivedFoldedAndHandedOn) {
  const auto bare_and_gone =
      cut(*rows_, {{2, LeafState::bare}, {4, LeafState::gone}, {5, LeafState::gone}});
  const auto got = reader.node->receive(must(verify_commit(bare_and_gone)), kEpoch + 2s);
  EXPECT_EQ(got.outcome, Received::Outcome::applied);
  const auto mixed = cut(*mixed_, {{1, LeafState::bare}, {3, LeafState::gone}});
  EXPECT_EQ(reader.node->receive(must(verify_commit(mixed)), kEpoch + 2s).outcome,
            Received::Outcome::applied);
  for (std::uint32_t k = 0; k < 6; ++k) {
    const std::string shown =
        reader.node->value(kCatalogue, "lieux", rows_->body.ops.ops[k].id, "nom");
    EXPECT_EQ(shown, k == 1 || k == 3 || k == 4 ? "-" : "secret-" + std::to_string(k));
  }
  EXPECT_TRUE(reader.verify().has_value());
  // A third node learns the same from the reader, byte for byte.
  Peer third{2};
  third.pull(reader, kEpoch + 3s);
  EXPECT_EQ(third.node->digest(kCatalogue), reader.node->digest(kCatalogue));
  EXPECT_EQ(third.node->frontier(kCatalogue), author.node->frontier(kCatalogue));
  EXPECT_EQ(third.node->commits(kCatalogue)[0]->bytes.body, bare_and_gone.body);
}

// Redaction: the payload goes, and an erase op carries what may remain of it.
TEST_F(CutBody, ARedactedLeafStaysOutWhileItsEraseTravels) {
  HandOp erase;
  erase.kind = static_cast<std::uint32_t>(OpKind::erase);
  erase.record = rows_->body.ops.ops[2].id;
  erase.whole = {{rows_->id, 3}};
  erase.field = "nom";
  erase.value = "\x04reste";
  const CommitPtr order = sign_by_hand(author, {erase}, {}, kEpoch + 2s);
  (void)author.node->receive(order, kEpoch + 2s);
  (void)reader.node->receive(must(verify_commit(cut(*rows_, {{3, LeafState::bare}}))), kEpoch + 3s);
  reader.pull(author, kEpoch + 3s);
  EXPECT_EQ(reader.node->frontier(kCatalogue), author.node->frontier(kCatalogue));
  EXPECT_EQ(reader.node->value(kCatalogue, "lieux", erase.record, "nom"), "reste");
  EXPECT_EQ(author.text(), reader.text());
  EXPECT_TRUE(reader.verify().has_value());
  // A later write names the bare leaf as it would the full one, and others understand.
  const auto later = reader.node->write(
      kCatalogue, {patch("lieux", erase.record, {{"nom", text("nouveau")}})}, kEpoch + 4s);
  EXPECT_EQ(author.node->receive(later.commits[0], kEpoch + 5s).outcome,
            Received::Outcome::applied);
  EXPECT_EQ(author.node->value(kCatalogue, "lieux", erase.record, "nom"), "nouveau");
}

// The state of a store whose own body is cut is what folding the cut log gives.
TEST_F(CutBody, PruningSupersededLeavesChangesNothing) {
  const RecordId id = rows_->body.ops.ops[0].id;
  author.node->write(kCatalogue, {patch("lieux", id, {{"nom", text("corrigé")}})}, kEpoch + 2s);
  const Digest before = author.node->digest(kCatalogue);
  auto& log = author.node->store->log();
  const auto place = must(log.find(rows_->id));
  must(author.node->store->begin());
  must(log.replace_body(place->id, cut(*rows_, {{1, LeafState::bare}}).body));
  must(author.node->store->commit());
  author.restart();
  EXPECT_EQ(author.node->digest(kCatalogue), before);
  EXPECT_TRUE(author.verify().has_value());
}

/// Every byte of every part, with some bits of it flipped.
void expect_every_flip_refused(const SignedCommit& sound) {
  ASSERT_TRUE(verify_commit(sound).has_value());
  const Bytes raw = must(unpack_body(sound.body));
  std::size_t accepted = 0;
  for (const std::uint8_t mask : {std::uint8_t{0x01}, std::uint8_t{0x80}}) {
    for (std::size_t at = 0; at < sound.header.size(); ++at) {
      SignedCommit bytes = sound;
      bytes.header[at] ^= mask;
      accepted += verify_commit(bytes).has_value();
    }
    for (std::size_t at = 0; at < sound.signature.size(); ++at) {
      SignedCommit bytes = sound;
      bytes.signature[at] ^= mask;
      accepted += verify_commit(bytes).has_value();
    }
    for (std::size_t at = 0; at < raw.size(); ++at) {
      SignedCommit bytes = sound;
      Bytes damaged = raw;
      damaged[at] ^= mask;
      bytes.body = pack_body(damaged);
      const bool got = verify_commit(bytes).has_value();
      EXPECT_FALSE(got) << "byte " << at << " of the body";
      accepted += got;
    }
  }
  EXPECT_EQ(accepted, 0u);
}

TEST_F(CutBody, EveryFlippedByteOfAWholeCommitIsRefused) {
  expect_every_flip_refused(rows_->bytes);
  expect_every_flip_refused(mixed_->bytes);
}

TEST_F(CutBody, EveryFlippedByteOfACutCommitIsRefused) {
  expect_every_flip_refused(
      cut(*rows_, {{2, LeafState::bare}, {3, LeafState::gone}, {4, LeafState::gone}}));
  expect_every_flip_refused(cut(*rows_, {{1, LeafState::gone}, {6, LeafState::bare}}));
}

TEST_F(CutBody, BytesLeftOutOrAddedAreRefused) {
  const SignedCommit sound = cut(*rows_, {{2, LeafState::bare}, {5, LeafState::gone}});
  const Bytes raw = must(unpack_body(sound.body));
  for (std::size_t at = 0; at < raw.size(); ++at) {
    SignedCommit bytes = sound;
    bytes.body = pack_body(ByteView{raw}.first(at));
    EXPECT_FALSE(verify_commit(bytes).has_value()) << at;
    Bytes longer = raw;
    longer.insert(longer.begin() + static_cast<std::ptrdiff_t>(at), 0);
    bytes.body = pack_body(longer);
    EXPECT_FALSE(verify_commit(bytes).has_value()) << at;
  }
}

TEST_F(CutBody, OnlyOneWholeZstdFrameIsABody) {
  SignedCommit bytes = rows_->bytes;
  bytes.body.push_back(0);
  EXPECT_FALSE(verify_commit(bytes).has_value());
  bytes.body.pop_back();
  bytes.body.pop_back();
  EXPECT_FALSE(verify_commit(bytes).has_value());
  const Bytes bomb = pack_body(Bytes(limits::kZstdDeclaredMax + 1));
  EXPECT_FALSE(unpack_body(bomb).has_value());
  EXPECT_TRUE(unpack_body(pack_body(Bytes(1000))).has_value());
}

}  // namespace
}  // namespace maillon::test
