#include "tests/support/fugue.hpp"

#include <algorithm>

namespace maillon::test::fugue {

Tree::Tree() {
  auto root = std::make_unique<Node>();
  root->deleted = true;
  root_ = root.get();
  nodes_.emplace(Id{}, std::move(root));
}

Node* Tree::find(const Id& id) {
  const auto found = nodes_.find(id);
  return found == nodes_.end() ? nullptr : found->second.get();
}

void Tree::walk(Node* node, std::vector<Node*>& out) {
  for (Node* child : node->left_children) walk(child, out);
  out.push_back(node);
  for (Node* child : node->right_children) walk(child, out);
}

std::vector<Node*> Tree::all() {
  std::vector<Node*> out;
  walk(root_, out);
  return out;
}

std::vector<Node*> Tree::visible() {
  std::vector<Node*> out = all();
  std::erase_if(out, [](const Node* node) { return node->deleted || node->blank; });
  return out;
}

std::u32string Tree::text() {
  std::u32string out;
  for (const Node* node : visible()) out += node->character;
  return out;
}

bool Tree::before(Node* a, Node* b) {
  if (a == b || a == nullptr) return false;
  if (b == nullptr) return true;
  const auto nodes = all();
  return std::ranges::find(nodes, a) < std::ranges::find(nodes, b);
}

Node* Tree::add(const Id& id, char32_t character, Node* parent, bool is_right, Node* left,
                Node* right) {
  auto owned = std::make_unique<Node>();
  Node* node = owned.get();
  node->id = id;
  node->character = character;
  node->parent = parent;
  node->is_right = is_right;
  node->left_origin = left;
  node->right_origin = right;
  auto& siblings = is_right ? parent->right_children : parent->left_children;
  const auto stands_before = [&](Node* other) {
    if (is_right && other->right_origin != right) return before(right, other->right_origin);
    return other->id < id;
  };
  auto at = siblings.begin();
  while (at != siblings.end() && stands_before(*at)) ++at;
  siblings.insert(at, node);
  nodes_.emplace(id, std::move(owned));
  return node;
}

void Tree::type(std::size_t index, char32_t character, const Id& id) {
  Node* left = index == 0 ? root_ : visible()[index - 1];
  const auto nodes = all();
  const auto after = std::ranges::find(nodes, left) + 1;
  Node* right = after == nodes.end() ? nullptr : *after;
  if (left->right_children.empty())
    add(id, character, left, true, left, right);
  else
    add(id, character, right, false, left, right);
}

void Tree::put(const Id* left_id, const Id* right_id, char32_t character, const Id& id) {
  Node* left = left_id == nullptr ? root_ : find(*left_id);
  if (left == nullptr) left = root_;
  Node* right = right_id == nullptr ? nullptr : find(*right_id);
  if (right != nullptr && right->left_origin == left)
    add(id, character, right, false, left, right);
  else
    add(id, character, left, true, left, right);
}

void Tree::drop(Node* node) {
  std::erase(node->is_right ? node->parent->right_children : node->parent->left_children, node);
  nodes_.erase(Id{node->id});
}

void Tree::copy(const Node& other) {
  Node* node = add(other.id, other.character, find(other.parent->id), other.is_right,
                   find(other.left_origin->id),
                   other.right_origin == nullptr ? nullptr : find(other.right_origin->id));
  node->blank = other.blank;
}

}  // namespace maillon::test::fugue
