#pragma once

#include <memory>
#include <set>

#include "storage/state/records.hpp"
#include "storage/store/change.hpp"
#include "storage/store/settled_seen.hpp"
#include "storage/trust/trust.hpp"

/// The shared store: one SQLite file, its log, and the records folded from it. One thread at a
/// time.
namespace maillon::storage {

struct StoreOptions {
  std::filesystem::path path;
  int cache_kib = 16 * 1024;
  const char* vfs = nullptr;
  bool exclusive = false;
  bool immutable = false;  ///< DatabaseOptions::immutable: only to read
};

/// Who signs local commits.
struct Author {
  MemberId member;
  std::uint64_t incarnation;
  const crypto::SigningKey* key;
  [[nodiscard]] NodeId node() const noexcept { return key->node_id(); }
};

/// What became of a commit that arrived. Errors mean that the store itself failed.
struct Received {
  enum class Outcome {
    applied,
    held,       ///< its time has not come
    duplicate,  ///< stored before
    pending,    ///< waits for what it depends on
    refused,    ///< a rule says no; nothing was kept
    unread,     ///< of a space that this member may not read, or does not want; nothing was kept
    aside,      ///< in doubt, and nobody vouches for it: kept apart, not passed on
  };
  Outcome outcome = Outcome::applied;
  bool is_void = false;
  std::string reason = {};           ///< of a refusal or voidness, for logs
  bool provable = false;             ///< the sender could have known: it misbehaved
  std::vector<CommitPtr> with = {};  ///< pending commits that could follow at once
};

enum class ChangeOutcome : std::uint8_t {
  created,
  changed,
  unchanged,
  deleted_here,
  erased_here,  ///< all of it: no source brings it back
  not_found,
};

/// A field that a source says and that was erased here.
struct Withheld {
  std::size_t change = 0;  ///< its number among the changes
  std::string field;
};

struct Written {
  std::vector<CommitPtr> commits;
  std::vector<ChangeOutcome> outcomes;  ///< one per change
  std::vector<Withheld> withheld = {};
};

/// The greatest HLC that a node whose clock says `now` applies, or builds on.
[[nodiscard]] inline Hlc latest_hlc(UnixMillis now) noexcept {
  return Hlc::at(now + limits::kClockAheadMax, 0xffff);
}

/// What a node keeps nothing of by its own choice, though its member may read it. annuaire is kept
/// in any case.
struct Unwanted {
  bool all = false;
  std::set<SpaceId> spaces = {};

  [[nodiscard]] bool contains(const SpaceId& space) const { return all || spaces.contains(space); }
};

/// A governance op to be written: its message, encoded.
struct GovernanceOp {
  OpKind kind;
  Bytes message;
};

/// How a checkpoint that somebody proposes looks from here.
enum class Agreement : std::uint8_t {
  agrees,
  misses,         ///< something that it names is not here yet
  too_young,      ///< it would settle what is not old enough
  would_be_late,  ///< a commit is here that it does not know, and that has not seen what it settles
  differs,        ///< other commits of what it settles do not count here
};

/// What became of some records that were looked at.
struct Pruned {
  std::size_t leaves = 0;
  std::int64_t last = 0;  ///< to go on from there
  bool more = false;
};

/// Spaces of which a checkpoint has come to be whole here since they were pruned. Any connection.
[[nodiscard]] Result<std::vector<SpaceId>> to_prune(Database& db, Log& log, const Trust& trust);

/// Whether something that the members settled of a space is not here yet. Any connection.
[[nodiscard]] Result<bool> lacks_settled(Log& log, const Trust& trust, const SpaceId& space);

class SpaceHistory;
struct FieldDraft;
struct SaidBefore;
struct ErasureWish;
struct ErasureOutcome;
struct ErasedCopy;

class Store {
 public:
  /// Opens or creates, migrates, and folds annuaire.
  [[nodiscard]] static Result<std::unique_ptr<Store>> open(const StoreOptions& options);
  ~Store();
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;

  // A transaction that may hold many calls; nothing is durable, and nothing may be acknowledged,
  // before commit() returned.
  Result<void> begin();
  Result<void> commit();
  /// Drops everything since begin(), in memory as well.
  Result<void> rollback();

