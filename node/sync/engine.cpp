#include "node/sync/engine.hpp"

#include <algorithm>

#include "crypto/hash.hpp"
#include "proto/limits.hpp"

namespace maillon::sync {
namespace {

using namespace std::chrono_literals;

constexpr std::uint32_t kVersion = 1;
constexpr std::size_t kMessageBytes = 256u << 10;  ///< commits packed into one message
constexpr std::size_t kSmallBody = 4u << 10;       ///< below, a header is worth a difference
constexpr auto kQuiet = 2s;  ///< nothing changed for so long: a mismatch is real

std::size_t size_of(const SignedCommit& c) {
  return c.header.size() + c.signature.size() + c.body.size();
}

}  // namespace

Engine::Engine(SyncStore& store, Clock& clock, EngineOptions options)
    : store_(store), clock_(clock), options_(std::move(options)) {}

std::vector<Action> Engine::take_actions() { return std::exchange(actions_, {}); }

void Engine::send(SessionId id, Bytes message, bool urgent) {
  actions_.push_back(SendMessage{id, std::move(message), urgent});
}

void Engine::fail(SessionId id, std::string why, bool misbehaved) {
  actions_.push_back(CloseSession{id, std::move(why), misbehaved});
  part(id);
}

SessionId Engine::open(const NodeId& peer, const MemberId& member) {
  const SessionId id = next_session_++;
  Session& s =
      sessions_
          .emplace(id, Session{peer, member, false, false, {}, {}, {}, {}, 0, 0, 0, 0, {},
                               std::nullopt, 0, 0})
          .first->second;
  Hello hello;
  hello.version = kVersion;
  hello.software = options_.software;
  hello.clock_ms = static_cast<std::uint64_t>(clock_.now().count());
  hello.urls = options_.urls;
  for (const SpaceId& space : spaces_of(s)) {
    const Digest mine = store_.frontier(space);
    const auto agreed = store_.agreed(peer, space);
    hello.spaces.push_back({space, mine, agreed ? std::optional{agreed->frontier} : std::nullopt});
    s.lanes[space].told = mine;
  }
  for (const SpaceId& space : store_.unwanted())
    hello.spaces.push_back({space, Digest::zero(), std::nullopt});
  send(id, encode(hello), true);
  return id;
}

void Engine::closed(SessionId id) {
  const auto found = sessions_.find(id);
  if (found == sessions_.end()) return;
  for (auto& [space, lane] : found->second.lanes) agree(found->second, space, lane);
  part(id);
}

bool Engine::may_share(const Session& s, const SpaceId& space) const {
  const auto spaces = spaces_of(s);
  return std::ranges::find(spaces, space) != spaces.end();
}

std::vector<SpaceId> Engine::spaces_of(const Session& s) const {
  std::vector<SpaceId> out;
  if (const auto annuaire = store_.annuaire()) out.push_back(*annuaire);
  for (const SpaceId& space : store_.shared_with(s.member))
    if (!s.unwanted.contains(space)) out.push_back(space);
  return out;
}

bool Engine::annuaire_settled(const Session& s) {
  const auto annuaire = store_.annuaire();
  if (!annuaire) return false;
  const auto lane = s.lanes.find(*annuaire);
  return lane != s.lanes.end() && lane->second.started;
}

void Engine::on_message(SessionId id, ByteView message) {
  const auto found = sessions_.find(id);
  if (found != sessions_.end()) handle(id, found->second, message);
}

void Engine::handle(SessionId id, Session& s, ByteView message) {
  const auto kind = kind_of(message);
  const auto bad = [&](const Error& error) { fail(id, error.detail, true); };
  if (!kind) return bad(kind.error());
  if (!s.greeted && *kind != MessageKind::hello) return fail(id, "spoke before hello", true);
  const auto with = [&](auto decoded, auto&& use) {
    if (decoded)
      use(*std::move(decoded));
    else
      bad(decoded.error());
  };
  switch (*kind) {
    case MessageKind::hello:
      return with(decode_hello(message), [&](const Hello& m) { on_hello(id, s, m); });
    case MessageKind::tips:
      return with(decode_tips(message), [&](const Tips& m) { on_tips(id, s, m); });
    case MessageKind::want:
      return with(decode_want(message), [&](const Want& m) { on_want(id, s, m); });
    case MessageKind::commits:
      return with(decode_commits(message),
                  [&](Commits m) { on_commits(id, s, std::move(m), message.size()); });
    case MessageKind::frontier:
      return with(decode_frontier(message), [&](const Frontier& m) { on_frontier(id, s, m); });
    case MessageKind::push:
      return with(decode_push(message), [&](const Push& m) { on_push(id, s, m); });
    case MessageKind::join_request:
    case MessageKind::join_reply:
      return fail(id, "asked to join in a session of members", true);
  }
}

void Engine::on_hello(SessionId id, Session& s, const Hello& hello) {
  if (s.greeted) return fail(id, "said hello twice", true);
  if (hello.version != kVersion)
    return fail(id, "speaks version " + std::to_string(hello.version) + " of the protocol", false);
  s.greeted = true;
  s.clock_offset_ms = static_cast<std::int64_t>(hello.clock_ms) - clock_.now().count();
  for (const SpaceState& state : hello.spaces) {
    if (!may_share(s, state.space)) continue;
    if (state.frontier.is_zero() && state.space != store_.annuaire()) {
      s.unwanted.insert(state.space);
      s.lanes.erase(state.space);
      continue;
    }
    Lane& lane = s.lanes[state.space];
    lane.theirs = state.frontier;
    lane.remembered = state.remembered;
  }
  if (const auto annuaire = store_.annuaire()) compare(id, s, *annuaire, false);
  if (sessions_.contains(id) && annuaire_settled(s)) compare_all(id, s);
}

void Engine::compare_all(SessionId id, Session& s) {
  for (const SpaceId& space : spaces_of(s)) {
    Lane& lane = s.lanes[space];
    // A space that hello could not name yet: the other side compares when it hears of it.
    if (!lane.told) tell(id, s, space, lane, false);
    if (lane.theirs) compare(id, s, space, false);
  }
  pump(id, s);
}

void Engine::compare(SessionId id, Session& s, const SpaceId& space, bool may_repeat) {
  Lane& lane = s.lanes[space];
  if (!lane.theirs) return;
  open_lane(id, space, lane);
  if (*lane.theirs == store_.frontier(space)) {
    if (!lane.started) start(space, lane, store_.last_log(), store_.last_log());
    return;
  }
  if (may_repeat || (!lane.started && !lane.tips_sent)) send_tips(id, s, space, lane);
}

void Engine::send_tips(SessionId id, Session& s, const SpaceId& space, Lane& lane) {
  Tips tips;
  tips.space = space;
  std::int64_t after = 0;
  const auto agreed = store_.agreed(s.peer, space);
  if (!lane.tips_sent && agreed && lane.remembered == agreed->frontier) {
    tips.since = agreed->frontier;
    after = agreed->log;
  }
  tips.tips = store_.tips(space, after);
  lane.tips_sent = true;
  send(id, encode(tips), true);
}

void Engine::on_tips(SessionId id, Session& s, const Tips& tips) {
  if (!may_share(s, tips.space)) return;
  Lane& lane = s.lanes[tips.space];
  open_lane(id, tips.space, lane);
  if (!lane.tips_sent) send_tips(id, s, tips.space, lane);
  lane.repeated = lane.started && !std::exchange(lane.granted, false);
  learn(id, s, tips.space, lane, tips);
  if (annuaire_settled(s)) compare_all(id, s);
  pump(id, s);
}

void Engine::start(const SpaceId&, Lane& lane, std::int64_t base, std::int64_t cursor) {
  lane.started = true;
  lane.base = base;
  lane.cursor = cursor;
  lane.snapshot = store_.last_log();
}

void Engine::learn(SessionId id, Session& s, const SpaceId& space, Lane& lane, const Tips& tips) {
  std::int64_t base = 0;
  if (tips.since) {
    const auto agreed = store_.agreed(s.peer, space);
    if (!agreed || agreed->frontier != *tips.since) {
      lane.tips_sent = false;  // We no longer remember that: ask for everything.
      lane.remembered.reset();
      return send_tips(id, s, space, lane);
    }
    base = agreed->log;
  }
  std::map<Feed, std::vector<Tip>> theirs;
  for (const Tip& tip : tips.tips) theirs[{tip.node, tip.incarnation}].push_back(tip);
  std::map<Feed, std::vector<Tip>> ours;
  for (const Tip& tip : store_.tips(space, 0)) ours[{tip.node, tip.incarnation}].push_back(tip);
  lane.has.clear();
  lane.owed.clear();
  lane.forked.clear();
  for (const auto& [feed, list] : theirs) {
    const auto mine = ours.find(feed);
    std::uint64_t longest = 0;
    if (mine != ours.end())
      for (const Tip& tip : mine->second) longest = std::max(longest, tip.seq);
    bool fork = list.size() > 1 || (mine != ours.end() && mine->second.size() > 1);
    for (const Tip& tip : list) {
      lane.has[feed] = std::max(lane.has[feed], tip.seq);
      if (store_.place(tip.commit) || tip.seq > longest) continue;
      // They hold another branch than ours: ask for it with a falling sample of what we have.
      fork = true;
      Want want{space, tip, {}};
      const auto all = store_.feed({space, feed.first, feed.second});
      for (std::size_t back = 1; back <= all.size(); back *= 2) {
        const Place& at = all[all.size() - back];
        want.have.push_back({feed.first, feed.second, at.seq, at.id});
      }
      send(id, encode(want), true);
    }
    if (fork) learn_forked(space, lane, feed, list, 0);
  }
  std::int64_t cursor = store_.last_log();
  for (const auto& [feed, list] : ours) {
    // One number cannot say how much of two branches they have got.
    if (list.size() > 1 && !theirs.contains(feed)) learn_forked(space, lane, feed, {}, base);
    if (lane.forked.contains(feed)) continue;
    const auto has = lane.has.find(feed);
    if (has == lane.has.end() && base > 0) {
      cursor = std::min(cursor, base);
      continue;
    }
    const std::uint64_t from = has == lane.has.end() ? 1 : has->second + 1;
    if (const auto first = store_.first_from({space, feed.first, feed.second}, from))
      cursor = std::min(cursor, first->log - 1);
  }
  if (!lane.owed.empty()) cursor = std::min(cursor, *lane.owed.begin() - 1);
  start(space, lane, base, cursor);
}

void Engine::learn_forked(const SpaceId& space, Lane& lane, const Feed& feed,
                          std::span<const Tip> theirs, std::int64_t base) {
  lane.forked.insert(feed);
  std::set<std::int64_t> known;
  for (const Tip& tip : theirs)
    for (auto at = store_.place(tip.commit); at && known.insert(at->log).second;)
      at = store_.before(*at);
  for (const Place& place : store_.feed({space, feed.first, feed.second}))
    if (place.log > base && !known.contains(place.log)) lane.owed.insert(place.log);
}

void Engine::on_want(SessionId id, Session& s, const Want& want) {
  if (!may_share(s, want.space)) return;
  Lane& lane = s.lanes[want.space];
  std::set<CommitId> have;
  for (const Tip& tip : want.have) have.insert(tip.commit);
  lane.forked.insert({want.tip.node, want.tip.incarnation});
  for (auto at = store_.place(want.tip.commit); at && !have.contains(at->id);) {
    if (at->feed.space != want.space) break;
    lane.owed.insert(at->log);
    lane.cursor = std::min(lane.cursor, at->log - 1);
    at = store_.before(*at);
  }
  pump(id, s);
}

void Engine::on_commits(SessionId id, Session& s, Commits commits, std::size_t size) {
  Submit submit{id, next_token_++, {}};
  Session::Submitted& submitted = s.submits[submit.token];
  submitted.bytes = size;
  std::set<SpaceId> repeated;
  s.received_bytes += size;
  for (WireCommit& wire : commits.commits) {
    auto header = s.received.unpack(wire);
    // A header of a later version is nobody's fault: this node needs an upgrade.
    if (!header) return fail(id, header.error().detail, header.error().code != Errc::newer_version);
    const auto parsed = decode_header(*header);
    if (!parsed) return fail(id, parsed.error().detail, true);
    if (!may_share(s, parsed->space)) return fail(id, "sent commits of a space not shared", false);
    Lane& lane = s.lanes[parsed->space];
    const CommitId commit = *CommitId::from_bytes(crypto::hash(*header).bytes());
    const auto place = store_.place(commit);
    if (under_way_[commit]++ == 0 && !place)
      inflow_[parsed->space].fresh_bytes += header->size() + wire.body.size();
    else
      repeated.insert(parsed->space);
    submitted.commits.push_back(commit);
    they_have(lane, commit, place);
    auto& has = lane.has[{parsed->node, parsed->incarnation}];
    has = std::max(has, parsed->seq);
    submitted.spaces.insert(parsed->space);
    submit.commits.push_back({*std::move(header), std::move(wire.signature), std::move(wire.body)});
  }
  s.commits_received += submit.commits.size();
  actions_.push_back(std::move(submit));
  for (const SpaceId& space : repeated) spare(id, space, s.lanes[space]);
}

void Engine::on_stored(SessionId id, std::uint64_t token, const StoreResult& result) {
  const auto found = sessions_.find(id);
  if (found == sessions_.end()) return;
  Session& s = found->second;
  const auto submit = s.submits.extract(token);
  if (submit.empty()) return;
  answered(submit.mapped());
  if (result.misbehaved) return fail(id, *result.misbehaved, true);
  if (result.failed) return fail(id, "cannot store what it sends", false);
  s.stored_bytes += submit.mapped().bytes;
  for (const SpaceId& space : submit.mapped().spaces) {
    Lane& lane = s.lanes[space];
    tell(id, s, space, lane, false);
    compare(id, s, space, false);
  }
  if (annuaire_settled(s)) compare_all(id, s);
}

void Engine::on_frontier(SessionId id, Session& s, const Frontier& frontier) {
  if (frontier.received_bytes < s.acked_bytes || frontier.received_bytes > s.sent_bytes)
    return fail(id, "acknowledged what was not sent", true);
  s.acked_bytes = frontier.received_bytes;
  s.unwanted.erase(frontier.space);
  if (may_share(s, frontier.space)) {
    Lane& lane = s.lanes[frontier.space];
    lane.theirs = frontier.frontier;
    lane.held = frontier.held;
    for (const CommitId& commit : frontier.announced) hear_of(lane, commit);
    if (frontier.reply) tell(id, s, frontier.space, lane, false);
    const bool is_annuaire = store_.annuaire() == frontier.space;
    if (is_annuaire || annuaire_settled(s)) compare(id, s, frontier.space, false);
    if (is_annuaire && annuaire_settled(s)) compare_all(id, s);
  }
  pump(id, s);
}

void Engine::tell(SessionId id, Session& s, const SpaceId& space, Lane& lane, bool reply) {
  const bool announces = lane.started && !lane.pushes();
  tell(id, s, space, lane, reply, announces ? news(space, lane) : std::vector<CommitId>{});
}

void Engine::tell(SessionId id, Session& s, const SpaceId& space, Lane& lane, bool reply,
                  std::vector<CommitId> announced) {
  const Digest mine = store_.frontier(space);
  lane.told = mine;
  send(id,
       encode(
           Frontier{space, mine, s.stored_bytes, reply, store_.held(space), std::move(announced)}),
       true);
}

bool Engine::lacks(Lane& lane, const Place& place) const {
  if (lane.owed.contains(place.log)) return true;
  const Feed feed{place.feed.node, place.feed.incarnation};
  const bool fresh = place.log > lane.snapshot;
  if (lane.came.contains(place.id)) return false;
  if (lane.forked.contains(feed)) return fresh;
  const auto has = lane.has.find(feed);
  if (has != lane.has.end()) return place.seq > has->second;
  return fresh || place.log > lane.base;
}

void Engine::pump(SessionId id, Session& s) {
  if (!s.greeted) return;
  for (const SpaceId& space : spaces_of(s)) {
    Lane& lane = s.lanes[space];
    if (!lane.started || !lane.pushes()) continue;
    if ((lane.spares || lane.repeated) && lane.cursor < lane.snapshot) announce(id, s, space, lane);
    while (pump_lane(id, s, space, lane)) {
    }
  }
}

bool Engine::pump_lane(SessionId id, Session& s, const SpaceId& space, Lane& lane) {
  const std::int64_t end = store_.last_log();
  if (lane.cursor >= end) return false;
  if (s.congested || s.sent_bytes - s.acked_bytes >= limits::kWindowBytes) return false;
  Commits out;
  std::size_t size = 0;
  bool full = false;
  std::vector<Place> places;
  store_.scan(space, lane.cursor, [&](const Place& place) {
    lane.cursor = place.log;
    if (lacks(lane, place)) places.push_back(place);
    lane.owed.erase(place.log);
    lane.came.erase(place.id);
    if (places.empty() || places.back().log != place.log) return true;
    const SignedCommit bytes = store_.bytes(place);
    WireCommit wire;
    s.sent.pack(bytes.header, place.feed, bytes.body.size() < kSmallBody, wire);
    wire.signature = bytes.signature;
    wire.body = bytes.body;
    size += size_of(bytes);
    out.commits.push_back(std::move(wire));
    auto& has = lane.has[{place.feed.node, place.feed.incarnation}];
    has = std::max(has, place.seq);
    full = size >= kMessageBytes;
    return !full;
  });
  // What other spaces wrote meanwhile need not be passed over again.
  if (!full) lane.cursor = std::max(lane.cursor, end);
  if (out.commits.empty()) return false;
  s.commits_sent += out.commits.size();
  Bytes message = encode(out);
  s.sent_bytes += message.size();
  send(id, std::move(message), false);
  return full;
}

void Engine::on_changed() {
  for (auto& [id, s] : sessions_) {
    if (!s.greeted) continue;
    if (annuaire_settled(s))
      for (const SpaceId& space : spaces_of(s))
        if (Lane& lane = s.lanes[space]; !lane.told) tell(id, s, space, lane, true);
    pump(id, s);
  }
}

void Engine::set_congested(SessionId id, bool congested) {
  const auto found = sessions_.find(id);
  if (found == sessions_.end()) return;
  found->second.congested = congested;
  if (!congested) pump(id, found->second);
}

bool Engine::idle(const Session& s) const {
  return s.greeted && s.submits.empty() && s.sent_bytes == s.acked_bytes;
}

void Engine::on_tick() {
  const UnixMillis now = clock_.now();
  const bool round = went_by(last_round_, now, kRound);
  if (round) last_round_ = now;
  for (auto& [id, s] : sessions_)
    for (const SpaceId& space : spaces_of(s))
      if (Lane& lane = s.lanes[space]; lane.started && !lane.pushes()) announce(id, s, space, lane);
  chase(now);
  for (auto& [id, s] : sessions_) {
    if (!idle(s)) continue;
    for (const SpaceId& space : spaces_of(s)) {
      Lane& lane = s.lanes[space];
      agree(s, space, lane);
      reconcile(id, s, space, lane, round);
    }
  }
}

/// Anti-entropy: whatever was pushed or announced, two sides that stay different compare anew.
void Engine::reconcile(SessionId id, Session& s, const SpaceId& space, Lane& lane, bool round) {
  const UnixMillis now = clock_.now();
  const Digest mine = store_.frontier(space);
  const bool differ = lane.theirs && *lane.theirs != mine;
  if (const auto both = std::pair{lane.theirs, mine}; lane.compared != both) {
    lane.compared = both;
    lane.quiet_since = now;
    lane.asked = false;
  }
  // Where commits come all the time the two are never quiet, and seldom equal.
  const bool long_different = round && std::exchange(lane.differed, differ) && differ;
  const bool quiet = differ && went_by(lane.quiet_since, now, kQuiet);
  if (quiet) lane.quiet_since = now;
  if ((long_different || (quiet && lane.asked)) && (lane.started || lane.tips_sent)) {
    compare(id, s, space, /*may_repeat=*/true);
  } else if (round || quiet) {
    // They may have got from others what we know of: what they said last is outdated.
    lane.asked = true;
    tell(id, s, space, lane, true);
  }
}

void Engine::probe() {
  for (auto& [id, s] : sessions_) {
    if (!s.greeted) continue;
    for (const SpaceId& space : spaces_of(s)) {
      Lane& lane = s.lanes[space];
      lane.theirs.reset();  // What they said before the question is no answer to it.
      tell(id, s, space, lane, true);
    }
  }
}

void Engine::agree(Session& s, const SpaceId& space, Lane& lane) {
  if (!lane.theirs || lane.theirs == lane.agreed || *lane.theirs != store_.frontier(space)) return;
  lane.agreed = lane.theirs;
  const auto known = store_.agreed(s.peer, space);
  if (known && known->frontier == *lane.theirs) return;
  actions_.push_back(Remember{s.peer, space, {*lane.theirs, store_.last_log()}});
}

std::vector<std::pair<SessionId, SessionView>> Engine::sessions() const {
  std::vector<std::pair<SessionId, SessionView>> out;
  for (const auto& [id, s] : sessions_) {
    SessionView view;
    view.peer = s.peer;
    view.commits_received = s.commits_received;
    view.commits_sent = s.commits_sent;
    view.clock_offset_ms = s.clock_offset_ms;
    for (const auto& [space, lane] : s.lanes) {
      view.pushing += lane.opened && lane.pushes() ? 1 : 0;
      view.missing += lane.missing.size();
    }
    // What one of both has lost the right to read meanwhile is exchanged no more.
    const auto shared = spaces_of(s);
    view.in_sync =
        s.greeted && !s.lanes.empty() && std::ranges::all_of(s.lanes, [&](const auto& entry) {
          const auto& [space, lane] = entry;
          if (std::ranges::find(shared, space) == shared.end()) return true;
          return lane.theirs == store_.frontier(space) && lane.held == store_.held(space);
        });
    out.emplace_back(id, view);
  }
  return out;
}

bool Engine::all_in_sync() {
  return std::ranges::all_of(sessions(), [](const auto& entry) { return entry.second.in_sync; });
}

}  // namespace maillon::sync
