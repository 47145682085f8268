#include "tests/support/oracle_elements.hpp"

#include <algorithm>
#include <array>
#include <deque>

namespace maillon::test::oracle {
namespace {

using RecordKey = std::pair<std::string, std::string>;

struct Placed {
  const Commit* commit = nullptr;
  const Op* op = nullptr;
};

/// A value somebody gave, with what orders it among others.
struct Candidate {
  std::uint64_t hlc = 0;
  std::string commit;
  std::uint32_t leaf = 0;
  std::string value;
  std::string feed = {};
  auto operator<=>(const Candidate&) const = default;
};

// Types of fields, as docs/protocol.md numbers them.
constexpr std::uint32_t kSet = 2;
constexpr std::uint32_t kCounter = 3;
constexpr std::uint32_t kList = 4;
constexpr std::uint32_t kText = 5;
constexpr std::uint32_t kMax = 6;
constexpr std::uint32_t kMin = 7;

bool has_elements(std::uint32_t tag) { return tag == kSet || tag == kList || tag == kText; }

/// A value is one byte, 3 for a number and 4 for a text, then its characters.
bool is_number(const std::string& value) { return !value.empty() && value[0] == '\x03'; }
bool has_rank(const std::string& value) {
  return is_number(value) || (!value.empty() && value[0] == '\x04');
}
bool ranks_before(const std::string& a, const std::string& b) {
  if (is_number(a) != is_number(b)) return is_number(a);
  if (!is_number(a)) return a < b;
  return std::stod(a.substr(1)) < std::stod(b.substr(1));
}

class Merge {
 public:
  Merge(const std::vector<Commit>& commits, std::uint64_t latest) {
    for (const Commit& commit : commits) all_[commit.id] = &commit;
    for (const auto& [id, commit] : all_) {
      if (commit->without_right) void_.insert(id);
      // Only its own member publishes a commit again.
      if (commit->reissues && same_member(*commit->reissues, *commit)) {
        void_.insert(*commit->reissues);
        again_[*commit->reissues].insert(id);
      }
    }
    for (const auto& [id, commit] : all_)
      for (const Op& op : commit->ops)
        if (commit->hlc <= latest && op.erases) asking_.push_back({{id, op.leaf}, {commit, &op}});
    for (const auto& [id, commit] : all_) {
      if (commit->hlc > latest) continue;
      for (const Op& op : commit->ops)
        if (!op.erases)
          records_[{op.collection, op.record}][{id, op.leaf}] = {
              commit, &left_.emplace_back(left_of(*commit, op, false))};
    }
  }

  State run() {
    State out;
    for (const auto& [key, ops] : records_) {
      Record record = record_of(ops);
      if (!record.fields.empty() || record.deleted_somewhere) out[key] = std::move(record);
    }
    return out;
  }

 private:
  using Ops = std::map<Dot, Placed>;
  /// An op's field by name, or, with no name, the op as a whole. A change of a set, list or text
  /// names others of its tag to go on from there; then the tag stands last, else 0.
  using Target = std::tuple<Dot, std::optional<std::string>, std::uint32_t>;

  bool same_member(const std::string& id, const Commit& other) const {
    const auto found = all_.find(id);
    return found != all_.end() && found->second->member == other.member;
  }

  /// A commit with all that publish it again, and that it does.
  std::set<std::string> alike(const std::string& id) const {
    std::set<std::string> out{id};
    for (bool grown = true; grown;) {
      grown = false;
      for (const auto& [old, fresh] : again_)
        for (const std::string& one : fresh)
          if (out.contains(old) != out.contains(one)) {
            out.insert({old, one});
            grown = true;
          }
    }
    return out;
  }

  /// Whose op an erasing op means in the end; nothing where that leads nowhere.
  std::optional<std::string> meant(const Commit& commit, const Op& op) const {
    if (!op.erases) return commit.member;
    const auto found = all_.find(op.erases->commit);
    if (found == all_.end()) return std::nullopt;
    const auto& ops = found->second->ops;
    const auto at = std::ranges::find(ops, op.erases->leaf, &Op::leaf);
    return at == ops.end() ? std::nullopt : meant(*found->second, *at);
  }

