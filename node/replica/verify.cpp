#include "node/replica/verify.hpp"

#include <algorithm>
#include <set>

namespace maillon::replica {
namespace {

namespace fs = std::filesystem;
using storage::CommitPtr;
using storage::CommitStatus;
using storage::LogEntry;

struct SpaceRow {
  std::int64_t row = 0;
  SpaceId id = SpaceId::zero();
};

Result<std::vector<SpaceRow>> spaces_of(storage::Database& db) {
  std::vector<SpaceRow> out;
  MAILLON_TRY(auto get, db.prepare("SELECT id, sid FROM space ORDER BY id"));
  for (;;) {
    MAILLON_TRY(const bool more, get.step());
    if (!more) return out;
    SpaceRow space;
    space.row = get.integer(0);
    MAILLON_TRY(space.id, SpaceId::from_bytes(get.blob(1)));
    out.push_back(space);
  }
}

/// Commits of one space in order of the log.
Result<std::vector<LogEntry>> entries_of(storage::Log& log, std::int64_t space) {
  std::vector<LogEntry> out;
  MAILLON_CHECK(log.scan(space, 0, [&](const LogEntry& entry) -> Result<bool> {
    out.push_back(entry);
    return true;
  }));
  return out;
}

class Checker {
 public:
  Checker(storage::Log& log, VerifyReport& report) : log_(log), report_(report) {}

  Result<void> space(const SpaceRow& space, const std::function<void()>& tick) {
    space_ = space;
    tips_.clear();
    heads_.clear();
    MAILLON_TRY(const auto entries, entries_of(log_, space.row));
    for (const LogEntry& entry : entries) {
      ++report_.commits;
      MAILLON_CHECK(commit(entry));
      tick();
    }
    // Where feeds end cannot be told from commits that cannot be read.
    if (unreadable_) return {};
    return ends();
  }

 private:
  void wrong(const LogEntry& entry, std::string en, std::string fr) {
    if (report_.errors.size() < kVerifyErrorsMax)
      report_.errors.push_back({space_.id.hex(), entry.cid, std::move(en), std::move(fr)});
  }
  void wrong(std::string en, std::string fr) {
    if (report_.errors.size() < kVerifyErrorsMax)
      report_.errors.push_back({space_.id.hex(), std::nullopt, std::move(en), std::move(fr)});
  }

  Result<void> commit(const LogEntry& entry) {
    MAILLON_TRY(SignedCommit bytes, log_.bytes_of(entry.id));
    const auto verified = storage::verify_commit(std::move(bytes));
    if (verified.has_error()) {
      unreadable_ = true;
      wrong(entry, verified.error().detail,
            "signature, empreinte ou forme fausse (" + verified.error().detail + ")");
      return {};
    }
    const Header& h = (*verified)->header;
    MAILLON_TRY(const auto feed, log_.feed_by_id(entry.feed));
    if ((*verified)->id != entry.cid || h.seq != entry.seq || h.hlc != entry.hlc ||
        feed.key != h.feed() || feed.member != h.member) {
      wrong(entry, "it is filed under what is not in its header",
            "il est rangé sous ce que son en-tête ne dit pas");
      return {};
    }
    MAILLON_CHECK(chain(entry, h));
    tips_.insert(entry.cid);
    if (h.previous) tips_.erase(*h.previous);
    if (entry.status != CommitStatus::applied) return {};
    heads_.insert(entry.cid);
    if (h.previous) heads_.erase(*h.previous);
    for (const CommitId& dep : h.deps) heads_.erase(dep);
    return {};
  }

  Result<void> chain(const LogEntry& entry, const Header& h) {
    std::vector<CommitId> past{h.deps};
    if (h.previous) past.push_back(*h.previous);
    for (const CommitId& id : past) {
      MAILLON_TRY(const auto before, log_.find(id));
      // The log's order respects causality.
      if (!before || before->id >= entry.id || before->hlc >= entry.hlc) {
        wrong(entry, "what it depends on, " + id.hex() + ", does not come before it",
              "ce dont il dépend, " + id.hex() + ", ne le précède pas");
        return {};
      }
      if (h.previous == id && (before->feed != entry.feed || before->seq + 1 != entry.seq))
        wrong(entry, "its previous commit is not its feed's", "son précédent n’est pas de son fil");
    }
    return {};
  }

