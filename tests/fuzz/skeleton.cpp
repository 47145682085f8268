#include "proto/op.hpp"
#include "proto/value.hpp"
#include "storage/merge/document.hpp"
#include "tests/fuzz/target.hpp"

/// One op as a body carries it. Each part has one form, so what is read is written byte for byte.
namespace maillon::fuzz {
namespace {

template <class Id>
void fill(std::vector<Id>& ids, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    std::array<std::uint8_t, Id::kSize> raw{};
    raw[0] = static_cast<std::uint8_t>(i + 1);
    ids.push_back(Id::from_array(raw));
  }
}

LeafTable some_table(Choices& in) {
  LeafTable out;
  if (in.rarely(4)) {
    const ByteView bytes = in.some();
    auto read = LeafTable::decode(bytes);
    if (read.has_error()) return out;
    Bytes again;
    read->encode_into(again);
    MAILLON_ASSERT(std::ranges::equal(again, bytes), "a table has one form");
    return *std::move(read);
  }
  fill(out.commits, in.below(8));
  fill(out.members, in.below(4));
  return out;
}

void check_value(std::uint32_t tag, ByteView bytes) {
  if (const auto value = Value::decode(bytes))
    MAILLON_ASSERT(std::ranges::equal(value->encoded(), bytes), "a value has one form");
  if (const auto elements = storage::merge::decode_elements(bytes)) {
    std::vector<Bytes> owned;
    for (const ByteView element : *elements) owned.push_back(copied(element));
    Bytes again;
    storage::merge::encode_elements(owned, again);
    MAILLON_ASSERT(std::ranges::equal(again, bytes), "elements have one form");
  }
  if (const auto said = storage::merge::said_by(tag, bytes))
    MAILLON_ASSERT(said->kind() == Value::Kind::json || is_utf8(said->text()),
                   "people can read it");
}

}  // namespace
}  // namespace maillon::fuzz

MAILLON_FUZZ_TARGET(skeleton) {
  using namespace maillon;
  using namespace maillon::fuzz;
  Choices in{input};
  const LeafTable table = some_table(in);
  const auto leaf = static_cast<std::uint32_t>(1 + in.below(8));
  const ByteView skeleton = in.some();
  OpTable ops;
  Op op;
  const auto shape = parse_skeleton(skeleton, leaf, table, ops, op);
  if (shape.has_error()) return;
  Bytes again;
  encode_skeleton(ops, op, shape->id_omitted, again);
  MAILLON_ASSERT(std::ranges::equal(again, skeleton), "a skeleton has one form");
  op.payload = in.rest();
  op.payload_ok = parse_payload(op.payload, table, ops, op);
  if (op.payload.empty()) return;
  again.clear();
  encode_payload(ops, op, again);
  MAILLON_ASSERT(std::ranges::equal(again, op.payload), "a payload has one form");
  if (!op.payload_ok) return;
  for (const OpField& field : ops.fields_of(op)) check_value(field.tag, field.value);
}
