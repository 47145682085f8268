#include <algorithm>
#include <ranges>

#include "node/sync/engine.hpp"
#include "proto/limits.hpp"

/// Which links carry the commits of a space as they come, and which announce them. A link is
/// without push when both sides can do without, so that those with push tend to a tree (Plumtree):
/// who receives a commit twice spares the later link, and who misses an announced one asks a link
/// that announced it. Where only one side can do without, it is spared what the other had before.
namespace maillon::sync {
namespace {

constexpr std::size_t kBulkBytes = 32u << 10;  ///< new in a tick: others are delivering a backlog
constexpr std::size_t kCameMax = 32768;        ///< what a window holds of the smallest

}  // namespace

bool Engine::pushed_by_another(SessionId id, const SpaceId& space) const {
  return std::ranges::any_of(sessions_, [&](const auto& entry) {
    const auto found = entry.second.lanes.find(space);
    if (entry.first == id || found == entry.second.lanes.end()) return false;
    const Lane& lane = found->second;
    // Whom we spare may spare us as well: until the lane has started, we cannot know.
    return lane.opened && lane.pushes() && (lane.started || !lane.spared);
  });
}

/// Before they learn what we have, and with it what to send: with several links at once, a backlog
/// is to come over one.
void Engine::open_lane(SessionId id, const SpaceId& space, Lane& lane) {
  if (!std::exchange(lane.opened, true)) spare(id, space, lane);
}

void Engine::spare(SessionId id, const SpaceId& space, Lane& lane) {
  if (lane.spared || !pushed_by_another(id, space)) return;
  lane.spared = true;
  send(id, encode(Push{space, false}), true);
}

/// Asks for push, from what our tips tell on.
void Engine::ask(SessionId id, Session& s, const SpaceId& space, Lane& lane) {
  inflow_[space].asked = clock_.now();
  if (!lane.missing.empty()) {
    const bool kept = !lane.promised || store_.place(*lane.promised);
    lane.patience = kept ? kPatience : std::min<UnixMillis>(2 * lane.patience, kRound);
    lane.promised = lane.missing.begin()->first;
    lane.missing.clear();
  }
  lane.spared = false;
  send(id, encode(Push{space, true}), true);
  send_tips(id, s, space, lane);
  pump(id, s);
}

/// Asks a link for push when none is left that has it.
void Engine::keep_one(const SpaceId& space) {
  SessionId best = 0;
  Lane* found = nullptr;
  for (auto& [id, s] : sessions_) {
    const auto lane = s.lanes.find(space);
    if (lane == s.lanes.end() || !lane->second.opened) continue;
    if (lane->second.pushes()) return;
    if (found != nullptr && (lane->second.missing.empty() || !found->missing.empty())) continue;
    best = id;
    found = &lane->second;
  }
  if (found != nullptr) ask(best, sessions_.at(best), space, *found);
}

void Engine::part(SessionId id) {
  const auto gone = sessions_.extract(id);
  if (gone.empty()) return;
  for (const auto& [token, submit] : gone.mapped().submits) answered(submit);
  for (const auto& [space, lane] : gone.mapped().lanes)
    if (lane.opened) keep_one(space);
}

void Engine::answered(const Session::Submitted& submit) {
  for (const CommitId& commit : submit.commits)
    if (const auto at = under_way_.find(commit); --at->second == 0) under_way_.erase(at);
}

void Engine::on_push(SessionId id, Session& s, const Push& push) {
  if (!may_share(s, push.space)) return;
  Lane& lane = s.lanes[push.space];
  lane.spares = !push.wanted;
  lane.granted = push.wanted;
  // What they got twice we would get twice as well, unless this link is our only one.
  if (lane.opened && lane.spares) spare(id, push.space, lane);
  keep_one(push.space);
  pump(id, s);
}

/// They have this commit, or say so.
void Engine::they_have(Lane& lane, const CommitId& id, const std::optional<Place>& place) {
  if (place && place->log <= lane.cursor) return;
  if (lane.came.size() < kCameMax) lane.came.insert(id);
}

void Engine::hear_of(Lane& lane, const CommitId& id) {
  const auto place = store_.place(id);
  they_have(lane, id, place);
  if (!place && !under_way_.contains(id) && lane.missing.size() < limits::kAnnouncedMax)
    lane.missing.try_emplace(id, clock_.now());
}

/// The newest commit of each feed that they may lack and were not told of.
std::vector<CommitId> Engine::news(const SpaceId& space, Lane& lane) {
  const std::int64_t end = store_.last_log();
  if (lane.cursor >= end) return {};
  std::map<Feed, CommitId> newest;
  bool full = false;
  store_.scan(space, lane.cursor, [&](const Place& place) {
    const Feed feed{place.feed.node, place.feed.incarnation};
    full = newest.size() == limits::kAnnouncedMax && !newest.contains(feed);
    if (full) return false;
    lane.cursor = place.log;
    if (lacks(lane, place)) newest.insert_or_assign(feed, place.id);
    lane.came.erase(place.id);
    return true;
  });
  if (!full) lane.cursor = std::max(lane.cursor, end);
  std::vector<CommitId> out;
  for (const auto& [feed, id] : newest) out.push_back(id);
  return out;
}

void Engine::announce(SessionId id, Session& s, const SpaceId& space, Lane& lane) {
  auto ids = news(space, lane);
  if (!ids.empty() || lane.told != store_.frontier(space))
    tell(id, s, space, lane, false, std::move(ids));
}

bool Engine::storing(const SpaceId& space) const {
  return std::ranges::any_of(sessions_, [&](const auto& entry) {
    return std::ranges::any_of(entry.second.submits, [&](const auto& submit) {
      return submit.second.spaces.contains(space);
    });
  });
}

/// Where announced commits do not come, asks a link for push: the one that has been waited for
/// longest. One at a time, so that who announces what it does not have costs a second and no more.
void Engine::chase(UnixMillis now) {
  struct Late {
    UnixMillis due{};
    SessionId id = 0;
  };
  std::map<SpaceId, Late> late;
  for (auto& [id, s] : sessions_)
    for (auto& [space, lane] : s.lanes) {
      std::erase_if(lane.missing, [&](const auto& entry) {
        return under_way_.contains(entry.first) || store_.place(entry.first);
      });
      if (lane.missing.empty()) continue;
      // A backlog on its way is waited for; for so long at most, lest a trickle hides something.
      const bool busy = inflow_[space].fresh_bytes >= kBulkBytes || storing(space);
      const auto since = std::ranges::min(std::views::values(lane.missing));
      // Heard before the clock was set back: it has waited.
      const UnixMillis due =
          since > now ? now : since + (busy ? UnixMillis{kRound} : lane.patience);
      const auto [at, first] = late.try_emplace(space, Late{due, id});
      if (!first && due < at->second.due) at->second = {due, id};
    }
  for (const auto& [space, lane] : late)
    if (now >= lane.due && went_by(inflow_[space].asked, now, kPatience)) {
      Session& s = sessions_.at(lane.id);
      ask(lane.id, s, space, s.lanes.at(space));
    }
  for (auto& [space, in] : inflow_) in.fresh_bytes = 0;
}

}  // namespace maillon::sync
