#pragma once

#include <memory>
#include <set>
#include <tuple>
#include <vector>

#include "storage/sqlite/memory_vfs.hpp"
#include "tests/support/federation.hpp"

/// A small federation on disks in memory, driven step by step, for property tests.
namespace maillon::test {

inline constexpr UnixMillis kEpoch{1'790'000'000'000};
/// The space of these histories. Everybody reads it; the outsider may not write in it, so that what
/// it signs is void.
inline constexpr std::string_view kCatalogue = "essai";
inline constexpr unsigned kOutsider = 2;

/// One thing that happens. Numbers are taken modulo what there is, so that any numbers make a
/// history, and shrinking them makes a simpler one.
struct Step {
  unsigned action = 0;
  unsigned who = 0;
  unsigned what = 0;
  unsigned how = 0;
};

/// Steps by chance, each number below `below`.
[[nodiscard]] std::vector<Step> steps_from(std::uint64_t seed, std::size_t count,
                                           unsigned below = 960);

/// A store on a disk of its own, as one of the members of a federation founded once per process.
class Peer {
 public:
  /// `member` counts from 0, the founder.
  explicit Peer(unsigned member);
  /// A peer that goes on from a copy of another's disk, keys and incarnation.
  Peer(unsigned member, const storage::DiskImage& disk, std::uint64_t incarnation);
  /// Ends the process of the node without warning and starts it again.
  void restart();
  /// Takes what `other` has and this one lacks of the catalogue, at most `count` commits.
  void pull(Peer& other, UnixMillis now, std::size_t count = SIZE_MAX,
            std::string_view space = kCatalogue);
  [[nodiscard]] std::string text();
  /// Errc::integrity when a stored record is not what the log makes of it.
  [[nodiscard]] Result<void> verify();
  /// Takes out what nobody needs any more, also where that saves no room; how many leaves.
  std::size_t prune(bool all = true);

  static constexpr unsigned kMembersMax = 5;
  std::unique_ptr<storage::MemoryVfs> disk;
  unsigned number;
  std::unique_ptr<TestNode> node;
};

/// An op put together by hand, dots and all, as only a faulty or later program would.
struct HandOp {
  using Element = std::tuple<CommitId, std::uint32_t, std::uint32_t>;  ///< commit, leaf, offset
  struct Run {
    std::optional<Element> left, right, moved;
    std::uint32_t length = 0;
  };
  std::uint32_t kind = 1;
  std::uint32_t tag = 1;
  RecordId record = RecordId::zero();
  std::vector<std::pair<CommitId, std::uint32_t>> whole;
  std::vector<std::pair<CommitId, std::uint32_t>> field_dots;
  std::string field;
  std::string value;
  bool readable = true;
  std::vector<Run> runs = {};
  std::vector<std::pair<Element, std::uint32_t>> removed = {};  ///< from an element on, how many
};
/// Signs `ops` as the next commit of the peer's feed, on top of its heads. Not received yet.
[[nodiscard]] storage::CommitPtr sign_by_hand(Peer& peer, const std::vector<HandOp>& ops,
                                              std::optional<CommitId> reissues, UnixMillis now);

class World {
 public:
  /// `quarrels`: members are also removed, narrowed, proved against, limited and inherited from, and
  /// what they wrote is settled.
  explicit World(unsigned members, bool quarrels = false);
  void run(const std::vector<Step>& steps);

  /// All commits of the catalogue that anybody has, and among quarrels of annuaire, in an order that
  /// respects causality.
  [[nodiscard]] std::vector<storage::CommitPtr> commits();
  [[nodiscard]] UnixMillis now() const noexcept { return now_; }
  std::vector<std::unique_ptr<Peer>> peers;

 private:
  void step(const Step& step);
  void write(Peer& peer, const Step& step, UnixMillis when);
  /// A field that is no register.
  void edit(Peer& peer, const Step& step, UnixMillis when);
  void remove(Peer& peer, const Step& step);
  void import(Peer& peer, const Step& step);
  /// The outsider's program is honest but for writing at all: its ops name all they have seen.
  void write_without_right(Peer& peer, const Step& step);
  void resolve(Peer& peer, const Step& step);
  void reissue(Peer& peer);
  void erase(Peer& peer, const Step& step);
  void fork(Peer& peer);
  void by_hand(Peer& peer, const Step& step);
  void quarrel(Peer& peer, const Step& step);
  /// The founder, who is the only delegate, decides it.
  void decide(Proposal proposal);
  void write_owned(Peer& peer, const Step& step);
  /// The founder settles what it has from before some moment.
  void settle(const Step& step);
  bool quarrels_ = false;
  UnixMillis now_ = kEpoch;
  std::uint64_t incarnations_ = 0;  ///< a fork repeats its origin's randomness, which this must not
};

[[nodiscard]] RecordId record_number(unsigned number);

}  // namespace maillon::test
