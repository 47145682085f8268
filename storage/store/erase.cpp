#include "storage/store/erase.hpp"

#include <algorithm>

#include "proto/fault.hpp"
#include "storage/merge/document.hpp"
#include "storage/merge/utf8.hpp"
#include "storage/store/opening.hpp"

/// Asking to erase: from what somebody wants gone to the ops that say so.
namespace maillon::storage {
namespace {

using merge::OffsetRange;

constexpr auto kErase = static_cast<std::uint32_t>(OpKind::erase);
constexpr auto kRemove = static_cast<std::uint32_t>(OpKind::remove);

/// An op of which a value is still on disk: one of the record's, or one that asks to erase such a one
/// and says again what would remain.
struct Carrier {
  merge::OpRef ref;
  CommitPtr commit;
  const Op* op = nullptr;
  std::optional<Remains> left = {};   ///< by what is destroyed; else all of it
  std::optional<Remains> shown = {};  ///< what is hidden besides
  MemberId whose = MemberId::zero();  ///< who decides on it

  [[nodiscard]] std::span<const OpField> fields() const { return commit->body.ops.fields_of(*op); }
  /// Gone from here because it was replaced and settled; others may have it.
  [[nodiscard]] bool is_forgotten() const {
    return !left && !shown && op->state == LeafState::bare;
  }
  [[nodiscard]] bool readable() const { return left ? left->readable : op->payload_ok; }
  [[nodiscard]] bool is_there() const {
    return left ? left->readable || (op->state == LeafState::full && !left->whole)
                : op->state == LeafState::full;
  }
};

/// What is to go of one op, with what went before.
struct Cut {
  bool whole = false;
  bool unseen = false;  ///< it is forgotten here: whoever still has it is to destroy it unseen
  std::vector<FieldRemains> fields;  ///< as the op has them; the values of those that remain
  std::set<std::string> fresh;       ///< fields of which something goes that was there

  [[nodiscard]] bool takes_something() const { return unseen || !fresh.empty(); }
};

const FieldRemains kAllErased{{}, true, {}, false};

bool is_text(const OpField& field) {
  return field.tag == static_cast<std::uint32_t>(FieldTag::text);
}

std::uint64_t count_of(std::span<const OffsetRange> ranges) {
  std::uint64_t out = 0;
  for (const OffsetRange& range : ranges) out += range.count;
  return out;
}

bool covers(std::span<const OffsetRange> ranges, std::uint32_t offset) {
  const auto after = std::ranges::upper_bound(ranges, offset, {}, &OffsetRange::offset);
  return after != ranges.begin() && offset - std::prev(after)->offset < std::prev(after)->count;
}

/// The value with as many elements, of which those erased say nothing; `ranges` normalised.
Bytes without(const OpField& field, ByteView value, std::span<const OffsetRange> ranges) {
  Bytes out;
  if (ranges.empty()) return {value.begin(), value.end()};
  if (is_text(field)) {
    std::u32string scalars;
    merge::append_scalars(as_text(value), scalars);
    for (std::uint32_t i = 0; i < scalars.size(); ++i)
      if (covers(ranges, i)) scalars[i] = U' ';
    std::string text;
    merge::append_utf8(scalars, text);
    const ByteView view = as_bytes(text);
    return {view.begin(), view.end()};
  }
  std::vector<Bytes> kept;
  if (const auto elements = merge::decode_elements(value))
    for (std::uint32_t i = 0; i < elements->size(); ++i) {
      const ByteView one = covers(ranges, i) ? ByteView{} : (*elements)[i];
      kept.emplace_back(one.begin(), one.end());
    }
  merge::encode_elements(kept, out);
  return out;
}

}  // namespace

/// Works out what to ask for of one record.
class Store::Eraser {
 public:
  /// `reach`: what lies beyond cannot be named yet.
  Eraser(Store& store, const ErasureWish& wish, const MemberId& author, Hlc reach)
      : store_(store), wish_(wish), author_(author), reach_(reach) {}

