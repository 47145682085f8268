#pragma once

#include <boost/container/small_vector.hpp>
#include <compare>
#include <cstdint>
#include <vector>

#include "crypto/hash.hpp"
#include "proto/hlc.hpp"
#include "proto/op.hpp"

/// What a set of ops makes of one record (docs/merge.md). Pure: no I/O, no clock, no SQLite.
namespace maillon::storage::merge {

/// Part of every digest, so that nodes that merge by other rules never claim to agree.
inline constexpr std::uint32_t kMergeVersion = 1;

/// An op by the place of its commit in this node's log: a local name, never sent or hashed.
struct OpRef {
  std::int64_t commit = 0;
  std::uint32_t leaf = 0;
  friend auto operator<=>(const OpRef&, const OpRef&) noexcept = default;
};

/// What merging must ask about commits and names; answered by the log, or by a test.
class Context {
 public:
  virtual ~Context() = default;
  [[nodiscard]] virtual CommitId commit_id(std::int64_t commit) const = 0;
  [[nodiscard]] virtual std::string_view name(std::int64_t id) const = 0;
};

struct FieldChange {
  std::int64_t name = 0;
  std::uint32_t tag = 0;
  std::span<const OpRef> replaced;
  ByteView value;
};

/// One op as folding sees it: dots resolved to local names.
struct OpInput {
  OpRef ref;
  Hlc hlc;
  std::uint32_t kind = 0;
  bool is_void = false;
  bool imported = false;  ///< came from a source: its payload opens with an external id
  bool readable = false;  ///< of a kind known here, with a payload that could be decoded
  std::span<const OpRef> replaced;
  std::span<const FieldChange> fields;  ///< ascending by (name's text, tag)
};

struct OpEntry {
  OpRef ref;
  Hlc hlc;
  bool is_void = false;
  bool removes = false;
  bool bare = false;        ///< without fields, and no delete: of a kind not known here
  bool superseded = false;  ///< deletes and bare ops: they stay listed, since later ops name them all
  bool imported = false;
  bool readable = false;
};

struct FieldHead {
  std::uint32_t op = 0;  ///< index into RecordState::ops
  bool through = false;  ///< live only because what superseded it is void
  ByteView value;
};

struct FieldState {
  std::int64_t name = 0;
  std::uint32_t tag = 0;
  /// One, unless people disagree.
  boost::container::small_vector<FieldHead, 1> heads;  ///< the greatest (HLC, commit id, leaf) first
};

/// The heads of one record's history. Values are views into what it was decoded or applied from.
struct RecordState {
  std::vector<OpEntry> ops;
  std::vector<FieldState> fields;  ///< ascending by (name's text, tag)

  /// Whether a void op is among the heads: then only a full fold may change this state.
  [[nodiscard]] bool touched_by_void() const noexcept;
};

/// Errc::integrity when the stored bytes are no state.
[[nodiscard]] Result<RecordState> decode_state(ByteView blob);
void encode_state(const RecordState& state, Bytes& out);

/// Adds one valid op to a state not touched by void ops. Every op that `op` supersedes was applied
/// before; the same state results in any such order.
void apply(RecordState& state, const OpInput& op, const Context& context);

/// All ops of a record, in any order, with the aliases that re-issues make: `first` was replaced
/// by `second`, leaf for leaf.
struct History {
  std::vector<OpInput> ops;
  std::vector<std::pair<std::int64_t, std::int64_t>> reissues;
};
[[nodiscard]] RecordState fold(const History& history, const Context& context);

/// A field as people see it.
struct ShownField {
  std::int64_t name = 0;
  std::uint32_t tag = 0;
  const FieldHead* shown = nullptr;
  std::vector<const FieldHead*> others;  ///< further live values, distinct, shown first
};
struct Shown {
  std::vector<ShownField> fields;  ///< without those that everyone cleared
  bool visible = false;
  bool edit_won_over_delete = false;
  bool in_conflict = false;
  bool deleted = false;  ///< a live delete and nothing live beside it
};
[[nodiscard]] Shown show(const RecordState& state);

/// Adds a visible record, with its conflicts, to a space's digest; nothing for one not visible.
void digest_into(crypto::Hasher& hasher, std::string_view collection, const RecordId& id,
                 const RecordState& state, const Context& context);

}  // namespace maillon::storage::merge
