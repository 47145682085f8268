#include <algorithm>

#include "storage/merge/document.hpp"
#include "storage/merge/utf8.hpp"
#include "storage/store/erase.hpp"

/// Copies of what is being destroyed: whoever imported, moved or kept a value before it heard of the
/// erasure has written it again (docs/merge.md, "Erasure").
namespace maillon::storage {
namespace {

using merge::OffsetRange;

/// Shorter pieces of texts stand anywhere.
constexpr std::size_t kPieceMin = 3;
/// Further back nobody looks for what an erasure knew.
constexpr std::size_t kLookBackMax = 10'000;

/// What an erasure takes of one field of its target; `said` tells what it was.
struct Mask {
  const OpField* field = nullptr;
  bool whole = false;
  std::vector<OffsetRange> elements;
  std::vector<ByteView> said;  ///< by the target, or by what was said to remain of it
};

std::vector<Mask> masks_of(const OpTable& target, const Op& op, const OpTable& table, const Op& asking) {
  std::vector<Mask> out;
  // What would have remained is gone as well where the erasing op has no payload any more.
  const bool all = erases_whole(table, asking) || asking.state != LeafState::full;
  for (const OpField& field : target.fields_of(op)) {
    Mask mask{&field, all, {}, {}};
    for (const OpField& said : table.fields_of(asking)) {
      if (said.name != field.name || said.tag != field.tag) continue;
      for (const DotRange& dot : table.dots_in(said.replaced)) {
        mask.whole = mask.whole || dot.count == 0;
        if (dot.count != 0) mask.elements.push_back({dot.offset, dot.count});
      }
    }
    if (mask.whole || !mask.elements.empty()) out.push_back(std::move(mask));
  }
  return out;
}

bool covers(const Mask& mask, std::size_t element) {
  return mask.whole || std::ranges::any_of(mask.elements, [&](const OffsetRange& range) {
           return element >= range.offset && element - range.offset < range.count;
         });
}

/// Whoever moves a sentence moves the spaces around it otherwise.
std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kSpaces = " \t\r\n";
  const std::size_t first = text.find_first_not_of(kSpaces);
  if (first == text.npos) return {};
  return text.substr(first, text.find_last_not_of(kSpaces) - first + 1);
}

/// Where a text says again what was erased of another.
std::vector<OffsetRange> copied_text(const Mask& mask, std::string_view erased, std::string_view text) {
  if (!is_utf8(erased) || !is_utf8(text)) return {};
  if (mask.whole) {
    const std::string_view piece = trimmed(text);
    const std::string_view all = trimmed(erased);
    const bool same = (merge::count_scalars(piece) >= kPieceMin && all.find(piece) != all.npos) ||
                      (merge::count_scalars(all) >= kPieceMin && piece.find(all) != piece.npos);
    return same ? std::vector<OffsetRange>{{0, 0}} : std::vector<OffsetRange>{};
  }
  std::u32string scalars;
  merge::append_scalars(erased, scalars);
  std::vector<OffsetRange> joined = mask.elements;
  normalise(joined);
  std::vector<OffsetRange> out;
  for (const OffsetRange& range : joined) {
    if (range.offset > scalars.size() || scalars.size() - range.offset < range.count) continue;
    std::string words;
    merge::append_utf8(scalars.substr(range.offset, range.count), words);
    std::ranges::copy(places_of(text, words), std::back_inserter(out));
  }
  return out;
}

std::vector<OffsetRange> copied_elements(const Mask& mask, ByteView erased, ByteView value) {
  const auto gone = merge::decode_elements(erased);
  const auto all = merge::decode_elements(value);
  std::vector<OffsetRange> out;
  if (!gone || !all) return out;
  for (std::uint32_t i = 0; i < all->size(); ++i)
    for (std::size_t k = 0; k < gone->size(); ++k)
      if (covers(mask, k) && !(*gone)[k].empty() && std::ranges::equal((*gone)[k], (*all)[i])) {
        out.push_back({i, 1});
        break;
      }
  return out;
}

/// Where a field of the same name and type says again what is erased; a count of 0 is all of it.
std::vector<OffsetRange> copied(const Mask& mask, ByteView said, const OpField& field, bool same_feed) {
  const auto tag = static_cast<FieldTag>(field.tag);
  const std::vector<OffsetRange> whole{{0, 0}};
  if (said.empty() || field.value.empty()) return {};
  if (tag == FieldTag::text) return copied_text(mask, as_text(said), as_text(field.value));
  if (merge::has_elements(field.tag)) return copied_elements(mask, said, field.value);
  if (!mask.whole) return {};
  // A running total goes on from the one before.
  if (tag == FieldTag::counter && same_feed) return whole;
  const auto value = Value::decode(field.value);
  const bool says = value && !value->is_null();
  return says && std::ranges::equal(said, field.value) ? whole : std::vector<OffsetRange>{};
}

void add_said(const OpTable& table, const Op& op, std::vector<Mask>& masks) {
  if (op.state != LeafState::full || !op.payload_ok) return;
  for (const OpField& field : table.fields_of(op))
    for (Mask& mask : masks)
      if (mask.field->name == field.name && mask.field->tag == field.tag) mask.said.push_back(field.value);
}

}  // namespace

