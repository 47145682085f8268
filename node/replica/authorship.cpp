#include "node/replica/authorship.hpp"

#include "storage/merge/document.hpp"
#include "storage/merge/utf8.hpp"

namespace maillon::replica {
namespace {

using namespace storage;

class Authorship {
 public:
  explicit Authorship(Reader& reader) : reader_(reader) {}

  Result<FieldAuthors> of(const merge::RecordState& state, const merge::ShownField& shown) {
    FieldAuthors out;
    MAILLON_TRY(out.field, reader_.names().text(shown.name()));
    out.tag = shown.tag();
    if (merge::has_elements(shown.tag())) {
      merge::FieldState field = *shown.field;
      MAILLON_TRY(merge::Document* const document, field.open());
      MAILLON_CHECK(of_elements(*document, out));
      return out;
    }
    if (shown.shown != nullptr) {
      MAILLON_CHECK(add(state.ops[shown.shown->op].ref, display(shown.shown->value), out));
      return out;
    }
    for (const merge::FieldHead& head : shown.field->heads)
      if (!state.ops[head.op].is_void && !head.value.empty())
        MAILLON_CHECK(add(state.ops[head.op].ref, display(head.value), out));
    return out;
  }

 private:
  Result<void> of_elements(merge::Document& document, FieldAuthors& out) {
    if (const merge::Text* const text = document.text()) {
      std::u32string scalars;
      merge::append_scalars(text->str(), scalars);
      for (const merge::Text::Part& part : text->parts()) {
        std::string words;
        merge::append_utf8(std::u32string_view{scalars}.substr(static_cast<std::size_t>(part.begin),
                                                               static_cast<std::size_t>(part.count)),
                           words);
        MAILLON_CHECK(add(part.author, std::move(words), out));
      }
      return {};
    }
    if (const merge::List* const list = document.list()) {
      const auto values = list->values();
      for (std::uint64_t i = 0; i < list->size(); ++i)
        MAILLON_CHECK(add(list->element_at(i).op, display(values[static_cast<std::size_t>(i)]), out));
      return {};
    }
    for (const ByteView value : document.set()->values())
      for (const merge::ElementRef& element : document.set()->elements_of(value))
        MAILLON_CHECK(add(element.op, display(value), out));
    return {};
  }

  static std::string display(ByteView encoded) {
    const auto value = Value::decode(encoded);
    return value ? value->display() : std::string{};
  }

  Result<void> add(const merge::OpRef& ref, std::string text, FieldAuthors& out) {
    MAILLON_TRY(const Bytes raw, reader_.log().header_of(ref.commit));
    MAILLON_TRY(const Header header, decode_header(raw));
    out.parts.push_back({std::move(text), commit_id(raw), header.member, header.hlc.time()});
    return {};
  }

  Reader& reader_;
};

}  // namespace

Result<std::vector<FieldAuthors>> authors_of(Reader& reader, const SpaceId& space,
                                             std::string_view collection, const RecordId& id) {
  std::vector<FieldAuthors> out;
  MAILLON_TRY(const auto row, reader.log().find_space(space));
  if (!row) return out;
  MAILLON_TRY(const auto known, reader.names().find_collection(*row, collection));
  if (!known) return out;
  MAILLON_TRY(const auto record, reader.records().find(*known, id));
  if (!record) return out;
  MAILLON_TRY(const auto state, merge::decode_state(record->state));
  const merge::Shown shown = merge::show(state, reader.records().context());
  MAILLON_CHECK(reader.records().context().check());
  Authorship authorship{reader};
  for (const merge::ShownField& field : shown.fields) {
    MAILLON_TRY(auto one, authorship.of(state, field));
    out.push_back(std::move(one));
  }
  return out;
}

}  // namespace maillon::replica