  Result<void> plan(const SpaceId& space) {
    MAILLON_TRY(const std::int64_t row, store_.log_.space_row(space));
    MAILLON_TRY(const auto collection, store_.names_.find_collection(row, wish_.collection));
    if (collection) {
      MAILLON_TRY(record_, store_.records_.find(*collection, wish_.id));
    }
    if (!record_) return {};
    MAILLON_TRY(auto state, merge::decode_state(record_->state));
    if (!wish_.words.empty()) MAILLON_CHECK(find_shown(state));
    MAILLON_TRY(const auto asked, store_.records_.erasures().of_record(*collection, wish_.id));
    if (!wish_.only_complete) MAILLON_CHECK(plan_steps());
    if (!wish_.copies.empty()) return {};
    for (const Erasure& erasure : asked) MAILLON_CHECK(plan_asker(erasure));
    return {};
  }

  /// The ops, one commit's worth after the other; `full` seals a draft and empties it.
  Result<void> write(const std::function<Result<void>()>& full, CommitDraft& draft) {
    for (const auto& [ref, planned] : planned_) {
      Draft op;
      if (planned.says_again && !planned.cut.whole) {
        MAILLON_TRY(op, remaining(planned.carrier, planned.cut));
      }
      // In one commit, and so decided on together: what says again what remains is all that does.
      const std::size_t size = op.size + kOpSize * planned.askers.size() + wish_.reason.size();
      if (size + 4096 > limits::kCommitBodyMax) return too_large();
      if (!draft.has_room(size, 2 + planned.askers.size())) MAILLON_CHECK(full());
      if (draft.ops() == 0 && !wish_.reason.empty()) add_reason(draft);
      if (planned.says_again) add(op, planned.carrier.commit->id, ref.leaf, draft);
      for (const auto& [commit, leaf] : planned.askers) add(Draft{}, commit, leaf, draft);
    }
    return {};
  }

  /// Errc::not_allowed where it would hide nothing: of a record of somebody else's, all of it
  /// written by others.
  Result<void> check_owner(const Author& author) {
    const auto own = [&](const auto& one) { return one.second.carrier.whose == author.member; };
    if (!record_ || std::ranges::any_of(planned_, own)) return {};
    Change change;
    change.collection = wish_.collection;
    change.id = wish_.id;
    return store_.check_owner(change, *record_, author);
  }

  void add_to(ErasureOutcome& out) const {
    for (const auto& [ref, planned] : planned_) {
      ++out.ops[planned.carrier.whose];
      out.forgotten += planned.cut.unseen ? 1 : 0;
      out.fields.insert(planned.cut.fresh.begin(), planned.cut.fresh.end());
    }
    out.ahead += ahead_;
    out.asked_before += asked_before_;
  }

 private:
  struct Planned {
    Carrier carrier;
    Cut cut;
    bool says_again = true;  ///< else there is nothing left of it that its askers could say
    /// Ops that asked to erase it before, and would say what is to go now: all that they say goes.
    std::vector<std::pair<CommitId, std::uint32_t>> askers = {};
  };
  /// One erasing op, its dots not named yet: whole when it has no fields.
  struct Draft {
    struct Field {
      const OpField* field = nullptr;
      bool erased = false;
      std::vector<OffsetRange> elements;
      Bytes value;
    };
    std::vector<Field> fields;
    std::string_view source;
    std::string_view external_id;
    std::size_t size = kOpSize;
  };
  static constexpr std::size_t kOpSize = 256;  ///< of one without values, at most

  [[nodiscard]] bool wanted(std::string_view name) const {
    return name != kReasonField &&
           (wish_.fields.empty() || std::ranges::find(wish_.fields, name) != wish_.fields.end());
  }

  [[nodiscard]] bool has_copy(const merge::OpRef& ref) const {
    return std::ranges::find(wish_.copies, ref, &ErasedCopy::op) != wish_.copies.end();
  }

