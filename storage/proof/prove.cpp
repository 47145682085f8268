#include <algorithm>

#include "storage/merge/document.hpp"
#include "storage/proof/record_proof.hpp"
#include "storage/proof/ways.hpp"

/// Gathering what proves a record.
namespace maillon::storage {
namespace {

Error too_large() {
  return Error{Errc::full, "a proof of this record would be too large",
               "une preuve de cette fiche serait trop grosse",
               "`maillon history` shows it, `maillon bundle export` hands all of it on",
               "« maillon history » la montre, « maillon bundle export » transmet tout"};
}

/// A leaf is not divided: what is hidden would travel.
Error undecided() {
  return Error{Errc::refused, "part of this record is hidden, and waits for a word on its erasure",
               "une partie de cette fiche est cachée, et attend qu’on se prononce sur son effacement",
               "`maillon erasures` shows whose word is missing",
               "« maillon erasures » montre de qui l’accord est attendu"};
}

Result<SignedCommit> whole(Log& log, std::int64_t log_id) {
  MAILLON_TRY(SignedCommit out, log.bytes_of(log_id));
  MAILLON_TRY(out.body, unpack_body(out.body));
  return out;
}

class Prover {
 public:
  Prover(Log& log, Records& records, const Trust& trust, const SpaceId& space, std::int64_t row)
      : log_(log), records_(records), trust_(trust), space_(space), row_(row) {}

  /// Chooses the leaves that travel.
  Result<void> choose(std::string_view collection, const RecordId& id, ByteView stored) {
    MAILLON_TRY(auto state, merge::decode_state(stored));
    MAILLON_TRY(const auto steps, records_.history(collection, id, stored));
    // What has no effect is told of, and so is what made a place in a list or text for what is shown;
    // what it says stays at home.
    for (const merge::OpEntry& op : state.ops) kept_[op.ref.commit][op.ref.leaf] = LeafState::bare;
    for (const HistoryOp& step : steps)
      if (changes_elements(step)) kept_[step.ref.commit][step.ref.leaf] = LeafState::bare;
    MAILLON_TRY(const auto behind, ops_behind(state));
    for (const merge::OpRef& ref : behind) kept_[ref.commit][ref.leaf] = LeafState::full;
    MAILLON_CHECK(add_links(steps));
    return add_erasures();
  }

  Result<std::vector<SignedCommit>> commits() {
    for (const auto& [log_id, leaves] : kept_) {
      MAILLON_TRY(auto commit, cut(log_id, leaves));
      MAILLON_CHECK(add(log_id, std::move(commit)));
    }
    MAILLON_CHECK(add_headers());
    return sorted();
  }

  Result<std::vector<SignedCommit>> annuaire() {
    MAILLON_TRY(const auto row, log_.find_space(trust_.annuaire()));
    std::vector<std::int64_t> ids;
    MAILLON_CHECK(log_.scan(row.value_or(0), 0, [&](const LogEntry& entry) -> Result<bool> {
      if (entry.status == CommitStatus::applied) ids.push_back(entry.id);
      return true;
    }));
    for (const std::int64_t id : ids) {
      MAILLON_TRY(auto commit, whole(log_, id));
      MAILLON_CHECK(add(id, std::move(commit)));
    }
    return sorted();
  }

 private:
  using Leaves = std::map<std::uint32_t, LeafState>;

  static bool changes_elements(const HistoryOp& step) {
    return std::ranges::any_of(
        step.commit->body.ops.fields_of(*step.op),
        [](const OpField& field) { return merge::has_elements(field.tag); });
  }

  /// What came between says that an earlier op was superseded by a later one. Its own values are
  /// past: they stay at home.
  Result<void> add_links(std::span<const HistoryOp> steps) {
    MAILLON_TRY(const auto namers, namers_of(steps));
    std::vector<merge::OpRef> work;
    for (const auto& [log_id, leaves] : kept_)
      for (const auto& [leaf, kept] : leaves) work.push_back({log_id, leaf});
    while (!work.empty()) {
      const auto named = namers.find(work.back());
      work.pop_back();
      if (named == namers.end()) continue;
      for (const merge::OpRef& ref : named->second)
        if (kept_[ref.commit].emplace(ref.leaf, LeafState::bare).second) work.push_back(ref);
    }
    return {};
  }

