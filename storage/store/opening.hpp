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

struct Store::OpScratch {
  OpTable table;
  std::vector<const std::pair<std::string, Value>*> order;
  Bytes values;
  std::vector<std::size_t> ends;
  std::vector<std::string> withheld;  ///< fields of the change at hand that were erased here

  void clear() {
    table.fields.clear();
    table.dots.clear();
    table.runs.clear();
    order.clear();
    values.clear();
    ends.clear();
  }
};

}  // namespace maillon::storage
