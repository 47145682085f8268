#include "storage/merge/differences.hpp"

#include <algorithm>
#include <dtl/dtl.hpp>

namespace maillon::storage::merge {
namespace {

using Pieces = std::span<const std::string_view>;

/// Comparing takes time and memory by the product of length and distance.
constexpr std::size_t kCompareMax = 8192;

bool is_word(unsigned char byte) {
  return byte >= 0x80 || (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'z') ||
         (byte >= 'A' && byte <= 'Z');
}

std::size_t size_of(Pieces pieces) {
  std::size_t size = 0;
  for (const std::string_view piece : pieces) size += piece.size();
  return size;
}

/// Whether what two differences have between them is too little to keep them apart.
bool is_accident(Pieces common, std::size_t size_before, std::size_t size_after) {
  const auto words = std::ranges::count_if(common, [](std::string_view piece) {
    return is_word(static_cast<unsigned char>(piece.front()));
  });
  return words == 0 || (words == 1 && size_of(common) < std::min(size_before, size_after));
}

}  // namespace

std::vector<Difference> differences(Pieces before, Pieces after) {
  std::size_t same = 0;
  while (same < before.size() && same < after.size() && before[same] == after[same]) ++same;
  before = before.subspan(same);
  after = after.subspan(same);
  while (!before.empty() && !after.empty() && before.back() == after.back()) {
    before = before.first(before.size() - 1);
    after = after.first(after.size() - 1);
  }
  if (before.empty() && after.empty()) return {};
  if (before.empty() || after.empty() || std::max(before.size(), after.size()) > kCompareMax)
    return {{same, before.size(), same, after.size()}};
  using Sequence = std::vector<std::string_view>;
  dtl::Diff<std::string_view, Sequence> diff{Sequence{before.begin(), before.end()},
                                             Sequence{after.begin(), after.end()}};
  diff.compose();
  std::vector<Difference> out;
  std::size_t old_at = same;
  std::size_t new_at = same;
  bool open = false;
  for (const auto& [piece, info] : diff.getSes().getSequence()) {
    if (info.type == dtl::SES_COMMON) {
      open = false;
      ++old_at;
      ++new_at;
      continue;
    }
    if (!open) out.push_back({old_at, 0, new_at, 0});
    open = true;
    if (info.type == dtl::SES_DELETE) {
      ++out.back().removed;
      ++old_at;
    } else {
      ++out.back().added;
      ++new_at;
    }
  }
  return out;
}

std::vector<std::string_view> words_of(std::string_view text) {
  std::vector<std::string_view> out;
  for (std::size_t at = 0; at < text.size();) {
    std::size_t end = at + 1;
    if (is_word(static_cast<unsigned char>(text[at])))
      while (end < text.size() && is_word(static_cast<unsigned char>(text[end]))) ++end;
    out.push_back(text.substr(at, end - at));
    at = end;
  }
  return out;
}

std::vector<Difference> text_differences(Pieces before, Pieces after) {
  std::vector<Difference> out;
  for (const Difference& next : differences(before, after)) {
    if (out.empty()) {
      out.push_back(next);
      continue;
    }
    Difference& last = out.back();
    const auto common =
        before.subspan(last.before + last.removed, next.before - last.before - last.removed);
    const auto size = [&](const Difference& d) {
      return size_of(before.subspan(d.before, d.removed)) + size_of(after.subspan(d.after, d.added));
    };
    if (!is_accident(common, size(last), size(next))) {
      out.push_back(next);
      continue;
    }
    last.removed = next.before + next.removed - last.before;
    last.added = next.after + next.added - last.after;
  }
  return out;
}

}  // namespace maillon::storage::merge