  /// Who asked to erase of what travels, and what they left of it.
  Result<void> add_erasures() {
    const auto all = kept_;
    for (const auto& [log_id, leaves] : all)
      for (const auto& [leaf, kept] : leaves) {
        MAILLON_TRY(const auto asked, records_.erasures().of({log_id, leaf}));
        for (const Erasure& erasure : asked)
          if (erasure.effect == ErasureEffect::hides && kept == LeafState::full) {
            MAILLON_TRY(const bool hides, records_.erasures().hides_something(erasure));
            if (hides) return undecided();
          } else if (erasure.effect == ErasureEffect::destroys) {
            kept_[erasure.by.commit][erasure.by.leaf] = LeafState::full;
          }
      }
    return {};
  }

  /// By each op, those that supersede part of it, or what it publishes again.
  Result<std::map<merge::OpRef, std::vector<merge::OpRef>>> namers_of(
      std::span<const HistoryOp> steps) {
    std::map<merge::OpRef, std::vector<merge::OpRef>> out;
    std::set<merge::OpRef> here;
    for (const HistoryOp& step : steps) here.insert(step.ref);
    for (const HistoryOp& step : steps) {
      const OpTable& ops = step.commit->body.ops;
      MAILLON_TRY(const auto table, records_.resolve_names(*step.commit, *step.op, step.ref.commit));
      const auto names = [&](Slice slice) {
        for (const DotRange& dot : ops.dots_in(slice))
          out[{table[dot.index], dot.leaf}].push_back(step.ref);
      };
      names(step.op->replaced);
      for (const OpField& field : ops.fields_of(*step.op)) names(field.replaced);
      if (!step.commit->header.reissues) continue;
      // What supersedes an op supersedes the one that publishes it again.
      MAILLON_TRY(const auto old, log_.find(*step.commit->header.reissues));
      if (old && here.contains({old->id, step.ref.leaf}))
        out[step.ref].push_back({old->id, step.ref.leaf});
    }
    return out;
  }

  Result<SignedCommit> cut(std::int64_t log_id, const Leaves& leaves) {
    MAILLON_TRY(SignedCommit out, log_.bytes_of(log_id));
    MAILLON_TRY(const Header header, decode_header(out.header));
    std::vector<LeafCut> cuts;
    for (std::uint32_t leaf = 1; leaf < header.leaves; ++leaf) {
      const auto kept = leaves.find(leaf);
      const LeafState to = kept == leaves.end() ? LeafState::gone : kept->second;
      if (to != LeafState::full) cuts.push_back({leaf, to});
    }
    MAILLON_TRY(const Bytes packed, cut_body(out.body, header.leaves, cuts));
    MAILLON_TRY(out.body, unpack_body(packed));
    return out;
  }

  /// Headers that show which of the commits count.
  Result<void> add_headers() {
    std::set<std::int64_t> limited;
    std::set<std::int64_t> shown;
    for (const auto& [log_id, leaves] : kept_) {
      MAILLON_TRY(const Bytes raw, log_.header_of(log_id));
      MAILLON_TRY(const Header header, decode_header(raw));
      if (is_limited(trust_, header.member, space_)) limited.insert(log_id);
      MAILLON_CHECK(find_reissues(commit_id(raw), shown));
    }
    if (!limited.empty() || !trust_.checkpoints(space_).empty())
      MAILLON_CHECK(find_ways(limited, shown));
    for (const std::int64_t id : shown) {
      MAILLON_TRY(SignedCommit bytes, log_.bytes_of(id));
      bytes.body.clear();
      if (!kept_.contains(id)) MAILLON_CHECK(add(id, std::move(bytes)));
    }
    return {};
  }

  /// What was published again no longer counts; any commit may claim to do that.
  Result<void> find_reissues(const CommitId& old, std::set<std::int64_t>& shown) {
    MAILLON_TRY(const auto entry, log_.find(old));
    if (!entry) return {};
    MAILLON_TRY(const auto again, log_.reissues_of(old));
    for (const std::int64_t id : again) {
      MAILLON_TRY(const Bytes raw, log_.header_of(id));
      MAILLON_TRY(const Header header, decode_header(raw));
      MAILLON_TRY(const bool true_one, log_.replaces(header, *entry));
      if (true_one) shown.insert(id);
    }
    return {};
  }

