#include "tests/support/oracle_store.hpp"

#include "storage/merge/document.hpp"
#include "tests/support/federation.hpp"

namespace maillon::test {
namespace {

using namespace storage;

template <class Id>
std::string raw(const Id& id) {
  return std::string{as_text(ByteView{id.bytes()})};
}

std::string text_of(ByteView bytes) { return std::string{as_text(bytes)}; }

bool known_kind(std::uint32_t kind) {
  return kind == static_cast<std::uint32_t>(OpKind::patch) ||
         kind == static_cast<std::uint32_t>(OpKind::remove);
}

}  // namespace

oracle::Commit for_oracle(const Commit& commit) {
  oracle::Commit out;
  out.id = raw(commit.id);
  out.member = raw(commit.header.member);
  out.feed = raw(commit.header.node) + std::to_string(commit.header.incarnation);
  out.hlc = commit.header.hlc.packed;
  if (commit.header.reissues) out.reissues = raw(*commit.header.reissues);
  const OpTable& table = commit.body.ops;
  const auto named = [&](const auto& dot) {
    return oracle::Dot{dot.index == 0 ? out.id : raw(commit.body.table.commits[dot.index - 1]),
                       dot.leaf};
  };
  const auto dots = [&](Slice slice) {
    std::vector<oracle::Dot> whole;
    for (const DotRange& dot : table.dots_in(slice))
      if (dot.count == 0) whole.push_back(named(dot));
    return whole;
  };
  const auto element = [&](const std::optional<ElementDot>& dot) {
    return dot ? std::optional{oracle::Element{named(*dot), dot->offset}} : std::nullopt;
  };
  std::uint32_t leaf = 0;
  for (const Op& op : table.ops) {
    ++leaf;
    const bool erases = op.kind == static_cast<std::uint32_t>(OpKind::erase);
    if (op.state == LeafState::gone || is_governance(op.kind)) continue;
    oracle::Op to;
    to.leaf = leaf;
    to.collection = op.collection;
    to.record = raw(op.id);
    to.removes = op.kind == static_cast<std::uint32_t>(OpKind::remove);
    to.known = known_kind(op.kind) || erases;
    to.full = op.state == LeafState::full;
    to.readable = op.payload_ok && to.known;
    to.replaced = dots(op.replaced);
    if (erases) {
      // One op, and as a whole: whatever else it may be does nothing.
      if (op.replaced.count != 1 || to.replaced.size() != 1) continue;
      to.erases = to.replaced[0];
    }
    for (const OpField& field : table.fields_of(op)) {
      auto& one = to.fields.emplace_back(oracle::Field{std::string{field.name}, field.tag,
                                                       dots(field.replaced), text_of(field.value)});
      for (const DotRange& dot : table.dots_in(field.replaced))
        if (dot.count > 0) one.removed.push_back({named(dot), dot.offset, dot.count});
      for (const Run& run : table.runs_in(field.runs))
        one.runs.push_back(
            {element(run.left), element(run.right), element(run.moved), run.length});
    }
    out.ops.push_back(std::move(to));
  }
  return out;
}

std::uint64_t latest_at(UnixMillis now) {
  return Hlc::at(now + limits::kClockAheadMax, 0xffff).packed;
}

oracle::State state_of(Store& store, const SpaceId& space) {
  oracle::State out;
  const auto row = must(store.log().find_space(space));
  if (!row) return out;
  auto get = must(store.database().prepare(
      "SELECT c.name, r.rid, r.state FROM record r JOIN collection c ON c.id = r.collection"
      " WHERE c.space = ?1"));
  get.bind(1, *row);
  while (must(get.step())) {
    const Bytes blob{get.blob(2).begin(), get.blob(2).end()};
    const merge::RecordState state = must(merge::decode_state(blob));
    const merge::Shown shown = merge::show(state, store.records().context());
    oracle::Record record;
    record.deleted_somewhere = shown.deleted || shown.edit_won_over_delete;
    for (const merge::ShownField& field : shown.fields) {
      auto& to = record.fields[{std::string{must(store.names().text(field.name()))}, field.tag()}];
      if (merge::has_elements(field.tag())) {
        merge::FieldState copy = *field.field;
        for (const Bytes& value : must(copy.open())->values()) to.elements.push_back(text_of(value));
        continue;
      }
      to.value = text_of(field.shown != nullptr ? field.shown->value : ByteView{field.total});
      for (const merge::FieldHead* other : field.others) to.others.push_back(text_of(other->value));
    }
    if (!record.fields.empty() || record.deleted_somewhere)
      out[{std::string{get.text(0)}, text_of(get.blob(1))}] = std::move(record);
  }
  return out;
}

}  // namespace maillon::test
