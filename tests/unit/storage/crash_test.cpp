#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>

#include "proto/fault.hpp"
#include "storage/store/erase.hpp"
#include "tests/support/world.hpp"

/// Power cuts and failing disks under our own schema and transactions.
namespace maillon::test {
namespace {

using namespace storage;
using namespace std::chrono_literals;

constexpr const char* kPath = "node.db";

/// What a node lives through, in transactions; the same commits in every run.
class Life {
 public:
  Life() {
    for (int i = 0; i < 3; ++i)
      founder_.node->write(
          kCatalogue,
          {imported("lieux", "carte", std::to_string(i), {{"nom", text("a")}}),
           patch("lieux", record_number(1), {{"tel", text("0" + std::to_string(i))}}),
           // Long enough that the disk gains by forgetting it.
           patch("lieux", record_number(4), {{"nom", text("version " + std::to_string(i) + to_hex(rng_.bytes<100>()))}})},
          kEpoch + i * 1s);
    // Settled is what somebody else has built on.
    other_.pull(founder_, kEpoch + 4s);
    other_.node->write(kCatalogue, {patch("lieux", record_number(5), {{"nom", text("d’ailleurs")}})},
                       kEpoch + 4s);
    founder_.pull(other_, kEpoch + 4s);
    catalogue_ = founder_.node->commits(kCatalogue);
    annuaire_ = founder_.node->commits("annuaire");
    settled_ = settle();
  }

  static Value text(const std::string& t) { return Value::of_text(t); }

  [[nodiscard]] StoreOptions options(const MemoryVfs& disk) const {
    return {kPath, 256, disk.name(), true};
  }

  using Transaction = std::function<Result<void>(Store&)>;
  /// What is done in order; each is one transaction.
  [[nodiscard]] std::vector<Transaction> transactions() {
    rng_ = crypto::SeededRng{5};
    author_ = member_.node->author();
    return {
        [&](Store& s) -> Result<void> {
          MAILLON_CHECK(s.set_federation(*founder_.node->store->federation()));
          return receive_all(s, annuaire_);
        },
        [&](Store& s) { return receive_all(s, std::span{catalogue_}.first(1)); },
        [&](Store& s) { return receive_all(s, std::span{catalogue_}.last(1)); },  // Waits.
        [&](Store& s) {
          return write(s,
                       {patch("lieux", record_number(1), {{"tel", text("moi")}}),
                        patch("lieux", record_number(2), {{"nom", text(std::string(6000, 'x'))}})},
                       kEpoch + 10s);
        },
        [&](Store& s) { return receive_all(s, catalogue_); },
        [&](Store& s) {
          return write(s, {removal("lieux", record_number(2))}, kEpoch + 400 * 24h);
        },
        [&](Store& s) -> Result<void> {
          author_.incarnation += 1;
          MAILLON_TRY(const auto again, s.reissue_stranded(author_, kEpoch + 20s, rng_));
          return again.size() == 1 ? Result<void>{} : Error{Errc::refused, "nothing re-issued"};
        },
        [&](Store& s) { return erase(s, {"lieux", record_number(1), {"tel"}}); },
        // What it wrote itself, while something was missing, is late.
        [&](Store& s) { return receive_all(s, std::span{&settled_, 1}); },
        [&](Store& s) { return prune(s); },
        [&](Store& s) {
          return write(s, {patch("lieux", record_number(3), {{"nom", text("fin")}})}, kEpoch + 30s);
        },
    };
  }

  [[nodiscard]] SpaceId space() const { return founder_.node->space(kCatalogue); }

 private:
  Result<void> receive_all(Store& store, std::span<const CommitPtr> commits) {
    for (const CommitPtr& commit : commits) MAILLON_CHECK(store.receive(commit, kEpoch + 9s));
    return {};
  }
  Result<void> write(Store& store, const std::vector<Change>& changes, UnixMillis now) {
    MAILLON_CHECK(store.write(space(), changes, author_, now, rng_));
    return {};
  }

  /// Of its own and of another's.
  Result<void> erase(Store& store, const ErasureWish& wish) {
    MAILLON_TRY(const auto done, store.erase(space(), std::span{&wish, 1}, author_, kEpoch + 25s, rng_));
    return done.ops.size() == 2 ? Result<void>{} : Error{Errc::refused, "not of both"};
  }

