#include "node/peers/peer_service.hpp"

#include <spdlog/spdlog.h>
#include <time.h>

#include <algorithm>

#include "node/federation/decisions.hpp"
#include "node/peers/peer_impl.hpp"

namespace maillon::peers {

using namespace std::chrono_literals;

namespace {

constexpr auto kTick = 1s;
constexpr std::size_t kCongested = 1u << 20;  ///< queued bytes above which the engine waits
constexpr auto kBan = 10min;
constexpr auto kPause = 5s;  ///< of a peer whose commits there is no room for; doubles to 80 s
constexpr auto kTellAgain = 1min;  ///< of one cause
constexpr auto kTellOfClock = 1h;

/// Goes on while the machine sleeps, and whatever becomes of its clock.
std::chrono::milliseconds since_boot() {
  timespec now{};
  ::clock_gettime(CLOCK_BOOTTIME, &now);
  return std::chrono::duration_cast<std::chrono::milliseconds>(
      std::chrono::seconds{now.tv_sec} + std::chrono::nanoseconds{now.tv_nsec});
}

struct HostPort {
  std::string host;
  std::uint16_t port = 0;
};

Result<HostPort> parse_listen(const std::string& text) {
  const auto colon = text.rfind(':');
  const auto bad =
      Error{Errc::usage, "`" + text + "` is no HOST:PORT", "« " + text + " » n’est pas HÔTE:PORT",
            "write for example 0.0.0.0:7766", "écrivez par exemple 0.0.0.0:7766"};
  if (colon == std::string::npos) return bad;
  HostPort out{text.substr(0, colon), 0};
  if (out.host.size() > 2 && out.host.front() == '[')
    out.host = out.host.substr(1, out.host.size() - 2);
  const std::string port = text.substr(colon + 1);
  if (port.empty() || port.size() > 5 || !std::ranges::all_of(port, ::isdigit)) return bad;
  const int number = std::stoi(port);
  if (number > 65535) return bad;
  out.port = static_cast<std::uint16_t>(number);
  return out;
}

std::string with_port(const net::Endpoint& end) {
  const bool v6 = end.host.find(':') != std::string::npos;
  return (v6 ? "[" + end.host + "]" : end.host) + ":" + std::to_string(end.port);
}

/// What others may dial when nobody said: an address that listens everywhere is reached on this
/// machine at least.
std::string own_url(const net::Endpoint& end) {
  const bool any = end.host == "0.0.0.0" || end.host == "::";
  return "ws://" + with_port({any ? "127.0.0.1" : end.host, end.port});
}

/// The peer's member today. For a node that annuaire does not name yet its root key vouches: a
/// machine that was made, or whose key was changed, while nobody heard of it.
const storage::Member* member_of(const storage::Trust& trust, const net::PeerIdentity& peer) {
  return trust.nodes().contains(peer.node) ? trust.member_of(peer.node)
                                           : federation::member_by_root(trust, peer.member);
}

}  // namespace

PeerService::Impl::Impl(replica::Replica& replica, PeerOptions options)
    : replica_(replica),
      options_(std::move(options)),
      log_(spdlog::default_logger()),
      salt_(replica.rng().u64()) {}

PeerService::Impl::~Impl() { stop(); }

Result<void> PeerService::Impl::start_network(const FederationId& federation) {
  const std::lock_guard starting{starting_};
  if (network_ && federation_ == federation) return {};
  if (network_)
    return Error{Errc::unavailable, "the daemon runs for an invitation to another federation",
                 "le démon tourne pour une invitation à une autre fédération",
                 "the wish is kept: start `maillon serve` again",
                 "la demande est gardée : relancez « maillon serve »"};
  MAILLON_TRY(wish_, federation::wish(replica_));
  if (wish_ && wish_->federation != federation) wish_.reset();
  federation_ = federation;
  MAILLON_TRY(auto db, replica_.open_reader());
  database_.emplace(std::move(db));
  view_ = std::make_unique<replica::StoreView>(
      *database_, [this] { return replica_.trust(); }, replica_.identity().member);
  view_->set_unwanted(replica_.unwanted());
  MAILLON_TRY(const auto annuaire, replica_.setting("annuaire"));
  if (annuaire && !annuaire->empty()) {
    MAILLON_TRY(const SpaceId space, SpaceId::from_hex(*annuaire));
    view_->set_annuaire(space);
  }
  net::NetworkOptions how{federation, replica_.identity().certificate};
  how.trusted_proxies = options_.trusted_proxies;
  how.ca_file = options_.ca_file;
  how.stands_for = [this](const NodeId& expected, const net::PeerIdentity& peer) {
    const auto trust = replica_.trust();
    const auto known = trust->nodes().find(expected);
    const storage::Member* member = member_of(*trust, peer);
    return known != trust->nodes().end() && member != nullptr && known->second.member == member->id;
  };
  how.on_refused = [log = log_](const std::string& address, const Error& error) {
    log->info("refused a connection from {}: {}", address, error.detail);
  };
  MAILLON_TRY(network_, net::Network::create(std::move(how), *replica_.key(), replica_.rng()));
  const auto on_open = [this](const net::ConnectionPtr& c) { return opened(c); };
  sync::EngineOptions engine;
  if (!options_.listen.empty()) {
    MAILLON_TRY(const HostPort where, parse_listen(options_.listen));
    MAILLON_TRY(const net::Endpoint bound, network_->listen(where.host, where.port, on_open));
    listening_ = with_port(bound);
    engine.urls = options_.urls.empty() ? std::vector{own_url(bound)} : options_.urls;
    urls_ = engine.urls;
    MAILLON_CHECK(federation::announce(replica_, urls_));
  }
  replica_.set_on_durable([this] {
    if (stopping_) return;
    std::function<void()> also;
    {
      const std::lock_guard guard{mutex_};
      also = also_on_durable_;
    }
    if (also) also();
    network_->post([this] {
      view_->set_self(replica_.identity().member);
      view_->set_unwanted(replica_.unwanted());
      view_->changed();
      // Who was removed is told that, and nothing that came after.
      part_from_strangers();
      if (engine_) engine_->on_changed();
      after_engine();
    });
  });
  (void)ask<bool>(
      [&] {
        engine_ = std::make_unique<sync::Engine>(*view_, replica_.clock(), engine);
        dialler_ = std::make_unique<net::Dialler>(*network_, on_open);
        update_targets();
        tick();
        return true;
      },
      false);
  return {};
}

void PeerService::Impl::stop() {
  if (stopping_.exchange(true)) return;
  replica_.set_on_durable({});
  (void)ask<bool>(
      [this] {
        timer_.cancel();
        if (dialler_) dialler_.reset();
        return true;
      },
      false);
  if (network_) network_->stop();
  verifier_.stop();
  // What the writer still holds of ours refers to us: let it pass.
  (void)replica_.writer().run_void([](storage::Store&) -> Result<void> { return {}; });
}

net::ConnectionEvents PeerService::Impl::opened(const net::ConnectionPtr& connection) {
  const auto& peer = connection->peer();
  const auto trust = replica_.trust();
  if (!engine_) {
    connection->close(net::CloseReason::stopping, "starting");
    return {};
  }
  if (const auto ban = banned_.find(peer.node);
      ban != banned_.end() && replica_.clock().now() < ban->second.first) {
    connection->close(net::CloseReason::misbehaviour, "come back later");
    return {};
  }
  if (disk_full_) {
    const auto pause = paused_.find(peer.node);
    if (pause != paused_.end() && replica_.clock().now() < pause->second.first) {
      connection->close(net::CloseReason::full, "the disk is full here");
      return {};
    }
  } else {
    paused_.clear();
  }
  if (wish_ && connection->outgoing() && peer.node == wish_->inviter && !is_member())
    return ask_to_join(connection);
  const storage::Member* member = member_of(*trust, peer);
  // A newcomer cannot know its inviter yet; annuaire will tell who that is.
  const bool newcomer = !trust->federation().has_value() && connection->outgoing();
  if (member == nullptr && !newcomer) {
    const bool lapsed = federation::lapse_of(*trust, peer.member).has_value();
    // An answer is awaited from those whom this node calls; others may still ask to join.
    if (trust->nodes().contains(peer.node) || (lapsed && connection->outgoing()))
      return opened_as_former(connection);
    if (connection->outgoing()) {
      connection->close(net::CloseReason::not_admitted, "unknown here");
      return {};
    }
    return opened_as_stranger(connection);
  }
  if (!keep_which(connection)) {
    connection->close(net::CloseReason::duplicate);
    return {};
  }
  begin_session(connection);
  return session_events();
}

net::ConnectionEvents PeerService::Impl::session_events() {
  net::ConnectionEvents events;
  events.on_message = [this](net::Connection& c, Bytes m) { on_message(c, std::move(m)); };
  events.on_closed = [this](net::Connection& c, const net::CloseInfo& i) { on_closed(c, i); };
  events.on_drained = [this](net::Connection& c) {
    const auto found = peers_.find(&c);
    if (found == peers_.end() || !found->second.session) return;
    engine_->set_congested(*found->second.session, false);
    after_engine();
  };
  return events;
}

net::ConnectionEvents PeerService::Impl::opened_as_stranger(const net::ConnectionPtr& connection) {
  net::ConnectionEvents events = session_events();
  peers_[connection.get()] = {connection};
  events.on_message = [this, weak = std::weak_ptr{connection}](net::Connection& c, Bytes m) {
    const auto found = peers_.find(&c);
    if (found == peers_.end()) return;
    if (found->second.session) return on_message(c, std::move(m));
    const auto self = weak.lock();
    if (self && !part_from_lapsed(self, m)) on_join_request(self, m);
  };
  return events;
}

/// Two nodes may dial each other at once: both keep the connection that the smaller node made.
bool PeerService::Impl::keep_which(const net::ConnectionPtr& connection) {
  const NodeId self = replica_.identity().node;
  const NodeId& peer = connection->peer().node;
  for (auto& [key, other] : peers_) {
    if (!other.session || other.connection->peer().node != peer) continue;
    const auto initiator = [&](const net::Connection& c) { return c.outgoing() ? self : peer; };
    const bool same = initiator(*connection) == initiator(*other.connection);
    if (!same && initiator(*other.connection) < initiator(*connection)) return false;
    other.connection->close(net::CloseReason::duplicate);
    engine_->closed(*other.session);
    sessions_.erase(*other.session);
    other.session.reset();
    return true;
  }
  return true;
}

void PeerService::Impl::begin_session(const net::ConnectionPtr& connection) {
  const auto& peer = connection->peer();
  // The certificate names a root key, which is the member's id unless it was replaced.
  const auto trust = replica_.trust();
  const storage::Member* member = member_of(*trust, peer);
  const sync::SessionId session =
      engine_->open(peer.node, member == nullptr ? peer.member : member->id);
  peers_[connection.get()] = {connection, session};
  sessions_[session] = connection.get();
  log_->info("connected to node {} at {}", peer.node.hex().substr(0, 12), connection->address());
  after_engine();
}

void PeerService::Impl::on_message(net::Connection& connection, Bytes message) {
  const auto found = peers_.find(&connection);
  if (found == peers_.end() || !found->second.session) return;
  // A node that was cut off right after its admission does not know of it, and asks again.
  if (const auto kind = kind_of(message);
      kind && *kind == MessageKind::join_request && !connection.outgoing() && !found->second.asked)
    return on_join_request(found->second.connection, message);
  engine_->on_message(*found->second.session, message);
  after_engine();
}

void PeerService::Impl::on_closed(net::Connection& connection, const net::CloseInfo& info) {
  const auto found = peers_.find(&connection);
  if (found == peers_.end()) return;
  if (found->second.session) {
    log_->info("session with {} ended: {}{}{}", connection.address(), net::to_string(info.reason),
               info.text.empty() ? "" : ": ", info.text);
    engine_->closed(*found->second.session);
    sessions_.erase(*found->second.session);
  }
  peers_.erase(found);
  after_engine();
}

net::ConnectionPtr PeerService::Impl::connection_of(sync::SessionId session) {
  const auto key = sessions_.find(session);
  if (key == sessions_.end()) return nullptr;
  const auto peer = peers_.find(key->second);
  return peer == peers_.end() ? nullptr : peer->second.connection;
}

void PeerService::Impl::after_engine() {
  if (!engine_) return;
  MAILLON_ASSERT(!view_->error(),
                 "the database can be read: " + view_->error().value_or(Error{}).detail);
  for (auto actions = engine_->take_actions(); !actions.empty(); actions = engine_->take_actions())
    for (auto& action : actions) std::visit([this](auto& one) { perform(one); }, action);
  const std::lock_guard guard{mutex_};
  ++moves_;
  moved_.notify_all();
}

void PeerService::Impl::perform(sync::SendMessage& action) {
  const auto connection = connection_of(action.session);
  if (!connection) return;
  const auto sent = connection->send(std::move(action.message),
                                     action.urgent ? net::Priority::urgent : net::Priority::bulk);
  if (sent.has_error()) return connection->close(net::CloseReason::full, "too slow");
  if (connection->queued_bytes() > kCongested) engine_->set_congested(action.session, true);
}

void PeerService::Impl::perform(sync::Submit& action) {
  auto raw = std::make_shared<std::vector<SignedCommit>>(std::move(action.commits));
  verifier_.submit([this, session = action.session, token = action.token, raw] {
    // Verified commits are large in memory: only so many may wait for the disk.
    room_.acquire();
    auto commits = std::make_shared<std::vector<storage::CommitPtr>>();
    for (SignedCommit& bytes : *raw) {
      auto commit = storage::verify_commit(std::move(bytes));
      if (!commit) {
        room_.release();
        network_->post([this, session, token, why = commit.error().detail] {
          sync::StoreResult result;
          result.misbehaved = why;
          engine_->on_stored(session, token, result);
          after_engine();
        });
        return;
      }
      commits->push_back(*std::move(commit));
    }
    store_batch(session, token, std::move(commits));
  });
}

void PeerService::Impl::store_batch(sync::SessionId session, std::uint64_t token,
                                    std::shared_ptr<std::vector<storage::CommitPtr>> commits) {
  auto result = std::make_shared<sync::StoreResult>();
  const auto job = [this, commits, result](storage::Store& store) -> Result<void> {
    *result = {};
    for (const auto& commit : *commits) {
      MAILLON_TRY(const auto got, store.receive(commit, replica_.clock().now()));
      using Outcome = storage::Received::Outcome;
      if (got.outcome == Outcome::refused && got.provable) {
        result->misbehaved = got.reason;
        return {};
      }
      if (got.outcome == Outcome::applied || got.outcome == Outcome::held)
        result->stored.push_back(commit->id);
    }
    return {};
  };
  replica_.writer().submit(job, [this, session, token, result](const Result<void>& done) {
    room_.release();
    const bool full = done.has_error() && done.error().code == Errc::full;
    disk_full_ = full;
    if (done.has_error()) {
      result->failed = true;
      not_stored(done.error());
    }
    network_->post([this, session, token, result, full] {
      view_->changed();
      if (full) pause_peer(session);
      engine_->on_stored(session, token, *result);
      after_engine();
    });
  });
}

void PeerService::Impl::not_stored(const Error& why) {
  {
    // Every peer sends it again and again: once a minute says as much.
    const std::lock_guard guard{mutex_};
    const auto now = std::chrono::steady_clock::now();
    const auto [last, first] = told_.try_emplace(why.detail, now);
    if (!first && now - last->second < kTellAgain) return;
    last->second = now;
  }
  log_->error("cannot store what a peer sent: {}", why.detail);
}

void PeerService::Impl::pause_peer(sync::SessionId session) {
  const auto connection = connection_of(session);
  if (!connection) return;
  auto& pause = paused_[connection->peer().node];
  pause.first = replica_.clock().now() + kPause * (1 << std::min(pause.second++, 4));
}

void PeerService::Impl::perform(sync::CloseSession& action) {
  const auto connection = connection_of(action.session);
  sessions_.erase(action.session);
  if (!connection) return;
  peers_[connection.get()].session.reset();
  const NodeId node = connection->peer().node;
  if (action.misbehaved) {
    auto& ban = banned_[node];
    ban.first = replica_.clock().now() + kBan * (1 << std::min(ban.second++, 7));
    log_->warn("node {} of member {} at {} misbehaved: {}", node.hex(),
               connection->peer().member.hex(), connection->address(), action.why);
  } else {
    log_->info("ending the session with {}: {}", connection->address(), action.why);
  }
  connection->close(action.misbehaved ? net::CloseReason::misbehaviour : net::CloseReason::done,
                    action.why);
}

void PeerService::Impl::perform(sync::Remember& action) {
  replica_.writer().submit(
      [action](storage::Store& store) { return replica::remember_agreed(store, action); },
      [](const Result<void>&) {});
}

ClockState PeerService::Impl::clock_now() {
  std::vector<ToldClocks::Told> told;
  for (const auto& [session, seen] : engine_->sessions())
    if (seen.clock_offset_ms) told.push_back({session, *seen.clock_offset_ms});
  return clocks_.look(told, (replica_.clock().now() - since_boot()).count());
}

void PeerService::Impl::watch_clock() {
  const ClockState state = clock_now();
  if (!state.is_off()) return told_of_clock_.reset();
  const auto now = std::chrono::steady_clock::now();
  if (told_of_clock_ && now - *told_of_clock_ < kTellOfClock) return;
  told_of_clock_ = now;
  log_->warn("this machine's clock is {} s off the median of its {} peer(s): set it",
             std::chrono::duration_cast<std::chrono::seconds>(*state.offset).count(), state.peers);
}

void PeerService::Impl::tick() {
  engine_->on_tick();
  part_from_strangers();
  for (const auto& [session, seen] : engine_->sessions()) {
    if (!seen.in_sync) continue;
    heard_ = true;
    if (const auto key = sessions_.find(session); key != sessions_.end())
      peers_[key->second].last_sync = replica_.clock().now();
  }
  after_engine();
  watch_clock();
  if (!brought_ && is_member()) bring_along();
  if (wish_ && is_member()) wish_granted();
  update_targets();
  if (!stopping_) timer_ = network_->call_after(kTick, [this] { tick(); });
}

void PeerService::Impl::update_targets() {
  if (!dialler_) return;
  std::map<std::string, std::optional<NodeId>> wanted;
  if (options_.dial) {
    if (const auto configured = dial_list(replica_))
      for (const auto& entry : *configured) wanted[entry.url] = entry.node;
    want_members(wanted);
    want_parted(wanted);
  }
  // Until annuaire names this node, nobody else can tell it whom to dial.
  if (wish_)
    for (const auto& url : wish_->urls) wanted.try_emplace(url, wish_->inviter);
  for (const auto& [url, node] : targets_)
    if (!wanted.contains(url)) dialler_->remove(url);
  for (const auto& [url, node] : wanted)
    if (!targets_.contains(url)) dialler_->add(url, node);
  targets_ = std::move(wanted);
}

void PeerService::Impl::want_members(std::map<std::string, std::optional<NodeId>>& wanted) {
  topology::Situation here{replica_.identity().node, salt_};
  std::set<NodeId> incoming;
  for (const auto& [key, peer] : peers_) {
    if (!peer.session) continue;
    here.linked.insert(peer.connection->peer().node);
    if (!peer.connection->outgoing()) incoming.insert(peer.connection->peer().node);
  }
  for (const auto& status : dialler_->status()) {
    const auto target = targets_.find(status.url);
    if (status.error.empty() || target == targets_.end() || !target->second) continue;
    if (!here.linked.contains(*target->second)) here.failing.insert(*target->second);
  }
  const auto trust = replica_.trust();
  for (const NodeId& node : topology::choose(*trust, here)) {
    const std::string& url = trust->nodes().at(node).urls.front();
    // Whoever is connected already needs no second link; what the dialler made, it must keep.
    if (incoming.contains(node)) continue;
    if (here.linked.contains(node) && !targets_.contains(url)) continue;
    wanted.try_emplace(url, node);
  }
}

Result<void> PeerService::Impl::key_changed() {
  MAILLON_CHECK(ask<Result<void>>(
      [this] { return network_->change_key(*replica_.key(), replica_.identity().certificate); },
      Result<void>{}));
  return urls_.empty() ? Result<void>{} : federation::announce(replica_, urls_);
}

void PeerService::Impl::reconnect() {
  (void)ask<bool>(
      [this] {
        // What is wanted may be known here before the transaction that says so is heard of.
        view_->set_unwanted(replica_.unwanted());
        for (const auto& [key, peer] : peers_)
          if (peer.session)
            peer.connection->close(net::CloseReason::done, "other spaces are wanted");
        return true;
      },
      false);
}

void PeerService::Impl::refresh_dials() {
  (void)ask<bool>([this] { return update_targets(), true; }, false);
}

PeerService::PeerService(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
PeerService::~PeerService() = default;

Result<std::unique_ptr<PeerService>> PeerService::start(replica::Replica& replica,
                                                        const PeerOptions& options) {
  auto impl = std::make_unique<Impl>(replica, options);
  auto federation = replica.federation();
  if (!federation && options.take_up_wish) {
    MAILLON_TRY(const auto wish, federation::wish(replica));
    if (wish) federation = wish->federation;
  }
  if (federation) MAILLON_CHECK(impl->start_network(*federation));
  return std::unique_ptr<PeerService>{new PeerService{std::move(impl)}};
}

std::string PeerService::listening_on() const { return impl_->listening_on(); }
std::vector<PeerState> PeerService::peers() { return impl_->peers(); }
SyncOutcome PeerService::sync(std::chrono::milliseconds wait) { return impl_->sync(wait); }
Result<void> PeerService::pursue(const federation::Invitation& invitation) {
  return impl_->pursue(invitation);
}
Result<void> PeerService::begin(const FederationId& federation) {
  return impl_->start_network(federation);
}
bool PeerService::disk_full() const { return impl_->disk_full(); }
bool PeerService::serves() const { return impl_->serves(); }
Result<JoinReply> PeerService::join(const federation::Invitation& invitation,
                                    std::chrono::milliseconds wait) {
  return impl_->join(invitation, wait);
}
void PeerService::hear_own_tips(std::chrono::milliseconds wait) { impl_->hear_own_tips(wait); }
ClockState PeerService::clock() { return impl_->clock(); }
Result<void> PeerService::key_changed() { return impl_->key_changed(); }
void PeerService::reconnect() { impl_->reconnect(); }
void PeerService::dials_changed() { impl_->refresh_dials(); }
void PeerService::set_on_durable(std::function<void()> call) {
  impl_->set_on_durable(std::move(call));
}
void PeerService::stop() { impl_->stop(); }

}  // namespace maillon::peers
