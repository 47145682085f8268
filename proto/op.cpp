#include "proto/op.hpp"

#include <algorithm>

namespace maillon {
namespace {

constexpr std::uint8_t kOmitted = 0x80;
constexpr std::uint32_t kIndexMax = limits::kTableIdsMax;

void encode_dots(std::span<const DotRange> dots, ByteWriter& out) {
  out.varint(dots.size());
  for (const DotRange& dot : dots) {
    out.varint(dot.index);
    out.varint(dot.leaf);
    out.varint(dot.count);
    if (dot.count > 0) out.varint(dot.offset);
  }
}

void encode_element(const ElementDot& dot, ByteWriter& out) {
  out.varint(dot.index);
  out.varint(dot.leaf);
  out.varint(dot.offset);
}

void encode_run(const Run& run, ByteWriter& out) {
  out.u8(static_cast<std::uint8_t>((run.left ? 1 : 0) | (run.right ? 2 : 0) | (run.moved ? 4 : 0)));
  for (const auto* anchor : {&run.left, &run.right, &run.moved})
    if (*anchor) encode_element(**anchor, out);
  out.varint(run.length);
}

/// A dot may name an op of another commit of the table, or an earlier leaf of the same commit.
bool in_reach(std::uint32_t index, std::uint32_t leaf, std::uint32_t own_leaf,
              const LeafTable& table) {
  if (index > table.commits.size() || leaf == 0 || leaf > limits::kCommitOpsMax) return false;
  return index != 0 || leaf < own_leaf;
}

bool read_dots(ByteReader& in, std::uint32_t own_leaf, const LeafTable& leaf_table,
               std::vector<DotRange>& dots, Slice& slice) {
  slice.first = static_cast<std::uint32_t>(dots.size());
  slice.count = in.varint32(limits::kCommitOpsMax * 4);
  if (slice.count > in.left()) return false;  // At least three bytes each: bounds the reserve.
  for (std::uint32_t i = 0; i < slice.count && in.ok(); ++i) {
    DotRange dot;
    dot.index = in.varint32(kIndexMax);
    dot.leaf = in.varint32(limits::kCommitOpsMax);
    dot.count = in.varint32(limits::kCommitBodyMax);
    if (dot.count > 0) dot.offset = in.varint32(limits::kCommitBodyMax);
    if (!in_reach(dot.index, dot.leaf, own_leaf, leaf_table)) return false;
    if (i > 0 && !(dots.back() < dot)) return false;
    dots.push_back(dot);
  }
  return in.ok();
}

bool read_element(ByteReader& in, std::uint32_t own_leaf, const LeafTable& leaf_table,
                  std::optional<ElementDot>& out) {
  ElementDot dot;
  dot.index = in.varint32(kIndexMax);
  dot.leaf = in.varint32(limits::kCommitOpsMax);
  dot.offset = in.varint32(limits::kCommitBodyMax);
  out = dot;
  // A run may hang on an earlier run of its own op, so the own leaf is in reach here.
  return in.ok() && in_reach(dot.index, dot.leaf, own_leaf + 1, leaf_table);
}

bool read_runs(ByteReader& in, std::uint32_t own_leaf, const LeafTable& leaf_table,
               std::vector<Run>& runs, Slice& slice) {
  slice.first = static_cast<std::uint32_t>(runs.size());
  slice.count = in.varint32(limits::kRunsMax);
  if (slice.count > in.left()) return false;
  for (std::uint32_t i = 0; i < slice.count; ++i) {
    Run run;
    const std::uint8_t flags = in.u8();
    if (flags > 7) return false;
    if ((flags & 1) != 0 && !read_element(in, own_leaf, leaf_table, run.left)) return false;
    if ((flags & 2) != 0 && !read_element(in, own_leaf, leaf_table, run.right)) return false;
    if ((flags & 4) != 0 && !read_element(in, own_leaf, leaf_table, run.moved)) return false;
    run.length = in.varint32(limits::kCommitBodyMax);
    if (!in.ok()) return false;
    runs.push_back(run);
  }
  return true;
}

bool is_name(ByteView bytes) { return is_utf8(as_text(bytes)); }

bool read_fields(ByteReader& in, std::uint32_t leaf, const LeafTable& leaf_table, OpTable& table,
                 Op& op) {
  op.fields.first = static_cast<std::uint32_t>(table.fields.size());
  op.fields.count = in.varint32(limits::kFieldsMax);
  for (std::uint32_t i = 0; i < op.fields.count; ++i) {
    OpField field;
    const ByteView name = in.sized(limits::kNameMax);
    field.name = as_text(name);
    field.tag = in.varint32(0xffff);
    if (!in.ok() || !is_name(name)) return false;
    if (i > 0) {
      const OpField& before = table.fields.back();
      if (std::tie(before.name, before.tag) >= std::tie(field.name, field.tag)) return false;
    }
    if (!read_dots(in, leaf, leaf_table, table.dots, field.replaced)) return false;
    if (!read_runs(in, leaf, leaf_table, table.runs, field.runs)) return false;
    table.fields.push_back(field);
  }
  return in.ok();
}

}  // namespace

void LeafTable::encode_into(Bytes& out) const {
  ByteWriter w{out};
  w.varint(commits.size());
  for (const CommitId& id : commits) w.raw(id.bytes());
  w.varint(members.size());
  for (const MemberId& id : members) w.raw(id.bytes());
  w.varint(reissues);
}

Result<LeafTable> LeafTable::decode(ByteView bytes) {
  const auto bad = [](const char* why) { return Error{Errc::malformed, why}; };
  ByteReader in{bytes};
  LeafTable out;
  const auto read_ids = [&](auto& ids) {
    using Id = typename std::remove_reference_t<decltype(ids)>::value_type;
    const std::uint32_t count = in.varint32(kIndexMax);
    if (count > in.left() / Id::kSize) return in.fail();
    for (std::uint32_t i = 0; i < count; ++i) {
      auto id = Id::from_bytes(in.raw(Id::kSize));
      if (!id) return in.fail();
      ids.push_back(*id);
    }
    auto sorted = ids;
    std::ranges::sort(sorted);
    if (std::ranges::adjacent_find(sorted) != sorted.end()) in.fail();
  };
  read_ids(out.commits);
  read_ids(out.members);
  out.reissues = in.varint32(kIndexMax);
  if (!in.at_end()) return bad("leaf 0: not a table");
  if (out.reissues > out.commits.size()) return bad("leaf 0: re-issue out of range");
  return out;
}

void encode_skeleton(const OpTable& table, const Op& op, bool omit_id, Bytes& out) {
  ByteWriter w{out};
  w.varint(op.kind);
  w.sized(op.collection);
  w.u8(static_cast<std::uint8_t>(static_cast<std::uint8_t>(op.id_form) | (omit_id ? kOmitted : 0)));
  if (!omit_id) w.raw(op.id.bytes());
  if (op.id_form == IdForm::owned) {
    w.varint(op.owner);
    w.sized(op.key);
  }
  encode_dots(table.dots_in(op.replaced), w);
  w.varint(op.fields.count);
  for (const OpField& field : table.fields_of(op)) {
    w.sized(field.name);
    w.varint(field.tag);
    encode_dots(table.dots_in(field.replaced), w);
    w.varint(field.runs.count);
    for (const Run& run : table.runs_in(field.runs)) encode_run(run, w);
  }
}

void encode_payload(const OpTable& table, const Op& op, Bytes& out) {
  ByteWriter w{out};
  if (!op.payload_ok && !op.payload.empty()) return w.raw(op.payload);
  w.sized(op.source);
  w.sized(op.external_id);
  w.varint(op.attachments.count);
  for (const Attachment& file : OpTable::in(table.attachments, op.attachments)) {
    w.raw(file.root.bytes());
    w.varint(file.size);
    w.varint(file.addressee ? *file.addressee + 1u : 0u);
  }
  for (const OpField& field : table.fields_of(op)) w.sized(field.value);
}

Result<SkeletonShape> parse_skeleton(ByteView bytes, std::uint32_t leaf, const LeafTable& leaf_table,
                                     OpTable& table, Op& op) {
  const auto bad = [](const char* why) { return Error{Errc::malformed, why}; };
  ByteReader in{bytes};
  SkeletonShape shape;
  op.kind = in.varint32(0xffff);
  const ByteView collection = in.sized(limits::kNameMax);
  op.collection = as_text(collection);
  shape.id_form_at = in.position();
  const std::uint8_t form = in.u8();
  shape.id_omitted = (form & kOmitted) != 0;
  if (!in.ok() || (form & ~kOmitted) > 2) return bad("skeleton: unknown form of record id");
  op.id_form = static_cast<IdForm>(form & ~kOmitted);
  if (op.kind == 0 || !is_name(collection)) return bad("skeleton: kind or collection");
  if (shape.id_omitted && op.id_form == IdForm::random) return bad("skeleton: a random id is missing");
  if (!shape.id_omitted) {
    const auto id = RecordId::from_bytes(in.raw(RecordId::kSize));
    if (!id) return bad("skeleton: record id");
    op.id = *id;
  }
  if (op.id_form == IdForm::owned) {
    op.owner = in.varint32(kIndexMax);
    const ByteView key = in.sized(limits::kExternalIdMax);
    op.key = as_text(key);
    if (!in.ok() || op.owner >= leaf_table.members.size()) return bad("skeleton: owner out of range");
  }
  if (!read_dots(in, leaf, leaf_table, table.dots, op.replaced))
    return bad("skeleton: replaced dots");
  if (!read_fields(in, leaf, leaf_table, table, op)) return bad("skeleton: fields");
  if (!in.at_end()) return bad("skeleton: bytes left over");
  return shape;
}

bool parse_payload(ByteView bytes, const LeafTable& leaf_table, OpTable& table, Op& op) {
  ByteReader in{bytes};
  const ByteView source = in.sized(limits::kNameMax);
  const ByteView external = in.sized(limits::kExternalIdMax);
  const std::uint32_t attachments = in.varint32(limits::kAttachmentsMax);
  if (!in.ok() || !is_utf8(as_text(source)) || !is_utf8(as_text(external))) return false;
  // The id may depend on these even when the values below cannot be read.
  op.source = as_text(source);
  op.external_id = as_text(external);
  op.attachments = {static_cast<std::uint32_t>(table.attachments.size()), 0};
  for (std::uint32_t i = 0; i < attachments; ++i) {
    const auto root = Digest::from_bytes(in.raw(Digest::kSize));
    if (!root) return false;
    Attachment file{*root, in.varint(), std::nullopt};
    const std::uint32_t addressee = in.varint32(kIndexMax);
    if (!in.ok() || addressee > leaf_table.members.size()) return false;
    if (addressee > 0) file.addressee = addressee - 1;
    table.attachments.push_back(file);
    ++op.attachments.count;
  }
  const std::span<OpField> fields{table.fields.data() + op.fields.first, op.fields.count};
  for (OpField& field : fields) field.value = in.sized(limits::kCommitBodyMax);
  if (!in.at_end()) {
    for (OpField& field : fields) field.value = {};
    return false;
  }
  op.payload_ok = true;
  return true;
}

}  // namespace maillon