std::vector<OffsetRange> places_of(std::string_view text, std::string_view words) {
  std::vector<OffsetRange> out;
  const auto length = static_cast<std::uint32_t>(merge::count_scalars(words));
  std::size_t counted = 0;
  std::uint32_t scalars = 0;
  for (std::size_t at = words.empty() ? std::string_view::npos : text.find(words);
       at != std::string_view::npos; at = text.find(words, at + words.size())) {
    scalars += static_cast<std::uint32_t>(merge::count_scalars(text.substr(counted, at - counted)));
    counted = at;
    out.push_back({scalars, length});
  }
  return out;
}

Result<bool> Store::knew(const LogEntry& later, const LogEntry& earlier) {
  std::vector<CommitId> work;
  std::set<CommitId> seen;
  const auto follow = [&](std::int64_t log_id) -> Result<void> {
    MAILLON_TRY(const Bytes raw, log_.header_of(log_id));
    MAILLON_TRY(const Header header, decode_header(raw));
    if (header.previous) work.push_back(*header.previous);
    work.insert(work.end(), header.deps.begin(), header.deps.end());
    return {};
  };
  MAILLON_CHECK(follow(later.id));
  while (!work.empty() && seen.size() < kLookBackMax) {
    const CommitId id = work.back();
    work.pop_back();
    if (id == earlier.cid) return true;
    if (!seen.insert(id).second) continue;
    MAILLON_TRY(const auto entry, log_.find(id));
    // A clock is after all that its commit depends on.
    if (entry && entry->hlc > earlier.hlc) MAILLON_CHECK(follow(entry->id));
  }
  return !work.empty();
}

Result<void> Store::note_copies(std::span<const Erasure> erasures) {
  std::map<std::int64_t, bool> heard;  // whether everybody who wrote had, by the asking commit
  KnownBy known;
  for (const Erasure& erasure : erasures) {
    const auto [at, fresh] = heard.try_emplace(erasure.by.commit);
    if (fresh) {
      MAILLON_TRY(const CommitPtr by, records_.commits().get(erasure.by.commit));
      MAILLON_TRY(const std::int64_t space, log_.space_row(by->header.space));
      MAILLON_TRY(const auto heads, log_.heads(space));
      at->second = heads.size() == 1 && heads.front().id == erasure.by.commit;
    }
    if (!at->second) MAILLON_CHECK(note_copies_of(erasure, known));
  }
  return {};
}

Result<void> Store::note_copies_of(const Erasure& erasure, KnownBy& known) {
  MAILLON_TRY(const CommitPtr target, records_.commits().get(erasure.target.commit));
  MAILLON_TRY(const CommitPtr by, records_.commits().get(erasure.by.commit));
  MAILLON_TRY(const auto asking, log_.find(by->id));
  if (!asking) return {};
  MAILLON_TRY(const std::int64_t space, log_.space_row(by->header.space));
  const Op& op = target->body.ops.ops[erasure.target.leaf - 1];
  const OpTable& table = by->body.ops;
  const Op& ask = table.ops[erasure.by.leaf - 1];
  MAILLON_TRY(const auto collection, names_.find_collection(space, op.collection));
  if (!collection || !touches_records(op)) return {};
  MAILLON_TRY(const auto row, records_.find(*collection, op.id));
  if (!row) return {};
  auto masks = masks_of(target->body.ops, op, table, ask);
  add_said(target->body.ops, op, masks);
  // What was erased of it before said what remained.
  std::vector<CommitPtr> keep;
  MAILLON_TRY(const auto others, records_.erasures().of(erasure.target));
  for (const Erasure& other : others) {
    MAILLON_TRY(keep.emplace_back(), records_.commits().get(other.by.commit));
    add_said(keep.back()->body.ops, keep.back()->body.ops.ops[other.by.leaf - 1], masks);
  }
  MAILLON_TRY(auto put, db_.prepare("INSERT INTO erasure_copy VALUES(?1,?2,?3,?4,?5,?6,?7)"
                                    " ON CONFLICT DO NOTHING"));
  MAILLON_TRY(const auto steps, records_.history(op.collection, op.id, row->state));
  for (const HistoryOp& step : steps) {
    // What came before it here cannot have known of it.
    if (step.ref.commit >= erasure.by.commit || step.ref == erasure.target ||
        step.op->state != LeafState::full || !step.op->payload_ok)
      continue;
    const bool imported = !step.op->external_id.empty();
    const bool same_feed = step.commit->header.feed() == target->header.feed();
    std::vector<std::pair<std::string_view, OffsetRange>> found;
    for (const OpField& field : step.commit->body.ops.fields_of(*step.op)) {
      // Whoever has heard of it takes no such record from a source, and no such field.
      if (imported && erases_whole(table, ask)) found.emplace_back(field.name, OffsetRange{0, 0});
      for (const Mask& mask : masks) {
        if (mask.field->name != field.name) continue;
        if (imported && mask.whole)
          found.emplace_back(field.name, OffsetRange{0, 0});
        else if (mask.field->tag == field.tag)
          for (const ByteView said : mask.said)
            for (const OffsetRange& range : copied(mask, said, field, same_feed))
              found.emplace_back(field.name, range);
      }
    }
    if (found.empty()) continue;
    MAILLON_TRY(const auto entry, log_.find(step.commit->id));
    if (!entry) continue;
    // What whoever erases knew of, it has decided on.
    const auto [at, fresh] = known.try_emplace({erasure.by.commit, step.ref.commit});
    if (fresh) {
      MAILLON_TRY(at->second, knew(*asking, *entry));
    }
    if (at->second) continue;
    for (const auto& [name, range] : found)
      MAILLON_CHECK(put.bind(1, step.ref.commit)
                        .bind(2, std::int64_t{step.ref.leaf})
                        .bind(3, name)
                        .bind(4, std::int64_t{range.offset})
                        .bind(5, std::int64_t{range.count})
                        .bind(6, erasure.target.commit)
                        .bind(7, std::int64_t{erasure.target.leaf})
                        .run());
  }
  return {};
}