  Result<void> ends() {
    MAILLON_TRY(const auto tips, log_.tips(space_.row));
    std::set<CommitId> stored;
    for (const Tip& tip : tips) stored.insert(tip.commit);
    if (stored != tips_)
      wrong("the table of tips is not what the log says",
            "la table des extrémités ne correspond pas au journal");
    MAILLON_TRY(const auto heads, log_.heads(space_.row));
    stored.clear();
    for (const LogEntry& head : heads) stored.insert(head.cid);
    if (stored != heads_)
      wrong("the table of heads is not what the log says",
            "la table des têtes ne correspond pas au journal");
    return {};
  }

  storage::Log& log_;
  VerifyReport& report_;
  SpaceRow space_;
  bool unreadable_ = false;
  std::set<CommitId> tips_;
  std::set<CommitId> heads_;
};

/// A database that is gone when this is.
struct Scratch {
  fs::path dir;
  std::unique_ptr<storage::Store> store;
  ~Scratch() {
    store.reset();
    std::error_code ignored;
    fs::remove_all(dir, ignored);
  }
};

Result<std::unique_ptr<Scratch>> make_scratch(Replica& replica) {
  auto out = std::make_unique<Scratch>();
  const auto name = replica.rng().bytes<8>();
  out->dir = replica.dir() / (std::string{kPassing} + "verify-" + to_hex(name));
  std::error_code failed;
  fs::create_directory(out->dir, failed);
  if (failed) return Error{Errc::io, "cannot make " + out->dir.string() + ": " + failed.message()};
  storage::StoreOptions options;
  options.path = out->dir / "fold.db";
  options.exclusive = true;
  MAILLON_TRY(out->store, storage::Store::open(options));
  return out;
}

/// Folds the log again, standing as it stands here.
Result<void> replay(storage::Database& db, storage::Log& log, const FederationId& federation,
                    storage::Store& into, const std::function<void()>& tick) {
  MAILLON_CHECK(into.begin());
  MAILLON_CHECK(into.set_federation(federation));
  MAILLON_TRY(auto get, db.prepare("SELECT id, status FROM log ORDER BY id"));
  for (;;) {
    MAILLON_TRY(const bool more, get.step());
    if (!more) return into.commit();
    MAILLON_TRY(SignedCommit bytes, log.bytes_of(get.integer(0)));
    MAILLON_TRY(const CommitPtr commit, storage::load_commit(std::move(bytes)));
    const bool held = get.integer(1) == static_cast<std::int64_t>(CommitStatus::held);
    // Whatever the clock says: what is applied here is applied there, what is held is held.
    const UnixMillis now = held ? UnixMillis{0} : commit->header.hlc.time();
    MAILLON_TRY(const auto got, into.receive(commit, now));
    using Outcome = storage::Received::Outcome;
    if (got.outcome != Outcome::held && got.outcome != Outcome::applied &&
        got.outcome != Outcome::aside)
      return Error{Errc::integrity,
                   "commit " + commit->id.hex() + " is not taken in again: " + got.reason,
                   "le commit " + commit->id.hex() + " n’est pas admis une seconde fois"};
    tick();
  }
}

/// Whether every commit stands there as it stands here: applied, held or aside, void or not.
Result<void> compare_standing(const SpaceRow& space, storage::Log& here, storage::Log& again,
                              VerifyReport& report) {
  std::vector<LogEntry> entries;
  MAILLON_CHECK(here.scan_all(space.row, [&](const LogEntry& entry) -> Result<bool> {
    entries.push_back(entry);
    return true;
  }));
  for (const LogEntry& entry : entries) {
    MAILLON_TRY(const auto other, again.find(entry.cid));
    if (other && other->status == entry.status && other->is_void == entry.is_void) continue;
    if (report.errors.size() < kVerifyErrorsMax)
      report.errors.push_back({space.id.hex(), entry.cid,
                               "it does not count as the log says that it should",
                               "il ne compte pas comme le journal dit qu’il devrait"});
  }
  return {};
}

/// The records of one space, in order of collection and id.
class RecordWalk {
 public:
  RecordWalk(storage::Database& db, storage::Log& log, storage::Names& names)
      : db_(db), context_(log, names) {}

