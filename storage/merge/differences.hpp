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

/// UTF-8 cut into words, and all that stands between them into single characters.
[[nodiscard]] std::vector<std::string_view> words_of(std::string_view text);

/// The same for words of texts, without the accidents: where two rewritten stretches have but a
/// space or a short word in common, they are one. Else others' words might come to stand between.
[[nodiscard]] std::vector<Difference> text_differences(std::span<const std::string_view> before,
                                                       std::span<const std::string_view> after);

}  // namespace maillon::storage::merge
