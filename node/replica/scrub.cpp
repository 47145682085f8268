#include "node/replica/scrub.hpp"

#include "storage/store/erase.hpp"
#include "storage/store/search_index.hpp"

namespace maillon::replica {
namespace {

Result<std::uint64_t> forget_words(Replica& replica) {
  return replica.write<std::uint64_t>([](storage::Store& store) -> Result<std::uint64_t> {
    MAILLON_TRY(const std::uint64_t due, store.scrub_due());
    if (due > 0) MAILLON_CHECK(storage::rebuild_index(store));
    return due;
  });
}

/// Says in annuaire what is gone; only members are asked.
Result<void> confirm(Replica& replica, storage::Store& store) {
  const auto author = replica.author();
  const auto now = replica.clock().now();
  if (store.trust()->member_of(author.node()) == nullptr) return {};
  // What was destroyed since is for the next time: it is not gone from everywhere yet.
  MAILLON_TRY(const std::uint64_t due, store.scrub_due());
  if (due > 0) return {};
  MAILLON_TRY(const auto told, store.confirm_erasures(author, now, replica.rng()));
  (void)told;
  return {};
}

}  // namespace

Result<bool> erasures_to_finish(Replica& replica) {
  const NodeId self = replica.identity().node;
  const auto trust = replica.trust();
  return replica.read<bool>([&](Reader& reader) -> Result<bool> {
    MAILLON_TRY(const std::uint64_t due, storage::scrub_due(reader.database()));
    if (due > 0) return true;
    if (trust->member_of(self) == nullptr) return false;
    MAILLON_TRY(const auto left,
                storage::unconfirmed(reader.log(), reader.records().erasures(), *trust, self));
    return !left.empty();
  });
}

Result<bool> finish_erasures(Replica& replica) {
  MAILLON_TRY(const std::uint64_t due, forget_words(replica));
  if (due > 0) {
    MAILLON_TRY(const bool emptied, replica.writer().empty_wal());
    if (!emptied) return false;
    MAILLON_CHECK(replica.writer().run_void(
        [due](storage::Store& store) { return store.scrubbed(due); }));
  }
  MAILLON_CHECK(replica.writer().run_void(
      [&](storage::Store& store) { return confirm(replica, store); }));
  return true;
}

}  // namespace maillon::replica
