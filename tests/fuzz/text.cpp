#include "storage/merge/document.hpp"
#include "storage/merge/list_editor.hpp"
#include "storage/merge/text_editor.hpp"
#include "storage/merge/utf8.hpp"
#include "tests/fuzz/any_log.hpp"
#include "tests/fuzz/target.hpp"

/// Texts, lists and sets as they are stored, and what editors do to them.
namespace maillon::fuzz {
namespace {

using namespace storage::merge;

/// Newer than what an input is likely to hold.
constexpr OpRef kOwn{INT64_MAX / 2, 1};

template <class Content>
Bytes written(const Content& content) {
  Bytes out;
  content.encode(out);
  return out;
}

template <class Content>
void expect_reads_back(const Content& content) {
  const Bytes bytes = written(content);
  const auto again = Content::decode(bytes);
  MAILLON_ASSERT(again.has_value(), again.error().detail);
  MAILLON_ASSERT(written(*again) == bytes, "what was read is written alike");
}

/// Where each shown element stands, asked both ways.
template <class Content>
void expect_places(const Content& content) {
  const std::uint64_t size = std::min<std::uint64_t>(content.size(), 64);
  for (std::uint64_t i = 0; i < size; ++i)
    MAILLON_ASSERT(content.index_of(content.element_at(i)) == i, "an element stands where it is");
}

std::u32string characters(const Text& text) {
  const std::string utf8 = text.str();
  MAILLON_ASSERT(is_utf8(utf8), "a text is UTF-8");
  std::u32string out;
  append_scalars(utf8, out);
  return out;
}

/// An editor against a plain string; and its ops, done to what the text was before.
void edit_text(Text& text, Choices& in) {
  const AnyLog log;
  Text before = text;
  std::u32string model = characters(text);
  TextEditor editor{text, kOwn, log};
  for (int i = 0; i < 24 && !in.empty(); ++i) {
    const std::size_t at = in.below(model.size() + 1);
    const std::size_t count = in.below(4);
    if (in.below(2) == 0) {
      const std::u32string typed(count, static_cast<char32_t>(U'a' + in.below(26)));
      std::string utf8;
      append_utf8(typed, utf8);
      MAILLON_ASSERT(editor.insert(at, utf8).has_value(), "a position within the text");
      model.insert(at, typed);
    } else {
      const std::size_t gone = std::min(count, model.size() - at);
      MAILLON_ASSERT(editor.erase(at, gone).has_value(), "a position within the text");
      model.erase(at, gone);
    }
    if (in.rarely(8)) editor.next();
  }
  const auto edits = std::move(editor).finish();
  MAILLON_ASSERT(characters(text) == model, "an editor does what it is told");
  expect_reads_back(text);
  for (const TextEdit& edit : edits) before.apply(edit.op(), log);
  MAILLON_ASSERT(written(before) == written(text), "ops do what the editor did");
}

void edit_list(List& list, Choices& in) {
  const AnyLog log;
  List before = list;
  std::vector<Bytes> model;
  for (const ByteView value : list.values()) model.push_back(copied(value));
  const auto place = [&](std::size_t at) {
    return model.begin() + static_cast<std::ptrdiff_t>(at);
  };
  ListEditor editor{list, kOwn, Hlc{~0ull}, log};
  for (int i = 0; i < 24 && !in.empty(); ++i) {
    const Bytes value{in.u8()};
    const std::size_t at = in.below(model.size() + 1);
    const std::size_t what = in.below(4);
    if (what == 0 || at == model.size()) {
      MAILLON_ASSERT(editor.insert(at, value).has_value(), "a position within the list");
      model.insert(place(at), value);
    } else if (what == 1) {
      MAILLON_ASSERT(editor.erase(at, 1).has_value(), "a position within the list");
      model.erase(place(at));
    } else if (what == 2) {
      MAILLON_ASSERT(editor.set(at, value).has_value(), "a position within the list");
      model[at] = value;
    } else {
      const std::size_t to = in.below(model.size());
      MAILLON_ASSERT(editor.move(at, to).has_value(), "a position within the list");
      const Bytes moved = model[at];
      model.erase(place(at));
      model.insert(place(to), moved);
    }
    if (in.rarely(8)) editor.next();
  }
  const auto edits = std::move(editor).finish();
  std::vector<Bytes> shown;
  for (const ByteView value : list.values()) shown.push_back(copied(value));
  MAILLON_ASSERT(shown == model, "an editor does what it is told");
  expect_reads_back(list);
  for (const ListEdit& edit : edits) {
    const std::vector<ByteView> values{edit.values.begin(), edit.values.end()};
    before.apply({edit.ref, edit.hlc, false, edit.runs, edit.replaced, values, {}}, log);
  }
  MAILLON_ASSERT(written(before) == written(list), "ops do what the editor did");
}

template <class Content>
std::optional<Content> read_stored(ByteView bytes) {
  auto content = Content::decode(bytes);
  if (content.has_error()) return std::nullopt;
  expect_reads_back(*content);
  return *std::move(content);
}

template <class Content>
void erase_all(Content content) {
  for (std::uint32_t op = 0; op < content.sequence().ops(); ++op)
    content.remove({content.sequence().ref(op), 0, 0});
  MAILLON_ASSERT(content.size() == 0, "nothing is left");
  expect_reads_back(content);
}

}  // namespace
}  // namespace maillon::fuzz

MAILLON_FUZZ_TARGET(text) {
  using namespace maillon::fuzz;
  Choices in{input};
  const std::size_t what = in.below(3);
  const maillon::ByteView stored = in.some();
  if (what == 0) {
    auto text = stored.empty() ? Text{} : read_stored<Text>(stored);
    if (!text) return;
    (void)text->parts();
    expect_places(*text);
    if (!text->sequence().find(kOwn)) edit_text(*text, in);
    erase_all(*std::move(text));
  } else if (what == 1) {
    auto list = stored.empty() ? List{} : read_stored<List>(stored);
    if (!list) return;
    expect_places(*list);
    // An editor's stamp is above all that the list has seen.
    const maillon::Bytes greatest(8, 0xff);
    if (std::ranges::search(stored, greatest).empty() && !list->sequence().find(kOwn))
      edit_list(*list, in);
    erase_all(*std::move(list));
  } else if (auto set = read_stored<Set>(stored)) {
    for (const maillon::ByteView value : set->values())
      MAILLON_ASSERT(!set->elements_of(value).empty(), "a value has elements");
  }
}
