#include <fmt/core.h>
#include <sys/resource.h>

#include <chrono>
#include <random>

#include "storage/merge/text_editor.hpp"

/// What texts take beside what the same edits take on a plain gap buffer, in one run.
namespace maillon::bench {
namespace {

using namespace storage::merge;
using Clock = std::chrono::steady_clock;

struct Edit {
  std::uint32_t at = 0;
  char character = 0;  ///< 0 deletes the one at `at`
};

/// Local numbers are ids enough: no two of these commits are of one number.
class Numbers : public Context {
 public:
  [[nodiscard]] CommitId commit_id(std::int64_t commit) const override {
    std::array<std::uint8_t, CommitId::kSize> raw{};
    auto spread = static_cast<std::uint64_t>(commit) * 0x9e37'79b9'7f4a'7c15u;
    for (std::size_t i = 0; i < 8; ++i, spread >>= 8) raw[i] = static_cast<std::uint8_t>(spread);
    return CommitId::from_array(raw);
  }
  [[nodiscard]] std::string_view name(std::int64_t) const override { return {}; }
  [[nodiscard]] std::int64_t feed(std::int64_t commit) const override { return commit; }
};

/// Single keystrokes of the shape of the trace that automerge's authors published of a paper of
/// theirs: bursts of typing, corrected by backspace, at a cursor that stays or jumps.
std::vector<Edit> trace(std::uint64_t seed, std::size_t edits, std::uint32_t size) {
  std::mt19937_64 random{seed};
  const auto below = [&](std::uint64_t end) { return static_cast<std::uint32_t>(random() % end); };
  std::geometric_distribution<std::uint32_t> typed{1 / 14.5};
  std::geometric_distribution<std::uint32_t> taken_back{1 / 11.0};
  std::vector<Edit> out;
  out.reserve(edits);
  std::uint32_t cursor = size;
  while (out.size() < edits) {
    const std::uint32_t where = below(10);
    if (where == 0) cursor = below(size + 1);
    if (where == 1) cursor = size;
    if (where == 2 || where == 3)
      cursor = std::min(size, cursor - std::min(cursor, 40u) + below(80));
    for (std::uint32_t i = typed(random) + 1; i > 0 && out.size() < edits; --i, ++size)
      out.push_back({cursor++, below(6) == 0 ? ' ' : static_cast<char>('a' + below(26))});
    if (below(10) < 6)
      for (std::uint32_t i = taken_back(random) + 1; i > 0 && cursor > 0 && out.size() < edits;
           --i, --size)
        out.push_back({--cursor, 0});
  }
  return out;
}

class GapBuffer {
 public:
  explicit GapBuffer(std::size_t room) : buffer_(room), right_(room) {}
  void apply(const Edit& edit) {
    while (left_ > edit.at) buffer_[--right_] = buffer_[--left_];
    while (left_ < edit.at) buffer_[left_++] = buffer_[right_++];
    if (edit.character != 0)
      buffer_[left_++] = static_cast<char32_t>(edit.character);
    else
      ++right_;
  }
  [[nodiscard]] std::string str() const {
    std::string out;
    for (std::size_t i = 0; i < left_; ++i) out += static_cast<char>(buffer_[i]);
    for (std::size_t i = right_; i < buffer_.size(); ++i) out += static_cast<char>(buffer_[i]);
    return out;
  }

