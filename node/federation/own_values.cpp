#include "node/federation/own_values.hpp"

#include <algorithm>
#include <charconv>

#include "storage/merge/document.hpp"

namespace maillon::federation {

using namespace storage;

namespace {

class Collector {
 public:
  Collector(const Trust& trust, replica::Reader& reader, const MemberId& member,
            const MemberId& as, OwnValues& out)
      : trust_(trust), reader_(reader), member_(member), as_(as), out_(out) {}

  Result<void> take(const std::string& collection, const RecordId& id, ByteView blob, bool owned) {
    MAILLON_TRY(auto state, merge::decode_state(blob));
    whole_of_.reset();
    if (owned) {
      MAILLON_TRY(const auto owner, reader_.records().owner(collection, id, blob));
      if (owner && (*owner == member_ || trust_.heir_of(*owner) == member_)) whole_of_ = owner;
    }
    MAILLON_TRY(auto edits, own_edits(state));
    MAILLON_TRY(const bool concerned, writes_live(state));
    if (!concerned && edits.empty()) return {};
    MAILLON_TRY(history_, reader_.records().history(collection, id, blob));
    imported_ = hand_ = Change{};
    for (Change* change : {&imported_, &hand_}) {
      change->collection = collection;
      change->id = id;
    }
    name_owned(collection);
    if (merge::show(state, reader_.records().context()).deleted) return take_delete();
    MAILLON_CHECK(take_fields(state));
    hand_.edits = std::move(edits);
    if (!imported_.fields.empty()) out_.from_sources.push_back(imported_);
    if (!hand_.fields.empty() || !hand_.edits.empty()) out_.by_hand.push_back(hand_);
    return {};
  }

 private:
  /// A record that is the member's own is written again as that. What it inherited stays under its
  /// id, for the owner who may come, and is nobody's until then.
  void name_owned(const std::string& collection) {
    const auto made = std::ranges::find_if(
        history_, [](const HistoryOp& step) { return step.op->id_form == IdForm::owned; });
    if (made == history_.end() || made->commit->body.table.members[made->op->owner] != member_)
      return;
    hand_.form = IdForm::owned;
    hand_.key = made->op->key;
    hand_.id = owned_record_id(collection, as_, hand_.key);
  }

  /// Nobody else is left to bring along what a member wrote whose records it handed over. Its own
  /// records an owner brings whole, with what its heirs wrote there: if nothing of its own shows
  /// there any more, they would be nobody's else.
  [[nodiscard]] bool speaks_for(const MemberId& author) const {
    return author == member_ || (whole_of_ && trust_.may_change_of(*whole_of_, author));
  }

  Result<bool> is_own(std::int64_t commit) {
    if (const auto known = authors_.find(commit); known != authors_.end())
      return speaks_for(known->second);
    MAILLON_TRY(const Bytes raw, reader_.log().header_of(commit));
    MAILLON_TRY(const Header header, decode_header(raw));
    authors_.emplace(commit, header.member);
    return speaks_for(header.member);
  }

  Result<bool> writes_live(const merge::RecordState& state) {
    for (const auto& op : state.ops) {
      if (op.is_void || op.superseded) continue;
      MAILLON_TRY(const bool own, is_own(op.ref.commit));
      if (own) return true;
    }
    return false;
  }

  /// What the member put into fields that are no registers. Of a text or list that several wrote,
  /// nobody could bring along a part.
  Result<std::vector<FieldEdit>> own_edits(merge::RecordState& state) {
    std::vector<FieldEdit> out;
    for (merge::FieldState& field : state.fields) {
      MAILLON_TRY(const std::string_view name, reader_.names().text(field.name));
      MAILLON_TRY(auto edit, merge::has_elements(field.tag) ? own_elements(field)
                                                            : own_totals(state, field));
      if (edit.values.empty()) continue;
      edit.name = name;
      edit.tag = static_cast<FieldTag>(field.tag);
      out.push_back(std::move(edit));
    }
    return out;
  }

  Result<FieldEdit> own_elements(merge::FieldState& field) {
    FieldEdit out;
    MAILLON_TRY(merge::Document* const document, field.open());
    if (const merge::Set* const set = document->set()) {
      out.how = FieldEdit::How::add;
      for (const ByteView value : set->values()) {
        const auto elements = set->elements_of(value);
        bool own = false;
        for (const merge::ElementRef& element : elements) {
          MAILLON_TRY(const bool ours, is_own(element.op.commit));
          own = own || ours;
        }
        auto decoded = Value::decode(value);
        if (own && decoded) out.values.push_back(*std::move(decoded));
      }
      return out;
    }
    for (const merge::OpRef& author : document->authors()) {
      MAILLON_TRY(const bool own, is_own(author.commit));
      if (!own) return out;
    }
    if (document->size() == 0) return out;
    if (document->text() != nullptr) {
      out.values.push_back(document->shown());
      return out;
    }
    for (const Bytes& value : document->values())
      if (auto decoded = Value::decode(value)) out.values.push_back(*std::move(decoded));
    return out;
  }

