#pragma once

#include <set>
#include <variant>

#include "storage/merge/list.hpp"
#include "storage/merge/set.hpp"
#include "storage/merge/text.hpp"

namespace maillon::storage::merge {

/// Whether a field of this tag is made of elements that many ops brought, rather than of one value.
[[nodiscard]] constexpr bool has_elements(std::uint32_t tag) noexcept {
  return tag == static_cast<std::uint32_t>(FieldTag::set) ||
         tag == static_cast<std::uint32_t>(FieldTag::list) ||
         tag == static_cast<std::uint32_t>(FieldTag::text);
}

/// The values of a set or list as an op's payload has them: their number, then each with its size
/// (docs/protocol.md, "Payloads"). Nothing when the bytes are not that.
[[nodiscard]] std::optional<std::vector<ByteView>> decode_elements(ByteView payload);
void encode_elements(std::span<const Bytes> values, Bytes& out);
/// What an op's payload says of a field, for people: a text's characters, a JSON array of what a
/// set or list gets, else the value. Nothing when it cannot be read.
[[nodiscard]] std::optional<Value> said_by(std::uint32_t tag, ByteView payload);

/// What one op says of one field with elements.
struct DocumentOp {
  const OpInput* op = nullptr;
  const FieldChange* change = nullptr;
};

/// A field with elements: a set, list or text, whatever its tag says.
class Document {
 public:
  /// Empty; `tag` is one of those with elements.
  explicit Document(std::uint32_t tag);
  /// From all ops that change the field, in an order that respects causality. Of those in `erased`
  /// a delete, or another type under the same name, took away whatever they had brought.
  [[nodiscard]] static Document build(std::uint32_t tag, std::span<const DocumentOp> ops,
                                      std::span<const OpRef> erased, const Reissues& reissues,
                                      const Context& context);
  /// One more valid op, all that it names having been applied.
  void apply(const DocumentOp& op, const Context& context);
  /// Takes away whatever is there.
  void erase_all();

  [[nodiscard]] std::uint64_t size() const noexcept;
  /// What people see: the scalars of a text as one value, else one encoded value each.
  [[nodiscard]] std::vector<Bytes> values() const;
  /// The same as one value: a text, or a JSON array.
  [[nodiscard]] Value shown() const;
  /// The ops of which something is shown.
  [[nodiscard]] std::set<OpRef> authors() const;

  [[nodiscard]] Text* text() noexcept { return std::get_if<Text>(&content_); }
  [[nodiscard]] List* list() noexcept { return std::get_if<List>(&content_); }
  [[nodiscard]] Set* set() noexcept { return std::get_if<Set>(&content_); }

  /// Equal states have equal bytes.
  void encode(Bytes& out) const;
  /// Errc::integrity, Errc::newer_version.
  [[nodiscard]] static Result<Document> decode(std::uint32_t tag, ByteView bytes);

 private:
  using Content = std::variant<Set, List, Text>;
  explicit Document(Content content) : content_(std::move(content)) {}
  Content content_;
};

}  // namespace maillon::storage::merge
