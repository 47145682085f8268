#include "tests/sim/workload.hpp"

#include <algorithm>

#include "storage/store/erase.hpp"
#include "tests/sim/foreign.hpp"
#include "tests/support/federation.hpp"

namespace maillon::sim {

using namespace storage;

namespace {

const std::vector<std::string> kFields{"commune", "horaires", "nom", "statut", "tel"};
const std::vector<std::string> kCollections{"equipements", "lieux"};

constexpr int kErases = 60;  ///< chance, in thousandths

/// Protobuf fields of no number that this version knows: a varint and some bytes.
const Bytes kExtraHeader{0xc0, 0x3e, 0x2a, 0xca, 0x3e, 0x03, 'n', 'e', 'w'};

}  // namespace

const std::vector<std::string>& space_names() {
  static const std::vector<std::string> kNames{std::string{kAnnuaire}, std::string{kCatalogue},
                                               std::string{kTraining}, std::string{kReserve}};
  return kNames;
}

std::vector<Bytes> declarations(const FederationId& federation) {
  // Everybody reads everything, so that all must end equal; not everybody may write everywhere.
  auto out = common_spaces(federation);
  for (const auto& [name, writer] : {std::pair{kCatalogue, "all"}, std::pair{kReserve, "region:28"}}) {
    SpaceDeclaration space;
    space.federation = federation;
    space.name = name;
    space.readers = {"all"};
    space.writers = {writer};
    out.push_back(encode(space));
  }
  return out;
}

Workload::Workload(Room& room, const Profile& profile)
    : profile_(profile), dice_(room.dice.u64()), edits_(dice_.u64()) {
  for (int i = 0; i < profile.pool; ++i) pool_.push_back(random_record_id(dice_.rng()));
}

void Workload::act(SimNode& node) {
  // It may not know its federation yet, or that it was admitted.
  if (!node.space(kReserve) || node.store().trust()->member(node.who().member) == nullptr) return;
  if (edits_.chance(kErases)) return edits_.chance(700) ? erase(node) : speak_of_erasure(node);
  const Profile& p = profile_;
  const std::vector<int> weights{p.patch,   p.import,   p.remove, p.resolve,
                                 p.unknown, p.trespass, p.bulky};
  switch (dice_.weighted(weights)) {
    case 0:
      return patch(node);
    case 1:
      return import(node);
    case 2:
      return remove(node);
    case 3:
      return resolve(node);
    case 4:
      return unknown(node);
    case 5:
      return trespass(node);
    default:
      return bulky(node);
  }
}

Workload::Place Workload::place() {
  const auto roll = dice_.below(10);
  const std::string_view space = roll < 6 ? kCatalogue : roll < 8 ? kReserve : kTraining;
  return {std::string{space}, dice_.pick(kCollections)};
}

Value Workload::value() {
  switch (dice_.below(8)) {
    case 0:
      return Value{};
    case 1:
      return Value::of_bool(dice_.chance(500));
    case 2:
      return Value{Value::Kind::number, std::to_string(dice_.below(3)) + ".50"};
    default:
      return Value::of_text(
          "v" + std::to_string(dice_.below(static_cast<std::uint64_t>(profile_.values))));
  }
}

std::vector<std::pair<std::string, Value>> Workload::fields() {
  std::vector<std::pair<std::string, Value>> out;
  for (const std::string& name : kFields)
    if (dice_.chance(350)) out.emplace_back(name, value());
  if (out.empty()) out.emplace_back("nom", Value::of_text("v0"));
  return out;
}

void Workload::write(SimNode& node, const Place& place, std::vector<Change> changes) {
  const auto space = node.space(place.space);
  if (!space || !node.store().trust()->may_write(node.who().member, *space)) return;
  node.write([&node, space = *space,
              changes = std::move(changes)](Store& store) -> Result<std::vector<CommitPtr>> {
    MAILLON_TRY(auto written,
                store.write(space, changes, node.author(), node.clock().now(), node.rng()));
    return std::move(written.commits);
  });
}

FieldEdit Workload::edit() {
  static const std::vector<std::string> kWords{"lundi", "mardi", "sur rendez-vous", "fermé", "l’après-midi"};
  using How = FieldEdit::How;
  const auto word = [&] { return Value::of_text(edits_.pick(kWords)); };
  const auto number = [&] {
    return Value{Value::Kind::number, std::to_string(edits_.below(20))};
  };
  switch (edits_.below(6)) {
    case 0: {
      std::string text;
      for (auto n = edits_.below(6); n > 0; --n) text += edits_.pick(kWords) + " ";
      return {"notes", FieldTag::text, edits_.chance(300) ? How::add : How::set,
              {Value::of_text(text)}};
    }
    case 1: {
      FieldEdit out{"etapes", FieldTag::list, How::set, {}};
      for (auto n = edits_.below(5); n > 0; --n) out.values.push_back(word());
      return out;
    }
    case 2:
      return {"services", FieldTag::set, edits_.chance(700) ? How::add : How::remove, {word()}};
    case 3:
      return {"visites", FieldTag::counter, edits_.chance(800) ? How::add : How::remove, {number()}};
    case 4:
      return {"record", FieldTag::max, How::set, {number()}};
    default:
      return {"depuis", FieldTag::min, How::set, {number()}};
  }
}

void Workload::patch(SimNode& node) {
  const Place where = place();
  std::vector<Change> changes;
  for (auto n = dice_.between(1, 3); n > 0; --n) {
    changes.push_back(test::patch(where.collection, dice_.pick(pool_), fields()));
    if (!edits_.chance(400)) continue;
    if (edits_.chance(500)) changes.back().fields.clear();
    changes.back().edits.push_back(edit());
  }
  write(node, where, std::move(changes));
}

void Workload::import(SimNode& node) {
  const Place where{std::string{kCatalogue}, "lieux"};
  std::vector<Change> changes;
  for (int row = 0; row < profile_.rows; ++row)
    if (dice_.chance(600))
      changes.push_back(test::imported(where.collection, dice_.chance(800) ? "carte" : "liste",
                                       "row-" + std::to_string(row), fields()));
  write(node, where, std::move(changes));
}

void Workload::remove(SimNode& node) {
  const Place where = place();
  const bool row = where.space == kCatalogue && dice_.chance(400);
  const RecordId id =
      row ? derived_record_id("lieux", "carte",
                              "row-" + std::to_string(dice_.below(
                                           static_cast<std::uint64_t>(profile_.rows))))
          : dice_.pick(pool_);
  write(node, where, {test::removal(row ? "lieux" : where.collection, id)});
}

void Workload::resolve(SimNode& node) {
  const Place where = place();
  const auto space = node.space(where.space);
  const auto row = sure(node.store().log().find_space(*space), "space");
  if (!row) return;
  std::vector<Change> found;
  {
    auto get = sure(node.store().database().prepare(
                        "SELECT c.name, r.rid, r.state FROM record r JOIN collection c"
                        " ON c.id = r.collection WHERE c.space = ?1 AND r.flags & 2"
                        " ORDER BY c.name, r.rid"),
                    "conflicts");
    get.bind(1, *row);
    while (sure(get.step(), "conflicts")) {
      const Bytes blob{get.blob(2).begin(), get.blob(2).end()};
      const auto state = sure(merge::decode_state(blob), "state");
      Change change;
      change.collection = get.text(0);
      change.id = sure(RecordId::from_bytes(get.blob(1)), "rid");
      std::string last;
      for (const auto& field : merge::show(state, node.store().records().context()).fields) {
        if (field.shown == nullptr) continue;
        // The power may go while it reads.
        const std::string name{node.store().records().context().name(field.name())};
        sure(node.store().records().context().check(), "names");
        std::vector<const merge::FieldHead*> choices = field.others;
        choices.push_back(field.shown);
        auto chosen = Value::decode(dice_.pick(choices)->value);
        if (chosen && name != last) change.fields.emplace_back(name, *std::move(chosen));
        last = name;
      }
      if (!change.fields.empty()) found.push_back(std::move(change));
    }
  }
  if (!found.empty()) write(node, where, {dice_.pick(found)});
}

void Workload::unknown(SimNode& node) {
  const Place where = place();
  const auto space = node.space(where.space);
  if (!node.store().trust()->may_write(node.who().member, *space)) return;
  std::vector<ForeignOp> ops;
  ForeignOp op;
  op.collection = where.collection;
  op.id = dice_.pick(pool_);
  // Kinds and tags of a later version, values of no form that this one knows, or no field at all.
  op.kind = dice_.chance(500) ? 1u : static_cast<std::uint32_t>(dice_.between(70, 75));
  const bool bare = op.kind != 1 && dice_.chance(300);
  for (const std::string& name : kFields)
    if (!bare && dice_.chance(400)) {
      const auto tag = dice_.chance(500) ? 1u : static_cast<std::uint32_t>(dice_.between(90, 92));
      op.fields.push_back({name, tag, dice_.chance(300) ? Bytes{0xee, 0xff} : value().encoded()});
    }
  ops.push_back(std::move(op));
  const Bytes extra = dice_.chance(700) ? kExtraHeader : Bytes{};
  node.write([&node, space = *space, ops, extra](Store& store) -> Result<std::vector<CommitPtr>> {
    // A second node of a member may not know yet that it is one.
    if (!store.trust()->known(node.who().node, node.who().member)) return std::vector<CommitPtr>{};
    MAILLON_TRY(auto commit, foreign_commit(store, space, ops, extra, node.author(),
                                            node.clock().now(), node.rng()));
    return std::vector{std::move(commit)};
  });
}

void Workload::trespass(SimNode& node) {
  const auto space = node.space(kReserve);
  if (node.store().trust()->may_write(node.who().member, *space)) return patch(node);
  ForeignOp op;
  op.collection = dice_.pick(kCollections);
  op.id = dice_.pick(pool_);
  op.kind = static_cast<std::uint32_t>(dice_.chance(150) ? OpKind::remove : OpKind::patch);
  if (op.kind == static_cast<std::uint32_t>(OpKind::patch))
    for (const auto& [name, v] : fields()) op.fields.push_back({name, 1, v.encoded()});
  node.write([&node, space = *space, op](Store& store) -> Result<std::vector<CommitPtr>> {
    // A second node of a member may not know yet that it is one.
    if (!store.trust()->known(node.who().node, node.who().member)) return std::vector<CommitPtr>{};
    MAILLON_TRY(auto commit, foreign_commit(store, space, std::span{&op, 1}, {}, node.author(),
                                            node.clock().now(), node.rng()));
    return std::vector{std::move(commit)};
  });
}

void Workload::erase(SimNode& node) {
  static const std::vector<std::string> kTyped{"notes", "etapes", "services", "visites", "record"};
  const auto space = node.space(edits_.chance(600) ? kCatalogue : kTraining);
  ErasureWish wish;
  wish.collection = edits_.pick(kCollections);
  wish.id = edits_.pick(pool_);
  if (edits_.chance(300)) {
    wish.collection = "lieux";
    wish.id = derived_record_id("lieux", "carte", "row-" + std::to_string(edits_.below(4)));
  }
  wish.reason = "asked";
  if (edits_.chance(800)) wish.fields.push_back(edits_.pick(edits_.chance(500) ? kTyped : kFields));
  if (edits_.chance(300)) wish.words = edits_.chance(500) ? "mardi" : "v1";
  node.write([&node, space = *space, wish](Store& store) -> Result<std::vector<CommitPtr>> {
    MAILLON_TRY(auto done, store.erase(space, std::span{&wish, 1}, node.author(), node.clock().now(), node.rng()));
    return std::move(done.commits);
  });
}

void Workload::speak_of_erasure(SimNode& node) {
  const auto open = sure(node.store().records().erasures().open(), "erasures");
  if (open.empty()) return;
  const std::int64_t chosen = edits_.pick(open);
  const ErasureWord word{sure(node.store().log().commit_id_of(chosen), "erasure"),
                         edits_.chance(400)};
  node.write([&node, word](Store& store) -> Result<std::vector<CommitPtr>> {
    const std::vector<GovernanceOp> ops{{OpKind::erasure_word, encode(word)}};
    MAILLON_TRY(auto commit,
                store.write_governance(ops, node.author(), node.clock().now(), node.rng()));
    return std::vector{std::move(commit)};
  });
}

void Workload::bulky(SimNode& node) {
  const Place where{std::string{kTraining}, "lieux"};
  std::string words;
  while (words.size() < 60'000) words += to_hex(dice_.rng().bytes<32>());
  auto change =
      test::patch(where.collection, dice_.pick(pool_), {{"texte", Value::of_text(words)}});
  write(node, where, {std::move(change)});
}

}  // namespace maillon::sim
