#include "storage/store/field_edits.hpp"

#include <algorithm>
#include <charconv>

#include "storage/merge/differences.hpp"
#include "storage/merge/list_editor.hpp"
#include "storage/merge/text_editor.hpp"
#include "storage/merge/utf8.hpp"

namespace maillon::storage {
namespace {

using merge::Context;
using merge::FieldState;
using merge::OpRef;
using merge::RecordState;
using Drafts = std::vector<FieldDraft>;

/// What is being written has no id yet; it comes after all that has one.
class WithOwn final : public Context {
 public:
  explicit WithOwn(const Context& base) noexcept : base_(base) {}
  [[nodiscard]] CommitId commit_id(std::int64_t commit) const override {
    if (commit != kOwnCommit) return base_.commit_id(commit);
    std::array<std::uint8_t, CommitId::kSize> last{};
    last.fill(0xff);
    return CommitId::from_array(last);
  }
  [[nodiscard]] std::string_view name(std::int64_t id) const override { return base_.name(id); }
  [[nodiscard]] std::int64_t feed(std::int64_t commit) const override {
    return base_.feed(commit);
  }

 private:
  const Context& base_;
};

Error wrong(const FieldEdit& edit, std::string en, std::string fr) {
  return {Errc::usage, "the field `" + edit.name + "` " + std::move(en),
          "le champ « " + edit.name + " » " + std::move(fr),
          "`maillon put --help` shows how each type is written",
          "« maillon put --help » montre comment chaque type s’écrit"};
}

Result<merge::Document> document_of(const FieldEdit& edit, const FieldState* field) {
  if (field == nullptr) return merge::Document{static_cast<std::uint32_t>(edit.tag)};
  return merge::Document::decode(field->tag, field->stored);
}

template <class Edit>
FieldDraft draft_of(FieldTag tag, Edit& edit, Bytes value) {
  FieldDraft out;
  out.tag = tag;
  out.removed = std::move(edit.replaced);
  out.runs = std::move(edit.runs);
  out.value = std::move(value);
  return out;
}

Result<Drafts> edit_text(const FieldEdit& edit, merge::Document& document, const OpRef& own,
                         const Context& context) {
  const Value& wanted = edit.values.front();
  if (edit.how == FieldEdit::How::remove)
    return wrong(edit, "is a text: give what it shall be", "est un texte : donnez ce qu’il doit être");
  if (wanted.kind() == Value::Kind::json)
    return wrong(edit, "takes words", "attend des mots");
  merge::Text& text = *document.text();
  const std::string before = text.str();
  const std::string after = wanted.display();
  merge::TextEditor editor{text, own, context};
  std::uint64_t at = 0;
  std::size_t seen = 0;
  const std::string_view all = before;
  const bool adds = edit.how == FieldEdit::How::add;
  if (adds) MAILLON_CHECK(editor.insert(merge::count_scalars(before), after));
  const auto differences = adds ? std::vector<merge::Difference>{} : merge::text_differences(before, after);
  for (const merge::Difference& difference : differences) {
    at += merge::count_scalars(all.substr(seen, difference.before - seen));
    seen = difference.before + difference.removed;
    const std::string_view gone = all.substr(difference.before, difference.removed);
    const std::string_view put = std::string_view{after}.substr(difference.after, difference.added);
    MAILLON_CHECK(editor.erase(at, merge::count_scalars(gone)));
    MAILLON_CHECK(editor.insert(at, put));
    at += merge::count_scalars(put);
  }
  Drafts out;
  for (merge::TextEdit& op : std::move(editor).finish()) {
    const ByteView bytes = as_bytes(op.text);
    out.push_back(draft_of(edit.tag, op, {bytes.begin(), bytes.end()}));
  }
  return out;
}

/// Leads a list to what it shall be; what is taken out in one place and put in at another is moved.
class ListRewriter {
 public:
  ListRewriter(merge::ListEditor& editor, const std::vector<Bytes>& before,
               const std::vector<Bytes>& after)
      : editor_(editor), before_(before), after_(after) {}

