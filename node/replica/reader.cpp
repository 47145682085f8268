#include "node/replica/reader.hpp"

#include <algorithm>

#include "storage/merge/document.hpp"
#include "storage/merge/heads.hpp"
#include "storage/merge/utf8.hpp"

namespace maillon::replica {

using namespace storage;

namespace {

/// What is left of the elements that an op brought.
std::optional<Value> said_without(std::uint32_t tag, ByteView payload,
                                  std::span<const merge::OffsetRange> erased) {
  const auto is_erased = [&](std::size_t at) {
    return std::ranges::any_of(erased, [&](const merge::OffsetRange& range) {
      return at >= range.offset && at - range.offset < range.count;
    });
  };
  if (tag == static_cast<std::uint32_t>(FieldTag::text)) {
    if (!is_utf8(as_text(payload))) return std::nullopt;
    std::u32string all;
    std::u32string left;
    merge::append_scalars(as_text(payload), all);
    for (std::size_t i = 0; i < all.size(); ++i)
      if (!is_erased(i)) left += all[i];
    std::string text;
    merge::append_utf8(left, text);
    return Value::of_text(std::move(text));
  }
  const auto elements = merge::decode_elements(payload);
  if (!elements) return std::nullopt;
  std::vector<Bytes> left;
  for (std::size_t i = 0; i < elements->size(); ++i)
    if (!is_erased(i)) left.emplace_back((*elements)[i].begin(), (*elements)[i].end());
  Bytes encoded;
  merge::encode_elements(left, encoded);
  return merge::said_by(tag, encoded);
}

/// The newest of the ops whose value a field shows.
merge::OpEntry last_write(const merge::RecordState& state, const merge::ShownField& field) {
  if (field.shown != nullptr) return state.ops[field.shown->op];
  // The greatest stands first.
  const auto& heads = field.field->heads;
  return heads.empty() ? merge::OpEntry{} : state.ops[heads.front().op];
}

}  // namespace

const FieldView* RecordView::field(std::string_view wanted) const {
  const auto found = std::ranges::find(fields, wanted, &FieldView::name);
  return found == fields.end() ? nullptr : &*found;
}

std::vector<TypedValue> FieldView::values() const {
  std::vector<TypedValue> out{{tag, value}};
  out.insert(out.end(), others.begin(), others.end());
  return out;
}

bool FieldView::has_types() const {
  return std::ranges::any_of(others, [&](const TypedValue& other) { return other.tag != tag; });
}

Result<RecordView> Reader::view(std::string_view collection, const RecordId& id, ByteView blob) {
  MAILLON_TRY(const auto state, merge::decode_state(blob));
  const merge::Shown shown = merge::show(state, records_.context());
  RecordView out;
  out.collection = collection;
  out.id = id;
  out.visible = shown.visible;
  out.deleted = shown.deleted;
  out.in_conflict = shown.in_conflict;
  out.edit_won_over_delete = shown.edit_won_over_delete;
  out.touched_by_void = state.touched_by_void();
  const merge::ShownField* newest = nullptr;  // of those under one name
  for (std::size_t i = 0; i < shown.fields.size(); ++i) {
    const merge::ShownField& field = shown.fields[i];
    FieldView one;
    MAILLON_TRY(one.name, names_.text(field.name()));
    one.tag = field.tag();
    auto value = field.value();
    // What others wrote may be no value of ours; what we stored must be.
    if (value.has_error() && value.error().code != Errc::malformed) return value.error();
    one.readable = value.has_value();
    if (one.readable) one.value = *std::move(value);
    for (const auto* other : field.others) {
      auto further = Value::decode(other->value);
      one.others.push_back({one.tag, further ? *std::move(further) : Value{}});
    }
    if (i == 0 || shown.fields[i - 1].name() != field.name()) {
      newest = &field;
      out.fields.push_back(std::move(one));
      continue;
    }
    // Types stand side by side under one name.
    FieldView& before = out.fields.back();
    if (merge::shown_before(last_write(state, field), last_write(state, *newest),
                            records_.context())) {
      std::swap(before, one);
      newest = &field;
    }
    before.others.push_back({one.tag, std::move(one.value)});
    std::ranges::move(one.others, std::back_inserter(before.others));
  }
  MAILLON_CHECK(records_.context().check());
  return out;
}

Result<std::optional<std::int64_t>> Reader::collection_row(const SpaceId& space,
                                                           std::string_view collection) {
  MAILLON_TRY(const auto row, log_.find_space(space));
  if (!row) return std::optional<std::int64_t>{};
  return names_.find_collection(*row, collection);
}

Result<std::optional<RecordView>> Reader::get(const SpaceId& space, std::string_view collection,
                                              const RecordId& id) {
  MAILLON_TRY(const auto row, collection_row(space, collection));
  if (!row) return std::optional<RecordView>{};
  MAILLON_TRY(const auto record, records_.find(*row, id));
  if (!record) return std::optional<RecordView>{};
  MAILLON_TRY(auto out, view(collection, id, record->state));
  return std::optional{std::move(out)};
}

Result<std::optional<RecordId>> Reader::identify(const SpaceId& space, std::string_view collection,
                                                 std::string_view text) {
  MAILLON_TRY(const auto row, collection_row(space, collection));
  if (!row) return std::optional<RecordId>{};
  if (const auto id = RecordId::from_hex(text)) {
    MAILLON_TRY(const auto known, records_.find(*row, *id));
    if (known) return std::optional{*id};
  }
  MAILLON_TRY(const auto all, sources(space, collection));
  for (const std::string& source : all) {
    const RecordId id = derived_record_id(collection, source, text);
    MAILLON_TRY(const auto known, records_.find(*row, id));
    if (known) return std::optional{id};
  }
  return std::optional<RecordId>{};
}

Result<void> Reader::each(const SpaceId& space, std::string_view collection,
                          const std::function<Result<bool>(RecordView&&)>& each_record) {
  MAILLON_TRY(const auto row, collection_row(space, collection));
  if (!row) return {};
  MAILLON_TRY(auto get, db_.prepare("SELECT rid, state FROM record"
                                    " WHERE collection = ?1 AND flags & 1 ORDER BY rid"));
  return walk(get.bind(1, *row), collection, each_record);
}

Result<void> Reader::each_as_they_came(
    const SpaceId& space, std::string_view collection,
    const std::function<Result<bool>(RecordView&&)>& each_record) {
  MAILLON_TRY(const auto row, collection_row(space, collection));
  if (!row) return {};
  MAILLON_TRY(auto get, db_.prepare("SELECT rid, state FROM record"
                                    " WHERE collection = ?1 AND flags & 1 ORDER BY id"));
  return walk(get.bind(1, *row), collection, each_record);
}

Result<void> Reader::walk(storage::Statement& get, std::string_view collection,
                          const std::function<Result<bool>(RecordView&&)>& each_record) {
  for (;;) {
    MAILLON_TRY(const bool more, get.step());
    if (!more) return {};
    MAILLON_TRY(const RecordId id, RecordId::from_bytes(get.blob(0)));
    MAILLON_TRY(auto record, view(collection, id, get.blob(1)));
    MAILLON_TRY(const bool go_on, each_record(std::move(record)));
    if (!go_on) return {};
  }
}

Result<Found> Reader::find(const SpaceId& space, std::string_view collection,
                           std::span<const Condition> where, std::string_view text,
                           std::size_t limit) {
  Found out;
  const auto matches = [&](const RecordView& record) {
    return std::ranges::all_of(where, [&](const Condition& c) {
      const FieldView* field = record.field(c.field);
      return field == nullptr ? c.value.empty() : field->value.display() == c.value;
    });
  };
  const auto take = [&](RecordView&& record) -> Result<bool> {
    if (!matches(record)) return true;
    ++out.total;
    if (out.records.size() < limit) out.records.push_back(std::move(record));
    return true;
  };
  if (text.empty()) {
    MAILLON_CHECK(each(space, collection, take));
    return out;
  }
  MAILLON_TRY(const auto row, collection_row(space, collection));
  if (!row) return out;
  const std::string query = search_query(text);
  if (query.empty()) return out;
  MAILLON_TRY(auto get, db_.prepare("SELECT r.rid, r.state FROM search s"
                                    " JOIN doc d ON d.id = s.rowid JOIN record r ON r.id = d.record"
                                    " WHERE search MATCH ?1 AND r.collection = ?2 AND r.flags & 1"
                                    " ORDER BY s.rank, r.rid"));
  get.bind(1, std::string_view{query}).bind(2, *row);
  for (;;) {
    MAILLON_TRY(const bool more, get.step());
    if (!more) return out;
    MAILLON_TRY(const RecordId id, RecordId::from_bytes(get.blob(0)));
    MAILLON_TRY(auto record, view(collection, id, get.blob(1)));
    MAILLON_TRY(const bool go_on, take(std::move(record)));
    if (!go_on) return out;
  }
}

Result<std::vector<RecordView>> Reader::conflicts(const SpaceId& space,
                                                  std::string_view collection) {
  std::vector<RecordView> out;
  MAILLON_TRY(const auto row, collection_row(space, collection));
  if (!row) return out;
  MAILLON_TRY(auto get, db_.prepare("SELECT rid, state FROM record"
                                    " WHERE collection = ?1 AND flags & 2 ORDER BY rid"));
  get.bind(1, *row);
  for (;;) {
    MAILLON_TRY(const bool more, get.step());
    if (!more) return out;
    MAILLON_TRY(const RecordId id, RecordId::from_bytes(get.blob(0)));
    MAILLON_TRY(auto record, view(collection, id, get.blob(1)));
    out.push_back(std::move(record));
  }
}

Result<std::vector<HistoryEntry>> Reader::history(const SpaceId& space, std::string_view collection,
                                                  const RecordId& id) {
  std::vector<HistoryEntry> out;
  MAILLON_TRY(const auto row, collection_row(space, collection));
  if (!row) return out;
  MAILLON_TRY(const auto record, records_.find(*row, id));
  if (!record) return out;
  MAILLON_TRY(auto state, merge::decode_state(record->state));
  MAILLON_TRY(const auto steps, records_.history(collection, id, record->state));
  std::map<std::pair<std::string, std::uint32_t>, std::set<merge::OpRef>> shown;
  for (merge::FieldState& field : state.fields) {
    if (!merge::has_elements(field.tag)) continue;
    MAILLON_TRY(const merge::Document* const document, field.open());
    MAILLON_TRY(const std::string_view name, names_.text(field.name));
    shown[{std::string{name}, field.tag}] = document->authors();
  }
  const auto live = [&](const merge::OpRef& ref, std::string_view field, std::uint32_t tag) {
    // Whoever only took something out, or moved it, brought nothing that could be superseded.
    if (merge::has_elements(tag)) return shown[{std::string{field}, tag}].contains(ref);
    for (const auto& known : state.fields)
      if (records_.context().name(known.name) == field)
        for (const auto& head : known.heads)
          if (state.ops[head.op].ref == ref && !state.ops[head.op].is_void) return true;
    return false;
  };
  for (const HistoryOp& step : steps) {
    HistoryEntry entry;
    entry.commit = step.commit->id;
    entry.leaf = step.ref.leaf;
    entry.author = step.commit->header.member;
    entry.node = step.commit->header.node;
    entry.time = step.commit->header.hlc.time();
    entry.source = step.source();
    entry.is_void = step.is_void;
    entry.removes = step.op->kind == static_cast<std::uint32_t>(OpKind::remove);
    if (entry.removes) {
      const auto known = std::ranges::find(state.ops, step.ref, &merge::OpEntry::ref);
      entry.superseded = known == state.ops.end() || known->superseded;
      out.push_back(entry);
    }
    const auto fields = step.commit->body.ops.fields_of(*step.op);
    for (std::size_t i = 0; i < fields.size(); ++i) {
      const OpField& field = fields[i];
      entry.field = field.name;
      entry.tag = field.tag;
      entry.added = entry.removed = entry.moved = 0;
      for (const Run& run : step.commit->body.ops.runs_in(field.runs)) {
        const bool moves = run.moved && field.tag == static_cast<std::uint32_t>(FieldTag::list);
        (moves ? entry.moved : entry.added) += run.length;
      }
      for (const DotRange& dot : step.commit->body.ops.dots_in(field.replaced))
        entry.removed += dot.count;
      entry.erased = !step.readable() && step.op->state == LeafState::bare;
      entry.erased_elements = 0;
      if (step.remains) {
        entry.erased = step.remains->fields[i].erased;
        for (const auto& range : step.remains->fields[i].elements)
          entry.erased_elements += range.count;
      }
      auto value = step.remains && !step.remains->fields[i].elements.empty()
                       ? said_without(field.tag, step.value(i), step.remains->fields[i].elements)
                       : merge::said_by(field.tag, step.value(i));
      entry.readable = step.readable() && !entry.erased && value.has_value();
      entry.value = value.has_value() ? *std::move(value) : Value{};
      const bool brings_nothing = merge::has_elements(field.tag) && entry.added == 0;
      entry.superseded = !brings_nothing && !live(step.ref, field.name, field.tag);
      entry.forgotten = step.remains ? step.remains->fields[i].lost
                                     : entry.superseded && step.op->state == LeafState::bare;
      entry.erased = entry.erased && !entry.forgotten;
      out.push_back(entry);
    }
  }
  MAILLON_CHECK(records_.context().check());
  return out;
}

Result<std::vector<std::string>> Reader::collections(const SpaceId& space) {
  std::vector<std::string> out;
  MAILLON_TRY(const auto row, log_.find_space(space));
  if (!row) return out;
  MAILLON_TRY(auto get, db_.prepare("SELECT name FROM collection WHERE space = ?1 ORDER BY name"));
  get.bind(1, *row);
  for (;;) {
    MAILLON_TRY(const bool more, get.step());
    if (!more) return out;
    out.emplace_back(get.text(0));
  }
}

Result<std::vector<RecordId>> Reader::of_source(const SpaceId& space, std::string_view collection,
                                                std::string_view source) {
  std::vector<RecordId> out;
  MAILLON_TRY(const auto row, collection_row(space, collection));
  MAILLON_TRY(const auto name, names_.find(source));
  if (!row || !name) return out;
  // In the order of storage: by rid, every record would be a page read from elsewhere.
  MAILLON_TRY(auto get, db_.prepare("SELECT rid FROM record WHERE collection = ?1 AND source = ?2"
                                    " AND flags & 1 ORDER BY id"));
  get.bind(1, *row).bind(2, *name);
  for (;;) {
    MAILLON_TRY(const bool more, get.step());
    if (!more) return out;
    MAILLON_TRY(const RecordId id, RecordId::from_bytes(get.blob(0)));
    out.push_back(id);
  }
}

Result<std::vector<std::string>> Reader::sources(const SpaceId& space,
                                                 std::string_view collection) {
  std::vector<std::string> out;
  MAILLON_TRY(const auto row, collection_row(space, collection));
  if (!row) return out;
  MAILLON_TRY(auto get, db_.prepare("SELECT DISTINCT n.text FROM record r JOIN name n"
                                    " ON n.id = r.source WHERE r.collection = ?1 ORDER BY n.text"));
  get.bind(1, *row);
  for (;;) {
    MAILLON_TRY(const bool more, get.step());
    if (!more) return out;
    out.emplace_back(get.text(0));
  }
}

Result<SpaceCounts> Reader::counts(const SpaceId& space) {
  SpaceCounts out;
  MAILLON_TRY(const auto row, log_.find_space(space));
  if (!row) return out;
  const auto count = [&](const char* sql, std::int64_t& into) -> Result<void> {
    MAILLON_TRY(auto get, db_.prepare(sql));
    MAILLON_TRY(const bool found, get.bind(1, *row).step());
    into = found ? get.integer(0) : 0;
    return {};
  };
  MAILLON_CHECK(count("SELECT count(*) FROM feed WHERE space = ?1", out.feeds));
  MAILLON_CHECK(
      count("SELECT count(*) FROM log WHERE feed IN"
            " (SELECT id FROM feed WHERE space = ?1)",
            out.commits));
  MAILLON_CHECK(
      count("SELECT count(*) FROM log WHERE status = 1 AND void = 0 AND feed IN"
            " (SELECT id FROM feed WHERE space = ?1)",
            out.held));
  MAILLON_CHECK(
      count("SELECT count(*) FROM log INDEXED BY log_aside WHERE status = 2 AND feed IN"
            " (SELECT id FROM feed WHERE space = ?1)"
            " AND NOT EXISTS (SELECT 1 FROM reissue WHERE old = log.cid)",
            out.aside));
  MAILLON_CHECK(
      count("SELECT count(*) FROM record WHERE flags & 1 AND"
            " collection IN (SELECT id FROM collection WHERE space = ?1)",
            out.records));
  MAILLON_CHECK(
      count("SELECT count(*) FROM record WHERE flags & 2 AND"
            " collection IN (SELECT id FROM collection WHERE space = ?1)",
            out.conflicts));
  MAILLON_TRY(out.pending, log_.pending_count(space));
  return out;
}

Result<Digest> Reader::digest(const SpaceId& space) {
  MAILLON_TRY(const auto row, log_.find_space(space));
  return records_.digest(row.value_or(0));
}

Result<Digest> Reader::frontier(const SpaceId& space) {
  MAILLON_TRY(const auto row, log_.find_space(space));
  return log_.frontier(row.value_or(0));
}

Result<bool> Reader::index_is_behind() {
  MAILLON_TRY(auto get, db_.prepare("SELECT 1 FROM record WHERE doc IS NULL UNION ALL"
                                    " SELECT 1 FROM meta WHERE key = 'index_rebuilt_to' LIMIT 1"));
  return get.step();
}

}  // namespace maillon::replica