  /// An op as erasures leave it: those of whoever it belongs to hold always, those of others while
  /// they are valid. `destroyed`: without what is merely hidden.
  Op left_of(const Commit& commit, Op op, bool destroyed) const {
    const auto whose = meant(commit, op);
    const auto same = alike(commit.id);
    std::vector<const Op*> asked;
    std::map<std::pair<bool, Dot>, const Placed*> words;  ///< of those who may say what is left
    for (const auto& [dot, by] : asking_) {
      const bool agreed = whose && (by.commit->member == *whose || by.commit->all_erased ||
                                    by.commit->may_erase.contains(*whose));
      const bool lifted = !whose || by.commit->all_lifted || by.commit->may_lift.contains(*whose);
      const bool counts = agreed || (!destroyed && !lifted && !void_.contains(dot.commit));
      if (!counts || by.op->collection != op.collection || by.op->record != op.record ||
          by.op->erases->leaf != op.leaf || !same.contains(by.op->erases->commit))
        continue;
      asked.push_back(by.op);
      if (agreed) words[{by.commit->member != *whose, dot}] = &by;
    }
    if (asked.empty()) return op;
    const bool whole = std::ranges::any_of(asked, [](const Op* by) {
      return std::ranges::all_of(by->fields, [](const Field& f) { return f.name.empty(); });
    });
    // What is destroyed goes at once from whoever still had it.
    const bool full = op.full && words.empty();
    std::optional<Op> base;
    if (full) base = op;
    for (auto at = words.begin(); at != words.end() && !base; ++at) {
      Op said = left_of(*at->second->commit, *at->second->op, true);
      if (said.readable) base = std::move(said);
    }
    op.readable = op.known && base && base->readable && !whole;
    for (Field& field : op.fields) {
      const auto is_it = [&](const Field& f) { return f.name == field.name && f.tag == field.tag; };
      const Field* from = nullptr;
      if (base)
        for (const Field& f : base->fields)
          if (is_it(f)) from = &f;
      field.erased = from == nullptr || from->erased || (!full && from->value.empty());
      if (from != nullptr) field.value = from->value;
      for (const Op* by : asked)
        for (const Field& f : by->fields) {
          if (!is_it(f)) continue;
          field.erased = field.erased || std::ranges::count(f.replaced, *by->erases) > 0;
          for (const Range& range : f.removed)
            if (range.op == *by->erases) field.erased_parts.push_back(range);
        }
      if (field.erased) field.value.clear();
    }
    return op;
  }

  /// What an op names, of one field or of all. `goes_on` decides for each field what its names do.
  template <class GoesOn>
  std::vector<Target> named_by(const Placed& placed, const std::optional<std::string>& only,
                               GoesOn goes_on) const {
    std::vector<Target> out;
    const auto add = [&](const Dot& dot, std::optional<std::string> field, std::uint32_t tag) {
      // Naming leaves of a commit that one merely claims to re-issue does nothing.
      const auto& claimed = placed.commit->reissues;
      if (claimed == dot.commit && !same_member(*claimed, *placed.commit)) return;
      out.emplace_back(dot, std::move(field), tag);
    };
    if (!only)
      for (const Dot& dot : placed.op->replaced) add(dot, std::nullopt, 0);
    for (const Field& field : placed.op->fields)
      if (!only || field.name == *only)
        for (const Dot& dot : field.replaced) add(dot, field.name, goes_on(field));
    return out;
  }

  /// Everything that `op` supersedes, through whatever it names of the same record, and through the
  /// commits that publish again what is superseded.
  void spread(const Ops& ops, const Placed& op, std::set<Target>& superseded) const {
    std::vector<Target> work = named_by(
        op, std::nullopt, [](const Field& f) { return has_elements(f.tag) ? f.tag : 0; });
    while (!work.empty()) {
      const Target target = work.back();
      work.pop_back();
      if (!superseded.insert(target).second) continue;
      const auto& [dot, field, tag] = target;
      if (const auto fresh = again_.find(dot.commit); fresh != again_.end())
        for (const std::string& id : fresh->second) work.push_back({{id, dot.leaf}, field, tag});
      const auto found = ops.find(dot);
      if (found == ops.end()) continue;  // Of another record, or held.
      const auto on = [&, through = tag](const Field& f) { return f.tag == through ? through : 0; };
      for (Target& next : named_by(found->second, field, on)) work.push_back(std::move(next));
    }
  }

  static bool is_taken(const std::set<Target>& superseded, const Dot& dot, const Field& field) {
    if (superseded.contains({dot, std::nullopt, 0})) return true;
    return std::ranges::any_of(std::array{0u, kSet, kList, kText}, [&](std::uint32_t tag) {
      return (tag == 0 || tag != field.tag) && superseded.contains({dot, field.name, tag});
    });
  }

