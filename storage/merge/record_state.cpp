#include "storage/merge/record_state.hpp"

#include <algorithm>

#include "proto/fault.hpp"
#include "proto/value.hpp"
#include "storage/merge/document.hpp"
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
  kStray = 64,
  kAllFlags = 127,
};

std::uint8_t flags_of(const OpEntry& op) {
  return static_cast<std::uint8_t>((op.is_void ? kVoid : 0) | (op.removes ? kRemoves : 0) |
                                   (op.superseded ? kSuperseded : 0) |
                                   (op.imported ? kImported : 0) | (op.readable ? kReadable : 0) |
                                   (op.bare ? kBare : 0) | (op.stray ? kStray : 0));
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
  // Others may yet name places in a text that nobody sees any more.
  std::erase_if(state.fields,
                [](const FieldState& f) { return f.heads.empty() && !has_elements(f.tag); });
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

Result<Document*> FieldState::open() {
  if (document == nullptr) {
    MAILLON_TRY(Document read, Document::decode(tag, stored));
    document = std::make_shared<Document>(std::move(read));
  }
  return document.get();
}

void sort_heads(RecordState& state, FieldState& field, const Context& context) {
  std::ranges::sort(field.heads, [&](const FieldHead& a, const FieldHead& b) {
    return shown_before(state.ops[a.op], state.ops[b.op], context);
  });
}

bool RecordState::touched_by_void() const noexcept {
  const auto counts = [](const OpEntry& op) {
    return (op.is_void && !op.superseded) || op.stray;
  };
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
    op.stray = (flags & kStray) != 0;
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
    if (has_elements(field.tag)) {
      field.elements = in.varint();
      field.stored = in.sized(in.left());
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
    if (!has_elements(field.tag)) continue;
    w.varint(field.elements);
    if (field.document == nullptr) {
      w.sized(field.stored);
      continue;
    }
    Bytes document;
    field.document->encode(document);
    w.sized(document);
  }
}

namespace {

/// What an op names of a field with elements to take it away, rather than to go on from there:
/// deletes do, and values of another type under the same name.
std::vector<OpRef> takes_away(const FieldState& field, const OpInput& op) {
  std::vector<OpRef> out{op.replaced.begin(), op.replaced.end()};
  for (const FieldChange& change : op.fields)
    if (change.name == field.name && change.tag != field.tag)
      out.insert(out.end(), change.replaced.begin(), change.replaced.end());
  return out;
}

bool takes_all(const RecordState& state, const FieldState& field, std::span<const OpRef> taken) {
  return !field.heads.empty() && std::ranges::all_of(field.heads, [&](const FieldHead& head) {
    return contains(taken, state.ops[head.op].ref);
  });
}

/// A delete or an op without fields, which all later ops name, has had its effect.
bool is_listed(const RecordState& state, const OpRef& ref) {
  const auto at = std::ranges::lower_bound(state.ops, ref, {}, &OpEntry::ref);
  return at != state.ops.end() && at->ref == ref && (at->removes || at->bare);
}

Result<void> take_away(RecordState& state, const OpInput& op) {
  for (FieldState& field : state.fields) {
    if (!has_elements(field.tag) || !takes_all(state, field, takes_away(field, op))) continue;
    MAILLON_TRY(Document* const document, field.open());
    document->erase_all();
    field.elements = 0;
  }
  return {};
}

Result<void> change_document(FieldState& field, const OpInput& op, const FieldChange& change,
                             const Context& context) {
  if (field.document == nullptr && field.stored.empty())
    field.document = std::make_shared<Document>(change.tag);
  MAILLON_TRY(Document* const document, field.open());
  document->apply({&op, &change}, context);
  field.elements = document->size();
  return {};
}

}  // namespace

bool adds_simply(const RecordState& state, const OpInput& op) {
  return std::ranges::all_of(state.fields, [&](const FieldState& field) {
    if (!has_elements(field.tag)) return true;
    const std::vector<OpRef> taken = takes_away(field, op);
    return takes_all(state, field, taken) ||
           std::ranges::all_of(taken, [&](const OpRef& ref) { return is_listed(state, ref); });
  });
}

Result<void> apply(RecordState& state, const OpInput& op, const Context& context) {
  MAILLON_CHECK(take_away(state, op));
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
  // A new record, as in every row of a first import: the op's order is the state's.
  const bool fresh = state.fields.empty();
  if (fresh) state.fields.reserve(op.fields.size());
  for (const FieldChange& change : op.fields) {
    FieldState& field = fresh ? state.fields.emplace_back(FieldState{change.name, change.tag, {}})
                              : field_of(state, change.name, change.tag, context);
    const bool elements = has_elements(change.tag);
    field.heads.push_back({index, false, elements ? ByteView{} : change.value});
    if (elements) MAILLON_CHECK(change_document(field, op, change, context));
    if (field.heads.size() > 1) sort_heads(state, field, context);
  }
  drop_unused(state);
  return {};
}

}  // namespace maillon::storage::merge
