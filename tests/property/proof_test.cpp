#include <gtest/gtest.h>

#include "storage/proof/record_proof.hpp"
#include "tests/support/world.hpp"

/// Whatever happened, a proof of a record shows to somebody else what its maker's node shows.
namespace maillon::test {
namespace {

using namespace storage;
using namespace std::chrono_literals;

struct Named {
  std::string collection;
  RecordId id;
};

std::vector<Named> records_of(TestNode& node) {
  std::vector<Named> out;
  auto get = must(node.store->database().prepare(
      "SELECT c.name, r.rid FROM record r JOIN collection c ON c.id = r.collection"
      " JOIN space s ON s.id = c.space WHERE s.sid = ?1 ORDER BY r.id"));
  const SpaceId space = node.space(kCatalogue);
  get.bind(1, space.bytes());
  while (must(get.step()))
    out.push_back({std::string{get.text(0)}, must(RecordId::from_bytes(get.blob(1)))});
  return out;
}

struct Picture {
  Digest shown = Digest::zero();  ///< of what is visible, with its conflicts
  bool counts = false;            ///< some op of it does
};

Picture picture_of(Store& store, const SpaceId& space, const Named& record) {
  Picture out;
  crypto::Hasher hasher;
  const auto row = must(store.log().find_space(space));
  const auto collection = must(store.names().find_collection(*row, record.collection));
  const auto stored = must(store.records().find(*collection, record.id));
  const auto state = must(merge::decode_state(stored->state));
  must(merge::digest_into(hasher, record.collection, record.id, state, store.records().context()));
  out.shown = hasher.finish();
  for (const merge::OpEntry& op : state.ops) out.counts = out.counts || !op.is_void;
  return out;
}

/// Whether a faulty program hung elements of the record on what is none of it: a proof does not hold
/// that, so `prove` refuses to hand it out.
bool leads_elsewhere(Store& store, const RecordProof& proof, const SpaceId& space,
                     const Named& record) {
  std::set<CommitId> held;
  for (const SignedCommit& commit : proof.commits)
    if (!commit.body.empty()) held.insert(commit_id(commit.header));
  const auto row = must(store.log().find_space(space));
  const auto collection = must(store.names().find_collection(*row, record.collection));
  const auto stored = must(store.records().find(*collection, record.id));
  for (const auto& step : must(store.records().history(record.collection, record.id, stored->state)))
    for (const OpField& field : step.commit->body.ops.fields_of(*step.op))
      for (const Run& run : step.commit->body.ops.runs_in(field.runs))
        for (const auto& anchor : {run.left, run.right, run.moved})
          if (anchor && anchor->index != 0 &&
              !held.contains(step.commit->body.table.commits[anchor->index - 1]))
            return true;
  return false;
}

struct Met {
  int proved = 0;
  int without_effect = 0;
  int headers_alone = 0;
  int leading_elsewhere = 0;
  int undecided = 0;
};

/// What is wrong with the proofs of one history; nothing if they all hold.
std::string complaint(std::uint64_t seed, bool quarrels, Met& met) {
  World world{5, quarrels};
  world.run(steps_from(seed, 80));
  for (const auto& peer : world.peers) {
    TestNode& node = *peer->node;
    const SpaceId space = node.space(kCatalogue);
    for (const Named& record : records_of(node)) {
      const auto made = prove_record(node.store->log(), node.store->records(), node.store->names(),
                                     *node.store->trust(), space, record.collection, record.id);
      // What is merely hidden would travel.
      if (made.has_error() && made.error().code == Errc::refused) {
        ++met.undecided;
        continue;
      }
      const RecordProof proof = must(made);
      const Picture here = picture_of(*node.store, space, record);
      const auto checked = check_record_proof(encode(proof));
      const std::string which = "member " + std::to_string(peer->number) + ", record " +
                                record.collection + "/" + record.id.hex() + ": ";
      if (checked.has_error()) {
        if (here.counts) return which + checked.error().detail;
        ++met.without_effect;
        continue;
      }
      const Picture there = picture_of(*checked->store, space, record);
      if (!here.counts) return which + "what has no effect is proved";
      if (there.shown != here.shown) {
        if (!leads_elsewhere(*node.store, proof, space, record))
          return which + "the proof shows something else";
        ++met.leading_elsewhere;
      }
      ++met.proved;
      for (const SignedCommit& commit : proof.commits) met.headers_alone += commit.body.empty();
    }
  }
  return {};
}

TEST(Proofs, ShowWhatTheirMakersNodeShows) {
  Met met;
  const char* const more = std::getenv("MAILLON_HISTORIES");
  const std::uint64_t count = more != nullptr ? std::strtoull(more, nullptr, 10) : 24;
  for (std::uint64_t seed = 1; seed <= count; ++seed)
    for (const bool quarrels : {false, true})
      ASSERT_EQ(complaint(seed, quarrels, met), "") << "seed " << seed << " " << quarrels;
  EXPECT_GT(met.proved, 0);
  EXPECT_GT(met.without_effect, 0);
  EXPECT_GT(met.headers_alone, 0);
  EXPECT_GT(met.undecided, 0);
  EXPECT_LT(met.leading_elsewhere, met.proved / 100);
}

}  // namespace
}  // namespace maillon::test
