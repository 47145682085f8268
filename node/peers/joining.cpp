#include <algorithm>

#include "node/federation/refound.hpp"
#include "node/peers/peer_impl.hpp"

/// How a newcomer becomes a member: its side, and its inviter's.
namespace maillon::peers {

using namespace std::chrono_literals;

namespace {

/// While somebody waits, the dialler's growing pauses are cut short.
constexpr auto kImpatient = 3s;

}  // namespace

bool PeerService::Impl::is_member() const {
  return replica_.trust()->member_of(replica_.identity().node) != nullptr;
}

void PeerService::Impl::on_join_request(const net::ConnectionPtr& connection, ByteView message) {
  const auto request = decode_join_request(message);
  auto& peer = peers_[connection.get()];
  if (!request || peer.asked)
    return connection->close(net::CloseReason::not_admitted, "not a member here");
  peer.asked = true;
  // Writing waits for the disk: never on the network thread.
  verifier_.submit([this, connection, request = *request, ahead = clock_now().is_ahead()] {
    auto reply = federation::admit(replica_, request, connection->peer().certificate, ahead);
    network_->post([this, connection, reply = std::move(reply)] {
      const auto found = peers_.find(connection.get());
      if (found == peers_.end()) return;  // It hung up meanwhile.
      if (!reply) return connection->close(net::CloseReason::full, "cannot admit now");
      log_->info("{} asked to join: {}", connection->address(),
                 reply->status == JoinStatus::admitted ? "admitted" : reply->reason);
      (void)connection->send(encode(*reply), net::Priority::urgent);
      if (reply->status != JoinStatus::admitted)
        return connection->close(net::CloseReason::not_admitted,
                                 reply->status == JoinStatus::pending
                                     ? "the admission waits for votes"
                                     : reply->reason);
      if (!found->second.session) begin_session(connection);
    });
  });
}

Result<void> PeerService::Impl::pursue(const federation::Invitation& invitation) {
  if (invitation.urls.empty())
    return Error{Errc::malformed, "the invitation has no address", "l’invitation n’a pas d’adresse",
                 "ask the inviter for another code", "demandez un autre code à qui vous a invité"};
  MAILLON_CHECK(start_network(invitation.federation));
  (void)ask<bool>(
      [this, invitation] {
        // An answer to another code is none to this one.
        if (wish_ && wish_->token != invitation.token)
          for (auto& [key, peer] : peers_)
            if (peer.connection->outgoing() && !peer.session)
              peer.connection->close(net::CloseReason::done);
        wish_ = invitation;
        ++pursuits_;
        answer_.reset();
        update_targets();
        return true;
      },
      false);
  return {};
}

net::ConnectionEvents PeerService::Impl::ask_to_join(const net::ConnectionPtr& connection) {
  const bool asked = std::ranges::any_of(peers_, [&](const auto& entry) {
    return entry.second.connection->outgoing() &&
           entry.second.connection->peer().node == wish_->inviter;
  });
  if (asked) {
    // Two addresses of the invitation lead to the same node.
    connection->close(net::CloseReason::duplicate);
    return {};
  }
  const auto& who = replica_.identity();
  const JoinRequest request{wish_->token, who.name, who.role,
                            wish_->region.empty() ? who.region : wish_->region, who.recovered};
  (void)connection->send(encode(request), net::Priority::urgent);
  peers_[connection.get()] = {connection};
  net::ConnectionEvents events = session_events();
  auto greeting = std::make_shared<std::optional<Bytes>>();
  events.on_message = [this, greeting, invitation = *wish_](net::Connection& c, Bytes message) {
    const auto found = peers_.find(&c);
    if (found == peers_.end()) return;
    if (found->second.session) return on_message(c, std::move(message));
    // Whoever admitted us before greets us as a member, and only then hears what we ask.
    if (const auto kind = kind_of(message);
        kind && *kind == MessageKind::hello && !greeting->has_value()) {
      *greeting = std::move(message);
      return;
    }
    on_join_reply(found->second.connection, message, invitation, std::move(*greeting));
  };
  return events;
}

void PeerService::Impl::on_join_reply(const net::ConnectionPtr& connection, ByteView message,
                                      const federation::Invitation& invitation,
                                      std::optional<Bytes> greeting) {
  const auto reply = decode_join_reply(message);
  if (!wish_ || wish_->token != invitation.token) return connection->close(net::CloseReason::done);
  if (!reply) return connection->close(net::CloseReason::malformed, "no answer to a wish to join");
  if (reply->status != JoinStatus::admitted) {
    answer_ = *reply;
    const bool refused = reply->status == JoinStatus::refused;
    // Whoever asked is told in words of its own; this is for the log of a daemon.
    if (refused) log_->warn("the inviter's node refused: {}", reply->reason);
    if (refused && !federation::is_inviter_gone(*reply) && !federation::is_clock_ahead(*reply))
      wish_.reset();
    // Who waits may ask any day who must still vote.
    verifier_.submit([this, reply = *reply, invitation, pursuit = pursuits_] {
      (void)federation::remember_reply(replica_, invitation, reply);
      const auto kept = federation::wish(replica_);
      if (!kept) return;
      network_->post([this, kept = *kept, invitation, pursuit] {
        // Somebody asks anew, with this code or another.
        if (pursuit != pursuits_) return;
        wish_ = kept;
        // An earlier one may be of a federation that this network does not talk to.
        if (wish_ && wish_->federation != invitation.federation) wish_.reset();
        update_targets();
      });
    });
    connection->close(net::CloseReason::done);
    return after_engine();
  }
  connection->pause_reading(true);
  verifier_.submit([this, invitation, reply = *reply, connection, greeting = std::move(greeting)] {
    const auto done = federation::enter(replica_, invitation, reply);
    network_->post([this, reply, connection, greeting, done] {
      if (done.has_value()) return entered(connection, reply, greeting);
      log_->warn("cannot enter the federation: {}", done.error().detail);
      answer_ = done.error();
      connection->close(net::CloseReason::done);
      after_engine();
    });
  });
}

void PeerService::Impl::entered(const net::ConnectionPtr& connection, const JoinReply& reply,
                                std::optional<Bytes> greeting) {
  view_->set_annuaire(reply.annuaire);
  answer_ = reply;
  if (!peers_.contains(connection.get())) return;  // Cut meanwhile: the dialler tries again.
  begin_session(connection);
  if (greeting) on_message(*connection, *std::move(greeting));
  connection->pause_reading(false);
}

void PeerService::Impl::bring_along() {
  brought_ = true;
  verifier_.submit([this] {
    const auto done = federation::bring_along(replica_);
    if (done.has_error())
      log_->error("what this member wrote before is not here yet: {}", done.error().detail);
    else if (*done)
      log_->info("{} value(s) of the former federation are here", (*done)->values);
  });
}

void PeerService::Impl::wish_granted() {
  log_->info("joined the federation {}", replica_.trust()->charter().name);
  wish_.reset();
  verifier_.submit([this] {
    if (const auto done = federation::forget_wish(replica_); done.has_error())
      log_->error("the invitation stays noted: {}", done.error().detail);
    if (urls_.empty()) return;
    if (const auto done = federation::announce(replica_, urls_); done.has_error())
      log_->error("the others do not hear this node's address: {}", done.error().detail);
  });
}

/// Why nothing came of it yet; network thread.
Error PeerService::Impl::not_joined(const federation::Invitation& invitation) {
  const std::string hint =
      "the wish is kept: `maillon serve` goes on trying, and the same `maillon join` asks again";
  const std::string hint_fr =
      "la demande est gardée : « maillon serve » continue, et le même « maillon join » redemande";
  if (answer_ && answer_->has_value() && (*answer_)->status == JoinStatus::admitted)
    return Error{Errc::unavailable, "admitted, but the directory has not arrived yet",
                 "admis, mais l’annuaire n’est pas encore arrivé", hint, hint_fr};
  std::string en;
  std::string fr;
  for (const auto& url : invitation.urls) {
    std::string why = "no answer";
    std::string why_fr = "pas de réponse";
    for (const auto& status : dialler_->status())
      if (status.url == url && !status.error.empty()) {
        why = status.error;
        why_fr = status.error_fr.empty() ? status.error : status.error_fr;
      }
    en += (en.empty() ? "" : "; ") + url + ": " + why;
    fr += (fr.empty() ? "" : " ; ") + url + " : " + why_fr;
  }
  return Error{Errc::unavailable, "the inviter's node cannot be reached in time (" + en + ")",
               "le nœud qui invite n’a pas pu être joint à temps (" + fr + ")", hint, hint_fr};
}

Result<JoinReply> PeerService::Impl::join(const federation::Invitation& invitation,
                                          std::chrono::milliseconds wait) {
  MAILLON_CHECK(pursue(invitation));
  const auto until = std::chrono::steady_clock::now() + wait;
  std::optional<Result<JoinReply>> settled;
  auto retry = std::chrono::steady_clock::now();
  (void)await(until, [&] {
    const bool now = std::chrono::steady_clock::now() >= retry;
    if (now) retry += kImpatient;
    settled = ask<std::optional<Result<JoinReply>>>(
        [this, now, invitation]() -> std::optional<Result<JoinReply>> {
          const auto trust = replica_.trust();
          if (is_member())
            return JoinReply{JoinStatus::admitted, "", trust->charter().name, trust->annuaire()};
          // Admitted means little before annuaire is here: wait until it names us.
          if (answer_ && (answer_->has_error() || (*answer_)->status != JoinStatus::admitted))
            return *answer_;
          if (now)
            for (const auto& url : invitation.urls) dialler_->retry_now(url);
          return std::nullopt;
        },
        std::nullopt);
    return settled.has_value();
  });
  if (settled) return *std::move(settled);
  const Error stopping{Errc::unavailable, "the node is stopping", "le nœud s’arrête"};
  return ask<Error>([this, invitation] { return not_joined(invitation); }, stopping);
}

}  // namespace maillon::peers
