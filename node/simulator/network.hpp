#pragma once

#include <array>
#include <deque>

#include "node/simulator/sim_node.hpp"

namespace maillon::sim {

/// Connections between nodes: reliable and ordered while they last, except that small urgent
/// messages go ahead of bulk that has not left yet; what is under way when one is cut is lost.
class Network final : public Post {
 public:
  using Nodes = std::vector<std::unique_ptr<SimNode>>;
  Network(Room& room, Nodes& nodes) : room_(room), nodes_(nodes) {}

  /// Who tries to reach whom; kept up by redial().
  void link(int a, int b);
  /// A link that is not like the others. Milliseconds; loss in thousandths.
  struct Quality {
    std::int64_t latency_min = 0;
    std::int64_t latency_max = 0;
    int loss = 0;
  };
  void link(int a, int b, const Quality& quality);
  [[nodiscard]] bool linked(int a, int b) const { return links_.contains(std::minmax(a, b)); }
  /// Starts connections that are wanted and missing, ends those that idled too long.
  void redial();

  /// Nothing passes from `from` to `to` any more, or again.
  void block(int from, int to, bool on);
  void unblock_all();
  /// Cuts one connection, if there are any, chosen by chance.
  void cut_one(Dice& dice);
  /// Commit bytes sent since the last call, of all sessions between honest nodes together.
  [[nodiscard]] std::uint64_t take_commit_bytes() { return std::exchange(commit_bytes_, 0); }

  void send(int node, SessionId session, Bytes message, bool urgent) override;
  void hang_up(int node, SessionId session) override;
  void died(int node) override;

 private:
  /// One direction of a connection.
  struct Pipe {
    std::deque<Bytes> urgent;
    std::deque<Bytes> bulk;
    std::deque<Bytes> stalled;  ///< arrived at a blocked link
    std::size_t queued = 0;
    bool sending = false;
    bool congested = false;
    std::int64_t last_arrival = 0;
    std::uint64_t commits_sent = 0;   ///< bytes of Commits messages
    std::uint64_t commits_acked = 0;  ///< as the other side last told, on its arrival here
  };
  struct Side {
    int node = 0;
    SessionId session = 0;
    bool open = false;
    Pipe out;
  };
  struct Connection {
    std::uint64_t id = 0;
    std::array<Side, 2> sides;
    bool cut = false;
    std::int64_t stalled_since = -1;
  };
  using Path = std::pair<int, int>;

  void connect(int a, int b);
  void greet(std::uint64_t id, int side);
  [[nodiscard]] Connection* find(std::uint64_t id);
  [[nodiscard]] std::pair<Connection*, int> of_session(int node, SessionId session);
  void pump(std::uint64_t id, int side);
  void arrive(std::uint64_t id, int side, Bytes message);
  void deliver(Connection& connection, int side, Bytes message);
  void count(Connection& connection, int side, ByteView message);
  void cut(Connection& connection);
  void close_side(std::uint64_t id, int side);
  void forget(std::uint64_t id);
  void note_congestion(Connection& connection, int side);
  [[nodiscard]] std::int64_t latency(int a, int b);

  Room& room_;
  Nodes& nodes_;
  std::set<Path> links_;
  std::map<Path, Quality> qualities_;
  std::set<Path> blocked_;
  std::map<std::uint64_t, Connection> connections_;
  std::map<std::pair<int, SessionId>, std::pair<std::uint64_t, int>> sessions_;
  std::uint64_t next_ = 1;
  std::uint64_t commit_bytes_ = 0;
};

}  // namespace maillon::sim
