#pragma once

#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

namespace maillon::storage::merge {

/// Pieces of one sequence that become pieces of another.
struct Difference {
  std::size_t before = 0;  ///< index of the first piece taken out
  std::size_t removed = 0;
  std::size_t after = 0;  ///< index of the first piece put in
  std::size_t added = 0;
  friend bool operator==(const Difference&, const Difference&) noexcept = default;
};

/// What leads from one sequence to another, ascending, as few pieces as can be (Wu, Manber, Myers,
/// Miller, "An O(NP) Sequence Comparison Algorithm", 1990). Where the two have little in common and
/// are long, one difference spans all of that.
[[nodiscard]] std::vector<Difference> differences(std::span<const std::string_view> before,
                                                  std::span<const std::string_view> after);

/// What leads from one text (UTF-8) to another, in bytes, cutting no word, number or address. Whole sentences
/// that come or go do so at the borders of sentences, so that what others put beside them does not come to
/// stand within; sentences that were merely changed differ in words. The space before a sentence or word
/// comes, goes and is replaced with it, so that what two people put in one place stays apart.
[[nodiscard]] std::vector<Difference> text_differences(std::string_view before,
                                                       std::string_view after);

/// A text (UTF-8) in sentences, each with the space before it; together they are all of it.
[[nodiscard]] std::vector<std::string_view> sentences_of(std::string_view text);

}  // namespace maillon::storage::merge