  CommitPtr settle() {
    TestNode& node = *founder_.node;
    Proposal proposal;
    proposal.checkpoint = must(node.store->draft_checkpoint(space(), Hlc::at(kEpoch + 5s, 0)));
    const std::vector<GovernanceOp> ops{{OpKind::proposal, encode(proposal)},
                                        {OpKind::vote, encode(Vote{std::nullopt, 1, {}})}};
    must(node.store->begin());
    auto out = must(node.store->write_governance(ops, node.author(), kEpoch + 8s, node.rng));
    must(node.store->commit());
    return out;
  }
  Result<void> prune(Store& store) {
    std::size_t leaves = 0;
    for (Pruned done{0, 0, true}; done.more; leaves += done.leaves) {
      MAILLON_TRY(done, store.prune(space(), done.last, 100));
    }
    return leaves == 2 ? Result<void>{} : Error{Errc::refused, "not both versions"};
  }

  Peer founder_{0};
  Peer other_{3};
  Peer member_{1};  ///< whose keys the node has; its disk is another
  Author author_ = member_.node->author();
  crypto::SeededRng rng_{5};
  std::vector<CommitPtr> catalogue_;
  std::vector<CommitPtr> annuaire_;
  CommitPtr settled_;
};

/// Everything that a store holds, by commit id, and what it makes of it.
struct Holdings {
  std::set<Bytes> commits;
  std::optional<Digest> digest;
  std::size_t members = 0;
  friend bool operator==(const Holdings&, const Holdings&) = default;
};

Result<Holdings> holdings(Store& store, const SpaceId& space) {
  Holdings out;
  MAILLON_TRY(auto get,
              store.database().prepare("SELECT cid FROM log UNION SELECT cid FROM pending"));
  for (;;) {
    MAILLON_TRY(const bool more, get.step());
    if (!more) break;
    out.commits.emplace(get.blob(0).begin(), get.blob(0).end());
  }
  MAILLON_TRY(const auto row, store.log().find_space(space));
  if (row) {
    MAILLON_TRY(out.digest, store.records().digest(*row));
  }
  out.members = store.trust()->members().size();
  return out;
}

struct Outcome {
  std::size_t acknowledged = 0;
  std::optional<Error> failed;
};

/// Lives one life on `disk`: a checkpoint in the middle, and an orderly end. Stops at an error.
Outcome live(Life& life, MemoryVfs& disk,
             const std::function<void(Store&, std::size_t)>& after = {},
             std::size_t* acknowledged = nullptr) {
  Outcome out;
  const auto run = [&]() -> Result<void> {
    MAILLON_TRY(auto store, Store::open(life.options(disk)));
    std::size_t done = 0;
    for (const auto& transaction : life.transactions()) {
      MAILLON_CHECK(store->begin());
      if (auto step = transaction(*store); step.has_error()) {
        (void)store->rollback();
        return std::move(step).error();
      }
      MAILLON_CHECK(store->commit());
      out.acknowledged = ++done;
      if (acknowledged != nullptr) *acknowledged = done;
      if (after) after(*store, done);
      if (done == 4) MAILLON_CHECK(store->database().execute("PRAGMA wal_checkpoint(TRUNCATE)"));
    }
    return {};
  };
  if (auto result = run(); result.has_error()) out.failed = std::move(result).error();
  return out;
}

class Crash : public testing::Test {
 protected:
  Crash() {
    stages_.emplace_back();
    MemoryVfs disk{"crash-first"};
    disk.on_call([&](std::uint64_t, MemoryVfs::Call call) { trace_.push_back(call); });
    const Outcome all = live(life_, disk, [&](Store& store, std::size_t) {
      stages_.push_back(must(holdings(store, life_.space())));
    });
    EXPECT_FALSE(all.failed) << all.failed->detail;
  }
  ~Crash() override {
#ifdef MAILLON_FAULTS
    set_fault("");
#endif
  }

