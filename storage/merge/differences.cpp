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

bool is_space(char c) { return c == ' ' || c == '\n' || c == '\t' || c == '\r'; }

/// Bytes of a character that is a word by itself, since its script puts no spaces between words: Chinese
/// and Japanese (U+3000 to U+9FFF, U+FF00 to U+FF7F); 0 for any other.
std::size_t ideograph(std::string_view text) {
  if (text.size() < 3) return 0;
  const auto first = static_cast<unsigned char>(text[0]);
  const auto second = static_cast<unsigned char>(text[1]);
  const bool wide = first == 0xef && (second == 0xbc || second == 0xbd);
  return (first >= 0xe3 && first <= 0xe9) || wide ? 3 : 0;
}

/// Words, and all that stands between them as single characters.
std::vector<std::string_view> words_of(std::string_view text) {
  std::vector<std::string_view> out;
  for (std::size_t at = 0; at < text.size();) {
    std::size_t end = at + std::max<std::size_t>(ideograph(text.substr(at)), 1);
    if (end == at + 1 && is_word(static_cast<unsigned char>(text[at])))
      while (end < text.size() && is_word(static_cast<unsigned char>(text[end])) &&
             ideograph(text.substr(end)) == 0)
        ++end;
    out.push_back(text.substr(at, end - at));
    at = end;
  }
  return out;
}

bool is_space(std::string_view piece) { return piece.size() == 1 && is_space(piece[0]); }

/// From words to other words, where whoever writes beside them at the same time leaves words too: the space
/// before a word comes, goes and is replaced with it.
std::vector<Difference> word_differences(Pieces before, Pieces after) {
  std::vector<Difference> out = differences(before, after);
  std::size_t taken = 0;
  for (Difference& d : out) {
    const auto space_before = [&] { return d.before > taken && is_space(before[d.before - 1]); };
    if (d.added > 0 && d.removed > 0) {
      if (space_before()) d = {d.before - 1, d.removed + 1, d.after - 1, d.added + 1};
    } else {
      const auto last = [&] {
        return d.added > 0 ? after[d.after + d.added - 1] : before[d.before + d.removed - 1];
      };
      while (space_before() && last() == before[d.before - 1]) {
        --d.before;
        --d.after;
      }
    }
    taken = d.before + d.removed;
  }
  return out;
}

std::vector<std::size_t> starts_of(Pieces pieces) {
  std::vector<std::size_t> out{0};
  for (const std::string_view piece : pieces) out.push_back(out.back() + piece.size());
  return out;
}

/// A text as sentences, each with the space behind it. Sentences compare without that: else one that
/// stays between others would hold them apart.
struct Sentences {
  explicit Sentences(std::string_view text) : text_(text) {
    for (std::size_t at = 0; at < text.size();) {
      std::size_t end = at;
      while (end < text.size() && !ends(at, end)) ++end;
      bodies.push_back(text.substr(at, end - at));
      while (end < text.size() && is_space(text[end])) ++end;
      starts.push_back(end);
      at = end;
    }
  }
  [[nodiscard]] std::size_t body_end(std::size_t i) const { return starts[i] + bodies[i].size(); }
  [[nodiscard]] std::string_view space(std::size_t i) const {
    return text_.substr(body_end(i), starts[i + 1] - body_end(i));
  }

  std::vector<std::string_view> bodies;
  std::vector<std::size_t> starts{0};

 private:
  [[nodiscard]] bool ends(std::size_t at, std::size_t end) const {
    if (text_[end] == '\n') return true;
    if (end == at) return is_space(text_[end]);
    for (const std::string_view wide : {"。", "！", "？"})
      if (text_.substr(at, end - at).ends_with(wide)) return true;
    if (!is_space(text_[end])) return false;
    const char last = text_[end - 1];
    return last == '.' || last == '!' || last == '?';
  }
  std::string_view text_;
};

constexpr double kSameSentence = 0.6;

