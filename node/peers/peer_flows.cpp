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
          const auto node = status.node ? status.node
                            : target == targets_.end() ? std::nullopt : target->second;
          if (status.state == net::Dialler::State::connected || (node && connected.contains(*node)))
            continue;
          PeerState state;
          state.node = node;
          if (node)
            if (const auto* member = trust->member_of(*node)) state.name = member->name;
          state.address = status.url;
          state.state = status.state == net::Dialler::State::connecting ? "connecting" : "waiting";
          state.detail = status.error;
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
          now.connected = sessions_.size();
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
    return ask<bool>([this] { return std::ranges::any_of(engine_->sessions(),
                                                         [](const auto& s) { return s.second.in_sync; }); },
                     true);
  });
  heard_ = true;
}

std::optional<std::chrono::milliseconds> PeerService::Impl::clock_offset() {
  return ask<std::optional<std::chrono::milliseconds>>(
      [this]() -> std::optional<std::chrono::milliseconds> {
        std::vector<std::int64_t> offsets;
        for (const auto& [id, seen] : engine_->sessions())
          if (seen.clock_offset_ms) offsets.push_back(*seen.clock_offset_ms);
        if (offsets.empty()) return std::nullopt;
        std::ranges::sort(offsets);
        return std::chrono::milliseconds{offsets[offsets.size() / 2]};
      },
      std::nullopt);
}

Result<JoinReply> PeerService::Impl::join(const federation::Invitation& invitation,
                                          std::chrono::milliseconds wait) {
  MAILLON_CHECK(start_network(invitation.federation));
  const auto until = std::chrono::steady_clock::now() + wait;
  auto answer = std::make_shared<std::promise<Result<JoinReply>>>();
  auto future = answer->get_future();
  auto answered = std::make_shared<std::atomic<bool>>(false);
  const auto tell = [answer, answered](Result<JoinReply> reply) {
    if (!answered->exchange(true)) answer->set_value(std::move(reply));
  };
  const auto& who = replica_.identity();
  const JoinRequest request{invitation.token, who.name, who.role,
                            invitation.region.empty() ? who.region : invitation.region};
  net::DialCallbacks callbacks;
  callbacks.on_failed = [tell](const Error& error) { tell(error); };
  callbacks.on_open = [this, request, tell, invitation](const net::ConnectionPtr& connection) {
    (void)connection->send(encode(request), net::Priority::urgent);
    net::ConnectionEvents events = session_events();
    auto entered = std::make_shared<bool>(false);
    events.on_message = [this, tell, invitation, entered, weak = std::weak_ptr{connection}](
                            net::Connection& c, Bytes message) {
      if (*entered) return on_message(c, std::move(message));
      const auto reply = decode_join_reply(message);
      const auto self = weak.lock();
      if (!reply || !self || reply->status != JoinStatus::admitted) {
        tell(reply ? Result<JoinReply>{*reply} : Result<JoinReply>{reply.error()});
        return c.close(net::CloseReason::done);
      }
      *entered = true;
      self->pause_reading(true);
      verifier_.submit([this, tell, invitation, reply = *reply, self] {
        const auto done = federation::enter(replica_, invitation, reply);
        network_->post([this, tell, reply, self, done] {
          if (done.has_error()) return tell(done.error());
          view_->set_annuaire(reply.annuaire);
          begin_session(self);
          self->pause_reading(false);
          tell(reply);
        });
      });
    };
    events.on_closed = [this, tell](net::Connection& c, const net::CloseInfo& info) {
      tell(Error{Errc::unavailable, "the inviter's node ended the connection: " + info.text});
      on_closed(c, info);
    };
    return events;
  };
  if (invitation.urls.empty()) return Error{Errc::malformed, "the invitation has no address"};
  network_->dial(invitation.urls.front(), invitation.inviter, callbacks);
  while (future.wait_for(kPoll) != std::future_status::ready)
    if (stopping_ || std::chrono::steady_clock::now() >= until)
      return Error{Errc::unavailable, "the inviter's node did not answer in time"};
  auto reply = future.get();
  if (!reply.has_value() || reply->status != JoinStatus::admitted) return reply;
  // Admitted means little before annuaire is here: wait until it names us.
  if (!await(until, [&] { return replica_.trust()->member_of(who.node) != nullptr; }))
    return Error{Errc::unavailable, "admitted, but the directory has not arrived yet"};
  return reply;
}

}  // namespace maillon::peers
