#include "storage/merge/differences.hpp"

#include <algorithm>
#include <dtl/dtl.hpp>

namespace maillon::storage::merge {
namespace {

using Pieces = std::span<const std::string_view>;

/// Comparing takes time and memory by the product of length and distance.
constexpr std::size_t kCompareMax = 8192;

bool is_space(char c) { return c == ' ' || c == '\n' || c == '\t' || c == '\r'; }

/// One character of a text.
struct Character {
  enum class Kind : std::uint8_t { word, space, ideograph, sign } kind = Kind::sign;
  std::size_t size = 1;  ///< bytes
  char32_t scalar = 0;
};
using Kind = Character::Kind;

Kind kind_of(char32_t c) {
  if (c < 0x80) {
    if (is_space(static_cast<char>(c))) return Kind::space;
    const bool word = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    return word ? Kind::word : Kind::sign;
  }
  if (c == 0xa0 || c == 0x202f || c == 0x2009) return Kind::space;
  // Latin signs such as « », general punctuation such as ’ and –.
  if ((c < 0xc0 && c != 0xaa && c != 0xb5 && c != 0xba) || (c >= 0x2010 && c <= 0x205e)) return Kind::sign;
  // Chinese and Japanese put no spaces between words.
  if ((c >= 0x3000 && c <= 0x9fff) || (c >= 0xff00 && c <= 0xff7f)) return Kind::ideograph;
  return Kind::word;
}

/// The first one; the text is UTF-8 and not empty.
Character first_of(std::string_view text) {
  Character out;
  const auto lead = static_cast<unsigned char>(text[0]);
  out.size = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
  out.size = std::min(out.size, text.size());
  out.scalar = out.size == 1 ? lead : lead & (0x7fu >> out.size);
  for (std::size_t i = 1; i < out.size; ++i)
    out.scalar = out.scalar << 6 | (static_cast<unsigned char>(text[i]) & 0x3fu);
  out.kind = kind_of(out.scalar);
  return out;
}

bool is_of(std::string_view piece, Kind kind) {
  return first_of(piece).kind == kind && first_of(piece).size == piece.size();
}
bool is_space(std::string_view piece) { return is_of(piece, Kind::space); }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// A run without spaces that no correction may cut, since half of each would be a third one: a number, an
/// hour, a price, a telephone number, an address of mail or of a page, the name of a file, a double name.
bool is_one_value(std::string_view run) {
  bool value = false;
  for (std::size_t at = 0; at < run.size();) {
    const Character c = first_of(run.substr(at));
    if (c.kind == Kind::ideograph) return false;
    const bool joins = at > 0 && std::string_view{".-_\\"}.find(run[at]) != std::string_view::npos;
    value = value || joins || (c.scalar >= '0' && c.scalar <= '9') || c.scalar == '@' || c.scalar == '/';
    at += c.size;
  }
  return value;
}
/// Of digits, also with a label right before them, as in `Tel:05`.
bool is_number(std::string_view run) {
  const std::size_t colon = run.find(':');
  if (colon != run.npos && std::ranges::none_of(run.substr(0, colon), is_digit)) run.remove_prefix(colon + 1);
  return std::ranges::any_of(run, is_digit) && std::ranges::all_of(run, [](char c) {
           return is_digit(c) || std::string_view{"+.,-/:()"}.find(c) != std::string_view::npos;
         });
}

/// Words, values, and all that stands between them as single characters.
class Words {
 public:
  explicit Words(std::string_view text) : text_(text) {
    while (at_ < text_.size()) {
      if (first_of(rest()).kind == Kind::space) {
        put(first_of(rest()).size);
      } else if (const std::string_view run = run_at(at_); is_one_value(run)) {
        put_value(run);
      } else {
        put_words(at_ + run.size());
      }
    }
  }
  std::vector<std::string_view> pieces;

 private:
  [[nodiscard]] std::string_view rest() const { return text_.substr(at_); }
  void put(std::size_t bytes) {
    pieces.push_back(text_.substr(at_, bytes));
    at_ += bytes;
  }
  /// Up to the next space, without the sentence's signs at its end.
  [[nodiscard]] std::string_view run_at(std::size_t from) const {
    std::size_t end = from;
    std::size_t last = from;
    while (end < text_.size()) {
      const Character c = first_of(text_.substr(end));
      if (c.kind == Kind::space) break;
      end += c.size;
      if (c.kind != Kind::sign || c.scalar == '/') last = end;
    }
    return text_.substr(from, (last > from ? last : end) - from);
  }
  /// Groups of digits, as telephone numbers have them, are one number.
  void put_value(std::string_view run) {
    std::size_t end = at_ + run.size();
    while (is_number(run) && end < text_.size()) {
      const Character between = first_of(text_.substr(end));
      if (between.kind != Kind::space || between.scalar == '\n' || end + between.size >= text_.size()) break;
      run = run_at(end + between.size);
      if (is_number(run)) end += between.size + run.size();
    }
    put(end - at_);
  }
  void put_words(std::size_t end) {
    while (at_ < end) {
      std::size_t size = first_of(rest()).size;
      if (first_of(rest()).kind == Kind::word)
        while (at_ + size < end && first_of(rest().substr(size)).kind == Kind::word)
          size += first_of(rest().substr(size)).size;
      put(size);
    }
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

std::vector<std::string_view> words_of(std::string_view text) { return Words{text}.pieces; }

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

/// A text as sentences, each with the space before it. Sentences compare without that: else one that
/// stays between others would hold them apart.
struct Sentences {
  explicit Sentences(std::string_view text) : text_(text) {
    for (std::size_t at = 0; at < text.size();) {
      while (at < text.size() && is_space(text[at])) ++at;
      std::size_t end = at;
      while (end < text.size() && !ends(at, end)) ++end;
      bodies.push_back(text.substr(at, end - at));
      starts.push_back(end);
      at = end;
    }
  }
  /// With the space before it.
  [[nodiscard]] std::string_view whole(std::size_t i) const {
    return text_.substr(starts[i], starts[i + 1] - starts[i]);
  }

  std::vector<std::string_view> bodies;
  std::vector<std::size_t> starts{0};

 private:
  [[nodiscard]] bool ends(std::size_t at, std::size_t end) const {
    if (end == at) return false;
    const std::string_view body = text_.substr(at, end - at);
    if (body.ends_with("。") || body.ends_with("！") || body.ends_with("？")) return true;
    if (text_[end] == '\n') return true;
    return is_space(text_[end]) && (body.back() == '.' || body.back() == '!' || body.back() == '?');
  }
  std::string_view text_;
};

constexpr double kSameSentence = 0.6;

/// Twice what two sentences share, by what they are together: 1 when they are the same.
double likeness(std::string_view a, std::string_view b) {
  const auto count = [](std::string_view text) {
    auto words = words_of(text);
    std::erase_if(words, [](std::string_view w) { return is_space(w) || is_of(w, Kind::sign); });
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

std::vector<std::string_view> sentences_of(std::string_view text) {
  const Sentences sentences{text};
  std::vector<std::string_view> out;
  for (std::size_t i = 0; i < sentences.bodies.size(); ++i) out.push_back(sentences.whole(i));
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
    const auto old_words = words_of(old.whole(i));
    const auto new_words = words_of(fresh.whole(k));
    const auto old_at = starts_of(old_words);
    const auto new_at = starts_of(new_words);
    for (const Difference& d : word_differences(old_words, new_words))
      add(old.starts[i] + old_at[d.before], old.starts[i] + old_at[d.before + d.removed],
          fresh.starts[k] + new_at[d.after], fresh.starts[k] + new_at[d.after + d.added]);
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
