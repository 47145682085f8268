#pragma once

#include "storage/store/store.hpp"

namespace maillon::storage {

/// What the next commit of a feed starts from.
struct Store::Opening {
  Header header;
  std::uint64_t before_ops = 0;
  std::uint64_t before_bytes = 0;
  std::int64_t space = 0;
};

}  // namespace maillon::storage
