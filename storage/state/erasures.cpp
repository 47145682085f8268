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

const OpField* field_of(const Asking& asking, const OpField& wanted) {
  for (const OpField& field : asking.table().fields_of(*asking.op))
    if (field.name == wanted.name && field.tag == wanted.tag) return &field;
  return nullptr;
}

/// Adds what one op asks for of one field.
void add_mask(const Asking& asking, const OpField& field, FieldRemains& out) {
  const OpField* const asked = field_of(asking, field);
  if (asked == nullptr) return;
  const auto target = erased_by(asking.table(), *asking.op);
  for (const DotRange& dot : asking.table().dots_in(asked->replaced)) {
    if (!target || dot.index != target->index || dot.leaf != target->leaf) continue;
    if (dot.count == 0)
      out.erased = true;
    else
      out.elements.push_back({dot.offset, dot.count});
  }
}

/// The payload to go by: the op's own as long as it is here, else the one of the smallest name.
const Asking* remainder_of(const std::vector<Asking>& all) {
  const Asking* out = nullptr;
  for (const Asking& one : all) {
    if (!one.op->payload_ok) continue;
    if (out == nullptr || std::tie(one.commit->id, one.leaf) < std::tie(out->commit->id, out->leaf))
      out = &one;
  }
  return out;
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
  return db_.changes() == 1;
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

Result<std::optional<Remains>> Erasures::remains(const merge::OpRef& ref, const CommitPtr& commit,
                                                 const Op& op) {
  MAILLON_TRY(const auto asked, of(ref));
  std::vector<Asking> all;
  for (const Erasure& erasure : asked) {
    if (erasure.effect == ErasureEffect::none) continue;
    MAILLON_TRY(CommitPtr by, commits_.get(erasure.by.commit));
    const Op* const asking = &by->body.ops.ops[erasure.by.leaf - 1];
    all.push_back({std::move(by), asking, erasure.by.leaf});
  }
  if (all.empty()) return std::optional<Remains>{};
  Remains out;
  out.whole = std::ranges::any_of(
      all, [](const Asking& one) { return erases_whole(one.table(), *one.op); });
  const auto fields = commit->body.ops.fields_of(op);
  out.fields.resize(fields.size());
  const Asking* const other = op.state == LeafState::full ? nullptr : remainder_of(all);
  out.readable = !out.whole && (other != nullptr || op.payload_ok);
  if (out.readable) {
    const Op& base = other != nullptr ? *other->op : op;
    out.source = base.source;
    out.external_id = base.external_id;
  }
  for (std::size_t i = 0; i < fields.size(); ++i) {
    FieldRemains& field = out.fields[i];
    field.erased = !out.readable;
    for (const Asking& one : all) add_mask(one, fields[i], field);
    const OpField* const base = other != nullptr ? field_of(*other, fields[i]) : &fields[i];
    field.erased = field.erased || base == nullptr;
    normalise(field.elements);
    if (!field.erased) field.value = base->value;
  }
  for (Asking& one : all) out.keep.push_back(std::move(one.commit));
  return std::optional{std::move(out)};
}

}  // namespace maillon::storage