  Result<void> run() {
    compare();
    for (std::size_t i = before_.size(); i-- > 0;)
      if (!kept_[i] && !moved_[i]) {
        MAILLON_CHECK(editor_.erase(i, 1));
        current_.erase(current_.begin() + static_cast<std::ptrdiff_t>(i));
      }
    std::size_t at = 0;
    for (std::size_t i = 0; i < after_.size(); ++i) {
      const std::size_t wanted = from_[i];
      // Those that go elsewhere stand in the way until their turn comes.
      while (at < current_.size() && current_[at] != wanted && moved_[current_[at]]) ++at;
      if (wanted == kNew) {
        MAILLON_CHECK(editor_.insert(at, after_[i]));
        current_.insert(current_.begin() + static_cast<std::ptrdiff_t>(at++), kNew);
        continue;
      }
      const auto is_at = static_cast<std::size_t>(std::ranges::find(current_, wanted) - current_.begin());
      const std::size_t to = is_at < at ? at - 1 : at;
      MAILLON_CHECK(editor_.move(is_at, to));
      current_.erase(current_.begin() + static_cast<std::ptrdiff_t>(is_at));
      current_.insert(current_.begin() + static_cast<std::ptrdiff_t>(to), wanted);
      moved_[wanted] = false;
      at = to + 1;
    }
    return {};
  }

 private:
  static constexpr std::size_t kNew = static_cast<std::size_t>(-1);

  void compare() {
    const auto views = [](const std::vector<Bytes>& values) {
      std::vector<std::string_view> out;
      for (const Bytes& value : values) out.push_back(as_text(value));
      return out;
    };
    kept_.assign(before_.size(), true);
    moved_.assign(before_.size(), false);
    from_.assign(after_.size(), kNew);
    for (std::size_t i = 0; i < before_.size(); ++i) current_.push_back(i);
    std::size_t old_at = 0;
    std::size_t new_at = 0;
    const auto keep_until = [&](std::size_t end) {
      while (old_at < end) from_[new_at++] = old_at++;
    };
    for (const merge::Difference& difference : merge::differences(views(before_), views(after_))) {
      keep_until(difference.before);
      for (std::size_t i = 0; i < difference.removed; ++i) kept_[old_at++] = false;
      new_at += difference.added;
    }
    keep_until(before_.size());
    for (std::size_t i = 0; i < after_.size(); ++i)
      for (std::size_t k = 0; from_[i] == kNew && k < before_.size(); ++k)
        if (!kept_[k] && !moved_[k] && before_[k] == after_[i]) {
          moved_[k] = true;
          from_[i] = k;
        }
  }

