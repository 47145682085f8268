#include <algorithm>

#include "node/peers/peer_impl.hpp"

/// What a person or a command asks of the live side, and waits for.
namespace maillon::peers {

using namespace std::chrono_literals;

namespace {
constexpr auto kPoll = 10ms;  ///< for what moves no session: a dial that failed, the end
}

bool PeerService::Impl::await(std::chrono::steady_clock::time_point until,
                              const std::function<bool()>& settled) {
  for (;;) {
    const std::uint64_t before = [this] {
      const std::lock_guard guard{mutex_};
      return moves_;
    }();
    if (settled()) return true;
    if (stopping_ || std::chrono::steady_clock::now() >= until) return false;
    std::unique_lock lock{mutex_};
    moved_.wait_for(lock, kPoll, [&] { return moves_ != before; });
  }
}

std::vector<PeerState> PeerService::Impl::peers() {
  return ask<std::vector<PeerState>>(
      [this] {
        std::vector<PeerState> out;
        if (!engine_) return out;
        const auto trust = replica_.trust();
        std::set<NodeId> connected;
        std::map<sync::SessionId, bool> in_sync;
        for (const auto& [id, seen] : engine_->sessions()) in_sync[id] = seen.in_sync;
        for (auto& [key, peer] : peers_) {
          if (!peer.session) continue;
          PeerState state;
          state.node = peer.connection->peer().node;
          if (const auto* member = trust->member_of(*state.node)) state.name = member->name;
          state.address = peer.connection->address();
          state.state = "connected";
          state.in_sync = in_sync[*peer.session];
          state.last_sync = peer.last_sync;
          state.sent_bytes = peer.connection->sent_bytes();
          state.received_bytes = peer.connection->received_bytes();
          connected.insert(*state.node);
          out.push_back(std::move(state));
        }
        if (!dialler_) return out;
        for (const auto& status : dialler_->status()) {
          const auto target = targets_.find(status.url);
          const auto node = status.node                ? status.node
                            : target == targets_.end() ? std::nullopt
                                                       : target->second;
          if (status.state == net::Dialler::State::connected || (node && connected.contains(*node)))
            continue;
          PeerState state;
          state.node = node;
          if (node)
            if (const auto* member = trust->member_of(*node)) state.name = member->name;
          state.address = status.url;
          state.state = status.state == net::Dialler::State::connecting ? "connecting" : "waiting";
          state.why = Error{status.code, status.error, status.error_fr};
          out.push_back(std::move(state));
        }
        return out;
      },
      {});
}

SyncOutcome PeerService::Impl::sync(std::chrono::milliseconds wait) {
  const auto until = std::chrono::steady_clock::now() + wait;
  (void)ask<bool>(
      [this] {
        if (!engine_) return false;
        update_targets();
        if (dialler_) dialler_->retry_now();
        engine_->probe();
        after_engine();
        return true;
      },
      false);
  SyncOutcome out;
  (void)await(until, [&] {
    bool dialling = false;
    out = ask<SyncOutcome>(
        [this, &dialling] {
          if (dialler_)
            for (const auto& status : dialler_->status())
              dialling |= status.state == net::Dialler::State::connecting;
          SyncOutcome now;
          if (!engine_) return now;
          now.connected = sessions_.size();
          now.disk_full = disk_full_;
          now.converged = !sessions_.empty() && engine_->all_in_sync();
          return now;
        },
        {});
    return out.converged && !dialling;
  });
  return out;
}

void PeerService::Impl::hear_own_tips(std::chrono::milliseconds wait) {
  const auto until = std::chrono::steady_clock::now() + wait;
  const auto somebody = [this] {
    return ask<bool>([this] { return !targets_.empty() || !sessions_.empty(); }, false);
  };
  (void)await(until, [&] {
    if (heard_ || !somebody()) return true;
    return ask<bool>(
        [this] {
          return std::ranges::any_of(engine_->sessions(),
                                     [](const auto& s) { return s.second.in_sync; });
        },
        true);
  });
  heard_ = true;
}

ClockState PeerService::Impl::clock() {
  return ask<ClockState>([this] { return engine_ ? clock_now() : ClockState{}; }, {});
}

}  // namespace maillon::peers
