#pragma once

#include "storage/store/store.hpp"

/// What somebody wants gone for ever (docs/merge.md, "Erasure").
namespace maillon::storage {

struct ErasureWish {
  std::string collection;
  RecordId id = RecordId::zero();
  std::vector<std::string> fields = {};  ///< none: all that was ever written of the record
  /// Only where these stand: those characters of texts, elements of sets and lists that say them,
  /// other values as a whole.
  std::string words = {};
  std::string reason = {};
  /// Nothing more: only says again, without it, what an earlier erasure of the same member holds of
  /// values that a concurrent one hides.
  bool only_complete = false;
};

struct ErasureOutcome {
  std::vector<CommitPtr> commits;
  std::map<MemberId, std::size_t> ops;  ///< of which something is to go, by their authors
  std::size_t own = 0;                  ///< of the asking member: gone at once
  std::set<std::string> fields;         ///< of which something goes
  std::size_t ahead = 0;  ///< ops that a clock ahead wrote: they cannot be named before their time
};

}  // namespace maillon::storage
