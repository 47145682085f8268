#pragma once

#include "storage/log/log.hpp"

namespace maillon::storage {

/// A commit from the columns header, signature and body, of which `first` is the first.
[[nodiscard]] inline SignedCommit signed_from(const Statement& row, int first) {
  const auto copy = [&](int column) {
    const ByteView v = row.blob(column);
    return Bytes{v.begin(), v.end()};
  };
  return {copy(first), copy(first + 1), copy(first + 2)};
}

}  // namespace maillon::storage
