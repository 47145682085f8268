#include "tests/support/text_world.hpp"

#include <random>

#include "storage/merge/utf8.hpp"

namespace maillon::test {

using namespace storage::merge;

CommitId id_of(std::uint64_t number) {
  std::mt19937_64 random{number};
  std::array<std::uint8_t, CommitId::kSize> raw{};
  for (auto& byte : raw) byte = static_cast<std::uint8_t>(random());
  return CommitId::from_array(raw);
}

std::string utf8(const std::u32string& text) {
  std::string out;
  append_utf8(text, out);
  return out;
}

Bytes encoded(const Text& text) {
  Bytes out;
  text.encode(out);
  return out;
}

fugue::Id TextWorld::id(const ElementRef& element) const {
  const CommitId commit = ids.commit_id(element.op.commit);
  return {std::string{as_text(commit.bytes())}, element.op.leaf, element.offset};
}

void TextWorld::write(std::size_t who, const std::vector<Action>& actions) {
  Author& author = authors[who];
  ids.ids.push_back(id_of(ids.ids.size() + 1));
  const auto number = static_cast<std::int64_t>(ids.ids.size());
  TextEditor editor{author.text, {number, 1}, ids};
  const auto type = [&](std::size_t at, char32_t character) {
    MAILLON_ASSERT(editor.insert(at, utf8({character})).has_value(), "a position within the text");
    author.tree.type(at, character, id(author.text.element_at(at)));
  };
  const auto erase = [&](std::size_t at) {
    const ElementRef element = author.text.element_at(at);
    MAILLON_ASSERT(editor.erase(at, 1).has_value(), "a position within the text");
    fugue::Node* node = author.tree.visible()[at];
    // The editor forgets what is taken back before anybody heard of it.
    if (author.text.index_of(element))
      node->deleted = true;
    else
      author.tree.drop(node);
  };
  for (const Action& action : actions) {
    const auto size = static_cast<std::size_t>(author.text.size());
    const std::size_t at = action.at % (size + 1);
    const std::size_t count = std::min(action.text.size(), size - at);
    for (std::size_t i = 0; i < action.text.size(); ++i) {
      if (action.kind == Action::type) type(at + i, action.text[i]);
      if (action.kind == Action::type_backwards) type(at, action.text[i]);
      if (action.kind == Action::erase && i < count) erase(at);
      if (action.kind == Action::sweep && i < count) erase(at + count - 1 - i);
    }
  }
  TextCommit commit{std::move(editor).finish(), author.known};
  if (commit.edits.empty()) return ids.ids.pop_back();
  author.known.insert(commits.size());
  commits.push_back(std::move(commit));
}

void TextWorld::pull(std::size_t who, std::size_t from) {
  Author& author = authors[who];
  for (const std::size_t at : authors[from].known) {
    if (!author.known.insert(at).second) continue;
    for (const TextEdit& edit : commits[at].edits) {
      author.text.apply(edit.op(), ids);
      std::uint32_t offset = 0;
      for (const SequenceRun& run : edit.runs)
        for (std::uint32_t i = 0; i < run.length; ++i)
          author.tree.copy(*authors[from].tree.find(id({edit.ref, offset++})));
      for (const ElementRange& range : edit.replaced)
        for (std::uint32_t i = 0; i < range.count; ++i)
          author.tree.find(id({range.op, range.offset + i}))->deleted = true;
    }
  }
}

void TextWorld::meet() {
  for (std::size_t i = 1; i < authors.size(); ++i) pull(0, i);
  for (std::size_t i = 1; i < authors.size(); ++i) pull(i, 0);
}

std::string TextWorld::expected() {
  fugue::Tree& tree = authors[0].tree;
  std::set<fugue::Id> hidden;
  for (const TextCommit& commit : commits)
    for (const TextEdit& edit : commit.edits) {
      std::uint32_t offset = 0;
      for (const SequenceRun& run : edit.runs)
        for (std::uint32_t i = 0; i < run.length; ++i, ++offset)
          if (commit.is_void || commit.bare) hidden.insert(id({edit.ref, offset}));
      if (commit.is_void) continue;
      for (const ElementRange& range : edit.replaced)
        for (std::uint32_t i = 0; i < range.count && ids.knows(range.op); ++i)
          hidden.insert(id({range.op, range.offset + i}));
    }
  std::u32string out;
  for (const fugue::Node* node : tree.all())
    if (node->parent != nullptr && !hidden.contains(node->id)) out += node->character;
  return utf8(out);
}

Arrival::Arrival(const std::vector<std::set<std::size_t>>& pasts, const Ids& known,
                 std::uint64_t seed) {
  std::mt19937_64 random{seed};
  std::set<std::size_t> done;
  while (done.size() < pasts.size()) {
    std::vector<std::size_t> ready;
    for (std::size_t i = 0; i < pasts.size(); ++i)
      if (!done.contains(i) && std::ranges::includes(done, pasts[i])) ready.push_back(i);
    order_.push_back(ready[random() % ready.size()]);
    done.insert(order_.back());
  }
  std::vector<std::int64_t> numbers(order_.size());
  for (std::size_t i = 0; i < numbers.size(); ++i) numbers[i] = static_cast<std::int64_t>(i) + 1;
  // A held commit is applied after some that the log got later.
  if (random() % 2 == 0) std::ranges::shuffle(numbers, random);
  number_.resize(order_.size());
  ids.ids.resize(order_.size(), CommitId::zero());
  for (std::size_t i = 0; i < order_.size(); ++i) {
    number_[order_[i]] = numbers[i];
    ids.ids[static_cast<std::size_t>(numbers[i]) - 1] = known.ids[order_[i]];
  }
}

void Arrival::rename(OpRef& ref) const {
  const auto at = static_cast<std::size_t>(ref.commit) - 1;
  if (at < number_.size()) ref.commit = number_[at];
}

void Arrival::rename(std::vector<SequenceRun>& runs) const {
  for (SequenceRun& run : runs)
    for (auto* element : {&run.left, &run.right, &run.moved})
      if (*element) rename((*element)->op);
}

void Arrival::rename(std::vector<ElementRange>& ranges) const {
  for (ElementRange& range : ranges) rename(range.op);
}

namespace {
std::vector<std::set<std::size_t>> pasts(const std::vector<TextCommit>& commits) {
  std::vector<std::set<std::size_t>> out;
  for (const TextCommit& commit : commits) out.push_back(commit.past);
  return out;
}
}  // namespace

Delivery::Delivery(const TextWorld& world, std::uint64_t seed)
    : arrival_(pasts(world.commits), world.ids, seed) {
  for (const std::size_t at : arrival_.order())
    for (TextEdit edit : world.commits[at].edits) {
      arrival_.rename(edit.ref);
      arrival_.rename(edit.runs);
      arrival_.rename(edit.replaced);
      edits_.push_back(std::move(edit));
    }
  std::size_t next = 0;
  for (const std::size_t at : arrival_.order())
    for (std::size_t i = 0; i < world.commits[at].edits.size(); ++i) {
      ops_.push_back(edits_[next++].op());
      ops_.back().is_void = world.commits[at].is_void;
      if (world.commits[at].bare) ops_.back().text.reset();
    }
}

Text Delivery::one_by_one(bool stored) const {
  Text text;
  for (const TextOp& op : ops_) {
    text.apply(op, arrival_.ids);
    if (!stored) continue;
    const Bytes bytes = encoded(text);
    auto read = Text::decode(bytes);
    MAILLON_ASSERT(read.has_value(), "what was written can be read");
    text = *std::move(read);
    MAILLON_ASSERT(encoded(text) == bytes, "what was read is written alike");
  }
  return text;
}

Text Delivery::at_once() const { return Text::build(ops_, {}, arrival_.ids); }

}  // namespace maillon::test
