#include "tests/sim/foreign.hpp"

#include <algorithm>

namespace maillon::sim {

using namespace storage;

namespace {

struct Start {
  Header header;
  std::uint64_t ops = 0;
  std::uint64_t bytes = 0;
  Hlc reach;  ///< it builds on nothing later
};

/// A space's heads, those beyond `reach` replaced by what they depend on.
Result<std::vector<LogEntry>> heads_within(Log& log, std::int64_t space, Hlc reach) {
  MAILLON_TRY(auto work, log.heads(space));
  std::map<CommitId, LogEntry> seen;
  while (!work.empty()) {
    const LogEntry entry = work.back();
    work.pop_back();
    if (!seen.try_emplace(entry.cid, entry).second || entry.hlc <= reach) continue;
    MAILLON_TRY(const Bytes raw, log.header_of(entry.id));
    MAILLON_TRY(const Header header, decode_header(raw));
    std::vector<CommitId> past{header.deps};
    if (header.previous) past.push_back(*header.previous);
    for (const CommitId& id : past) {
      MAILLON_TRY(const auto before, log.find(id));
      if (before) work.push_back(*before);
    }
  }
  std::vector<LogEntry> out;
  for (const auto& [id, entry] : seen)
    if (entry.hlc <= reach) out.push_back(entry);
  return out;
}

Result<Start> start_from(Store& store, const SpaceId& space, const Author& author, UnixMillis now) {
  Log& log = store.log();
  Start out;
  Header& h = out.header;
  h.federation = *store.federation();
  h.space = space;
  h.member = author.member;
  h.node = author.node();
  h.incarnation = author.incarnation;
  h.seq = 1;
  Hlc highest;
  MAILLON_TRY(const FeedRow feed, log.feed_row(h.feed(), author.member));
  MAILLON_TRY(const auto previous, log.feed_tip(feed.id));
  if (previous) {
    MAILLON_TRY(const Bytes raw, log.header_of(previous->id));
    MAILLON_TRY(const Header before, decode_header(raw));
    out.ops = before.total_ops;
    out.bytes = before.total_bytes;
    h.seq = previous->seq + 1;
    h.previous = previous->cid;
    highest = previous->hlc;
  }
  out.reach = std::max(latest_hlc(now), highest);
  MAILLON_TRY(const auto heads, heads_within(log, feed.space, out.reach));
  for (const LogEntry& head : heads) {
    highest = std::max(highest, head.hlc);
    if (head.cid != h.previous) h.deps.push_back(head.cid);
  }
  if (space != store.trust()->annuaire()) {
    MAILLON_TRY(const std::int64_t annuaire, log.space_row(store.trust()->annuaire()));
    // A clock behind the admission itself is what is wrong, so all heads count.
    MAILLON_TRY(const auto known, log.heads(annuaire));
    for (const LogEntry& head : known) {
      highest = std::max(highest, head.hlc);
      h.annuaire_heads.push_back(head.cid);
    }
  }
  h.hlc = stamp(now, highest);
  return out;
}

/// The dots of everything live under this record and, with a name, this field.
Result<std::vector<DotRange>> live_dots(Store& store, const merge::RecordState& state, Hlc reach,
                                        std::string_view name, CommitDraft& draft) {
  std::vector<DotRange> out;
  const auto add = [&](const merge::OpRef& ref) -> Result<void> {
    MAILLON_TRY(const CommitId id, store.log().commit_id_of(ref.commit));
    out.push_back({draft.index_of(id), ref.leaf, 0, 0});
    return {};
  };
  if (name.empty())
    for (const auto& op : state.ops)
      if ((op.removes || op.bare) && op.hlc <= reach) MAILLON_CHECK(add(op.ref));
  const LogContext& names = store.records().context();
  for (const auto& field : state.fields)
    if (names.name(field.name) == name)
      for (const auto& head : field.heads)
        if (!head.through && state.ops[head.op].hlc <= reach)
          MAILLON_CHECK(add(state.ops[head.op].ref));
  // The power may go while it reads.
  MAILLON_CHECK(names.check());
  std::ranges::sort(out);
  const auto repeated = std::ranges::unique(out);
  out.erase(repeated.begin(), repeated.end());
  return out;
}

Result<void> draft_op(Store& store, std::int64_t space, Hlc reach, const ForeignOp& wanted,
                      CommitDraft& draft) {
  merge::RecordState state;
  std::optional<RecordRow> row;
  MAILLON_TRY(const auto collection, store.names().find_collection(space, wanted.collection));
  if (collection) {
    MAILLON_TRY(row, store.records().find(*collection, wanted.id));
  }
  if (row) {
    MAILLON_TRY(state, merge::decode_state(row->state));
  }
  OpTable table;
  const auto put = [&](Slice& slice, const std::vector<DotRange>& dots) {
    slice = {static_cast<std::uint32_t>(table.dots.size()),
             static_cast<std::uint32_t>(dots.size())};
    table.dots.insert(table.dots.end(), dots.begin(), dots.end());
  };
  Op op;
  op.kind = wanted.kind;
  op.collection = wanted.collection;
  op.id = wanted.id;
  MAILLON_TRY(const auto whole, live_dots(store, state, reach, {}, draft));
  put(op.replaced, whole);
  for (const ForeignField& field : wanted.fields) {
    OpField out;
    out.name = field.name;
    out.tag = field.tag;
    MAILLON_TRY(const auto dots, live_dots(store, state, reach, field.name, draft));
    put(out.replaced, dots);
    out.value = field.value;
    table.fields.push_back(out);
  }
  op.fields = {0, static_cast<std::uint32_t>(table.fields.size())};
  draft.add(table, op);
  return {};
}

Result<CommitPtr> signed_again(SignedCommit bytes, Bytes header, const crypto::SigningKey& key) {
  bytes.header = std::move(header);
  const crypto::Signature signature = key.sign(kCommitDomain, bytes.header);
  bytes.signature.assign(signature.bytes().begin(), signature.bytes().end());
  return verify_commit(std::move(bytes));
}

}  // namespace

Result<CommitPtr> forged_commit(Store& store, const SpaceId& space, std::span<const ForeignOp> ops,
                                const std::function<void(Header&)>& change, const Author& author,
                                UnixMillis now, Rng& rng) {
  MAILLON_TRY(const Start start, start_from(store, space, author, now));
  MAILLON_TRY(const std::int64_t row, store.log().space_row(space));
  CommitDraft draft;
  for (const ForeignOp& op : ops) MAILLON_CHECK(draft_op(store, row, start.reach, op, draft));
  MAILLON_TRY(const CommitPtr plain,
              draft.seal(start.header, start.ops, start.bytes, *author.key, rng));
  Header header = plain->header;
  change(header);
  return signed_again(plain->bytes, encode_header(header), *author.key);
}

Result<CommitPtr> foreign_commit(Store& store, const SpaceId& space, std::span<const ForeignOp> ops,
                                 ByteView extra_header, const Author& author, UnixMillis now,
                                 Rng& rng) {
  MAILLON_TRY(const Start start, start_from(store, space, author, now));
  MAILLON_TRY(const std::int64_t row, store.log().space_row(space));
  CommitDraft draft;
  for (const ForeignOp& op : ops) MAILLON_CHECK(draft_op(store, row, start.reach, op, draft));
  MAILLON_TRY(const CommitPtr plain,
              draft.seal(start.header, start.ops, start.bytes, *author.key, rng));
  Bytes header = plain->bytes.header;
  header.insert(header.end(), extra_header.begin(), extra_header.end());
  MAILLON_TRY(CommitPtr commit, signed_again(plain->bytes, std::move(header), *author.key));
  MAILLON_TRY(const Received got, store.receive(commit, now));
  // Its feed may have forked, by a copy of its folder.
  if (got.outcome == Received::Outcome::aside) return Error{Errc::not_allowed, got.reason};
  // Under a wrong clock it may have to wait like anybody's.
  if (got.outcome != Received::Outcome::applied && got.outcome != Received::Outcome::held)
    return Error{Errc::integrity, "a commit of its own is not taken: " + got.reason};
  return commit;
}

}  // namespace maillon::sim
