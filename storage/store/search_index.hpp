#pragma once

#include "storage/store/store.hpp"

namespace maillon::storage {

/// Puts up to `max` waiting records into the full-text index; gives how many. Writer's connection,
/// inside a transaction. Entries of earlier versions of a record stay in the index until it is
/// rebuilt, but lead nowhere: only the newest has a row in `doc`.
[[nodiscard]] Result<std::size_t> index_waiting(Store& store, std::size_t max);
/// Empties the index, so that no word of what was erased is left in it; index_waiting() fills it
/// again. Writer's connection, inside a transaction.
[[nodiscard]] Result<void> rebuild_index(Store& store);

/// Turns what a person types into an FTS5 query: every word must occur, the last one may be a
/// beginning. Nothing in it acts as an operator.
[[nodiscard]] std::string search_query(std::string_view words);

}  // namespace maillon::storage
