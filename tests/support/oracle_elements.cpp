#include "tests/support/oracle_elements.hpp"

#include <algorithm>

#include "tests/support/fugue.hpp"

namespace maillon::test::oracle {
namespace {

using fugue::Id;

constexpr std::uint32_t kSet = 2;
constexpr std::uint32_t kText = 5;
constexpr std::uint64_t kElementsMax = 1u << 20;

std::uint64_t elements_of(const Field& field) {
  std::uint64_t sum = 0;
  for (const Run& run : field.runs) sum += run.length;
  return sum;
}

/// As many values as the runs that move nothing want, or none.
std::vector<std::string> values_of(const Change& change, std::uint32_t tag) {
  std::uint64_t wanted = 0;
  for (const Run& run : change.field->runs)
    if (!run.moved || tag == kSet) wanted += run.length;
  std::vector<std::string> out;
  const std::string& raw = change.field->value;
  if (!change.readable || change.is_void) return {};
  if (tag == kText) {
    for (const char c : raw) {
      if ((static_cast<unsigned char>(c) & 0xc0) == 0x80 && !out.empty())
        out.back() += c;
      else
        out.emplace_back(1, c);
    }
  } else {
    // Histories hold short values and few: their number and sizes are one byte each.
    std::size_t at = 1;
    for (int left = raw.empty() ? 0 : raw[0]; left > 0; --left) {
      const auto size = at < raw.size() ? static_cast<std::size_t>(raw[at]) : 0;
      if (at + 1 + size > raw.size()) return {};
      out.push_back(raw.substr(at + 1, size));
      at += 1 + size;
    }
    if (at != raw.size()) return {};
  }
  return out.size() == wanted ? out : std::vector<std::string>{};
}

class Elements {
 public:
  Elements(std::uint32_t tag, std::vector<Change> changes, const Again& again)
      : tag_(tag), changes_(std::move(changes)), again_(again) {
    // A clock is after all that its commit depends on.
    std::ranges::sort(changes_, {}, [](const Change& c) {
      return std::tuple{c.commit->hlc, c.commit->id, c.leaf};
    });
  }

  std::vector<std::string> run() {
    for (const Change& change : changes_) insert(change);
    for (const Change& change : changes_) remove(change);
    for (const Id& id : removed_) values_.erase(id);
    return tag_ == kSet ? as_set() : in_order();
  }

 private:
  static Id id_of(const Change& change, std::uint32_t offset) {
    return {change.commit->id, change.leaf, offset};
  }
  /// What an op says of the commit that its own re-issues is nothing.
  static bool names(const Change& change, const Dot& dot) {
    return dot.commit != change.commit->reissues;
  }

  void insert(const Change& change) {
    const std::uint64_t count = elements_of(*change.field);
    if (count == 0 || (tag_ != kSet && count > kElementsMax)) return;
    const auto values = values_of(change, tag_);
    auto value = values.begin();
    std::uint32_t offset = 0;
    for (const Run& run : change.field->runs) {
      std::optional<Id> left = anchor(change, run.left);
      const std::optional<Id> right = anchor(change, run.right);
      for (std::uint32_t i = 0; i < run.length; ++i, ++offset) {
        const Id here = id_of(change, offset);
        if (tag_ != kSet)
          tree_.put(left ? &*left : nullptr, right ? &*right : nullptr, U'x', here);
        left = here;
        if (!run.moved || tag_ == kSet) {
          if (value != values.end()) values_[here] = *value++;
          if (is_erased(*change.field, offset)) values_.erase(here);
        } else if (!change.is_void && names(change, run.moved->op)) {
          const Id moved{run.moved->op.commit, run.moved->op.leaf, run.moved->offset + i};
          auto& best = place_[moved];
          best = std::max(best, std::pair{change.commit->hlc, here});
        }
      }
    }
  }

  static bool is_erased(const Field& field, std::uint32_t offset) {
    return std::ranges::any_of(field.erased_parts, [&](const Range& range) {
      return offset >= range.offset && offset - range.offset < range.count;
    });
  }

  std::optional<Id> anchor(const Change& change, const std::optional<Element>& element) {
    if (!element || !names(change, element->op)) return std::nullopt;
    const Id id{element->op.commit, element->op.leaf, element->offset};
    return tree_.find(id) == nullptr ? std::nullopt : std::optional{id};
  }

  void remove(const Change& change) {
    if (change.taken) take_out({change.commit->id, change.leaf}, 0, ~std::uint64_t{0});
    if (change.is_void) return;
    for (const Range& range : change.field->removed)
      if (names(change, range.op))
        take_out(range.op, range.offset, std::uint64_t{range.offset} + range.count);
  }

  void take_out(const Dot& dot, std::uint32_t from, std::uint64_t to) {
    for (const auto& [id, value] : values_)
      if (std::get<0>(id) == dot.commit && std::get<1>(id) == dot.leaf && std::get<2>(id) >= from &&
          std::get<2>(id) < to)
        removed_.insert(id);
    if (const auto fresh = again_.find(dot.commit); fresh != again_.end())
      for (const std::string& id : fresh->second) take_out({id, dot.leaf}, from, to);
  }

  std::vector<std::string> as_set() const {
    std::set<std::string> out;
    for (const auto& [id, value] : values_) out.insert(value);
    return {out.begin(), out.end()};
  }

  std::vector<std::string> in_order() {
    std::map<Id, std::string> at;
    for (const auto& [id, value] : values_) {
      const auto moved = tag_ == kText ? place_.end() : place_.find(id);
      at[moved == place_.end() ? id : moved->second.second] = value;
    }
    std::vector<std::string> out;
    if (tag_ == kText) out.emplace_back();
    for (fugue::Node* node : tree_.all()) {
      const auto shown = at.find(node->id);
      if (shown == at.end()) continue;
      if (tag_ == kText)
        out.back() += shown->second;
      else
        out.push_back(shown->second);
    }
    if (tag_ == kText && out.back().empty()) out.clear();
    return out;
  }

  std::uint32_t tag_;
  std::vector<Change> changes_;
  const Again& again_;
  fugue::Tree tree_;
  std::map<Id, std::string> values_;  ///< of elements that have one
  std::map<Id, std::pair<std::uint64_t, Id>> place_;  ///< of moved elements: the greatest move's
  std::set<Id> removed_;
};

}  // namespace

std::vector<std::string> elements(std::uint32_t tag, std::vector<Change> changes,
                                  const Again& again) {
  return Elements{tag, std::move(changes), again}.run();
}

}  // namespace maillon::test::oracle