  /// Of which op each shown character is that belongs to the words.
  Result<void> find_shown(merge::RecordState& state) {
    for (merge::FieldState& field : state.fields) {
      if (field.tag != static_cast<std::uint32_t>(FieldTag::text)) continue;
      MAILLON_TRY(merge::Document* const document, field.open());
      const std::string name{store_.records_.context().name(field.name)};
      for (const OffsetRange& place : places_of(document->text()->str(), wish_.words))
        for (std::uint32_t i = 0; i < place.count; ++i) {
          const merge::ElementRef element = document->text()->element_at(place.offset + i);
          shown_[{element.op, name}].push_back({element.offset, 1});
        }
    }
    return {};
  }

  Result<void> plan_steps() {
    MAILLON_TRY(auto steps,
                store_.records_.history(wish_.collection, wish_.id, record_->state));
    for (HistoryOp& step : steps) {
      Carrier carrier{step.ref, step.commit, step.op};
      carrier.shown = std::move(step.remains);
      carrier.whose = step.commit->header.member;
      if (!wish_.copies.empty() && (carrier.whose != author_ || !has_copy(step.ref))) continue;
      MAILLON_CHECK(take(std::move(carrier)));
    }
    return {};
  }

  /// What it says would remain goes where any of that is not to remain any more: what is left of the
  /// op that it means is said again by one op of today's, so that the number of those that say it does
  /// not grow.
  Result<void> plan_asker(const Erasure& erasure) {
    if (!askers_.insert(erasure.by).second) return {};
    Erasures& erasures = store_.records_.erasures();
    MAILLON_TRY(const auto meant, erasures.meant(erasure.by));
    if (!meant) return {};
    // What goes whole is said again nowhere.
    MAILLON_TRY(const CommitPtr by, store_.records_.commits().get(erasure.by.commit));
    if (erases_whole(by->body.ops, by->body.ops.ops[erasure.by.leaf - 1])) return {};
    MAILLON_TRY(Carrier carrier, carrier_of(erasure.by));
    // Most of those of which something was erased again say nothing any more.
    if (!carrier.is_there() && !carrier.is_forgotten()) return {};
    MAILLON_TRY(Carrier root, carrier_of(*meant));
    carrier.whose = root.whose;
    if (wish_.only_complete && root.whose != author_) return {};
    Cut cut = start_of(carrier);
    if (!wish_.only_complete)
      cut = cut_of(carrier, erasure.target);
    else if (root.left)
      follow(*root.left, root.fields(), carrier, cut);
    if (!cut.takes_something()) return {};
    if (carrier.whose != author_ && is_hidden(carrier, cut)) return {};
    if (carrier.commit->header.hlc > reach_) {
      ++ahead_;
      return {};
    }
    auto at = planned_.find(*meant);
    if (at == planned_.end()) {
      Cut rest = start_of(root);
      const bool left = root.is_there() && root.readable() && !rest.whole;
      at = planned_.emplace(*meant, Planned{std::move(root), std::move(rest), left}).first;
    }
    at->second.cut.fresh.merge(cut.fresh);
    at->second.askers.emplace_back(carrier.commit->id, carrier.ref.leaf);
    return {};
  }

  Result<Carrier> carrier_of(const merge::OpRef& ref) {
    MAILLON_TRY(CommitPtr commit, store_.records_.commits().get(ref.commit));
    Carrier out{ref, std::move(commit)};
    out.op = &out.commit->body.ops.ops[ref.leaf - 1];
    out.whose = out.commit->header.member;
    Erasures& erasures = store_.records_.erasures();
    MAILLON_TRY(out.shown, erasures.remains(ref, out.commit, *out.op));
    MAILLON_TRY(out.left, erasures.remains(ref, out.commit, *out.op, Erasures::By::destroying));
    return out;
  }

