#include <algorithm>
#include <charconv>
#include <limits>
#include <map>

#include "storage/merge/document.hpp"
#include "storage/merge/heads.hpp"

/// What people see of a record, and the digest of that.
namespace maillon::storage::merge {
namespace {

bool is_tag(std::uint32_t tag, FieldTag wanted) {
  return tag == static_cast<std::uint32_t>(wanted);
}

bool is_null(ByteView value) {
  return value.size() == 1 && value[0] == static_cast<std::uint8_t>(Value::Kind::null);
}

bool same_value(const FieldHead* a, const FieldHead* b) {
  return std::ranges::equal(a->value, b->value);
}

/// Nearly always one: this runs for every field of every record that is written.
using Heads = boost::container::small_vector<const FieldHead*, 4>;

/// What cannot be read has superseded what it named, and has no other effect. A value of no bytes is
/// none: it was erased.
Heads live_heads(const RecordState& state, const FieldState& field) {
  Heads out;
  for (const FieldHead& head : field.heads)
    if (!state.ops[head.op].is_void && state.ops[head.op].readable && !head.value.empty())
      out.push_back(&head);
  return out;
}

/// Those that differ from the first and from each other.
std::vector<const FieldHead*> others_of(std::span<const FieldHead* const> heads) {
  std::vector<const FieldHead*> out;
  for (const FieldHead* head : heads) {
    const auto same = [&](const FieldHead* other) { return same_value(other, head); };
    if (!same(heads.front()) && std::ranges::none_of(out, same)) out.push_back(head);
  }
  return out;
}

bool show_register(std::span<const FieldHead* const> live, ShownField& out) {
  if (std::ranges::all_of(live, [](const FieldHead* head) { return is_null(head->value); }))
    return false;
  out.shown = live.front();
  out.others = others_of(live);
  return true;
}

std::optional<std::int64_t> whole_number(ByteView encoded) {
  const auto value = Value::decode(encoded);
  if (!value || value->kind() != Value::Kind::number) return std::nullopt;
  std::int64_t out = 0;
  const std::string& text = value->text();
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return out;
}

/// A sum that is the same in any order of its parts; beyond 64 bits, the nearest that fits.
class WideSum {
 public:
  void add(std::int64_t part) noexcept {
    high_ += part >> 32;
    low_ += part & kLow;
  }
  [[nodiscard]] std::int64_t value() const noexcept {
    const std::int64_t high = high_ + (low_ >> 32);
    if (high > std::numeric_limits<std::int32_t>::max())
      return std::numeric_limits<std::int64_t>::max();
    if (high < std::numeric_limits<std::int32_t>::min())
      return std::numeric_limits<std::int64_t>::min();
    return high * (std::int64_t{1} << 32) + (low_ & kLow);
  }