  /// Which federation this store belongs to; before that only a genesis is accepted.
  [[nodiscard]] const std::optional<FederationId>& federation() const noexcept {
    return federation_;
  }
  Result<void> set_federation(const FederationId& id);

  /// Whose store this is: what that member may not read is never kept, whoever brings it.
  void set_reader(const MemberId& member) { reader_ = member; }
  [[nodiscard]] const Unwanted& unwanted() const noexcept { return unwanted_; }
  Result<void> set_unwanted(Unwanted unwanted);

  /// Takes in a verified commit from anywhere, and pending ones that waited for it.
  Result<Received> receive(const CommitPtr& commit, UnixMillis now);
  /// Applies held commits whose time has come; gives how many.
  Result<std::size_t> release_held(UnixMillis now);

  /// Writes changes as one or more commits of the author.
  Result<Written> write(const SpaceId& space, std::span<const Change> changes, const Author& author,
                        UnixMillis now, Rng& rng);
  /// What a checkpoint of the space would say, of the commits before that time. None when that is
  /// nothing new, or more than one can hold.
  Result<std::optional<Checkpoint>> draft_checkpoint(const SpaceId& space, Hlc before);
  Result<Agreement> agrees_with(const Checkpoint& checkpoint, Hlc before);
  /// Takes from the log what the space's checkpoints leave nobody in need of, where that makes it
  /// smaller, or (`all`) whatever it costs: first looks at so many records after one, then packs
  /// commits anew. 0 begins, and reads the log.
  Result<Pruned> prune(const SpaceId& space, std::int64_t after, std::size_t records,
                       bool all = false);
  /// Asks to erase: of the author's own member at once, of others once they or the delegates say so.
  /// No commits when there is nothing to erase, or to `rehearse`.
  Result<ErasureOutcome> erase(const SpaceId& space, std::span<const ErasureWish> wishes,
                               const Author& author, UnixMillis now, Rng& rng,
                               bool rehearse = false);
  /// The name of a field of which a commit that asks to erase says that something else would remain
  /// than what was written; none when it tells the truth, as far as this node can see.
  Result<std::optional<std::string>> false_remainder(std::int64_t log_id);
  /// What erasures said would remain of what the author's member wrote, and others destroyed since,
  /// goes as well: two who erase at once each hold what the other erased. So does what that member
  /// wrote again before it heard of an erasure.
  Result<std::vector<CommitPtr>> complete_erasures(const Author& author, UnixMillis now, Rng& rng);
  /// Greater than 0 while something that was destroyed may be left in the search index or the WAL.
  Result<std::uint64_t> scrub_due();
  /// Nothing is left of what was due then.
  Result<void> scrubbed(std::uint64_t what);
  /// What this node has destroyed, and has not said so in annuaire; at most kReceiptsMax.
  Result<std::vector<ErasureReceipt::Done>> unconfirmed(const NodeId& self);
  /// Says in annuaire what this node has destroyed, and asks for what is left of it elsewhere.
  Result<std::vector<CommitPtr>> confirm_erasures(const Author& author, UnixMillis now, Rng& rng);
  Result<CommitPtr> write_governance(std::span<const GovernanceOp> ops, const Author& author,
                                     UnixMillis now, Rng& rng);
  /// Signs a federation's first commit and makes this store its own.
  Result<CommitPtr> write_genesis(const Genesis& genesis, const Bytes& annuaire,
                                  const Author& author, UnixMillis now, Rng& rng);
  /// Publishes again what of the member's commits does not count: held for the future, applied here
  /// under a clock that was ahead, cut off, or in doubt; under `author`, whose incarnation must be
  /// fresh. `disputed`: with what Stranded says of that. Gives the new commits.
  Result<std::vector<CommitPtr>> reissue_stranded(const Author& author, UnixMillis now, Rng& rng,
                                                  bool disputed = false);

  /// What reissue_stranded() would publish again.
  struct Stranded {
    std::vector<LogEntry> own;
    /// Signed with a key that the member took back, and not named then, or with one whose certificate
    /// does not count: whoever has the key, or words that were replaced, may have written it.
    std::vector<LogEntry> disputed;
  };
  /// What another node of the member wrote, whose key is good, is for that node to publish.
  Result<Stranded> stranded(const MemberId& member, const NodeId& self, UnixMillis now);
  /// The last commits of a node in each space, also of branches that are kept apart.
  Result<std::vector<CutOff>> branch_ends(const MemberId& member, const NodeId& node);
  /// Writes into annuaire what this store can prove against others, and nobody has yet.
  Result<std::vector<CommitPtr>> publish_evidence(const Author& author, UnixMillis now, Rng& rng);

