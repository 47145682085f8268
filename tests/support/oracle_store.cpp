#include "tests/support/oracle_store.hpp"

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
  out.hlc = commit.header.hlc.packed;
  if (commit.header.reissues) out.reissues = raw(*commit.header.reissues);
  const OpTable& table = commit.body.ops;
  const auto dots = [&](Slice slice) {
    std::vector<oracle::Dot> named;
    for (const DotRange& dot : table.dots_in(slice))
      if (dot.count == 0)
        named.push_back(
            {dot.index == 0 ? out.id : raw(commit.body.table.commits[dot.index - 1]), dot.leaf});
    return named;
  };
  std::uint32_t leaf = 0;
  for (const Op& op : table.ops) {
    ++leaf;
    if (op.state == LeafState::gone || is_governance(op.kind) ||
        op.kind == static_cast<std::uint32_t>(OpKind::erase))
      continue;
    oracle::Op to;
    to.leaf = leaf;
    to.collection = op.collection;
    to.record = raw(op.id);
    to.removes = op.kind == static_cast<std::uint32_t>(OpKind::remove);
    to.readable = op.payload_ok && known_kind(op.kind);
    to.replaced = dots(op.replaced);
    for (const OpField& field : table.fields_of(op))
      to.fields.push_back(
          {std::string{field.name}, field.tag, dots(field.replaced), text_of(field.value)});
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
    const merge::Shown shown = merge::show(state);
    oracle::Record record;
    record.deleted_somewhere = shown.deleted || shown.edit_won_over_delete;
    for (const merge::ShownField& field : shown.fields) {
      auto& to = record.fields[{std::string{store.names().text(field.name)}, field.tag}];
      to.value = text_of(field.shown->value);
      for (const merge::FieldHead* other : field.others) to.others.push_back(text_of(other->value));
    }
    if (!record.fields.empty() || record.deleted_somewhere)
      out[{std::string{get.text(0)}, text_of(get.blob(1))}] = std::move(record);
  }
  return out;
}

}  // namespace maillon::test
