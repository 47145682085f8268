#pragma once

#include <algorithm>

#include "storage/merge/sequence.hpp"

namespace maillon::storage::merge {

/// What an op deletes, while it is being written. No element twice.
class EditRanges {
 public:
  [[nodiscard]] std::size_t size() const noexcept { return ranges_.size(); }

  /// Erasing on, forwards or backwards, makes the last range longer.
  void add(const ElementRange& range) {
    if (!ranges_.empty() && ranges_.back().op == range.op) {
      ElementRange& last = ranges_.back();
      const bool before = range.offset + range.count == last.offset;
      if (before || last.offset + last.count == range.offset) {
        last.offset = std::min(last.offset, range.offset);
        last.count += range.count;
        return;
      }
    }
    ranges_.push_back(range);
  }

  /// Ascending, none touching another; none are left.
  [[nodiscard]] std::vector<ElementRange> take() {
    std::ranges::sort(ranges_);
    std::vector<ElementRange> out;
    for (const ElementRange& range : ranges_) {
      if (!out.empty() && out.back().op == range.op &&
          out.back().offset + out.back().count == range.offset)
        out.back().count += range.count;
      else
        out.push_back(range);
    }
    ranges_.clear();
    return out;
  }

 private:
  std::vector<ElementRange> ranges_;
};

}  // namespace maillon::storage::merge
