#pragma once

#include "storage/store/store.hpp"

/// What somebody wants gone for ever (docs/merge.md, "Erasure").
namespace maillon::storage {

/// A part of an op that says again what was destroyed elsewhere in its record.
struct ErasedCopy {
  merge::OpRef op;
  std::string field;
  merge::OffsetRange range;  ///< a count of 0: all of the field
};

struct ErasureWish {
  std::string collection;
  RecordId id = RecordId::zero();
  std::vector<std::string> fields = {};  ///< none: all that was ever written of the record
  /// Only where these stand: those characters of texts, elements of sets and lists that say them,
  /// other values as a whole.
  std::string words = {};
  std::string reason = {};
  /// Nothing more: only what erasures said would remain, and others destroyed since, of what the
  /// author's member wrote.
  bool only_complete = false;
  /// Nothing more: only these, as far as the author's member wrote them.
  std::vector<ErasedCopy> copies = {};
};

struct ErasureOutcome {
  std::vector<CommitPtr> commits;
  std::map<MemberId, std::size_t> ops;  ///< of which something is to go, by their authors
  std::size_t own = 0;                  ///< of the asking member: gone at once
  std::set<std::string> fields;         ///< of which something goes
  std::size_t asked_before = 0;  ///< ops of others that are hidden already, and wait
  std::size_t forgotten = 0;     ///< ops of which this node has forgotten all: they go unseen, whole
  std::size_t ahead = 0;  ///< ops that a clock ahead wrote: they cannot be named before their time
};

/// Where `words` stand in a text, in scalars; nothing where there are none.
[[nodiscard]] std::vector<merge::OffsetRange> places_of(std::string_view text, std::string_view words);

// On any connection; Store's members of these names say what they give.
[[nodiscard]] Result<std::uint64_t> scrub_due(Database& db);
[[nodiscard]] Result<std::vector<ErasureReceipt::Done>> unconfirmed(Log& log, Erasures& erasures,
                                                                    const Trust& trust,
                                                                    const NodeId& self);

}  // namespace maillon::storage