  /// What a commit, now applied, asks to erase, and what others ask to erase of it. Called by
  /// whatever applies commits.
  Result<void> take_erasures(const Commit& commit, std::int64_t log_id);

  /// Shared with other threads; replaced, never changed.
  [[nodiscard]] std::shared_ptr<const Trust> trust() const noexcept { return trust_; }
  [[nodiscard]] Database& database() noexcept { return db_; }
  [[nodiscard]] Log& log() noexcept { return log_; }
  [[nodiscard]] Records& records() noexcept { return records_; }
  [[nodiscard]] Names& names() noexcept { return names_; }

  Result<std::optional<Bytes>> meta(std::string_view key);
  Result<void> set_meta(std::string_view key, ByteView value);

 private:
  explicit Store(Database db) noexcept;
  Result<void> load();
  Result<void> load_unwanted();
  /// Whether this node keeps what comes of a space.
  [[nodiscard]] bool keeps(const SpaceId& space) const;
  Result<void> fold_trust();
  /// Folded from applied commits up to `latest` only.
  Result<std::shared_ptr<const Trust>> trust_until(Hlc latest);

  // Receiving.
  Result<Received> admit(const CommitPtr& commit, UnixMillis now);
  /// Pending commits that waited for this one alone, and those that waited for them.
  Result<std::vector<CommitPtr>> admit_waiting(const CommitId& for_this, UnixMillis now);
  Result<std::vector<CommitId>> missing(const Commit& commit);
  Result<bool> stands_on_held(const Commit& commit);
  /// Whether a commit of annuaire brings the certificate by which its author speaks for its member.
  [[nodiscard]] static bool introduces_itself(const Commit& commit, const Trust& trust);
  /// Whether its member never had the right to write there, or its node never was one of the
  /// member's.
  [[nodiscard]] static bool lacks_right(const Header& header, const Trust& trust);
  /// By what to judge this commit: where annuaire does not know its author or space yet, as
  /// annuaire will be once all that it holds counts.
  Result<std::shared_ptr<const Trust>> trust_for(const Header& header);
  /// What is wrong with what its body and header refer to, or nullptr.
  Result<const char*> judge_references(const Commit& commit, const SpaceId& annuaire);
  Result<std::optional<Received>> judge(const Commit& commit);
  Result<bool> reissued_already(const Commit& commit);
  Result<void> take_in(const Commit& commit, CommitStatus status, bool is_void);
  Result<void> apply_at(const Commit& commit, std::int64_t log_id, const FeedRow& feed,
                        bool is_void);
  Result<void> void_reissued(const Commit& commit);
  /// What others say of a held commit, and ask to erase of it, they say of what publishes it again, which
  /// may be here already.
  Result<void> join_reissues(const Commit& held, std::int64_t log_id);

