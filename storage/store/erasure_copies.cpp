#include <algorithm>
#include <unordered_map>

#include "storage/merge/differences.hpp"
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

/// A part of a field that says again what its target said, or may have.
struct Copy {
  OffsetRange range;            ///< a count of 0: all of the field
  std::int64_t source = kSure;  ///< where in the target the same begins: what of that is destroyed is to be seen
  static constexpr std::int64_t kSure = -1;
};

std::u32string scalars_of(std::string_view text) {
  std::u32string out;
  merge::append_scalars(text, out);
  return out;
}

/// What a text has in common with another, in the longest pieces.
std::vector<Copy> common_pieces(std::u32string_view mine, std::u32string_view theirs) {
  static_assert(kPieceMin == 3, "a key is three scalars");
  constexpr std::size_t kPlacesMax = 64;
  const auto key = [](std::u32string_view text, std::size_t at) {
    return std::uint64_t{text[at]} << 42 | std::uint64_t{text[at + 1]} << 21 | text[at + 2];
  };
  std::unordered_map<std::uint64_t, std::vector<std::size_t>> places;
  for (std::size_t at = 0; at + kPieceMin <= theirs.size(); ++at)
    if (auto& of_key = places[key(theirs, at)]; of_key.size() < kPlacesMax) of_key.push_back(at);
  std::vector<Copy> out;
  std::size_t covered = 0;
  for (std::size_t at = 0; at + kPieceMin <= mine.size(); ++at) {
    const auto known = places.find(key(mine, at));
    if (known == places.end()) continue;
    const std::size_t before = covered;
    std::optional<Copy> best;
    for (const std::size_t from : known->second) {
      // One that ends no later than what is found already says nothing new.
      const std::size_t past = std::max(covered, at + kPieceMin - 1) - at;
      if (at + past >= mine.size() || from + past >= theirs.size() || mine[at + past] != theirs[from + past])
        continue;
      std::size_t length = kPieceMin;
      while (at + length < mine.size() && from + length < theirs.size() &&
             mine[at + length] == theirs[from + length])
        ++length;
      if (at + length <= covered) continue;
      covered = at + length;
      best = Copy{{static_cast<std::uint32_t>(at), static_cast<std::uint32_t>(length)},
                  static_cast<std::int64_t>(from)};
    }
    if (covered > before) out.push_back(*best);
  }
  return out;
}

/// Where a text says again what was erased of another.
std::vector<Copy> copied_text(const Mask& mask, std::string_view erased, std::string_view text) {
  if (!is_utf8(erased) || !is_utf8(text)) return {};
  const std::u32string scalars = scalars_of(erased);
  if (mask.whole) {
    auto out = common_pieces(scalars_of(text), scalars);
    const std::string_view piece = trimmed(text);
    const std::string_view all = trimmed(erased);
    const bool same = (merge::count_scalars(piece) >= kPieceMin && all.find(piece) != all.npos) ||
                      (merge::count_scalars(all) >= kPieceMin && piece.find(all) != piece.npos);
    if (same) out.push_back({{0, 0}});
    return out;
  }
  std::vector<OffsetRange> joined = mask.elements;
  normalise(joined);
  std::vector<Copy> out;
  for (const OffsetRange& range : joined) {
    if (range.offset > scalars.size() || scalars.size() - range.offset < range.count) continue;
    std::string words;
    merge::append_utf8(std::u32string_view{scalars}.substr(range.offset, range.count), words);
    for (const OffsetRange& place : places_of(text, words)) out.push_back({place});
  }
  return out;
}

std::vector<Copy> copied_elements(const Mask& mask, ByteView erased, ByteView value) {
  const auto gone = merge::decode_elements(erased);
  const auto all = merge::decode_elements(value);
  std::vector<Copy> out;
  if (!gone || !all) return out;
  for (std::uint32_t i = 0; i < all->size(); ++i)
    for (std::size_t k = 0; k < gone->size(); ++k)
      if (covers(mask, k) && !(*gone)[k].empty() && std::ranges::equal((*gone)[k], (*all)[i]))
        out.push_back({{i, 1}, mask.whole ? static_cast<std::int64_t>(k) : Copy::kSure});
  return out;
}

