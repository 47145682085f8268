#include "node/replica/standing.hpp"

#include <algorithm>

namespace maillon::replica {
namespace {

using State = Standing::State;

Standing::Cause cause_of(const storage::Commit& commit) {
  return {commit.id, commit.header.member, commit.header.hlc.time()};
}

Standing::Cause cause_of(const HistoryEntry& entry) {
  return {entry.commit, entry.author, entry.time};
}

/// What somebody asks about.
struct Wanted {
  std::string_view collection;
  std::string_view text;   ///< an id, or the one of a source
  std::string_view field;  ///< none: any
};

/// The record that a commit speaks of, if it is the one asked for.
std::optional<RecordId> spoken_of(const storage::Commit& commit, const Wanted& wanted) {
  const auto id = RecordId::from_hex(wanted.text);
  for (const Op& op : commit.body.ops.ops) {
    if (op.collection != wanted.collection || !storage::touches_records(op)) continue;
    const auto fields = commit.body.ops.fields_of(op);
    if (!wanted.field.empty() &&
        std::ranges::find(fields, wanted.field, &OpField::name) == fields.end())
      continue;
    if ((id && op.id == *id) || (!op.external_id.empty() && op.external_id == wanted.text))
      return op.id;
  }
  return std::nullopt;
}

Result<bool> look_among_held(Reader& reader, std::int64_t space, const Wanted& wanted, Standing& out) {
  std::vector<storage::LogEntry> held;
  MAILLON_CHECK(reader.log().scan(space, 0, [&](const storage::LogEntry& entry) -> Result<bool> {
    if (entry.status == storage::CommitStatus::held) held.push_back(entry);
    return true;
  }));
  for (const storage::LogEntry& entry : held) {
    MAILLON_TRY(SignedCommit bytes, reader.log().bytes_of(entry.id));
    MAILLON_TRY(const auto commit, storage::load_commit(std::move(bytes)));
    const auto record = spoken_of(*commit, wanted);
    if (!record) continue;
    out.state = entry.is_void ? State::voided : State::held;
    out.id = record;
    out.cause = cause_of(*commit);
    return true;
  }
  return false;
}

Result<bool> look_among_pending(Reader& reader, const SpaceId& space, const Wanted& wanted,
                                Standing& out) {
  MAILLON_TRY(auto get, reader.database().prepare("SELECT header, signature, body FROM pending"
                                                  " WHERE space = ?1 ORDER BY id"));
  get.bind(1, space.bytes());
  for (;;) {
    MAILLON_TRY(const bool more, get.step());
    if (!more) return false;
    const auto copy = [&](int column) {
      const ByteView v = get.blob(column);
      return Bytes{v.begin(), v.end()};
    };
    MAILLON_TRY(const auto commit, storage::load_commit({copy(0), copy(1), copy(2)}));
    const auto record = spoken_of(*commit, wanted);
    if (!record) continue;
    out.state = State::pending;
    out.id = record;
    out.cause = cause_of(*commit);
    return true;
  }
}

/// Whether a delete took away what putting it again would bring back.
bool still_says(const HistoryEntry& entry) {
  return !entry.removes && !entry.is_void && !entry.erased && !entry.forgotten && entry.readable &&
         !entry.value.is_null();
}

Result<void> look_at_record(Reader& reader, const SpaceId& space, std::string_view collection,
                            const RecordId& id, Standing& out) {
  out.id = id;
  MAILLON_TRY(const auto record, reader.get(space, collection, id));
  MAILLON_TRY(const auto history, reader.history(space, collection, id));
  const bool all_void = !history.empty() && std::ranges::all_of(history, &HistoryEntry::is_void);
  const auto newest = std::ranges::find_if(history, [&](const HistoryEntry& entry) {
    return record && record->deleted ? entry.removes && !entry.is_void : all_void || !entry.is_void;
  });
  if (newest != history.end()) out.cause = cause_of(*newest);
  if (!all_void) {
    MAILLON_TRY(out.without_effect, without_effect(reader, {history.begin(), newest}));
  }
  if (record && record->visible)
    out.state = record->in_conflict ? State::conflicting : State::here;
  else if (all_void)
    out.state = State::voided;
  else if (record && record->deleted && std::ranges::any_of(history, still_says))
    out.state = State::deleted;
  else if (std::ranges::any_of(history, &HistoryEntry::erased)) {
    MAILLON_TRY(out.hidden_by, hidden_by(reader, space, collection, id));
    out.state = out.hidden_by ? State::hidden : State::erased;
  } else
    // Every field cleared looks the same to a reader as a delete.
    out.state = history.empty() ? State::absent : State::deleted;
  return {};
}

}  // namespace

Result<std::size_t> late_commits(storage::Log& log, const storage::Trust& trust,
                                 const Identity& self, UnixMillis now,
                                 const std::optional<SpaceId>& in) {
  MAILLON_TRY(const auto spaces, log.spaces_of(self.member));
  const auto concerns = [&](const SpaceId& space) {
    return (!in || *in == space) && !trust.checkpoints(space).empty() &&
           trust.may_write(self.member, space);
  };
  if (std::ranges::none_of(spaces, [&](const auto& one) { return concerns(one.second); }))
    return std::size_t{0};
  MAILLON_TRY(const auto stranded, log.stranded(self.member, storage::latest_hlc(now)));
  std::size_t out = 0;
  for (const storage::LogEntry& entry : stranded) {
    if (!entry.is_void || entry.status != storage::CommitStatus::applied) continue;
    MAILLON_TRY(const auto feed, log.feed_by_id(entry.feed));
    const bool others = feed.key.node != self.node && trust.member_of(feed.key.node) != nullptr;
    if (others || !concerns(feed.key.space)) continue;
    MAILLON_TRY(const auto again, log.reissues_of(entry.cid));
    if (again.empty()) ++out;
  }
  return out;
}

Result<std::int64_t> unsent_commits(Reader& reader, const storage::Trust& trust,
                                    const MemberId& self, const std::optional<SpaceId>& in) {
  MAILLON_TRY(auto count, reader.database().prepare(
                              "SELECT count(*) FROM feed f JOIN space s ON s.id = f.space"
                              " JOIN log l ON l.feed = f.id"
                              " WHERE f.member = ?1 AND s.sid != ?2 AND l.void = 0"
                              " AND (?3 IS NULL OR s.sid = ?3)"
                              " AND l.id > coalesce((SELECT max(a.log) FROM agreed a"
                              " WHERE a.space = f.space), 0)"));
  count.bind(1, self.bytes()).bind(2, trust.annuaire().bytes());
  if (in) count.bind(3, in->bytes());
  MAILLON_TRY(const bool found, count.step());
  return found ? count.integer(0) : std::int64_t{0};
}

Result<Standing> standing_of(Reader& reader, const SpaceId& space, std::string_view collection,
                             std::string_view text) {
  Standing out;
  MAILLON_TRY(out.waiting, reader.log().pending_count(space));
  MAILLON_TRY(const auto id, reader.identify(space, collection, text));
  if (id) {
    MAILLON_CHECK(look_at_record(reader, space, collection, *id, out));
    if (out.state != State::absent) return out;
  }
  MAILLON_TRY(Standing waiting, waiting_for(reader, space, collection, text));
  waiting.waiting = out.waiting;
  if (!waiting.id) waiting.id = out.id;
  return waiting;
}

Result<Standing> waiting_for(Reader& reader, const SpaceId& space, std::string_view collection,
                             std::string_view text, std::string_view field) {
  Standing out;
  const Wanted wanted{collection, text, field};
  MAILLON_TRY(const auto row, reader.log().find_space(space));
  if (row) {
    MAILLON_TRY(const bool held, look_among_held(reader, *row, wanted, out));
    if (held) return out;
  }
  MAILLON_TRY(const bool pending, look_among_pending(reader, space, wanted, out));
  (void)pending;
  return out;
}

Result<std::optional<CommitId>> hidden_by(Reader& reader, const SpaceId& space,
                                          std::string_view collection, const RecordId& id,
                                          std::string_view field) {
  const std::optional<CommitId> none;
  MAILLON_TRY(const auto row, reader.log().find_space(space));
  if (!row) return none;
  MAILLON_TRY(const auto known, reader.names().find_collection(*row, collection));
  if (!known) return none;
  auto& erasures = reader.records().erasures();
  MAILLON_TRY(const auto asked, erasures.of_record(*known, id));
  for (const storage::Erasure& erasure : asked) {
    MAILLON_TRY(const bool hides, erasures.hides_something(erasure));
    if (!hides) continue;
    MAILLON_TRY(const auto by, reader.records().commits().get(erasure.by.commit));
    const OpTable& table = by->body.ops;
    const Op& asking = table.ops[erasure.by.leaf - 1];
    const auto is_meant = [&](const OpField& one) {
      return one.name == field && one.replaced.count > 0;
    };
    if (field.empty() || storage::erases_whole(table, asking) ||
        std::ranges::any_of(table.fields_of(asking), is_meant))
      return std::optional{by->id};
  }
  return none;
}

Result<std::optional<Standing::Cause>> without_effect(Reader& reader,
                                                      std::span<const HistoryEntry> entries) {
  for (const HistoryEntry& entry : entries) {
    if (!entry.is_void) continue;
    MAILLON_TRY(const auto again, reader.log().reissues_of(entry.commit));
    if (again.empty()) return std::optional{cause_of(entry)};
  }
  return std::optional<Standing::Cause>{};
}

}  // namespace maillon::replica
