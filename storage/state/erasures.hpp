#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "storage/log/log.hpp"
#include "storage/merge/elements.hpp"

/// What others asked to erase of ops, and what is left of those (docs/merge.md, "Erasure").
namespace maillon::storage {

class CommitCache;

enum class ErasureEffect : std::int64_t {
  none = 0,
  hides = 1,     ///< until somebody who may decides
  destroys = 2,  ///< and has: for ever
};

/// One op asks to erase another.
struct Erasure {
  merge::OpRef target;
  merge::OpRef by;
  ErasureEffect effect = ErasureEffect::none;
};

/// What is left of one field of an op.
struct FieldRemains {
  ByteView value;
  bool erased = false;                     ///< all of it; `value` is empty
  std::vector<merge::OffsetRange> elements;  ///< of a set, list or text: erased; ascending, apart
  bool lost = false;                       ///< erased, though nobody asked for it: nobody says what it was
};

/// What is left of an op that somebody asked to erase.
struct Remains {
  bool whole = false;     ///< nothing is
  bool readable = false;  ///< a payload is there: the op's own, or one that an erasure brought
  std::string_view source;
  std::string_view external_id;
  std::vector<FieldRemains> fields;  ///< one for each of the op's
  std::vector<CommitPtr> keep;       ///< what the views point into
};

/// The name of the field in which an erasing op says why; its other fields are the target's.
inline constexpr std::string_view kReasonField;
/// The op that an erasing op means, by the index in its commit's leaf 0; none when it names several.
[[nodiscard]] std::optional<DotRange> erased_by(const OpTable& table, const Op& op);
/// Whether it asks for the whole payload, rather than for some fields of it.
[[nodiscard]] bool erases_whole(const OpTable& table, const Op& op);
/// Sorts, and joins what touches.
void normalise(std::vector<merge::OffsetRange>& ranges);

/// The table of erasures. Thread: that of the connection.
class Erasures {
 public:
  Erasures(Database& db, Log& log, CommitCache& commits) noexcept
      : db_(db), log_(log), commits_(commits) {}

  /// New, or with an effect that changed; what was destroyed stays so. Whether anything changed.
  /// Marks the record `erased_again` where several ask for one op of it, or for what an asking op says.
  Result<bool> put(const Erasure& erasure, std::int64_t collection, const RecordId& rid);
  Result<std::vector<Erasure>> of(const merge::OpRef& target);
  Result<std::vector<Erasure>> of_commit(std::int64_t target);
  Result<std::vector<Erasure>> of_record(std::int64_t collection, const RecordId& rid);
  Result<std::vector<Erasure>> asked_by(std::int64_t log_id);
  /// Commits whose erasures destroy nothing, or not all, so far.
  Result<std::vector<std::int64_t>> open();
  /// How many payloads each commit made this node destroy.
  Result<std::vector<std::pair<std::int64_t, std::uint32_t>>> destroyed();

  /// Which erasures to go by.
  enum class By : std::uint8_t {
    all,        ///< what people see
    destroying  ///< what is left on disk: what is merely hidden is among it
  };
  /// None where nobody asked for anything that counts: the op says what it says. Of an op that asks
  /// to erase, too: what it says would remain.
  Result<std::optional<Remains>> remains(const merge::OpRef& ref, const CommitPtr& commit,
                                         const Op& op, By by = By::all);
  /// Whether an erasure hides anything that is not destroyed yet, as far as this node knows.
  Result<bool> hides_something(const Erasure& erasure);
  /// The op that an erasing op means in the end, through others of its kind; another means itself.
  /// None for one that leads nowhere, or through more than kErasureDepthMax.
  Result<std::optional<merge::OpRef>> meant(const merge::OpRef& ref);
  /// Whose that op is.
  Result<std::optional<MemberId>> meant_member(const merge::OpRef& ref);

 private:
  struct Said;  ///< what an erasing op says would remain
  Result<std::vector<Erasure>> rows(Statement& get);
  Result<std::optional<Said>> remainder(const std::vector<Erasure>& asked, const MemberId& whose);
  Database& db_;
  Log& log_;
  CommitCache& commits_;
};

}  // namespace maillon::storage
