#include "proto/op.hpp"

#include <gtest/gtest.h>

#include <functional>

namespace maillon {
namespace {

CommitId commit_number(std::uint8_t n) {
  std::array<std::uint8_t, 32> raw{};
  raw[0] = n;
  return CommitId::from_array(raw);
}
MemberId member_number(std::uint8_t n) {
  std::array<std::uint8_t, 32> raw{};
  raw[31] = n;
  return MemberId::from_array(raw);
}

/// An op with something of everything.
struct Sample {
  LeafTable leaf_table;
  OpTable table;
  Op op;

  Sample() {
    leaf_table.commits = {commit_number(1), commit_number(2)};
    leaf_table.members = {member_number(1)};
    op.kind = 1;
    op.collection = "lieux";
    op.id_form = IdForm::owned;
    op.id = RecordId::from_array({1, 2, 3});
    op.owner = 0;
    op.key = "clé";
    table.dots = {{0, 1, 0, 0}, {1, 4096, 0, 0}, {2, 3, 5, 7}};
    op.replaced = {0, 2};
    table.runs = {{ElementDot{1, 2, 3}, std::nullopt, std::nullopt, 4},
                  {ElementDot{0, 2, 1}, ElementDot{2, 9, 0}, ElementDot{1, 1, 1}, 1}};
    table.fields = {{"nom", 1, {0, 1}, {0, 0}, as_bytes("v1")},
                    {"nom", 5, {2, 1}, {0, 2}, as_bytes("v2")},
                    {"tel", 1, {0, 0}, {0, 0}, {}}};
    op.fields = {0, 3};
    op.source = "carte";
    op.external_id = "ext-1";
    table.attachments = {{Digest::zero(), 12, std::nullopt}, {Digest::zero(), 1u << 30, 0}};
    op.attachments = {0, 2};
  }