/// Where a field of the same name and type says again what is erased.
std::vector<Copy> copied(const Mask& mask, ByteView said, const OpField& field, ByteView says,
                         bool same_feed) {
  const auto tag = static_cast<FieldTag>(field.tag);
  const std::vector<Copy> whole{{{0, 0}}};
  if (said.empty() || says.empty()) return {};
  if (tag == FieldTag::text) return copied_text(mask, as_text(said), as_text(says));
  if (merge::has_elements(field.tag)) return copied_elements(mask, said, says);
  if (!mask.whole) return {};
  // A running total goes on from the one before.
  if (tag == FieldTag::counter && same_feed) return whole;
  const auto value = Value::decode(says);
  const bool is_value = value && !value->is_null();
  return is_value && std::ranges::equal(said, says) ? whole : std::vector<Copy>{};
}

/// Of a part that says what a field of the target did, what is destroyed there.
std::vector<OffsetRange> destroyed_in(const OffsetRange& range, std::uint64_t source,
                                      const FieldRemains& destroyed, const OpTable& table,
                                      const OpField& field, ByteView says) {
  std::vector<OffsetRange> out;
  const auto within = [](const OffsetRange& part, std::uint64_t from, std::uint64_t count) {
    return part.offset >= from && std::uint64_t{part.offset} + part.count <= from + count;
  };
  if (!destroyed.erased) {
    for (const OffsetRange& gone : destroyed.elements)
      if (within(gone, source, range.count))
        out.push_back({static_cast<std::uint32_t>(range.offset + gone.offset - source), gone.count});
    return out;
  }
  if (field.tag != static_cast<std::uint32_t>(FieldTag::text)) return {range};
  // Of a whole text: sentences of it. A few letters stand anywhere.
  const std::u32string scalars = scalars_of(as_text(says));
  std::uint32_t start = 0;
  for (const Run& run : table.runs_in(field.runs)) {
    if (start >= scalars.size()) break;
    std::string text;
    merge::append_utf8(std::u32string_view{scalars}.substr(start, run.length), text);
    std::uint32_t at = start;
    for (const std::string_view sentence : merge::sentences_of(text)) {
      const auto all = static_cast<std::uint32_t>(merge::count_scalars(sentence));
      const std::string_view body = trimmed(sentence);
      const auto count = static_cast<std::uint32_t>(merge::count_scalars(body));
      const std::string_view lead = sentence.substr(0, body.empty() ? 0 : static_cast<std::size_t>(body.data() - sentence.data()));
      const OffsetRange part{at + static_cast<std::uint32_t>(merge::count_scalars(lead)), count};
      if (count >= kPieceMin && within(part, range.offset, range.count)) out.push_back(part);
      at += all;
    }
    start += run.length;
  }
  return out;
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
  MAILLON_TRY(auto put, db_.prepare("INSERT INTO erasure_copies VALUES(?1,?2,?3,?4,?5,?6,?7,?8)"
                                    " ON CONFLICT DO NOTHING"));
  MAILLON_TRY(const auto steps, records_.history(op.collection, op.id, row->state));
  for (const HistoryOp& step : steps) {
    // What came before it here cannot have known of it.
    const bool says_nothing = step.remains ? !step.remains->readable
                                           : step.op->state != LeafState::full || !step.op->payload_ok;
    if (step.ref.commit >= erasure.by.commit || step.ref == erasure.target || says_nothing) continue;
    const bool imported = !step.op->external_id.empty();
    const bool same_feed = step.commit->header.feed() == target->header.feed();
    std::vector<std::pair<std::string_view, Copy>> found;
    const auto fields = step.commit->body.ops.fields_of(*step.op);
    for (std::size_t i = 0; i < fields.size(); ++i) {
      const OpField& field = fields[i];
      // Whoever has heard of it takes no such record from a source, and no such field.
      if (imported && erases_whole(table, ask)) found.emplace_back(field.name, Copy{});
      for (const Mask& mask : masks) {
        if (mask.field->name != field.name) continue;
        if (imported && mask.whole)
          found.emplace_back(field.name, Copy{});
        else if (mask.field->tag == field.tag)
          for (const ByteView said : mask.said)
            for (const Copy& copy : copied(mask, said, field, step.value(i), same_feed))
              found.emplace_back(field.name, copy);
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
    for (const auto& [name, copy] : found)
      MAILLON_CHECK(put.bind(1, step.ref.commit)
                        .bind(2, std::int64_t{step.ref.leaf})
                        .bind(3, name)
                        .bind(4, std::int64_t{copy.range.offset})
                        .bind(5, std::int64_t{copy.range.count})
                        .bind(6, erasure.target.commit)
                        .bind(7, std::int64_t{erasure.target.leaf})
                        .bind(8, copy.source)
                        .run());
  }
  return {};
}

Result<std::optional<FieldRemains>> Store::destroyed_of(const merge::OpRef& target,
                                                        std::string_view field) {
  Erasures& erasures = records_.erasures();
  MAILLON_TRY(const auto asked, erasures.of(target));
  for (const Erasure& one : asked) {
    MAILLON_TRY(const CommitPtr by, records_.commits().get(one.by.commit));
    if (by->body.ops.ops[one.by.leaf - 1].state == LeafState::full) continue;
    MAILLON_TRY(const auto erased, erasures.of(one.by));
    if (erased.empty()) return std::optional<FieldRemains>{};
  }
  MAILLON_TRY(const CommitPtr commit, records_.commits().get(target.commit));
  const Op& op = commit->body.ops.ops[target.leaf - 1];
  MAILLON_TRY(const auto left, erasures.remains(target, commit, op, Erasures::By::destroying));
  FieldRemains out;
  if (!left) return std::optional{out};
  const auto fields = commit->body.ops.fields_of(op);
  for (std::size_t i = 0; i < fields.size(); ++i) {
    if (fields[i].name != field) continue;
    out.elements = left->fields[i].elements;
    out.erased = out.erased || left->fields[i].erased;
  }
  out.erased = out.erased || left->whole;
  return std::optional{std::move(out)};
}

Result<std::vector<ErasedCopy>> Store::take_copies(const MemberId& member) {
  struct Row {
    ErasedCopy copy;
    merge::OpRef target;
    std::int64_t source = Copy::kSure;
  };
  std::vector<Row> rows;
  {
    MAILLON_TRY(auto get, db_.prepare("SELECT * FROM erasure_copies"));
    const auto number = [&](int column) { return static_cast<std::uint32_t>(get.integer(column)); };
    for (;;) {
      MAILLON_TRY(const bool more, get.step());
      if (!more) break;
      rows.push_back({{{get.integer(0), number(1)}, std::string{get.text(2)}, {number(3), number(4)}},
                      {get.integer(5), number(6)},
                      get.integer(7)});
    }
  }
  std::vector<ErasedCopy> out;
  MAILLON_TRY(auto drop, db_.prepare("DELETE FROM erasure_copies WHERE log = ?1 AND leaf = ?2 AND field = ?3"
                                     " AND target = ?4 AND target_leaf = ?5"));
  for (Row& row : rows) {
    MAILLON_TRY(const CommitPtr commit, records_.commits().get(row.copy.op.commit));
    const bool own = commit->header.member == member;
    if (own && !may_erase_in(commit->header.space, member)) continue;
    const bool sure = row.copy.range.count != 0 && row.source == Copy::kSure;
    std::optional<FieldRemains> gone = FieldRemains{};
    if (!sure) {
      MAILLON_TRY(gone, destroyed_of(row.target, row.copy.field));
    }
    if (!gone) continue;
    MAILLON_CHECK(drop.bind(1, row.copy.op.commit)
                      .bind(2, std::int64_t{row.copy.op.leaf})
                      .bind(3, std::string_view{row.copy.field})
                      .bind(4, row.target.commit)
                      .bind(5, std::int64_t{row.target.leaf})
                      .run());
    if (!own) continue;
    if (sure || (row.copy.range.count == 0 && gone->erased)) out.push_back(row.copy);
    if (sure || row.copy.range.count == 0) continue;
    const Op& op = commit->body.ops.ops[row.copy.op.leaf - 1];
    MAILLON_TRY(const auto left, records_.erasures().remains(row.copy.op, commit, op, Erasures::By::destroying));
    const auto fields = commit->body.ops.fields_of(op);
    for (std::size_t i = 0; i < fields.size(); ++i)
      if (fields[i].name == row.copy.field && merge::has_elements(fields[i].tag))
        for (const OffsetRange& part :
             destroyed_in(row.copy.range, static_cast<std::uint64_t>(row.source), *gone, commit->body.ops, fields[i],
                          left ? ByteView{left->fields[i].value} : fields[i].value))
          out.push_back({row.copy.op, row.copy.field, part});
  }
  return out;
}

}  // namespace maillon::storage