  Result<void> find_ways(const std::set<std::int64_t>& limited, std::set<std::int64_t>& shown) {
    MAILLON_TRY(const auto history, SpaceHistory::read(log_, row_, trust_.graph()));
    Ways ways{history, trust_, space_};
    for (std::size_t i = 0; i < history.commits().size(); ++i) {
      const std::int64_t id = history.commits()[i].entry.id;
      if (limited.contains(id)) ways.add_from(i);
      // Also of what publishes them again.
      if (!kept_.contains(id) && !shown.contains(id)) continue;
      ways.add_back(i);
      shown.insert(id);
    }
    for (const std::size_t i : ways.commits()) shown.insert(history.commits()[i].entry.id);
    return limited.empty() ? Result<void>{} : add_views(shown);
  }

  /// Adds, of each commit's feed, those before it up to one that names heads of annuaire.
  Result<void> add_views(std::set<std::int64_t>& shown) {
    const std::vector<std::int64_t> all{shown.begin(), shown.end()};
    for (std::int64_t id : all) {
      for (;;) {
        MAILLON_TRY(const Bytes raw, log_.header_of(id));
        MAILLON_TRY(const Header header, decode_header(raw));
        if (!header.annuaire_heads.empty() || !header.previous) break;
        MAILLON_TRY(const auto previous, log_.find(*header.previous));
        if (!previous || !shown.insert(previous->id).second) break;
        id = previous->id;
      }
    }
    return {};
  }

  Result<void> add(std::int64_t log_id, SignedCommit commit) {
    size_ += commit.header.size() + commit.signature.size() + commit.body.size();
    if (size_ > limits::kProofMax / 2 || found_.size() == limits::kProofCommitsMax)
      return too_large();
    MAILLON_TRY(const auto entry, log_.find(commit_id(commit.header)));
    if (!entry || entry->id != log_id)
      return Error{Errc::integrity, "log: a commit is stored damaged"};
    found_.emplace(std::pair{entry->hlc, entry->cid}, std::move(commit));
    return {};
  }

  std::vector<SignedCommit> sorted() {
    std::vector<SignedCommit> out;
    for (auto& [place, commit] : found_) out.push_back(std::move(commit));
    found_.clear();
    size_ = 0;
    return out;
  }

  Log& log_;
  Records& records_;
  const Trust& trust_;
  SpaceId space_;
  std::int64_t row_;
  std::map<std::int64_t, Leaves> kept_;
  std::map<std::pair<Hlc, CommitId>, SignedCommit> found_;
  std::size_t size_ = 0;
};

}  // namespace

Result<std::set<merge::OpRef>> ops_behind(merge::RecordState& state) {
  std::set<merge::OpRef> out;
  for (const merge::OpEntry& op : state.ops)
    if (!op.is_void) out.insert(op.ref);
  for (merge::FieldState& field : state.fields) {
    if (!merge::has_elements(field.tag)) continue;
    MAILLON_TRY(const merge::Document* const document, field.open());
    out.merge(document->authors());
  }
  return out;
}

Result<RecordProof> prove_record(Log& log, Records& records, Names& names, const Trust& trust,
                                 const SpaceId& space, std::string_view collection,
                                 const RecordId& id) {
  const auto nothing = [] {
    return Error{Errc::not_found, "nothing of the record is here", "rien de la fiche n’est ici"};
  };
  MAILLON_TRY(const auto row, log.find_space(space));
  if (!row) return nothing();
  MAILLON_TRY(const auto known, names.find_collection(*row, collection));
  if (!known) return nothing();
  MAILLON_TRY(const auto record, records.find(*known, id));
  if (!record) return nothing();
  Prover prover{log, records, trust, space, *row};
  MAILLON_CHECK(prover.choose(collection, id, record->state));
  RecordProof out;
  out.federation = *trust.federation();
  out.space = space;
  out.collection = collection;
  out.id = id;
  MAILLON_TRY(out.commits, prover.commits());
  MAILLON_TRY(out.annuaire, prover.annuaire());
  return out;
}

}  // namespace maillon::storage
