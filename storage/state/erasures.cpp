#include "storage/state/erasures.hpp"

#include <algorithm>

#include "storage/state/records.hpp"

namespace maillon::storage {
namespace {

using merge::OffsetRange;

/// An op that asks to erase, as its commit has it.
struct Asking {
  CommitPtr commit;
  const Op* op = nullptr;
  std::uint32_t leaf = 0;

  [[nodiscard]] const OpTable& table() const noexcept { return commit->body.ops; }
};

/// Which of these is a field of that name and type; as many as there are when none is. Whoever speaks of
/// the fields of another op has them in its order, so it is at `near`.
std::size_t find_field(std::span<const OpField> fields, const OpField& wanted, std::size_t near) {
  const auto is = [&](const OpField& one) { return one.name == wanted.name && one.tag == wanted.tag; };
  if (near < fields.size() && is(fields[near])) return near;
  return static_cast<std::size_t>(std::ranges::find_if(fields, is) - fields.begin());
}

/// Adds what one op asks for of the field at `place` of its target.
void add_mask(const Asking& asking, const OpField& field, std::size_t place, FieldRemains& out) {
  const auto fields = asking.table().fields_of(*asking.op);
  const std::size_t asked = find_field(fields, field, place);
  if (asked == fields.size()) return;
  const auto target = erased_by(asking.table(), *asking.op);
  for (const DotRange& dot : asking.table().dots_in(fields[asked].replaced)) {
    if (!target || dot.index != target->index || dot.leaf != target->leaf) continue;
    if (dot.count == 0)
      out.erased = true;
    else
      out.elements.push_back({dot.offset, dot.count});
  }
}

}  // namespace

std::optional<DotRange> erased_by(const OpTable& table, const Op& op) {
  const auto dots = table.dots_in(op.replaced);
  if (op.kind != static_cast<std::uint32_t>(OpKind::erase) || op.state == LeafState::gone ||
      dots.size() != 1 || dots[0].count != 0)
    return std::nullopt;
  return dots[0];
}

bool erases_whole(const OpTable& table, const Op& op) {
  return std::ranges::all_of(table.fields_of(op),
                             [](const OpField& field) { return field.name == kReasonField; });
}

void normalise(std::vector<OffsetRange>& ranges) {
  std::ranges::sort(ranges, {}, [](const OffsetRange& r) { return std::pair{r.offset, r.count}; });
  std::vector<OffsetRange> out;
  for (const OffsetRange& range : ranges) {
    if (out.empty() || range.offset > out.back().offset + out.back().count) {
      out.push_back(range);
      continue;
    }
    const std::uint32_t end = std::max(out.back().offset + out.back().count,
                                       range.offset + range.count);
    out.back().count = end - out.back().offset;
  }
  ranges = std::move(out);
}

Result<bool> Erasures::put(const Erasure& erasure, std::int64_t collection, const RecordId& rid) {
  MAILLON_TRY(auto put,
              db_.prepare("INSERT INTO erasure(target, leaf, log, by_leaf, effect, collection, rid)"
                          " VALUES(?1,?2,?3,?4,?5,?6,?7) ON CONFLICT DO UPDATE"
                          " SET effect = excluded.effect"
                          " WHERE effect < 2 AND effect != excluded.effect"));
  MAILLON_CHECK(put.bind(1, erasure.target.commit)
                    .bind(2, std::int64_t{erasure.target.leaf})
                    .bind(3, erasure.by.commit)
                    .bind(4, std::int64_t{erasure.by.leaf})
                    .bind(5, static_cast<std::int64_t>(erasure.effect))
                    .bind(6, collection)
                    .bind(7, rid.bytes())
                    .run());
  if (db_.changes() == 0) return false;
  MAILLON_TRY(auto again,
              db_.prepare("INSERT OR IGNORE INTO erased_again SELECT ?3, ?4"
                          " WHERE EXISTS(SELECT 1 FROM erasure WHERE log = ?1 AND by_leaf = ?2)"
                          " OR (SELECT count(*) FROM erasure WHERE target = ?1 AND leaf = ?2) > 1"));
  MAILLON_CHECK(again.bind(1, erasure.target.commit)
                    .bind(2, std::int64_t{erasure.target.leaf})
                    .bind(3, collection)
                    .bind(4, rid.bytes())
                    .run());
  return true;
}

Result<std::vector<Erasure>> Erasures::rows(Statement& get) {
  std::vector<Erasure> out;
  for (;;) {
    MAILLON_TRY(const bool more, get.step());
    if (!more) return out;
    out.push_back({{get.integer(0), static_cast<std::uint32_t>(get.integer(1))},
                   {get.integer(2), static_cast<std::uint32_t>(get.integer(3))},
                   static_cast<ErasureEffect>(get.integer(4))});
  }
}

Result<std::vector<Erasure>> Erasures::of(const merge::OpRef& target) {
  MAILLON_TRY(auto get, db_.prepare("SELECT target, leaf, log, by_leaf, effect FROM erasure"
                                    " WHERE target = ?1 AND leaf = ?2"));
  get.bind(1, target.commit).bind(2, std::int64_t{target.leaf});
  return rows(get);
}

Result<std::vector<Erasure>> Erasures::of_commit(std::int64_t target) {
  MAILLON_TRY(auto get, db_.prepare("SELECT target, leaf, log, by_leaf, effect FROM erasure"
                                    " WHERE target = ?1"));
  get.bind(1, target);
  return rows(get);
}

Result<std::vector<Erasure>> Erasures::of_record(std::int64_t collection, const RecordId& rid) {
  MAILLON_TRY(auto get, db_.prepare("SELECT target, leaf, log, by_leaf, effect FROM erasure"
                                    " WHERE collection = ?1 AND rid = ?2"));
  get.bind(1, collection).bind(2, rid.bytes());
  return rows(get);
}

Result<std::vector<Erasure>> Erasures::asked_by(std::int64_t log_id) {
  MAILLON_TRY(auto get, db_.prepare("SELECT target, leaf, log, by_leaf, effect FROM erasure"
                                    " WHERE log = ?1"));
  get.bind(1, log_id);
  return rows(get);
}

Result<std::vector<std::int64_t>> Erasures::open() {
  MAILLON_TRY(auto get, db_.prepare("SELECT DISTINCT log FROM erasure INDEXED BY erasure_open"
                                    " WHERE effect < 2"));
  std::vector<std::int64_t> out;
  for (;;) {
    MAILLON_TRY(const bool more, get.step());
    if (!more) return out;
    out.push_back(get.integer(0));
  }
}

Result<std::vector<std::pair<std::int64_t, std::uint32_t>>> Erasures::destroyed() {
  MAILLON_TRY(auto get, db_.prepare("SELECT log, count(*) FROM erasure WHERE effect = 2"
                                    " GROUP BY log"));
  std::vector<std::pair<std::int64_t, std::uint32_t>> out;
  for (;;) {
    MAILLON_TRY(const bool more, get.step());
    if (!more) return out;
    out.emplace_back(get.integer(0), static_cast<std::uint32_t>(get.integer(1)));
  }
}

/// What one op says of its fields: itself, or what is left of it.
struct Erasures::Said {
  CommitPtr commit;
  const Op* op = nullptr;
  std::optional<Remains> left;  ///< else the op's own