  // Erasures (erasure.cpp).
  struct Erasing;
  class Eraser;
  /// `whose`: who decides on the target.
  Result<ErasureEffect> effect_of(const Commit& asking, const LogEntry& entry, const Commit& target,
                                  const Op& aimed, const MemberId& whose);
  /// A commit, those that it publishes again, and those that do so with it.
  Result<std::vector<std::int64_t>> with_reissues(std::int64_t log_id);
  Result<void> note_erasure(const merge::OpRef& target, const merge::OpRef& by, Erasing& erasing);
  /// What was asked of a commit, of those that it publishes again and of those that do so with it, is
  /// asked of each.
  Result<void> note_shared_erasures(std::int64_t log_id, Erasing& erasing);
  Result<void> share_erasures(std::int64_t log_id);
  /// Looks again at what a commit asks for, after its standing changed.
  Result<void> settle_erasures(std::int64_t log_id);
  Result<void> settle_all_erasures(const Trust& before);
  /// All that follows for what is stored from knowing more of annuaire than `before`.
  Result<void> judge_by_new_trust(const Trust& before);
  struct ErasedNames {
    bool whole = false;
    std::set<std::string> fields = {};
  };
  Result<ErasedNames> erased_of(std::int64_t collection, const RecordId& rid);
  Result<void> carry_out(const Erasing& erasing);
  // Copies of what is destroyed (erasure_copies.cpp).
  /// Whether `earlier` is in the past of `later`; yes where that is too far back to tell.
  Result<bool> knew(const LogEntry& later, const LogEntry& earlier);
  /// Remembers which ops say again what is about to be destroyed, by whoever had not heard of it.
  Result<void> note_copies(std::span<const Erasure> erasures);
  using KnownBy = std::map<std::pair<std::int64_t, std::int64_t>, bool>;
  Result<void> note_copies_of(const Erasure& erasure, KnownBy& known);
  /// What is destroyed of what a field of an op said; none while an erasing op may still be said to leave
  /// some of it.
  Result<std::optional<FieldRemains>> destroyed_of(const merge::OpRef& target, std::string_view field);
  /// What was remembered of this member's ops and holds, and forgets it.
  Result<std::vector<ErasedCopy>> take_copies(const MemberId& member);
  [[nodiscard]] bool may_erase_in(const SpaceId& space, const MemberId& member) const;
  /// Records that are marked `erased_again`, where this member may write; takes the mark away.
  Result<std::map<SpaceId, std::vector<ErasureWish>>> take_erased_again(const MemberId& member);
  Result<void> destroy(std::int64_t log_id, const std::set<std::uint32_t>& leaves);
  /// Drops the payloads of leaves from a commit; false when none was there any more.
  Result<bool> make_bare(std::int64_t log_id, const std::set<std::uint32_t>& leaves);

  // Forgetting (checkpoint.cpp).
  struct Pruning {
    std::vector<ProposalId> checkpoints = {};  ///< of which all is here
    std::set<std::int64_t> settled = {};       ///< commits that count for good by these
    std::set<std::int64_t> before = {};        ///< by those with which the space was pruned last
    bool found = false;                        ///< all records were looked at
    std::map<std::int64_t, std::vector<LeafCut>> spent = {};  ///< not yet taken out; ascending
  };
  Result<void> look_for_spent(Pruning& pruning, std::int64_t space, std::size_t records, Pruned& out);
  Result<void> take_out_spent(Pruning& pruning, std::int64_t space, bool all, Pruned& out);
  Result<Pruning> what_is_settled(std::int64_t row, const SpaceId& space);

  // What stands in the log (admission.cpp).
  [[nodiscard]] bool in_doubt(const Header& header) const;
  Result<bool> stands_on_aside(const Commit& commit);
  Result<Received> keep_aside(const Commit& commit, UnixMillis now);
  /// Moves commits of a space in and out of the log; whether any moved. What came in is held until
  /// release_held().
  Result<bool> weigh(std::int64_t row, const SpaceId& space);
  Result<bool> move(const SpaceHistory& history, const std::vector<bool>& stands, std::int64_t row,
                    const SpaceId& space);
  Result<void> put_aside(const LogEntry& entry, std::int64_t row, const SpaceId& space);
  Result<void> bring_back(const LogEntry& entry);
  Result<void> find_ends(const SpaceHistory& history, const std::vector<bool>& stands,
                         std::int64_t row);
  Result<void> weigh_all_again(const Trust& before);
  /// Applies what came back into the log, if anything did.
  Result<void> release_returned(UnixMillis now);
  Result<void> note_suspect(const Commit& commit, const FeedRow& feed, std::int64_t id);
  Result<Evidence> evidence_of(std::int64_t first, std::optional<std::int64_t> second);

  // What counts (standing.cpp).
  /// Of one member in one space.
  Result<void> judge_again(std::int64_t row, const SpaceId& space, const MemberId& member);
  Result<void> judge_members(std::int64_t row, const SpaceId& space,
                             const std::set<MemberId>& members);
  Result<void> judge_everybody(std::int64_t row, const SpaceId& space);
  /// Whether it is a head of a checkpoint.
  [[nodiscard]] bool settles(const Commit& commit) const;
  /// Whether a checkpoint knew a feed up to this commit, and others of the feed are known besides.
  Result<bool> ends_branch(const Commit& commit);
  /// As Settlement has it.
  Result<bool> is_late(const Header& header);
  /// Of those for whom a commit that came into the log may make a difference, applied or not.
  Result<void> judge_own(const Commit& commit, std::int64_t row);
  /// Of all whose standing is not what it was.
  Result<void> judge_all_again(const Trust& before);
  /// Of all for whom this commit, now applied, may make a difference.
  Result<void> judge_around(const Commit& commit, std::int64_t row);
  Result<void> set_standing(const LogEntry& entry, bool counts, std::int64_t space);