/// Twice what two sentences share, by what they are together: 1 when they are the same.
double likeness(std::string_view a, std::string_view b) {
  const auto count = [](std::string_view text) {
    auto words = words_of(text);
    std::erase_if(words, [](std::string_view w) { return !is_word(static_cast<unsigned char>(w[0])); });
    return words;
  };
  const auto old_words = count(a);
  const auto new_words = count(b);
  std::size_t gone = 0;
  for (const Difference& d : differences(old_words, new_words)) gone += d.removed;
  const std::size_t same = old_words.size() - gone;
  const std::size_t all = old_words.size() + new_words.size();
  if (same == 0) return 0;
  const double like = 2.0 * static_cast<double>(same) / static_cast<double>(all);
  // Of a short sentence a single word is much.
  return gone <= 1 && new_words.size() - same <= 1 ? std::max(like, kSameSentence) : like;
}

constexpr std::size_t kPairsMax = 1024;  ///< sentences compared with each other

/// Of sentences that went and that came, those that are one sentence, changed: ascending pairs.
std::vector<std::pair<std::size_t, std::size_t>> changed_sentences(Pieces gone, Pieces came) {
  if (gone.empty() || came.empty() || gone.size() * came.size() > kPairsMax) return {};
  const std::size_t width = came.size() + 1;
  std::vector<double> like(gone.size() * width);
  std::vector<double> best((gone.size() + 1) * width);
  for (std::size_t i = gone.size(); i-- > 0;)
    for (std::size_t k = came.size(); k-- > 0;) {
      double& one = like[i * width + k];
      one = likeness(gone[i], came[k]);
      const double pair = one >= kSameSentence ? one + best[(i + 1) * width + k + 1] : 0;
      best[i * width + k] =
          std::max({pair, best[(i + 1) * width + k], best[i * width + k + 1]});
    }
  std::vector<std::pair<std::size_t, std::size_t>> out;
  for (std::size_t i = 0, k = 0; i < gone.size() && k < came.size();) {
    const double here = best[i * width + k];
    if (like[i * width + k] >= kSameSentence &&
        here == like[i * width + k] + best[(i + 1) * width + k + 1]) {
      out.emplace_back(i++, k++);
    } else if (here == best[(i + 1) * width + k]) {
      ++i;
    } else {
      ++k;
    }
  }
  return out;
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

std::vector<Difference> text_differences(std::string_view before, std::string_view after) {
  const Sentences old{before};
  const Sentences fresh{after};
  std::vector<Difference> out;
  const auto add = [&](std::size_t from, std::size_t to, std::size_t new_from, std::size_t new_to) {
    if (from != to || new_from != new_to)
      out.push_back({from, to - from, new_from, new_to - new_from});
  };
  const auto change = [&](std::size_t i, std::size_t k) {
    const auto old_words = words_of(old.bodies[i]);
    const auto new_words = words_of(fresh.bodies[k]);
    const auto old_at = starts_of(old_words);
    const auto new_at = starts_of(new_words);
    for (const Difference& d : word_differences(old_words, new_words))
      add(old.starts[i] + old_at[d.before], old.starts[i] + old_at[d.before + d.removed],
          fresh.starts[k] + new_at[d.after], fresh.starts[k] + new_at[d.after + d.added]);
    if (old.space(i) != fresh.space(k))
      add(old.body_end(i), old.starts[i + 1], fresh.body_end(k), fresh.starts[k + 1]);
  };
  std::size_t i = 0;
  std::size_t k = 0;
  const auto same_until = [&](std::size_t end) {
    while (i < end) change(i++, k++);
  };
  for (const Difference& block : differences(old.bodies, fresh.bodies)) {
    same_until(block.before);
    const Pieces gone = Pieces{old.bodies}.subspan(block.before, block.removed);
    const Pieces came = Pieces{fresh.bodies}.subspan(block.after, block.added);
    for (const auto& [old_one, new_one] : changed_sentences(gone, came)) {
      add(old.starts[i], old.starts[block.before + old_one], fresh.starts[k],
          fresh.starts[block.after + new_one]);
      i = block.before + old_one;
      k = block.after + new_one;
      change(i++, k++);
    }
    const std::size_t end = block.before + block.removed;
    const std::size_t new_end = block.after + block.added;
    add(old.starts[i], old.starts[end], fresh.starts[k], fresh.starts[new_end]);
    i = end;
    k = new_end;
  }
  same_until(old.bodies.size());
  return out;
}

}  // namespace maillon::storage::merge