  /// What is shown of candidates, the greatest first; nothing when none has anything to say.
  static std::optional<Shown> show(std::uint32_t tag, std::vector<Candidate> candidates) {
    const std::string cleared(1, '\0');
    if (tag == kCounter) return count(candidates);
    if (tag == kMax || tag == kMin) {
      std::optional<Shown> best;
      for (const Candidate& c : candidates) {
        if (!has_rank(c.value)) continue;
        const bool better = !best || (tag == kMax ? ranks_before(best->value, c.value)
                                                  : ranks_before(c.value, best->value));
        if (better) best = Shown{c.value};
      }
      return best;
    }
    Shown shown{candidates.front().value};
    std::set<std::string> seen{shown.value};
    for (const Candidate& candidate : candidates)
      if (seen.insert(candidate.value).second) shown.others.push_back(candidate.value);
    if (seen == std::set{cleared}) return std::nullopt;
    return shown;
  }

  static std::optional<Shown> count(const std::vector<Candidate>& candidates) {
    Shown shown;
    std::map<std::string, std::set<std::string>> by_feed;
    long long sum = 0;
    for (const Candidate& c : candidates) {
      if (!is_number(c.value)) continue;
      auto& seen = by_feed[c.feed];
      if (seen.empty()) sum += std::stoll(c.value.substr(1));
      const bool first = seen.empty();
      if (seen.insert(c.value).second && !first) shown.others.push_back(c.value);
    }
    if (by_feed.empty()) return std::nullopt;
    shown.value = "\x03" + std::to_string(sum);
    return shown;
  }

  Record record_of(const Ops& ops) const {
    std::set<Target> superseded;
    for (const auto& [dot, placed] : ops)
      if (!void_.contains(dot.commit)) spread(ops, placed, superseded);

    Record record;
    std::map<std::pair<std::string, std::uint32_t>, std::vector<Candidate>> live;
    std::map<std::pair<std::string, std::uint32_t>, std::vector<Change>> changes;
    for (const auto& [dot, placed] : ops) {
      const bool is_void = void_.contains(dot.commit);
      for (const Field& field : placed.op->fields)
        if (has_elements(field.tag))
          changes[{field.name, field.tag}].push_back({placed.commit, &field, dot.leaf, is_void,
                                                      placed.op->readable && !field.erased,
                                                      is_taken(superseded, dot, field)});
      if (is_void || superseded.contains({dot, std::nullopt, 0})) continue;
      record.deleted_somewhere |= placed.op->removes;
      if (!placed.op->readable) continue;
      for (const Field& field : placed.op->fields)
        if (!has_elements(field.tag) && !field.erased && !field.value.empty() &&
            !is_taken(superseded, dot, field))
          live[{field.name, field.tag}].push_back(
              {placed.commit->hlc, dot.commit, dot.leaf, field.value, placed.commit->feed});
    }
    for (auto& [key, candidates] : live) {
      std::ranges::sort(candidates, std::greater<>{});
      if (auto shown = show(key.second, candidates)) record.fields[key] = *std::move(shown);
    }
    for (auto& [key, all] : changes)
      if (auto shown = elements(key.second, std::move(all), again_); !shown.empty())
        record.fields[key].elements = std::move(shown);
    return record;
  }

  std::map<std::string, const Commit*> all_;
  std::vector<std::pair<Dot, Placed>> asking_;  ///< ops that ask to erase
  std::deque<Op> left_;                         ///< what records_ refers to
  std::set<std::string> void_;
  Again again_;
  std::map<RecordKey, Ops> records_;
};

std::string hex(const std::string& bytes) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string out;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    out += kDigits[byte >> 4];
    out += kDigits[byte & 15];
  }
  return out;
}

}  // namespace

State merge(const std::vector<Commit>& commits, std::uint64_t latest) {
  return Merge{commits, latest}.run();
}

std::string render(const State& state) {
  std::string out;
  for (const auto& [key, record] : state) {
    const std::string head = key.first + "/" + hex(key.second) + " ";
    if (record.deleted_somewhere) out += head + "deleted\n";
    for (const auto& [field, shown] : record.fields) {
      out +=
          head + hex(field.first) + "#" + std::to_string(field.second) + " = " + hex(shown.value);
      for (const std::string& other : shown.others) out += " | " + hex(other);
      for (const std::string& element : shown.elements) out += " , " + hex(element);
      out += "\n";
    }
  }
  return out;
}

}  // namespace maillon::test::oracle