  /// What was destroyed of an op is to go of what was said to remain of it.
  void follow(const Remains& left, std::span<const OpField> of, const Carrier& carrier,
              Cut& cut) const {
    const auto fields = carrier.fields();
    for (std::size_t i = 0; i < fields.size(); ++i) {
      const FieldRemains& said = cut.fields[i];
      if (said.erased || said.value.empty() || fields[i].name == kReasonField) continue;
      for (std::size_t k = 0; k < of.size(); ++k) {
        if (of[k].name != fields[i].name || of[k].tag != fields[i].tag) continue;
        std::vector<OffsetRange> own = said.elements;
        for (const DotRange& dot : carrier.commit->body.ops.dots_in(fields[i].replaced))
          if (dot.count != 0) own.push_back({dot.offset, dot.count});
        normalise(own);
        const std::uint64_t before = count_of(own);
        std::ranges::copy(left.fields[k].elements, std::back_inserter(own));
        normalise(own);
        const bool gone = left.fields[k].erased && !left.fields[k].lost;
        if (left.whole || gone || count_of(own) > before)
          cut.fresh.emplace(fields[i].name);
      }
    }
  }

  /// Plans what is wanted of one op.
  Result<void> take(Carrier carrier) {
    MAILLON_TRY(carrier.left,
                store_.records_.erasures().remains(carrier.ref, carrier.commit, *carrier.op,
                                                   Erasures::By::destroying));
    Cut cut = cut_of(carrier, carrier.ref);
    if (!cut.takes_something()) return {};
    // Whoever cannot decide asks once.
    if (carrier.whose != author_ && is_hidden(carrier, cut)) {
      ++asked_before_;
      return {};
    }
    if (carrier.commit->header.hlc > reach_) {
      ++ahead_;
      return {};
    }
    const merge::OpRef ref = carrier.ref;
    planned_.emplace(ref, Planned{std::move(carrier), std::move(cut)});
    return {};
  }

  static bool is_hidden(const Carrier& carrier, const Cut& cut) {
    if (!carrier.shown) return false;
    if (carrier.shown->whole) return true;
    const auto fields = carrier.fields();
    for (std::size_t i = 0; i < fields.size(); ++i) {
      const FieldRemains& shown = carrier.shown->fields[i];
      if (!cut.fresh.contains(std::string{fields[i].name}) || shown.erased) continue;
      std::vector<OffsetRange> both = cut.fields[i].elements;
      std::ranges::copy(shown.elements, std::back_inserter(both));
      normalise(both);
      if (cut.whole || cut.fields[i].erased || count_of(both) > count_of(shown.elements)) return false;
    }
    return true;
  }

  static Cut start_of(const Carrier& carrier) {
    Cut out;
    const auto fields = carrier.fields();
    out.fields.resize(fields.size());
    for (std::size_t i = 0; i < fields.size(); ++i) {
      if (carrier.left)
        out.fields[i] = carrier.left->fields[i];
      else
        out.fields[i].value = fields[i].value;
      if (!carrier.is_there()) out.fields[i].erased = true;
    }
    out.whole = carrier.left && carrier.left->whole;
    return out;
  }

  [[nodiscard]] Cut cut_of(const Carrier& carrier, const merge::OpRef& text_of) const {
    Cut out = start_of(carrier);
    const auto fields = carrier.fields();
    const bool all = wish_.fields.empty() && wish_.words.empty() && wish_.copies.empty();
    if (carrier.is_forgotten()) {
      // What it said cannot be looked into, and none of it shows. Only what is meant by name is never
      // to be taken from a source again.
      for (std::size_t i = 0; i < fields.size(); ++i) {
        const bool named = wanted(fields[i].name) && wish_.words.empty() && wish_.copies.empty();
        out.fields[i] = FieldRemains{};
        out.fields[i].erased = named;
        if (named) out.fresh.emplace(fields[i].name);
        out.unseen = out.unseen || wanted(fields[i].name);
      }
      out.whole = out.unseen && all;
      return out;
    }
    if (!carrier.is_there() || carrier.op->kind == kRemove) return out;
    // What cannot be read cannot be told apart: all of it goes.
    if (all || !carrier.readable()) {
      for (std::size_t i = 0; i < fields.size(); ++i)
        if (wanted(fields[i].name) && !out.fields[i].erased) out.fresh.emplace(fields[i].name);
      out.whole = out.whole || !out.fresh.empty();
      return out;
    }
    for (std::size_t i = 0; i < fields.size(); ++i)
      if (wanted(fields[i].name) && cut_field(text_of, fields[i], out.fields[i]))
        out.fresh.emplace(fields[i].name);
    return out;
  }

