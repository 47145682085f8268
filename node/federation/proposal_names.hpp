#pragma once

#include "storage/trust/trust.hpp"

namespace maillon::federation {

/// What people call proposals by. Every name that it gives means exactly one of them. For as long as
/// the Trust lives.
class ProposalNames {
 public:
  explicit ProposalNames(const storage::Trust& trust);

  /// The 64 digits of its commit, and its leaf where others stand in the same one.
  [[nodiscard]] std::string full(const storage::ProposalId& id) const;
  /// The same with as few digits as tell it from all others, twelve at least.
  [[nodiscard]] std::string brief(const storage::ProposalId& id) const;
  /// All that a text may mean: a name, the beginning of one, or either with a leaf.
  [[nodiscard]] std::vector<const storage::Decision*> meant_by(std::string_view text) const;

 private:
  [[nodiscard]] std::string with_leaf(std::string digits, const storage::ProposalId& id) const;

  std::map<storage::ProposalId, const storage::Decision*> known_;
};

}  // namespace maillon::federation
