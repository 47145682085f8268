#include <cstdio>
#include <map>
#include <thread>

#include "node/net/transport.hpp"
#include "node/replica/replica.hpp"
#include "node/replica/store_view.hpp"

/// A member that serves its log with one byte wrong: `tampering_peer DIR HOST:PORT WHAT`, where WHAT
/// is header, signature, skeleton, payload, seed or leaf0. Prints "ready PORT", then one line for
/// each commit that it spoiled, and runs until its input closes.
namespace maillon::test {
namespace {

/// Where in an uncompressed body the wanted part begins (docs/protocol.md, "Bodies").
std::size_t find_in_body(ByteView raw, const std::string& what) {
  ByteReader in{raw};
  (void)in.u8();
  const std::size_t leaf0 = in.position() + 1;
  (void)in.sized(limits::kCommitBodyMax);
  const std::uint64_t ops = in.varint();
  const std::uint64_t runs = in.varint();
  for (std::uint64_t i = 0; i < runs; ++i) (void)in.varint(), (void)in.varint();
  if (what == "leaf0") return leaf0;
  if (what == "seed") return in.position() + 5;
  (void)in.raw(32);
  // The collection's name, so that what is spoiled still parses.
  if (what == "skeleton") return in.position() + 5;
  for (std::uint64_t i = 0; i < ops; ++i) (void)in.sized(limits::kCommitBodyMax);
  const std::size_t payload = in.position();
  const ByteView first = in.sized(limits::kCommitBodyMax);
  return payload + first.size();
}

bool spoil(WireCommit& commit, const std::string& what) {
  const auto header = decode_header(commit.header);
  if (!header || header->leaves < 3) return false;
  if (what == "header") {
    commit.header[commit.header.size() / 2] ^= 1;
  } else if (what == "signature") {
    commit.signature[40] ^= 1;
  } else {
    auto raw = storage::unpack_body(commit.body);
    if (!raw) return false;
    (*raw)[find_in_body(*raw, what)] ^= 1;
    commit.body = storage::pack_body(*raw);
  }
  return true;
}

class TamperingPeer {
 public:
  TamperingPeer(replica::Replica& replica, std::string what)
      : replica_(replica),
        what_(std::move(what)),
        database_(*replica.open_reader()),
        view_(database_, [this] { return replica_.trust(); }, replica.identity().member),
        engine_(view_, replica.clock(), {}) {}

  int run(const std::string& host, std::uint16_t port) {
    auto network = net::Network::create({*replica_.federation(), replica_.identity().certificate},
                                        *replica_.key(), replica_.rng());
    if (!network) return 1;
    const auto bound = (*network)->listen(host, port, [this](const net::ConnectionPtr& c) {
      return open(c);
    });
    if (!bound) return 1;
    std::printf("ready %u\n", bound->port);
    std::fflush(stdout);
    while (std::getchar() != EOF) {
    }
    (*network)->stop();
    return 0;
  }

 private:
  net::ConnectionEvents open(const net::ConnectionPtr& connection) {
    const auto session = engine_.open(connection->peer().node, connection->peer().member);
    connections_[session] = connection;
    flush();
    net::ConnectionEvents events;
    events.on_message = [this, session](net::Connection&, Bytes message) {
      engine_.on_message(session, message);
      flush();
    };
    events.on_closed = [this, session](net::Connection&, const net::CloseInfo& info) {
      std::printf("closed %s\n", info.text.c_str());
      std::fflush(stdout);
      connections_.erase(session);
      engine_.closed(session);
    };
    return events;
  }

  void flush() {
    for (auto& action : engine_.take_actions()) {
      auto* message = std::get_if<sync::SendMessage>(&action);
      if (message == nullptr || !connections_.contains(message->session)) continue;
      if (auto commits = decode_commits(message->message)) {
        for (WireCommit& commit : commits->commits)
          if (spoil(commit, what_)) std::printf("spoiled %s\n", what_.c_str());
        std::fflush(stdout);
        message->message = encode(*commits);
      }
      (void)connections_[message->session]->send(std::move(message->message));
    }
  }

  replica::Replica& replica_;
  std::string what_;
  storage::Database database_;
  replica::StoreView view_;
  sync::Engine engine_;
  std::map<sync::SessionId, net::ConnectionPtr> connections_;
};

}  // namespace
}  // namespace maillon::test

int main(int argc, char** argv) {
  using namespace maillon;
  if (argc != 4 || crypto::self_test().has_error()) return 2;
  const std::string where = argv[2];
  const auto colon = where.rfind(':');
  auto replica = replica::Replica::open(argv[1], std::nullopt);
  if (!replica) {
    std::fprintf(stderr, "%s\n", replica.error().detail.c_str());
    return 1;
  }
  test::TamperingPeer peer{**replica, argv[3]};
  return peer.run(where.substr(0, colon), static_cast<std::uint16_t>(std::stoi(where.substr(colon + 1))));
}
