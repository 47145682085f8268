#pragma once

#include "tests/support/oracle.hpp"

namespace maillon::test::oracle {

/// One op that changes a set, list or text, and what became of it.
struct Change {
  const Commit* commit = nullptr;
  const Field* field = nullptr;
  std::uint32_t leaf = 0;
  bool is_void = false;
  bool readable = true;
  bool taken = false;  ///< a delete, or another type under the name, took away all it had brought
};

/// Re-issued commit → those that do it.
using Again = std::map<std::string, std::set<std::string>>;

/// What is shown of a set, list or text, value by value; a text is one value.
[[nodiscard]] std::vector<std::string> elements(std::uint32_t tag, std::vector<Change> changes,
                                                const Again& again);

}  // namespace maillon::test::oracle