  [[nodiscard]] bool readable() const { return left ? left->readable : op->payload_ok; }
  [[nodiscard]] std::string_view source() const { return left ? left->source : op->source; }
  [[nodiscard]] std::string_view external_id() const {
    return left ? left->external_id : op->external_id;
  }
  /// Nothing where it says nothing of the field.
  [[nodiscard]] std::optional<ByteView> value(const OpField& wanted, std::size_t place) const {
    const auto fields = commit->body.ops.fields_of(*op);
    const std::size_t i = find_field(fields, wanted, place);
    if (i == fields.size()) return std::nullopt;
    return left ? left->fields[i].value : fields[i].value;
  }
};

Result<std::optional<Erasures::Said>> Erasures::remainder(const std::vector<Erasure>& asked,
                                                          const MemberId& whose) {
  // The author's own word before that of others; then the smaller name.
  std::optional<Said> out;
  std::optional<std::tuple<bool, CommitId, std::uint32_t>> best;
  for (const Erasure& erasure : asked) {
    if (erasure.effect != ErasureEffect::destroys) continue;
    MAILLON_TRY(CommitPtr by, commits_.get(erasure.by.commit));
    const Op& op = by->body.ops.ops[erasure.by.leaf - 1];
    const std::tuple place{by->header.member != whose, by->id, erasure.by.leaf};
    if (best && *best <= place) continue;
    // An op names earlier ones, so this ends.
    MAILLON_TRY(auto left, remains(erasure.by, by, op, By::destroying));
    Said said{std::move(by), &op, std::move(left)};
    if (!said.readable()) continue;
    best = place;
    out = std::move(said);
  }
  return out;
}

Result<std::optional<Remains>> Erasures::remains(const merge::OpRef& ref, const CommitPtr& commit,
                                                 const Op& op, By by) {
  MAILLON_TRY(const auto asked, of(ref));
  std::vector<Asking> all;
  for (const Erasure& erasure : asked) {
    if (erasure.effect == ErasureEffect::none) continue;
    if (by == By::destroying && erasure.effect != ErasureEffect::destroys) continue;
    MAILLON_TRY(CommitPtr asking, commits_.get(erasure.by.commit));
    const Op* const its = &asking->body.ops.ops[erasure.by.leaf - 1];
    all.push_back({std::move(asking), its, erasure.by.leaf});
  }
  if (all.empty()) return std::optional<Remains>{};
  Remains out;
  out.whole = std::ranges::any_of(
      all, [](const Asking& one) { return erases_whole(one.table(), *one.op); });
  const auto fields = commit->body.ops.fields_of(op);
  out.fields.resize(fields.size());
  // As long as the op's own payload is here, it says what is left.
  std::optional<Said> said;
  if (op.state == LeafState::full) {
    said = Said{commit, &op, std::nullopt};
  } else {
    MAILLON_TRY(const auto whose, meant_member(ref));
    MAILLON_TRY(said, remainder(asked, whose.value_or(commit->header.member)));
  }
  out.readable = !out.whole && said && said->readable();
  if (out.readable) {
    out.source = said->source();
    out.external_id = said->external_id();
  }
  for (std::size_t i = 0; i < fields.size(); ++i) {
    FieldRemains& field = out.fields[i];
    for (const Asking& one : all) add_mask(one, fields[i], i, field);
    normalise(field.elements);
    const bool asked_for = out.whole || field.erased;
    field.erased = field.erased || !out.readable;
    const auto value = said ? said->value(fields[i], i) : std::nullopt;
    // What asks to erase a field whole says nothing of it.
    field.erased = field.erased || !value || (op.state != LeafState::full && value->empty());
    field.lost = field.erased && !asked_for;
    if (!field.erased) field.value = *value;
  }
  for (Asking& one : all) out.keep.push_back(std::move(one.commit));
  if (said) {
    out.keep.push_back(said->commit);
    if (said->left) out.keep.insert(out.keep.end(), said->left->keep.begin(), said->left->keep.end());
  }
  return std::optional{std::move(out)};
}

Result<bool> Erasures::hides_something(const Erasure& erasure) {
  if (erasure.effect != ErasureEffect::hides) return false;
  MAILLON_TRY(const CommitPtr target, commits_.get(erasure.target.commit));
  MAILLON_TRY(const CommitPtr by, commits_.get(erasure.by.commit));
  const Op& op = target->body.ops.ops[erasure.target.leaf - 1];
  const Asking asking{by, &by->body.ops.ops[erasure.by.leaf - 1], erasure.by.leaf};
  MAILLON_TRY(const auto left, remains(erasure.target, target, op, By::destroying));
  // What was forgotten here, others may have.
  if (!left && op.state == LeafState::bare) return true;
  const bool readable = left ? left->readable : op.state == LeafState::full;
  if (!readable) return false;
  if (erases_whole(asking.table(), *asking.op)) return true;
  const auto fields = target->body.ops.fields_of(op);
  for (std::size_t i = 0; i < fields.size(); ++i) {
    FieldRemains mask;
    add_mask(asking, fields[i], i, mask);
    const bool gone = left ? left->fields[i].erased : fields[i].value.empty();
    if (!gone && (mask.erased || !mask.elements.empty())) return true;
  }
  return false;
}

Result<std::optional<merge::OpRef>> Erasures::meant(const merge::OpRef& ref) {
  merge::OpRef at = ref;
  for (std::size_t depth = 0; depth <= limits::kErasureDepthMax; ++depth) {
    MAILLON_TRY(const CommitPtr commit, commits_.get(at.commit));
    if (at.leaf == 0 || at.leaf > commit->body.ops.ops.size()) return std::optional<merge::OpRef>{};
    const Op& op = commit->body.ops.ops[at.leaf - 1];
    if (op.kind != static_cast<std::uint32_t>(OpKind::erase) || op.state == LeafState::gone)
      return std::optional{at};
    const auto dot = erased_by(commit->body.ops, op);
    if (!dot) return std::optional<merge::OpRef>{};
    at.leaf = dot->leaf;
    if (dot->index == 0) continue;
    MAILLON_TRY(const auto entry, log_.find(commit->body.table.commits[dot->index - 1]));
    if (!entry) return std::optional<merge::OpRef>{};
    at.commit = entry->id;
  }
  return std::optional<merge::OpRef>{};
}

Result<std::optional<MemberId>> Erasures::meant_member(const merge::OpRef& ref) {
  MAILLON_TRY(const auto op, meant(ref));
  if (!op) return std::optional<MemberId>{};
  MAILLON_TRY(const CommitPtr commit, commits_.get(op->commit));
  return std::optional{commit->header.member};
}

}  // namespace maillon::storage
