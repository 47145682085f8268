#include <algorithm>

#include "proto/fault.hpp"
#include "storage/store/erase.hpp"

/// Carrying erasures out: which of them count, and destroying what they mean (docs/merge.md,
/// "Erasure").
namespace maillon::storage {
namespace {

constexpr std::string_view kScrubKey = "scrub";

/// Both only grow: whoever finishes late cannot take for finished what was destroyed meanwhile.
struct Scrub {
  std::uint64_t destroyed = 0;
  std::uint64_t finished = 0;  ///< up to here nothing is left in the search index or the WAL
};

Result<Scrub> scrub_state(Database& db) {
  MAILLON_TRY(auto get, db.prepare("SELECT value FROM meta WHERE key = 'scrub'"));
  MAILLON_TRY(const bool found, get.step());
  if (!found) return Scrub{};
  ByteReader in{get.blob(0)};
  const std::uint64_t destroyed = in.le64();
  return Scrub{destroyed, in.le64()};
}

Bytes encoded(const Scrub& state) {
  Bytes out;
  ByteWriter w{out};
  w.le64(state.destroyed);
  w.le64(state.finished);
  return out;
}

bool asks_to_erase(const Commit& commit) {
  return std::ranges::any_of(commit.body.ops.ops, [&](const Op& op) {
    return erased_by(commit.body.ops, op).has_value();
  });
}

}  // namespace

/// What an erasing op, or a commit that publishes erased ops again, leads to.
struct Store::Erasing {
  std::map<std::int64_t, std::set<std::uint32_t>> destroyed;  ///< leaves by commit
  std::vector<Erasure> destroying;
  /// That look different now, with an op that was meant.
  std::map<std::pair<std::int64_t, RecordId>, merge::OpRef> records;
};

Result<ErasureEffect> Store::effect_of(const Commit& asking, const LogEntry& entry,
                                       const Commit& target, const Op& aimed,
                                       const MemberId& whose) {
  if (asking.header.member == whose) return ErasureEffect::destroys;
  const auto found = trust_->erasure_words().find(asking.id);
  if (found != trust_->erasure_words().end()) {
    const ErasureWords& words = found->second;
    if (words.delegates_erase || words.erase.contains(whose)) return ErasureEffect::destroys;
    if (words.delegates_lift || words.lift.contains(whose)) return ErasureEffect::none;
  }
  if (entry.is_void || entry.status != CommitStatus::applied) return ErasureEffect::none;
  if (aimed.id_form == IdForm::owned &&
      !trust_->may_change_of(target.body.table.members[aimed.owner], asking.header.member))
    return ErasureEffect::none;
  return ErasureEffect::hides;
}

Result<std::vector<std::int64_t>> Store::with_reissues(std::int64_t log_id) {
  std::vector<std::int64_t> out{log_id};
  for (std::size_t i = 0; i < out.size(); ++i) {
    MAILLON_TRY(const CommitId id, log_.commit_id_of(out[i]));
    MAILLON_TRY(const auto entry, log_.find(id));
    std::vector<std::int64_t> others;
    MAILLON_TRY(const auto later, log_.reissues_of(id));
    for (const std::int64_t fresh : later) {
      MAILLON_TRY(const Bytes raw, log_.header_of(fresh));
      MAILLON_TRY(const Header header, decode_header(raw));
      MAILLON_TRY(const bool true_one, log_.replaces(header, *entry));
      if (true_one) others.push_back(fresh);
    }
    MAILLON_TRY(const Bytes raw, log_.header_of(out[i]));
    MAILLON_TRY(const Header header, decode_header(raw));
    if (header.reissues) {
      MAILLON_TRY(const auto old, log_.find(*header.reissues));
      if (old) {
        MAILLON_TRY(const bool true_one, log_.replaces(header, *old));
        if (true_one) others.push_back(old->id);
      }
    }
    for (const std::int64_t other : others)
      if (std::ranges::find(out, other) == out.end()) out.push_back(other);
  }
  return out;
}

Result<void> Store::note_erasure(const merge::OpRef& target, const merge::OpRef& by,
                                 Erasing& erasing) {
  MAILLON_TRY(const CommitPtr asking, records_.commits().get(by.commit));
  MAILLON_TRY(const CommitPtr aimed, records_.commits().get(target.commit));
  const Op& ask = asking->body.ops.ops[by.leaf - 1];
  if (target.leaf == 0 || target.leaf > aimed->body.ops.ops.size()) return {};
  const Op& op = aimed->body.ops.ops[target.leaf - 1];
  const bool of_it = op.state != LeafState::gone && !is_governance(op.kind) &&
                     op.collection == ask.collection && op.id == ask.id;
  if (!of_it) return {};
  MAILLON_TRY(const auto entry, log_.find(asking->id));
  // What an erasure said would remain is a copy of what the author of its target wrote.
  MAILLON_TRY(const auto whose, records_.erasures().meant_member(target));
  if (!whose) return {};
  MAILLON_TRY(const auto effect, effect_of(*asking, *entry, *aimed, op, *whose));
  MAILLON_TRY(const std::int64_t space, log_.space_row(asking->header.space));
  MAILLON_TRY(const std::int64_t collection, names_.collection(space, op.collection));
  MAILLON_TRY(const bool changed,
              records_.erasures().put({target, by, effect}, collection, op.id));
  if (!changed) return {};
  erasing.records.try_emplace({collection, op.id}, target);
  if (effect == ErasureEffect::destroys) {
    erasing.destroyed[target.commit].insert(target.leaf);
    erasing.destroying.push_back({target, by, effect});
  }
  return {};
}

Result<void> Store::take_erasures(const Commit& commit, std::int64_t log_id) {
  const bool asks = asks_to_erase(commit);
  // An original may come after what publishes it again, and after what was asked of that.
  MAILLON_TRY(const auto again, log_.reissues_of(commit.id));
  const bool one_of_several = commit.header.reissues.has_value() || !again.empty();
  if (!asks && !one_of_several) return {};
  Erasing erasing;
  if (asks) {
    MAILLON_TRY(const auto table, records_.resolve_table(commit, log_id));
    std::vector<std::pair<merge::OpRef, std::uint32_t>> wishes;
    std::uint32_t leaf = 0;
    for (const Op& op : commit.body.ops.ops) {
      ++leaf;
      const auto dot = erased_by(commit.body.ops, op);
      if (!dot || table[dot->index] == 0) continue;
      // Whoever publishes an op again does so with all that it said.
      MAILLON_TRY(const auto all, with_reissues(table[dot->index]));
      for (const std::int64_t target : all) wishes.push_back({{target, dot->leaf}, leaf});
    }
    // One large commit after the other: records of several versions need them all by turns.
    std::ranges::sort(wishes);
    for (const auto& [target, by] : wishes)
      MAILLON_CHECK(note_erasure(target, {log_id, by}, erasing));
  }
  if (one_of_several) MAILLON_CHECK(note_shared_erasures(log_id, erasing));
  return carry_out(erasing);
}

Result<void> Store::note_shared_erasures(std::int64_t log_id, Erasing& erasing) {
  MAILLON_TRY(const auto all, with_reissues(log_id));
  for (const std::int64_t other : all) {
    MAILLON_TRY(const auto known, records_.erasures().of_commit(other));
    for (const Erasure& erasure : known)
      for (const std::int64_t target : all)
        MAILLON_CHECK(note_erasure({target, erasure.target.leaf}, erasure.by, erasing));
  }
  return {};
}

Result<void> Store::share_erasures(std::int64_t log_id) {
  Erasing erasing;
  MAILLON_CHECK(note_shared_erasures(log_id, erasing));
  return carry_out(erasing);
}

Result<void> Store::settle_erasures(std::int64_t log_id) {
  MAILLON_TRY(const auto asked, records_.erasures().asked_by(log_id));
  Erasing erasing;
  for (const Erasure& erasure : asked)
    if (erasure.effect != ErasureEffect::destroys)
      MAILLON_CHECK(note_erasure(erasure.target, erasure.by, erasing));
  return carry_out(erasing);
}

Result<void> Store::settle_all_erasures(const Trust& before) {
  if (trust_->erasure_words() == before.erasure_words() && trust_->heirs() == before.heirs())
    return {};
  MAILLON_TRY(const auto open, records_.erasures().open());
  for (const std::int64_t log_id : open) MAILLON_CHECK(settle_erasures(log_id));
  return {};
}

Result<Store::ErasedNames> Store::erased_of(std::int64_t collection, const RecordId& rid) {
  ErasedNames out;
  MAILLON_TRY(const auto known, records_.erasures().of_record(collection, rid));
  for (const Erasure& erasure : known) {
    if (erasure.effect == ErasureEffect::none) continue;
    MAILLON_TRY(const CommitPtr target, records_.commits().get(erasure.target.commit));
    if (!touches_records(target->body.ops.ops[erasure.target.leaf - 1])) continue;
    MAILLON_TRY(const CommitPtr by, records_.commits().get(erasure.by.commit));
    const OpTable& table = by->body.ops;
    const Op& asking = table.ops[erasure.by.leaf - 1];
    out.whole = out.whole || erases_whole(table, asking);
    for (const OpField& field : table.fields_of(asking))
      for (const DotRange& dot : table.dots_in(field.replaced))
        if (dot.count == 0) out.fields.emplace(field.name);
  }
  return out;
}

Result<void> Store::carry_out(const Erasing& erasing) {
  MAILLON_CHECK(note_copies(erasing.destroying));
  if (!MAILLON_FAULT("erasure_only_hides"))
    for (const auto& [log_id, leaves] : erasing.destroyed) MAILLON_CHECK(destroy(log_id, leaves));
  // As they stand in the log: records whose ops lie side by side need the same commits.
  std::vector<std::pair<merge::OpRef, std::pair<std::int64_t, RecordId>>> ordered;
  for (const auto& [record, target] : erasing.records) ordered.emplace_back(target, record);
  std::ranges::sort(ordered);
  for (const auto& [target, record] : ordered)
    MAILLON_CHECK(records_.refold_record(record.first, record.second));
  return {};
}

Result<bool> Store::make_bare(std::int64_t log_id, const std::set<std::uint32_t>& leaves) {
  MAILLON_TRY(const SignedCommit bytes, log_.bytes_of(log_id));
  MAILLON_TRY(const CommitPtr commit, load_commit(bytes));
  std::vector<LeafCut> cuts;
  for (const std::uint32_t leaf : leaves)
    if (commit->body.ops.ops[leaf - 1].state == LeafState::full)
      cuts.push_back({leaf, LeafState::bare});
  if (cuts.empty()) return false;
  MAILLON_TRY(const Bytes packed, cut_body(bytes.body, commit->header.leaves, cuts));
  MAILLON_CHECK(log_.replace_body(log_id, packed));
  records_.commits().forget(log_id);
  return true;
}

Result<void> Store::destroy(std::int64_t log_id, const std::set<std::uint32_t>& leaves) {
  MAILLON_TRY(const bool any, make_bare(log_id, leaves));
  if (!any) return {};
  MAILLON_TRY(Scrub state, scrub_state(db_));
  ++state.destroyed;
  return set_meta(kScrubKey, encoded(state));
}

Result<std::uint64_t> scrub_due(Database& db) {
  MAILLON_TRY(const Scrub state, scrub_state(db));
  return state.finished < state.destroyed ? state.destroyed : std::uint64_t{0};
}

Result<std::uint64_t> Store::scrub_due() { return storage::scrub_due(db_); }

Result<void> Store::scrubbed(std::uint64_t what) {
  MAILLON_TRY(Scrub state, scrub_state(db_));
  state.finished = std::max(state.finished, what);
  return set_meta(kScrubKey, encoded(state));
}

Result<std::vector<ErasureReceipt::Done>> unconfirmed(Log& log, Erasures& erasures,
                                                      const Trust& trust, const NodeId& self) {
  std::vector<ErasureReceipt::Done> out;
  MAILLON_TRY(const auto destroyed, erasures.destroyed());
  for (const auto& [log_id, leaves] : destroyed) {
    MAILLON_TRY(const CommitId commit, log.commit_id_of(log_id));
    const auto known = trust.receipts().find(commit);
    const bool told = known != trust.receipts().end() && known->second.contains(self) &&
                      known->second.at(self) >= leaves;
    if (!told) out.push_back({commit, leaves});
  }
  std::ranges::sort(out, {}, &ErasureReceipt::Done::commit);
  if (out.size() > limits::kReceiptsMax) out.resize(limits::kReceiptsMax);
  return out;
}

Result<std::vector<ErasureReceipt::Done>> Store::unconfirmed(const NodeId& self) {
  return storage::unconfirmed(log_, records_.erasures(), *trust_, self);
}

bool Store::may_erase_in(const SpaceId& space, const MemberId& member) const {
  return trust_->may_write(member, space) && !unwanted_.contains(space);
}

Result<std::map<SpaceId, std::vector<ErasureWish>>> Store::take_erased_again(
    const MemberId& member) {
  std::map<SpaceId, std::vector<ErasureWish>> out;
  MAILLON_TRY(auto get, db_.prepare("SELECT s.sid, c.id, c.name, e.rid FROM erased_again e"
                                    " JOIN collection c ON c.id = e.collection"
                                    " JOIN space s ON s.id = c.space"));
  std::vector<std::pair<std::int64_t, RecordId>> taken;
  for (;;) {
    MAILLON_TRY(const bool more, get.step());
    if (!more) break;
    MAILLON_TRY(const SpaceId space, SpaceId::from_bytes(get.blob(0)));
    if (!may_erase_in(space, member)) continue;
    MAILLON_TRY(const RecordId id, RecordId::from_bytes(get.blob(3)));
    ErasureWish wish{std::string{get.text(2)}, id};
    wish.only_complete = true;
    out[space].push_back(std::move(wish));
    taken.emplace_back(get.integer(1), id);
  }
  MAILLON_TRY(auto drop,
              db_.prepare("DELETE FROM erased_again WHERE collection = ?1 AND rid = ?2"));
  for (const auto& [collection, id] : taken)
    MAILLON_CHECK(drop.bind(1, collection).bind(2, id.bytes()).run());
  return out;
}

Result<std::vector<CommitPtr>> Store::complete_erasures(const Author& author, UnixMillis now,
                                                        Rng& rng) {
  std::vector<CommitPtr> out;
  const auto ask = [&](const SpaceId& space, std::span<const ErasureWish> wishes) -> Result<void> {
    MAILLON_TRY(auto done, erase(space, wishes, author, now, rng));
    std::ranges::move(done.commits, std::back_inserter(out));
    return {};
  };
  MAILLON_TRY(const auto again, take_erased_again(author.member));
  for (const auto& [space, wishes] : again) MAILLON_CHECK(ask(space, wishes));
  MAILLON_TRY(auto copies, take_copies(author.member));
  std::map<merge::OpRef, std::vector<ErasedCopy>> of_ops;
  for (ErasedCopy& copy : copies) of_ops[copy.op].push_back(std::move(copy));
  for (auto& [ref, of_op] : of_ops) {
    MAILLON_TRY(const CommitPtr commit, records_.commits().get(ref.commit));
    const Op& op = commit->body.ops.ops[ref.leaf - 1];
    ErasureWish wish{std::string{op.collection}, op.id};
    wish.copies = std::move(of_op);
    MAILLON_CHECK(ask(commit->header.space, std::span{&wish, 1}));
  }
  return out;
}

Result<std::vector<CommitPtr>> Store::confirm_erasures(const Author& author, UnixMillis now,
                                                       Rng& rng) {
  MAILLON_TRY(auto done, unconfirmed(author.node()));
  if (done.empty()) return std::vector<CommitPtr>{};
  // What goes with that is for the next time.
  MAILLON_TRY(auto out, complete_erasures(author, now, rng));
  const std::vector<GovernanceOp> ops{
      {OpKind::erasure_receipt, encode(ErasureReceipt{std::move(done)})}};
  MAILLON_TRY(auto commit, write_governance(ops, author, now, rng));
  out.push_back(std::move(commit));
  return out;
}

}  // namespace maillon::storage
