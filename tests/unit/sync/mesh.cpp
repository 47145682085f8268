#include "tests/unit/sync/mesh.hpp"

#include <algorithm>

#include "crypto/hash.hpp"

namespace maillon::test {

using sync::Place;

namespace {

template <class Id>
Id numbered(std::uint8_t kind, std::size_t number) {
  std::array<std::uint8_t, 32> raw{};
  raw[0] = kind;
  raw[1] = static_cast<std::uint8_t>(number);
  return Id::from_array(raw);
}

CommitId id_of(const SignedCommit& commit) {
  return *CommitId::from_bytes(crypto::hash(commit.header).bytes());
}

}  // namespace

// The store.

bool ListStore::add(const SignedCommit& commit) {
  const CommitId id = id_of(commit);
  if (!by_id_.try_emplace(id, log_.size()).second) return false;
  const Header header = *decode_header(commit.header);
  const Place place{static_cast<std::int64_t>(log_.size()) + 1, header.feed(), header.seq, id};
  log_.push_back({place, commit});
  frontier_.reset();
  return true;
}

std::optional<SpaceId> ListStore::annuaire() { return Mesh::space(); }

std::vector<Tip> ListStore::tips(const SpaceId&, std::int64_t after) {
  std::map<FeedKey, Place> newest;
  for (const Entry& entry : log_)
    if (entry.place.log > after) newest.insert_or_assign(entry.place.feed, entry.place);
  std::vector<Tip> out;
  for (const auto& [feed, place] : newest)
    out.push_back({feed.node, feed.incarnation, place.seq, place.id});
  return out;
}

Digest ListStore::frontier(const SpaceId& space) {
  if (frontier_) return *frontier_;
  crypto::Hasher hasher;
  for (const Tip& tip : tips(space, 0)) hasher.update(tip.commit.bytes());
  return frontier_.emplace(hasher.finish());
}

std::optional<Place> ListStore::place(const CommitId& id) {
  const auto found = by_id_.find(id);
  return found == by_id_.end() ? std::nullopt : std::optional{log_[found->second].place};
}

std::vector<Place> ListStore::feed(const FeedKey& key) {
  std::vector<Place> out;
  for (const Entry& entry : log_)
    if (entry.place.feed == key) out.push_back(entry.place);
  return out;
}

std::optional<Place> ListStore::first_from(const FeedKey& key, std::uint64_t seq) {
  for (const Place& place : feed(key))
    if (place.seq >= seq) return place;
  return std::nullopt;
}

std::optional<Place> ListStore::before(const Place& place) {
  const auto previous = decode_header(bytes(place).header)->previous;
  return previous ? this->place(*previous) : std::nullopt;
}

void ListStore::scan(const SpaceId&, std::int64_t after,
                     const std::function<bool(const Place&)>& each) {
  for (auto at = static_cast<std::size_t>(after); at < log_.size(); ++at)
    if (!each(log_[at].place)) return;
}

SignedCommit ListStore::bytes(const Place& place) {
  return log_[static_cast<std::size_t>(place.log - 1)].commit;
}

// The mesh.

SpaceId Mesh::space() { return numbered<SpaceId>(3, 0); }

Mesh::Mesh(std::size_t nodes) {
  for (std::size_t i = 0; i < nodes; ++i) {
    Node node;
    node.store = std::make_unique<ListStore>();
    node.engine = std::make_unique<sync::Engine>(*node.store, *this, sync::EngineOptions{});
    nodes_.push_back(std::move(node));
  }
}

void Mesh::link(std::size_t a, std::size_t b) {
  for (const auto& [from, to] : {std::pair{a, b}, std::pair{b, a}}) {
    nodes_[from].to[to] =
        nodes_[from].engine->open(numbered<NodeId>(1, to), numbered<MemberId>(2, to));
    drain(from);
  }
}

void Mesh::cut(std::size_t a, std::size_t b) {
  std::erase_if(under_way_, [&](const Message& message) {
    return std::minmax(message.from, message.to) == std::minmax(a, b);
  });
  for (const auto& [from, to] : {std::pair{a, b}, std::pair{b, a}}) {
    nodes_[from].engine->closed(nodes_[from].to.at(to));
    nodes_[from].to.erase(to);
    drain(from);
  }
}

SignedCommit Mesh::draft(std::size_t node, std::size_t size) {
  Node& author = nodes_[node];
  Header header;
  header.space = space();
  header.federation = numbered<FederationId>(4, 0);
  header.member = numbered<MemberId>(2, node);
  header.node = numbered<NodeId>(1, node);
  header.seq = ++author.seq;
  header.previous = author.last;
  SignedCommit commit{encode_header(header), Bytes(64), Bytes(size)};
  author.last = id_of(commit);
  return commit;
}

void Mesh::give(std::size_t node, const std::vector<SignedCommit>& commits) {
  for (const SignedCommit& commit : commits) nodes_[node].store->add(commit);
  nodes_[node].engine->on_changed();
  drain(node);
}

void Mesh::write(std::size_t node, std::size_t commits, std::size_t size) {
  std::vector<SignedCommit> fresh;
  for (std::size_t i = 0; i < commits; ++i) fresh.push_back(draft(node, size));
  give(node, fresh);
}

std::optional<std::size_t> Mesh::neighbour(std::size_t node, sync::SessionId id) const {
  for (const auto& [to, session] : nodes_[node].to)
    if (session == id) return to;
  return std::nullopt;
}

void Mesh::post(std::size_t from, std::size_t to, Bytes message) {
  const auto loss = losses_.find({from, to});
  if (loss == losses_.end() || !loss->second(message))
    under_way_.push_back({from, to, std::move(message)});
}

void Mesh::drain(std::size_t at) {
  Node& node = nodes_[at];
  for (auto actions = node.engine->take_actions(); !actions.empty();
       actions = node.engine->take_actions())
    for (auto& action : actions) {
      if (auto* send = std::get_if<sync::SendMessage>(&action)) {
        if (const auto to = neighbour(at, send->session)) post(at, *to, std::move(send->message));
      } else if (auto* submit = std::get_if<sync::Submit>(&action)) {
        sync::StoreResult result;
        node.copies += submit->commits.size();
        for (const SignedCommit& commit : submit->commits)
          if (node.store->add(commit)) result.stored.push_back(id_of(commit));
        node.engine->on_stored(submit->session, submit->token, result);
        node.engine->on_changed();
      } else if (const auto* close = std::get_if<sync::CloseSession>(&action)) {
        accused_ += close->misbehaved ? 1 : 0;
        if (const auto to = neighbour(at, close->session)) node.to.erase(*to);
      }
    }
}

void Mesh::settle() {
  for (std::size_t at = 0; at < nodes_.size(); ++at) drain(at);
  while (!under_way_.empty()) {
    const Message message = std::move(under_way_.front());
    under_way_.pop_front();
    Node& node = nodes_[message.to];
    const auto session = node.to.find(message.from);
    if (session == node.to.end()) continue;
    ++kinds_[*kind_of(message.bytes)];
    node.engine->on_message(session->second, message.bytes);
    drain(message.to);
  }
}

void Mesh::tick() {
  now_ += std::chrono::seconds{1};
  settle();
  for (Node& node : nodes_) {  // Never all at the same moment.
    node.engine->on_tick();
    settle();
  }
}

bool Mesh::equal() {
  return std::ranges::all_of(nodes_, [&](Node& node) {
    return node.store->frontier(space()) == nodes_.front().store->frontier(space());
  });
}

std::size_t Mesh::all_copies() const {
  std::size_t out = 0;
  for (const Node& node : nodes_) out += node.copies;
  return out;
}

std::size_t Mesh::missing(std::size_t node) const {
  std::size_t out = 0;
  for (const auto& [id, view] : nodes_[node].engine->sessions()) out += view.missing;
  return out;
}

std::size_t Mesh::sessions(std::size_t node) const {
  return nodes_[node].engine->sessions().size();
}

}  // namespace maillon::test
