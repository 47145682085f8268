#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <tuple>
#include <vector>

/// FugueMax as the paper's pseudo code has it (Weidner and Kleppmann, arXiv 2305.00583, algorithm 1
/// with the siblings of section 4.3): a tree of single elements, walked from end to end for every
/// question. Slow and plain; shares no code with storage/.
namespace maillon::test::fugue {

/// Commit id, leaf, offset.
using Id = std::tuple<std::string, std::uint32_t, std::uint32_t>;

struct Node {
  Id id;
  char32_t character = 0;
  bool blank = false;
  bool deleted = false;
  Node* parent = nullptr;
  Node* right_origin = nullptr;  ///< of right children; none is the end
  Node* left_origin = nullptr;
  bool is_right = true;
  std::vector<Node*> left_children;
  std::vector<Node*> right_children;
};

class Tree {
 public:
  Tree();
  Tree(const Tree&) = delete;
  Tree& operator=(const Tree&) = delete;

  /// As algorithm 1's insert, where the author stands: behind the visible element before `index`.
  void type(std::size_t index, char32_t character, const Id& id);
  /// For any two elements, or none: a child of the left one, unless the right one stands there too.
  void put(const Id* left, const Id* right, char32_t character, const Id& id);
  /// Takes back an element that nobody else has and nothing stands by.
  void drop(Node* node);
  /// What another tree inserted, with parent and side.
  void copy(const Node& other);

  [[nodiscard]] Node* find(const Id& id);
  [[nodiscard]] std::vector<Node*> visible();
  [[nodiscard]] std::vector<Node*> all();
  [[nodiscard]] std::u32string text();

 private:
  Node* add(const Id& id, char32_t character, Node* parent, bool is_right, Node* left, Node* right);
  void walk(Node* node, std::vector<Node*>& out);
  [[nodiscard]] bool before(Node* a, Node* b);

  std::map<Id, std::unique_ptr<Node>> nodes_;
  Node* root_ = nullptr;
};

}  // namespace maillon::test::fugue