  /// What is wrong with a disk on which `acknowledged` transactions must be, and one more may be.
  std::string complaint(const DiskImage& image, std::size_t acknowledged) {
    checker_.load(image);
    auto store = Store::open(life_.options(checker_));
    if (!store) return "it does not open: " + store.error().detail;
    const auto held = holdings(**store, life_.space());
    if (!held) return "it cannot be read: " + held.error().detail;
    if (*held != stages_[acknowledged] &&
        (acknowledged + 1 >= stages_.size() || *held != stages_[acknowledged + 1]))
      return "it holds " + std::to_string(held->commits.size()) + " commits where " +
             std::to_string(acknowledged) + " transactions were acknowledged";
    if (const auto row = must((*store)->log().find_space(life_.space())))
      if (const auto sound = (*store)->records().verify(*row); !sound) return sound.error().detail;
    return {};
  }

  /// Cuts the power before every call that changes the disk, in several ways; the first complaint.
  std::string cut_everywhere(std::size_t random_variants, std::size_t* images) {
    MemoryVfs disk{"crash-cut"};
    std::size_t acknowledged = 0;
    std::string first;
    std::set<std::pair<std::size_t, Digest>> seen;
    crypto::SeededRng rng{11};
    const auto judge = [&](const DiskImage& image) {
      crypto::Hasher hasher;
      for (const auto& [path, bytes] : image) hasher.update(path).update(bytes);
      if (!first.empty() || !seen.emplace(acknowledged, hasher.finish()).second) return;
      first = complaint(image, acknowledged);
    };
    disk.on_call([&](std::uint64_t, MemoryVfs::Call call) {
      if (!MemoryVfs::changes(call)) return;
      judge(disk.synced());
      judge(disk.current());
      for (std::size_t i = 0; i < random_variants; ++i) judge(disk.after_power_cut(rng));
    });
    const Outcome all = live(life_, disk, {}, &acknowledged);
    disk.on_call({});
    EXPECT_FALSE(all.failed);
    judge(disk.synced());
    *images = seen.size();
    return first;
  }

