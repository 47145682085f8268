#pragma once

#include <boost/container/small_vector.hpp>
#include <compare>
#include <cstdint>
#include <memory>
#include <set>
#include <vector>

#include "crypto/hash.hpp"
#include "proto/hlc.hpp"
#include "proto/op.hpp"
#include "proto/value.hpp"
#include "storage/merge/elements.hpp"

/// What a set of ops makes of one record (docs/merge.md). Pure: no I/O, no clock, no SQLite.
namespace maillon::storage::merge {

/// Part of every digest, so that nodes that merge by other rules never claim to agree.
inline constexpr std::uint32_t kMergeVersion = 3;

/// What merging must ask about commits and names; answered by the log, or by a test.
class Context {
 public:
  virtual ~Context() = default;
  [[nodiscard]] virtual CommitId commit_id(std::int64_t commit) const = 0;
  [[nodiscard]] virtual std::string_view name(std::int64_t id) const = 0;
  /// Equal for two commits exactly when they are of one feed.
  [[nodiscard]] virtual std::int64_t feed(std::int64_t commit) const = 0;
};

struct FieldChange {
  std::int64_t name = 0;
  std::uint32_t tag = 0;
  std::span<const OpRef> replaced;  ///< whole changes of this field
  ByteView value;
  std::span<const ElementRange> removed;  ///< elements of a set, list or text
  std::span<const SequenceRun> runs;
  bool erased = false;  ///< what it said is gone: `value` is empty
  std::span<const OffsetRange> erased_elements = {};  ///< likewise of these, of a set, list or text
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
  bool stray = false;  ///< nothing listed here leads to it: re-issues may name each other in circles
};

struct FieldHead {
  std::uint32_t op = 0;  ///< index into RecordState::ops
  bool through = false;  ///< live only because what superseded it is void
  ByteView value;
};

class Document;

struct FieldState {
  std::int64_t name = 0;
  std::uint32_t tag = 0;
  /// One, unless people disagree.
  boost::container::small_vector<FieldHead, 1> heads;  ///< the greatest (HLC, commit id, leaf) first

  // Sets, lists and texts: their heads have no values of their own. What all their ops made:
  std::shared_ptr<Document> document = nullptr;  ///< once it is read; what is encoded then
  ByteView stored = {};                          ///< as it was read
  std::uint64_t elements = 0;                    ///< that people see

  /// What `stored` says, read once. Errc::integrity, Errc::newer_version.
  [[nodiscard]] Result<Document*> open();
};

/// The heads of one record's history. Values are views into what it was decoded or applied from.
struct RecordState {
  std::vector<OpEntry> ops;
  std::vector<FieldState> fields;  ///< ascending by (name's text, tag)

  /// Whether a void op is among the heads, or a stray one: then only a full fold may change this
  /// state.
  [[nodiscard]] bool touched_by_void() const noexcept;
};

/// Errc::integrity when the stored bytes are no state.
[[nodiscard]] Result<RecordState> decode_state(ByteView blob);
void encode_state(const RecordState& state, Bytes& out);

/// Whether apply() may add this op. Of a set, list or text it cannot take away what only some of
/// those who wrote it had written: that takes a fold.
[[nodiscard]] bool adds_simply(const RecordState& state, const OpInput& op);
/// Adds one valid op to a state not touched by void ops. Every op that `op` supersedes was applied
/// before; the same state results in any such order. Fails when a stored document cannot be read.
[[nodiscard]] Result<void> apply(RecordState& state, const OpInput& op, const Context& context);

/// All ops of a record, in any order, with the aliases that re-issues make.
struct History {
  std::vector<OpInput> ops;
  Reissues reissues = {};
};
[[nodiscard]] RecordState fold(const History& history, const Context& context);

/// Of a record's ops those of which nothing is left but what they replaced, for `by` alone, which are
/// not void, have taken all of it away.
[[nodiscard]] std::set<OpRef> spent(const History& history, const std::set<OpRef>& by);
/// Changes, by op and name of the field, that nobody has taken away as a whole.
[[nodiscard]] std::set<std::pair<OpRef, std::int64_t>> standing(const History& history);

/// A field as people see it.
struct ShownField {
  const FieldState* field = nullptr;
  const FieldHead* shown = nullptr;      ///< none of sets, lists, texts and counters
  std::vector<const FieldHead*> others;  ///< further live values, distinct, the greatest first
  Bytes total = {};                      ///< of a counter, encoded

  [[nodiscard]] std::int64_t name() const noexcept { return field->name; }
  [[nodiscard]] std::uint32_t tag() const noexcept { return field->tag; }
  /// The value to show. Errc::malformed for one that cannot be read; see FieldState::open.
  [[nodiscard]] Result<Value> value() const;
};
struct Shown {
  std::vector<ShownField> fields;  ///< without those that everyone cleared
  bool visible = false;
  bool edit_won_over_delete = false;
  bool in_conflict = false;
  bool deleted = false;  ///< a live delete and nothing live beside it
};
[[nodiscard]] Shown show(const RecordState& state, const Context& context);

/// Adds a visible record, with its conflicts, to a space's digest; nothing for one not visible.
[[nodiscard]] Result<void> digest_into(crypto::Hasher& hasher, std::string_view collection,
                                       const RecordId& id, const RecordState& state,
                                       const Context& context);

}  // namespace maillon::storage::merge