  [[nodiscard]] bool cut_field(const merge::OpRef& text_of, const OpField& field,
                               FieldRemains& out) const {
    if (out.erased || out.value.empty()) return false;
    if (!wish_.copies.empty()) return cut_copies(text_of, field, out);
    if (wish_.words.empty()) {
      out = kAllErased;
      return true;
    }
    const std::uint64_t before = count_of(out.elements);
    if (is_text(field)) {
      const auto shown = shown_.find({text_of, std::string{field.name}});
      if (shown != shown_.end())
        out.elements.insert(out.elements.end(), shown->second.begin(), shown->second.end());
      if (is_utf8(as_text(out.value)))
        std::ranges::copy(places_of(as_text(out.value), wish_.words),
                          std::back_inserter(out.elements));
    } else if (merge::has_elements(field.tag)) {
      const auto elements = merge::decode_elements(out.value);
      for (std::uint32_t i = 0; elements && i < elements->size(); ++i)
        if (says(Value::decode((*elements)[i]))) out.elements.push_back({i, 1});
    } else if (says(Value::decode(out.value))) {
      out = kAllErased;
      return true;
    }
    normalise(out.elements);
    return count_of(out.elements) > before;
  }

  [[nodiscard]] bool cut_copies(const merge::OpRef& ref, const OpField& field,
                                FieldRemains& out) const {
    const std::uint64_t before = count_of(out.elements);
    for (const ErasedCopy& copy : wish_.copies) {
      if (copy.op != ref || copy.field != field.name) continue;
      if (copy.range.count == 0) {
        out = kAllErased;
        return true;
      }
      out.elements.push_back(copy.range);
    }
    normalise(out.elements);
    return count_of(out.elements) > before;
  }

  [[nodiscard]] bool says(const Result<Value>& value) const {
    if (!value) return false;
    const std::string shown = value->display();
    return shown.find(wish_.words) != std::string::npos ||
           (value->kind() == Value::Kind::json &&
            without_json_escapes(shown).find(wish_.words) != std::string::npos);
  }

  static Error too_large() {
    return {Errc::full, "what would remain is too large to be said in one commit",
            "ce qui resterait est trop gros pour un seul commit", "erase the whole field, or the whole record",
            "effacez le champ entier, ou la fiche entière"};
  }

  static Result<Draft> remaining(const Carrier& carrier, const Cut& cut) {
    Draft out;
    const auto fields = carrier.fields();
    out.source = carrier.left ? carrier.left->source : carrier.op->source;
    out.external_id = carrier.left ? carrier.left->external_id : carrier.op->external_id;
    out.size += out.source.size() + out.external_id.size();
    for (std::size_t i = 0; i < fields.size(); ++i) {
      // Whoever looks for the reason finds it under no name.
      if (fields[i].name == kReasonField) continue;
      const FieldRemains& left = cut.fields[i];
      Draft::Field field{&fields[i], left.erased && !left.lost, left.elements, {}};
      if (!left.erased) field.value = without(fields[i], left.value, left.elements);
      out.size += fields[i].name.size() + field.value.size() + 16 + 16 * field.elements.size();
      out.fields.push_back(std::move(field));
    }
    if (out.fields.empty()) return too_large();
    return out;
  }

  [[nodiscard]] Op empty_op() const {
    Op out;
    out.kind = kErase;
    out.collection = wish_.collection;
    out.id = wish_.id;
    return out;
  }

  /// An op of its own, which nobody has cause to erase.
  void add_reason(CommitDraft& draft) const {
    OpTable table;
    Op op = empty_op();
    const auto reason = Value::of_text(wish_.reason).encoded();
    table.fields.push_back({kReasonField, static_cast<std::uint32_t>(FieldTag::reg), {}, {}, reason});
    op.fields = {0, 1};
    draft.add(table, op);
  }

