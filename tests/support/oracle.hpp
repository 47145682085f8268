#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

/// A slow reference merge: docs/merge.md said once more with sets and maps, sharing no code with
/// storage/, so that the two can be compared.
namespace maillon::test::oracle {

/// An op by its commit's id and its leaf.
struct Dot {
  std::string commit;
  std::uint32_t leaf = 0;
  friend auto operator<=>(const Dot&, const Dot&) = default;
};

/// An element of a set, list or text, by the op that brought it.
struct Element {
  Dot op;
  std::uint32_t offset = 0;
};
struct Range {
  Dot op;
  std::uint32_t offset = 0;
  std::uint32_t count = 0;
};
struct Run {
  std::optional<Element> left, right, moved;
  std::uint32_t length = 0;
};

struct Field {
  std::string name;
  std::uint32_t tag = 0;
  std::vector<Dot> replaced;
  std::string value = {};  ///< encoded
  std::vector<Range> removed = {};
  std::vector<Run> runs = {};
  bool erased = false;              ///< what it said is gone
  std::vector<Range> erased_parts = {};  ///< likewise of these elements of its own
};

struct Op {
  std::uint32_t leaf = 0;
  std::string collection;
  std::string record;
  bool removes = false;
  bool known = true;     ///< its kind
  bool full = true;      ///< its payload is here
  bool readable = true;  ///< of a known kind, with a payload that can be decoded
  /// Asks to erase this one: fields that name it are to go, or the elements of it that they name, and
  /// the values are what remains. Without named fields, all of it is to go.
  std::optional<Dot> erases = std::nullopt;
  std::vector<Dot> replaced;
  std::vector<Field> fields;
};

struct Commit {
  std::string id;
  std::string member;
  std::string feed;
  std::uint64_t hlc = 0;
  std::optional<std::string> reissues;
  bool without_right = false;  ///< its member may not write here
  /// What was said of the erasures that it asks for: by members of their own ops, and of all.
  std::set<std::string> may_erase = {}, may_lift = {};
  bool all_erased = false, all_lifted = false;
  std::vector<Op> ops;
};

/// One field as people see it.
struct Shown {
  std::string value;
  std::vector<std::string> others = {};    ///< further live values, the newest first
  std::vector<std::string> elements = {};  ///< of a set, list or text, in place of the value
};

struct Record {
  std::map<std::pair<std::string, std::uint32_t>, Shown> fields;  ///< by name and tag
  bool deleted_somewhere = false;  ///< a delete that nobody superseded
};

/// By collection and record id; without records of which there is nothing to say.
using State = std::map<std::pair<std::string, std::string>, Record>;

/// What a set of commits of one space makes of it, whatever the order of `commits`. Those with an
/// HLC above `latest` are held: they void what they re-issue, and do nothing else.
[[nodiscard]] State merge(const std::vector<Commit>& commits, std::uint64_t latest);

/// One line a field or delete mark, in order.
[[nodiscard]] std::string render(const State& state);

}  // namespace maillon::test::oracle
