#include "tests/support/oracle.hpp"

#include <algorithm>
#include <set>

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
  auto operator<=>(const Candidate&) const = default;
};

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
    for (const auto& [id, commit] : all_) {
      if (commit->hlc > latest) continue;
      for (const Op& op : commit->ops)
        records_[{op.collection, op.record}][{id, op.leaf}] = {commit, &op};
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
  /// An op's field by name, or, with no name, the op as a whole.
  using Target = std::pair<Dot, std::optional<std::string>>;

  bool same_member(const std::string& id, const Commit& other) const {
    const auto found = all_.find(id);
    return found != all_.end() && found->second->member == other.member;
  }

  /// What an op names, of one field or of all.
  std::vector<Target> named_by(const Placed& placed, const std::optional<std::string>& only) const {
    std::vector<Target> out;
    const auto add = [&](const Dot& dot, std::optional<std::string> field) {
      // Naming leaves of a commit that one merely claims to re-issue does nothing.
      const auto& claimed = placed.commit->reissues;
      if (claimed == dot.commit && !same_member(*claimed, *placed.commit)) return;
      out.emplace_back(dot, std::move(field));
    };
    if (!only)
      for (const Dot& dot : placed.op->replaced) add(dot, std::nullopt);
    for (const Field& field : placed.op->fields)
      if (!only || field.name == *only)
        for (const Dot& dot : field.replaced) add(dot, field.name);
    return out;
  }

  /// Everything that `op` supersedes, through whatever it names of the same record, and through the
  /// commits that publish again what is superseded.
  void spread(const Ops& ops, const Placed& op, std::set<Target>& superseded) const {
    std::vector<Target> work = named_by(op, std::nullopt);
    while (!work.empty()) {
      const Target target = work.back();
      work.pop_back();
      if (!superseded.insert(target).second) continue;
      const auto& [dot, field] = target;
      const auto found = ops.find(dot);
      if (found == ops.end()) continue;  // Of another record, or held.
      if (const auto fresh = again_.find(dot.commit); fresh != again_.end())
        for (const std::string& id : fresh->second) work.push_back({{id, dot.leaf}, field});
      for (Target& next : named_by(found->second, field)) work.push_back(std::move(next));
    }
  }

  Record record_of(const Ops& ops) const {
    std::set<Target> superseded;
    for (const auto& [dot, placed] : ops)
      if (!void_.contains(dot.commit)) spread(ops, placed, superseded);

    Record record;
    std::map<std::pair<std::string, std::uint32_t>, std::vector<Candidate>> live;
    for (const auto& [dot, placed] : ops) {
      if (void_.contains(dot.commit) || superseded.contains({dot, std::nullopt})) continue;
      record.deleted_somewhere |= placed.op->removes;
      if (!placed.op->readable) continue;
      for (const Field& field : placed.op->fields)
        if (!superseded.contains({dot, field.name}))
          live[{field.name, field.tag}].push_back(
              {placed.commit->hlc, dot.commit, dot.leaf, field.value});
    }
    const std::string cleared(1, '\0');
    for (auto& [key, candidates] : live) {
      std::ranges::sort(candidates, std::greater<>{});
      Shown shown{candidates.front().value, {}};
      std::set<std::string> seen{shown.value};
      for (const Candidate& candidate : candidates)
        if (seen.insert(candidate.value).second) shown.others.push_back(candidate.value);
      if (seen != std::set{cleared}) record.fields[key] = std::move(shown);
    }
    return record;
  }

  std::map<std::string, const Commit*> all_;
  std::set<std::string> void_;
  std::map<std::string, std::set<std::string>> again_;  ///< re-issued commit → those that do it
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
      out += "\n";
    }
  }
  return out;
}

}  // namespace maillon::test::oracle
