#include <algorithm>

#include "proto/fault.hpp"
#include "storage/store/field_edits.hpp"
#include "storage/store/opening.hpp"

/// Local commits: dots are filled in from what this node has applied.
namespace maillon::storage {

namespace {

/// Heads that a commit of ours names, twice: well inside kHeaderMax. What is left out stays a head
/// for the next one.
constexpr std::size_t kOwnHeadsMax = 128;

/// Room that one change may take in a body besides its values.
std::size_t size_of(const Change& change) {
  std::size_t size =
      change.collection.size() + change.source.size() + change.external_id.size() + 64;
  for (const auto& [name, value] : change.fields) size += name.size() + value.text().size() + 16;
  for (const FieldEdit& edit : change.edits) {
    size += edit.name.size() + 64;
    for (const Value& value : edit.values) size += value.text().size() + 16;
  }
  return size;
}

void add_dots(OpTable& table, Slice& slice, std::vector<DotRange> dots) {
  std::ranges::sort(dots);
  const auto repeated = std::ranges::unique(dots);
  dots.erase(repeated.begin(), repeated.end());
  slice = {static_cast<std::uint32_t>(table.dots.size()), static_cast<std::uint32_t>(dots.size())};
  table.dots.insert(table.dots.end(), dots.begin(), dots.end());
}

void add_governance(CommitDraft& draft, OpKind kind, ByteView message, Rng& rng) {
  OpTable table;
  table.fields.push_back({"message", static_cast<std::uint32_t>(FieldTag::reg), {}, {}, message});
  Op op;
  op.kind = static_cast<std::uint32_t>(kind);
  op.id = random_record_id(rng);
  op.fields = {0, 1};
  draft.add(table, op);
}

bool has_field(std::span<const std::pair<std::string, Value>> fields, std::string_view name) {
  return std::ranges::any_of(fields, [&](const auto& field) { return field.first == name; });
}

const merge::FieldState* field_of(const merge::RecordState& state, std::int64_t name,
                                  FieldTag tag) {
  for (const auto& field : state.fields)
    if (field.name == name && field.tag == static_cast<std::uint32_t>(tag)) return &field;
  return nullptr;
}

/// Whether people see a value of another type under the same name.
bool shows_other_type(const merge::Shown& shown, std::int64_t name, FieldTag tag) {
  return std::ranges::any_of(shown.fields, [&](const merge::ShownField& field) {
    return field.name() == name && field.tag() != static_cast<std::uint32_t>(tag);
  });
}

bool has_set(const merge::RecordState& state) {
  return std::ranges::any_of(state.fields, [](const merge::FieldState& field) {
    return field.tag == static_cast<std::uint32_t>(FieldTag::set) && field.elements > 0;
  });
}

const merge::FieldState* register_of(const merge::RecordState& state, std::int64_t name) {
  return field_of(state, name, FieldTag::reg);
}

/// Whether a stored value says what a change wants to say.
bool says(ByteView stored, const Value& value, ByteView encoded, bool untyped) {
  if (std::ranges::equal(stored, encoded)) return true;
  if (!untyped) return false;
  const auto known = Value::decode(stored);
  return known.has_value() && !known->is_null() && known->display() == value.display();
}

/// What a text without a type is, beside the value that is there: the file may correct a number,
/// it cannot say that it is no number any more.
Value typed_like(ByteView stored, const Value& value) {
  const auto known = Value::decode(stored);
  if (!known.has_value() || value.kind() != Value::Kind::text) return value;
  const std::string& text = value.text();
  if (known->kind() == Value::Kind::number && is_json_number(text))
    return {Value::Kind::number, text};
  const bool is_bool = known->kind() == Value::Kind::yes || known->kind() == Value::Kind::no;
  if (is_bool && (text == "true" || text == "false")) return Value::of_bool(text == "true");
  return value;
}

/// Whether everybody already sees this value.
bool agrees(const merge::RecordState& state, const merge::FieldState* field, const Value& value,
            ByteView encoded, bool untyped) {
  bool any = false;
  if (field != nullptr)
    for (const auto& head : field->heads) {
      if (state.ops[head.op].is_void || !state.ops[head.op].readable || head.value.empty()) continue;
      if (!says(head.value, value, encoded, untyped)) return false;
      any = true;
    }
  return any || value.is_null();
}

Error would_count_nowhere(const Trust& trust, const Header& h) {
  if (trust.beyond_quota(h.space, h.total_ops, h.total_bytes))
    return {Errc::not_allowed, "this node has written as much as the charter lets one key write",
            "ce nœud a écrit autant que la charte le permet à une clé",
            "go on under a fresh key with `maillon node rotate`, or propose a greater feed_ops_max "
            "or feed_bytes_max with `maillon propose charter`",
            "continuez sous une clé neuve avec « maillon node rotate », ou proposez un feed_ops_max "
            "ou feed_bytes_max plus grand avec « maillon propose charter »"};
  return {Errc::not_allowed,
          "a second copy of this node wrote under the same key, and it was proved: what it writes "
          "from now on would count nowhere",
          "une seconde copie de ce nœud a écrit sous la même clé, et la preuve en est faite : ce "
          "qu’il écrirait désormais ne compterait nulle part",
          "run `maillon node rotate`, then `maillon reissue`: nothing is lost",
          "lancez « maillon node rotate », puis « maillon reissue » : rien n’est perdu"};
}

}  // namespace

struct Store::NamedDrafts {
  const FieldEdit* edit = nullptr;
  std::vector<FieldDraft> ops;
};

Result<Store::Opening> Store::open_feed(const SpaceId& space, const Author& author,
                                        UnixMillis now, bool introduces) {
  Opening out;
  Header& h = out.header;
  h.federation = federation_.value_or(FederationId::zero());
  h.space = space;
  h.member = author.member;
  h.node = author.node();
  h.incarnation = author.incarnation;
  MAILLON_TRY(const FeedRow feed, log_.feed_row(h.feed(), author.member));
  out.space = feed.space;
  MAILLON_TRY(const auto previous, log_.feed_tip(feed.id));
  Hlc highest;
  h.seq = 1;
  if (previous) {
    MAILLON_TRY(const Bytes raw, log_.header_of(previous->id));
    MAILLON_TRY(const Header before, decode_header(raw));
    out.before_ops = before.total_ops;
    out.before_bytes = before.total_bytes;
    h.seq = previous->seq + 1;
    h.previous = previous->cid;
    highest = previous->hlc;
  }
  MAILLON_TRY(const Hlc within, reach(h.feed(), now));
  const bool governs = space == trust_->annuaire();
  MAILLON_TRY(const auto heads,
              governs ? annuaire_within(h, within, introduces) : heads_within(feed.space, within));
  for (const LogEntry& head : heads) {
    highest = std::max(highest, head.hlc);
    if (head.cid != h.previous && h.deps.size() < kOwnHeadsMax) h.deps.push_back(head.cid);
  }
  if (federation_ && !governs) {
    MAILLON_TRY(const auto known, annuaire_within(h, within, introduces));
    std::vector<CommitId> ids;
    for (const LogEntry& head : known)
      if (ids.size() < kOwnHeadsMax) ids.push_back(head.cid);
    if (auto& told = told_heads_[h.feed()]; told != ids || h.seq == 1) {
      // As with deps: who must hold one of them holds this commit as well.
      for (const LogEntry& head : known) highest = std::max(highest, head.hlc);
      h.annuaire_heads = ids;
      told = std::move(ids);
    }
  }
  h.hlc = stamp(now, highest);
  return out;
}

Result<Hlc> Store::reach(const FeedKey& feed, UnixMillis now) {
  MAILLON_TRY(const auto tip, log_.feed_tip(feed));
  return std::max(latest_hlc(now), tip ? tip->hlc : Hlc{});
}

Result<std::vector<LogEntry>> Store::heads_within(std::int64_t space, Hlc reach) {
  MAILLON_TRY(auto work, log_.heads(space));
  std::set<CommitId> seen;
  std::vector<LogEntry> out;
  while (!work.empty()) {
    const LogEntry entry = work.back();
    work.pop_back();
    if (!seen.insert(entry.cid).second) continue;
    if (entry.hlc <= reach) {
      out.push_back(entry);
      continue;
    }
    MAILLON_TRY(const Bytes raw, log_.header_of(entry.id));
    MAILLON_TRY(const Header header, decode_header(raw));
    std::vector<CommitId> past{header.deps};
    if (header.previous) past.push_back(*header.previous);
    for (const CommitId& id : past) {
      MAILLON_TRY(const auto before, log_.find(id));
      if (before) work.push_back(*before);
    }
  }
  std::ranges::sort(out, {}, &LogEntry::cid);
  return out;
}

Result<std::vector<LogEntry>> Store::annuaire_within(const Header& header, Hlc reach,
                                                     bool introduces) {
  MAILLON_TRY(const std::int64_t annuaire, log_.space_row(trust_->annuaire()));
  MAILLON_TRY(auto all, log_.heads(annuaire));
  if (std::ranges::none_of(all, [&](const LogEntry& head) { return head.hlc > reach; })) return all;
  MAILLON_TRY(const auto trust, trust_until(reach));
  // A clock that is behind its own admission is what is wrong.
  const bool certified = introduces || trust->certified(header.node, header.member);
  if (!certified || trust->space(header.space) == nullptr) return all;
  return heads_within(annuaire, reach);
}

Result<CommitPtr> Store::seal_and_take(CommitDraft& draft, Opening& opening, const Author& author,
                                       Rng& rng) {
  MAILLON_TRY(const CommitPtr commit, draft.seal(opening.header, opening.before_ops,
                                                 opening.before_bytes, *author.key, rng));
  // Its feed may go on from what a copy's fork took along.
  MAILLON_TRY(const bool on_aside, stands_on_aside(*commit));
  if (in_doubt(commit->header) || on_aside) return would_count_nowhere(*trust_, commit->header);
  MAILLON_TRY(const bool late, is_late(commit->header));
  if (late)
    return Error{Errc::refused,
                 "what the others settled in this space is not here yet: this would come too late",
                 "ce que les autres ont arrêté dans cet espace n’est pas encore ici : ceci "
                 "viendrait trop tard",
                 "run `maillon sync` first", "lancez d’abord « maillon sync »"};
  MAILLON_CHECK(take_in(*commit, CommitStatus::applied, lacks_right(commit->header, *trust_)));
  return commit;
}

Result<void> Store::check_may_write(const SpaceId& space, const Author& author) {
  if (!trust_->may_write(author.member, space) && !MAILLON_FAULT("writes_without_right"))
    return Error{Errc::not_allowed, "this member may not write in that space",
                 "ce membre n’a pas le droit d’écrire dans cet espace",
                 "`maillon space list` shows who may", "« maillon space list » montre qui le peut"};
  if (unwanted_.contains(space))
    return Error{Errc::refused, "this node does not keep that space",
                 "ce nœud ne garde pas cet espace", "`maillon space subscribe NAME` first",
                 "d’abord « maillon space subscribe NOM »"};
  return {};
}

Result<Written> Store::write(const SpaceId& space, std::span<const Change> changes,
                             const Author& author, UnixMillis now, Rng& rng) {
  MAILLON_CHECK(check_may_write(space, author));
  Written out;
  CommitDraft draft;
  std::set<RecordId> drafted;
  const FeedKey feed{space, author.node(), author.incarnation};
  MAILLON_TRY(Hlc within, reach(feed, now));
  const auto flush = [&]() -> Result<void> {
    if (draft.ops() == 0) return {};
    MAILLON_TRY(Opening opening, open_feed(space, author, now));
    MAILLON_TRY(auto commit, seal_and_take(draft, opening, author, rng));
    within = std::max(within, commit->header.hlc);
    out.commits.push_back(std::move(commit));
    draft = CommitDraft{};
    drafted.clear();
    return {};
  };
  for (const Change& change : changes) {
    // A second change of one record must see the first.
    if (drafted.contains(change.id) || !draft.has_room(size_of(change))) MAILLON_CHECK(flush());
    scratch_->withheld.clear();
    MAILLON_TRY(const auto outcome, draft_change(change, author, space, within, draft));
    for (std::string& field : scratch_->withheld)
      out.withheld.push_back({out.outcomes.size(), std::move(field)});
    out.outcomes.push_back(outcome.value_or(ChangeOutcome::unchanged));
    drafted.insert(change.id);
  }
  MAILLON_CHECK(flush());
  return out;
}

Result<void> Store::check_owner(const Change& change, const RecordRow& row, const Author& author) {
  if ((row.flags & kFlagOwned) == 0 || MAILLON_FAULT("writes_without_right")) return {};
  MAILLON_TRY(const auto owner, records_.owner(change.collection, change.id, row.state));
  if (!owner || trust_->may_change_of(*owner, author.member)) return {};
  const Member* whose = trust_->ever_member(*owner);
  const std::string name = whose != nullptr ? whose->name : owner->hex();
  return Error{Errc::not_allowed, "this record belongs to " + name + ": others read it",
               "cette fiche appartient à " + name + " : les autres la lisent",
               "ask them to change it, or write a record of your own",
               "demandez-leur de la modifier, ou créez votre propre fiche"};
}

Result<std::optional<ChangeOutcome>> Store::draft_change(const Change& asked, const Author& author,
                                                         const SpaceId& space, Hlc reach,
                                                         CommitDraft& draft) {
  MAILLON_TRY(const std::int64_t space_row, log_.space_row(space));
  MAILLON_TRY(const auto collection, names_.find_collection(space_row, asked.collection));
  std::optional<RecordRow> row;
  if (collection) {
    MAILLON_TRY(row, records_.find(*collection, asked.id));
  }
  merge::RecordState state;
  if (row) {
    MAILLON_TRY(state, merge::decode_state(row->state));
    MAILLON_CHECK(check_owner(asked, *row, author));
  }
  const bool from_source = !asked.external_id.empty();
  std::optional<Change> typed;
  if (from_source && row && (!asked.edits.empty() || has_set(state))) {
    MAILLON_TRY(typed, as_typed_here(asked, *row, state));
  }
  const Change& change = typed ? *typed : asked;
  const merge::Shown shown = merge::show(state, records_.context());
  const bool removes = change.kind == OpKind::remove;
  if (removes && !shown.visible) return std::optional{ChangeOutcome::not_found};
  std::vector<std::pair<std::string, Value>> wanted;
  std::span<const std::pair<std::string, Value>> fields;
  std::vector<NamedDrafts> edits;
  if (!removes) {
    fields = change.fields;
    ErasedNames erased;
    if (row) {
      if (from_source) {
        MAILLON_TRY(erased, erased_of(*collection, change.id));
      }
      if (erased.whole) return std::optional{ChangeOutcome::erased_here};
      MAILLON_TRY(wanted, wanted_fields(change, *row, state, erased.fields));
      fields = wanted;
    }
    MAILLON_TRY(edits, draft_edits(change, author, space, row ? &*row : nullptr, state,
                                   erased.fields, draft));
    const bool any = !change.fields.empty() || !change.edits.empty();
    if (fields.empty() && edits.empty() && (row || any)) return std::optional<ChangeOutcome>{};
    // A source that still lists what was deleted here does not bring it back.
    if (shown.deleted && from_source)
      return std::optional{ChangeOutcome::deleted_here};
  }
  MAILLON_CHECK(records_.context().check());
  MAILLON_CHECK(add_ops(change, author, fields, edits, state, reach, draft));
  return std::optional{row && shown.visible ? ChangeOutcome::changed : ChangeOutcome::created};
}

Result<std::vector<Store::NamedDrafts>> Store::draft_edits(const Change& change,
                                                           const Author& author, const SpaceId& space,
                                                           const RecordRow* row,
                                                           const merge::RecordState& state,
                                                           const std::set<std::string>& erased,
                                                           const CommitDraft& draft) {
  std::vector<NamedDrafts> out;
  if (change.edits.empty()) return out;
  MAILLON_TRY(const FeedRow feed, log_.feed_row({space, author.node(), author.incarnation},
                                                author.member));
  const merge::Shown shown = merge::show(state, records_.context());
  const bool from_source = !change.external_id.empty();
  for (const FieldEdit& edit : change.edits) {
    if (erased.contains(edit.name)) {
      if (!edit.values.empty()) scratch_->withheld.push_back(edit.name);
      continue;
    }
    MAILLON_TRY(const auto name, names_.find(edit.name));
    const bool confirms = !from_source && edit.how == FieldEdit::How::set && name &&
                          shows_other_type(shown, *name, edit.tag);
    Writing writing{feed.id, draft.ops() + 1, confirms};
    if (from_source && row != nullptr)
      writing.said_before = [&]() -> Result<std::optional<SaidBefore>> {
        MAILLON_TRY(auto before, said_before(change, *row, edit.name));
        if (!before && !edit.values.empty()) scratch_->withheld.push_back(edit.name);
        return before;
      };
    const merge::FieldState* const field = name ? field_of(state, *name, edit.tag) : nullptr;
    MAILLON_TRY(auto ops, draft_edit(edit, state, field, writing, records_.context()));
    if (!ops.empty()) out.push_back({&edit, std::move(ops)});
  }
  return out;
}

Result<void> Store::add_field(const std::string& name, const FieldDraft& field,
                              std::uint32_t leaf_before, const merge::RecordState& state, Hlc reach,
                              CommitDraft& draft) {
  OpTable& table = scratch_->table;
  // None for what lies beyond: a wrong clock wrote it, and its time has not come.
  const auto element_of = [&](const merge::OpRef& ref) -> Result<std::optional<ElementDot>> {
    if (ref.commit == kOwnCommit) return std::optional{ElementDot{0, ref.leaf, 0}};
    MAILLON_TRY(const CommitId id, log_.commit_id_of(ref.commit));
    MAILLON_TRY(const auto entry, log_.find(id));
    if (!entry || entry->hlc > reach) return std::optional<ElementDot>{};
    return std::optional{ElementDot{draft.index_of(id), ref.leaf, 0}};
  };
  const auto anchor_of =
      [&](const std::optional<merge::ElementRef>& element) -> Result<std::optional<ElementDot>> {
    if (!element) return std::optional<ElementDot>{};
    MAILLON_TRY(auto dot, element_of(element->op));
    if (dot) dot->offset = element->offset;
    return dot;
  };
  OpField out;
  out.name = name;
  out.tag = static_cast<std::uint32_t>(field.tag);
  std::vector<DotRange> dots;
  const auto name_whole = [&](const merge::OpRef& ref) -> Result<void> {
    MAILLON_TRY(const auto dot, element_of(ref));
    if (dot) dots.push_back({dot->index, dot->leaf, 0, 0});
    return {};
  };
  if (leaf_before != 0) {
    dots.push_back({0, leaf_before, 0, 0});
  } else {
    for (const auto& known : state.fields) {
      if (records_.context().name(known.name) != name) continue;
      // A counter goes on from the totals of its own feed, and leaves others theirs.
      if (field.tag == FieldTag::counter && known.tag == out.tag) continue;
      for (const auto& head : known.heads)
        if (!head.through) MAILLON_CHECK(name_whole(state.ops[head.op].ref));
    }
    for (const merge::OpRef& ref : field.counts) MAILLON_CHECK(name_whole(ref));
  }
  for (const merge::ElementRange& range : field.removed) {
    MAILLON_TRY(const auto dot, element_of(range.op));
    if (dot) dots.push_back({dot->index, dot->leaf, range.offset, range.count});
  }
  add_dots(table, out.replaced, std::move(dots));
  out.runs = {static_cast<std::uint32_t>(table.runs.size()),
              static_cast<std::uint32_t>(field.runs.size())};
  for (const merge::SequenceRun& run : field.runs) {
    Run to;
    MAILLON_TRY(to.left, anchor_of(run.left));
    MAILLON_TRY(to.right, anchor_of(run.right));
    MAILLON_TRY(to.moved, anchor_of(run.moved));
    to.length = run.length;
    table.runs.push_back(to);
  }
  out.value = field.value;
  table.fields.push_back(out);
  return {};
}

Result<void> Store::add_ops(const Change& change, const Author& author,
                            std::span<const std::pair<std::string, Value>> fields,
                            const std::vector<NamedDrafts>& edits, const merge::RecordState& state,
                            Hlc reach, CommitDraft& draft) {
  OpScratch& scratch = *scratch_;
  scratch.clear();
  OpTable& table = scratch.table;
  Op op;
  op.kind = static_cast<std::uint32_t>(change.kind);
  op.collection = change.collection;
  op.id = change.id;
  op.id_form = change.form;
  if (change.form == IdForm::owned) {
    op.owner = draft.index_of(author.member);
    op.key = change.key;
  }
  op.source = change.source;
  op.external_id = change.external_id;
  const auto dot_of = [&](const merge::OpRef& ref) -> Result<DotRange> {
    MAILLON_TRY(const CommitId id, log_.commit_id_of(ref.commit));
    return DotRange{draft.index_of(id), ref.leaf, 0, 0};
  };
  std::vector<DotRange> whole;
  for (const auto& entry : state.ops) {
    const bool all = change.kind == OpKind::remove;
    const bool listed = entry.removes || entry.bare;
    // Naming a void delete would take away what it could not.
    if ((!listed && !all) || (listed && entry.is_void) || entry.hlc > reach) continue;
    MAILLON_TRY(const DotRange dot, dot_of(entry.ref));
    whole.push_back(dot);
  }
  add_dots(table, op.replaced, std::move(whole));
  for (const auto& field : fields) scratch.order.push_back(&field);
  std::ranges::sort(scratch.order, {},
                    [](const auto* field) { return std::string_view{field->first}; });
  for (const auto* wanted : scratch.order) {
    OpField field;
    field.name = wanted->first;
    field.tag = static_cast<std::uint32_t>(FieldTag::reg);
    std::vector<DotRange> dots;
    for (const auto& known : state.fields) {
      if (records_.context().name(known.name) != wanted->first) continue;
      for (const auto& head : known.heads) {
        if (head.through || state.ops[head.op].hlc > reach) continue;
        MAILLON_TRY(const DotRange dot, dot_of(state.ops[head.op].ref));
        dots.push_back(dot);
      }
    }
    add_dots(table, field.replaced, std::move(dots));
    scratch.ends.push_back(scratch.values.size());
    wanted->second.encode_into(scratch.values);
    table.fields.push_back(field);
  }
  // A name that could not be read compares as different: dots would be missing.
  MAILLON_CHECK(records_.context().check());
  // Views only now: the values stand still.
  scratch.ends.push_back(scratch.values.size());
  for (std::size_t i = 0; i < table.fields.size(); ++i)
    table.fields[i].value =
        ByteView{scratch.values}.subspan(scratch.ends[i], scratch.ends[i + 1] - scratch.ends[i]);
  for (const NamedDrafts& named : edits)
    MAILLON_CHECK(add_field(named.edit->name, named.ops.front(), 0, state, reach, draft));
  const auto add = [&] {
    std::ranges::sort(table.fields, {},
                      [](const OpField& field) { return std::tie(field.name, field.tag); });
    op.fields = {0, static_cast<std::uint32_t>(table.fields.size())};
    return draft.add(table, op);
  };
  std::uint32_t leaf = add();
  // A long text takes several ops; each goes on from the one before.
  op.replaced = {};
  for (std::size_t part = 1;; ++part) {
    scratch.clear();
    for (const NamedDrafts& named : edits)
      if (part < named.ops.size())
        MAILLON_CHECK(add_field(named.edit->name, named.ops[part], leaf, state, reach, draft));
    if (table.fields.empty()) return {};
    leaf = add();
  }
}

Result<std::vector<std::pair<std::string, Value>>> Store::wanted_fields(
    const Change& change, const RecordRow& row, const merge::RecordState& state,
    const std::set<std::string>& erased) {
  std::vector<std::pair<std::string, Value>> out;
  const bool from_source = !change.external_id.empty();
  for (const auto& [name, value] : change.fields) {
    if (erased.contains(name)) {
      // Whether it says the same again, nobody could tell any more.
      if (!value.is_null() && !value.display().empty()) scratch_->withheld.push_back(name);
      continue;
    }
    MAILLON_TRY(const auto id, names_.find(name));
    const merge::FieldState* field = id ? register_of(state, *id) : nullptr;
    const Bytes encoded = value.encoded();
    // Saying again what is shown confirms an edit that won over a delete, and a type over another.
    const auto confirms = [&] {
      const merge::Shown shown = merge::show(state, records_.context());
      return shown.edit_won_over_delete || (id && shows_other_type(shown, *id, FieldTag::reg));
    };
    if (agrees(state, field, value, encoded, change.untyped) && (from_source || !confirms()))
      continue;
    // Somebody corrected what the source said: as long as it says the same, it says nothing new.
    if (from_source && field != nullptr) {
      MAILLON_TRY(const auto before, last_imported(change, row, state, *field, name));
      if (before && says(*before, value, encoded, change.untyped)) continue;
    }
    const bool alike = change.untyped && field != nullptr && !field->heads.empty();
    out.emplace_back(name, alike ? typed_like(field->heads.front().value, value) : value);
  }
  if (!from_source) return out;
  const Value none;
  const Value empty = Value::of_text({});
  const Bytes none_encoded = none.encoded();
  const Bytes empty_encoded = empty.encoded();
  for (const auto& field : state.fields) {
    if (field.tag != static_cast<std::uint32_t>(FieldTag::reg)) continue;
    const std::string name{records_.context().name(field.name)};
    if (has_field(change.fields, name)) continue;
    const bool by_source = std::ranges::any_of(field.heads, [&](const merge::FieldHead& head) {
      return state.ops[head.op].imported && !head.value.empty();
    });
    if (!by_source || agrees(state, &field, none, none_encoded, /*untyped=*/false)) continue;
    if (change.untyped && agrees(state, &field, empty, empty_encoded, /*untyped=*/false)) continue;
    out.emplace_back(name, none);
  }
  MAILLON_CHECK(records_.context().check());
  return out;
}

Result<CommitPtr> Store::write_governance(std::span<const GovernanceOp> ops, const Author& author,
                                          UnixMillis now, Rng& rng) {
  MAILLON_TRY(Opening opening, open_feed(trust_->annuaire(), author, now));
  CommitDraft draft;
  for (const GovernanceOp& governance : ops) {
    add_governance(draft, governance.kind, governance.message, rng);
  }
  MAILLON_TRY(CommitPtr commit, seal_and_take(draft, opening, author, rng));
  MAILLON_CHECK(release_returned(now));
  return commit;
}

Result<CommitPtr> Store::write_genesis(const Genesis& genesis, const Bytes& annuaire,
                                       const Author& author, UnixMillis now, Rng& rng) {
  Header header;
  header.space = space_id(annuaire);
  header.member = author.member;
  header.node = author.node();
  header.incarnation = author.incarnation;
  header.seq = 1;
  header.hlc = stamp(now, Hlc{});
  const Bytes message = encode(genesis);
  CommitDraft draft;
  add_governance(draft, OpKind::genesis, message, rng);
  MAILLON_TRY(const CommitPtr commit, draft.seal(header, 0, 0, *author.key, rng));
  MAILLON_TRY(const Genesis checked, Trust::check_genesis(*commit));
  MAILLON_CHECK(set_federation(*FederationId::from_bytes(commit->id.bytes())));
  MAILLON_CHECK(take_in(*commit, CommitStatus::applied, /*is_void=*/false));
  return commit;
}

}  // namespace maillon::storage