  merge::ListEditor& editor_;
  const std::vector<Bytes>& before_;
  const std::vector<Bytes>& after_;
  std::vector<bool> kept_;
  std::vector<bool> moved_;          ///< and not there yet
  std::vector<std::size_t> from_;    ///< of each value to be: where it was
  std::vector<std::size_t> current_; ///< what the list is now, by where it was
};

std::vector<Bytes> encoded(std::span<const Value> values) {
  std::vector<Bytes> out;
  for (const Value& value : values) out.push_back(value.encoded());
  return out;
}

Result<Drafts> edit_list(const FieldEdit& edit, merge::Document& document, const OpRef& own,
                         const Context& context) {
  merge::List& list = *document.list();
  const std::vector<Bytes> before = document.values();
  const std::vector<Bytes> given = encoded(edit.values);
  // A move of ours counts among those known: its time is after theirs.
  merge::ListEditor editor{list, own, Hlc{~std::uint64_t{0}}, context};
  if (edit.how == FieldEdit::How::add) {
    for (const Bytes& value : given) MAILLON_CHECK(editor.insert(list.size(), value));
  } else if (edit.how == FieldEdit::How::remove) {
    for (const Bytes& value : given) {
      const auto now = list.values();
      const auto at = std::ranges::find_if(
          now, [&](ByteView there) { return std::ranges::equal(there, value); });
      if (at == now.end()) continue;
      MAILLON_CHECK(editor.erase(static_cast<std::uint64_t>(at - now.begin()), 1));
    }
  } else {
    MAILLON_CHECK(ListRewriter(editor, before, given).run());
  }
  Drafts out;
  for (merge::ListEdit& op : std::move(editor).finish()) {
    Bytes value;
    merge::encode_elements(op.values, value);
    out.push_back(draft_of(edit.tag, op, std::move(value)));
  }
  return out;
}

Result<Drafts> edit_set(const FieldEdit& edit, merge::Document& document, const Writing& writing) {
  const merge::Set& set = *document.set();
  const std::vector<ByteView> there = set.values();
  const std::vector<Bytes> given = encoded(edit.values);
  const auto has = [](const auto& values, ByteView value) {
    return std::ranges::any_of(values,
                               [&](const auto& one) { return std::ranges::equal(one, value); });
  };
  std::vector<Bytes> added;
  std::vector<ByteView> dropped;
  for (const Bytes& value : given) {
    if (edit.how == FieldEdit::How::remove)
      dropped.emplace_back(value);
    else if (!has(there, value) && !has(added, value))
      added.push_back(value);
  }
  if (edit.how == FieldEdit::How::set)
    for (const ByteView value : there)
      if (!has(given, value)) dropped.push_back(value);
  std::optional<SaidBefore> before;
  if (writing.said_before && !(added.empty() && dropped.empty())) {
    MAILLON_TRY(before, writing.said_before());
    if (!before) return Drafts{};
    std::erase_if(added, [&](const Bytes& value) { return before->values.contains(value); });
  }
  FieldDraft draft;
  draft.tag = edit.tag;
  for (const ByteView value : dropped)
    for (const merge::ElementRef& element : set.elements_of(value))
      if (!before || before->ops.contains(element.op))
        draft.removed.push_back({element.op, element.offset, 1});
  if (added.empty() && draft.removed.empty()) return Drafts{};
  std::ranges::sort(draft.removed);
  if (!added.empty())
    draft.runs.push_back({std::nullopt, std::nullopt, std::nullopt,
                          static_cast<std::uint32_t>(added.size())});
  merge::encode_elements(added, draft.value);
  return Drafts{std::move(draft)};
}

/// Brings no element and takes none out.
FieldDraft nothing_new(FieldTag tag) {
  FieldDraft out;
  out.tag = tag;
  if (tag != FieldTag::text) merge::encode_elements(std::vector<Bytes>{}, out.value);
  return out;
}

Result<std::int64_t> whole_number(const FieldEdit& edit, const std::string& text) {
  std::int64_t out = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  // Half the range, so that adding two never overflows.
  const bool fits = out < (std::int64_t{1} << 62) && out > -(std::int64_t{1} << 62);
  const bool whole = end == text.data() + text.size() && error != std::errc::invalid_argument;
  if (!whole) return wrong(edit, "counts: it takes a whole number", "compte : il attend un nombre entier");
  if (error != std::errc{} || !fits)
    return wrong(edit, "counts: the number is too large, it must stay below 2^62",
                 "compte : le nombre est trop grand, il doit rester sous 2^62");
  return out;
}

Result<Drafts> edit_counter(const FieldEdit& edit, const RecordState& state, const FieldState* field,
                            std::int64_t own_feed, bool confirms, const Context& context) {
  MAILLON_TRY(std::int64_t given, whole_number(edit, edit.values.front().display()));
  std::int64_t own_total = 0;
  FieldDraft draft;
  draft.tag = edit.tag;
  bool first = true;
  if (field != nullptr)
    for (const merge::FieldHead& head : field->heads) {
      if (head.through || context.feed(state.ops[head.op].ref.commit) != own_feed) continue;
      draft.counts.push_back(state.ops[head.op].ref);
      const auto value = Value::decode(head.value);
      const bool counts = !state.ops[head.op].is_void && state.ops[head.op].readable && value;
      if (!counts || !std::exchange(first, false)) continue;
      MAILLON_TRY(own_total, whole_number(edit, value->text()));
    }
  if (edit.how == FieldEdit::How::remove) given = -given;
  if (edit.how == FieldEdit::How::set) {
    const merge::Shown shown = merge::show(state, context);
    for (const merge::ShownField& one : shown.fields) {
      if (one.field != field) continue;
      MAILLON_TRY(const Value sum, one.value());
      const auto now = whole_number(edit, sum.text());
      if (!now)
        return wrong(edit, "has a sum beyond 2^62, which cannot be set: take some of it off with -=",
                     "a une somme au-delà de 2^62, qui ne peut être fixée : retirez-en avec -=");
      given -= *now;
    }
  }
  if (given == 0 && field != nullptr && !field->heads.empty() && !confirms) return Drafts{};
  Value{Value::Kind::number, std::to_string(own_total + given)}.encode_into(draft.value);
  return Drafts{std::move(draft)};
}

Result<Drafts> edit_extreme(const FieldEdit& edit, const RecordState& state, const FieldState* field,
                            bool confirms, const Context& context) {
  const Value& given = edit.values.front();
  if (edit.how != FieldEdit::How::set ||
      (given.kind() != Value::Kind::number && given.kind() != Value::Kind::text))
    return wrong(edit, "keeps the greatest or least value: give a number or a text",
                 "garde la plus grande ou la plus petite valeur : donnez un nombre ou un texte");
  FieldDraft draft;
  draft.tag = edit.tag;
  given.encode_into(draft.value);
  if (field == nullptr || confirms) return Drafts{std::move(draft)};
  // Beside what is there, would anybody see it?
  RecordState beside = state;
  auto& heads = std::ranges::find_if(beside.fields, [&](const FieldState& one) {
                  return one.name == field->name && one.tag == field->tag;
                })->heads;
  merge::OpEntry own;
  own.ref = {kOwnCommit, 1};
  own.readable = true;
  beside.ops.push_back(own);
  heads.push_back({static_cast<std::uint32_t>(beside.ops.size() - 1), false, draft.value});
  for (const merge::ShownField& one : merge::show(beside, context).fields)
    if (one.name() == field->name && one.tag() == field->tag &&
        one.shown->op + 1 == beside.ops.size())
      return Drafts{std::move(draft)};
  return Drafts{};
}

}  // namespace

Result<std::vector<FieldDraft>> draft_edit(const FieldEdit& edit, const RecordState& state,
                                           const FieldState* field, const Writing& writing,
                                           const Context& base) {
  const WithOwn context{base};
  const bool many = edit.tag == FieldTag::set || edit.tag == FieldTag::list;
  if (!many && edit.values.size() != 1)
    return wrong(edit, "takes one value", "attend une seule valeur");
  if (edit.tag == FieldTag::counter)
    return edit_counter(edit, state, field, writing.feed, writing.confirms, context);
  if (!merge::has_elements(static_cast<std::uint32_t>(edit.tag)))
    return edit_extreme(edit, state, field, writing.confirms, context);
  MAILLON_TRY(merge::Document document, document_of(edit, field));
  const OpRef own{kOwnCommit, writing.leaf};
  Drafts out;
  if (edit.tag == FieldTag::text) {
    MAILLON_TRY(out, edit_text(edit, document, own, context));
  } else if (edit.tag == FieldTag::list) {
    MAILLON_TRY(out, edit_list(edit, document, own, context));
  } else {
    MAILLON_TRY(out, edit_set(edit, document, writing));
  }
  if (out.empty() && writing.confirms) out.push_back(nothing_new(edit.tag));
  return out;
}

}  // namespace maillon::storage
