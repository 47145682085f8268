#include <spdlog/spdlog.h>

#include "node/federation/decisions.hpp"
#include "node/peers/peer_impl.hpp"

/// Parting from nodes whose member, or key, is no longer part of the federation.
namespace maillon::peers {

using namespace std::chrono_literals;

namespace {

constexpr auto kFarewellAgain = 1h;                 ///< a former member's node calls every minute
constexpr std::size_t kFarewellBytes = 256u << 10;  ///< of commits in one message
constexpr const char* kNoLonger = "its member or its key is no longer part of the federation";

/// Whose node it was, if that member left or was removed; else nullptr.
const storage::Member* former_member(const storage::Trust& trust, const NodeId& node) {
  const auto known = trust.nodes().find(node);
  if (known == trust.nodes().end() || trust.member(known->second.member) != nullptr) return nullptr;
  return trust.ever_member(known->second.member);
}

}  // namespace

void PeerService::Impl::part_from_strangers() {
  const auto trust = replica_.trust();
  if (!engine_ || !trust->federation()) return;
  std::vector<net::ConnectionPtr> gone;
  for (auto& [key, peer] : peers_) {
    const NodeId& node = peer.connection->peer().node;
    if (!peer.session || !trust->nodes().contains(node) || trust->member_of(node) != nullptr)
      continue;
    engine_->closed(*peer.session);
    sessions_.erase(*peer.session);
    peer.session.reset();
    gone.push_back(peer.connection);
  }
  for (const auto& connection : gone)
    if (const auto* former = former_member(*trust, connection->peer().node))
      say_farewell(connection, *former);
    else  // Not for good: where a key was changed, the same node answers with another at once.
      connection->close(net::CloseReason::done, kNoLonger);
}

net::ConnectionEvents PeerService::Impl::opened_as_former(const net::ConnectionPtr& connection) {
  const auto trust = replica_.trust();
  const NodeId& node = connection->peer().node;
  const auto told = farewells_.find(node);
  const bool lately =
      told != farewells_.end() && std::chrono::steady_clock::now() - told->second < kFarewellAgain;
  if (former_member(*trust, node) == nullptr || lately) {
    connection->close(net::CloseReason::not_admitted, kNoLonger);
    return {};
  }
  Hello hello;
  hello.clock_ms = static_cast<std::uint64_t>(replica_.clock().now().count());
  hello.spaces.push_back({trust->annuaire(), view_->frontier(trust->annuaire()), std::nullopt});
  (void)connection->send(encode(hello), net::Priority::urgent);
  peers_[connection.get()] = {connection};
  net::ConnectionEvents events = session_events();
  // A close made now would keep the session from opening, and what was sent from arriving.
  events.on_message = [this, weak = std::weak_ptr{connection}](net::Connection& c, const Bytes&) {
    const auto now = replica_.trust();
    const auto self = weak.lock();
    const auto* former = former_member(*now, c.peer().node);
    if (self && former != nullptr) return say_farewell(self, *former);
    c.close(net::CloseReason::done);
  };
  return events;
}

void PeerService::Impl::say_farewell(const net::ConnectionPtr& connection,
                                     const storage::Member& member) {
  const auto trust = replica_.trust();
  const auto told = federation::farewell(*trust, member.id);
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