 private:
  std::vector<char32_t> buffer_;
  std::size_t left_ = 0;
  std::size_t right_;
};

/// The best of some runs, since the machine has other work too. What `prepare` gives is not timed.
template <class Prepare, class Work>
double milliseconds(Prepare prepare, Work work) {
  constexpr int kRuns = 5;
  double best = 0;
  for (int i = 0; i < kRuns; ++i) {
    auto prepared = prepare();
    const auto start = Clock::now();
    work(prepared);
    const auto took = std::chrono::duration<double, std::milli>(Clock::now() - start).count();
    best = i == 0 ? took : std::min(best, took);
  }
  return best;
}
Text no_text() { return {}; }

/// When an op ends: where the cursor jumps; also where typing turns to erasing, as if each
/// correction came after a pause; after every key.
enum class OpPer { burst, turn, keystroke };

/// Types a trace and gives its ops; commits are numbered from `commit` on, by `step`.
std::vector<TextEdit> type(Text& text, std::span<const Edit> edits, OpPer per, std::int64_t commit,
                           std::int64_t step) {
  static const Numbers kNumbers;
  constexpr std::size_t kEditsPerCommit = 1000;
  std::vector<TextEdit> out;
  std::uint32_t cursor = 0;
  bool typing = true;
  for (std::size_t from = 0; from < edits.size(); from += kEditsPerCommit, commit += step) {
    TextEditor editor{text, {commit, 1}, kNumbers};
    for (const Edit& edit : edits.subspan(from, std::min(kEditsPerCommit, edits.size() - from))) {
      const bool typed = edit.character != 0;
      const bool jumped = edit.at != (typed ? cursor : cursor - 1);
      const bool turned = per == OpPer::turn && typed != typing;
      if (jumped || turned || per == OpPer::keystroke) editor.next();
      typing = typed;
      const auto done =
          typed ? editor.insert(edit.at, {&edit.character, 1}) : editor.erase(edit.at, 1);
      MAILLON_ASSERT(done.has_value(), "the trace stays within its text");
      cursor = typed ? edit.at + 1 : edit.at;
    }
    auto ops = std::move(editor).finish();
    std::ranges::move(ops, std::back_inserter(out));
  }
  return out;
}

void apply_all(Text& text, const std::vector<TextEdit>& edits) {
  static const Numbers kNumbers;
  for (const TextEdit& edit : edits) text.apply(edit.op(), kNumbers);
}

void line(std::string_view what, double ms, double plain) {
  fmt::print("{:<46}{:>9.2f} ms{:>9.1f} x the gap buffer\n", what, ms, ms / plain);
}

void print_stored(std::string_view what, const Text& text) {
  Bytes bytes;
  const double encode = milliseconds([] { return Bytes{}; },
                                     [&](Bytes& out) {
                                       text.encode(out);
                                       bytes = out;
                                     });
  Text read;
  const double decode = milliseconds(no_text, [&](Text& out) {
    out = *Text::decode(bytes);
    read = out;
  });
  MAILLON_ASSERT(read.str() == text.str(), "a stored text is the text");
  const auto size = static_cast<double>(text.size());
  fmt::print("{}: {} characters, {} elements, {} ops, {} spans\n", what, text.size(),
             text.sequence().elements(), text.sequence().ops(), text.sequence().tree().spans());
  fmt::print("  stored {} bytes ({:.2f} a character), written in {:.2f} ms, read in {:.2f} ms\n",
             bytes.size(), static_cast<double>(bytes.size()) / size, encode, decode);
  fmt::print("  in memory {} bytes ({:.1f} a character), after reading {} ({:.1f})\n",
             text.memory(), static_cast<double>(text.memory()) / size, read.memory(),
             static_cast<double>(read.memory()) / size);
}

void run_trace(OpPer per, std::span<const Edit> edits, double plain, const std::string& expected) {
  const std::string name = per == OpPer::burst  ? "an op per burst"
                           : per == OpPer::turn ? "an op per turn"
                                                : "an op per keystroke";
  std::vector<TextEdit> ops;
  const auto typing = [&](Text& local) { ops = type(local, edits, per, 1, 1); };
  line("typed here, " + name, milliseconds(no_text, typing), plain);
  const auto receiving = [&](Text& remote) { apply_all(remote, ops); };
  line(fmt::format("received, {} ops", ops.size()), milliseconds(no_text, receiving), plain);
  Text remote;
  apply_all(remote, ops);
  MAILLON_ASSERT(remote.str() == expected, "receiving gives the text");
  print_stored("  the text", remote);
}

void run_halves(std::size_t edits, double plain) {
  const auto base = trace(3, edits / 10, 0);
  Text here;
  (void)type(here, base, OpPer::turn, 1, 1);
  Text there = here;
  const auto size = static_cast<std::uint32_t>(here.size());
  const auto ours = type(here, trace(4, edits / 2, size), OpPer::turn, 1001, 2);
  const auto theirs = type(there, trace(5, edits / 2, size), OpPer::turn, 1002, 2);
  const auto merging = [&](Text& text) { apply_all(text, theirs); };
  line(fmt::format("the other half merged, {} ops", theirs.size()),
       milliseconds([&] { return here; }, merging), plain);
  apply_all(here, theirs);
  apply_all(there, ours);
  MAILLON_ASSERT(here.str() == there.str(), "both have the same");
}

void run_large() {
  std::mt19937_64 random{6};
  std::vector<Edit> edits;
  for (std::uint32_t at = 0; at < 1'000'000; ++at)
    edits.push_back({at, static_cast<char>('a' + random() % 26)});
  Text text;
  static const Numbers kNumbers;
  std::int64_t commit = 1;
  for (std::size_t at = 0; at < edits.size(); at += 50) {
    TextEditor editor{text, {commit++, 1}, kNumbers};
    std::string words;
    for (std::size_t i = at; i < at + 50; ++i) words += edits[i].character;
    (void)editor.insert(at == 0 ? 0 : random() % text.size(), words);
    (void)std::move(editor).finish();
  }
  print_stored("1 MB by 20,000 ops all over the place", text);
}

/// What nobody writes by hand: it must cost no more than what people write.
void run_hostile() {
  constexpr std::int64_t kOps = 100'000;
  static const Numbers kNumbers;
  const SequenceRun anywhere{{}, {}, {}, 1};
  const auto crowd = milliseconds(no_text, [&](Text& text) {
    for (std::int64_t i = 1; i <= kOps; ++i)
      text.apply({{i, 1}, false, {&anywhere, 1}, {}, "x", {}}, kNumbers);
  });
  fmt::print("{} concurrent ops at one place {:.0f} ms\n", kOps, crowd);

  const auto fan = milliseconds(no_text, [&](Text& text) {
    text.apply({{1, 1}, false, {&anywhere, 1}, {}, "x", {}}, kNumbers);
    for (std::int64_t i = 2; i <= kOps; ++i) {
      const SequenceRun run{{}, ElementRef{{1 + i % 7 * (i / 14), 1}, 0}, {}, 1};
      text.apply({{i, 1}, false, {&run, 1}, {}, "x", {}}, kNumbers);
    }
  });
  fmt::print("{} ops before one another at one place {:.0f} ms\n", kOps, fan);

  const auto again = milliseconds(no_text, [&](Text& text) {
    const std::uint32_t size = 200'000;
    const std::string letters(size, 'x');
    const SequenceRun run{{}, {}, {}, size};
    text.apply({{1, 1}, false, {&run, 1}, {}, letters, {}}, kNumbers);
    for (std::uint32_t i = 0; i < kOps; ++i) {
      const ElementRange other{{1, 1}, 2 * i, 1};
      text.apply({{2, i}, false, {}, {&other, 1}, {}, {}}, kNumbers);
    }
    for (std::uint32_t i = 0; i < kOps; ++i) {
      const ElementRange most{{1, 1}, 0, size - 1 - i % 5};
      text.apply({{3, i}, false, {}, {&most, 1}, {}, {}}, kNumbers);
    }
  });
  fmt::print("an op cut into {} pieces and deleted {} times {:.0f} ms\n", 2 * kOps, kOps, again);
}

int run(std::size_t edits) {
  const auto typed = trace(1, edits, 0);
  const auto inserts = std::ranges::count_if(typed, [](const Edit& e) { return e.character != 0; });
  fmt::print("{} edits: {} inserted, {} deleted\n", typed.size(), inserts,
             static_cast<std::ptrdiff_t>(typed.size()) - inserts);
  const auto typing = [&](GapBuffer& buffer) {
    for (const Edit& edit : typed) buffer.apply(edit);
  };
  const double plain = milliseconds([&] { return GapBuffer{edits}; }, typing);
  GapBuffer buffer{edits};
  typing(buffer);
  line("plain gap buffer", plain, plain);
  for (const OpPer per : {OpPer::burst, OpPer::turn, OpPer::keystroke})
    run_trace(per, typed, plain, buffer.str());
  run_halves(edits, plain);
  run_large();
  run_hostile();
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  fmt::print("peak memory of this process {} KiB\n", usage.ru_maxrss);
  return 0;
}

}  // namespace
}  // namespace maillon::bench

int main(int argc, char** argv) {
  return maillon::bench::run(argc > 1 ? std::stoul(argv[1]) : 260'000);
}