  // Writing.
  Result<void> check_may_write(const SpaceId& space, const Author& author);
  struct Opening;    ///< what the next header starts from
  struct OpScratch;  ///< room for one op, kept between ops
  /// `introduces`: the commit will bring its author's own certificate.
  Result<Opening> open_feed(const SpaceId& space, const Author& author, UnixMillis now,
                            bool introduces = false);
  /// Up to which HLC the author's next commit builds on others. What a wrong clock wrote stays out,
  /// lest it drag later commits along, unless the feed itself stands there already.
  Result<Hlc> reach(const FeedKey& feed, UnixMillis now);
  /// The heads of a space, those beyond `reach` replaced by what they depend on; by commit id.
  Result<std::vector<LogEntry>> heads_within(std::int64_t space, Hlc reach);
  /// The heads of annuaire that a commit of the author may build on. They must say that it may.
  Result<std::vector<LogEntry>> annuaire_within(const Header& header, Hlc reach, bool introduces);
  Result<CommitPtr> seal_and_take(CommitDraft& draft, Opening& opening, const Author& author,
                                  Rng& rng);
  Result<std::optional<ChangeOutcome>> draft_change(const Change& asked, const Author& author,
                                                    const SpaceId& space, Hlc reach,
                                                    CommitDraft& draft);
  Result<void> check_owner(const Change& change, const RecordRow& row, const Author& author);
  struct NamedDrafts;  ///< what the ops of a change say of one field
  /// Of fields in `erased` a row of a source says nothing.
  Result<std::vector<NamedDrafts>> draft_edits(const Change& change, const Author& author,
                                               const SpaceId& space, const RecordRow* row,
                                               const merge::RecordState& state,
                                               const std::set<std::string>& erased,
                                               const CommitDraft& draft);
  Result<void> add_ops(const Change& change, const Author& author,
                       std::span<const std::pair<std::string, Value>> fields,
                       const std::vector<NamedDrafts>& edits, const merge::RecordState& state,
                       Hlc reach, CommitDraft& draft);
  /// Appends the field of an op with what it names and inserts.
  Result<void> add_field(const std::string& name, const FieldDraft& field, std::uint32_t leaf_before,
                         const merge::RecordState& state, Hlc reach, CommitDraft& draft);
  /// But for what was erased: no source brings that back.
  Result<std::vector<std::pair<std::string, Value>>> wanted_fields(
      const Change& change, const RecordRow& row, const merge::RecordState& state,
      const std::set<std::string>& erased);

  // Rows of sources (source_fields.cpp).
  Result<std::optional<Bytes>> last_imported(const Change& change, const RecordRow& row,
                                             const merge::RecordState& state,
                                             const merge::FieldState& field, std::string_view name);
  /// The change with the types that the record has, and with the sets that the row leaves out.
  Result<Change> as_typed_here(const Change& change, const RecordRow& row,
                               const merge::RecordState& state);
  /// Of a set. None where something of it was erased.
  Result<std::optional<SaidBefore>> said_before(const Change& change, const RecordRow& row,
                                                const std::string& field);

  Result<bool> is_published_again(const LogEntry& entry, const MemberId& member);
  Result<CommitPtr> reissue_one(const LogEntry& old, const Author& author, UnixMillis now, Rng& rng,
                                bool introduces, std::map<CommitId, CommitId>& renamed);

  Database db_;
  Log log_;
  Names names_;
  Records records_;
  std::optional<FederationId> federation_;
  std::optional<MemberId> reader_;
  Unwanted unwanted_;
  std::shared_ptr<const Trust> trust_;
  /// annuaire's heads as last told in a feed of ours, to be told again only when they changed.
  std::map<FeedKey, std::vector<CommitId>> told_heads_;
  SettledSeen settled_seen_{log_};
  std::map<SpaceId, Pruning> pruning_;  ///< under way
  std::unique_ptr<OpScratch> scratch_;
  bool came_back_ = false;  ///< commits that were aside wait for release_held()
};

}  // namespace maillon::storage
