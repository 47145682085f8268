#include "storage/merge/document.hpp"

#include <algorithm>

namespace maillon::storage::merge {
namespace {

/// Only what a skeleton says is sure: values of another number are none.
using Values = std::optional<std::vector<ByteView>>;
Values values_of(const DocumentOp& op) {
  if (!op.op->readable || op.change->erased) return std::nullopt;
  return decode_elements(op.change->value);
}

TextOp text_op(const DocumentOp& op) {
  TextOp out{op.op->ref,          op.op->is_void, op.change->runs,
             op.change->removed, std::nullopt,   op.change->erased_elements};
  if (op.op->readable && !op.change->erased) out.text = as_text(op.change->value);
  return out;
}

ListOp list_op(const DocumentOp& op, const Values& values) {
  ListOp out;
  out.ref = op.op->ref;
  out.hlc = op.op->hlc;
  out.is_void = op.op->is_void;
  out.runs = op.change->runs;
  out.replaced = op.change->removed;
  out.erased = op.change->erased_elements;
  if (values) out.values = *values;
  return out;
}

SetOp set_op(const DocumentOp& op, const Values& values) {
  SetOp out{op.op->ref, {}, op.change->removed};
  std::uint64_t wanted = 0;
  for (const SequenceRun& run : op.change->runs) wanted += run.length;
  if (values && values->size() == wanted) out.values = *values;
  return out;
}

Text build_text(std::span<const DocumentOp> ops, const Reissues& reissues, const Context& context) {
  std::vector<TextOp> all;
  all.reserve(ops.size());
  for (const DocumentOp& op : ops) all.push_back(text_op(op));
  return Text::build(all, reissues, context);
}

List build_list(std::span<const DocumentOp> ops, const Reissues& reissues, const Context& context) {
  std::vector<Values> values;
  values.reserve(ops.size());
  for (const DocumentOp& op : ops) values.push_back(values_of(op));
  std::vector<ListOp> all;
  all.reserve(ops.size());
  for (std::size_t i = 0; i < ops.size(); ++i) all.push_back(list_op(ops[i], values[i]));
  return List::build(all, reissues, context);
}

Set build_set(std::span<const DocumentOp> ops, std::span<const OpRef> erased,
              const Reissues& reissues) {
  Set out;
  std::vector<ElementRange> removed;
  for (const OpRef& op : erased) removed.push_back({op, 0, 0});
  for (const DocumentOp& op : ops) {
    if (op.op->is_void) continue;
    const Values values = values_of(op);
    SetOp added = set_op(op, values);
    removed.insert(removed.end(), added.replaced.begin(), added.replaced.end());
    added.replaced = {};
    out.apply(added);
    for (const OffsetRange& range : op.change->erased_elements)
      out.remove({added.ref, range.offset, range.count});
  }
  // A re-issue may stand behind what takes out its original's elements.
  for (const ElementRange& range : removed)
    for (const OpRef& name : aliases_of(range.op, reissues))
      out.remove({name, range.offset, range.count});
  return out;
}

}  // namespace

std::optional<std::vector<ByteView>> decode_elements(ByteView payload) {
  std::vector<ByteView> out;
  ByteReader in{payload};
  const std::uint64_t count = in.varint();
  if (count > in.left()) return std::nullopt;
  out.reserve(static_cast<std::size_t>(count));
  for (std::uint64_t i = 0; i < count; ++i) out.push_back(in.sized(limits::kCommitBodyMax));
  if (!in.at_end()) return std::nullopt;
  return out;
}

void encode_elements(std::span<const Bytes> values, Bytes& out) {
  ByteWriter w{out};
  w.varint(values.size());
  for (const Bytes& value : values) w.sized(value);
}

namespace {

/// As one JSON array; an element that is no value stands as null.
template <class Elements>
Value as_array(const Elements& elements) {
  std::string array = "[";
  for (const auto& encoded : elements) {
    if (array.size() > 1) array += ',';
    const auto value = Value::decode(encoded);
    append_json_value(array, value ? *value : Value{});
  }
  return {Value::Kind::json, array + "]"};
}

}  // namespace

std::optional<Value> said_by(std::uint32_t tag, ByteView payload) {
  if (tag == static_cast<std::uint32_t>(FieldTag::text)) {
    if (!is_utf8(as_text(payload))) return std::nullopt;
    return Value::of_text(std::string{as_text(payload)});
  }
  if (has_elements(tag)) {
    const auto elements = decode_elements(payload);
    return elements ? std::optional{as_array(*elements)} : std::nullopt;
  }
  auto value = Value::decode(payload);
  return value ? std::optional{*std::move(value)} : std::nullopt;
}

Document::Document(std::uint32_t tag) {
  MAILLON_ASSERT(has_elements(tag), "a document has elements");
  if (tag == static_cast<std::uint32_t>(FieldTag::text))
    content_ = Text{};
  else if (tag == static_cast<std::uint32_t>(FieldTag::list))
    content_ = List{};
}

Document Document::build(std::uint32_t tag, std::span<const DocumentOp> ops,
                         std::span<const OpRef> erased, const Reissues& reissues,
                         const Context& context) {
  // What leads to no commit of these ops says nothing here.
  std::set<std::int64_t> leading;
  for (const DocumentOp& op : ops) leading.insert(op.op->ref.commit);
  std::set<std::pair<std::int64_t, std::int64_t>> pairs;
  for (bool grown = true; grown;) {
    grown = false;
    for (const auto& pair : reissues)
      if (leading.contains(pair.second) && pairs.insert(pair).second) {
        leading.insert(pair.first);
        grown = true;
      }
  }
  const Reissues ascending{pairs.begin(), pairs.end()};
  if (tag == static_cast<std::uint32_t>(FieldTag::set))
    return Document{build_set(ops, erased, ascending)};
  Document out = tag == static_cast<std::uint32_t>(FieldTag::text)
                     ? Document{build_text(ops, ascending, context)}
                     : Document{build_list(ops, ascending, context)};
  for (const OpRef& op : erased) {
    if (Text* const text = out.text()) text->remove({op, 0, 0});
    if (List* const list = out.list()) list->remove({op, 0, 0});
  }
  return out;
}

void Document::apply(const DocumentOp& op, const Context& context) {
  if (Text* const text = this->text()) return text->apply(text_op(op), context);
  const Values values = values_of(op);
  if (List* const list = this->list()) return list->apply(list_op(op, values), context);
  set()->apply(set_op(op, values));
  for (const OffsetRange& range : op.change->erased_elements)
    set()->remove({op.op->ref, range.offset, range.count});
}

void Document::erase_all() {
  const auto each = [](auto& content) {
    for (std::uint32_t op = 0; op < content.sequence().ops(); ++op)
      content.remove({content.sequence().ref(op), 0, 0});
  };
  if (Text* const text = this->text()) return each(*text);
  if (List* const list = this->list()) return each(*list);
  set()->clear();
}

std::uint64_t Document::size() const noexcept {
  return std::visit([](const auto& content) { return content.size(); }, content_);
}

std::vector<Bytes> Document::values() const {
  std::vector<Bytes> out;
  if (const auto* text = std::get_if<Text>(&content_)) {
    const std::string characters = text->str();
    out.emplace_back(as_bytes(characters).begin(), as_bytes(characters).end());
    return out;
  }
  const auto* list = std::get_if<List>(&content_);
  const auto views = list != nullptr ? list->values() : std::get<Set>(content_).values();
  for (const ByteView value : views) out.emplace_back(value.begin(), value.end());
  return out;
}

Value Document::shown() const {
  if (const auto* text = std::get_if<Text>(&content_)) return Value::of_text(text->str());
  return as_array(values());
}

std::set<OpRef> Document::authors() const {
  std::set<OpRef> out;
  if (const auto* text = std::get_if<Text>(&content_)) {
    for (const Text::Part& part : text->parts()) out.insert(part.author);
  } else if (const auto* list = std::get_if<List>(&content_)) {
    for (std::uint64_t i = 0; i < list->size(); ++i) out.insert(list->element_at(i).op);
  } else {
    std::get<Set>(content_).authors(out);
  }
  return out;
}

void Document::encode(Bytes& out) const {
  std::visit([&](const auto& content) { content.encode(out); }, content_);
}

Result<Document> Document::decode(std::uint32_t tag, ByteView bytes) {
  if (tag == static_cast<std::uint32_t>(FieldTag::text)) {
    MAILLON_TRY(Text text, Text::decode(bytes));
    return Document{Content{std::move(text)}};
  }
  if (tag == static_cast<std::uint32_t>(FieldTag::list)) {
    MAILLON_TRY(List list, List::decode(bytes));
    return Document{Content{std::move(list)}};
  }
  MAILLON_TRY(Set set, Set::decode(bytes));
  return Document{Content{std::move(set)}};
}

}  // namespace maillon::storage::merge