  /// The member's part of a counter, or its greatest or least value.
  Result<FieldEdit> own_totals(const merge::RecordState& state, const merge::FieldState& field) {
    FieldEdit out;
    const auto tag = static_cast<FieldTag>(field.tag);
    if (tag != FieldTag::counter && tag != FieldTag::max && tag != FieldTag::min) return out;
    std::int64_t sum = 0;
    for (const merge::FieldHead& head : field.heads) {
      const merge::OpEntry& entry = state.ops[head.op];
      auto value = Value::decode(head.value);
      MAILLON_TRY(const bool own, is_own(entry.ref.commit));
      if (!own || entry.is_void || !entry.readable || !value) continue;
      if (tag != FieldTag::counter) {
        if (out.values.empty()) out.values.push_back(*std::move(value));
        continue;
      }
      std::int64_t total = 0;
      const std::string& text = value->text();
      std::from_chars(text.data(), text.data() + text.size(), total);
      sum += total;
    }
    if (sum == 0) return out;
    out.how = FieldEdit::How::add;
    out.values.emplace_back(Value::Kind::number, std::to_string(sum));
    return out;
  }

  [[nodiscard]] const HistoryOp* step_of(const merge::OpRef& ref) const {
    const auto found = std::ranges::find(history_, ref, &HistoryOp::ref);
    return found == history_.end() ? nullptr : &*found;
  }
  [[nodiscard]] bool is_ours(const HistoryOp& step) const {
    return speaks_for(step.commit->header.member);
  }

  /// A row stands for one source; what another one said of the same record is as if typed.
  Change& change_for(const HistoryOp& step) {
    if (step.external_id().empty() || hand_.form == IdForm::owned) return hand_;
    if (imported_.external_id.empty()) {
      imported_.form = step.op->id_form;
      imported_.source = step.source();
      imported_.external_id = step.external_id();
    }
    const bool same =
        imported_.source == step.source() && imported_.external_id == step.external_id();
    return same ? imported_ : hand_;
  }

  static void add(Change& change, std::string_view name, ByteView encoded) {
    auto value = Value::decode(encoded);
    const bool there =
        std::ranges::any_of(change.fields, [&](const auto& field) { return field.first == name; });
    // Cleared fields have nothing to bring, and of two own values the shown one comes first.
    if (value.has_value() && !value->is_null() && !there)
      change.fields.emplace_back(name, *std::move(value));
  }

  Result<void> take_fields(const merge::RecordState& state) {
    for (const auto& field : state.fields) {
      if (field.tag != static_cast<std::uint32_t>(FieldTag::reg)) continue;
      MAILLON_TRY(const std::string_view name, reader_.names().text(field.name));
      bool typed_over = field.heads.size() == 1;
      for (const auto& head : field.heads) {
        const merge::OpEntry& entry = state.ops[head.op];
        const HistoryOp* step = step_of(entry.ref);
        if (entry.is_void || !entry.readable || step == nullptr) continue;
        if (is_ours(*step)) add(change_for(*step), name, head.value);
        typed_over = typed_over && step->external_id().empty();
        if (typed_over && take_corrected(name)) add(hand_, name, head.value);
      }
    }
    return {};
  }

  /// What its own source said before somebody typed over it: as long as the source says the same,
  /// it says nothing new, and must not come back over the correction, whoever made that.
  bool take_corrected(std::string_view name) {
    for (const HistoryOp& step : history_) {
      if (step.external_id().empty() || step.is_void || !is_ours(step)) continue;
      const auto fields = step.commit->body.ops.fields_of(*step.op);
      for (std::size_t i = 0; i < fields.size(); ++i) {
        if (fields[i].name != name) continue;
        Change& change = change_for(step);
        if (&change != &imported_) continue;
        add(change, name, step.value(i));
        return true;
      }
    }
    return false;
  }

  /// Without its row's first field, the source would bring back what was deleted.
  Result<void> take_delete() {
    for (const HistoryOp& step : history_) {
      const auto fields = step.commit->body.ops.fields_of(*step.op);
      if (step.external_id().empty() || !step.readable() || fields.empty()) continue;
      Change& change = change_for(step);
      for (std::size_t i = 0; i < fields.size(); ++i)
        if (change.fields.empty()) add(change, fields[i].name, step.value(i));
      if (change.fields.empty()) continue;
      out_.from_sources.push_back(change);
      hand_.kind = OpKind::remove;
      out_.deletes.push_back(hand_);
      return {};
    }
    return {};
  }

  const Trust& trust_;
  replica::Reader& reader_;
  MemberId member_;
  MemberId as_;
  OwnValues& out_;
  std::map<std::int64_t, MemberId> authors_;  ///< of commits by their place in the log
  std::optional<MemberId>
      whole_of_;  ///< who owns the record at hand, if the member brings all of it
  std::vector<HistoryOp> history_;    ///< of the record at hand, newest first
  Change imported_;
  Change hand_;
};

}  // namespace

Result<OwnValues> own_values(const Trust& trust, replica::Reader& reader, const SpaceId& space,
                             const MemberId& member, const MemberId& as) {
  OwnValues out;
  Collector collector{trust, reader, member, as, out};
  MAILLON_TRY(const auto row, reader.log().find_space(space));
  MAILLON_TRY(const auto collections, reader.collections(space));
  for (const std::string& collection : collections) {
    MAILLON_TRY(const auto known, reader.names().find_collection(*row, collection));
    // In the order of storage: the commits of an import then lie side by side.
    MAILLON_TRY(auto get, reader.database().prepare("SELECT rid, state, flags FROM record"
                                                    " WHERE collection = ?1 ORDER BY id"));
    get.bind(1, *known);
    for (;;) {
      MAILLON_TRY(const bool more, get.step());
      if (!more) break;
      MAILLON_TRY(const RecordId id, RecordId::from_bytes(get.blob(0)));
      const ByteView state = get.blob(1);
      const bool owned = (get.integer(2) & kFlagOwned) != 0;
      MAILLON_CHECK(collector.take(collection, id, Bytes{state.begin(), state.end()}, owned));
    }
  }
  return out;
}

}  // namespace maillon::federation
