#include <spdlog/spdlog.h>

#include "node/federation/decisions.hpp"
#include "node/peers/peer_impl.hpp"

/// Parting from nodes whose member, or key, is no longer part of the federation.
namespace maillon::peers {

using namespace std::chrono_literals;

namespace {

constexpr auto kFarewellAgain = 1h;                 ///< a former member's node calls every minute
constexpr std::size_t kFarewellBytes = 256u << 10;  ///< of commits in one message
constexpr auto kCallFor = std::chrono::days{30};    ///< after a removal: who did not answer by then is gone
constexpr const char* kNoLonger = "its member or its key is no longer part of the federation";

/// Whose node it was, if that member left, was removed, or lost the votes that admitted it.
std::optional<MemberId> parted_member(const storage::Trust& trust, const net::PeerIdentity& peer) {
  const auto known = trust.nodes().find(peer.node);
  if (known == trust.nodes().end())
    return federation::lapse_of(trust, peer.member) ? std::optional{peer.member} : std::nullopt;
  const bool gone = trust.member(known->second.member) == nullptr;
  return gone ? std::optional{known->second.member} : std::nullopt;
}

}  // namespace

void PeerService::Impl::part_from_strangers() {
  const auto trust = replica_.trust();
  if (!engine_ || !trust->federation()) return;
  std::vector<net::ConnectionPtr> gone;
  for (auto& [key, peer] : peers_) {
    const net::PeerIdentity& who = peer.connection->peer();
    // Whom annuaire does not name may be one that it is about to name.
    const bool known = trust->nodes().contains(who.node) || parted_member(*trust, who);
    if (!peer.session || !known || trust->member_of(who.node) != nullptr) continue;
    engine_->closed(*peer.session);
    sessions_.erase(*peer.session);
    peer.session.reset();
    gone.push_back(peer.connection);
  }
  for (const auto& connection : gone)
    if (const auto former = parted_member(*trust, connection->peer()))
      say_farewell(connection, *former);
    else  // Not for good: where a key was changed, the same node answers with another at once.
      connection->close(net::CloseReason::done, kNoLonger);
}

net::ConnectionEvents PeerService::Impl::opened_as_former(const net::ConnectionPtr& connection) {
  const auto trust = replica_.trust();
  const NodeId& node = connection->peer().node;
  if (!parted_member(*trust, connection->peer()) || told_lately(node)) {
    connection->close(net::CloseReason::not_admitted, kNoLonger);
    return {};
  }
  greet_parted(connection);
  peers_[connection.get()] = {connection};
  net::ConnectionEvents events = session_events();
  // A close made now would keep the session from opening, and what was sent from arriving.
  events.on_message = [this, weak = std::weak_ptr{connection}](net::Connection& c, const Bytes&) {
    const auto now = replica_.trust();
    const auto self = weak.lock();
    const auto former = parted_member(*now, c.peer());
    if (self && former) return say_farewell(self, *former);
    c.close(net::CloseReason::done);
  };
  return events;
}

void PeerService::Impl::want_parted(std::map<std::string, std::optional<NodeId>>& wanted) {
  const auto trust = replica_.trust();
  const MemberId self = replica_.identity().member;
  if (trust->member(self) == nullptr) return;
  for (const storage::Decision& decision : trust->decisions()) {
    const auto& removal = decision.proposal->remove;
    const bool ours = removal && decision.passed && decision.votes.contains(self) &&
                      trust->member(removal->member) == nullptr &&
                      replica_.clock().now() < decision.time.time() + kCallFor;
    if (!ours) continue;
    for (const auto& [id, node] : trust->nodes())
      if (node.member == removal->member && !node.revoked && !node.urls.empty() &&
          !farewells_.contains(id))
        wanted.try_emplace(node.urls.front(), id);
  }
}

bool PeerService::Impl::told_lately(const NodeId& node) const {
  const auto told = farewells_.find(node);
  return told != farewells_.end() &&
         std::chrono::steady_clock::now() - told->second < kFarewellAgain;
}

void PeerService::Impl::greet_parted(const net::ConnectionPtr& connection) {
  const SpaceId annuaire = replica_.trust()->annuaire();
  Hello hello;
  hello.clock_ms = static_cast<std::uint64_t>(replica_.clock().now().count());
  hello.spaces.push_back({annuaire, view_->frontier(annuaire), std::nullopt});
  (void)connection->send(encode(hello), net::Priority::urgent);
}

bool PeerService::Impl::part_from_lapsed(const net::ConnectionPtr& connection, ByteView message) {
  const auto kind = kind_of(message);
  const auto former = parted_member(*replica_.trust(), connection->peer());
  if (!kind || *kind != MessageKind::hello || !former) return false;
  if (told_lately(connection->peer().node)) {
    connection->close(net::CloseReason::not_admitted, kNoLonger);
  } else {
    greet_parted(connection);
    say_farewell(connection, *former);
  }
  return true;
}

void PeerService::Impl::say_farewell(const net::ConnectionPtr& connection, const MemberId& member) {
  const auto trust = replica_.trust();
  const auto told = federation::farewell(*trust, member);
  Commits out;
  std::size_t size = 0;
  const auto flush = [&] {
    if (!out.commits.empty()) (void)connection->send(encode(out), net::Priority::bulk);
    out = {};
    size = 0;
  };
  view_->scan(trust->annuaire(), 0, [&](const sync::Place& place) {
    const auto number = trust->graph().find(place.id);
    if (!number || !told.contains(*number)) return true;
    SignedCommit bytes = view_->bytes(place);
    size += bytes.header.size() + bytes.signature.size() + bytes.body.size();
    WireCommit wire;
    wire.header = std::move(bytes.header);
    wire.signature = std::move(bytes.signature);
    wire.body = std::move(bytes.body);
    out.commits.push_back(std::move(wire));
    if (size >= kFarewellBytes) flush();
    return true;
  });
  flush();
  farewells_[connection->peer().node] = std::chrono::steady_clock::now();
  log_->info("{} is no longer a member: told so", connection->address());
  connection->close(net::CloseReason::not_admitted, kNoLonger);
}

}  // namespace maillon::peers
