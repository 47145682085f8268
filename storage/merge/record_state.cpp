#include "storage/merge/record_state.hpp"

#include <algorithm>

#include "proto/fault.hpp"
#include "proto/value.hpp"
#include "storage/merge/heads.hpp"

namespace maillon::storage::merge {
namespace {

enum OpFlag : std::uint8_t {
  kVoid = 1,
  kRemoves = 2,
  kSuperseded = 4,
  kImported = 8,
  kReadable = 16,
  kBare = 32,
  kAllFlags = 63,
};

std::uint8_t flags_of(const OpEntry& op) {
  return static_cast<std::uint8_t>((op.is_void ? kVoid : 0) | (op.removes ? kRemoves : 0) |
                                   (op.superseded ? kSuperseded : 0) |
                                   (op.imported ? kImported : 0) | (op.readable ? kReadable : 0) |
                                   (op.bare ? kBare : 0));
}

bool is_null(ByteView value) {
  return value.size() == 1 && value[0] == static_cast<std::uint8_t>(Value::Kind::null);
}

bool contains(std::span<const OpRef> refs, const OpRef& ref) {
  return std::ranges::find(refs, ref) != refs.end();
}

bool same_value(ByteView a, ByteView b) { return std::ranges::equal(a, b); }

/// Drops ops that no head refers to, except deletes, which later ops must go on naming.
void drop_unused(RecordState& state) {
  if (state.ops.size() == 1 && !state.fields.empty() &&
      std::ranges::none_of(state.fields, [](const FieldState& f) { return f.heads.empty(); }))
    return;
  std::vector<std::uint32_t> renumbered(state.ops.size(), 0);
  std::vector<bool> used(state.ops.size(), false);
  for (const FieldState& field : state.fields)
    for (const FieldHead& head : field.heads) used[head.op] = true;
  std::uint32_t next = 0;
  for (std::size_t i = 0; i < state.ops.size(); ++i) {
    if (!used[i] && !state.ops[i].removes && !state.ops[i].bare) continue;
    renumbered[i] = next;
    state.ops[next++] = state.ops[i];
  }
  state.ops.resize(next);
  for (FieldState& field : state.fields)
    for (FieldHead& head : field.heads) head.op = renumbered[head.op];
  std::erase_if(state.fields, [](const FieldState& f) { return f.heads.empty(); });
}

/// Adds the entry where its place in the log says and gives its index. Held commits are applied
/// after later ones; the state must not tell.
std::uint32_t insert_op(RecordState& state, const OpEntry& entry) {
  const auto at = std::ranges::upper_bound(state.ops, entry.ref, {}, &OpEntry::ref);
  const auto index = static_cast<std::uint32_t>(at - state.ops.begin());
  if (at != state.ops.end())
    for (FieldState& field : state.fields)
      for (FieldHead& head : field.heads)
        if (head.op >= index) ++head.op;
  state.ops.insert(at, entry);
  return index;
}

FieldState& field_of(RecordState& state, std::int64_t name, std::uint32_t tag,
                     const Context& context) {
  const auto before = [&](const FieldState& field, int) {
    if (field.name == name) return field.tag < tag;
    return context.name(field.name) < context.name(name);
  };
  auto at = std::lower_bound(state.fields.begin(), state.fields.end(), 0, before);
  if (at == state.fields.end() || at->name != name || at->tag != tag)
    at = state.fields.insert(at, FieldState{name, tag, {}});
  return *at;
}

}  // namespace

OpEntry entry_of(const OpInput& op) {
  OpEntry entry;
  entry.ref = op.ref;
  entry.hlc = op.hlc;
  entry.is_void = op.is_void;
  entry.removes = op.kind == static_cast<std::uint32_t>(OpKind::remove);
  entry.bare = op.fields.empty() && !entry.removes;
  entry.imported = op.imported;
  entry.readable = op.readable;
  return entry;
}

bool shown_before(const OpEntry& a, const OpEntry& b, const Context& context) {
  if (MAILLON_FAULT("tie_by_arrival")) return a.ref > b.ref;
  if (a.hlc != b.hlc) return a.hlc > b.hlc;
  if (a.ref.commit != b.ref.commit) {
    return context.commit_id(a.ref.commit) > context.commit_id(b.ref.commit);
  }
  return a.ref.leaf > b.ref.leaf;
}

void sort_heads(RecordState& state, FieldState& field, const Context& context) {
  std::ranges::sort(field.heads, [&](const FieldHead& a, const FieldHead& b) {
    return shown_before(state.ops[a.op], state.ops[b.op], context);
  });
}

bool RecordState::touched_by_void() const noexcept {
  const auto counts = [](const OpEntry& op) { return op.is_void && !op.superseded; };
  if (std::ranges::any_of(ops, counts)) return true;
  return std::ranges::any_of(fields, [](const FieldState& field) {
    return std::ranges::any_of(field.heads, [](const FieldHead& head) { return head.through; });
  });
}

Result<RecordState> decode_state(ByteView blob) {
  RecordState state;
  ByteReader in{blob};
  const std::uint64_t ops = in.varint();
  for (std::uint64_t i = 0; i < ops && in.ok(); ++i) {
    OpEntry op;
    op.ref.commit = static_cast<std::int64_t>(in.varint());
    op.ref.leaf = in.varint32(limits::kCommitOpsMax);
    op.hlc.packed = in.le64();
    const std::uint8_t flags = in.u8();
    if (flags > kAllFlags || (!state.ops.empty() && op.ref <= state.ops.back().ref)) in.fail();
    op.is_void = (flags & kVoid) != 0;
    op.removes = (flags & kRemoves) != 0;
    op.superseded = (flags & kSuperseded) != 0;
    op.imported = (flags & kImported) != 0;
    op.readable = (flags & kReadable) != 0;
    op.bare = (flags & kBare) != 0;
    state.ops.push_back(op);
  }
  const std::uint64_t fields = in.varint();
  state.fields.reserve(static_cast<std::size_t>(std::min<std::uint64_t>(fields, in.left())));
  for (std::uint64_t i = 0; i < fields && in.ok(); ++i) {
    FieldState field;
    field.name = static_cast<std::int64_t>(in.varint());
    field.tag = in.varint32(0xffff);
    const std::uint64_t heads = in.varint();
    for (std::uint64_t k = 0; k < heads && in.ok(); ++k) {
      FieldHead head;
      const std::uint64_t packed = in.varint();
      head.op = static_cast<std::uint32_t>(packed >> 2);
      head.through = (packed & 1) != 0;
      // Equal concurrent values are stored once.
      if ((packed & 2) != 0) {
        const std::uint64_t same = in.varint();
        if (same < field.heads.size())
          head.value = field.heads[same].value;
        else
          in.fail();
      } else {
        head.value = in.sized(limits::kCommitBodyMax);
      }
      if (head.op >= state.ops.size()) in.fail();
      field.heads.push_back(head);
    }
    state.fields.push_back(std::move(field));
  }
  if (!in.at_end())
    return Error{Errc::integrity, "a stored record cannot be read", "une fiche enregistrée est illisible",
                 "run `maillon verify --deep`, then restore a backup or let the peers send everything again",
                 "lancez « maillon verify --deep », puis restaurez une sauvegarde ou laissez les pairs tout renvoyer"};
  return state;
}

void encode_state(const RecordState& state, Bytes& out) {
  ByteWriter w{out};
  w.varint(state.ops.size());
  for (const OpEntry& op : state.ops) {
    w.varint(static_cast<std::uint64_t>(op.ref.commit));
    w.varint(op.ref.leaf);
    w.le64(op.hlc.packed);
    w.u8(flags_of(op));
  }
  w.varint(state.fields.size());
  for (const FieldState& field : state.fields) {
    w.varint(static_cast<std::uint64_t>(field.name));
    w.varint(field.tag);
    w.varint(field.heads.size());
    for (std::size_t k = 0; k < field.heads.size(); ++k) {
      const FieldHead& head = field.heads[k];
      const auto before = field.heads.begin() + static_cast<std::ptrdiff_t>(k);
      const auto same = std::find_if(field.heads.begin(), before, [&](const FieldHead& other) {
        return same_value(other.value, head.value);
      });
      const std::uint64_t shared = same == before ? 0u : 2u;
      w.varint((static_cast<std::uint64_t>(head.op) << 2) | shared | (head.through ? 1u : 0u));
      if (shared != 0)
        w.varint(static_cast<std::uint64_t>(same - field.heads.begin()));
      else
        w.sized(head.value);
    }
  }
}

void apply(RecordState& state, const OpInput& op, const Context& context) {
  const auto superseded = [&](const FieldState& field, const FieldHead& head) {
    const OpRef& ref = state.ops[head.op].ref;
    if (contains(op.replaced, ref)) return true;
    return std::ranges::any_of(op.fields, [&](const FieldChange& change) {
      return change.name == field.name && contains(change.replaced, ref);
    });
  };
  if (!state.ops.empty()) {
    for (FieldState& field : state.fields)
      field.heads.erase(std::remove_if(field.heads.begin(), field.heads.end(),
                                       [&](const FieldHead& head) { return superseded(field, head); }),
                        field.heads.end());
    for (OpEntry& entry : state.ops)
      if (contains(op.replaced, entry.ref)) entry.superseded = true;
  }
  const std::uint32_t index = insert_op(state, entry_of(op));
  if (state.fields.empty()) {
    // A new record, as in every row of a first import: the op's order is the state's.
    state.fields.reserve(op.fields.size());
    for (const FieldChange& change : op.fields)
      state.fields.push_back({change.name, change.tag, {FieldHead{index, false, change.value}}});
    return drop_unused(state);
  }
  for (const FieldChange& change : op.fields) {
    FieldState& field = field_of(state, change.name, change.tag, context);
    field.heads.push_back({index, false, change.value});
    if (field.heads.size() > 1) sort_heads(state, field, context);
  }
  drop_unused(state);
}

Shown show(const RecordState& state) {
  Shown out;
  out.fields.reserve(state.fields.size());
  bool live_delete = false;
  for (const OpEntry& op : state.ops) live_delete |= op.removes && !op.superseded && !op.is_void;
  for (const FieldState& field : state.fields) {
    ShownField shown{field.name, field.tag, nullptr, {}};
    bool any_value = false;
    for (const FieldHead& head : field.heads) {
      // What cannot be read has superseded what it named, and has no other effect.
      if (state.ops[head.op].is_void || !state.ops[head.op].readable) continue;
      any_value |= !is_null(head.value);
      const auto same = [&](const FieldHead* other) { return same_value(other->value, head.value); };
      if (shown.shown == nullptr)
        shown.shown = &head;
      else if (!same(shown.shown) && std::ranges::none_of(shown.others, same))
        shown.others.push_back(&head);
    }
    if (shown.shown == nullptr || !any_value) continue;
    out.in_conflict |= !shown.others.empty();
    // Two types under one name are a conflict too; they stand side by side.
    if (!out.fields.empty() && out.fields.back().name == field.name) out.in_conflict = true;
    out.fields.push_back(std::move(shown));
  }
  out.visible = !out.fields.empty();
  out.deleted = live_delete && !out.visible;
  out.edit_won_over_delete = live_delete && out.visible;
  out.in_conflict |= out.edit_won_over_delete;
  return out;
}

void digest_into(crypto::Hasher& hasher, std::string_view collection, const RecordId& id,
                 const RecordState& state, const Context& context) {
  const Shown shown = show(state);
  if (!shown.visible) return;
  Bytes out;
  ByteWriter w{out};
  w.sized(collection);
  w.raw(id.bytes());
  w.u8(shown.edit_won_over_delete ? 1 : 0);
  w.varint(shown.fields.size());
  for (const ShownField& field : shown.fields) {
    w.sized(context.name(field.name));
    w.varint(field.tag);
    w.varint(field.others.size() + 1);
    w.sized(field.shown->value);
    for (const FieldHead* other : field.others) w.sized(other->value);
  }
  hasher.update(out);
}

}  // namespace maillon::storage::merge