  struct At {
    std::string collection;
    RecordId id = RecordId::zero();
    std::int64_t flags = 0;
    Digest meaning = Digest::zero();
    friend bool operator==(const At&, const At&) = default;
  };
  Result<void> begin(std::int64_t space) {
    MAILLON_TRY(auto get, db_.prepare("SELECT c.name, r.rid, r.flags, r.state FROM record r"
                                      " JOIN collection c ON c.id = r.collection"
                                      " WHERE c.space = ?1 ORDER BY c.name, r.rid"));
    get_.emplace(std::move(get));
    get_->bind(1, space);
    return {};
  }
  Result<std::optional<At>> next() {
    MAILLON_TRY(const bool more, get_->step());
    if (!more) return std::optional<At>{};
    At out;
    out.collection = get_->text(0);
    MAILLON_TRY(out.id, RecordId::from_bytes(get_->blob(1)));
    out.flags = get_->integer(2);
    MAILLON_TRY(const auto state, storage::merge::decode_state(get_->blob(3)));
    crypto::Hasher hasher;
    MAILLON_CHECK(
        storage::merge::digest_into(hasher, out.collection, out.id, state, context_));
    out.meaning = hasher.finish();
    return std::optional{std::move(out)};
  }

 private:
  storage::Database& db_;
  storage::LogContext context_;
  std::optional<storage::Statement> get_;
};

class Comparer {
 public:
  Comparer(Reader& here, storage::Store& again, VerifyReport& report)
      : here_(here), again_(again), report_(report) {}

  Result<void> space(const SpaceRow& space) {
    MAILLON_TRY(const auto other, again_.log().find_space(space.id));
    RecordWalk left{here_.database(), here_.log(), here_.names()};
    RecordWalk right{again_.database(), again_.log(), again_.names()};
    MAILLON_CHECK(left.begin(space.row));
    MAILLON_CHECK(right.begin(other.value_or(0)));
    for (;;) {
      MAILLON_TRY(const auto stored, left.next());
      MAILLON_TRY(const auto folded, right.next());
      if (!stored && !folded) return {};
      if (stored && (stored->flags & storage::kFlagVisible) != 0) ++report_.records;
      if (stored == folded) continue;
      const auto& one = stored ? *stored : *folded;
      const std::string which = one.collection + "/" + one.id.hex();
      if (report_.errors.size() < kVerifyErrorsMax)
        report_.errors.push_back({space.id.hex(), std::nullopt,
                                  "record " + which + " is not what the log makes of it",
                                  "la fiche " + which + " ne correspond pas au journal"});
      // Once one is missing, every later pair would differ as well.
      if (!stored || !folded || stored->id != folded->id) return {};
    }
  }

 private:
  Reader& here_;
  storage::Store& again_;
  VerifyReport& report_;
};

}  // namespace

Result<VerifyReport> verify(Replica& replica, bool deep,
                            const std::function<void(double)>& progress) {
  VerifyReport report;
  MAILLON_TRY(auto db, replica.open_reader());
  Reader reader{db};
  // The snapshot lasts until the connection closes.
  MAILLON_CHECK(db.execute("BEGIN"));
  MAILLON_CHECK(db.check_pages());
  MAILLON_TRY(const std::int64_t total, db.integer("SELECT count(*) FROM log"));
  const double steps = static_cast<double>(std::max<std::int64_t>(1, total)) * (deep ? 2 : 1);
  std::int64_t done = 0;
  const auto tick = [&] { progress(static_cast<double>(++done) / steps); };
  MAILLON_TRY(const auto spaces, spaces_of(db));
  for (const SpaceRow& space : spaces) {
    Checker checker{reader.log(), report};
    MAILLON_CHECK(checker.space(space, tick));
    if (deep) continue;
    // Whatever is shown can be read.
    const auto digest = reader.digest(space.id);
    if (digest.has_error() && digest.error().code != Errc::integrity) return digest.error();
    if (digest.has_error())
      report.errors.push_back(
          {space.id.hex(), std::nullopt, digest.error().detail, digest.error().fr});
  }
  if (!deep) {
    MAILLON_TRY(report.records, db.integer("SELECT count(*) FROM record WHERE flags & 1"));
    return report;
  }
  const auto federation = replica.federation();
  // A log that is itself damaged cannot say what the records should be.
  if (!federation || !report.errors.empty()) return report;
  MAILLON_TRY(const auto scratch, make_scratch(replica));
  const auto folded = replay(db, reader.log(), *federation, *scratch->store, tick);
  if (folded.has_error()) {
    if (folded.error().code != Errc::integrity) return folded.error();
    report.errors.push_back({{}, std::nullopt, folded.error().detail, folded.error().fr});
    return report;
  }
  for (const SpaceRow& space : spaces) {
    MAILLON_CHECK(compare_standing(space, reader.log(), scratch->store->log(), report));
    Comparer comparer{reader, *scratch->store, report};
    MAILLON_CHECK(comparer.space(space));
  }
  return report;
}

}  // namespace maillon::replica