  void add(const Draft& what, const CommitId& target, std::uint32_t leaf, CommitDraft& draft) const {
    OpTable table;
    Op op = empty_op();
    op.source = what.source;
    op.external_id = what.external_id;
    const DotRange whole{draft.index_of(target), leaf, 0, 0};
    table.dots.push_back(whole);
    op.replaced = {0, 1};
    for (const Draft::Field& field : what.fields) {
      OpField out;
      out.name = field.field->name;
      out.tag = field.field->tag;
      out.replaced.first = static_cast<std::uint32_t>(table.dots.size());
      if (field.erased)
        table.dots.push_back(whole);
      else
        for (const OffsetRange& range : field.elements)
          table.dots.push_back({whole.index, leaf, range.offset, range.count});
      out.replaced.count = static_cast<std::uint32_t>(table.dots.size()) - out.replaced.first;
      out.value = field.value;
      table.fields.push_back(out);
    }
    op.fields = {0, static_cast<std::uint32_t>(table.fields.size())};
    draft.add(table, op);
  }

  Store& store_;
  const ErasureWish& wish_;
  MemberId author_;
  Hlc reach_;
  std::size_t ahead_ = 0;
  std::size_t asked_before_ = 0;
  std::optional<RecordRow> record_;
  std::map<merge::OpRef, Planned> planned_;
  std::set<merge::OpRef> askers_;
  std::map<std::pair<merge::OpRef, std::string>, std::vector<OffsetRange>> shown_;
};

Result<ErasureOutcome> Store::erase(const SpaceId& space, std::span<const ErasureWish> wishes,
                                    const Author& author, UnixMillis now, Rng& rng, bool rehearse) {
  MAILLON_CHECK(check_may_write(space, author));
  MAILLON_TRY(const Hlc within, reach({space, author.node(), author.incarnation}, now));
  ErasureOutcome out;
  CommitDraft draft;
  const auto flush = [&]() -> Result<void> {
    if (draft.ops() == 0) return {};
    MAILLON_TRY(Opening opening, open_feed(space, author, now));
    MAILLON_TRY(auto commit, seal_and_take(draft, opening, author, rng));
    out.commits.push_back(std::move(commit));
    draft = CommitDraft{};
    return {};
  };
  for (const ErasureWish& wish : wishes) {
    Eraser eraser{*this, wish, author.member, within};
    MAILLON_CHECK(eraser.plan(space));
    MAILLON_CHECK(eraser.check_owner(author));
    eraser.add_to(out);
    if (!rehearse) MAILLON_CHECK(eraser.write(flush, draft));
  }
  MAILLON_CHECK(flush());
  out.own = out.ops.contains(author.member) ? out.ops.at(author.member) : 0;
  return out;
}

Result<std::optional<std::string>> Store::false_remainder(std::int64_t log_id) {
  MAILLON_TRY(const auto asked, records_.erasures().asked_by(log_id));
  for (const Erasure& erasure : asked) {
    MAILLON_TRY(const CommitPtr target, records_.commits().get(erasure.target.commit));
    MAILLON_TRY(const CommitPtr by, records_.commits().get(erasure.by.commit));
    const Op& op = target->body.ops.ops[erasure.target.leaf - 1];
    const OpTable& table = by->body.ops;
    const Op& asking = table.ops[erasure.by.leaf - 1];
    if (op.state != LeafState::full || asking.state != LeafState::full ||
        erases_whole(table, asking))
      continue;
    for (const OpField& field : target->body.ops.fields_of(op)) {
      const auto fields = table.fields_of(asking);
      const auto left = std::ranges::find_if(fields, [&](const OpField& one) {
        return one.name == field.name && one.tag == field.tag;
      });
      if (left == fields.end()) return std::optional{std::string{field.name}};
      const auto dots = table.dots_in(left->replaced);
      if (std::ranges::any_of(dots, [](const DotRange& dot) { return dot.count == 0; })) continue;
      std::vector<OffsetRange> ranges;
      for (const DotRange& dot : dots) ranges.push_back({dot.offset, dot.count});
      normalise(ranges);
      if (!std::ranges::equal(without(field, field.value, ranges), left->value))
        return std::optional{std::string{field.name}};
    }
  }
  return std::optional<std::string>{};
}

}  // namespace maillon::storage
