#pragma once

#include <set>

#include "storage/merge/text_editor.hpp"
#include "tests/support/fugue.hpp"

/// Authors who write one text, each against storage/merge and against the paper's algorithm, and
/// the deliveries of what they wrote to others.
namespace maillon::test {

/// Commits by number; the number is a place in some log, the id the same everywhere.
class Ids : public storage::merge::Context {
 public:
  [[nodiscard]] CommitId commit_id(std::int64_t commit) const override {
    return ids[static_cast<std::size_t>(commit) - 1];
  }
  [[nodiscard]] std::string_view name(std::int64_t) const override { return {}; }
  [[nodiscard]] std::int64_t feed(std::int64_t commit) const override { return commit; }

  [[nodiscard]] bool knows(const storage::merge::OpRef& op) const {
    return static_cast<std::size_t>(op.commit) <= ids.size();
  }

  std::vector<CommitId> ids;
};

/// A commit id that says nothing of when it was written.
[[nodiscard]] CommitId id_of(std::uint64_t number);

struct TextCommit {
  std::vector<storage::merge::TextEdit> edits;
  std::set<std::size_t> past;  ///< indexes of all commits that its author had
  bool is_void = false;
  bool bare = false;
};

struct Author {
  storage::merge::Text text;
  fugue::Tree tree;
  std::set<std::size_t> known;
};

class TextWorld {
 public:
  explicit TextWorld(std::size_t count) : authors(count) {}

  /// What an author does before the next commit; each takes whatever position is sensible.
  struct Action {
    enum Kind { type, type_backwards, erase, sweep } kind = type;
    std::size_t at = 0;
    std::u32string text;
  };
  void write(std::size_t author, const std::vector<Action>& actions);
  /// The author gets all that the other has.
  void pull(std::size_t author, std::size_t from);
  void meet();

  [[nodiscard]] fugue::Id id(const storage::merge::ElementRef& element) const;
  /// What the paper's algorithm shows of the commits, those that are void or bare as they are now.
  [[nodiscard]] std::string expected();

  std::vector<Author> authors;
  std::vector<TextCommit> commits;
  Ids ids;
};

/// The order in which a node gets some commits, and the numbers under which it knows them.
class Arrival {
 public:
  /// `pasts` has for each commit the indexes of those before it.
  Arrival(const std::vector<std::set<std::size_t>>& pasts, const Ids& known, std::uint64_t seed);

  [[nodiscard]] const std::vector<std::size_t>& order() const { return order_; }
  void rename(storage::merge::OpRef& ref) const;
  void rename(std::vector<storage::merge::SequenceRun>& runs) const;
  void rename(std::vector<storage::merge::ElementRange>& ranges) const;

  Ids ids;

 private:
  std::vector<std::size_t> order_;
  std::vector<std::int64_t> number_;
};

/// A node that gets the commits of a text in an order of its own.
class Delivery {
 public:
  Delivery(const TextWorld& world, std::uint64_t seed);

  /// One op after the other; with `stored`, written down and read again after each.
  [[nodiscard]] storage::merge::Text one_by_one(bool stored) const;
  [[nodiscard]] storage::merge::Text at_once() const;

 private:
  Arrival arrival_;
  std::vector<storage::merge::TextEdit> edits_;
  std::vector<storage::merge::TextOp> ops_;
};

[[nodiscard]] std::string utf8(const std::u32string& text);
[[nodiscard]] Bytes encoded(const storage::merge::Text& text);

}  // namespace maillon::test
