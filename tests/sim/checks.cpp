#include "tests/sim/checks.hpp"

#include <algorithm>

#include "tests/sim/rights.hpp"
#include "tests/sim/workload.hpp"
#include "tests/support/oracle_store.hpp"

namespace maillon::sim {

using namespace storage;

namespace {

constexpr std::size_t kShown = 1200;  ///< bytes of a difference that a report carries

/// One commit that would have an effect once its time comes, or that a wrong clock applied already.
std::optional<std::string> from_the_future(const Room& room, Store& store, UnixMillis now) {
  Bytes latest(8);
  for (std::size_t i = 0; i < 8; ++i)
    latest[i] = static_cast<std::uint8_t>(latest_hlc(now).packed >> (56 - 8 * i));
  auto get = sure(store.database().prepare(
                      "SELECT l.cid, f.member, s.sid, f.node FROM log l JOIN feed f ON f.id = l.feed"
                      " JOIN space s ON s.id = f.space"
                      " WHERE l.void = 0 AND (l.status = 1 OR l.hlc > ?1)"),
                  "held");
  get.bind(1, ByteView{latest});
  while (sure(get.step(), "held")) {
    const auto member = sure(MemberId::from_bytes(get.blob(1)), "member");
    const auto space = sure(SpaceId::from_bytes(get.blob(2)), "space");
    // Whoever dates ahead on purpose waits until then.
    if (room.feeds.excused(sure(NodeId::from_bytes(get.blob(3)), "node"))) continue;
    if (store.trust()->may_write(member, space)) return to_hex(get.blob(0)).substr(0, 8);
  }
  return std::nullopt;
}

/// What pending commits wait for, themselves not counted.
std::vector<CommitId> awaited(Store& store) {
  std::vector<CommitId> out;
  auto get =
      sure(store.database().prepare("SELECT DISTINCT need FROM pending_need WHERE need NOT IN"
                                    " (SELECT cid FROM pending) ORDER BY need"),
           "needs");
  while (sure(get.step(), "needs")) out.push_back(sure(CommitId::from_bytes(get.blob(0)), "need"));
  return out;
}

/// What a node waits for although somebody has it. What went with a disk that was put back to an
/// old backup may be waited for in vain.
std::optional<std::string> waiting(SimNode& node, const NodeList& nodes) {
  for (const CommitId& id : awaited(node.store()))
    for (SimNode* other : nodes) {
      const auto entry = sure(other->store().log().find(id), "log");
      // What was set aside is passed on to nobody.
      if (entry && entry->status != CommitStatus::aside)
        return node.name() + " waits for " + id.hex().substr(0, 8) + ", which " + other->name() +
               " has";
    }
  return std::nullopt;
}

/// The first line in which two texts differ, from both.
std::string first_difference(const std::string& a, const std::string& b) {
  std::size_t at = 0;
  while (at < a.size() && at < b.size() && a[at] == b[at]) ++at;
  const std::size_t line = at == 0 ? 0 : a.rfind('\n', at - 1) + 1;
  const auto from = [&](const std::string& text) {
    return text.substr(std::min(line, text.size()), text.find('\n', at) - line).substr(0, kShown);
  };
  return "\n  < " + from(a) + "\n  > " + from(b);
}

std::vector<CommitPtr> log_of(Store& store) {
  std::vector<std::int64_t> places;
  {
    auto get = sure(store.database().prepare("SELECT id FROM log WHERE status != 2 ORDER BY id"), "log");
    while (sure(get.step(), "log")) places.push_back(get.integer(0));
  }
  std::vector<CommitPtr> out;
  for (const std::int64_t place : places)
    out.push_back(sure(load_commit(sure(store.log().bytes_of(place), "log")), "log"));
  return out;
}

std::string describe_trust(const Trust& trust) {
  std::string out;
  for (const auto& [id, member] : trust.members())
    out += "member " + id.hex() + " " + member.name + " " + member.region +
           (member.delegate ? " delegate" : "") + "\n";
  for (const auto& [id, node] : trust.nodes()) {
    out += "node " + id.hex() + " of " + node.member.hex();
    if (node.revoked) out += " revoked";
    for (const std::string& url : node.urls) out += " " + url;
    out += "\n";
  }
  for (const auto& [id, space] : trust.spaces())
    out += "space " + id.hex() + " " + space.declaration.name + "\n";
  const Charter& charter = trust.charter();
  out += "quorum " + std::to_string(charter.quorum) + ", " +
         std::to_string(charter.settlement_days) + " days, " +
         std::to_string(charter.feed_ops_max) + " ops\n";
  std::set<std::string> limits;
  for (const Limit& limit : trust.limits()) {
    std::string line = "limit of " + limit.member.hex();
    if (limit.space) line += " in " + limit.space->hex();
    line += " since " + trust.graph().at(limit.since).id.hex();
    for (const CutOff& cut : limit.cuts) line += " up to " + cut.commit.hex();
    limits.insert(line + "\n");
  }
  for (const std::string& line : limits) out += line;
  for (const Charge& charge : trust.charges())
    out += "charge " + charge.node.hex() + " from " + std::to_string(charge.from) + " needs " +
           std::to_string(charge.needed) + "\n";
  std::set<CommitId> passed;
  for (const Decision& decision : trust.decisions())
    // What was published again counts under its new name.
    if (const auto number = trust.graph().find(decision.id.commit);
        decision.passed && number && !trust.graph().at(*number).is_void)
      passed.insert(decision.id.commit);
  for (const CommitId& id : passed) out += "passed " + id.hex() + "\n";
  return out;
}

/// Whether a commit is kept apart because its feed forked, and, if it is the node's own, published
/// again since.
bool given_up(const Room& room, SimNode& node, const CommitId& id) {
  Log& log = node.store().log();
  const auto entry = sure(log.find(id), "log");
  if (!entry || entry->status != CommitStatus::aside) return false;
  if (room.feeds.excused(node.who().node)) return true;
  const auto feed = sure(log.feed_by_id(entry->feed), "feed");
  // Without the right to write there, nothing of it ever counted.
  return feed.member != node.who().member ||
         !node.store().trust()->may_write(feed.member, feed.key.space) ||
         !sure(log.reissues_of(id), "re-issues").empty();
}

struct Picture {
  std::string trust;
  std::map<std::string, std::string> states;  ///< by space
};

/// `deep`: with what people do not see. Where commits stand in the future, void by now, those who
/// once applied them still list their ops, and those who hold them do not.
Picture picture_of(Store& store, bool deep) {
  Picture out;
  out.trust = describe_trust(*store.trust());
  for (const std::string& name : space_names())
    if (const Space* space = store.trust()->space_named(name))
      out.states[name] = deep ? describe_state(store, space->id)
                              : test::oracle::render(test::state_of(store, space->id));
  return out;
}

void same(const Picture& a, const Picture& b, const std::string& what) {
  if (a.trust != b.trust)
    throw Violation{what + ": members or spaces differ" + first_difference(a.trust, b.trust)};
  for (const auto& [space, state] : a.states) {
    const auto other = b.states.find(space);
    const std::string& theirs = other == b.states.end() ? std::string{} : other->second;
    if (state != theirs)
      throw Violation{what + ": states of " + space + " differ" + first_difference(state, theirs)};
  }
}

/// A store that takes in `commits` in this order, whatever waits for what.
Picture folded_anew(const std::vector<CommitPtr>& commits, const FederationId& federation,
                    UnixMillis now, bool deep) {
  storage::MemoryVfs disk{"sim-fold"};
  auto store = sure(Store::open({"fold.db", 1024, disk.name(), true}), "fold");
  sure(store->begin(), "fold");
  sure(store->set_federation(federation), "fold");
  for (const CommitPtr& commit : commits) {
    const Received got = sure(store->receive(commit, now), "fold");
    if (got.outcome == Received::Outcome::refused)
      throw Violation{"folding the log anew refuses " + commit->id.hex().substr(0, 8) + ": " +
                      got.reason};
  }
  sure(store->commit(), "fold");
  if (const auto needs = awaited(*store); !needs.empty())
    throw Violation{"folding the log anew waits for " + needs.front().hex().substr(0, 8)};
  return picture_of(*store, deep);
}

/// Whether a commit is void for another reason than that its member published it again.
bool without_right(Store& store, const CommitId& id) {
  const auto entry = sure(store.log().find(id), "log");
  if (!entry || !entry->is_void) return false;
  const auto feed = sure(store.log().feed_by_id(entry->feed), "feed");
  for (const std::int64_t again : sure(store.log().reissues_of(id), "re-issues")) {
    const CommitId fresh = sure(store.log().commit_id_of(again), "re-issue");
    const auto at = sure(store.log().find(fresh), "re-issue");
    if (sure(store.log().feed_by_id(at->feed), "feed").member == feed.member &&
        !without_right(store, fresh))
      return false;
  }
  return true;
}

void hear_words(const Trust& trust, const CommitId& id, test::oracle::Commit& out) {
  const auto found = trust.erasure_words().find(id);
  if (found == trust.erasure_words().end()) return;
  const auto raw = [](const MemberId& member) {
    return std::string{as_text(ByteView{member.bytes()})};
  };
  for (const MemberId& member : found->second.erase) out.may_erase.insert(raw(member));
  for (const MemberId& member : found->second.lift) out.may_lift.insert(raw(member));
  out.all_erased = found->second.delegates_erase;
  out.all_lifted = found->second.delegates_lift;
}

/// What a node has to destroy must be gone from its log.
void check_destroyed(SimNode& node) {
  Store& store = node.store();
  std::vector<merge::OpRef> all;
  {
    auto get = sure(store.database().prepare("SELECT DISTINCT target, leaf FROM erasure"
                                             " WHERE effect = 2"),
                    "erasures");
    while (sure(get.step(), "erasures"))
      all.push_back({get.integer(0), static_cast<std::uint32_t>(get.integer(1))});
  }
  for (const merge::OpRef& ref : all) {
    const auto commit = sure(load_commit(sure(store.log().bytes_of(ref.commit), "log")), "log");
    if (commit->body.ops.ops[ref.leaf - 1].state == LeafState::full)
      throw Violation{node.name() + " still has what was erased of " +
                      commit->id.hex().substr(0, 8)};
  }
}

void check_oracle(SimNode& node, const std::vector<CommitPtr>& commits, UnixMillis now) {
  Store& store = node.store();
  for (const std::string& name : space_names()) {
    const Space* space = store.trust()->space_named(name);
    if (space == nullptr || name == kAnnuaire) continue;
    std::vector<test::oracle::Commit> all;
    for (const CommitPtr& commit : commits) {
      if (commit->header.space != space->id) continue;
      all.push_back(test::for_oracle(*commit));
      const bool judged = !store.trust()->charges().empty() || !store.trust()->limits().empty() ||
                          !store.trust()->checkpoints(space->id).empty();
      all.back().without_right =
          judged ? without_right(store, commit->id)
                 : !store.trust()->ever_writer(commit->header.member, space->id);
      hear_words(*store.trust(), commit->id, all.back());
    }
    const auto wanted = test::oracle::render(test::oracle::merge(all, test::latest_at(now)));
    const auto have = test::oracle::render(test::state_of(store, space->id));
    if (wanted != have)
      throw Violation{node.name() + ": " + name + " is not what the oracle makes of its commits" +
                      first_difference(have, wanted)};
  }
}

}  // namespace

std::string describe_state(Store& store, const SpaceId& space) {
  std::string out;
  const auto row = sure(store.log().find_space(space), "space");
  if (!row) return out;
  std::vector<std::pair<std::string, Bytes>> rows;
  {
    auto get = sure(store.database().prepare(
                        "SELECT c.name, r.rid, r.state, r.flags FROM record r JOIN collection c"
                        " ON c.id = r.collection WHERE c.space = ?1 ORDER BY c.name, r.rid"),
                    "records");
    get.bind(1, *row);
    while (sure(get.step(), "records")) {
      const ByteView state = get.blob(2);
      rows.emplace_back(std::string{get.text(0)} + "/" + to_hex(get.blob(1)) + " flags " +
                            std::to_string(get.integer(3)),
                        Bytes{state.begin(), state.end()});
    }
  }
  for (const auto& [head, blob] : rows) {
    const auto state = sure(merge::decode_state(blob), "state");
    if (state.ops.empty()) continue;
    const auto name_of = [&](const merge::OpEntry& op) {
      return sure(store.log().commit_id_of(op.ref.commit), "op").hex().substr(0, 12) + "." +
             std::to_string(op.ref.leaf);
    };
    std::vector<std::string> ops;
    for (const auto& op : state.ops)
      ops.push_back(name_of(op) + (op.is_void ? "v" : "") + (op.removes ? "r" : "") +
                    (op.bare ? "b" : "") + (op.superseded ? "s" : "") + (op.imported ? "i" : "") +
                    (op.readable ? "" : "u"));
    std::ranges::sort(ops);
    out += head + ":";
    for (const std::string& op : ops) out += " " + op;
    out += "\n";
    for (const auto& field : state.fields) {
      out += head + " " + std::string{sure(store.names().text(field.name), "name")} + "#" +
             std::to_string(field.tag) + ":";
      for (const auto& value : field.heads)
        out += " " + name_of(state.ops[value.op]) + (value.through ? "t=" : "=") +
               to_hex(value.value).substr(0, 64);
      out += "\n";
    }
  }
  return out;
}

std::optional<std::string> unsettled(const Room& room, const NodeList& nodes) {
  for (SimNode* node : nodes) {
    if (!node->up()) return node->name() + " is down";
    const auto stranded =
        sure(node->store().stranded(node->who().member, node->who().node, node->clock().now()), "stranded").own;
    if (!stranded.empty() && !room.feeds.excused(node->who().node))
      return node->name() + " has to publish " + stranded[0].cid.hex().substr(0, 8) + " again";
    if (auto why = waiting(*node, nodes)) return why;
    const UnixMillis now = node->clock().now();
    if (const auto id = from_the_future(room, node->store(), now))
      return node->name() + " has " + *id + " from the future";
    const auto first = sure(node->store().log().first_held(), "held");
    if (first && *first <= latest_hlc(now))
      return node->name() + " has not noticed that the time of a commit has come";
  }
  for (const std::string& name : space_names()) {
    std::optional<Digest> first;
    for (SimNode* node : nodes) {
      const auto space = node->space(name);
      if (!space) return node->name() + " does not know " + name;
      const auto row = sure(node->store().log().find_space(*space), "space");
      const Digest frontier =
          row ? sure(node->store().log().frontier(*row), "frontier") : frontier_hash({});
      if (first && *first != frontier)
        return node->name() + " and " + nodes.front()->name() + " differ in " + name;
      first = frontier;
    }
  }
  return std::nullopt;
}

void check_settled(Room& room, const NodeList& nodes) {
  const UnixMillis now = nodes.front()->clock().now();
  const std::vector<CommitPtr> log = log_of(nodes.front()->store());
  std::set<CommitId> here;
  for (const CommitPtr& commit : log) here.insert(commit->id);
  for (SimNode* node : nodes) {
    node->check_kept();
    for (const CommitId& id : node->acked())
      if (!here.contains(id) && !sure(node->store().log().is_pending(id), "pending") &&
          !given_up(room, *node, id))
        throw Violation{"a commit acknowledged by " + node->name() +
                        " is missing: " + id.hex().substr(0, 8)};
  }
  const Hlc latest = latest_hlc(now);
  const bool deep = std::ranges::none_of(
      log, [&](const CommitPtr& commit) { return commit->header.hlc > latest; });
  const Picture first = picture_of(nodes.front()->store(), deep);
  for (SimNode* node : nodes) {
    check_destroyed(*node);
    for (const std::string& name : space_names())
      sure(node->store().records().verify(
               sure(node->store().log().space_row(*node->space(name)), "space")),
           (node->name() + " folds " + name + " again").c_str());
    same(first, picture_of(node->store(), deep), nodes.front()->name() + " and " + node->name());
    for (const std::string& name : space_names()) {
      const auto digest = [&](SimNode& of) {
        return sure(
            of.store().records().digest(sure(of.store().log().space_row(*of.space(name)), "space")),
            "digest");
      };
      if (digest(*nodes.front()) != digest(*node))
        throw Violation{"digests of " + name + " differ at " + node->name()};
    }
  }
  check_rights(nodes.front()->store(), log, latest);
  check_oracle(*nodes.front(), log, now);
  const FederationId federation = *nodes.front()->store().federation();
  same(first, folded_anew(log, federation, now, deep), "stored state and its log folded anew");
  auto shuffled = log;
  room.dice.shuffle(shuffled);
  same(first, folded_anew(shuffled, federation, now, deep), "stored state and any other order");
  const SimNode& last = *nodes.back();
  room.say("settled: " + std::to_string(log.size()) + " commits on " +
           std::to_string(nodes.size()) + " nodes, the last " + last.name());
  for (const auto& [space, state] : first.states) room.trace.mix(as_bytes(state));
}

}  // namespace maillon::sim