Result<std::optional<bool>> Store::is_destroyed(const merge::OpRef& target, std::string_view field) {
  Erasures& erasures = records_.erasures();
  MAILLON_TRY(const auto asked, erasures.of(target));
  for (const Erasure& one : asked) {
    MAILLON_TRY(const CommitPtr by, records_.commits().get(one.by.commit));
    if (by->body.ops.ops[one.by.leaf - 1].state == LeafState::full) continue;
    MAILLON_TRY(const auto erased, erasures.of(one.by));
    if (erased.empty()) return std::optional<bool>{};
  }
  MAILLON_TRY(const CommitPtr commit, records_.commits().get(target.commit));
  const Op& op = commit->body.ops.ops[target.leaf - 1];
  MAILLON_TRY(const auto left, erasures.remains(target, commit, op, Erasures::By::destroying));
  if (!left) return std::optional{false};
  const auto fields = commit->body.ops.fields_of(op);
  bool gone = left->whole;
  for (std::size_t i = 0; i < fields.size(); ++i)
    gone = gone || (fields[i].name == field && left->fields[i].erased);
  return std::optional{gone};
}

Result<std::vector<ErasedCopy>> Store::take_copies(const MemberId& member) {
  struct Row {
    ErasedCopy copy;
    merge::OpRef target;
  };
  std::vector<Row> rows;
  {
    MAILLON_TRY(auto get, db_.prepare("SELECT * FROM erasure_copy"));
    const auto number = [&](int column) { return static_cast<std::uint32_t>(get.integer(column)); };
    for (;;) {
      MAILLON_TRY(const bool more, get.step());
      if (!more) break;
      rows.push_back({{{get.integer(0), number(1)}, std::string{get.text(2)}, {number(3), number(4)}},
                      {get.integer(5), number(6)}});
    }
  }
  std::vector<ErasedCopy> out;
  MAILLON_TRY(auto drop, db_.prepare("DELETE FROM erasure_copy WHERE log = ?1 AND leaf = ?2 AND field = ?3"
                                     " AND target = ?4 AND target_leaf = ?5"));
  for (Row& row : rows) {
    MAILLON_TRY(const CommitPtr commit, records_.commits().get(row.copy.op.commit));
    const bool own = commit->header.member == member;
    if (own && !may_erase_in(commit->header.space, member)) continue;
    std::optional<bool> gone = true;
    if (row.copy.range.count == 0) {
      MAILLON_TRY(gone, is_destroyed(row.target, row.copy.field));
    }
    if (!gone) continue;
    MAILLON_CHECK(drop.bind(1, row.copy.op.commit)
                      .bind(2, std::int64_t{row.copy.op.leaf})
                      .bind(3, std::string_view{row.copy.field})
                      .bind(4, row.target.commit)
                      .bind(5, std::int64_t{row.target.leaf})
                      .run());
    if (*gone && own) out.push_back(std::move(row.copy));
  }
  return out;
}

}  // namespace maillon::storage
