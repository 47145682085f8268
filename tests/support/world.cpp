#include "tests/support/world.hpp"

#include <algorithm>
#include <array>

#include "storage/store/erase.hpp"
#include "tests/support/oracle_store.hpp"

namespace maillon::test {

using namespace storage;
using namespace std::chrono_literals;

namespace {

constexpr std::array kFields{"nom", "tel"};
constexpr std::array kValues{"a", "b", "c"};
constexpr unsigned kRecords = 2;

std::string disk_name() {
  static unsigned next = 0;
  return "disk-" + std::to_string(++next);
}

StoreOptions on(const MemoryVfs& disk) { return {"m.db", 2048, disk.name(), true}; }

std::unique_ptr<TestNode> node_on(const MemoryVfs& disk, unsigned member) {
  return std::make_unique<TestNode>(std::string(1, static_cast<char>('A' + member)), member + 1,
                                    on(disk));
}

/// The founder declares the space where all but one may write.
void declare_space(const std::vector<std::unique_ptr<TestNode>>& nodes) {
  TestNode& founder = *nodes[0];
  SpaceDeclaration space;
  space.federation = founder.store->federation();
  space.name = kCatalogue;
  space.readers = {"all"};
  for (unsigned i = 0; i < nodes.size(); ++i)
    if (i != kOutsider) space.writers.push_back("member:" + nodes[i]->member.hex());
  Proposal proposal;
  proposal.space = encode(space);
  const std::vector<GovernanceOp> ops{{OpKind::proposal, encode(proposal)},
                                      {OpKind::vote, encode(Vote{std::nullopt, 1})}};
  must(founder.store->begin());
  must(founder.store->write_governance(ops, founder.author(), kEpoch - 59min, founder.rng));
  must(founder.store->commit());
}

/// The disks of all members once each has joined and knows the others. Founded once: signing the
/// same federation for every history would take most of the tests' time.
const std::vector<DiskImage>& founded() {
  static const std::vector<DiskImage> images = [] {
    std::vector<std::unique_ptr<MemoryVfs>> disks;
    std::vector<std::unique_ptr<TestNode>> nodes;
    for (unsigned i = 0; i < Peer::kMembersMax; ++i) {
      disks.push_back(std::make_unique<MemoryVfs>(disk_name()));
      nodes.push_back(node_on(*disks.back(), i));
    }
    nodes[0]->found("28", kEpoch - 1h);
    declare_space(nodes);
    for (unsigned i = 1; i < nodes.size(); ++i) nodes[i]->join(*nodes[0], kEpoch - 30min);
    for (unsigned i = 1; i < nodes.size(); ++i) nodes[i]->pull(*nodes[0], kEpoch - 20min);
    std::vector<DiskImage> out;
    for (unsigned i = 0; i < nodes.size(); ++i) {
      nodes[i]->store.reset();  // Closing checkpoints: the image is one file.
      out.push_back(disks[i]->current());
    }
    return out;
  }();
  return images;
}

std::vector<std::int64_t> places(TestNode& node, std::string_view where) {
  std::vector<std::int64_t> out;
  const auto space = must(node.store->log().space_row(node.space(where)));
  must(node.store->log().scan(space, 0, [&](const LogEntry& entry) -> Result<bool> {
    out.push_back(entry.id);
    return true;
  }));
  return out;
}

}  // namespace

std::vector<Step> steps_from(std::uint64_t seed, std::size_t count, unsigned below) {
  crypto::SeededRng rng{seed};
  std::vector<Step> out(count);
  for (Step& step : out)
    for (unsigned* part : {&step.action, &step.who, &step.what, &step.how})
      *part = static_cast<unsigned>(rng.u64() % below);
  return out;
}

RecordId record_number(unsigned number) {
  std::array<std::uint8_t, RecordId::kSize> raw{};
  raw[0] = static_cast<std::uint8_t>(number + 1);
  return RecordId::from_array(raw);
}

Peer::Peer(unsigned member) : disk(std::make_unique<MemoryVfs>(disk_name())), number(member) {
  disk->load(founded()[member]);
  node = node_on(*disk, member);
}

Peer::Peer(unsigned member, const DiskImage& image, std::uint64_t incarnation)
    : disk(std::make_unique<MemoryVfs>(disk_name())), number(member) {
  disk->load(image);
  node = node_on(*disk, member);
  node->incarnation = incarnation;
}

void Peer::restart() {
  const DiskImage left = disk->synced();
  disk->crash_at(0);
  node->store.reset();
  disk->load(left);
  node->store = must(Store::open(node->options));
}

void Peer::pull(Peer& other, UnixMillis now, std::size_t count, std::string_view space) {
  for (const std::int64_t place : places(*other.node, space)) {
    if (must(node->store->log().has(must(other.node->store->log().commit_id_of(place))))) continue;
    if (count-- == 0) return;
    (void)node->receive(must(load_commit(must(other.node->store->log().bytes_of(place)))), now);
  }
}

std::string Peer::text() { return oracle::render(state_of(*node->store, node->space(kCatalogue))); }

Result<void> Peer::verify() {
  MAILLON_TRY(const auto space, node->store->log().find_space(node->space(kCatalogue)));
  if (!space) return {};
  return node->store->records().verify(*space);
}

std::size_t Peer::prune(bool all) {
  Store& store = *node->store;
  std::size_t out = 0;
  for (Pruned done{0, 0, true}; done.more; out += done.leaves) {
    must(store.begin());
    done = must(store.prune(node->space(kCatalogue), done.last, 3, all));
    must(store.commit());
  }
  return out;
}

CommitPtr sign_by_hand(Peer& peer, const std::vector<HandOp>& ops, std::optional<CommitId> reissues,
                       UnixMillis now) {
  TestNode& node = *peer.node;
  Log& log = node.store->log();
  Header header;
  header.federation = *node.store->federation();
  header.space = node.space(kCatalogue);
  header.member = node.member;
  header.node = node.node_key.node_id();
  header.incarnation = node.incarnation;
  const FeedRow feed = must(log.feed_row(header.feed(), node.member));
  const auto tip = must(log.feed_tip(feed.id));
  Header before;
  Hlc highest;
  if (tip) {
    before = must(decode_header(must(log.header_of(tip->id))));
    header.previous = tip->cid;
    highest = tip->hlc;
  }
  header.seq = before.seq + 1;
  for (const LogEntry& head : must(log.heads(feed.space))) {
    highest = std::max(highest, head.hlc);
    if (head.cid != header.previous) header.deps.push_back(head.cid);
  }
  header.hlc = stamp(now, highest);
  for (const LogEntry& head : must(log.heads(must(log.space_row(node.store->trust()->annuaire())))))
    header.annuaire_heads.push_back(head.cid);
  CommitDraft draft;
  if (reissues && reissues != header.previous) {
    header.reissues = reissues;
    draft.set_reissues(*reissues);
  }
  for (const HandOp& hand : ops) {
    OpTable table;
    const auto dots = [&](const auto& named) {
      std::vector<DotRange> out;
      for (const auto& [commit, leaf] : named) out.push_back({draft.index_of(commit), leaf, 0, 0});
      std::ranges::sort(out);
      const auto repeated = std::ranges::unique(out);
      out.erase(repeated.begin(), repeated.end());
      const Slice slice{static_cast<std::uint32_t>(table.dots.size()),
                        static_cast<std::uint32_t>(out.size())};
      table.dots.insert(table.dots.end(), out.begin(), out.end());
      return slice;
    };
    Op op;
    op.kind = hand.kind;
    op.collection = "lieux";
    op.id = hand.record;
    op.replaced = dots(hand.whole);
    // Not UTF-8: no reader can take this payload in.
    if (!hand.readable) op.source = "\xff";
    if (!hand.field.empty()) {
      const auto element = [&](const std::optional<HandOp::Element>& at) {
        std::optional<ElementDot> out;
        if (at) out = {draft.index_of(std::get<0>(*at)), std::get<1>(*at), std::get<2>(*at)};
        return out;
      };
      OpField field{hand.field, hand.tag, dots(hand.field_dots), {}, as_bytes(hand.value)};
      std::vector<DotRange> all{table.dots_in(field.replaced).begin(),
                                table.dots_in(field.replaced).end()};
      for (const auto& [first, count] : hand.removed) {
        const auto at = *element(first);
        all.push_back({at.index, at.leaf, at.offset, count});
      }
      std::ranges::sort(all);
      const auto repeated = std::ranges::unique(all);
      all.erase(repeated.begin(), repeated.end());
      field.replaced = {static_cast<std::uint32_t>(table.dots.size()),
                        static_cast<std::uint32_t>(all.size())};
      table.dots.insert(table.dots.end(), all.begin(), all.end());
      for (const HandOp::Run& run : hand.runs)
        table.runs.push_back({element(run.left), element(run.right), element(run.moved), run.length});
      field.runs = {0, static_cast<std::uint32_t>(table.runs.size())};
      table.fields.push_back(field);
      op.fields = {0, 1};
    }
    draft.add(table, op);
  }
  return must(draft.seal(header, before.total_ops, before.total_bytes, node.node_key, node.rng));
}

World::World(unsigned members, bool quarrels) : quarrels_(quarrels) {
  for (unsigned i = 0; i < members; ++i) peers.push_back(std::make_unique<Peer>(i));
}

void World::run(const std::vector<Step>& steps) {
  for (const Step& one : steps) {
    now_ += 1s;
    step(one);
  }
}

void World::step(const Step& step) {
  Peer& peer = *peers[step.who % peers.size()];
  Peer& other = *peers[step.what % peers.size()];
  const unsigned erasing = quarrels_ ? 48 : 32;
  const unsigned action = step.action % (erasing + 2);
  if (action >= erasing) return erase(peer, step);
  if (action >= 32) return quarrel(peer, step);
  const bool writes = action < 15 || (action >= 23 && action < 25);
  if (writes && peer.number == kOutsider) return write_without_right(peer, step);
  if (action < 9) return write(peer, step, now_);
  if (action < 11) return remove(peer, step);
  if (action < 13) return import(peer, step);
  if (action < 15) return resolve(peer, step);
  if (action < 21) return peer.pull(other, now_);
  if (action < 23) return peer.pull(other, now_, 1 + step.how % 3);
  if (action < 25) return write(peer, step, now_ + 400 * 24h);
  if (action < 27) return reissue(peer);
  if (action < 28) return fork(peer);
  by_hand(peer, step);
}

void World::edit(Peer& peer, const Step& step, UnixMillis when) {
  using How = FieldEdit::How;
  static constexpr std::array kPhrases{"le chat dort ici", "le chien dort", "ici le chat, là le chien",
                                       "dort"};
  const auto word = [&](unsigned n) { return Value::of_text(kValues[n % kValues.size()]); };
  const auto number = [](unsigned n) { return Value{Value::Kind::number, std::to_string(n)}; };
  const unsigned n = step.how / 3;
  // Now and then under a name that has another type elsewhere.
  const bool shared = step.how % 13 == 0;
  FieldEdit edit;
  switch (step.what / 2 % 6) {
    case 0:
      edit = {"texte", FieldTag::text, n % 4 == 3 ? How::add : How::set,
              {Value::of_text(kPhrases[n % kPhrases.size()])}};
      break;
    case 1:
      edit = {"liste", FieldTag::list, How::set, {}};
      for (unsigned i = 0; i < n % 5; ++i) edit.values.push_back(word(n / 5 + i * (1 + n % 2)));
      break;
    case 2:
      edit = {"ensemble", FieldTag::set, static_cast<How>(n % 3), {word(n / 3)}};
      break;
    case 3:
      edit = {"compte", FieldTag::counter, n % 3 == 2 ? How::remove : How::add, {number(n % 7)}};
      break;
    default:
      edit = {n % 2 == 0 ? "plus" : "moins", n % 2 == 0 ? FieldTag::max : FieldTag::min, How::set,
              {n % 5 == 0 ? word(n) : number(n % 11)}};
  }
  if (shared) edit.name = kFields[0];
  Change change = patch("lieux", record_number(step.what % kRecords), {});
  change.edits.push_back(edit);
  peer.node->write(kCatalogue, {change}, when);
}

void World::write(Peer& peer, const Step& step, UnixMillis when) {
  if (step.how % 2 == 1) return edit(peer, step, when);
  const auto value = [&](unsigned n) {
    return n % 4 == 3 ? Value{} : Value::of_text(kValues[n % 4]);
  };
  std::vector<std::pair<std::string, Value>> fields{
      {kFields[step.how % kFields.size()], value(step.how / 2)}};
  if (step.how % 3 == 1)
    fields.emplace_back(kFields[(step.how + 1) % kFields.size()], value(step.how / 5));
  peer.node->write(kCatalogue, {patch("lieux", record_number(step.what % kRecords), fields)}, when);
}

void World::remove(Peer& peer, const Step& step) {
  peer.node->write(kCatalogue, {removal("lieux", record_number(step.what % kRecords))}, now_);
}

void World::import(Peer& peer, const Step& step) {
  const auto row = imported("lieux", "carte", std::to_string(step.what % 2),
                            {{"nom", Value::of_text(kValues[step.how % kValues.size()])}});
  peer.node->write(kCatalogue, {row}, now_);
}

void World::write_without_right(Peer& peer, const Step& step) {
  Store& store = *peer.node->store;
  HandOp op;
  op.record = record_number(step.what % kRecords);
  op.field = kFields[step.how % kFields.size()];
  op.value = std::string{"\x04"} + kValues[step.how / 2 % kValues.size()];
  const auto space = must(store.log().space_row(peer.node->space(kCatalogue)));
  const auto collection = must(store.names().find_collection(space, "lieux"));
  const auto row = collection ? must(store.records().find(*collection, op.record)) : std::nullopt;
  const auto state = row ? must(merge::decode_state(row->state)) : merge::RecordState{};
  const auto dot = [&](const merge::OpEntry& entry) {
    return std::pair{must(store.log().commit_id_of(entry.ref.commit)), entry.ref.leaf};
  };
  for (const auto& entry : state.ops)
    if (entry.removes || entry.bare) op.whole.push_back(dot(entry));
  for (const auto& field : state.fields)
    for (const auto& head : field.heads)
      if (must(store.names().text(field.name)) == op.field && !head.through)
        op.field_dots.push_back(dot(state.ops[head.op]));
  (void)peer.node->receive(sign_by_hand(peer, {op}, {}, now_), now_);
}

void World::resolve(Peer& peer, const Step& step) {
  const RecordId record = record_number(step.what % kRecords);
  const std::string field = kFields[step.how % kFields.size()];
  const std::string shown = peer.node->value(kCatalogue, "lieux", record, field);
  if (shown != "-")
    peer.node->write(kCatalogue, {patch("lieux", record, {{field, Value::of_text(shown)}})}, now_);
}

void World::reissue(Peer& peer) {
  TestNode& node = *peer.node;
  node.incarnation = ++incarnations_;
  must(node.store->begin());
  const auto again = node.store->reissue_stranded(node.author(), now_, node.rng);
  // A flooding key cannot publish again.
  must(again.has_error() ? node.store->rollback() : node.store->commit());
}

void World::erase(Peer& peer, const Step& step) {
  static constexpr std::array kErased{"nom", "tel", "texte", "liste", "ensemble", "compte"};
  static constexpr std::array kWords{"chat", "dort", "a", "b"};
  TestNode& node = *peer.node;
  ErasureWish wish;
  wish.collection = "lieux";
  wish.id = step.what % 3 == 2
                ? derived_record_id("lieux", "carte", std::to_string(step.what / 3 % 2))
                : record_number(step.what / 3 % kRecords);
  wish.reason = step.how % 2 == 0 ? "demande" : "";
  const unsigned how = step.how / 2;
  if (how % 4 != 0) wish.fields.emplace_back(kErased[how / 4 % kErased.size()]);
  if (how % 4 == 3) wish.words = kWords[how / 4 % kWords.size()];
  must(node.store->begin());
  const auto done = node.store->erase(node.space(kCatalogue), std::span{&wish, 1}, node.author(), now_, node.rng);
  // Not everybody may ask.
  must(done.has_error() ? node.store->rollback() : node.store->commit());
}

void World::decide(Proposal proposal) {
  TestNode& node = *peers[0]->node;
  if (proposal.remove || proposal.access) {
    const MemberId who = proposal.remove ? proposal.remove->member
                                         : must(MemberId::from_hex(
                                               proposal.access->writers[0].substr(7)));
    const auto space = node.space(kCatalogue);
    const auto row = must(node.store->log().space_row(space));
    for (const CommitId& tip : must(node.store->log().tips_of(row, who, std::nullopt)))
      proposal.cut.push_back({space, tip});
    std::ranges::sort(proposal.cut);
  }
  const std::vector<GovernanceOp> ops{{OpKind::proposal, encode(proposal)},
                                      {OpKind::vote, encode(Vote{std::nullopt, 1})}};
  must(node.store->begin());
  (void)must(node.store->write_governance(ops, node.author(), now_, node.rng));
  must(node.store->commit());
}

void World::write_owned(Peer& peer, const Step& step) {
  Change change = patch("lieux", RecordId::zero(),
                        {{kFields[step.how % 2], Value::of_text(kValues[step.how % 3])}});
  const TestNode& owner = *peers[step.what % peers.size()]->node;
  change.form = IdForm::owned;
  change.key = "1";
  change.id = owned_record_id("lieux", owner.member, change.key);
  if (owner.member == peer.node->member) {
    peer.node->write(kCatalogue, {change}, now_);
    return;
  }
  // A faulty program writes into somebody else's record.
  HandOp op;
  op.record = change.id;
  op.field = kFields[step.how % 2];
  op.value = std::string{"\x04"} + kValues[step.how % 3];
  (void)peer.node->receive(sign_by_hand(peer, {op}, {}, now_), now_);
}

void World::quarrel(Peer& peer, const Step& step) {
  const auto target = [&] { return peers[step.what % peers.size()]->node->member; };
  Proposal proposal;
  switch (step.action % 50 - 32) {
    case 0:
    case 1:
    case 2: {
      TestNode& node = *peer.node;
      must(node.store->begin());
      (void)must(node.store->publish_evidence(node.author(), now_, node.rng));
      must(node.store->commit());
      return;
    }
    case 3:
      if (target() == peers[0]->node->member) return;
      proposal.remove = Removal{target()};
      return decide(proposal);
    case 4:
      proposal.charter = CharterChange{"feed_ops_max", std::to_string(3 + step.how % 12)};
      return decide(proposal);
    case 5:
      proposal.access = AccessChange{
          peer.node->space(kCatalogue), {}, {"member:" + target().hex()}, step.how % 3 != 0};
      return decide(proposal);
    case 6:
      proposal.succession = Succession{target(), peer.node->member};
      return decide(proposal);
    case 7:
    case 8:
      return write_owned(peer, step);
    case 9:
      return fork(peer);
    case 10:
      return reissue(peer);
    case 11:
    case 12:
      return settle(step);
    default:
      for (const auto& other : peers) peer.pull(*other, now_, SIZE_MAX, kAnnuaire);
  }
}

void World::settle(const Step& step) {
  TestNode& node = *peers[0]->node;
  UnixMillis before = now_ - std::chrono::seconds{step.how % 40};
  if (step.what % 2 == 0) {
    // Settled is only what somebody else has built on.
    Peer& other = *peers[1];
    other.pull(*peers[0], now_);
    write(other, Step{0, 1, step.what, 2 * step.how}, now_);
    peers[0]->pull(other, now_);
    now_ += 1s;
    before = now_;
  }
  must(node.store->begin());
  auto checkpoint =
      must(node.store->draft_checkpoint(node.space(kCatalogue), Hlc::at(before, 0)));
  must(node.store->commit());
  if (!checkpoint) return;
  Proposal proposal;
  proposal.checkpoint = *std::move(checkpoint);
  decide(std::move(proposal));
}

void World::fork(Peer& peer) {
  if (peers.size() > Peer::kMembersMax) return;
  peers.push_back(
      std::make_unique<Peer>(peer.number, peer.disk->current(), peer.node->incarnation));
}

namespace {

/// Makes it a change of a set, list or text with anchors and ranges that nobody would write.
template <class SomeDots>
void give_elements(HandOp& op, crypto::SeededRng& rng, SomeDots some_dots) {
  op.kind = 1;
  op.tag = std::array{2u, 4u, 5u}[rng.u64() % 3];
  op.field = std::array{"ensemble", "liste", "texte", kFields[0]}[rng.u64() % 4];
  const auto some_element = [&]() -> std::optional<HandOp::Element> {
    const auto dots = some_dots(2);
    if (dots.empty()) return std::nullopt;
    return HandOp::Element{dots[0].first, dots[0].second, static_cast<std::uint32_t>(rng.u64() % 6)};
  };
  std::uint32_t values = 0;
  for (std::size_t i = rng.u64() % 3; i > 0; --i) {
    HandOp::Run run{some_element(), some_element(), {}, static_cast<std::uint32_t>(rng.u64() % 4)};
    if (rng.u64() % 4 == 0) run.moved = some_element();
    if (!run.moved || op.tag == 2) values += run.length;
    op.runs.push_back(run);
  }
  for (std::size_t i = rng.u64() % 3; i > 0; --i)
    if (const auto first = some_element())
      op.removed.emplace_back(*first, static_cast<std::uint32_t>(1 + rng.u64() % 4));
  // At times not as many values as the runs say.
  if (rng.u64() % 6 == 0) ++values;
  const char letter = static_cast<char>('A' + rng.u64() % 26);
  op.value = op.tag == 5 ? "" : std::string(1, static_cast<char>(values));
  for (std::uint32_t i = 0; i < values; ++i)
    op.value += op.tag == 5 ? std::string(1, letter) : std::string{"\x02\x04"} + letter;
}

}  // namespace

void World::by_hand(Peer& peer, const Step& step) {
  TestNode& node = *peer.node;
  crypto::SeededRng rng{step.what * 1000u + step.how};
  std::vector<CommitPtr> known = node.commits(kCatalogue);
  const auto some_dots = [&](std::size_t most) {
    std::vector<std::pair<CommitId, std::uint32_t>> out;
    for (std::size_t i = rng.u64() % (most + 1); i > 0 && !known.empty(); --i) {
      const Commit& commit = *known[rng.u64() % known.size()];
      if (!commit.body.ops.ops.empty())
        out.emplace_back(commit.id,
                         static_cast<std::uint32_t>(1 + rng.u64() % commit.body.ops.ops.size()));
    }
    return out;
  };
  std::vector<HandOp> ops;
  for (std::size_t i = 1 + rng.u64() % 2; i > 0; --i) {
    HandOp op;
    op.kind = std::array{1u, 2u, 99u, 99u}[rng.u64() % 4];
    op.tag = rng.u64() % 2 == 0 ? 42 : 1;
    op.record = record_number(static_cast<unsigned>(rng.u64() % kRecords));
    op.whole = some_dots(2);
    if (rng.u64() % 4 != 0) op.field = kFields[rng.u64() % kFields.size()];
    op.field_dots = some_dots(3);
    op.value = std::string{"\x04"} + kValues[rng.u64() % kValues.size()];
    op.readable = rng.u64() % 3 != 0;
    if (rng.u64() % 2 == 0) give_elements(op, rng, some_dots);
    ops.push_back(op);
  }
  std::optional<CommitId> reissues;
  if (rng.u64() % 3 == 0 && !known.empty()) reissues = known[rng.u64() % known.size()]->id;
  (void)node.receive(sign_by_hand(peer, ops, reissues, now_), now_);
}

std::vector<CommitPtr> World::commits() {
  std::map<CommitId, CommitPtr> all;
  for (const auto& peer : peers)
    for (const std::string_view space : {kCatalogue, kAnnuaire})
      for (CommitPtr& commit : peer->node->commits(space))
        if (space == kCatalogue || (quarrels_ && commit->header.hlc.time() > kEpoch))
          all.emplace(commit->id, commit);
  std::vector<CommitPtr> out;
  for (auto& [id, commit] : all) out.push_back(std::move(commit));
  // A clock is after all that its commit depends on, so this order respects causality.
  std::ranges::sort(out, {}, [](const CommitPtr& c) { return std::pair{c->header.hlc, c->id}; });
  return out;
}

}  // namespace maillon::test
