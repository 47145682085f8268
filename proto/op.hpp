#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "proto/ids.hpp"
#include "proto/limits.hpp"

/// Ops as they stand in a commit's body (docs/protocol.md, "Bodies"). Nothing here hashes: leaves are
/// bound to their header in storage/log.
namespace maillon {

/// What an op does. Numbers not named here are kept, relayed, and supersede what they say they do.
enum class OpKind : std::uint32_t {
  patch = 1,     ///< new values of some fields of a record
  remove = 2,    ///< deletes a record
  erase = 3,     ///< names a leaf whose payload must go
  genesis = 16,  ///< 16 … 63 are governance: one field, whose value is a message of governance.proto
  proposal = 17,
  vote = 18,
  certificate = 19,  ///< of a further node, its 200 bytes as they stand
  address = 20,
  revocation = 21,
  evidence = 22,
  erasure_word = 23,
  erasure_receipt = 24,
};
[[nodiscard]] constexpr bool is_governance(std::uint32_t kind) noexcept {
  return kind >= 16 && kind < 64;
}

/// How a field merges; the op carries it, so folding reads no schema.
enum class FieldTag : std::uint32_t {
  reg = 1,
  set = 2,
  counter = 3,
  list = 4,
  text = 5,
  max = 6,
  min = 7,
};

/// How a record got its id; each form hashes under a domain byte of its own.
enum class IdForm : std::uint8_t { random = 0, derived = 1, owned = 2 };

/// H(0x10 ‖ sized 32 random bytes), first 16 bytes; likewise below. Hashing is injected: proto knows none.
inline constexpr std::uint8_t kRandomIdDomain = 0x10;
inline constexpr std::uint8_t kDerivedIdDomain = 0x11;
inline constexpr std::uint8_t kOwnedIdDomain = 0x12;

/// Dots inside a body: `index` points into leaf 0's table of commits (0 is the commit itself).
/// count 0 names the whole op; otherwise elements offset … offset+count-1 of a list or text.
struct DotRange {
  std::uint32_t index = 0;
  std::uint32_t leaf = 0;
  std::uint32_t offset = 0;
  std::uint32_t count = 0;
  friend auto operator<=>(const DotRange&, const DotRange&) noexcept = default;
};

/// One element of a list or text, as an anchor.
struct ElementDot {
  std::uint32_t index = 0;
  std::uint32_t leaf = 0;
  std::uint32_t offset = 0;
  friend auto operator<=>(const ElementDot&, const ElementDot&) noexcept = default;
};

/// Elements inserted (or one element moved) between two anchors.
struct Run {
  std::optional<ElementDot> left;
  std::optional<ElementDot> right;
  std::optional<ElementDot> moved;
  std::uint32_t length = 0;  ///< Unicode scalars or list elements
  friend bool operator==(const Run&, const Run&) noexcept = default;
};

struct Attachment {
  Digest root;
  std::uint64_t size = 0;
  std::optional<std::uint32_t> addressee;  ///< index into leaf 0's table of members
};

/// Where a slice of one of Body's flat tables begins and how long it is.
struct Slice {
  std::uint32_t first = 0;
  std::uint32_t count = 0;
};

struct OpField {
  std::string_view name;
  std::uint32_t tag = 0;
  Slice replaced;  ///< of OpTable::dots
  Slice runs;      ///< of OpTable::runs
  ByteView value;  ///< encoded; empty when the payload is gone or cannot be decoded
};

/// What of a leaf a node still holds.
enum class LeafState : std::uint8_t {
  full = 0,  ///< skeleton and payload
  bare = 1,  ///< skeleton and the hash that stands for salt and payload: erased, redacted or pruned
  gone = 2,  ///< pruned with its neighbours to the hash of their subtree
};

/// One op of a body. Views point into the body's bytes, or into what encode was given.
struct Op {
  std::uint32_t kind = 0;
  std::string_view collection;
  IdForm id_form = IdForm::random;
  RecordId id = RecordId::zero();
  std::uint32_t owner = 0;  ///< owned ids: index into leaf 0's table of members
  std::string_view key;     ///< owned ids
  Slice replaced;           ///< of OpTable::dots: whole ops that this one supersedes
  Slice fields;             ///< of OpTable::fields, ascending by (name, tag)
  LeafState state = LeafState::full;
  bool payload_ok = false;  ///< payload present and decoded
  std::string_view source;
  std::string_view external_id;
  Slice attachments;
  ByteView payload;  ///< as the body has it; empty when it is gone
};

/// Ops with their variable parts in flat tables, so that parsing thousands allocates a few times.
struct OpTable {
  std::vector<Op> ops;  ///< leaf k+1 is ops[k]
  std::vector<OpField> fields;
  std::vector<DotRange> dots;
  std::vector<Run> runs;
  std::vector<Attachment> attachments;

  template <class T>
  [[nodiscard]] static std::span<const T> in(const std::vector<T>& table, Slice s) noexcept {
    return {table.data() + s.first, s.count};
  }
  [[nodiscard]] std::span<const OpField> fields_of(const Op& op) const noexcept {
    return in(fields, op.fields);
  }
  [[nodiscard]] std::span<const DotRange> dots_in(Slice s) const noexcept { return in(dots, s); }
  [[nodiscard]] std::span<const Run> runs_in(Slice s) const noexcept { return in(runs, s); }
};

/// Leaf 0: the commits and members that the body refers to by index.
struct LeafTable {
  std::vector<CommitId> commits;  ///< index 1 … n; index 0 is the commit itself
  std::vector<MemberId> members;
  std::uint32_t reissues = 0;  ///< index of the commit that this one replaces, 0 for none

  void encode_into(Bytes& out) const;
  /// Errc::malformed for repeats, too many, or trailing bytes.
  [[nodiscard]] static Result<LeafTable> decode(ByteView bytes);
};

/// Appends the skeleton of `op`: the bytes that its leaf hash covers, or, with `omit_id`, the
/// form in which a body carries it when the id can be computed again.
void encode_skeleton(const OpTable& table, const Op& op, bool omit_id, Bytes& out);
/// Appends (source, external id), attachments and one value per field; of an op whose payload was
/// there and could not be decoded, that payload.
void encode_payload(const OpTable& table, const Op& op, Bytes& out);

/// Where the pieces of a carried skeleton are, to rebuild the hashed form.
struct SkeletonShape {
  bool id_omitted = false;
  std::size_t id_form_at = 0;  ///< offset of the id form's byte
};

/// Reads one carried skeleton to its end into `table`, adding its fields and dots. `op_index` and
/// `leaf_table` bound what its dots may name. Errc::malformed says which rule it broke.
[[nodiscard]] Result<SkeletonShape> parse_skeleton(ByteView bytes, std::uint32_t leaf,
                                                   const LeafTable& leaf_table, OpTable& table,
                                                   Op& op);

/// Fills source, external id, attachments and the fields' values; false when it cannot be decoded,
/// which leaves the op without effect but superseding.
[[nodiscard]] bool parse_payload(ByteView bytes, const LeafTable& leaf_table, OpTable& table, Op& op);

}  // namespace maillon
