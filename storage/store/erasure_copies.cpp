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
  [[nodiscard]] bool is_sure() const { return source == kSure && range.count != 0; }
};

std::u32string scalars_of(std::string_view text) {
  std::u32string out;
  merge::append_scalars(text, out);
  return out;
}

/// A word of a text, or a character that is none.
struct Token {
  std::uint32_t start = 0;
  std::uint32_t count = 0;
  std::uint32_t id = 0;  ///< the same for the same word
};
using TokenIds = std::unordered_map<std::u32string_view, std::uint32_t>;

std::vector<Token> tokens_of(std::u32string_view text, TokenIds& ids) {
  const auto is_word = [](char32_t c) {
    return c < 0x80 ? (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z')
                    : c >= 0xc0 && c < 0x2000;
  };
  std::vector<Token> out;
  for (std::size_t at = 0; at < text.size();) {
    std::size_t end = at + 1;
    if (is_word(text[at]))
      while (end < text.size() && is_word(text[end])) ++end;
    const auto fresh = static_cast<std::uint32_t>(ids.size());
    const auto known = ids.try_emplace(text.substr(at, end - at), fresh).first;
    out.push_back({static_cast<std::uint32_t>(at), static_cast<std::uint32_t>(end - at), known->second});
    at = end;
  }
  return out;
}

/// Comparisons that one erasure may take for all texts beside it: those that repeat themselves without end
/// are nobody's words, and not followed further.
constexpr std::size_t kEffortMax = std::size_t{1} << 27;

/// What a text has in common with another, word by word, in the longest pieces.
std::vector<Copy> common_pieces(std::u32string_view mine, std::u32string_view theirs, std::size_t& effort) {
  TokenIds ids;
  const auto said = tokens_of(theirs, ids);
  std::vector<std::vector<std::size_t>> places(ids.size());
  for (std::size_t i = 0; i < said.size(); ++i) places[said[i].id].push_back(i);
  const auto says = tokens_of(mine, ids);
  std::vector<Copy> out;
  std::size_t covered = 0;
  for (std::size_t at = 0; at < says.size(); ++at) {
    if (says[at].id >= places.size() || mine[says[at].start] == U' ') continue;
    std::optional<std::size_t> best;
    for (const std::size_t from : places[says[at].id]) {
      const auto same = [&](std::size_t n) {
        if (effort == 0) return false;
        --effort;
        return at + n < says.size() && from + n < said.size() && says[at + n].id == said[from + n].id;
      };
      // One that ends no later than what is found already says nothing new.
      if (!same(covered > at ? covered - at : 0)) continue;
      std::size_t length = 0;
      while (same(length)) ++length;
      if (at + length <= covered) continue;
      covered = at + length;
      best = from;
    }
    if (!best) continue;
    const Token& last = says[covered - 1];
    const Copy copy{{says[at].start, last.start + last.count - says[at].start}, said[*best].start};
    if (copy.range.count >= kPieceMin) out.push_back(copy);
  }
  return out;
}

/// Where a text says again what was erased of another.
std::vector<Copy> copied_text(const Mask& mask, std::string_view erased, std::string_view text,
                              std::size_t& effort) {
  if (!is_utf8(erased) || !is_utf8(text)) return {};
  const std::u32string scalars = scalars_of(erased);
  if (mask.whole) {
    auto out = common_pieces(scalars_of(text), scalars, effort);
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
  if (!gone || !all) return {};
  std::unordered_map<std::string_view, std::size_t> places;
  const std::vector<OffsetRange> every{{0, static_cast<std::uint32_t>(gone->size())}};
  for (const OffsetRange& range : mask.whole ? every : mask.elements)
    for (std::size_t k = range.offset; k < gone->size() && k - range.offset < range.count; ++k)
      if (!(*gone)[k].empty()) places.try_emplace(as_text((*gone)[k]), k);
  std::vector<Copy> out;
  for (std::uint32_t i = 0; i < all->size(); ++i)
    if (const auto found = places.find(as_text((*all)[i])); found != places.end())
      out.push_back({{i, 1}, mask.whole ? static_cast<std::int64_t>(found->second) : Copy::kSure});
  return out;
}

/// Where a field of the same name and type says again what is erased.
std::vector<Copy> copied(const Mask& mask, ByteView said, const OpField& field, ByteView says,
                         bool same_feed, std::size_t& effort) {
  const auto tag = static_cast<FieldTag>(field.tag);
  const std::vector<Copy> whole{{{0, 0}}};
  if (said.empty() || says.empty()) return {};
  if (tag == FieldTag::text) return copied_text(mask, as_text(said), as_text(says), effort);
  if (merge::has_elements(field.tag)) return copied_elements(mask, said, says);
  if (!mask.whole) return {};
  // A running total goes on from the one before.
  if (tag == FieldTag::counter && same_feed) return whole;
  const auto value = Value::decode(says);
  const bool is_value = value && !value->is_null();
  return is_value && std::ranges::equal(said, says) ? whole : std::vector<Copy>{};
}

/// What an op put into a text, in sentences without the space around them, run by run.
std::vector<OffsetRange> sentences_in(const OpTable& table, const OpField& field, ByteView says) {
  const auto count = [](std::string_view text) {
    return static_cast<std::uint32_t>(merge::count_scalars(text));
  };
  const std::u32string scalars = scalars_of(as_text(says));
  std::vector<OffsetRange> out;
  std::uint32_t at = 0;
  for (const Run& run : table.runs_in(field.runs)) {
    if (at >= scalars.size()) break;
    std::string text;
    merge::append_utf8(std::u32string_view{scalars}.substr(at, run.length), text);
    for (const std::string_view sentence : merge::sentences_of(text)) {
      const std::string_view body = trimmed(sentence);
      const std::uint32_t lead = body.empty() ? 0 : count({sentence.data(), body.data()});
      out.push_back({at + lead, count(body)});
      at += count(sentence);
    }
  }
  return out;
}

/// Of parts of a field that say what its target did, those of which that is destroyed.
std::vector<OffsetRange> destroyed_in(std::vector<Copy> copies, const FieldRemains& destroyed,
                                      const OpTable& table, const OpField& field, ByteView says) {
  std::vector<OffsetRange> out;
  const auto end_of = [](const OffsetRange& range) { return std::uint64_t{range.offset} + range.count; };
  if (!destroyed.erased) {
    for (const auto& [range, source] : copies) {
      const auto from = static_cast<std::uint32_t>(source);
      for (auto gone = std::ranges::lower_bound(destroyed.elements, from, {}, &OffsetRange::offset);
           gone != destroyed.elements.end() && end_of(*gone) <= std::uint64_t{from} + range.count; ++gone)
        out.push_back({range.offset + (gone->offset - from), gone->count});
    }
    return out;
  }
  if (field.tag != static_cast<std::uint32_t>(FieldTag::text)) {
    for (const Copy& copy : copies) out.push_back(copy.range);
    return out;
  }
  // Of a whole text: sentences of it. A few words stand anywhere.
  std::ranges::sort(copies, {}, [](const Copy& copy) { return copy.range.offset; });
  auto next = copies.begin();
  std::uint64_t reached = 0;
  for (const OffsetRange& sentence : sentences_in(table, field, says)) {
    for (; next != copies.end() && next->range.offset <= sentence.offset; ++next)
      reached = std::max(reached, end_of(next->range));
    if (sentence.count >= kPieceMin && end_of(sentence) <= reached) out.push_back(sentence);
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
  MAILLON_TRY(auto put, db_.prepare("INSERT INTO erasure_copy VALUES(?1,?2,?3,?4,?5,?6,?7,?8)"
                                    " ON CONFLICT DO NOTHING"));
  MAILLON_TRY(const auto steps, records_.history(op.collection, op.id, row->state));
  std::size_t effort = kEffortMax;
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
            for (const Copy& copy : copied(mask, said, field, step.value(i), same_feed, effort))
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
  std::map<std::tuple<merge::OpRef, std::string, merge::OpRef>, std::vector<Copy>> remembered;
  {
    MAILLON_TRY(auto get, db_.prepare("SELECT * FROM erasure_copy"));
    const auto number = [&](int column) { return static_cast<std::uint32_t>(get.integer(column)); };
    for (;;) {
      MAILLON_TRY(const bool more, get.step());
      if (!more) break;
      remembered[{{get.integer(0), number(1)}, std::string{get.text(2)}, {get.integer(5), number(6)}}]
          .push_back({{number(3), number(4)}, get.integer(7)});
    }
  }
  std::vector<ErasedCopy> out;
  MAILLON_TRY(auto drop, db_.prepare("DELETE FROM erasure_copy WHERE log = ?1 AND leaf = ?2 AND field = ?3"
                                     " AND target = ?4 AND target_leaf = ?5"
                                     " AND (?6 OR (source = -1 AND count != 0))"));
  for (auto& [key, copies] : remembered) {
    const auto& [ref, name, target] = key;
    MAILLON_TRY(const CommitPtr commit, records_.commits().get(ref.commit));
    const bool own = commit->header.member == member;
    if (own && !may_erase_in(commit->header.space, member)) continue;
    MAILLON_TRY(const auto gone, destroyed_of(target, name));
    MAILLON_CHECK(drop.bind(1, ref.commit)
                      .bind(2, std::int64_t{ref.leaf})
                      .bind(3, std::string_view{name})
                      .bind(4, target.commit)
                      .bind(5, std::int64_t{target.leaf})
                      .bind(6, std::int64_t{gone || !own})
                      .run());
    if (!own) continue;
    for (const Copy& copy : copies)
      if (copy.is_sure() || (copy.range.count == 0 && gone && gone->erased))
        out.push_back({ref, name, copy.range});
    std::erase_if(copies, [](const Copy& copy) { return copy.source == Copy::kSure; });
    if (!gone || copies.empty()) continue;
    const Op& op = commit->body.ops.ops[ref.leaf - 1];
    MAILLON_TRY(const auto left, records_.erasures().remains(ref, commit, op, Erasures::By::destroying));
    const auto fields = commit->body.ops.fields_of(op);
    for (std::size_t i = 0; i < fields.size(); ++i) {
      if (fields[i].name != name || !merge::has_elements(fields[i].tag)) continue;
      const ByteView says = left ? ByteView{left->fields[i].value} : fields[i].value;
      for (const OffsetRange& part : destroyed_in(copies, *gone, commit->body.ops, fields[i], says))
        out.push_back({ref, name, part});
    }
  }
  return out;
}

}  // namespace maillon::storage