  Life life_;
  std::vector<Holdings> stages_;  ///< after so many transactions
  std::vector<MemoryVfs::Call> trace_;
  MemoryVfs checker_{"crash-checker"};
};

/// One random outcome for each call in CI; MAILLON_CRASH_VARIANTS asks for more.
std::size_t variants() {
  const char* given = std::getenv("MAILLON_CRASH_VARIANTS");
  return given == nullptr ? 1 : std::strtoul(given, nullptr, 10);
}

TEST_F(Crash, NoAcknowledgedTransactionIsLostAndNoneIsTorn) {
  std::size_t images = 0;
  EXPECT_EQ(cut_everywhere(variants(), &images), "");
  EXPECT_GT(images, 300u);
  RecordProperty("images", static_cast<int>(images));
}

#ifdef MAILLON_FAULTS
// The test above is able to fail: without syncs it does.
TEST_F(Crash, AcknowledgingBeforeTheDiskHasItIsNoticed) {
  set_fault("ack_before_fsync");
  std::size_t images = 0;
  EXPECT_NE(cut_everywhere(1, &images), "");
}
#endif

// A process whose disk vanishes sees errors, acknowledges nothing more, and what it acknowledged is
// there after.
TEST_F(Crash, ADiskThatVanishesLosesNothing) {
  const std::size_t stride = std::max<std::size_t>(1, trace_.size() / (16 * variants()));
  for (std::size_t call = 0; call < trace_.size(); call += stride) {
    MemoryVfs disk{"crash-vanish"};
    disk.crash_at(call);
    const Outcome got = live(life_, disk);
    EXPECT_TRUE(disk.crashed());
    EXPECT_TRUE(got.failed || got.acknowledged + 1 == stages_.size());
    EXPECT_EQ(complaint(disk.synced(), got.acknowledged), "") << "call " << call;
  }
}

/// Lives with call `call` failing; the process then ends, and the disk works again.
void expect_safe_failure(
    Life& life, std::size_t call, int code,
    const std::function<std::string(const DiskImage&, std::size_t)>& complaint) {
  MemoryVfs disk{"crash-failing"};
  disk.fail_at(call, code);
  const Outcome got = live(life, disk);
  // Some calls may fail without harm; then everything was done.
  EXPECT_TRUE(got.failed || got.acknowledged == life.transactions().size());
  EXPECT_EQ(complaint(disk.current(), got.acknowledged), "") << "call " << call;
  EXPECT_EQ(complaint(disk.synced(), got.acknowledged), "") << "call " << call << ", then a cut";
}

TEST_F(Crash, AnErrorOfTheDiskIsAnErrorAndLosesNothing) {
  const auto judge = [&](const DiskImage& image, std::size_t n) { return complaint(image, n); };
  const std::size_t stride = std::max<std::size_t>(1, trace_.size() / (32 * variants()));
  for (std::size_t call = 0; call < trace_.size(); call += stride)
    expect_safe_failure(life_, call, SQLITE_IOERR, judge);
  // Syncs are few and matter most.
  std::size_t syncs = 0;
  for (std::size_t call = 0; call < trace_.size(); ++call)
    if (trace_[call] == MemoryVfs::Call::sync && syncs++ % 2 == 0)
      expect_safe_failure(life_, call, SQLITE_IOERR_FSYNC, judge);
}

TEST_F(Crash, AFullDiskIsAnErrorAndLosesNothing) {
  const auto judge = [&](const DiskImage& image, std::size_t n) { return complaint(image, n); };
  std::vector<std::size_t> writes;
  for (std::size_t call = 0; call < trace_.size(); ++call)
    if (trace_[call] == MemoryVfs::Call::write) writes.push_back(call);
  const std::size_t stride = std::max<std::size_t>(1, writes.size() / (24 * variants()));
  for (std::size_t i = 0; i < writes.size(); i += stride)
    expect_safe_failure(life_, writes[i], SQLITE_FULL, judge);
}

// Room is made, and the same process goes on.
TEST_F(Crash, AfterAFullDiskIsFreedTheSameStoreGoesOn) {
  Peer peer{0};
  const auto change = [&](const std::string& value) {
    return std::vector{patch("lieux", record_number(1), {{"nom", Life::text(value)}})};
  };
  TestNode& node = *peer.node;
  node.write(kCatalogue, change("avant"), kEpoch);
  const Digest before = node.digest(kCatalogue);
  std::size_t longest = 0;
  for (const auto& [path, bytes] : peer.disk->current()) longest = std::max(longest, bytes.size());
  peer.disk->limit_file_size(longest);
  must(node.store->begin());
  const auto big = change(std::string(longest, 'x'));
  auto got = node.store->write(node.space(kCatalogue), big, node.author(), kEpoch + 1s, node.rng);
  const auto committed = node.store->commit();
  ASSERT_TRUE(got.has_error() || committed.has_error());
  EXPECT_EQ(got.has_error() ? got.error().code : committed.error().code, Errc::full);
  EXPECT_TRUE(peer.disk->failed());
  must(node.store->rollback());
  EXPECT_EQ(node.digest(kCatalogue), before);
  peer.disk->limit_file_size({});
  node.write(kCatalogue, change("après"), kEpoch + 2s);
  EXPECT_EQ(node.value(kCatalogue, "lieux", record_number(1), "nom"), "après");
  EXPECT_TRUE(peer.verify().has_value());
}

// A damaged file gives an error, or nothing that anybody sees has changed.
TEST_F(Crash, FlippedBitsNeverChangeAnythingUnnoticed) {
  MemoryVfs disk{"crash-bits"};
  ASSERT_FALSE(live(life_, disk).failed);
  const DiskImage sound = disk.current();
  const std::size_t bits = sound.at(kPath).size() * 8;
  crypto::SeededRng rng{3};
  std::size_t noticed = 0;
  for (std::size_t i = 0; i < 150 * variants(); ++i) {
    disk.load(sound);
    disk.flip_bit(kPath, rng.u64() % bits);
    auto store = Store::open(life_.options(disk));
    if (!store) {
      ++noticed;
      continue;
    }
    const auto held = holdings(**store, life_.space());
    const auto row = (*store)->log().find_space(life_.space());
    const bool error = !held || !row || !*row || !(*store)->records().verify(**row);
    noticed += error;
    EXPECT_TRUE(error || held->digest == stages_.back().digest) << "round " << i;
  }
  EXPECT_GT(noticed, 0u);
}

}  // namespace
}  // namespace maillon::test
