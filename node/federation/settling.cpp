#include "node/federation/settling.hpp"

#include "node/federation/checkpoints.hpp"

namespace maillon::federation {
namespace {

constexpr std::size_t kRecords = 200;  ///< looked at while others wait to write
constexpr int kPages = 500;            ///< given back likewise

/// Whether free pages are left.
Result<bool> give_back(storage::Store& store) {
  const std::string some = "PRAGMA incremental_vacuum(" + std::to_string(kPages) + ")";
  MAILLON_CHECK(store.database().execute(some.c_str()));
  MAILLON_TRY(const std::int64_t automatic, store.database().integer("PRAGMA auto_vacuum"));
  MAILLON_TRY(const std::int64_t left, store.database().integer("PRAGMA freelist_count"));
  return automatic != 0 && left > 0;
}

}  // namespace

Result<std::size_t> settle(replica::Replica& replica, bool proposes) {
  const auto author = replica.author();
  if (replica.trust()->member_of(author.node()) == nullptr) return std::size_t{0};
  return replica.write<std::size_t>([&](storage::Store& store) -> Result<std::size_t> {
    const auto now = replica.clock().now();
    MAILLON_TRY(const auto ops, settling(store, author.member, now, proposes));
    if (ops.empty()) return std::size_t{0};
    MAILLON_TRY(const auto commit, store.write_governance(ops, author, now, replica.rng()));
    (void)commit;
    return ops.size();
  });
}

Result<bool> Pruner::step() {
  if (!space_) {
    MAILLON_TRY(const auto due, replica_.read<std::vector<SpaceId>>([&](replica::Reader& reader) {
      return storage::to_prune(reader.database(), reader.log(), *replica_.trust());
    }));
    if (due.empty() && !freed_) return false;
    if (!due.empty()) space_ = due.front();
    after_ = 0;
  }
  return replica_.write<bool>([this](storage::Store& store) -> Result<bool> {
    if (!space_) {
      MAILLON_TRY(freed_, give_back(store));
      return freed_;
    }
    MAILLON_TRY(const storage::Pruned done, store.prune(*space_, after_, kRecords));
    leaves_ += done.leaves;
    after_ = done.last;
    freed_ = true;
    if (!done.more) space_.reset();
    return true;
  });
}

}  // namespace maillon::federation