  [[nodiscard]] Bytes skeleton(bool omit_id = false) const {
    Bytes out;
    encode_skeleton(table, op, omit_id, out);
    return out;
  }
  [[nodiscard]] Bytes payload() const {
    Bytes out;
    encode_payload(table, op, out);
    return out;
  }
};

TEST(Op, SkeletonAndPayloadRoundTrip) {
  const Sample sample;
  const Bytes skeleton = sample.skeleton();
  const Bytes payload = sample.payload();
  OpTable table;
  Op op;
  const auto shape = parse_skeleton(skeleton, 2, sample.leaf_table, table, op);
  ASSERT_TRUE(shape.has_value()) << shape.error().detail;
  EXPECT_FALSE(shape->id_omitted);
  ASSERT_TRUE(parse_payload(payload, sample.leaf_table, table, op));
  EXPECT_EQ(op.id, sample.op.id);
  EXPECT_EQ(op.key, "clé");
  EXPECT_EQ(op.external_id, "ext-1");
  ASSERT_EQ(table.fields.size(), 3u);
  EXPECT_EQ(as_text(table.fields[1].value), "v2");
  EXPECT_EQ(table.runs, sample.table.runs);
  EXPECT_EQ(table.attachments[1].addressee, 0u);
  EXPECT_TRUE(op.payload_ok);
  Sample again;
  again.table = table;
  again.op = op;
  EXPECT_EQ(again.skeleton(), skeleton);
  EXPECT_EQ(again.payload(), payload);
}

TEST(Op, AnOmittedIdIsShorterByTheId) {
  const Sample sample;
  const Bytes carried = sample.skeleton(/*omit_id=*/true);
  EXPECT_EQ(carried.size() + RecordId::kSize, sample.skeleton().size());
  OpTable table;
  Op op;
  const auto shape = parse_skeleton(carried, 2, sample.leaf_table, table, op);
  ASSERT_TRUE(shape.has_value());
  EXPECT_TRUE(shape->id_omitted);
  EXPECT_EQ(carried[shape->id_form_at], 0x82);
}

TEST(Op, UnknownKindsAndTagsAreRead) {
  Sample sample;
  sample.op.kind = 0xffff;
  sample.table.fields[1].tag = 0xffff;
  OpTable table;
  Op op;
  EXPECT_TRUE(parse_skeleton(sample.skeleton(), 2, sample.leaf_table, table, op).has_value());
  EXPECT_EQ(op.kind, 0xffffu);
}

struct Broken {
  const char* name;
  std::function<void(Sample&)> how;
};
class BrokenSkeleton : public testing::TestWithParam<Broken> {};

// Each row breaks one rule of docs/protocol.md, "Bodies".
TEST_P(BrokenSkeleton, IsRefused) {
  Sample sample;
  GetParam().how(sample);
  OpTable table;
  Op op;
  const auto got = parse_skeleton(sample.skeleton(), 2, sample.leaf_table, table, op);
  ASSERT_TRUE(got.has_error());
  EXPECT_EQ(got.error().code, Errc::malformed);
}

const std::string kTooLong(limits::kNameMax + 1, 'x');
const std::string kKeyTooLong(limits::kExternalIdMax + 1, 'x');

INSTANTIATE_TEST_SUITE_P(
    Table, BrokenSkeleton,
    testing::Values(
        Broken{"KindZero", [](Sample& s) { s.op.kind = 0; }},
        Broken{"KindTooLarge", [](Sample& s) { s.op.kind = 0x10000; }},
        Broken{"CollectionTooLong", [](Sample& s) { s.op.collection = kTooLong; }},
        Broken{"CollectionNotUtf8", [](Sample& s) { s.op.collection = "\xff"; }},
        Broken{"UnknownIdForm", [](Sample& s) { s.op.id_form = static_cast<IdForm>(3); }},
        Broken{"OwnerUnknown", [](Sample& s) { s.op.owner = 1; }},
        Broken{"KeyTooLong", [](Sample& s) { s.op.key = kKeyTooLong; }},
        Broken{"DotOfUnknownCommit", [](Sample& s) { s.table.dots[1].index = 3; }},
        Broken{"DotOfLeafZero", [](Sample& s) { s.table.dots[1].leaf = 0; }},
        Broken{"DotOfLeafBeyondAll", [](Sample& s) { s.table.dots[1].leaf = 4097; }},
        Broken{"DotOfItself", [](Sample& s) { s.table.dots[0].leaf = 2; }},
        Broken{"DotsNotAscending", [](Sample& s) { std::swap(s.table.dots[0], s.table.dots[1]); }},
        Broken{"DotsRepeated", [](Sample& s) { s.table.dots[1] = s.table.dots[0]; }},
        Broken{"DotRangeTooLong", [](Sample& s) { s.table.dots[2].count = (1u << 20) + 1; }},
        Broken{"DotOffsetTooLarge", [](Sample& s) { s.table.dots[2].offset = (1u << 20) + 1; }},
        Broken{"FieldsNotAscending",
               [](Sample& s) { std::swap(s.table.fields[0], s.table.fields[2]); }},
        Broken{"FieldsRepeated", [](Sample& s) { s.table.fields[1].tag = 1; }},
        Broken{"FieldNameTooLong", [](Sample& s) { s.table.fields[2].name = kTooLong; }},
        Broken{"FieldNameNotUtf8", [](Sample& s) { s.table.fields[2].name = "\xff"; }},
        Broken{"FieldTagTooLarge", [](Sample& s) { s.table.fields[2].tag = 0x10000; }},
        Broken{"AnchorOfUnknownCommit", [](Sample& s) { s.table.runs[0].left->index = 3; }},
        Broken{"AnchorOfLaterLeaf", [](Sample& s) { s.table.runs[1].left->leaf = 3; }},
        Broken{"RunTooLong", [](Sample& s) { s.table.runs[0].length = (1u << 20) + 1; }}),
    [](const auto& row) { return std::string{row.param.name}; });

TEST(Op, RandomIdsCannotBeLeftOut) {
  Sample sample;
  sample.op.id_form = IdForm::random;
  OpTable table;
  Op op;
  EXPECT_FALSE(parse_skeleton(sample.skeleton(true), 2, sample.leaf_table, table, op).has_value());
}

TEST(Op, EveryCutAndEveryAddedByteIsRefused) {
  const Sample sample;
  const Bytes skeleton = sample.skeleton();
  for (std::size_t size = 0; size < skeleton.size(); ++size) {
    OpTable table;
    Op op;
    EXPECT_FALSE(parse_skeleton(ByteView{skeleton}.first(size), 2, sample.leaf_table, table, op)
                     .has_value());
  }
  Bytes longer = skeleton;
  longer.push_back(0);
  OpTable table;
  Op op;
  EXPECT_FALSE(parse_skeleton(longer, 2, sample.leaf_table, table, op).has_value());
}

TEST(Op, APayloadThatCannotBeReadLeavesNoValues) {
  const Sample sample;
  const Bytes payload = sample.payload();
  for (std::size_t size = 0; size < payload.size(); ++size) {
    OpTable table;
    Op op;
    ASSERT_TRUE(parse_skeleton(sample.skeleton(), 2, sample.leaf_table, table, op).has_value());
    EXPECT_FALSE(parse_payload(ByteView{payload}.first(size), sample.leaf_table, table, op));
    EXPECT_FALSE(op.payload_ok);
    for (const OpField& field : table.fields) EXPECT_TRUE(field.value.empty());
  }
  Sample unknown_addressee;
  unknown_addressee.table.attachments[1].addressee = 1;
  OpTable table;
  Op op;
  ASSERT_TRUE(parse_skeleton(sample.skeleton(), 2, sample.leaf_table, table, op).has_value());
  EXPECT_FALSE(parse_payload(unknown_addressee.payload(), sample.leaf_table, table, op));
}

// What cannot be read is handed on as it was.
TEST(Op, AnUnreadablePayloadIsEncodedAsItStands) {
  Op op;
  const Bytes raw{0xff, 0xff, 1, 2, 3};
  op.payload = raw;
  Bytes out;
  encode_payload(OpTable{}, op, out);
  EXPECT_EQ(out, raw);
}

TEST(LeafTable, RoundTripsAndRefusesWhatIsNone) {
  LeafTable table;
  table.commits = {commit_number(7), commit_number(3)};
  table.members = {member_number(1)};
  table.reissues = 2;
  Bytes bytes;
  table.encode_into(bytes);
  const auto back = LeafTable::decode(bytes);
  ASSERT_TRUE(back.has_value());
  EXPECT_EQ(back->commits, table.commits);
  EXPECT_EQ(back->members, table.members);
  EXPECT_EQ(back->reissues, 2u);
  for (std::size_t size = 0; size < bytes.size(); ++size)
    EXPECT_FALSE(LeafTable::decode(ByteView{bytes}.first(size)).has_value());
  const auto refused = [](const LeafTable& bad) {
    Bytes raw;
    bad.encode_into(raw);
    return LeafTable::decode(raw).has_error();
  };
  LeafTable repeated = table;
  repeated.commits[1] = repeated.commits[0];
  EXPECT_TRUE(refused(repeated));
  LeafTable beyond = table;
  beyond.reissues = 3;
  EXPECT_TRUE(refused(beyond));
  Bytes longer = bytes;
  longer.push_back(0);
  EXPECT_FALSE(LeafTable::decode(longer).has_value());
  // A count that no bytes stand behind must not make room for it.
  EXPECT_FALSE(LeafTable::decode(Bytes{0x80, 0x40}).has_value());
}

}  // namespace
}  // namespace maillon
