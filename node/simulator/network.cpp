#include "node/simulator/network.hpp"

#include <algorithm>

namespace maillon::sim {
namespace {

constexpr std::int64_t kResend = 200;
constexpr std::int64_t kStalledMax = 90'000;  ///< what an idle connection is given before it is cut

}  // namespace

std::int64_t Network::latency(int a, int b) {
  const Conditions& usual = room_.conditions;
  const auto found = qualities_.find(std::minmax(a, b));
  const Quality quality = found != qualities_.end()
                              ? found->second
                              : Quality{usual.latency_min, usual.latency_max, usual.loss};
  std::int64_t out = room_.dice.between(quality.latency_min, quality.latency_max);
  // What is lost is sent again, as TCP does.
  for (std::int64_t wait = kResend; quality.loss > 0 && room_.dice.chance(quality.loss); wait *= 2)
    out += wait + quality.latency_max;
  return out;
}

void Network::link(int a, int b) {
  if (a != b) links_.insert(std::minmax(a, b));
}

void Network::link(int a, int b, const Quality& quality) {
  link(a, b);
  qualities_[std::minmax(a, b)] = quality;
}

Network::Connection* Network::find(std::uint64_t id) {
  const auto found = connections_.find(id);
  return found == connections_.end() ? nullptr : &found->second;
}

std::pair<Network::Connection*, int> Network::of_session(int node, SessionId session) {
  const auto found = sessions_.find({node, session});
  if (found == sessions_.end()) return {nullptr, 0};
  return {find(found->second.first), found->second.second};
}

void Network::redial() {
  std::map<Path, int> standing;
  std::vector<std::uint64_t> stale;
  for (auto& [id, c] : connections_) {
    if (!c.cut) ++standing[std::minmax(c.sides[0].node, c.sides[1].node)];
    if (c.stalled_since >= 0 && room_.schedule.now() - c.stalled_since > kStalledMax)
      stale.push_back(id);
  }
  for (const std::uint64_t id : stale)
    if (Connection* c = find(id)) cut(*c);
  for (const Path& path : links_) {
    const int wanted = room_.dice.chance(room_.conditions.double_links) ? 2 : 1;
    if (standing[path] >= wanted || !room_.dice.chance(500)) continue;
    if (room_.dice.chance(500))
      connect(path.first, path.second);
    else
      connect(path.second, path.first);
  }
}

void Network::connect(int a, int b) {
  const auto& nodes = nodes_;
  const auto at = [&](int i) -> SimNode& { return *nodes[static_cast<std::size_t>(i)]; };
  if (!at(a).up() || !at(b).up()) return;
  if (blocked_.contains({a, b}) || blocked_.contains({b, a})) return;
  if (!at(a).accepts(at(b)) || !at(b).accepts(at(a))) return;
  const std::uint64_t id = next_++;
  Connection& c = connections_[id];
  c.id = id;
  c.sides[0].node = a;
  c.sides[1].node = b;
  const std::int64_t handshake = 2 * latency(a, b);
  const std::int64_t second = handshake + latency(a, b);
  c.sides[0].out.last_arrival = room_.schedule.now() + second;
  c.sides[1].out.last_arrival = room_.schedule.now() + second;
  room_.schedule.in(handshake, [this, id] { greet(id, 0); });
  room_.schedule.in(second, [this, id] { greet(id, 1); });
}

void Network::greet(std::uint64_t id, int side) {
  Connection* c = find(id);
  if (c == nullptr || c->cut) return;
  Side& here = c->sides[static_cast<std::size_t>(side)];
  const Side& there = c->sides[static_cast<std::size_t>(1 - side)];
  SimNode& node = *nodes_[static_cast<std::size_t>(here.node)];
  ++room_.stats.sessions;
  here.session = node.open(*nodes_[static_cast<std::size_t>(there.node)]);
  here.open = true;
  sessions_[{here.node, here.session}] = {id, side};
  room_.say(node.name() + " opens session " + std::to_string(here.session) + " with node " +
            std::to_string(there.node));
  node.drain();
}

void Network::send(int node, SessionId session, Bytes message, bool urgent) {
  const auto [c, side] = of_session(node, session);
  if (c == nullptr || c->cut) return;
  ++room_.stats.messages;
  room_.stats.bytes += message.size();
  Pipe& pipe = c->sides[static_cast<std::size_t>(side)].out;
  count(*c, side, message);
  pipe.queued += message.size();
  (urgent ? pipe.urgent : pipe.bulk).push_back(std::move(message));
  note_congestion(*c, side);
  if (!pipe.sending) pump(c->id, side);
}

/// A sender must not have more under way than the window and one message beyond it.
void Network::count(Connection& c, int side, ByteView message) {
  const auto kind = sure(kind_of(message), "kind of message");
  Pipe& pipe = c.sides[static_cast<std::size_t>(side)].out;
  if (kind != MessageKind::commits) return;
  const NodeId& sender =
      nodes_[static_cast<std::size_t>(c.sides[static_cast<std::size_t>(side)].node)]->who().node;
  if (pipe.commits_sent - pipe.commits_acked >= limits::kWindowBytes &&
      !room_.feeds.excused(sender))
    throw Violation{"a session sends beyond its window"};
  pipe.commits_sent += message.size();
  if (room_.trace.verbose())
    room_.say("node " + std::to_string(c.sides[static_cast<std::size_t>(side)].node) + " sends " +
              std::to_string(message.size()) + " bytes of commits to node " +
              std::to_string(c.sides[static_cast<std::size_t>(1 - side)].node));
  const NodeId& receiver =
      nodes_[static_cast<std::size_t>(c.sides[static_cast<std::size_t>(1 - side)].node)]->who().node;
  if (!room_.feeds.excused(sender) && !room_.feeds.excused(receiver))
    commit_bytes_ += message.size();
}

void Network::pump(std::uint64_t id, int side) {
  Connection* c = find(id);
  if (c == nullptr || c->cut) return;
  Pipe& pipe = c->sides[static_cast<std::size_t>(side)].out;
  pipe.sending = false;
  auto& from = pipe.urgent.empty() ? pipe.bulk : pipe.urgent;
  if (from.empty()) return;
  Bytes message = std::move(from.front());
  from.pop_front();
  pipe.sending = true;
  const std::int64_t rate = room_.conditions.bytes_per_ms;
  const std::int64_t takes = static_cast<std::int64_t>(message.size()) / rate;
  const std::int64_t now = room_.schedule.now();
  pipe.last_arrival =
      std::max(pipe.last_arrival, now + takes + latency(c->sides[0].node, c->sides[1].node));
  const std::size_t size = message.size();
  room_.schedule.in(pipe.last_arrival - now,
                    [this, id, side, bytes = std::move(message)]() mutable {
                      arrive(id, side, std::move(bytes));
                    });
  room_.schedule.in(takes, [this, id, side, size] {
    if (Connection* same = find(id)) {
      same->sides[static_cast<std::size_t>(side)].out.queued -= size;
      note_congestion(*same, side);
    }
    pump(id, side);
  });
}

void Network::note_congestion(Connection& c, int side) {
  Side& here = c.sides[static_cast<std::size_t>(side)];
  const bool full = here.out.queued > static_cast<std::size_t>(room_.conditions.congested_bytes);
  if (full == here.out.congested) return;
  here.out.congested = full;
  room_.schedule.in(0, [this, id = c.id, side, full] {
    Connection* same = find(id);
    if (same == nullptr || same->cut) return;
    const Side& end = same->sides[static_cast<std::size_t>(side)];
    if (end.open) nodes_[static_cast<std::size_t>(end.node)]->congested(end.session, full);
  });
}

void Network::arrive(std::uint64_t id, int side, Bytes message) {
  Connection* c = find(id);
  if (c == nullptr || c->cut) return;
  Pipe& pipe = c->sides[static_cast<std::size_t>(side)].out;
  const Path path{c->sides[static_cast<std::size_t>(side)].node,
                  c->sides[static_cast<std::size_t>(1 - side)].node};
  if (blocked_.contains(path) || !pipe.stalled.empty()) {
    if (c->stalled_since < 0) c->stalled_since = room_.schedule.now();
    pipe.stalled.push_back(std::move(message));
    return;
  }
  deliver(*c, side, std::move(message));
}

void Network::deliver(Connection& c, int side, Bytes message) {
  const Side& there = c.sides[static_cast<std::size_t>(1 - side)];
  if (!there.open) return;
  if (kind_of(message).value() == MessageKind::frontier)
    c.sides[static_cast<std::size_t>(1 - side)].out.commits_acked =
        sure(decode_frontier(message), "frontier").received_bytes;
  nodes_[static_cast<std::size_t>(there.node)]->message(there.session, message);
}

void Network::block(int from, int to, bool on) {
  if (on) {
    blocked_.insert({from, to});
    return;
  }
  blocked_.erase({from, to});
  std::vector<std::pair<std::uint64_t, int>> waiting;
  for (auto& [id, c] : connections_)
    for (int side : {0, 1})
      if (c.sides[static_cast<std::size_t>(side)].node == from &&
          c.sides[static_cast<std::size_t>(1 - side)].node == to)
        waiting.emplace_back(id, side);
  for (const auto& [id, side] : waiting)
    for (;;) {
      Connection* c = find(id);
      if (c == nullptr || c->cut) break;
      c->stalled_since = -1;
      auto& stalled = c->sides[static_cast<std::size_t>(side)].out.stalled;
      if (stalled.empty()) break;
      Bytes message = std::move(stalled.front());
      stalled.pop_front();
      deliver(*c, side, std::move(message));
    }
}

void Network::unblock_all() {
  const auto all = blocked_;
  for (const auto& [from, to] : all) block(from, to, false);
}

void Network::cut_one(Dice& dice) {
  std::vector<std::uint64_t> standing;
  for (const auto& [id, c] : connections_)
    if (!c.cut) standing.push_back(id);
  if (!standing.empty()) cut(*find(dice.pick(standing)));
}

void Network::cut(Connection& c) {
  if (c.cut) return;
  c.cut = true;
  room_.say("connection of " + std::to_string(c.sides[0].node) + " and " +
            std::to_string(c.sides[1].node) + " is cut");
  for (const int side : {0, 1})
    room_.schedule.in(room_.dice.between(0, 200),
                      [this, id = c.id, side] { close_side(id, side); });
}

void Network::close_side(std::uint64_t id, int side) {
  Connection* c = find(id);
  if (c == nullptr) return;
  Side& here = c->sides[static_cast<std::size_t>(side)];
  const int node = here.node;
  const SessionId session = here.session;
  const bool was_open = std::exchange(here.open, false);
  if (was_open) sessions_.erase({node, session});
  const bool last = !c->sides[static_cast<std::size_t>(1 - side)].open;
  if (last) forget(id);
  SimNode& owner = *nodes_[static_cast<std::size_t>(node)];
  if (was_open && owner.up()) owner.closed(session);
}

void Network::forget(std::uint64_t id) { connections_.erase(id); }

void Network::hang_up(int node, SessionId session) {
  const auto [c, side] = of_session(node, session);
  if (c == nullptr) return;
  sessions_.erase({node, session});
  c->sides[static_cast<std::size_t>(side)].open = false;
  const std::uint64_t id = c->id;
  cut(*c);
  room_.schedule.in(500, [this, id] { forget(id); });
}

void Network::died(int node) {
  for (auto& [id, c] : connections_)
    for (const int side : {0, 1}) {
      Side& here = c.sides[static_cast<std::size_t>(side)];
      if (here.node != node) continue;
      if (here.open) sessions_.erase({node, here.session});
      here.open = false;
      cut(c);
    }
}

}  // namespace maillon::sim