 private:
  static constexpr std::int64_t kLow = 0xffff'ffff;
  std::int64_t high_ = 0;
  std::int64_t low_ = 0;
};

/// The sum of each feed's running total. Two totals of one feed mean that two machines wrote as one:
/// the greater counts and the other is shown beside it.
bool show_counter(const RecordState& state, std::span<const FieldHead* const> live,
                  const Context& context, ShownField& out) {
  std::map<std::int64_t, std::vector<const FieldHead*>> by_feed;
  for (const FieldHead* head : live)
    if (whole_number(head->value))
      by_feed[context.feed(state.ops[head->op].ref.commit)].push_back(head);
  if (by_feed.empty()) return false;
  WideSum sum;
  for (const auto& [feed, heads] : by_feed) {
    sum.add(*whole_number(heads.front()->value));
    for (const FieldHead* other : others_of(heads)) out.others.push_back(other);
  }
  std::ranges::sort(out.others, [&](const FieldHead* a, const FieldHead* b) {
    return shown_before(state.ops[a->op], state.ops[b->op], context);
  });
  Value{Value::Kind::number, std::to_string(sum.value())}.encode_into(out.total);
  return true;
}

/// Numbers by size, then texts by their bytes, as dates compare; nothing else has a place.
struct Rank {
  bool text = false;
  double number = 0;
  std::string words = {};
  auto operator<=>(const Rank&) const = default;
};

std::optional<Rank> rank_of(ByteView encoded) {
  const auto value = Value::decode(encoded);
  if (!value) return std::nullopt;
  if (value->kind() == Value::Kind::text) return Rank{true, 0, value->text()};
  if (value->kind() != Value::Kind::number) return std::nullopt;
  Rank out;
  const std::string& text = value->text();
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out.number);
  // Beyond what a double holds there is no order to rely on.
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return out;
}

bool show_extreme(std::span<const FieldHead* const> live, bool greatest, ShownField& out) {
  std::optional<Rank> best;
  for (const FieldHead* head : live) {
    const auto rank = rank_of(head->value);
    if (!rank) continue;
    const bool better = !best || (greatest ? *rank > *best : *rank < *best);
    if (!better) continue;
    best = rank;
    out.shown = head;
  }
  return out.shown != nullptr;
}

bool show_field(const RecordState& state, const FieldState& field, const Context& context,
                ShownField& out) {
  out.field = &field;
  if (has_elements(field.tag)) return field.elements > 0;
  const auto live = live_heads(state, field);
  if (live.empty()) return false;
  if (is_tag(field.tag, FieldTag::counter)) return show_counter(state, live, context, out);
  if (is_tag(field.tag, FieldTag::max)) return show_extreme(live, /*greatest=*/true, out);
  if (is_tag(field.tag, FieldTag::min)) return show_extreme(live, /*greatest=*/false, out);
  return show_register(live, out);
}

/// A copy shares what was read of the stored document.
Result<Document*> open(const ShownField& shown, FieldState& room) {
  room = *shown.field;
  return room.open();
}

}  // namespace

Result<Value> ShownField::value() const {
  if (!total.empty()) return Value::decode(total);
  if (shown != nullptr) return Value::decode(shown->value);
  FieldState room;
  MAILLON_TRY(const Document* const document, merge::open(*this, room));
  return document->shown();
}

Shown show(const RecordState& state, const Context& context) {
  Shown out;
  out.fields.reserve(state.fields.size());
  bool live_delete = false;
  for (const OpEntry& op : state.ops) live_delete |= op.removes && !op.superseded && !op.is_void;
  for (const FieldState& field : state.fields) {
    ShownField shown;
    if (!show_field(state, field, context, shown)) continue;
    out.in_conflict |= !shown.others.empty();
    // Two types under one name are a conflict too; they stand side by side.
    if (!out.fields.empty() && out.fields.back().name() == field.name) out.in_conflict = true;
    out.fields.push_back(std::move(shown));
  }
  out.visible = !out.fields.empty();
  out.deleted = live_delete && !out.visible;
  out.edit_won_over_delete = live_delete && out.visible;
  out.in_conflict |= out.edit_won_over_delete;
  return out;
}

Result<void> digest_into(crypto::Hasher& hasher, std::string_view collection, const RecordId& id,
                         const RecordState& state, const Context& context) {
  const Shown shown = show(state, context);
  if (!shown.visible) return {};
  Bytes out;
  ByteWriter w{out};
  w.sized(collection);
  w.raw(id.bytes());
  w.u8(shown.edit_won_over_delete ? 1 : 0);
  w.varint(shown.fields.size());
  for (const ShownField& field : shown.fields) {
    w.sized(context.name(field.name()));
    w.varint(field.tag());
    if (has_elements(field.tag())) {
      FieldState room;
      MAILLON_TRY(const Document* const document, open(field, room));
      const auto values = document->values();
      w.varint(values.size());
      for (const Bytes& value : values) w.sized(value);
      continue;
    }
    w.varint(field.others.size() + 1);
    w.sized(field.shown != nullptr ? field.shown->value : ByteView{field.total});
    for (const FieldHead* other : field.others) w.sized(other->value);
  }
  hasher.update(out);
  return {};
}

}  // namespace maillon::storage::merge
